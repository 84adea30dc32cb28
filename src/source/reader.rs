//! Reading: takes records of all partitions that the group gave us, hands batches on, pauses under back-pressure.
//!
//! Partitions are read abreast: next comes the one whose records are the oldest by Kafka's own times. Windows over all partitions
//! close at the pace of the one that is furthest behind, so after an outage everything that is read ahead of it would have to wait in
//! memory. (librdkafka by itself hands out what it fetched in the order of fetching: megabytes of one partition, then of the next.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use metrics::{Counter, counter, gauge};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message, Timestamp as RecordTime};
use tracing::{debug, info};

use super::consumer::{Consumer, GroupContext};
use super::{Budget, RawBatch};
use crate::event::Timestamp;
use crate::telemetry::metric;

/// A batch waits so long for more.
const BATCH_AGE: Duration = Duration::from_millis(50);
/// After so many records of one partition the others are looked at.
const SWEEP: u32 = 256;
/// A partition with so many unread records is behind.
const BACKLOG: i64 = 20_000;
/// So is one with so many, when they are so old: more than the clocks of producers are wrong by.
const SOME: i64 = 1_000;
const OLD: Duration = Duration::from_secs(10);
/// How long polling may stand still before partitions are paused instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// Polls until `stop`. Batches go to `hand_on`, which returns false when nobody takes them any more.
pub fn poll_loop(
    consumer: &Arc<Consumer>,
    budget: &Budget,
    stop: &AtomicBool,
    hand_on: impl FnMut(RawBatch) -> bool,
) {
    let mut reader = Reader {
        consumer,
        partitions: BTreeMap::new(),
    };
    if let Err(error) = reader.run(budget, stop, hand_on) {
        consumer.context().failed(error);
    }
}

struct Reader<'c> {
    consumer: &'c Arc<Consumer>,
    partitions: BTreeMap<i32, Partition>,
}

/// A partition that is read.
struct Partition {
    queue: PartitionQueue<GroupContext>,
    progress: Progress,
}

/// How far a partition was read.
struct Progress {
    partition: i32,
    /// When the record read last was written, as Kafka says.
    reached: Option<Timestamp>,
    /// Records read.
    records: u64,
    /// The batch being filled, with the time of its first record.
    open: Option<(Instant, RawBatch)>,
}

