//! The consumer group: asks the pipeline before a rebalance is acknowledged, and knows how far each partition is behind.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rdkafka::bindings::rd_kafka_resp_err_t as ResponseCode;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, info, warn};

use crate::config::Kafka;

/// What librdkafka holds ready of each partition, KiB.
const QUEUED_KIB: &str = "1024";
/// What it asks for at once of each partition; packed, so several times as much in memory.
const FETCHED_BYTES: &str = "524288";
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

/// Partitions that went and came since the reader last looked, the former first.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What the reader holds of them is stale.
    pub(super) gone: Vec<i32>,
    /// Paused until the reader takes them up.
    pub(super) came: Vec<i32>,
}

/// Callbacks of librdkafka. They run inside [`super::poll_loop`], on its thread.
pub struct GroupContext {
    topic: String,
    events: UnboundedSender<GroupEvent>,
    lags: Mutex<BTreeMap<i32, Lag>>,
    /// What the reader has not taken notice of yet.
    changes: Mutex<Changes>,
    any_change: AtomicBool,
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
        consumer.incremental_assign(&begin)?;
        // No record may come before the reader has a queue for it.
        consumer.pause(&begin)?;
        self.change(|changes| {
            let elements = begin.elements();
            let numbers = elements.iter().map(TopicPartitionListElem::partition);
            changes.came.extend(numbers);
        });
        Ok(())
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
            .map(TopicPartitionListElem::partition)
            .collect();
        info!(partitions = ?numbers, lost, "partitions revoked");
        self.lock()
            .retain(|partition, _| !numbers.contains(partition));
        self.change(|changes| {
            changes
                .came
                .retain(|partition| !numbers.contains(partition));
            changes.gone.extend(&numbers);
        });
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
    /// Joins the group. Records come through [`super::poll_loop`].
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
            changes: Mutex::default(),
            any_change: AtomicBool::new(false),
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
            .set("fetch.queue.backoff.ms", "5")
            .create_with_context(context)?;
        consumer.subscribe(&[&kafka.topic])?;
        Ok(consumer)
    }

    /// The topic that is read.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// What the group gave and took since the last call.
    pub(super) fn take_changes(&self) -> Changes {
        if !self.any_change.swap(false, Ordering::Acquire) {
            return Changes::default();
        }
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Changes)) {
        change(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        self.any_change.store(true, Ordering::Release);
    }

    /// Reading cannot go on.
    pub(super) fn failed(&self, error: KafkaError) {
        let _ = self.events.send(GroupEvent::Failed(error));
    }

    /// Records of a partition that were unread a moment ago; `None` when that is not known.
    pub(super) fn lag(&self, partition: i32) -> Option<i64> {
        self.lock().get(&partition).and_then(|lag| lag.records)
    }

    /// Notes which partitions are held, so that their lag is kept.
    pub fn hold(&self, partition: i32, lag: Option<i64>) {
        self.lock().insert(partition, Lag { records: lag });
    }
}
