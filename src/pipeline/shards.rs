//! All shards of the tracker, each with the alerts that it raises.
//!
//! Blocks go in one after another, in the order in which the pipeline has them; alerts that changed come out. What a block
//! changed has to be acknowledged before its offsets are committed (`docs/delivery.md`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Merger};
use crate::event::Timestamp;
use crate::track::{
    Fired, Fit, PartitionClock, Places, Plan, Progress, SHARDS, Shard, ShardPart, ShardSnapshot,
    SnapshotError, TrackBlock, TrackCounts, settle, split,
};

/// A block with fewer matches and observations is not worth waking threads for.
const WORTH_THREADS: usize = 2_000;

/// Tracking and merging, whole.
pub struct Tracker {
    plan: Arc<Plan>,
    shards: Vec<Worker>,
    threads: usize,
    /// Offsets at which restored shards stand, a partition; blocks are cut there until they are behind.
    cuts: BTreeMap<i32, Vec<i64>>,
    /// Matches of blocks that were built by rules which are gone or changed since.
    outdated: u64,
}

/// One shard and its alerts.
struct Worker {
    shard: Shard,
    merger: Merger,
    /// Findings that are not merged yet.
    fired: Vec<Fired>,
}

/// State of one shard and its alerts between two blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerSnapshot {
    /// Which shard, from 0.
    pub shard: usize,
    /// Windows, baselines, waiting matches; offsets.
    pub state: ShardSnapshot,
    /// Alerts that may still grow.
    pub alerts: Vec<u8>,
}

