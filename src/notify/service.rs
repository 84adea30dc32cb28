//! The notifier as a service: alerts from their topic, the ledger in a compacted one, offsets committed behind it.
//!
//! The alerts topic has one partition, so of all instances one is active and the others stand by. Whoever gets the
//! partition reads the ledger whole and goes on from the committed offset; whoever loses it forgets everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::watch;
use tracing::{info, warn};

use super::desk::{Desk, Office};
use super::mail::Bulletin;
use super::topic::{LedgerTopic, kafka, read_ledger, stopped};
use super::{Extras, NotifyError, Outcomes, SendError};
use crate::alert::ocsf;
use crate::config;
use crate::event::Timestamp;

/// How often summaries, retries and commits are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Pause after an error of the consumer.
const PAUSE: Duration = Duration::from_millis(500);
/// A letter on its way when the stop comes gets so long to land.
const LANDING: Duration = Duration::from_secs(5);
/// Leaving the group may take so long.
const LEAVING: Duration = Duration::from_secs(3);

/// Names in Kafka, and how soon a notifier that died is replaced.
#[derive(Clone, Debug)]
pub struct Topics {
    /// The alerts, one partition.
    pub alerts: String,
    /// The ledger, compacted.
    pub mailed: String,
    /// The consumer group.
    pub group: String,
    /// Milliseconds after which a member that is not heard of has left the group.
    pub session_timeout_ms: u32,
}

impl Default for Topics {
    fn default() -> Self {
        Topics {
            alerts: "gatewatch.alerts".to_owned(),
            mailed: "gatewatch.mailed".to_owned(),
            group: "gatewatch-notifier".to_owned(),
            session_timeout_ms: 45_000,
        }
    }
}

/// Runs until `stop` says so (or its sender is gone); then letters on their way land, their entries are written and
/// the offset is committed, within about ten seconds.
///
/// `client` holds brokers and security, nothing of groups or offsets. `bulletin` holds the counts of the last day
/// (while it holds none, or old ones, no daily mail goes out) and the open incidents. `extras` is what mails have beyond their words.
/// With `mail.enabled` off nothing is read or sent.
///
/// # Errors
/// For settings that cannot work and fatal errors of the Kafka client; everything that may pass is waited for.
pub async fn run(
    client: ClientConfig,
    topics: Topics,
    mail: &config::Mail,
    bulletin: watch::Receiver<Bulletin>,
    extras: Extras,
    stop: watch::Receiver<bool>,
    outcomes: Arc<Outcomes>,
) -> Result<(), NotifyError> {
    if !mail.enabled {
        stopped(&mut { stop }).await;
        return Ok(());
    }
    let office = Office::new(mail, extras, outcomes)?;
    let ledger = LedgerTopic::new(&client, &topics.mailed)?;
    let consumer = subscribe(&client, &topics)?;
    let mut service = Service {
        client,
        topics,
        office,
        ledger,
        bulletin,
        stop,
        active: None,
        generation: 0,
        paused: false,
    };
    let result = service.serve(&consumer).await;
    service.land(&consumer).await;
    // Dropping it leaves the group, which blocks.
    let leaving = tokio::task::spawn_blocking(move || drop(consumer));
    if tokio::time::timeout(LEAVING, leaving).await.is_err() {
        warn!("leaving the group of the notifier takes long; the broker will notice by itself");
    }
    result
}

/// Counts assignments and revocations: a change means that state and ledger must be read anew.
#[derive(Default)]
struct Assignments {
    /// Odd while a partition is held.
    generation: AtomicU64,
}

impl ClientContext for Assignments {
    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "kafka client of the notifier");
    }
}

impl ConsumerContext for Assignments {
    fn post_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance
            && partitions.count() > 0
        {
            self.generation.fetch_or(1, Ordering::AcqRel);
        }
    }

    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let held = self.generation.load(Ordering::Acquire);
        if !matches!(rebalance, Rebalance::Assign(_)) && held % 2 == 1 {
            self.generation.store(held + 1, Ordering::Release);
        }
    }
}

type AlertConsumer = StreamConsumer<Assignments>;

