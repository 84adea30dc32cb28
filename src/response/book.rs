//! What is published now, and what each reader was given.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;
use uuid::Uuid;

use super::{Decision, Standing, Target};
use crate::event::Timestamp;

/// Decisions that are published at once; of more the newest.
const MOST: usize = 100_000;
/// How long ago a decision may have gone for a reader of whom nothing is known to be told so.
const LATELY_US: i64 = 24 * 3_600_000_000;
/// A reader is told again what came and went since so long before it asked last: an answer may get lost, and another instance may have given what is gone. To hear of it
/// twice does a reader no harm.
const AGAIN_US: i64 = 3_600_000_000;

/// What is never blocked.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    networks: Vec<IpNet>,
    others: Vec<Target>,
}

/// An entry of the allow-list that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "response.allow: {0:?} is no address, no network, and no `client:ID`, `subject:ID` or `token:ID`"
)]
pub struct AllowListError(String);

impl AllowList {
    /// Reads addresses, networks, and `client:ID`, `subject:ID`, `token:ID`.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn parse(entries: &[String]) -> Result<AllowList, AllowListError> {
        let mut list = AllowList::default();
        for entry in entries {
            let target = Target::parse("range", entry).or_else(|| {
                let (scope, value) = entry.split_once(':')?;
                Target::parse(scope, value)
            });
            match target {
                Some(Target::Network(network)) => list.networks.push(network),
                Some(target) => list.others.push(target),
                None => return Err(AllowListError(entry.clone())),
            }
        }
        Ok(list)
    }

    /// Whether blocking this would block anything of the list: also a network that holds an address of it.
    #[must_use]
    pub fn covers(&self, target: &Target) -> bool {
        match target {
            Target::Network(network) => {
                let mut allowed = self.networks.iter();
                allowed.any(|allowed| allowed.contains(network) || network.contains(allowed))
            }
            other => self.others.contains(other),
        }
    }
}

/// A decision as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// A number of 52 bits that stands for its id: readers in JavaScript keep it whole.
    pub number: u64,
    /// Its id.
    pub id: Uuid,
    /// What is blocked.
    pub target: Target,
    /// Until then.
    pub until: Timestamp,
    /// The rule family behind it, or `manual`.
    pub family: String,
    /// When that end was set: it was approved or renewed.
    pub since: Timestamp,
    /// When it was to end before it was renewed last: a reader may have let it go then.
    pub earlier: Option<Timestamp>,
}

impl Published {
    fn of(decision: &Decision) -> Published {
        let (high, _) = decision.id.as_u64_pair();
        Published {
            number: high >> 12,
            id: decision.id,
            target: decision.proposal.target.clone(),
            until: decision.until(),
            family: decision.proposal.family.clone(),
            since: decision.in_force_since(),
            earlier: decision.earlier_end(),
        }
    }

    /// Whether it came, or was renewed past an earlier end, between two instants.
    fn came(&self, after: Timestamp, now: Timestamp) -> bool {
        let ended = self.earlier.filter(|earlier| *earlier <= now);
        self.since > after || ended.is_some_and(|earlier| earlier > after)
    }
}

/// A decision that went.
#[derive(Debug)]
struct Gone {
    /// When this book saw it first.
    seen: Timestamp,
    published: Arc<Published>,
}

/// What a reader was given.
#[derive(Debug)]
struct Given {
    /// When it asked last.
    time: Timestamp,
    /// What it was given and not yet told to forget.
    known: BTreeMap<u64, Arc<Published>>,
}

/// Decisions in force, those that went lately, and what each reader knows.
#[derive(Debug, Default)]
pub struct Book {
    allow: AllowList,
    active: BTreeMap<u64, Arc<Published>>,
    gone: BTreeMap<u64, Gone>,
    /// By the name of a reader's key.
    given: HashMap<String, Given>,
    /// Approved decisions that the allow-list holds back, and those beyond the limit.
    held_back: usize,
}

/// What a reader is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// What it does not know yet.
    pub new: Vec<Arc<Published>>,
    /// What it has to forget.
    pub deleted: Vec<Arc<Published>>,
}

