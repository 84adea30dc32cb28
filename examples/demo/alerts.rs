//! Watching the alerts come.

use std::collections::BTreeMap;

use gatewatch::alert::Alert;
use gatewatch::event::Timestamp;
use gatewatch::simulate::score::{Claim, requirements};
use gatewatch::track::Evidence;
use uuid::Uuid;

use crate::parts::ClickHouse;

/// An alert as it stands, and as it was when it was first seen.
pub struct Seen {
    /// The newest revision.
    pub alert: Alert,
    /// Event time of its newest event at the first revision that was seen.
    pub raised: Timestamp,
    /// Wall clock of the first sight.
    pub at: Timestamp,
}

impl Seen {
    /// What it claims, for scoring.
    pub fn claim(&self) -> Claim {
        Claim {
            id: self.alert.id.to_string(),
            family: self.alert.rule.family.clone(),
            title: self.alert.rule.title.clone(),
            requirements: requirements(&self.alert.rule.tags).collect(),
            entity: self.alert.entity.value.to_string(),
            callers: self.alert.evidence.iter().map(caller).collect(),
            first: self.alert.first,
            last: self.alert.last,
            raised: self.raised,
            wall: Some(self.at),
        }
    }
}

/// The client of an event, else its address.
fn caller(event: &Evidence) -> String {
    match event.client_address {
        Some(address) if event.client_id.is_empty() => address.to_string(),
        _ => event.client_id.to_string(),
    }
}

/// All alerts so far.
#[derive(Default)]
pub struct Watch {
    seen: BTreeMap<Uuid, Seen>,
}

impl Watch {
    /// Looks again; returns those that were not there before, by the time they tell of.
    pub fn look(&mut self, clickhouse: &ClickHouse) -> Vec<Alert> {
        let rows = clickhouse
            .ask("SELECT json FROM gatewatch.alerts FINAL FORMAT TSVRaw")
            .unwrap_or_else(|error| panic!("the alerts cannot be read: {error}"));
        let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
        let mut fresh = Vec::new();
        for row in rows.lines() {
            let alert: Alert = serde_json::from_str(row).expect("an alert was stored as one");
            if let Some(seen) = self.seen.get_mut(&alert.id) {
                seen.alert = alert;
            } else {
                fresh.push(alert.clone());
                self.seen.insert(
                    alert.id,
                    Seen {
                        raised: alert.last,
                        at: now,
                        alert,
                    },
                );
            }
        }
        fresh.sort_by_key(|alert| alert.first);
        fresh
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// How many findings they were merged from.
    pub fn findings(&self) -> u64 {
        self.seen.values().map(|seen| seen.alert.findings).sum()
    }

    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values()
    }
}
