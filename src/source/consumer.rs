//! The consumer group: polls, hands raw batches on, pauses under back-pressure, asks before a rebalance is acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use rdkafka::bindings::rd_kafka_resp_err_t as ResponseCode;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Message, Timestamp as RecordTime};
use rdkafka::statistics::Statistics;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, error, info, warn};

use super::{Budget, RawBatch};
use crate::config::Kafka;
use crate::event::Timestamp;
use crate::telemetry::metric;

/// What librdkafka holds ready of each partition, KiB.
const QUEUED_KIB: &str = "4096";
/// What it asks for at once of each partition.
const FETCHED_BYTES: &str = "2097152";
/// A partition with so many unread records is behind.
const BACKLOG: i64 = 20_000;
/// A batch waits so long for more.
const BATCH_AGE: Duration = Duration::from_millis(50);
/// After so many records the other batches are looked at.
const SWEEP: u32 = 256;
/// How long polling may stand still before partitions are paused instead.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a rebalance may wait for the pipeline; below the group's poll interval.
const REBALANCE_PATIENCE: Duration = Duration::from_mins(1);

/// The consumer of the request topic.
pub type Consumer = BaseConsumer<GroupContext>;

/// A partition that the group gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The partition.
    pub partition: i32,
    /// Committed offset, if there is one.
    pub committed: Option<i64>,
    /// Metadata of that commit.
    pub metadata: String,
    /// Oldest offset that the broker has.
    pub low: i64,
    /// Offset behind the newest record.
    pub high: i64,
}

/// What happens in the group; it goes on when the answer is there.
pub enum GroupEvent {
    /// Partitions came; answered with where to read each from.
    Assigned(Vec<Assigned>, mpsc::Sender<Vec<(i32, i64)>>),
    /// Partitions go; `lost` when they are gone already. Answered when their blocks are done or given up.
    Revoked {
        /// The partitions.
        partitions: Vec<i32>,
        /// Whether someone else may have them already.
        lost: bool,
        /// The answer.
        done: mpsc::Sender<()>,
    },
    /// Reading cannot go on; the session has to begin again.
    Failed(KafkaError),
}

/// How far a partition is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Records that were not read yet; `None` before the broker said.
    pub records: Option<i64>,
}

/// Callbacks of librdkafka. They run inside [`poll_loop`], on its thread.
pub struct GroupContext {
    topic: String,
    events: UnboundedSender<GroupEvent>,
    lags: Mutex<BTreeMap<i32, Lag>>,
    /// Partitions that went since the poll loop last looked: what it holds of them is stale.
    gone: Mutex<Vec<i32>>,
    any_gone: AtomicBool,
}

impl GroupContext {
    /// How far each partition that is held is behind.
    pub fn lags(&self) -> BTreeMap<i32, Lag> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i32, Lag>> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&self, consumer: &Consumer, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let assigned = self.look_up(consumer, partitions)?;
        let (answer, answered) = mpsc::channel();
        let _ = self.events.send(GroupEvent::Assigned(assigned, answer));
        let mut begin = TopicPartitionList::new();
        // Without an answer the pipeline is stopping: take nothing, the group will give the partitions to another.
        for (partition, offset) in answered
            .recv_timeout(REBALANCE_PATIENCE)
            .unwrap_or_default()
        {
            begin.add_partition_offset(&self.topic, partition, Offset::Offset(offset))?;
        }
        consumer.incremental_assign(&begin)
    }

    fn look_up(
        &self,
        consumer: &Consumer,
        partitions: &TopicPartitionList,
    ) -> KafkaResult<Vec<Assigned>> {
        let timeout = Duration::from_secs(15);
        let mut asked = TopicPartitionList::new();
        for element in partitions.elements() {
            asked.add_partition(element.topic(), element.partition());
        }
        let committed = consumer.committed_offsets(asked, timeout)?;
        committed
            .elements()
            .iter()
            .map(|element| {
                let (low, high) =
                    consumer.fetch_watermarks(&self.topic, element.partition(), timeout)?;
                let offset = match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                let metadata = element.metadata().to_owned();
                Ok(Assigned {
                    partition: element.partition(),
                    committed: offset,
                    metadata,
                    low,
                    high,
                })
            })
            .collect()
    }

    fn revoke(&self, consumer: &Consumer, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let lost = consumer.assignment_lost();
        let numbers: Vec<i32> = partitions
            .elements()
            .iter()
            .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
            .collect();
        info!(partitions = ?numbers, lost, "partitions revoked");
        self.lock()
            .retain(|partition, _| !numbers.contains(partition));
        self.gone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(&numbers);
        self.any_gone.store(true, Ordering::Release);
        let (done, waited) = mpsc::channel();
        let _ = self.events.send(GroupEvent::Revoked {
            partitions: numbers,
            lost,
            done,
        });
        if waited.recv_timeout(REBALANCE_PATIENCE).is_err() {
            warn!("blocks of revoked partitions were given up");
        }
        consumer.incremental_unassign(partitions)
    }
}

