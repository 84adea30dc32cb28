//! Sends records to a Kafka topic. Every record goes to the partition of its key's stable hash, so a client's records
//! keep their order; the record timestamp is the event time; the producer is idempotent with `acks=all`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use thiserror::Error;

use super::Meta;

/// How long a broker may take to answer at the start.
const START: Duration = Duration::from_secs(15);
/// How long records may wait for their acknowledgement at the end.
const END: Duration = Duration::from_mins(1);
/// Acknowledgements are taken in after so many records.
const POLL_EVERY: u64 = 512;

/// Why records cannot be sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// No broker answered in time.
    #[error(
        "no answer from {brokers}: {reason}; check the address, and security settings in a `--kafka-config` file"
    )]
    Unreachable {
        /// Where it was tried.
        brokers: String,
        /// The last thing that the client library said.
        reason: String,
    },
    /// The topic is not there.
    #[error("topic `{topic}` is not there; create it, or say `--create-topic`")]
    NoTopic {
        /// Which topic.
        topic: String,
    },
    /// The topic cannot be made.
    #[error("cannot create topic `{topic}`: {reason}")]
    NotCreated {
        /// Which topic.
        topic: String,
        /// What the broker said.
        reason: String,
    },
    /// Records were not acknowledged.
    #[error("{lost} records were not acknowledged: {reason}")]
    NotDelivered {
        /// How many.
        lost: u64,
        /// The last reason.
        reason: String,
    },
    /// Something else that the client library says.
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
}

/// Where records go.
#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Name of the topic.
    pub topic: String,
    /// Options of librdkafka, such as those of TLS and SASL; may hold secrets, so they are never logged.
    pub options: Vec<(String, String)>,
    /// Make the topic with so many partitions when it is not there.
    pub create: Option<u32>,
}

/// What was counted while sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Times that the queue was full and the sender had to wait.
    pub queue_full: u64,
}

#[derive(Debug, Default)]
struct Deliveries {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    reason: Mutex<String>,
}

impl Deliveries {
    fn said(&self, reason: String) {
        *self
            .reason
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = reason;
    }

    fn reason(&self) -> String {
        let reason = self
            .reason
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if reason.is_empty() {
            "no reason given".to_owned()
        } else {
            reason.clone()
        }
    }
}

#[derive(Clone)]
struct Context(Arc<Deliveries>);

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.said(format!("{error} ({reason})"));
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.0.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, _)) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                self.0.said(error.to_string());
            }
        }
    }
}

/// Sends records; [`Sender::finish`] must be called, or the last ones may be lost.
pub struct Sender {
    producer: BaseProducer<Context>,
    deliveries: Arc<Deliveries>,
    topic: String,
    partitions: u64,
    sent: u64,
    queue_full: u64,
}

impl Sender {
    /// Connects, makes the topic if told so, and learns how many partitions it has.
    ///
    /// # Errors
    /// When no broker answers within 15 seconds, or the topic is not there and cannot be made.
    pub fn connect(target: &Target) -> Result<Self, SendError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &target.brokers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("batch.size", "524288")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072");
        for (key, value) in &target.options {
            config.set(key, value);
        }
        let deliveries = Arc::new(Deliveries::default());
        let producer: BaseProducer<Context> =
            config.create_with_context(Context(Arc::clone(&deliveries)))?;
        let mut partitions = partitions(&producer, &deliveries, target)?;
        if partitions == 0
            && let Some(wanted) = target.create
        {
            create(&config, &target.topic, wanted)?;
            partitions = await_topic(&producer, &deliveries, target)?;
        }
        if partitions == 0 {
            return Err(SendError::NoTopic {
                topic: target.topic.clone(),
            });
        }
        Ok(Sender {
            producer,
            deliveries,
            topic: target.topic.clone(),
            partitions,
            sent: 0,
            queue_full: 0,
        })
    }

    /// Hands one record to the client library; waits while its queue is full.
    ///
    /// # Errors
    /// When the library refuses the record for another reason, such as its size.
    pub fn send(&mut self, key: &str, meta: Meta, record: &[u8]) -> Result<(), SendError> {
        let partition = i32::try_from(meta.key_hash % self.partitions).unwrap_or(0);
        let mut next = BaseRecord::to(&self.topic)
            .partition(partition)
            .timestamp(meta.time.micros() / 1_000)
            .key(key)
            .payload(record);
        while let Err((error, back)) = self.producer.send(next) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            self.queue_full += 1;
            next = back;
            self.producer.poll(Duration::from_millis(50));
        }
        self.sent += 1;
        if self.sent.is_multiple_of(POLL_EVERY) {
            self.poll();
        }
        Ok(())
    }

    /// Takes in acknowledgements without waiting.
    pub fn poll(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Waits for all acknowledgements.
    ///
    /// # Errors
    /// When records were refused, or not acknowledged within a minute.
    pub fn finish(self) -> Result<Sent, SendError> {
        if let Err(error) = self.producer.flush(END) {
            self.deliveries.said(error.to_string());
        }
        let acknowledged = self.deliveries.acknowledged.load(Ordering::Relaxed);
        if acknowledged < self.sent {
            return Err(SendError::NotDelivered {
                lost: self.sent - acknowledged,
                reason: self.deliveries.reason(),
            });
        }
        Ok(Sent {
            acknowledged,
            queue_full: self.queue_full,
        })
    }
}

