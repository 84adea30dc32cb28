//! What one entity did in one hour, taken event by event.

use std::collections::HashMap;

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::hashed::{Hashed, Marks, joined};
use super::owners::Records;
use super::steps::Steps;
use super::sums::{HOUR_US, Sums};
use super::traits::{Traits, operation_of};
use crate::event::{Event, Position};
use crate::track::matching::bounded;
use crate::track::{EntityKind, Packed, Pile, Turn, evidence_of};

/// Places for traits whose text a block has.
const TOLD: usize = 8_192;

/// Whom it is about: a person where the log names one, else the client, else its address. Strangers who call nothing that belongs to an
/// integration are left to rules: they come, do one thing and go, so there is nothing that is usual among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Who {
    pub(super) kind: EntityKind,
    pub(super) value: CompactString,
}

/// Entities that are held against one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Like {
    /// The callers of an integration.
    Callers(CompactString),
    /// Services that call with a token of their own (client credentials), of all integrations: one integration has too few of them.
    Services,
    /// The operations of all integrations: each is known by its integration and its name.
    Operations,
}

impl Like {
    /// What they live together by.
    pub(crate) fn home(&self) -> &str {
        match self {
            Like::Callers(integration) => integration,
            Like::Services => "services of all",
            Like::Operations => "operations of all",
        }
    }
}

/// What an entity did in one hour, as far as a block shows: a caller through one integration, or all callers by one operation.
#[derive(Clone, Debug)]
pub struct Conduct {
    pub(crate) like: Like,
    pub(super) who: Who,
    /// Since the epoch.
    pub(super) hour: u32,
    /// By itself: a conduct is handed on from place to place.
    pub(super) deeds: Box<Deeds>,
    /// The values of its traits that the block shows here for the first time, for people.
    pub(super) texts: Vec<(u32, CompactString)>,
}

/// What an entity did in an hour: how much, of what, and its first call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Deeds {
    pub(super) sums: Sums,
    pub(super) traits: Traits,
    pub(super) records: Records,
    pub(super) steps: Steps,
    pub(super) first: Packed,
    /// Partition and offset of the first.
    at: (i32, i64),
}

impl Deeds {
    /// In whatever order they are joined, the outcome is the same.
    pub(super) fn join(&mut self, other: Deeds) {
        self.sums.join(&other.sums);
        self.traits.join(&other.traits);
        self.records.join(&other.records);
        self.steps.join(&other.steps);
        if other.at < self.at {
            (self.at, self.first) = (other.at, other.first);
        }
    }
}

impl Conduct {
    /// Whether it may be somebody's hour. Names of operations are chosen by whoever calls: one that nobody came to is none, so that who tries paths can neither make
    /// operations up nor raise the number of rows that the budget is shared among.
    pub(super) fn is_of_somebody(&self) -> bool {
        self.like != Like::Operations || self.deeds.is_of_somebody()
    }
}

impl Deeds {
    /// The same of an operation's hour.
    pub(super) fn is_of_somebody(&self) -> bool {
        self.sums.reached > 0
    }
}

/// Takes events one by one.
#[derive(Debug, Default)]
pub(crate) struct ConductBuilder {
    conducts: Pile<Conduct>,
    /// Traits whose text is in the block: hashes of each with its integration and hour. The newest has the place; a text that is told twice is told the same.
    told: Vec<u64>,
    /// Bytes of their texts.
    bytes: usize,
    /// Where the newest stands of each hash of what they are known by.
    known: HashMap<u64, usize, FixedState>,
}

impl ConductBuilder {
    /// Takes an event in its turn. What came late would fall into an hour that is over.
    pub(crate) fn take(&mut self, event: &Event<'_>, turn: Turn, position: Position) {
        let hour = u32::try_from(turn.due.micros().div_euclid(HOUR_US));
        let (Ok(hour), false) = (hour, turn.late) else {
            return;
        };
        let integration = Hashed::of(event.integration.as_deref().unwrap_or_default());
        let called = Hashed::operation(event);
        let marks = Marks::of(event, called);
        if marks.operation.is_some() && !integration.text.is_empty() {
            let at = self.operation(hour, (integration, called), event, position);
            self.conducts[at].deeds.sums.take(event, turn, &marks);
        }
        let subject = Hashed::filled(event.subject.as_deref());
        let client = Hashed::filled(event.client_id.as_deref());
        let address;
        let (kind, value) = if let Some(subject) = subject {
            (EntityKind::Subject, subject)
        } else if let Some(client) = client {
            (EntityKind::Client, client)
        } else if let Some(from) = event.client_address
            && !integration.text.is_empty()
        {
            address = compact_str::format_compact!("{from}");
            (EntityKind::Address, Hashed::of(&address))
        } else {
            return;
        };
        let is_service = event.grant.as_deref() == Some("client_credentials");
        let among = if is_service { 0 } else { integration.hash };
        let at = self.caller(
            (hour, is_service, among),
            (integration.text, kind, value),
            event,
            position,
        );
        let Conduct { deeds, texts, .. } = &mut self.conducts[at];
        deeds.sums.take(event, turn, &marks);
        let at_us = turn.due.micros().rem_euclid(HOUR_US);
        let at_us = u32::try_from(at_us).unwrap_or(u32::MAX);
        deeds.steps.add(at_us, operation_of(event, called));
        if let Some(record) = marks.record {
            let client = client.unwrap_or(value).hash;
            let person = subject.map_or(client, |subject| subject.hash);
            deeds.records.take(record, client, person);
        }
        self.told.resize(TOLD, 0);
        deeds.traits.take(event, (kind, called), |code, value| {
            let told = joined([among, u64::from(hour) << 32 | u64::from(code)]);
            #[expect(clippy::cast_possible_truncation, reason = "some bits of a hash")]
            let place = &mut self.told[told as usize % TOLD];
            if *place != told {
                *place = told;
                let text = value.text();
                self.bytes += text.len() + size_of::<(u32, CompactString)>();
                texts.push((code, text));
            }
        });
    }