impl ClientContext for GroupContext {
    fn stats(&self, statistics: Statistics) {
        let Some(topic) = statistics.topics.get(&self.topic) else {
            return;
        };
        let mut lags = self.lock();
        for (partition, numbers) in &topic.partitions {
            if let Some(lag) = lags.get_mut(partition) {
                let end = numbers.hi_offset;
                lag.records = (end >= 0 && numbers.app_offset >= 0)
                    .then(|| (end - numbers.app_offset).max(0));
                // A partition that never had a record has no position.
                if end >= 0 && end == numbers.lo_offset {
                    lag.records = Some(0);
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &Consumer,
        code: ResponseCode,
        partitions: &mut TopicPartitionList,
    ) {
        let result = match code {
            ResponseCode::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            ResponseCode::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoke(consumer, partitions),
            other => Err(KafkaError::Rebalance(other.into())),
        };
        if let Err(error) = result {
            error!(%error, "rebalance failed");
            let _ = self.events.send(GroupEvent::Failed(error));
        }
    }
}

impl GroupContext {
    /// Joins the group. Records come through [`poll_loop`].
    ///
    /// # Errors
    /// A client setting is wrong.
    pub fn join(
        client: &ClientConfig,
        kafka: &Kafka,
        events: UnboundedSender<GroupEvent>,
    ) -> KafkaResult<Consumer> {
        let context = GroupContext {
            topic: kafka.topic.clone(),
            events,
            lags: Mutex::default(),
            gone: Mutex::default(),
            any_gone: AtomicBool::new(false),
        };
        let consumer: Consumer = client
            .clone()
            .set("group.id", &kafka.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", kafka.session_timeout_ms.to_string())
            .set("statistics.interval.ms", "1000")
            // A partition is fetched again while less than this waits, so both together bound what it holds here.
            .set("queued.max.messages.kbytes", QUEUED_KIB)
            .set("fetch.message.max.bytes", FETCHED_BYTES)
            // How soon a partition whose queue was full is looked at again; the default of a second starves a fast reader.
            .set("fetch.queue.backoff.ms", "10")
            .create_with_context(context)?;
        consumer.subscribe(&[&kafka.topic])?;
        Ok(consumer)
    }

    /// Partitions that were revoked since the last call.
    fn take_gone(&self) -> Vec<i32> {
        if !self.any_gone.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_behind(&self, partition: i32) -> bool {
        let lag = self.lock().get(&partition).and_then(|lag| lag.records);
        lag.is_some_and(|records| records >= BACKLOG)
    }

    /// Notes which partitions are held, so that their lag is kept.
    pub fn hold(&self, partition: i32, lag: Option<i64>) {
        self.lock().insert(partition, Lag { records: lag });
    }
}

/// Polls until `stop`. Batches go to `hand_on`, which returns false when nobody takes them any more.
pub fn poll_loop(
    consumer: &Consumer,
    budget: &Budget,
    stop: &AtomicBool,
    mut hand_on: impl FnMut(RawBatch) -> bool,
) {
    let mut open = OpenBatches::new();
    let result = loop {
        if stop.load(Ordering::Relaxed) {
            break Ok(());
        }
        if let Err(error) = fill(consumer, &mut open) {
            break Err(error);
        }
        for mut batch in ripe(&mut open) {
            batch.set_behind(consumer.context().is_behind(batch.partition()));
            counter!(metric::RECORDS_READ).increment(batch.rows() as u64);
            counter!(metric::BYTES_READ).increment(batch.bytes() as u64);
            budget.read(batch.bytes());
            if !hand_on(batch) {
                return;
            }
        }
        gauge!(metric::BUFFERED).set(budget.used() as f64);
        if let Err(error) = wait_for_room(consumer, budget, stop, &mut open) {
            break Err(error);
        }
    };
    if let Err(error) = result {
        let _ = consumer.context().events.send(GroupEvent::Failed(error));
    }
}

/// Batches being filled, each with the time of its first record.
type OpenBatches = BTreeMap<i32, (Instant, RawBatch)>;

/// Polls until a batch is full, nothing comes for a while, or it is time to look at the others.
fn fill(consumer: &Consumer, open: &mut OpenBatches) -> KafkaResult<()> {
    for _ in 0..SWEEP {
        match poll(consumer, BATCH_AGE, open)? {
            Polled::Record { full: false } => {}
            Polled::Record { full: true } | Polled::Nothing => break,
        }
    }
    Ok(())
}

enum Polled {
    Nothing,
    /// A record came; `full` says that its batch is.
    Record {
        full: bool,
    },
}

/// Polls once; every record that comes is in `open` afterwards. Rebalances and errors are served meanwhile.
fn poll(consumer: &Consumer, timeout: Duration, open: &mut OpenBatches) -> KafkaResult<Polled> {
    let polled = consumer.poll(timeout);
    for partition in consumer.context().take_gone() {
        open.remove(&partition); // whoever has the partition now reads these records again
    }
    match polled {
        Some(Ok(message)) => {
            let partition = message.partition();
            let (_, batch) = open
                .entry(partition)
                .or_insert_with(|| (Instant::now(), RawBatch::new(partition)));
            let payload = message.payload().unwrap_or_default();
            batch.push(message.offset(), stamp(message.timestamp()), payload);
            Ok(Polled::Record {
                full: batch.is_full(),
            })
        }
        Some(Err(error)) if is_fatal(&error) => Err(error),
        Some(Err(error)) => {
            debug!(%error, "poll");
            Ok(Polled::Nothing)
        }
        None => Ok(Polled::Nothing),
    }
}

/// Takes the batches that are full or old enough.
fn ripe(open: &mut OpenBatches) -> Vec<RawBatch> {
    let now = Instant::now();
    open.extract_if(.., |_, (since, batch)| {
        batch.is_full() || now - *since >= BATCH_AGE
    })
    .map(|(_, (_, batch))| batch)
    .collect()
}

/// Waits while the buffer is full: at first by not polling, then with partitions paused and polling going on, so that
/// the group does not take us for dead. (Pausing makes librdkafka forget what it has fetched, so it is not the first choice.)
fn wait_for_room(
    consumer: &Consumer,
    budget: &Budget,
    stop: &AtomicBool,
    open: &mut OpenBatches,
) -> KafkaResult<()> {
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
        // Anew each time: a partition that a rebalance has just brought is not paused, and may yield a record at once.
        consumer.pause(&consumer.assignment()?)?;
        poll(consumer, Duration::from_millis(100), open)?;
    }
    consumer.resume(&consumer.assignment()?)?;
    info!("partitions resumed");
    Ok(())
}

fn stamp(time: RecordTime) -> Option<Timestamp> {
    time.to_millis().map(Timestamp::from_millis)
}

/// Whether the session has to begin again: the position is gone, or the instance was fenced off.
fn is_fatal(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::Fatal | Code::FencedInstanceId)
    )
}