/// Partitions of the topic; 0 when it is not there.
fn partitions(
    producer: &BaseProducer<Context>,
    deliveries: &Deliveries,
    target: &Target,
) -> Result<u64, SendError> {
    let metadata = producer
        .client()
        .fetch_metadata(Some(&target.topic), START)
        .map_err(|error| {
            // The cause ("Authentication failed") comes by the error callback, which a poll calls.
            producer.poll(Duration::from_millis(100));
            let reason = deliveries.reason();
            SendError::Unreachable {
                brokers: target.brokers.clone(),
                reason: format!("{reason}; {error}"),
            }
        })?;
    Ok(metadata
        .topics()
        .iter()
        .find(|topic| topic.name() == target.topic && topic.error().is_none())
        .map_or(0, |topic| topic.partitions().len() as u64))
}

/// A topic that was just made needs a moment until it is known.
fn await_topic(
    producer: &BaseProducer<Context>,
    deliveries: &Deliveries,
    target: &Target,
) -> Result<u64, SendError> {
    let begun = Instant::now();
    loop {
        let count = partitions(producer, deliveries, target)?;
        if count > 0 || begun.elapsed() > START {
            return Ok(count);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn create(config: &ClientConfig, topic: &str, partitions: u32) -> Result<(), SendError> {
    let refused = |reason: String| SendError::NotCreated {
        topic: topic.to_owned(),
        reason,
    };
    let admin = AdminClient::<DefaultClientContext>::from_config(config)?;
    let partitions = i32::try_from(partitions).map_err(|error| refused(error.to_string()))?;
    // The admin client is asynchronous; a thread of its own keeps this callable from any runtime.
    let results = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .map_err(|error| refused(error.to_string()))?;
            let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
            let options = AdminOptions::new().operation_timeout(Some(START));
            runtime
                .block_on(admin.create_topics([&new], &options))
                .map_err(SendError::from)
        });
        asked
            .join()
            .unwrap_or_else(|_| Err(refused("the admin client broke".to_owned())))
    })?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(refused(code.to_string())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rdkafka::Message;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::event::Timestamp;

    #[test]
    fn records_go_to_the_partition_of_their_key_with_their_event_time() {
        const RECORDS: u64 = 2_000;
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("gateway.requests", 4, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let mut sender = Sender::connect(&Target {
            brokers: brokers.clone(),
            topic: "gateway.requests".to_owned(),
            options: Vec::new(),
            create: None,
        })
        .unwrap();
        for number in 0..RECORDS {
            let meta = Meta {
                time: Timestamp::from_millis(1_772_359_200_000 + i64::try_from(number).unwrap()),
                key_hash: number % 7,
                scenario: None,
            };
            let key = format!("client-{}", number % 7);
            sender.send(&key, meta, b"{}").unwrap();
        }
        assert_eq!(sender.finish().unwrap().acknowledged, RECORDS);

        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("group.id", "test")
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        consumer.subscribe(&["gateway.requests"]).unwrap();
        let mut last: BTreeMap<i32, i64> = BTreeMap::new();
        let begun = Instant::now();
        let mut taken = 0;
        while taken < RECORDS {
            assert!(begun.elapsed() < Duration::from_mins(1), "{taken} taken");
            let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) else {
                continue;
            };
            taken += 1;
            let key = std::str::from_utf8(message.key().unwrap()).unwrap();
            let hash: i32 = key.strip_prefix("client-").unwrap().parse().unwrap();
            assert_eq!(message.partition(), hash % 4);
            let time = message.timestamp().to_millis().unwrap();
            let before = last.insert(message.partition(), time);
            assert!(before.is_none_or(|before| before < time));
        }
    }
}