fn subscribe(client: &ClientConfig, topics: &Topics) -> Result<AlertConsumer, NotifyError> {
    let consumer: AlertConsumer = client
        .clone()
        .set("group.id", &topics.group)
        .set("session.timeout.ms", topics.session_timeout_ms.to_string())
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Only for a group that never committed: the ledger keeps what was mailed, old alerts become one summary.
        .set("auto.offset.reset", "earliest")
        .create_with_context(Assignments::default())
        .map_err(kafka("make the consumer of alerts"))?;
    consumer
        .subscribe(&[&topics.alerts])
        .map_err(kafka("subscribe to the alerts"))?;
    Ok(consumer)
}

struct Service {
    client: ClientConfig,
    topics: Topics,
    office: Office,
    ledger: LedgerTopic,
    bulletin: watch::Receiver<Bulletin>,
    stop: watch::Receiver<bool>,
    active: Option<Active>,
    generation: u64,
    paused: bool,
}

/// The desk while the partition is held.
struct Active {
    desk: Desk,
    /// First offset that was not taken in; `None` before the first alert.
    position: Option<i64>,
    committed: Option<i64>,
    partition: i32,
}

/// What happened next.
enum Turn<'a> {
    Stop,
    Landed(u64, Result<(), SendError>),
    Alert(Box<BorrowedMessage<'a>>),
    Failed(KafkaError),
    Tick,
}

