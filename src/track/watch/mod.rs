//! What is watched minute by minute besides clients: gateways, operations, levels of service, schedules.
//!
//! Minutes are those of the turns of events, closed by the watermark in order, also those in which nothing came: that nothing
//! comes is half of what is looked for. A minute is closed only when an event was seen after it: where no time passed,
//! nothing is missing.

mod errors;
mod found;
mod journal;
mod latency;
mod level;
mod meta;
mod parts;
mod recent;
mod schedule;
mod seen;
mod trouble;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use self::errors::Errors;
use self::found::Found;
use self::journal::Gateway;
use self::latency::Operation;
use self::level::Level;
use self::parts::whole_of;
use self::schedule::{Fault, Schedule};
use self::seen::{MINUTE_US, joined};
use super::baseline::Volume;
use super::expectation::{LevelSpec, Promise, ScheduleSpec};
use super::finding::Measure;
use super::plan::share;
use super::{EntityKind, Finding, Note, Plan, TrackCounts};
use crate::event::Timestamp;
pub(super) use meta::metas;
pub(super) use parts::split;
pub use seen::Seen;
pub(super) use seen::SeenBuilder;

/// Most gateways, and most operations, of the whole process.
const MOST_NAMES: usize = 16_384;
/// Minutes that may stay open, while a partition lags; what comes in further ones is not watched, and counted.
const MOST_OPEN: usize = 2_880;
/// Minutes after which an operation that is not called is forgotten.
const LONGEST_SILENCE: u32 = 7 * 1_440;
/// After a longer time without any event its minutes are not looked at one by one, microseconds.
const LONGEST_GAP_US: i64 = 3 * 86_400_000_000;

/// The part of one shard.
pub(super) struct Watch {
    gateways: BTreeMap<CompactString, Gateway>,
    operations: BTreeMap<CompactString, Called>,
    /// By the key of what was promised.
    levels: BTreeMap<u64, Level>,
    schedules: BTreeMap<u64, Schedule>,
    open: BTreeMap<u32, Minute>,
    /// While a block is taken in: the first minute that is not closed right after, and how many such are open.
    soon: u32,
    ahead: usize,
    /// The newest minute that was closed.
    closed: Option<u32>,
    most: usize,
}

/// What is known of the calls of one operation, or of a whole integration.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Called {
    latency: Operation,
    errors: Errors,
    volume: Volume,
    /// The newest minute in which it was called.
    newest: u32,
}

/// Its calls in a minute.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Calls {
    all: u32,
    failed: u32,
    /// Neither refused nor for what is not there.
    reached: u32,
    durations: Vec<(u8, u32)>,
}

/// What was seen in a minute that is not closed yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Minute {
    gateways: BTreeMap<CompactString, Records>,
    operations: BTreeMap<CompactString, Calls>,
    /// Calls and bad ones.
    levels: BTreeMap<u64, (u32, u32)>,
    runs: BTreeMap<u64, schedule::Calls>,
}

/// Records of one gateway.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Records {
    count: u32,
    numbers: Vec<(u64, u64)>,
    repeated: u32,
}

impl Watch {
    pub(super) fn new() -> Self {
        Watch {
            gateways: BTreeMap::new(),
            operations: BTreeMap::new(),
            levels: BTreeMap::new(),
            schedules: BTreeMap::new(),
            open: BTreeMap::new(),
            soon: 0,
            ahead: 0,
            closed: None,
            most: share(MOST_NAMES),
        }
    }

