//! How far a shard has come in each partition, and the watermark that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// How far one partition was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The first offset that was not applied yet.
    pub next: i64,
    /// The newest event time before `next`, clamped.
    pub newest: Timestamp,
}

/// The partitions of a shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    progress: BTreeMap<i32, Progress>,
    assigned: BTreeSet<i32>,
}

impl Sources {
    /// Goes on from a snapshot.
    pub(crate) fn restored(progress: BTreeMap<i32, Progress>) -> Self {
        Sources {
            progress,
            assigned: BTreeSet::new(),
        }
    }

    /// Says which partitions are read. One that was read before and is not named any more no longer holds the watermark;
    /// one that is named and was never seen holds it until its first block, or until it is said to be idle.
    pub(crate) fn assign(&mut self, partitions: &[i32]) {
        self.assigned = partitions.iter().copied().collect();
    }

    /// The first offset of a partition that was not applied yet; `i64::MIN` when nothing was.
    pub(crate) fn next(&self, partition: i32) -> i64 {
        self.progress
            .get(&partition)
            .map_or(i64::MIN, |progress| progress.next)
    }

    /// Notes that a partition was applied up to `end`.
    pub(crate) fn advance(&mut self, partition: i32, end: i64, newest: Timestamp) {
        self.assigned.insert(partition);
        let progress = self
            .progress
            .entry(partition)
            .or_insert(Progress { next: end, newest });
        progress.next = progress.next.max(end);
        progress.newest = progress.newest.max(newest);
    }

    /// Every event whose turn comes before this instant has been seen: the least of (newest − lateness) over the assigned
    /// partitions that are not idle. When all are idle, just behind the newest event of all, so that a quiet system still
    /// alerts. [`Timestamp::MIN`] when nothing can be said.
    pub(crate) fn watermark(&self, idle: &[i32], lateness_us: i64) -> Timestamp {
        let mut least: Option<Timestamp> = None;
        for partition in self.assigned.iter().filter(|p| !idle.contains(p)) {
            let newest = self
                .progress
                .get(partition)
                .map_or(Timestamp::MIN, |progress| progress.newest);
            let bound = newest.plus_micros(-lateness_us);
            least = Some(least.map_or(bound, |least| least.min(bound)));
        }
        least.unwrap_or_else(|| {
            let newest = self
                .assigned
                .iter()
                .filter_map(|partition| self.progress.get(partition))
                .map(|progress| progress.newest)
                .max();
            newest.map_or(Timestamp::MIN, |newest| newest.plus_micros(1))
        })
    }

    /// The newest event time of all partitions; [`Timestamp::MIN`] when nothing was applied.
    pub(crate) fn newest(&self) -> Timestamp {
        let newest = self.progress.values().map(|progress| progress.newest);
        newest.max().unwrap_or(Timestamp::MIN)
    }

    /// How far each partition was applied.
    pub(crate) fn progress(&self) -> &BTreeMap<i32, Progress> {
        &self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENESS: i64 = 10_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_slowest_partition_that_is_not_idle_holds_the_watermark() {
        let mut sources = Sources::default();
        sources.assign(&[0, 1, 2]);
        sources.advance(0, 10, at(100));
        assert_eq!(sources.watermark(&[], LATENESS), Timestamp::MIN);
        sources.advance(1, 10, at(50));
        assert_eq!(sources.watermark(&[2], LATENESS), at(40));
        assert_eq!(sources.watermark(&[1, 2], LATENESS), at(90));
    }

    #[test]
    fn when_all_are_idle_the_newest_event_is_passed() {
        let mut sources = Sources::default();
        sources.assign(&[0, 1]);
        assert_eq!(sources.watermark(&[0, 1], LATENESS), Timestamp::MIN);
        sources.advance(0, 10, at(100));
        assert_eq!(sources.watermark(&[0, 1], LATENESS), at(100).plus_micros(1));
    }

    #[test]
    fn a_partition_given_away_holds_nothing() {
        let mut sources = Sources::default();
        sources.advance(0, 10, at(100));
        sources.advance(1, 10, at(50));
        sources.assign(&[0]);
        assert_eq!(sources.watermark(&[], LATENESS), at(90));
        assert_eq!(sources.next(1), 10);
    }
}
