//! A worker: a thread that owns some partitions and builds their blocks.
//!
//! A partition stays with one worker, so lateness and block ends depend on nothing but the order of its records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::Plan;
use super::active::Scratch;
use super::builder::{Block, Builder, Limits, Record};
use super::detection::Detection;
use crate::source::{Budget, RawBatch};

/// A block of a partition that is behind may be so many times as old.
const BACKLOG_AGES: u32 = 12;
/// When nothing came for so long, there is no backlog any more.
const LULL: Duration = Duration::from_millis(200);

/// What a worker is told.
pub enum ToWorker {
    /// Take a partition up.
    Begin(Plan),
    /// Records of a partition that was taken up.
    Batch(RawBatch),
    /// Close the open block of the partition if that may be, and forget the partition.
    Finish(i32),
    /// Forget the partition.
    Abandon(i32),
}

/// What a worker says. Bounded by the budget, which the source observes.
pub enum FromWorker {
    /// A block is ready.
    Block(Box<Block>),
    /// No more blocks of this partition will come.
    Finished(i32),
}

/// Settings of a worker.
#[derive(Clone)]
pub struct Settings {
    /// Topic, as it stands in stored rows.
    pub topic: Arc<str>,
    /// When a block is full.
    pub limits: Limits,
    /// When a block is old.
    pub age: Duration,
    /// No block is closed for want of memory before it has so many bytes.
    pub least_bytes: usize,
}

/// Runs until the channel is closed.
pub fn run(
    detection: &Detection,
    settings: &Settings,
    budget: &Budget,
    inbox: &Receiver<ToWorker>,
    outbox: &UnboundedSender<FromWorker>,
) {
    let mut worker = Worker {
        detection,
        settings,
        budget,
        outbox,
        scratch: detection.active().scratch(),
        builders: BTreeMap::new(),
        blocks: Vec::new(),
    };
    loop {
        match inbox.recv_timeout(worker.until_oldest()) {
            Ok(message) => worker.take(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        worker.close_old();
    }
}

struct Worker<'w> {
    detection: &'w Detection,
    settings: &'w Settings,
    budget: &'w Budget,
    outbox: &'w UnboundedSender<FromWorker>,
    scratch: Scratch,
    builders: BTreeMap<i32, Partition<'w>>,
    blocks: Vec<Block>,
}

/// A partition of a worker.
struct Partition<'w> {
    builder: Builder<'w>,
    /// When the last batch came behind which many more wait.
    behind: Option<Instant>,
}

impl Worker<'_> {
    fn take(&mut self, message: ToWorker) {
        match message {
            ToWorker::Begin(plan) => self.begin(plan),
            ToWorker::Batch(batch) => self.build(&batch),
            ToWorker::Finish(partition) => {
                if let Some(Partition { mut builder, .. }) = self.builders.remove(&partition) {
                    if builder.may_close() {
                        self.blocks.extend(builder.close());
                    } else {
                        self.budget.abandoned(builder.bytes());
                    }
                    self.send_blocks();
                }
                let _ = self.outbox.send(FromWorker::Finished(partition));
            }
            ToWorker::Abandon(partition) => {
                if let Some(Partition { builder, .. }) = self.builders.remove(&partition) {
                    self.budget.abandoned(builder.bytes());
                }
            }
        }
    }

    fn begin(&mut self, plan: Plan) {
        let settings = self.settings;
        let partition = plan.partition;
        let builder = Builder::new(self.detection, &settings.topic, plan, settings.limits);
        let partition_state = Partition {
            builder,
            behind: None,
        };
        self.builders.insert(partition, partition_state);
    }

    fn build(&mut self, batch: &RawBatch) {
        let Some(partition) = self.builders.get_mut(&batch.partition()) else {
            self.budget.built(batch.bytes(), 0, 0);
            return;
        };
        partition.behind = batch.is_behind().then(Instant::now);
        let builder = &mut partition.builder;
        let before = builder.bytes();
        self.blocks.extend(builder.close_outdated());
        for (offset, stamped, payload) in batch.iter() {
            let record = Record {
                offset,
                stamped,
                payload,
            };
            builder.push(&mut self.scratch, record, &mut self.blocks);
        }
        let closed: usize = self.blocks.iter().map(|block| block.bytes).sum();
        self.budget
            .built(batch.bytes(), before, builder.bytes() + closed);
        self.send_blocks();
    }

    fn close_old(&mut self) {
        let now = Instant::now();
        let age = self.age();
        for partition in self.builders.values_mut() {
            if partition.due(age).is_some_and(|due| now >= due) {
                self.blocks.extend(partition.builder.close());
            }
        }
        if self.blocks.is_empty() && self.budget.is_tight() {
            self.close_oldest();
        }
        self.send_blocks();
    }

    /// The oldest block goes on its way, so that what it holds comes free. Not the fullest: the watermark is that of the partition that is
    /// furthest behind, and matches of all others wait for it. Small ones stay while the source can still be read: a block is an INSERT,
    /// and many small ones are dear.
    fn close_oldest(&mut self) {
        let least = if self.budget.is_full() {
            0
        } else {
            self.settings.least_bytes
        };
        let oldest = self
            .builders
            .values_mut()
            .map(|partition| &mut partition.builder)
            .filter(|builder| builder.may_close() && builder.bytes() >= least)
            .min_by_key(|builder| builder.opened());
        if let Some(builder) = oldest {
            self.blocks.extend(builder.close());
        }
    }

    /// A tenth more for each partition held, so that many partitions do not mean many small inserts.
    fn age(&self) -> Duration {
        let partitions = u32::try_from(self.builders.len()).unwrap_or(u32::MAX);
        self.settings.age + self.settings.age / 10 * partitions
    }

    fn until_oldest(&self) -> Duration {
        let age = self.age();
        let soonest = self
            .builders
            .values()
            .filter_map(|partition| partition.due(age))
            .min();
        let wait = soonest.map_or(age, |due| due.saturating_duration_since(Instant::now()));
        if self.budget.is_tight() {
            wait.min(LULL)
        } else {
            wait
        }
    }

    fn send_blocks(&mut self) {
        for block in self.blocks.drain(..) {
            self.budget.closed(block.bytes);
            let _ = self.outbox.send(FromWorker::Block(Box::new(block)));
        }
    }
}

impl Partition<'_> {
    /// When the open block is to be closed by its age; later while many records flow in, for then a larger block serves better than an
    /// early one.
    fn due(&self, age: Duration) -> Option<Instant> {
        let opened = self.builder.opened()?;
        let due = opened + age;
        let due = match self.behind {
            Some(last) => due.max(last + LULL).min(opened + age * BACKLOG_AGES),
            None => due,
        };
        self.builder.may_close().then_some(due)
    }
}