impl Tracker {
    /// An empty tracker that runs its shards on up to `threads` threads.
    #[must_use]
    pub fn new(plan: Arc<Plan>, threads: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Worker::new(&plan)).collect();
        Tracker {
            plan,
            shards,
            threads: threads.clamp(1, SHARDS),
            cuts: BTreeMap::new(),
            outdated: 0,
        }
    }

    /// A tracker that goes on from snapshots, one of each shard at most; a shard without one starts empty.
    ///
    /// Replay each partition from [`Tracker::resume`], then everything is as it would have been.
    ///
    /// # Errors
    /// When a snapshot is broken or of another format. Changed rules are no error: they start empty.
    pub fn restore(
        plan: Arc<Plan>,
        threads: usize,
        snapshots: &[TrackerSnapshot],
    ) -> Result<Self, SnapshotError> {
        let mut tracker = Tracker::new(plan, threads);
        for snapshot in snapshots {
            if let Some(worker) = tracker.shards.get_mut(snapshot.shard) {
                worker.shard = Shard::restore(Arc::clone(&tracker.plan), &snapshot.state)?;
                worker.merger = Merger::restore(&tracker.plan, &snapshot.alerts)?;
            }
        }
        for worker in &tracker.shards {
            for (partition, progress) in worker.shard.progress() {
                tracker
                    .cuts
                    .entry(*partition)
                    .or_default()
                    .push(progress.next);
            }
        }
        for cuts in tracker.cuts.values_mut() {
            cuts.sort_unstable();
            cuts.dedup();
        }
        Ok(tracker)
    }

    /// Says which partitions are read from now on. Until the first block of one (or until it is idle) nothing is released.
    pub fn assign(&mut self, partitions: &[i32]) {
        for worker in &mut self.shards {
            worker.shard.assign(partitions);
        }
    }

    /// Where to begin with a partition: the least offset at which any shard stands, and the clock as it was there. `None` when a
    /// shard has nothing of it, so it is to be read from where the source begins (with a clock of [`Tracker::clock`]).
    #[must_use]
    pub fn resume(&self, partition: i32) -> Option<(i64, PartitionClock)> {
        let progress: Option<Vec<&Progress>> = self
            .shards
            .iter()
            .map(|worker| worker.shard.progress().get(&partition))
            .collect();
        let least = progress?
            .into_iter()
            .min_by_key(|progress| (progress.next, progress.newest))?;
        Some((
            least.next,
            PartitionClock::new(least.newest, self.plan.lateness_us()),
        ))
    }

    /// The clock of a partition of which nothing was read.
    #[must_use]
    pub fn clock(&self) -> PartitionClock {
        PartitionClock::new(Timestamp::MIN, self.plan.lateness_us())
    }

    /// Offsets at which blocks of a partition have to begin, for [`crate::track::BlockBuilder::new`].
    #[must_use]
    pub fn cuts(&self, partition: i32) -> &[i64] {
        self.cuts.get(&partition).map_or(&[], Vec::as_slice)
    }

    /// To be called before [`Tracker::apply`] with the plan of the rules that matched the blocks. A newer plan is adopted: state of
    /// rules that stayed the same goes on. Blocks of an older one, from a worker that had not changed yet, are taken over.
    pub fn follow(&mut self, plan: &Arc<Plan>, blocks: &mut [TrackBlock]) {
        if plan.generation > self.plan.generation {
            let places = Places::between(&self.plan, plan);
            for worker in &mut self.shards {
                worker.shard.adopt(plan, &places);
            }
            self.plan = Arc::clone(plan);
        } else if plan.generation < self.plan.generation {
            let places = Places::between(plan, &self.plan);
            for block in blocks {
                self.outdated += places.take_over(block);
            }
        }
    }

    /// Takes a block. `idle` names the partitions that have nothing unread and were silent for longer than the lateness.
    /// Returns the alerts that changed, in a stable order.
    pub fn apply(&mut self, block: TrackBlock, idle: &[i32]) -> Vec<Alert> {
        if let Some(cuts) = self.cuts.get_mut(&block.partition) {
            cuts.retain(|cut| *cut > block.end);
        }
        let work = block.matches.len() + block.observations.len();
        let parts = split(block, &self.plan);
        let jobs: Vec<(&mut Worker, ShardPart)> = self.shards.iter_mut().zip(parts).collect();
        if self.threads == 1 || work < WORTH_THREADS {
            for (worker, part) in jobs {
                worker.apply(part, idle);
            }
        } else {
            in_parallel(jobs, self.threads, idle);
        }
        self.merge()
    }

    /// Moves the watermark when partitions became idle, without a block.
    pub fn tick(&mut self, idle: &[i32]) -> Vec<Alert> {
        for worker in &mut self.shards {
            worker.shard.tick(idle, &mut worker.fired);
        }
        self.merge()
    }

    /// The end of a finite source: everything that waits is taken and every window closed.
    pub fn finish(&mut self) -> Vec<Alert> {
        for worker in &mut self.shards {
            worker.shard.finish(&mut worker.fired);
        }
        self.merge()
    }

    /// Takes chained correlations to the end, and the findings of each shard into its alerts.
    fn merge(&mut self) -> Vec<Alert> {
        let mut shards: Vec<_> = self
            .shards
            .iter_mut()
            .map(|worker| (&mut worker.shard, &mut worker.fired))
            .collect();
        settle(&self.plan, &mut shards);
        self.shards.iter_mut().flat_map(Worker::merge).collect()
    }

    /// Whether anything of a shard but its offsets changed since its last snapshot. One that did not change may be stored anew
    /// with its old `state.state` and `alerts` under its present offsets.
    #[must_use]
    pub fn is_dirty(&self, shard: usize) -> bool {
        self.shards
            .get(shard)
            .is_some_and(|worker| worker.shard.is_dirty())
    }

    /// A shard as it is between two blocks. Every alert that [`Tracker::apply`] returned has to be acknowledged before the snapshot
    /// is used. `None` for a number that is no shard.
    #[must_use]
    pub fn snapshot(&mut self, shard: usize) -> Option<TrackerSnapshot> {
        Some(self.shards.get_mut(shard)?.snapshot(shard))
    }

    /// All of them, in order, on as many threads as blocks are applied on.
    #[must_use]
    pub fn snapshots(&mut self) -> Vec<TrackerSnapshot> {
        let size = SHARDS.div_ceil(self.threads);
        let some = |(group, workers): (usize, &mut [Worker])| -> Vec<TrackerSnapshot> {
            let numbered = (group * size..).zip(workers);
            numbered
                .map(|(shard, worker)| worker.snapshot(shard))
                .collect()
        };
        let groups = self.shards.chunks_mut(size).enumerate();
        if self.threads == 1 {
            return groups.flat_map(some).collect();
        }
        thread::scope(|scope| {
            let running: Vec<_> = groups
                .map(|group| scope.spawn(move || some(group)))
                .collect();
            let done = running.into_iter().flat_map(|thread| {
                let joined = thread.join();
                joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            done.collect()
        })
    }

    /// How far a shard has applied each partition.
    #[must_use]
    pub fn progress(&self, shard: usize) -> Option<&BTreeMap<i32, Progress>> {
        Some(self.shards.get(shard)?.shard.progress())
    }

    /// What all shards did and gave up so far.
    #[must_use]
    pub fn counts(&self) -> TrackCounts {
        let mut counts = TrackCounts::default();
        for worker in &self.shards {
            counts.add(worker.shard.counts());
            counts.evicted_alerts += worker.merger.evicted();
        }
        counts.dropped_on_reload += self.outdated;
        counts
    }

    /// Clients whose baseline is kept.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shards
            .iter()
            .map(|worker| worker.shard.clients())
            .sum()
    }

    /// Entities whose behaviour is known, of each integration.
    #[must_use]
    pub fn behaving(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|worker| worker.shard.behaving()).sum()
    }

    /// Gateways and operations that are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|worker| worker.shard.watched()).sum()
    }

    /// How many times as many rows of behaviour are odd as should be; `None` while too few are known.
    #[must_use]
    pub fn calibration_ratio(&self) -> Option<f64> {
        let fits = self.shards.iter().map(|worker| worker.shard.fit());
        fits.fold(Fit::default(), Fit::join).ratio()
    }

    /// Of each like whose behaviour is still being learned, so that nothing is told of it: until when.
    #[must_use]
    pub fn learning(&self) -> Vec<Timestamp> {
        let shards = self.shards.iter();
        shards.flat_map(|worker| worker.shard.learning()).collect()
    }

    /// Series of watched numbers.
    #[must_use]
    pub fn series(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|worker| worker.shard.series()).sum()
    }

    /// Matches that wait for the watermark.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shards
            .iter()
            .map(|worker| worker.shard.waiting())
            .sum()
    }

    /// Alerts that may still grow.
    #[must_use]
    pub fn open_alerts(&self) -> usize {
        self.shards.iter().map(|worker| worker.merger.open()).sum()
    }

    /// The least watermark of all shards.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        let watermarks = self.shards.iter().map(|worker| worker.shard.watermark());
        watermarks.min().unwrap_or(Timestamp::MIN)
    }
}

