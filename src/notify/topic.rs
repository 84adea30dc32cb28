//! The ledger as a compacted topic: read whole when the alerts are assigned, written entry by entry.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::sync::watch;
use tracing::warn;

use super::{Entry, NotifyError, Outcomes};

const METADATA: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// Pause between two attempts to write an entry.
const RETRY: Duration = Duration::from_secs(1);
/// Longer values are not ours.
const MAX_BYTES: usize = 64 << 10;

/// Tells the client's errors; the end of a partition, which it takes for one, is what is waited for.
struct Reader;

impl ClientContext for Reader {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            warn!(%error, reason, "kafka client of the ledger");
        }
    }
}

impl ConsumerContext for Reader {}

/// Writes the ledger.
pub(crate) struct LedgerTopic {
    producer: FutureProducer,
    topic: String,
}

impl LedgerTopic {
    /// Connects later, on the first write.
    pub(crate) fn new(client: &ClientConfig, topic: &str) -> Result<Self, NotifyError> {
        let producer = client
            .clone()
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("message.timeout.ms", "10000")
            .create()
            .map_err(kafka("make the producer of the ledger"))?;
        Ok(LedgerTopic {
            producer,
            topic: topic.to_owned(),
        })
    }

    /// Writes entries until every one is acknowledged; `false` when the stop came first.
    pub(crate) async fn write(
        &self,
        entries: &[Entry],
        outcomes: &Outcomes,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let written = async {
            let records: Vec<(String, String)> = entries
                .iter()
                .map(|entry| (entry.key.to_string(), entry.to_json()))
                .collect();
            // In flight together, so that many held alerts cost one round trip and not one each.
            let acks: Vec<_> = records
                .iter()
                .map(|(key, value)| Box::pin(self.write_one(key, value, outcomes)))
                .collect();
            for ack in acks {
                ack.await;
            }
        };
        tokio::select! {
            biased;
            () = written => true,
            () = stopped(stop) => false,
        }
    }

    async fn write_one(&self, key: &str, value: &str, outcomes: &Outcomes) {
        loop {
            let record = FutureRecord::to(&self.topic).key(key).payload(value);
            match self.producer.send(record, RETRY).await {
                Ok(_) => return,
                Err((error, _)) => {
                    outcomes.ledger_retries.count();
                    warn!(%error, topic = %self.topic, "ledger not written, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Resolves when the stop was asked for, also when nobody can ask any more.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Reads the whole ledger, partition by partition, oldest first. Blocks: call it off the runtime's threads.
///
/// # Errors
/// When Kafka cannot be asked or the stop comes first.
pub(crate) fn read_ledger(
    client: &ClientConfig,
    topic: &str,
    outcomes: &Outcomes,
    stop: &watch::Receiver<bool>,
    mut take: impl FnMut(Entry),
) -> Result<(), NotifyError> {
    let consumer: BaseConsumer<Reader> = client
        .clone()
        // No group is joined: partitions are assigned by hand and nothing is committed.
        .set("group.id", "gatewatch-ledger-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create_with_context(Reader)
        .map_err(kafka("make the reader of the ledger"))?;
    let metadata = consumer
        .fetch_metadata(Some(topic), METADATA)
        .map_err(kafka("ask for the ledger's partitions"))?;
    let mut assignment = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
    {
        assignment
            .add_partition_offset(topic, partition.id(), Offset::Beginning)
            .map_err(kafka("assign the ledger"))?;
    }
    let mut open: BTreeSet<i32> = assignment
        .elements()
        .iter()
        .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
        .collect();
    if open.is_empty() {
        return Err(missing("find the ledger's topic"));
    }
    consumer
        .assign(&assignment)
        .map_err(kafka("assign the ledger"))?;
    while !open.is_empty() {
        if *stop.borrow() {
            return Err(NotifyError::Kafka {
                what: "read the ledger",
                source: KafkaError::Canceled,
            });
        }
        match consumer.poll(POLL) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) if is_passing(&error) => warn!(%error, "ledger not readable yet"),
            Some(Err(error)) => return Err(kafka("read the ledger")(error)),
            Some(Ok(message)) => match message.payload().filter(|it| it.len() <= MAX_BYTES) {
                Some(payload) => match Entry::from_json(payload) {
                    Some(entry) => take(entry),
                    None => outcomes.ledger_unreadable.count(),
                },
                None => outcomes.ledger_unreadable.count(),
            },
        }
    }
    Ok(())
}

fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
        )
    )
}

fn missing(what: &'static str) -> NotifyError {
    NotifyError::Kafka {
        what,
        source: KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition),
    }
}

pub(crate) fn kafka(what: &'static str) -> impl Fn(KafkaError) -> NotifyError {
    move |source| NotifyError::Kafka { what, source }
}