    /// Adds what a block showed. Minutes that end by `soon` are closed right after.
    pub(super) fn observe(
        &mut self,
        seen: Seen,
        plan: &Plan,
        soon: Timestamp,
        counts: &mut TrackCounts,
    ) {
        self.soon = seen::minute_of(soon).unwrap_or(0);
        self.ahead = self.open.range(self.soon..).count();
        let Seen {
            gateways,
            operations,
            levels,
            runs,
        } = seen;
        for one in gateways {
            let Some(minute) = self.minute(one.minute, counts) else {
                continue;
            };
            let records = minute.gateways.entry(one.gateway).or_default();
            records.count += one.records;
            records.numbers.extend(one.numbers);
            records.repeated += one.repeated;
        }
        for one in operations {
            let Some(minute) = self.minute(one.minute, counts) else {
                continue;
            };
            let known = minute.operations.entry(one.operation).or_default();
            known.all += one.calls;
            known.failed += one.failed;
            known.reached += one.reached;
            let durations = &mut known.durations;
            for (bucket, count) in one.durations {
                match durations.iter_mut().find(|(known, _)| *known == bucket) {
                    Some((_, known)) => *known += count,
                    None => durations.push((bucket, count)),
                }
            }
        }
        let expectations = &plan.expectations;
        for one in levels {
            let Some(key) = expectations.level_key(one.level) else {
                continue;
            };
            if let Some(minute) = self.minute(one.minute, counts) {
                let known = minute.levels.entry(key).or_default();
                known.0 += one.calls;
                known.1 += one.bad;
            }
        }
        for one in runs {
            let Some(key) = expectations.schedule_key(one.schedule) else {
                continue;
            };
            if let Some(minute) = self.minute(one.minute, counts) {
                let known = minute.runs.entry(key).or_default();
                known.0 += one.calls;
                known.1 += one.records;
                known.2 += one.deletions;
            }
        }
    }

    /// The open minute; a closed one is counted as the next that is open.
    fn minute(&mut self, minute: u32, counts: &mut TrackCounts) -> Option<&mut Minute> {
        let minute = minute.max(self.closed.map_or(0, |closed| closed + 1));
        if minute >= self.soon && !self.open.contains_key(&minute) {
            if self.ahead >= MOST_OPEN {
                counts.unwatched += 1;
                return None;
            }
            self.ahead += 1;
        }
        Some(self.open.entry(minute).or_default())
    }

    /// The next minute to be closed: while anything is known that may fall silent, the one after the last.
    fn next(&self) -> Option<u32> {
        let first = self.open.keys().next().copied();
        let is_known = !(self.gateways.is_empty()
            && self.operations.is_empty()
            && self.levels.is_empty()
            && self.schedules.is_empty());
        match self.closed {
            Some(closed) if is_known => Some(closed + 1),
            _ => first,
        }
    }