impl Reader<'_> {
    fn run(
        &mut self,
        budget: &Budget,
        stop: &AtomicBool,
        mut hand_on: impl FnMut(RawBatch) -> bool,
    ) -> KafkaResult<()> {
        while !stop.load(Ordering::Relaxed) {
            self.serve()?;
            if !self.read_oldest()? {
                // Woken by the first record that comes, or by time for the sake of rebalances and open batches.
                std::thread::park_timeout(BATCH_AGE);
            }
            for mut batch in self.ripe() {
                batch.set_behind(self.is_behind(&batch));
                records_read(batch.partition()).increment(batch.rows() as u64);
                counter!(metric::BYTES_READ).increment(batch.bytes() as u64);
                budget.read(batch.bytes());
                if !hand_on(batch) {
                    return Ok(());
                }
            }
            gauge!(metric::BUFFERED).set(budget.used() as f64);
            self.wait_for_room(budget, stop)?;
        }
        Ok(())
    }

    /// Serves rebalances and errors; afterwards the partitions are those of the group.
    fn serve(&mut self) -> KafkaResult<()> {
        match self.consumer.poll(Duration::ZERO) {
            // Records come through the queues: a partition is paused until it has one. Should one come here all the same, it is not lost.
            Some(Ok(message)) => {
                if let Some(partition) = self.partitions.get_mut(&message.partition()) {
                    partition.progress.take(&message);
                }
            }
            Some(Err(error)) => check(error)?,
            None => {}
        }
        let changes = self.consumer.context().take_changes();
        for partition in changes.gone {
            // Whoever has the partition now reads the records of the open batch again.
            self.partitions.remove(&partition);
        }
        for partition in changes.came {
            self.take_up(partition)?;
        }
        Ok(())
    }

    fn take_up(&mut self, partition: i32) -> KafkaResult<()> {
        let topic = self.consumer.context().topic();
        let Some(mut queue) = self.consumer.split_partition_queue(topic, partition) else {
            return Ok(()); // gone again meanwhile
        };
        let reader = std::thread::current();
        queue.set_nonempty_callback(move || reader.unpark());
        // Counted from nothing: a partition of which nothing was read has to show.
        records_read(partition).increment(0);
        let progress = Progress::new(partition);
        self.partitions
            .insert(partition, Partition { queue, progress });
        let mut one = TopicPartitionList::new();
        one.add_partition(topic, partition);
        self.consumer.resume(&one)
    }

    /// Reads of the partition that is furthest behind and has something; says whether any had.
    fn read_oldest(&mut self) -> KafkaResult<bool> {
        let mut order: Vec<_> = self.partitions.values_mut().collect();
        order.sort_unstable_by_key(|partition| {
            (partition.progress.reached, partition.progress.records)
        });
        for partition in order {
            if partition.read()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the batches that are full or old enough.
    fn ripe(&mut self) -> Vec<RawBatch> {
        let now = Instant::now();
        self.partitions
            .values_mut()
            .filter_map(|partition| {
                let ripe = partition.progress.open.take_if(|(since, batch)| {
                    batch.is_full() || now.duration_since(*since) >= BATCH_AGE
                });
                ripe.map(|(_, batch)| batch)
            })
            .collect()
    }

    /// Whether many more records wait behind a batch: by number, or by some and how long ago its last one was written.
    fn is_behind(&self, batch: &RawBatch) -> bool {
        let lag = self.consumer.context().lag(batch.partition());
        let is_old = batch.written().is_some_and(|written| {
            let written = Duration::from_micros(written.micros().try_into().unwrap_or(0));
            (SystemTime::UNIX_EPOCH + written)
                .elapsed()
                .is_ok_and(|age| age >= OLD)
        });
        lag.is_some_and(|records| records >= BACKLOG || is_old && records >= SOME)
    }

    /// Waits while the buffer is full: at first by not polling, then with partitions paused and polling going on, so that
    /// the group does not take us for dead. (Pausing makes librdkafka forget what it has fetched, so it is not the first choice.)
    fn wait_for_room(&mut self, budget: &Budget, stop: &AtomicBool) -> KafkaResult<()> {
        let stopped = || stop.load(Ordering::Relaxed);
        let begin = Instant::now();
        while budget.is_full() && begin.elapsed() < PATIENCE && !stopped() {
            std::thread::sleep(Duration::from_millis(2));
        }
        if !budget.is_full() || stopped() {
            return Ok(());
        }
        counter!(metric::PAUSES).increment(1);
        let buffered_bytes = budget.used();
        info!(buffered_bytes, "partitions paused: the buffer is full");
        while !budget.has_room() && !stopped() {
            // Anew each time: a partition that a rebalance has just brought is not paused.
            self.consumer.pause(&self.consumer.assignment()?)?;
            self.serve()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        self.consumer.resume(&self.consumer.assignment()?)?;
        info!("partitions resumed");
        Ok(())
    }
}

impl Partition {
    /// Takes records until a batch is full, nothing is left, or it is time to look at the others; says whether there was any.
    fn read(&mut self) -> KafkaResult<bool> {
        for taken in 0..SWEEP {
            match self.queue.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    if self.progress.take(&message) {
                        break;
                    }
                }
                Some(Err(error)) => check(error)?,
                None => return Ok(taken > 0),
            }
        }
        Ok(true)
    }
}

impl Progress {
    fn new(partition: i32) -> Self {
        Progress {
            partition,
            reached: None,
            records: 0,
            open: None,
        }
    }

    /// Puts a record into the batch; says whether the batch is full.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> bool {
        let (_, batch) = self
            .open
            .get_or_insert_with(|| (Instant::now(), RawBatch::new(self.partition)));
        let stamped = stamp(message.timestamp());
        batch.push(
            message.offset(),
            stamped,
            message.payload().unwrap_or_default(),
        );
        self.reached = stamped;
        self.records += 1;
        batch.is_full()
    }
}

fn records_read(partition: i32) -> Counter {
    counter!(metric::RECORDS_READ, "partition" => partition.to_string())
}

fn stamp(time: RecordTime) -> Option<Timestamp> {
    time.to_millis().map(Timestamp::from_millis)
}

/// Passes on what ends the session: the position is gone, or the instance was fenced off.
fn check(error: KafkaError) -> KafkaResult<()> {
    use rdkafka::error::RDKafkaErrorCode as Code;
    let is_fatal = matches!(
        error.rdkafka_error_code(),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::Fatal | Code::FencedInstanceId)
    );
    if is_fatal {
        return Err(error);
    }
    debug!(%error, "poll");
    Ok(())
}
