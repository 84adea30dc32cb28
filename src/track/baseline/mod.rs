//! What each client is held against, minute by minute: its requests against its own seasonal past, their ids against each other ([`ids`]).
//!
//! A minute is closed by the watermark; a closed minute is one observation of each client that was active in it, and silent
//! minutes are made up for when the client is next seen. For client `c` and a minute with season `s` (mean 1 over a week)
//! the expected count is `level × s`; the count is taken for negative binomial with the client's own dispersion. Both
//! are drawn towards what is usual among clients as long as the client has little past of its own.
//! When the upper tail is thinner than the threshold, that is a finding, and only a little more than the normal goes into
//! the client's past: an attack teaches the baseline little.
//!
//! The negative binomial as the over-dispersed count: Cameron and Trivedi, "Regression Analysis of Count Data", chapter 3;
//! the same choice for surveillance of counts: Noufaily et al., Statistics in Medicine 32 (2013).

mod client;
pub(super) mod ids;
mod meta;
mod prior;
mod season;
mod tail;
mod volume;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::share;
use super::split::client_entity;
use super::{Finding, Lru, Measure, Observation, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use client::{Client, Pool};
use ids::{Codes, Ids, StoredIds};
pub use meta::REQUEST_RATE;
use meta::SHARED_ID;
pub(crate) use meta::metas;
pub(crate) use prior::Prior;
pub use prior::PriorError;
pub(super) use volume::{Shift, Volume};

const MINUTE_US: i64 = 60_000_000;
/// Most request ids of the open minutes of a shard.
const MOST_IDS: usize = 65_536;

/// The request rates of one shard's clients.
pub(crate) struct Baseline {
    clients: Lru<CompactString, Client>,
    pool: Pool,
    ids: Ids,
    /// Minutes (since the epoch) that are not closed yet, and who was active in them.
    open: BTreeMap<u32, HashMap<CompactString, Active, FixedState>>,
    opened: usize,
    most_open: usize,
    /// Request ids of the open minutes.
    opened_ids: usize,
    /// Minutes before this one are closed.
    closed: u32,
}

/// One client in an open minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Active {
    count: u32,
    /// What stands for the ids of its requests.
    ids: Codes,
}

impl Active {
    /// How many ids there was room for.
    fn take(&mut self, count: u32, ids: &[u32], room: usize) -> usize {
        let ids = &ids[..ids.len().min(room)];
        self.count = self.count.saturating_add(count);
        self.ids.extend(ids);
        ids.len()
    }
}

impl Baseline {
    pub(crate) fn new(plan: &Plan) -> Self {
        let clients = share(plan.settings.baseline.max_clients);
        Baseline {
            clients: Lru::new(clients),
            pool: Pool::new(&plan.prior),
            open: BTreeMap::new(),
            opened: 0,
            most_open: clients.saturating_mul(4),
            ids: Ids::new(),
            opened_ids: 0,
            closed: 0,
        }
    }

    /// Adds the requests of one client and minute.
    pub(crate) fn observe(&mut self, observation: Observation, counts: &mut TrackCounts) {
        counts.late_requests += u64::from(observation.late);
        let minute = u32::try_from(observation.minute.micros().div_euclid(MINUTE_US));
        let Ok(minute) = minute else {
            counts.unobserved_requests += u64::from(observation.count);
            return;
        };
        if observation.count == 0 {
            return;
        }
        if minute < self.closed {
            counts.late_requests += u64::from(observation.count);
            return;
        }
        let Observation {
            client, count, ids, ..
        } = observation;
        let (ids, room) = (ids.as_slice(), MOST_IDS - self.opened_ids);
        let actives = self.open.entry(minute).or_default();
        let taken = if let Some(active) = actives.get_mut(&client) {
            active.take(count, ids, room)
        } else if self.opened < self.most_open {
            self.opened += 1;
            actives.entry(client).or_default().take(count, ids, room)
        } else {
            counts.unobserved_requests += u64::from(count);
            return;
        };
        self.opened_ids += taken;
        counts.unobserved_ids += (ids.len() - taken) as u64;
    }

