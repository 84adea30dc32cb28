//! What a block of events shows of gateways, operations, levels of service and schedules, minute by minute.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use foldhash::fast::FixedState;

use super::latency::bucket_of;
use crate::event::{Event, Timestamp};
use crate::track::Turn;
use crate::track::expectation::{Expectations, Promise, is_of};
use crate::track::matching::{bounded, reaches};

/// Microseconds of a minute.
pub(super) const MINUTE_US: i64 = 60_000_000;

/// Everything seen in a block. The order is that of the events.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub(crate) gateways: Vec<GatewayMinute>,
    pub(crate) operations: Vec<OperationMinute>,
    pub(crate) levels: Vec<LevelMinute>,
    pub(crate) runs: Vec<RunMinute>,
}

/// Records of one gateway in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatewayMinute {
    pub(crate) gateway: CompactString,
    pub(crate) minute: u32,
    pub(crate) records: u32,
    /// Running numbers, 64 a word: which word, and a bit each. In order, each word once, after [`SeenBuilder::finish`].
    pub(crate) numbers: Vec<(u64, u64)>,
    /// Numbers that came more than once.
    pub(crate) repeated: u32,
}

/// Calls of one operation, or of a whole integration, in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperationMinute {
    /// `integration | operation`, or the integration.
    pub(crate) operation: CompactString,
    pub(crate) minute: u32,
    pub(crate) calls: u32,
    pub(crate) failed: u32,
    /// Calls that were neither refused nor for what is not there.
    pub(crate) reached: u32,
    /// Bucket of the duration, and how many; a bucket may come again. None of a whole integration: with the mix of operations a median moves.
    pub(crate) durations: Vec<(u8, u32)>,
}

/// Calls that a level of service counts, in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelMinute {
    pub(crate) level: u32,
    pub(crate) minute: u32,
    pub(crate) calls: u32,
    pub(crate) bad: u32,
}

/// Calls of a schedule in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunMinute {
    pub(crate) schedule: u32,
    pub(crate) minute: u32,
    pub(crate) calls: u32,
    pub(crate) records: u64,
    pub(crate) deletions: u32,
}

/// Takes events one by one.
#[derive(Debug, Default)]
pub(crate) struct SeenBuilder {
    expectations: Arc<Expectations>,
    seen: Seen,
    gateways: Newest<CompactString>,
    operations: Newest<CompactString>,
    levels: Newest<u32>,
    runs: Newest<u32>,
    name: CompactString,
    /// Bytes of memory, about.
    bytes: usize,
}

/// Where the newest entry of a key stands: events of one minute mostly come together.
type Newest<K> = HashMap<K, usize, FixedState>;

impl SeenBuilder {
    pub(crate) fn new(expectations: Arc<Expectations>) -> Self {
        SeenBuilder {
            expectations,
            ..SeenBuilder::default()
        }
    }

    /// Takes an event in its turn.
    pub(crate) fn take(&mut self, event: &Event<'_>, turn: Turn) {
        let Some(minute) = minute_of(turn.due) else {
            return;
        };
        if let Some(gateway) = event.gateway.as_deref() {
            self.gateway(gateway, minute, event.sequence);
        }
        // What came late was counted at its time, or never will be.
        let Some(integration) = event.integration.as_deref().filter(|_| !turn.late) else {
            return;
        };
        if integration.is_empty() {
            return;
        }
        self.promised(integration, event, minute);
        let failed = event.status.is_some_and(|status| status >= 500);
        self.called(integration, minute, (failed, reaches(event)));
        self.operation(integration, event, (minute, failed));
    }

    fn gateway(&mut self, gateway: &str, minute: u32, sequence: Option<u64>) {
        let gateway = &*bounded(gateway);
        let known = self.gateways.get(gateway).copied();
        let known = known.filter(|at| self.seen.gateways[*at].minute == minute);
        let at = known.unwrap_or_else(|| {
            self.bytes += size_of::<GatewayMinute>();
            let at = self.seen.gateways.len();
            self.seen.gateways.push(GatewayMinute {
                gateway: gateway.into(),
                minute,
                records: 0,
                numbers: Vec::new(),
                repeated: 0,
            });
            self.gateways.insert(gateway.into(), at);
            at
        });
        let entry = &mut self.seen.gateways[at];
        entry.records += 1;
        if let Some(sequence) = sequence {
            let (word, bit) = (sequence / 64, 1 << (sequence % 64));
            match entry.numbers.last_mut() {
                Some((last, bits)) if *last == word => {
                    entry.repeated += u32::from(*bits & bit != 0);
                    *bits |= bit;
                }
                _ => {
                    self.bytes += size_of::<(u64, u64)>();
                    entry.numbers.push((word, bit));
                }
            }
        }
    }

    fn operation(&mut self, integration: &str, event: &Event<'_>, (minute, failed): (u32, bool)) {
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        match (&event.operation, &event.method, &event.route) {
            (Some(operation), ..) => {
                for part in [integration, " | ", operation] {
                    name.push_str(part);
                }
            }
            (None, Some(method), Some(route)) => {
                for part in [integration, " | ", method, " ", route] {
                    name.push_str(part);
                }
            }
            _ => {} // calls that nothing tells apart are the integration's alone
        }
        if !name.is_empty() {
            let at = self.called(&name, minute, (failed, reaches(event)));
            let is_answered = event.status.is_some_and(|status| status < 400);
            if let (true, Some(duration)) = (is_answered, event.duration_us) {
                self.took(at, bucket_of(duration));
            }
        }
        self.name = name;
    }