    /// Where an operation's conduct of an hour stands.
    fn operation(
        &mut self,
        hour: u32,
        (integration, called): (Hashed<'_>, Hashed<'_>),
        event: &Event<'_>,
        position: Position,
    ) -> usize {
        let hash = joined([integration.hash, called.hash, hour.into()]);
        let (integration, called) = (&*bounded(integration.text), &*bounded(called.text));
        let is_it = |known: &Conduct| {
            let named = known.who.value.strip_prefix(integration);
            let named = named.and_then(|rest| rest.strip_prefix(" | "));
            known.hour == hour && known.like == Like::Operations && named == Some(called)
        };
        self.place(hash, is_it).unwrap_or_else(|| {
            let who = Who {
                kind: EntityKind::Integration,
                value: compact_str::format_compact!("{integration} | {called}"),
            };
            self.begin(hash, (Like::Operations, who, hour), event, position)
        })
    }

    /// Where a caller's conduct of an hour stands: of a service, or of an integration by its hash and name.
    fn caller(
        &mut self,
        (hour, is_service, among): (u32, bool, u64),
        (integration, kind, value): (&str, EntityKind, Hashed<'_>),
        event: &Event<'_>,
        position: Position,
    ) -> usize {
        let which = u64::from(hour) << 32 | u64::from(is_service) << 8 | kind as u64;
        let hash = joined([among, value.hash, which]);
        let (integration, value) = (&*bounded(integration), &*bounded(value.text));
        let is_it = |known: &Conduct| {
            let is_like = match &known.like {
                Like::Callers(of) => !is_service && of == integration,
                Like::Services => is_service,
                Like::Operations => false,
            };
            is_like && known.hour == hour && known.who.kind == kind && known.who.value == value
        };
        self.place(hash, is_it).unwrap_or_else(|| {
            let like = if is_service {
                Like::Services
            } else {
                Like::Callers(integration.into())
            };
            let value = value.into();
            self.begin(hash, (like, Who { kind, value }, hour), event, position)
        })
    }

    /// Where the conduct stands that is known by a hash, if it is the one that is meant.
    fn place(&self, hash: u64, is_it: impl FnOnce(&Conduct) -> bool) -> Option<usize> {
        let at = *self.known.get(&hash)?;
        is_it(&self.conducts[at]).then_some(at)
    }

    /// Begins one with its first event. One that it falls together with goes on when it is met again: shards join by what they are, not by the hash.
    fn begin(
        &mut self,
        hash: u64,
        (like, who, hour): (Like, Who, u32),
        event: &Event<'_>,
        position: Position,
    ) -> usize {
        self.known.insert(hash, self.conducts.len());
        self.conducts.push(Conduct {
            like,
            who,
            hour,
            deeds: Box::new(Deeds {
                sums: Sums::default(),
                traits: Traits::default(),
                records: Records::default(),
                steps: Steps::default(),
                first: evidence_of(event, position, &[]),
                at: (position.partition, position.offset),
            }),
            texts: Vec::new(),
        });
        self.conducts.len() - 1
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let conducts = self.conducts.len() * (size_of::<Conduct>() + size_of::<Deeds>() + 384);
        conducts + self.told.len() * size_of::<u64>() + self.bytes
    }

    /// What was seen; from here on a new block.
    pub(crate) fn finish(&mut self) -> Pile<Conduct> {
        self.known.clear();
        self.told.fill(0);
        self.bytes = 0;
        std::mem::take(&mut self.conducts)
    }
}

#[cfg(test)]
impl Deeds {
    /// These sums, and nothing that could be new.
    pub(super) fn of(sums: Sums) -> Deeds {
        let event = Event::default();
        let position = Position {
            partition: 0,
            offset: 0,
            stamped: None,
        };
        Deeds {
            sums,
            traits: Traits::default(),
            records: Records::default(),
            steps: Steps::default(),
            first: evidence_of(&event, position, &[]),
            at: (0, 0),
        }
    }
}
