//! The baseline of request rates: requests of each client in a minute against its own seasonal past.
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
mod prior;
mod season;
mod tail;

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::share;
use super::split::client_entity;
use super::{Finding, Lru, Observation, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use crate::sigma::{Level, RuleMeta};
use client::{Client, Pool, Verdict};
pub(crate) use prior::Prior;
pub use prior::PriorError;

const MINUTE_US: i64 = 60_000_000;

/// Id of the detector; findings carry it as their rule.
pub const REQUEST_RATE: Uuid = Uuid::from_u128(0x5c0b_19f6_2e5d_4d0e_b3a4_7a61_08d9_5e12);

/// What the detector says of itself.
pub(crate) fn meta() -> RuleMeta {
    RuleMeta {
        id: REQUEST_RATE,
        title: "Far more requests than this client's own past explains".to_owned(),
        title_ru: Some("Запросов намного больше, чем бывает у этого клиента".to_owned()),
        description: "The requests of a client in one minute are far above what its own past lets expect at this hour of the week. \
                      That is what a flood, a scraper, a stolen key or a retry loop looks like."
            .to_owned(),
        family: "rate".to_owned(),
        level: Level::Medium,
        tags: ["requirement.sec-06", "requirement.sec-08", "owasp.api4", "attack.t1499"]
            .map(str::to_owned)
            .to_vec(),
        false_positives: [
            "A backfill after an outage",
            "A client that was moved to a larger set of objects",
        ]
        .map(str::to_owned)
        .to_vec(),
        advice: Some(
            "Look at which operations the additional requests went to and how they were answered. Ask the owner of the client; limit the client when nobody knows of it."
                .to_owned(),
        ),
        advice_ru: Some(
            "Посмотрите, к каким операциям шли лишние запросы и как на них отвечали. Спросите владельца клиента; если о нагрузке никто не знает, ограничьте клиента."
                .to_owned(),
        ),
        entity: None,
        shadow: false,
    }
}

/// The request rates of one shard's clients.
pub(crate) struct Baseline {
    clients: Lru<CompactString, Client>,
    pool: Pool,
    /// Minutes (since the epoch) that are not closed yet, and who was active in them.
    open: BTreeMap<u32, HashMap<CompactString, u32, FixedState>>,
    opened: usize,
    most_open: usize,
    /// Minutes before this one are closed.
    closed: u32,
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
        let active = self.open.entry(minute).or_default();
        if let Some(count) = active.get_mut(&observation.client) {
            *count = count.saturating_add(observation.count);
        } else if self.opened < self.most_open {
            self.opened += 1;
            active.insert(observation.client, observation.count);
        } else {
            counts.unobserved_requests += u64::from(observation.count);
        }
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
        let mut active: Vec<(CompactString, u32)> = active.into_iter().collect();
        active.sort_unstable();
        for (name, count) in active {
            let (client, evicted) = self.clients.touch(&name, || Client::new(minute));
            counts.evicted_clients += u64::from(evicted.is_some());
            let verdict = client.close(minute, count, &mut self.pool, plan);
            if let Some(verdict) = verdict {
                out.push(finding(plan, &name, minute, count, &verdict));
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

    pub(crate) fn store(&self) -> StoredBaseline {
        StoredBaseline {
            clients: self
                .clients
                .iter()
                .map(|(name, client)| (name.clone(), *client))
                .collect(),
            pool: self.pool,
            open: self
                .open
                .iter()
                .map(|(minute, active)| {
                    let mut active: Vec<(CompactString, u32)> = active
                        .iter()
                        .map(|(name, count)| (name.clone(), *count))
                        .collect();
                    active.sort_unstable();
                    (*minute, active)
                })
                .collect(),
            closed: self.closed,
        }
    }

    pub(crate) fn restore(&mut self, stored: StoredBaseline) {
        for (name, client) in stored.clients {
            *self.clients.touch(&name, || client).0 = client;
        }
        self.pool = stored.pool;
        self.opened = stored.open.iter().map(|(_, active)| active.len()).sum();
        self.open = stored
            .open
            .into_iter()
            .map(|(minute, active)| (minute, active.into_iter().collect()))
            .collect();
        self.closed = stored.closed;
    }
}

fn finding(
    plan: &Plan,
    name: &CompactString,
    minute: u32,
    count: u32,
    verdict: &Verdict,
) -> Finding {
    let first = Timestamp::from_micros(i64::from(minute) * MINUTE_US);
    let entity = client_entity(name);
    Finding {
        id: finding_id(REQUEST_RATE, &entity, plan.bucket(first)),
        rule: REQUEST_RATE,
        entity,
        first,
        last: first.plus_micros(MINUTE_US - 1),
        count: u64::from(count),
        reason: Reason::Baseline {
            metric: "requests a minute".to_owned(),
            observed: f64::from(count),
            expected: verdict.expected,
            probability: verdict.probability,
        },
        evidence: Vec::new(),
        notes: Vec::new(),
    }
}

/// The baselines of one shard in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredBaseline {
    clients: Vec<(CompactString, Client)>,
    pool: Pool,
    open: Vec<(u32, Vec<(CompactString, u32)>)>,
    closed: u32,
}

#[cfg(test)]
mod tests;