    /// Counts a call of what has this name; where its minute stands.
    fn called(&mut self, name: &str, minute: u32, (failed, reached): (bool, bool)) -> usize {
        let name = &*bounded(name);
        let known = self.operations.get(name).copied();
        let known = known.filter(|at| self.seen.operations[*at].minute == minute);
        let at = known.unwrap_or_else(|| {
            self.bytes += size_of::<OperationMinute>();
            let at = self.seen.operations.len();
            self.seen.operations.push(OperationMinute {
                operation: name.into(),
                minute,
                calls: 0,
                failed: 0,
                reached: 0,
                durations: Vec::new(),
            });
            self.operations.insert(name.into(), at);
            at
        });
        let counted = &mut self.seen.operations[at];
        counted.calls += 1;
        counted.failed += u32::from(failed);
        counted.reached += u32::from(reached);
        at
    }

    fn took(&mut self, at: usize, bucket: u8) {
        let durations = &mut self.seen.operations[at].durations;
        if let Some((_, count)) = durations.iter_mut().find(|(known, _)| *known == bucket) {
            *count += 1;
        } else {
            self.bytes += size_of::<(u8, u32)>();
            durations.push((bucket, 1));
        }
    }

    fn promised(&mut self, integration: &str, event: &Event<'_>, minute: u32) {
        if self.expectations.of(integration).is_none() {
            return; // as most are; a count of references costs more than the look
        }
        let expectations = Arc::clone(&self.expectations);
        let Some(numbers) = expectations.of(integration) else {
            return;
        };
        let is_failed = event.status.is_some_and(|status| status >= 500);
        for &level in &numbers.levels {
            let spec = &expectations.levels()[level as usize];
            let bad = match spec.promise {
                Promise::Availability { .. } => is_failed,
                Promise::Latency { .. } if is_failed => continue,
                Promise::Latency { within_us, .. } => match event.duration_us {
                    Some(duration) => duration > within_us,
                    None => continue,
                },
                Promise::Traffic { .. } => false,
            };
            if is_of(&spec.operations, event) {
                self.level(level, minute, bad);
            }
        }
        for &schedule in &numbers.schedules {
            let spec = &expectations.schedules()[schedule as usize];
            if !is_failed && is_of(&spec.operations, event) {
                self.run(schedule, minute, event);
            }
        }
    }

    fn level(&mut self, level: u32, minute: u32, bad: bool) {
        let levels = &mut self.seen.levels;
        let at = *self.levels.entry(level).or_insert(usize::MAX);
        let at = if levels.get(at).is_some_and(|known| known.minute == minute) {
            at
        } else {
            levels.push(LevelMinute {
                level,
                minute,
                calls: 0,
                bad: 0,
            });
            self.bytes += size_of::<LevelMinute>();
            self.levels.insert(level, levels.len() - 1);
            levels.len() - 1
        };
        levels[at].calls += 1;
        levels[at].bad += u32::from(bad);
    }

    fn run(&mut self, schedule: u32, minute: u32, event: &Event<'_>) {
        let runs = &mut self.seen.runs;
        let at = *self.runs.entry(schedule).or_insert(usize::MAX);
        let at = if runs.get(at).is_some_and(|known| known.minute == minute) {
            at
        } else {
            runs.push(RunMinute {
                schedule,
                minute,
                calls: 0,
                records: 0,
                deletions: 0,
            });
            self.bytes += size_of::<RunMinute>();
            self.runs.insert(schedule, runs.len() - 1);
            runs.len() - 1
        };
        let is_deletion = event.method.as_deref() == Some("DELETE");
        runs[at].calls += 1;
        runs[at].records += event.record_count.unwrap_or(0);
        runs[at].deletions += u32::from(is_deletion);
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was seen; from here on a new block.
    pub(crate) fn finish(&mut self) -> Seen {
        self.gateways.clear();
        self.operations.clear();
        self.levels.clear();
        self.runs.clear();
        self.bytes = 0;
        let mut seen = std::mem::take(&mut self.seen);
        for gateway in &mut seen.gateways {
            gateway.repeated += join(&mut gateway.numbers);
        }
        seen
    }
}

/// Puts words of running numbers in order, each once; how many numbers came more than once.
pub(super) fn join(numbers: &mut Vec<(u64, u64)>) -> u32 {
    numbers.sort_unstable_by_key(|(word, _)| *word);
    let mut repeated = 0;
    numbers.dedup_by(|(word, bits), (kept, all)| {
        let is_same = word == kept;
        if is_same {
            repeated += (*bits & *all).count_ones();
            *all |= *bits;
        }
        is_same
    });
    repeated
}

/// The minute of an instant, since the epoch.
pub(super) fn minute_of(time: Timestamp) -> Option<u32> {
    u32::try_from(time.micros().div_euclid(MINUTE_US)).ok()
}

/// The name of a finding's entity, of an integration and something of it.
pub(super) fn joined(integration: &str, what: &str) -> CompactString {
    format_compact!("{integration} | {what}")
}