impl Service {
    async fn serve(&mut self, consumer: &AlertConsumer) -> Result<(), NotifyError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let turn = {
                let landed = async {
                    match &mut self.active {
                        Some(active) if active.desk.flying() > 0 => active.desk.landed().await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = stopped(&mut self.stop) => Turn::Stop,
                    Some((number, result)) = landed => Turn::Landed(number, result),
                    _ = ticks.tick() => Turn::Tick,
                    received = consumer.recv() => match received {
                        Ok(message) => Turn::Alert(Box::new(message)),
                        Err(error) => Turn::Failed(error),
                    },
                }
            };
            if matches!(turn, Turn::Stop) {
                return Ok(());
            }
            self.follow_assignment(consumer).await?;
            match turn {
                Turn::Stop | Turn::Tick => {}
                Turn::Landed(number, result) => self.settle(number, &result).await,
                Turn::Alert(message) => self.take(&message).await,
                Turn::Failed(error) => tolerate(error).await?,
            }
            self.go_on(consumer).await;
        }
    }

    /// Starts anew when the partition came, forgets everything when it went.
    async fn follow_assignment(&mut self, consumer: &AlertConsumer) -> Result<(), NotifyError> {
        let generation = consumer.context().generation.load(Ordering::Acquire);
        if generation == self.generation {
            return Ok(());
        }
        self.generation = generation;
        self.paused = false;
        self.active = None;
        // Whoever sends from now on knows how that goes.
        self.office.outcomes.trouble.set(None);
        if generation % 2 == 1 {
            self.active = self.take_over().await?;
        }
        Ok(())
    }

    /// Reads the ledger; tries until it works or the stop comes.
    async fn take_over(&mut self) -> Result<Option<Active>, NotifyError> {
        loop {
            let (client, topic) = (self.client.clone(), self.topics.mailed.clone());
            let (outcomes, stop) = (Arc::clone(&self.office.outcomes), self.stop.clone());
            let mut desk = self.office.open();
            let reading = tokio::task::spawn_blocking(move || {
                let mut entries = 0_u64;
                read_ledger(&client, &topic, &outcomes, &stop, |entry| {
                    entries += 1;
                    desk.restore(&entry);
                })
                .map(|()| (desk, entries))
            });
            match reading.await {
                Ok(Ok((desk, entries))) => {
                    info!(entries, "this instance sends the mails");
                    return Ok(Some(Active {
                        desk,
                        position: None,
                        committed: None,
                        partition: 0,
                    }));
                }
                Ok(Err(error)) if !error.is_retryable() => return Err(error),
                Ok(Err(error)) => warn!(%error, "ledger not read, trying again"),
                Err(error) => warn!(%error, "ledger not read, trying again"),
            }
            tokio::select! {
                () = stopped(&mut self.stop) => return Ok(None),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn take(&mut self, message: &BorrowedMessage<'_>) {
        let Some(active) = &mut self.active else {
            return;
        };
        let offset = message.offset();
        let mut held = Vec::new();
        if let Some(payload) = message.payload() {
            match ocsf::decode(payload) {
                Ok(alert) => {
                    let known = &self.bulletin;
                    let decided = active.desk.decide(&alert, &known.borrow().decided, now());
                    active.desk.write(&alert, &decided, offset, now()).await;
                    held = decided.held;
                }
                Err(error) => {
                    self.office.outcomes.unreadable.count();
                    warn!(%error, topic = %self.topics.alerts, offset, "record passed over");
                }
            }
        }
        let acknowledged = self
            .ledger
            .write(&held, &self.office.outcomes, &mut self.stop)
            .await;
        if acknowledged {
            active.position = Some(offset + 1);
            active.partition = message.partition();
        }
    }

    async fn settle(&mut self, number: u64, result: &Result<(), SendError>) {
        let Some(active) = &mut self.active else {
            return;
        };
        let Some(finished) = active.desk.settle(number, result, now()) else {
            return;
        };
        let entry = std::slice::from_ref(&finished.entry);
        let outcomes = &self.office.outcomes;
        if self.ledger.write(entry, outcomes, &mut self.stop).await {
            active.desk.acknowledged(finished.number);
        }
    }

    /// Sends what may go, pauses or resumes the topic, commits what is done.
    async fn go_on(&mut self, consumer: &AlertConsumer) {
        let Some(active) = &mut self.active else {
            return;
        };
        let held = active.desk.tick(&self.bulletin.borrow(), now());
        let outcomes = &self.office.outcomes;
        self.ledger.write(&held, outcomes, &mut self.stop).await;
        active.desk.launch(now());
        let full = !active.desk.has_room();
        if full != self.paused
            && let Ok(assignment) = consumer.assignment()
        {
            // Paused and not left unread: the client must be polled, or the group takes it for dead.
            let done = if full {
                consumer.pause(&assignment)
            } else {
                consumer.resume(&assignment)
            };
            match done {
                Ok(()) => self.paused = full,
                Err(error) => warn!(%error, "alerts not paused or resumed"),
            }
        }
        commit(active, consumer, &self.topics.alerts, CommitMode::Async);
    }

    /// The end: letters on their way land, nothing new is sent.
    async fn land(&mut self, consumer: &AlertConsumer) {
        // The stop has come already; writing the last entries must not be cut off by it again.
        let (_open, go_on) = watch::channel(false);
        self.stop = go_on;
        let landing = async {
            while let Some(active) = &mut self.active {
                let Some((number, result)) = active.desk.landed().await else {
                    return;
                };
                self.settle(number, &result).await;
            }
        };
        if tokio::time::timeout(LANDING, landing).await.is_err() {
            warn!(
                "a mail was on its way when the time to stop was over; it may go out again with the same Message-ID"
            );
        }
        if let Some(active) = &mut self.active {
            info!(waiting = active.desk.waiting(), "notifier stops");
            commit(active, consumer, &self.topics.alerts, CommitMode::Async);
        }
    }
}

/// Commits when everything before is done and that is news.
fn commit(active: &mut Active, consumer: &AlertConsumer, topic: &str, mode: CommitMode) {
    let Some(position) = active.position else {
        return;
    };
    let offset = active.desk.committable(position);
    if active.committed == Some(offset) {
        return;
    }
    let mut offsets = TopicPartitionList::new();
    let committed = offsets
        .add_partition_offset(topic, active.partition, Offset::Offset(offset))
        .and_then(|()| consumer.commit(&offsets, mode));
    match committed {
        Ok(()) => active.committed = Some(offset),
        Err(error) => warn!(%error, offset, "offset of the notifier not committed, trying again"),
    }
}

/// Errors that may pass are told and waited for.
async fn tolerate(error: KafkaError) -> Result<(), NotifyError> {
    match &error {
        KafkaError::MessageConsumptionFatal(_) => return Err(kafka("read the alerts")(error)),
        KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition) => {
            warn!("the alerts topic does not exist yet");
        }
        _ => warn!(%error, "alerts not readable, trying again"),
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// The wall clock: mails go by people's time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