impl Book {
    /// An empty one.
    #[must_use]
    pub fn new(allow: AllowList) -> Book {
        Book {
            allow,
            ..Book::default()
        }
    }

    /// Takes all decisions as they stand now.
    pub fn update(&mut self, decisions: &[Decision], now: Timestamp) {
        self.active.clear();
        let before = std::mem::take(&mut self.gone);
        self.held_back = 0;
        // The newest first, so that of too many the oldest are left out.
        for decision in decisions.iter().rev() {
            match decision.standing(now) {
                Standing::Approved if self.active.len() >= MOST => self.held_back += 1,
                Standing::Approved if self.allow.covers(&decision.proposal.target) => {
                    self.held_back += 1;
                    self.went(decision, &before, now);
                }
                Standing::Approved => {
                    let published = Arc::new(Published::of(decision));
                    self.active.insert(published.number, published);
                }
                // It never was in force.
                Standing::Ended if decision.decided() == Standing::Proposed => {}
                Standing::Revoked | Standing::Ended => {
                    let last = decision.steps.last().map_or(now, |step| step.time);
                    let when = last.max(decision.until().min(now));
                    if now.since(when) <= LATELY_US {
                        self.went(decision, &before, now);
                    }
                }
                Standing::Proposed | Standing::Rejected => {}
            }
        }
    }

    /// Keeps a decision that went, with when that was seen: the clocks of those who end decisions may be behind.
    fn went(&mut self, decision: &Decision, before: &BTreeMap<u64, Gone>, now: Timestamp) {
        let published = Arc::new(Published::of(decision));
        let seen = before.get(&published.number).map_or(now, |gone| gone.seen);
        self.gone.insert(published.number, Gone { seen, published });
    }

    /// Those in force at an instant, in the order of their numbers.
    pub fn active(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Published>> {
        self.active
            .values()
            .filter(move |published| published.until > now)
    }

    /// Approved decisions that are not published: the allow-list holds them back, or there are too many.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.held_back
    }

    /// What a reader has to be told: all when it starts, else what changed since it asked last, and again what changed in the hour before. Of what went it is told only where
    /// nothing else blocks the same.
    pub fn pull(&mut self, reader: &str, starts: bool, now: Timestamp) -> Delta {
        let current: BTreeMap<u64, Arc<Published>> = self
            .active(now)
            .map(|published| (published.number, Arc::clone(published)))
            .collect();
        let blocked: HashSet<&Target> = current
            .values()
            .map(|published| &published.target)
            .collect();
        let given = self.given.get(reader).filter(|_| !starts);
        let after = given.map(|given| given.time.plus_micros(-AGAIN_US));
        let is_gone = |published: &&Arc<Published>| {
            !current.contains_key(&published.number) && !blocked.contains(&published.target)
        };
        let known = given.into_iter().flat_map(|given| given.known.values());
        let deleted: BTreeMap<u64, Arc<Published>> = known
            .chain(self.gone_after(after, now))
            .filter(is_gone)
            .map(|published| (published.number, Arc::clone(published)))
            .collect();
        let is_new = |published: &&Arc<Published>| {
            let known = given.and_then(|given| given.known.get(&published.number));
            let is_known = known.is_some_and(|known| known.until == published.until);
            !is_known || after.is_none_or(|after| published.came(after, now))
        };
        let delta = Delta {
            new: current.values().filter(is_new).cloned().collect(),
            deleted: deleted.into_values().collect(),
        };
        let given = Given {
            time: now,
            known: current,
        };
        self.given.insert(reader.to_owned(), given);
        delta
    }

    /// What went after an instant, or lately; also what has ended since the last look at the store.
    fn gone_after(
        &self,
        after: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Iterator<Item = &Arc<Published>> {
        let looked_at = self.gone.values().map(|gone| (gone.seen, &gone.published));
        let active = self.active.values();
        let ended = active.filter(move |published| published.until <= now);
        looked_at
            .chain(ended.map(|published| (published.until, published)))
            .filter(move |(when, _)| after.is_none_or(|after| *when >= after))
            .map(|(_, published)| published)
    }
}