    /// The end of the oldest open minute.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        let (minute, _) = self.open.first_key_value()?;
        Some(Timestamp::from_micros((i64::from(*minute) + 1) * MINUTE_US))
    }

    /// Closes the oldest open minute. Clients come in the order of their names.
    pub(crate) fn close(&mut self, plan: &Plan, counts: &mut TrackCounts, out: &mut Vec<Finding>) {
        let Some((minute, active)) = self.open.pop_first() else {
            return;
        };
        self.opened -= active.len();
        self.closed = minute.saturating_add(1);
        let mut active: Vec<(CompactString, Active)> = active.into_iter().collect();
        active.sort_unstable();
        for (name, Active { count, ids }) in active {
            self.opened_ids -= ids.as_slice().len();
            if let Some(requests) = self.ids.take(&name, minute, ids) {
                let reason = Reason::Expectation {
                    measure: Measure::RequestsOfOneId,
                    observed: f64::from(requests),
                    expected: 1.0,
                };
                out.push(finding(plan, &name, minute, (SHARED_ID, requests, reason)));
            }
            let (client, evicted) = self.clients.touch(&name, || Client::new(minute));
            counts.evicted_clients += u64::from(evicted.is_some());
            let verdict = client.close(minute, count, &mut self.pool, plan);
            if let Some(verdict) = verdict {
                let reason = Reason::Baseline {
                    metric: "requests a minute".to_owned(),
                    observed: f64::from(count),
                    expected: verdict.expected,
                    probability: verdict.probability,
                    features: Vec::new(),
                };
                out.push(finding(plan, &name, minute, (REQUEST_RATE, count, reason)));
            }
        }
    }

    /// Notes that every minute that ended by `watermark` is closed, also those in which nobody was active.
    pub(crate) fn closed_by(&mut self, watermark: Timestamp) {
        let minute = watermark.micros().div_euclid(MINUTE_US);
        let minute = u32::try_from(minute.clamp(0, i64::from(u32::MAX))).unwrap_or(u32::MAX);
        self.closed = self.closed.max(minute);
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn store(&self) -> StoredBaseline<'_> {
        StoredBaseline {
            clients: self
                .clients
                .iter()
                .map(|(name, client)| (Cow::Borrowed(name), Cow::Borrowed(client)))
                .collect(),
            pool: self.pool,
            open: self
                .open
                .iter()
                .map(|(minute, active)| {
                    let mut active: Vec<(Cow<'_, CompactString>, Cow<'_, Active>)> = active
                        .iter()
                        .map(|(name, active)| (Cow::Borrowed(name), Cow::Borrowed(active)))
                        .collect();
                    active.sort_unstable();
                    (*minute, active)
                })
                .collect(),
            closed: self.closed,
            ids: self.ids.store(),
        }
    }

    pub(crate) fn restore(&mut self, stored: StoredBaseline<'_>) {
        for (name, client) in stored.clients {
            *self.clients.touch(&name, || *client).0 = *client;
        }
        self.pool = stored.pool;
        self.ids.restore(stored.ids);
        let actives = stored.open.iter().flat_map(|(_, active)| active);
        self.opened_ids = actives.map(|(_, active)| active.ids.as_slice().len()).sum();
        self.opened = stored.open.iter().map(|(_, active)| active.len()).sum();
        self.open = stored
            .open
            .into_iter()
            .map(|(minute, active)| {
                let active = active.into_iter();
                let owned = active.map(|(name, active)| (name.into_owned(), active.into_owned()));
                (minute, owned.collect())
            })
            .collect();
        self.closed = stored.closed;
    }
}

/// What a detector found of a client in a minute, by so many requests.
fn finding(
    plan: &Plan,
    name: &CompactString,
    minute: u32,
    (detector, requests, reason): (Uuid, u32, Reason),
) -> Finding {
    let first = Timestamp::from_micros(i64::from(minute) * MINUTE_US);
    let entity = client_entity(name);
    Finding {
        id: finding_id(detector, &entity, plan.bucket(first)),
        rule: detector,
        entity,
        within: CompactString::default(),
        first,
        last: first.plus_micros(MINUTE_US - 1),
        count: u64::from(requests),
        reason,
        evidence: Vec::new(),
        notes: Vec::new(),
    }
}

/// The clients of an open minute, in order.
type StoredActive<'a> = Vec<(Cow<'a, CompactString>, Cow<'a, Active>)>;

/// The baselines of one shard in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredBaseline<'a> {
    clients: Vec<(Cow<'a, CompactString>, Cow<'a, Client>)>,
    pool: Pool,
    open: Vec<(u32, StoredActive<'a>)>,
    closed: u32,
    ids: StoredIds,
}

#[cfg(test)]
mod tests;
