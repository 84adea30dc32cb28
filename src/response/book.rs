//! What is published now, and what each reader was given.

use std::collections::{BTreeMap, HashMap};
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
}

impl Published {
    fn of(decision: &Decision) -> Published {
        let (high, _) = decision.id.as_u64_pair();
        Published {
            number: high >> 12,
            id: decision.id,
            target: decision.proposal.target.clone(),
            until: decision.proposal.until,
            family: decision.proposal.family.clone(),
        }
    }
}

/// Decisions in force, those that went lately, and what each reader knows.
#[derive(Debug, Default)]
pub struct Book {
    allow: AllowList,
    active: BTreeMap<u64, Arc<Published>>,
    gone: Vec<Arc<Published>>,
    /// By the name of a reader's key: what it was given and not yet told to forget.
    given: HashMap<String, BTreeMap<u64, Arc<Published>>>,
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
        self.gone.clear();
        self.held_back = 0;
        // The newest first, so that of too many the oldest are left out.
        for decision in decisions.iter().rev() {
            let published = || Arc::new(Published::of(decision));
            match decision.standing(now) {
                Standing::Approved if self.active.len() >= MOST => self.held_back += 1,
                Standing::Approved if self.allow.covers(&decision.proposal.target) => {
                    self.held_back += 1;
                    self.gone.push(published());
                }
                Standing::Approved => {
                    let published = published();
                    self.active.insert(published.number, published);
                }
                Standing::Revoked | Standing::Ended => {
                    let last = decision.steps.last().map_or(now, |step| step.time);
                    let when = last.max(decision.proposal.until.min(now));
                    if now.since(when) <= LATELY_US {
                        self.gone.push(published());
                    }
                }
                Standing::Proposed | Standing::Rejected => {}
            }
        }
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

    /// What a reader has to be told: all when it starts, else what changed since it asked last. Of what went it is told only where nothing else blocks the same.
    pub fn pull(&mut self, reader: &str, starts: bool, now: Timestamp) -> Delta {
        let current: BTreeMap<u64, Arc<Published>> = self
            .active(now)
            .map(|published| (published.number, Arc::clone(published)))
            .collect();
        let blocked: std::collections::HashSet<&Target> = current
            .values()
            .map(|published| &published.target)
            .collect();
        let known = self.given.get(reader);
        let is_gone = |published: &&Arc<Published>| {
            !current.contains_key(&published.number) && !blocked.contains(&published.target)
        };
        let deleted = match known {
            Some(known) if !starts => known.values().filter(is_gone).cloned().collect(),
            _ => self.gone.iter().filter(is_gone).cloned().collect(),
        };
        let is_new = |published: &&Arc<Published>| {
            starts || known.is_none_or(|known| !known.contains_key(&published.number))
        };
        let delta = Delta {
            new: current.values().filter(is_new).cloned().collect(),
            deleted,
        };
        self.given.insert(reader.to_owned(), current);
        delta
    }
}
