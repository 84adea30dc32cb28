//! Which parts are reachable: the detail of `/readyz`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use metrics::gauge;
use serde::Serialize;

use crate::telemetry::metric;

/// A part that gatewatch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The brokers.
    Kafka,
    /// The store.
    ClickHouse,
    /// The mail server.
    Mail,
}

impl Part {
    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Part::Kafka => "Kafka",
            Part::ClickHouse => "ClickHouse",
            Part::Mail => "mail server",
        }
    }
}

/// Which parts are reachable, and whether this instance is active.
#[derive(Debug, Default)]
pub struct Health {
    down: Mutex<BTreeMap<Part, String>>,
    rules_refused: Mutex<Option<String>>,
    active: AtomicBool,
    stopping: AtomicBool,
    inconsistencies: AtomicU64,
}

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether all parts are reachable and the service is not stopping.
    pub ready: bool,
    /// `active`, `standby` or `stopping`.
    pub state: &'static str,
    /// Parts that are missing, with the reason.
    pub missing: BTreeMap<Part, String>,
    /// Recovered ranges whose rows did not add up.
    pub inconsistencies: u64,
    /// What is wrong with the rule files, while an earlier set of rules stays in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_refused: Option<String>,
}

impl Health {
    /// A part does not answer.
    pub fn down(&self, part: Part, why: &str) {
        self.lock().insert(part, why.to_owned());
        self.show();
    }

    /// A part answers again.
    pub fn up(&self, part: Part) {
        let mut down = self.lock();
        if down.remove(&part).is_some() {
            drop(down);
            self.show();
        }
    }

    /// Whether this instance holds the control partition.
    pub fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
        gauge!(metric::ACTIVE).set(if active { 1.0 } else { 0.0 });
        self.show();
    }

    /// An ordered stop has begun.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The rows of a recovered range did not add up.
    pub fn note_inconsistency(&self) {
        self.inconsistencies.fetch_add(1, Ordering::Relaxed);
    }

    /// The rule files were changed and are wrong (`None`: are right again). The service goes on with the set before, so it stays
    /// ready.
    pub fn set_rules_refused(&self, why: Option<String>) {
        gauge!(metric::RULES_REFUSED).set(if why.is_some() { 1.0 } else { 0.0 });
        *self
            .rules_refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// What `/readyz` says now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let missing = self.lock().clone();
        let state = match (
            self.stopping.load(Ordering::Relaxed),
            self.active.load(Ordering::Relaxed),
        ) {
            (true, _) => "stopping",
            (false, true) => "active",
            (false, false) => "standby",
        };
        let ready = missing.is_empty() && state != "stopping";
        Readiness {
            ready,
            state,
            missing,
            inconsistencies: self.inconsistencies.load(Ordering::Relaxed),
            rules_refused: self
                .rules_refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    fn show(&self) {
        gauge!(metric::READY).set(if self.readiness().ready { 1.0 } else { 0.0 });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Part, String>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_names_what_is_missing() {
        let health = Health::default();
        health.down(Part::ClickHouse, "connection refused");
        let readiness = health.readiness();
        assert!(!readiness.ready);
        assert_eq!(readiness.missing[&Part::ClickHouse], "connection refused");
        health.up(Part::ClickHouse);
        assert!(health.readiness().ready);
    }
}