/// Shards share nothing while a block is applied, so any number of threads gives the same findings.
fn in_parallel(jobs: Vec<(&mut Worker, ShardPart)>, threads: usize, idle: &[i32]) {
    let size = jobs.len().div_ceil(threads);
    let mut jobs = jobs.into_iter();
    thread::scope(|scope| {
        for _ in 0..threads {
            let chunk: Vec<(&mut Worker, ShardPart)> = jobs.by_ref().take(size).collect();
            scope.spawn(move || {
                for (worker, part) in chunk {
                    worker.apply(part, idle);
                }
            });
        }
    });
}

impl Worker {
    fn new(plan: &Arc<Plan>) -> Self {
        Worker {
            shard: Shard::new(Arc::clone(plan)),
            merger: Merger::of(plan, plan.open_alerts_a_shard()),
            fired: Vec::new(),
        }
    }

    fn apply(&mut self, part: ShardPart, idle: &[i32]) {
        self.shard.apply(part, idle, &mut self.fired);
    }

    fn snapshot(&mut self, shard: usize) -> TrackerSnapshot {
        TrackerSnapshot {
            shard,
            state: self.shard.snapshot(),
            alerts: self.merger.snapshot(),
        }
    }

    fn merge(&mut self) -> Vec<Alert> {
        for fired in self.fired.drain(..) {
            self.merger.merge(fired.finding, &fired.meta, fired.turn);
        }
        let changed = self.merger.changed();
        self.merger.expire(self.shard.watermark());
        changed
    }
}

#[cfg(test)]
mod tests;