    /// The end of the next minute to be closed.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let minute = self.next()?;
        Some(Timestamp::from_micros((i64::from(minute) + 1) * MINUTE_US))
    }

    /// Closes the next minute. What is found of a kind comes in the order of names.
    pub(super) fn close(
        &mut self,
        plan: &Plan,
        seen: Timestamp,
        counts: &mut TrackCounts,
        out: &mut Vec<Finding>,
    ) {
        let Some(minute) = self.next() else { return };
        self.closed = Some(minute);
        let now = self.open.remove(&minute).unwrap_or_default();
        let at = Found { plan, minute };
        self.close_gateways(now.gateways, &at, counts, out);
        self.close_operations(now.operations, &at, counts, out);
        for (key, spec) in plan.expectations.known_levels() {
            self.close_level((key, spec), now.levels.get(&key).copied(), &at, out);
        }
        for (key, spec) in plan.expectations.known_schedules() {
            self.close_schedule((key, spec), now.runs.get(&key).copied(), &at, out);
        }
        self.skip(seen);
    }

    /// After a long time without anything, what came before says nothing about now.
    fn skip(&mut self, seen: Timestamp) {
        let Some(end) = self.next_end() else { return };
        if seen.since(end) > LONGEST_GAP_US {
            let from = seen.plus_micros(-LONGEST_GAP_US);
            let first = self.open.keys().next().copied();
            let next = seen::minute_of(from).into_iter().chain(first).min();
            if next > self.next() {
                self.closed = next.map(|minute| minute - 1);
                self.gateways.clear();
                self.operations.clear();
                self.levels.clear();
                self.schedules.clear();
            }
        }
    }

    fn close_gateways(
        &mut self,
        mut now: BTreeMap<CompactString, Records>,
        at: &Found<'_>,
        counts: &mut TrackCounts,
        out: &mut Vec<Finding>,
    ) {
        for name in now.keys() {
            if self.gateways.contains_key(name) {
                continue;
            }
            if self.gateways.len() < self.most {
                self.gateways.insert(name.clone(), Gateway::new());
            } else {
                counts.unwatched += 1;
            }
        }
        let mut flaws = Vec::new();
        for (name, gateway) in &mut self.gateways {
            let mut records = now.remove(name).unwrap_or_default();
            records.repeated += seen::join(&mut records.numbers);
            let Records {
                count,
                numbers,
                repeated,
            } = records;
            gateway.close(at.minute, count, &numbers, repeated, &mut flaws);
            out.extend(flaws.drain(..).map(|flaw| at.flaw(name, &flaw)));
        }
        self.gateways.retain(|_, gateway| !gateway.is_gone());
    }

    fn close_operations(
        &mut self,
        mut now: BTreeMap<CompactString, Calls>,
        at: &Found<'_>,
        counts: &mut TrackCounts,
        out: &mut Vec<Finding>,
    ) {
        for (name, calls) in &now {
            // Names of operations are chosen by whoever calls: one that nobody ever came to is none.
            if calls.reached == 0 || self.operations.contains_key(name) {
                continue;
            }
            if self.operations.len() < self.most {
                self.operations.insert(name.clone(), Called::new(at.minute));
            } else {
                counts.unwatched += 1;
            }
        }
        // An integration comes before its operations, though not right before them.
        let mut shifted: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, called) in &mut self.operations {
            let whole = whole_of(name);
            let of_whole = shifted.get(whole).copied();
            called.close(name, (now.remove(name), of_whole), at, out);
            if let (true, Some(is_fall)) = (whole == name, called.volume.is_told()) {
                shifted.insert(whole, is_fall);
            }
        }
        trouble::tell(&mut self.operations, at, out);
        self.operations
            .retain(|_, called| at.minute - called.newest <= LONGEST_SILENCE);
    }

    fn close_level(
        &mut self,
        (key, spec): (u64, &LevelSpec),
        seen: Option<(u32, u32)>,
        at: &Found<'_>,
        out: &mut Vec<Finding>,
    ) {
        let level = match (self.levels.get_mut(&key), seen) {
            (Some(level), _) => level,
            (None, Some(_)) => self.levels.entry(key).or_insert_with(Level::new),
            (None, None) => return,
        };
        let Some(breach) = level.close(seen.unwrap_or((0, 0)), &spec.promise) else {
            return;
        };
        let (detector, measure) = match spec.promise {
            Promise::Traffic { .. } => (meta::TRAFFIC, Measure::Calls),
            _ if breach.is_fast => (meta::BURN_FAST, Measure::BurnRate),
            _ => (meta::BURN_SLOW, Measure::BurnRate),
        };
        let entity = (EntityKind::Integration, spec.integration.clone());
        let measure = (measure, breach.observed, breach.expected);
        let mut finding = at.finding(detector, entity, measure, breach.bad.max(1));
        let width = i64::from(breach.short) * MINUTE_US;
        finding.first = finding.last.plus_micros(1 - width);
        finding.notes.push(Note::Promised {
            operations: spec.operations.clone(),
            promise: spec.promise,
            minutes: breach.window,
        });
        out.push(finding);
    }

    fn close_schedule(
        &mut self,
        (key, spec): (u64, &ScheduleSpec),
        calls: Option<schedule::Calls>,
        at: &Found<'_>,
        out: &mut Vec<Finding>,
    ) {
        let schedule = match (self.schedules.get_mut(&key), calls) {
            (Some(schedule), _) => schedule,
            // Watched from its first run on.
            (None, Some(_)) => self
                .schedules
                .entry(key)
                .or_insert_with(|| Schedule::new(at.minute)),
            (None, None) => return,
        };
        let mut faults: Vec<Fault> = Vec::new();
        schedule.close(at.minute, calls, spec, &mut faults);
        for fault in faults {
            let detector = match fault.measure {
                Measure::RunDeletions | Measure::RunLarge => meta::RUN_CONTENT,
                Measure::RunShort => meta::RUN_SHORT,
                Measure::RunDoubled | Measure::RunLong => meta::RUN_DOUBLED,
                _ => meta::RUN_MISSED,
            };
            let entity = (
                EntityKind::Integration,
                joined(&spec.integration, &spec.name),
            );
            let measure = (fault.measure, fault.observed, fault.expected);
            let mut finding = at.finding(detector, entity, measure, 1);
            let begin = Timestamp::from_micros(i64::from(fault.begin) * MINUTE_US);
            finding.first = begin.min(finding.first);
            out.push(finding);
        }
    }

    /// How many names are watched.
    pub(super) fn names(&self) -> usize {
        self.gateways.len() + self.operations.len()
    }

    pub(super) fn store(&self) -> StoredWatch {
        let pairs = |map: &BTreeMap<CompactString, Gateway>| {
            map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        StoredWatch {
            gateways: pairs(&self.gateways),
            operations: self
                .operations
                .iter()
                .map(|(name, known)| (name.clone(), known.clone()))
                .collect(),
            levels: self.levels.iter().map(|(k, v)| (*k, v.clone())).collect(),
            schedules: self
                .schedules
                .iter()
                .map(|(k, v)| (*k, v.clone()))
                .collect(),
            open: self.open.iter().map(|(k, v)| (*k, v.clone())).collect(),
            closed: self.closed,
        }
    }

    pub(super) fn restore(&mut self, stored: StoredWatch) {
        let StoredWatch {
            gateways,
            operations,
            levels,
            schedules,
            open,
            closed,
        } = stored;
        self.gateways = gateways.into_iter().collect();
        self.operations = operations.into_iter().collect();
        self.levels = levels.into_iter().collect();
        self.schedules = schedules.into_iter().collect();
        self.open = open.into_iter().collect();
        self.closed = closed;
    }
}

