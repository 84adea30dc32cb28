//! A worker: a thread that owns some partitions and builds their blocks.
//!
//! A partition stays with one worker, so lateness and block ends depend on nothing but the order of its records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::Plan;
use super::builder::{Block, Builder, Limits, Record};
use super::detection::{Detection, Scratch};
use crate::source::{Budget, RawBatch};

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
        scratch: detection.scratch(),
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
    builders: BTreeMap<i32, Builder<'w>>,
    blocks: Vec<Block>,
}

impl Worker<'_> {
    fn take(&mut self, message: ToWorker) {
        match message {
            ToWorker::Begin(plan) => self.begin(plan),
            ToWorker::Batch(batch) => self.build(&batch),
            ToWorker::Finish(partition) => {
                if let Some(mut builder) = self.builders.remove(&partition) {
                    if builder.may_close() {
                        self.blocks.extend(builder.close());
                    } else {
                        self.budget.give_back(builder.raw_bytes());
                    }
                    self.send_blocks();
                }
                let _ = self.outbox.send(FromWorker::Finished(partition));
            }
            ToWorker::Abandon(partition) => {
                if let Some(builder) = self.builders.remove(&partition) {
                    self.budget.give_back(builder.raw_bytes());
                }
            }
        }
    }

    fn begin(&mut self, plan: Plan) {
        let settings = self.settings;
        let partition = plan.partition;
        let builder = Builder::new(self.detection, &settings.topic, plan, settings.limits);
        self.builders.insert(partition, builder);
    }

    fn build(&mut self, batch: &RawBatch) {
        let Some(builder) = self.builders.get_mut(&batch.partition()) else {
            self.budget.give_back(batch.bytes());
            return;
        };
        let before = builder.raw_bytes();
        for (offset, stamped, payload) in batch.iter() {
            let record = Record {
                offset,
                stamped,
                payload,
            };
            builder.push(&mut self.scratch, record, &mut self.blocks);
        }
        // Records that a builder passes over (a seek landed early) are in no block.
        let kept = builder.raw_bytes()
            + self
                .blocks
                .iter()
                .map(|block| block.raw_bytes)
                .sum::<usize>()
            - before;
        self.budget.give_back(batch.bytes() - kept);
        self.send_blocks();
    }

    fn close_old(&mut self) {
        let now = Instant::now();
        let age = self.age();
        for builder in self.builders.values_mut() {
            if builder.opened().is_some_and(|opened| now - opened >= age) && builder.may_close() {
                self.blocks.extend(builder.close());
            }
        }
        self.send_blocks();
    }

    /// A tenth more for each partition held, so that many partitions do not mean many small inserts.
    fn age(&self) -> Duration {
        let partitions = u32::try_from(self.builders.len()).unwrap_or(u32::MAX);
        self.settings.age + self.settings.age / 10 * partitions
    }

    fn until_oldest(&self) -> Duration {
        let oldest = self
            .builders
            .values()
            .filter(|builder| builder.may_close())
            .filter_map(Builder::opened)
            .min();
        let age = self.age();
        oldest.map_or(age, |opened| {
            (opened + age).saturating_duration_since(Instant::now())
        })
    }

    fn send_blocks(&mut self) {
        for block in self.blocks.drain(..) {
            let _ = self.outbox.send(FromWorker::Block(Box::new(block)));
        }
    }
}
