//! What contracts promise of the traffic as a whole, for the tracker.

use compact_str::CompactString;

use crate::contract::document::{Document, Schedule, ServiceLevel};
use crate::contract::{Contracts, Span};
use crate::track::{Expectations, LevelSpec, Promise, ScheduleSpec};

/// Levels of service, schedules and impacts of all contracts.
pub(super) fn of(contracts: &Contracts) -> Expectations {
    let mut levels = Vec::new();
    let mut schedules = Vec::new();
    for document in contracts.documents() {
        levels.extend(document.service_levels.iter().map(|it| level(document, it)));
        levels.extend(traffic(document));
        schedules.extend(document.schedules.iter().map(|it| schedule(document, it)));
    }
    let impacts = contracts
        .documents()
        .map(|document| (document.integration.as_str().into(), document.impact));
    Expectations::new(levels, schedules).with_impacts(impacts)
}

fn level(document: &Document, level: &ServiceLevel) -> LevelSpec {
    let share = level.share / 100.0;
    LevelSpec {
        integration: document.integration.as_str().into(),
        operations: names(&level.operations),
        promise: match level.within_ms {
            None => Promise::Availability { share },
            Some(within) => Promise::Latency {
                share,
                within_us: u64::from(within) * 1_000,
            },
        },
    }
}

fn traffic(document: &Document) -> Option<LevelSpec> {
    let traffic = document.traffic.as_ref()?;
    Some(LevelSpec {
        integration: document.integration.as_str().into(),
        operations: Vec::new(),
        promise: Promise::Traffic {
            calls: traffic.calls,
            minutes: traffic.within.minutes(),
        },
    })
}

fn schedule(document: &Document, schedule: &Schedule) -> ScheduleSpec {
    ScheduleSpec {
        integration: document.integration.as_str().into(),
        name: schedule.name.as_str().into(),
        operations: names(&schedule.operations),
        every: schedule.every.minutes(),
        offset: schedule.offset.map_or(0, Span::minutes),
        tolerance: schedule.tolerance.minutes(),
        lasts: schedule.lasts.map(Span::minutes),
        least_records: schedule.records.least,
        most_records: schedule.records.most,
        most_deletions: schedule.deletions,
    }
}

fn names(operations: &[String]) -> Vec<CompactString> {
    operations.iter().map(CompactString::from).collect()
}