impl Called {
    fn new(minute: u32) -> Called {
        Called {
            latency: Operation::new(minute),
            errors: Errors::default(),
            volume: Volume::new(minute),
            newest: minute,
        }
    }

    /// Closes a minute, in which it may not have been called. What its integration as a whole does, fall or rise, is not told of it too.
    fn close(
        &mut self,
        name: &CompactString,
        (calls, of_whole): (Option<Calls>, Option<bool>),
        at: &Found<'_>,
        out: &mut Vec<Finding>,
    ) {
        let count = calls.as_ref().map_or(0, |it| it.all);
        let shift = self.volume.close(at.minute, count, at.plan);
        let shift = shift.filter(|shift| of_whole != Some(shift.is_fall));
        out.extend(shift.map(|shift| at.shift(name, &shift)));
        let Some(Calls {
            all,
            failed,
            durations,
            ..
        }) = calls
        else {
            return;
        };
        self.newest = at.minute;
        self.errors.close(at.minute, all, failed);
        if durations.is_empty() {
            return;
        }
        if let Some(slow) = self.latency.close(at.minute, durations) {
            let measure = (Measure::MedianDuration, slow.observed, slow.expected);
            let entity = (EntityKind::Integration, name.clone());
            out.push(at.finding(meta::LATENCY, entity, measure, slow.calls.into()));
        }
    }
}

/// The watch of one shard in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredWatch {
    gateways: Vec<(CompactString, Gateway)>,
    operations: Vec<(CompactString, Called)>,
    levels: Vec<(u64, Level)>,
    schedules: Vec<(u64, Schedule)>,
    open: Vec<(u32, Minute)>,
    closed: Option<u32>,
}

#[cfg(test)]
mod tests;
