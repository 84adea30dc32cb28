//! Behaviour: what each entity did through an integration in an hour, against its own past and against the others of the integration.
//!
//! An hour is closed by the watermark. Each entity that was active in it is a row: features of the hour ([`conduct`]), how these deviate from its own past
//! ([`past`]), how unusual the hour of the day is for it. An ensemble of models, fitted once a day to rows of the newest days, scores the row
//! ([`stratum`]); the score is held against all scores of the integration so far, which makes it the share of hours so odd. The operator says how
//! many false findings a day may be: what is rarer than that allows is a finding.
//!
//! All entities of an integration live in one shard, so like is held against like and the state recovers with the shard.

mod conduct;
mod meta;
mod past;
mod stratum;

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::{Entity, Finding, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
pub use conduct::Conduct;
pub(crate) use conduct::ConductBuilder;
use conduct::{HOUR_US, Sums, Who};
pub(super) use meta::metas;
use stratum::{Odd, StoredStratum, Stratum};

/// Most integrations of a shard, and entities in the open hours of a shard.
const MOST_STRATA: usize = 64;
const MOST_OPEN: usize = 200_000;
/// Integrations that the budget is shared by, where contracts promise nothing of more.
const LEAST_SHARES: usize = 8;

/// The part of one shard.
pub(super) struct Behaviour {
    strata: BTreeMap<CompactString, Stratum>,
    open: BTreeMap<u32, Open>,
    opened: usize,
    /// Hours before this one are closed.
    closed: u32,
}

/// Entities of each integration in an hour that is not closed.
type Open = BTreeMap<CompactString, HashMap<Who, Sums, FixedState>>;

impl Behaviour {
    pub(super) fn new() -> Self {
        Behaviour {
            strata: BTreeMap::new(),
            open: BTreeMap::new(),
            opened: 0,
            closed: 0,
        }
    }

    /// Adds what a block showed.
    pub(super) fn observe(&mut self, conducts: Vec<Conduct>, counts: &mut TrackCounts) {
        for conduct in conducts {
            let hour = conduct.hour.max(self.closed);
            let Conduct {
                integration,
                who,
                sums,
                ..
            } = conduct;
            let open = self.open.entry(hour).or_default();
            let open = open.entry(integration).or_default();
            if let Some(known) = open.get_mut(&who) {
                known.join(&sums);
            } else if self.opened < MOST_OPEN {
                self.opened += 1;
                open.insert(who, sums);
            } else {
                counts.unobserved_requests += u64::from(sums.calls);
            }
        }
    }

    /// The end of the oldest open hour.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let (hour, _) = self.open.first_key_value()?;
        Some(Timestamp::from_micros((i64::from(*hour) + 1) * HOUR_US))
    }

    /// Closes the oldest open hour. What is found comes in the order of integrations and entities.
    pub(super) fn close(&mut self, plan: &Plan, counts: &mut TrackCounts, out: &mut Vec<Finding>) {
        let Some((hour, open)) = self.open.pop_first() else {
            return;
        };
        self.opened -= open.values().map(HashMap::len).sum::<usize>();
        self.closed = hour + 1;
        let settings = &plan.settings.behaviour;
        let local = hour.saturating_add_signed(plan.settings.baseline.utc_offset / 60);
        let shares = plan.expectations.integrations().max(LEAST_SHARES);
        #[expect(clippy::cast_precision_loss, reason = "a few integrations")]
        let allowed = settings.false_alarms_per_day.max(1e-6) / shares as f64;
        for (integration, entities) in open {
            let conducts = in_order(entities);
            if !self.strata.contains_key(&integration) {
                if self.strata.len() >= MOST_STRATA {
                    counts.unwatched += 1;
                    continue;
                }
                let stratum = Stratum::new(hour, settings.max_entities);
                self.strata.insert(integration.clone(), stratum);
            }
            let Some(stratum) = self.strata.get_mut(&integration) else {
                continue;
            };
            let closed = stratum.close((hour, local), &conducts, allowed);
            counts.evicted_entities += closed.evicted;
            let (begin, more) = (out.len(), closed.more);
            let odd = closed.odd.into_iter();
            out.extend(odd.map(|odd| finding(plan, hour, &integration, odd)));
            if let Some(last) = out[begin..].last_mut().filter(|_| more > 0) {
                last.notes.push(format!(
                    "{more} more entities of the integration were as odd in this hour: look for a cause that they share"
                ));
            }
        }
    }

    /// How many entities are known, of each integration.
    pub(super) fn entities(&self) -> usize {
        self.strata.values().map(Stratum::entities).sum()
    }

    pub(super) fn store(&self) -> StoredBehaviour {
        StoredBehaviour {
            strata: self
                .strata
                .iter()
                .map(|(name, stratum)| (name.clone(), stratum.store()))
                .collect(),
            open: self
                .open
                .iter()
                .map(|(hour, open)| {
                    let entities = open.iter();
                    let stored =
                        entities.map(|(name, open)| (name.clone(), in_order(open.clone())));
                    (*hour, stored.collect())
                })
                .collect(),
            closed: self.closed,
        }
    }

    pub(super) fn restore(&mut self, stored: StoredBehaviour, plan: &Plan) {
        let entities = plan.settings.behaviour.max_entities;
        let strata = stored.strata.into_iter();
        self.strata = strata
            .map(|(name, stratum)| (name, Stratum::restore(stratum, entities)))
            .collect();
        let open = stored.open.into_iter().map(|(hour, entities)| {
            let entities = entities.into_iter();
            let open = entities.map(|(name, open)| (name, open.into_iter().collect()));
            (hour, open.collect())
        });
        self.open = open.collect();
        let open = self.open.values().flat_map(BTreeMap::values);
        self.opened = open.map(HashMap::len).sum();
        self.closed = stored.closed;
    }
}

fn in_order(entities: HashMap<Who, Sums, FixedState>) -> Vec<(Who, Sums)> {
    let mut entities: Vec<(Who, Sums)> = entities.into_iter().collect();
    entities.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    entities
}

fn finding(plan: &Plan, hour: u32, integration: &str, odd: Odd) -> Finding {
    let first = Timestamp::from_micros(i64::from(hour) * HOUR_US);
    let entity = Entity {
        kind: odd.who.kind,
        value: odd.who.value,
    };
    let mut features = odd.features.into_iter();
    let (metric, observed, expected) = features.next().unwrap_or(("calls an hour", 0.0, 0.0));
    let mut notes: Vec<String> = features
        .map(|(name, observed, expected)| format!("{name}: {observed:.1}, usually {expected:.1}"))
        .collect();
    if !integration.is_empty() {
        notes.push(format!("through the integration {integration}"));
    }
    Finding {
        id: finding_id(meta::BEHAVIOUR, &entity, plan.bucket(first)),
        rule: meta::BEHAVIOUR,
        entity,
        first,
        last: first.plus_micros(HOUR_US - 1),
        count: odd.calls.into(),
        reason: Reason::Baseline {
            metric: metric.to_owned(),
            observed,
            expected,
            probability: odd.probability,
        },
        evidence: Vec::new(),
        notes,
    }
}

/// [`Open`] in order.
type StoredOpen = Vec<(CompactString, Vec<(Who, Sums)>)>;

/// The behaviour of one shard's integrations in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredBehaviour {
    strata: Vec<(CompactString, StoredStratum)>,
    open: Vec<(u32, StoredOpen)>,
    closed: u32,
}

#[cfg(test)]
mod tests;
