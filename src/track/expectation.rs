//! What contracts promise of the traffic as a whole: levels of service, and runs on schedule. Handed in by value.

use std::collections::HashMap;

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::stable_hash;
use crate::event::Event;
use crate::impact::Impact;

/// Everything promised, by integration.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    levels: Vec<LevelSpec>,
    schedules: Vec<ScheduleSpec>,
    /// Of each level and of each schedule what it is known by: the same as long as the same is promised.
    level_keys: Vec<u64>,
    schedule_keys: Vec<u64>,
    of: HashMap<CompactString, Numbers, FixedState>,
    /// How much harm a breach does, where that is not moderate.
    impacts: HashMap<CompactString, Impact, FixedState>,
}

/// Numbers of the levels and schedules of one integration.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) levels: Vec<u32>,
    pub(super) schedules: Vec<u32>,
}

/// A level of service of an integration.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelSpec {
    /// The integration.
    pub integration: CompactString,
    /// Operations that count; empty for all.
    pub operations: Vec<CompactString>,
    /// What is promised.
    pub promise: Promise,
}

/// What a level of service promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// This share of calls (0 to 1) does not fail with 5xx.
    Availability {
        /// The share.
        share: f64,
    },
    /// This share of calls that do not fail takes no longer.
    Latency {
        /// The share.
        share: f64,
        /// Longest duration, microseconds.
        within_us: u64,
    },
    /// So many calls come in every time of so many minutes.
    Traffic {
        /// Fewest calls.
        calls: u32,
        /// Minutes.
        minutes: u32,
    },
}

/// Runs that begin on schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// The integration.
    pub integration: CompactString,
    /// Its name in the contract.
    pub name: CompactString,
    /// Operations of which a run consists; empty for all.
    pub operations: Vec<CompactString>,
    /// Minutes from one run to the next.
    pub every: u32,
    /// Minutes after midnight, UTC, at which one begins.
    pub offset: u32,
    /// Minutes by which it may begin earlier or later.
    pub tolerance: u32,
    /// Most minutes from its beginning to its end.
    pub lasts: Option<u32>,
    /// Fewest records of a run.
    pub least_records: Option<u64>,
    /// Most records of a run.
    pub most_records: Option<u64>,
    /// Most deletions of a run.
    pub most_deletions: Option<u64>,
}

fn keys<T: std::fmt::Debug>(promised: &[T]) -> Vec<u64> {
    let key = |it: &T| stable_hash(&[format!("{it:?}").as_bytes()]);
    promised.iter().map(key).collect()
}

impl Expectations {
    /// What is promised in all.
    #[must_use]
    pub fn new(levels: Vec<LevelSpec>, schedules: Vec<ScheduleSpec>) -> Self {
        let mut of: HashMap<CompactString, Numbers, FixedState> = HashMap::default();
        for (number, level) in (0..).zip(&levels) {
            let numbers = of.entry(level.integration.clone()).or_default();
            numbers.levels.push(number);
        }
        for (number, schedule) in (0..).zip(&schedules) {
            let numbers = of.entry(schedule.integration.clone()).or_default();
            numbers.schedules.push(number);
        }
        Expectations {
            level_keys: keys(&levels),
            schedule_keys: keys(&schedules),
            levels,
            schedules,
            of,
            impacts: HashMap::default(),
        }
    }

    /// The same with the harm that a breach of each integration does.
    #[must_use]
    pub fn with_impacts(
        mut self,
        impacts: impl IntoIterator<Item = (CompactString, Impact)>,
    ) -> Self {
        let impacts = impacts.into_iter();
        self.impacts = impacts
            .filter(|(_, impact)| *impact != Impact::default())
            .collect();
        self
    }

    /// Whether a breach of any integration does more or less harm than usual.
    #[must_use]
    pub fn weighs(&self) -> bool {
        !self.impacts.is_empty()
    }

    /// How much harm a breach of an integration does.
    #[must_use]
    pub fn impact(&self, integration: &str) -> Impact {
        self.impacts.get(integration).copied().unwrap_or_default()
    }

    /// The levels.
    #[must_use]
    pub fn levels(&self) -> &[LevelSpec] {
        &self.levels
    }

    /// The schedules.
    #[must_use]
    pub fn schedules(&self) -> &[ScheduleSpec] {
        &self.schedules
    }

    /// Each level with what it is known by.
    pub(super) fn known_levels(&self) -> impl Iterator<Item = (u64, &LevelSpec)> {
        self.level_keys.iter().copied().zip(&self.levels)
    }

    /// Each schedule with what it is known by.
    pub(super) fn known_schedules(&self) -> impl Iterator<Item = (u64, &ScheduleSpec)> {
        self.schedule_keys.iter().copied().zip(&self.schedules)
    }

    /// What a level is known by.
    pub(super) fn level_key(&self, level: u32) -> Option<u64> {
        self.level_keys.get(level as usize).copied()
    }

    /// What a schedule is known by.
    pub(super) fn schedule_key(&self, schedule: u32) -> Option<u64> {
        self.schedule_keys.get(schedule as usize).copied()
    }

    /// What is promised of an integration.
    pub(super) fn of(&self, integration: &str) -> Option<&Numbers> {
        self.of.get(integration)
    }
}

/// Whether an event is of one of the operations; none stands for all.
pub(super) fn is_of(operations: &[CompactString], event: &Event<'_>) -> bool {
    operations.is_empty()
        || event
            .operation
            .as_deref()
            .is_some_and(|operation| operations.iter().any(|known| known == operation))
}
