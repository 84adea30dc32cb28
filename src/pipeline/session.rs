//! A session: one membership in the consumer group, from joining to leaving.
//!
//! It wires source, workers, shards and delivery, answers rebalances, and stops in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use metrics::{gauge, histogram};
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::builder::Block;
use super::deliver::{Delivery, deliver_partition};
use super::detection::Detection;
use super::health::{Health, Part};
use super::killpoint::KillPoint;
use super::offsets::Offsets;
use super::outbox::Outbox;
use super::plan::Plan;
use super::recover::{Lost, Recovery};
use super::retry::patiently;
use super::state::{Rounds, fresh_clock, restore};
use super::tracking::Tracking;
use super::worker::{FromWorker, ToWorker};
use super::workers::{Workers, settings};
use crate::alert::own;
use crate::config::Config;
use crate::notify::now;
use crate::source::kafka::Cluster;
use crate::source::{Assigned, Budget, Consumer, GroupContext, GroupEvent, poll_loop};
use crate::store::{DeadLetter, DeadLetterBlock, Store};
use crate::telemetry::metric;
use crate::track;

/// How often idle partitions, lag and snapshots are looked at.
const TICK: Duration = Duration::from_millis(500);
/// An ordered stop takes no longer.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What a session works with; it outlives the session.
pub struct Parts {
    /// The whole configuration.
    pub config: Config,
    /// Client settings of Kafka.
    pub client: ClientConfig,
    /// What the connection test found.
    pub cluster: Cluster,
    /// Decode, enrich, match.
    pub detection: Arc<Detection>,
    /// ClickHouse.
    pub store: Arc<Store>,
    /// Where alerts go.
    pub outbox: Outbox,
    /// Which parts are reachable.
    pub health: Arc<Health>,
}

/// Runs until `stop` says so.
///
/// # Errors
/// The group or a commit failed: what was under way is recovered by the next session.
pub async fn run(parts: &Parts, mut stop: watch::Receiver<bool>) -> Result<(), KafkaError> {
    let (group, mut events) = unbounded_channel();
    let consumer = Arc::new(GroupContext::join(
        &parts.client,
        &parts.config.kafka,
        group,
    )?);
    let budget = Budget::new(parts.config.delivery.buffer_bytes);
    let (topic, threads) = (&parts.config.kafka.topic, parts.config.delivery.workers);
    let (workers, mut built) = Workers::start(
        &parts.detection,
        &settings(&parts.config, topic),
        threads,
        &budget,
    );
    let polling = Polling::start(consumer.clone(), budget.clone(), &workers);
    let mut session = Session::new(parts, consumer, budget, workers);
    let mut tick = tokio::time::interval(TICK);
    let mut deadline: Option<Instant> = None;
    let result = loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(GroupEvent::Failed(error)) => break Err(error),
                Some(event) => session.group_event(event).await,
                None => break Ok(()),
            },
            Some(message) = built.recv() => session.built(message),
            Some(result) = session.deliveries.join_next() => {
                if let Err(error) = session.delivered(result).await { break Err(error); }
                if deadline.is_some() && session.holds_nothing() { break Ok(()); }
            },
            _ = tick.tick() => {
                session.tick().await;
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    warn!("the stop took too long; what is under way is recovered at the next start");
                    break Ok(());
                }
                if deadline.is_some() && session.holds_nothing() { break Ok(()); }
            },
            _ = stop.wait_for(|stop| *stop), if deadline.is_none() => {
                info!("stopping: finishing blocks and leaving the group");
                deadline = Some(Instant::now() + STOP_PATIENCE);
                session.consumer.unsubscribe();
            },
        }
    };
    session.snapshots.shutdown().await;
    drop(session);
    polling.end();
    result
}

/// The polling thread.
struct Polling {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Polling {
    fn start(consumer: Arc<Consumer>, budget: Budget, workers: &Workers) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let inboxes = workers.clone();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("poll".to_owned())
            .spawn(move || {
                poll_loop(&consumer, &budget, &stopped, |batch| {
                    inboxes.send(batch.partition(), ToWorker::Batch(batch))
                });
            })
            .expect("a thread can be started");
        Polling { stop, thread }
    }

    /// Ends the thread; the last reference to the consumer goes with it, and so the membership.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

struct Session<'p> {
    parts: &'p Parts,
    consumer: Arc<Consumer>,
    budget: Budget,
    workers: Workers,
    delivery: Option<Arc<Delivery>>,
    /// Where blocks of a partition go.
    partitions: BTreeMap<i32, Held>,
    deliveries: JoinSet<(i32, Result<(), KafkaError>)>,
    leaving: Option<Leaving>,
    plan: Arc<track::Plan>,
    rounds: Option<Arc<Mutex<Rounds>>>,
    snapshots: JoinSet<()>,
    last_snapshot: Instant,
    joined: bool,
}

/// A partition that is held.
struct Held {
    blocks: Option<UnboundedSender<Box<Block>>>,
    last_block: Instant,
    /// Blocks that are not delivered yet.
    waiting: Arc<AtomicUsize>,
}

/// Partitions that are being given up in order.
struct Leaving {
    waiting_for: BTreeSet<i32>,
    done: mpsc::Sender<()>,
}

impl<'p> Session<'p> {
    fn new(parts: &'p Parts, consumer: Arc<Consumer>, budget: Budget, workers: Workers) -> Self {
        Session {
            parts,
            consumer,
            budget,
            workers,
            delivery: None,
            partitions: BTreeMap::new(),
            deliveries: JoinSet::new(),
            leaving: None,
            plan: Arc::clone(parts.detection.active().plan()),
            rounds: None,
            snapshots: JoinSet::new(),
            last_snapshot: Instant::now(),
            joined: false,
        }
    }

    fn holds_nothing(&self) -> bool {
        !self.joined || (self.partitions.is_empty() && self.leaving.is_none())
    }

    async fn group_event(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Assigned(assigned, answer) => {
                let starts = self.assigned(&assigned).await;
                let _ = answer.send(starts);
            }
            GroupEvent::Revoked {
                partitions,
                lost,
                done,
            } => self.revoked(&partitions, lost, done),
            GroupEvent::Failed(_) => {}
        }
        gauge!(metric::PARTITIONS).set(self.partitions.len() as f64);
    }

    async fn assigned(&mut self, assigned: &[Assigned]) -> Vec<(i32, i64)> {
        let recovery = Recovery {
            store: &self.parts.store,
            topic: &self.parts.config.kafka.topic,
            fingerprint: self.parts.detection.fingerprint(),
            start: self.parts.config.kafka.start,
            clock: fresh_clock(&self.plan),
            health: &self.parts.health,
        };
        let (mut plans, lost) = recovery.plan(assigned).await;
        let delivery = match &self.delivery {
            Some(delivery) => delivery.clone(),
            None => self.begin(&mut plans).await,
        };
        self.write_down(&lost).await;
        let mut starts = Vec::new();
        for (plan, assigned) in plans.into_iter().zip(assigned) {
            starts.push((plan.partition, plan.start));
            self.hold(&delivery, plan, assigned.high);
        }
        self.joined = true;
        self.parts.health.up(Part::Kafka);
        starts
    }

    /// The first partitions of the session came: restores the shards and starts their thread.
    async fn begin(&mut self, plans: &mut [Plan]) -> Arc<Delivery> {
        let parts = self.parts;
        let topic = &parts.config.kafka.topic;
        let (mut tracker, rounds) = restore(&parts.store, topic, self.plan.clone(), plans).await;
        self.rounds = Some(Arc::new(Mutex::new(rounds)));
        tracker.assign(&plans.iter().map(|plan| plan.partition).collect::<Vec<_>>());
        let delivery = Arc::new(Delivery {
            store: parts.store.clone(),
            offsets: Some(Offsets::new(self.consumer.clone(), topic)),
            tracking: Tracking::start(tracker),
            outbox: parts.outbox.clone(),
            inserts: Semaphore::new(parts.config.delivery.inserts.max(1)),
            budget: self.budget.clone(),
            health: parts.health.clone(),
            topic: topic.clone(),
            token_prefix: format!("{}/{topic}", parts.cluster.id),
            fingerprint: parts.detection.fingerprint(),
        });
        self.delivery = Some(delivery.clone());
        delivery
    }

    fn hold(&mut self, delivery: &Arc<Delivery>, plan: Plan, high: i64) {
        let partition = plan.partition;
        self.consumer
            .context()
            .hold(partition, Some((high - plan.start).max(0)));
        self.workers.send(partition, ToWorker::Begin(plan));
        let (blocks, inbox) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let held = Held {
            blocks: Some(blocks),
            last_block: Instant::now(),
            waiting: waiting.clone(),
        };
        self.partitions.insert(partition, held);
        let delivery = delivery.clone();
        self.deliveries.spawn(async move {
            let result = deliver_partition(delivery, partition, inbox, waiting).await;
            (partition, result)
        });
    }

    /// Lost offsets become a row that people can find.
    async fn write_down(&self, lost: &[Lost]) {
        for gap in lost {
            let Lost {
                partition,
                begin,
                end,
            } = *gap;
            let mut row = DeadLetterBlock::new(
                self.parts.detection.sealer(),
                &self.parts.config.kafka.topic,
                partition,
            );
            let detail = format!(
                "offsets {begin} to {} were gone from Kafka before they were read",
                end - 1
            );
            row.push(&DeadLetter {
                offset: begin,
                stamped: None,
                reason: "offsets_lost",
                detail: &detail,
                raw: b"",
                beginning: "",
            })
            .expect("AES-GCM seals an empty record");
            let token = format!("{}/{partition}/{begin}-{end}/lost", self.parts.cluster.id);
            let row = row.finish();
            patiently(
                "lost offsets",
                |_| {},
                || self.parts.store.insert(&token, &row),
            )
            .await;
            let alert = own::lost(&self.parts.config.kafka.topic, partition, begin, end, now());
            self.parts.outbox.put(&[alert]).await;
        }
    }

    fn revoked(&mut self, partitions: &[i32], lost: bool, done: mpsc::Sender<()>) {
        let waiting_for: BTreeSet<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.partitions.contains_key(partition))
            .collect();
        if lost {
            for partition in &waiting_for {
                self.workers.send(*partition, ToWorker::Abandon(*partition));
                self.partitions.remove(partition);
            }
            let _ = done.send(());
            return;
        }
        for partition in &waiting_for {
            self.workers.send(*partition, ToWorker::Finish(*partition));
        }
        if waiting_for.is_empty() {
            let _ = done.send(());
        } else {
            self.leaving = Some(Leaving { waiting_for, done });
        }
    }

    fn built(&mut self, message: FromWorker) {
        match message {
            FromWorker::Block(block) => match self.partitions.get_mut(&block.partition) {
                Some(Held {
                    blocks: Some(blocks),
                    last_block,
                    waiting,
                }) => {
                    *last_block = Instant::now();
                    waiting.fetch_add(1, Ordering::Relaxed);
                    if let Err(refused) = blocks.send(block) {
                        self.budget.delivered(refused.0.bytes);
                    }
                }
                _ => self.budget.delivered(block.bytes),
            },
            FromWorker::Finished(partition) => {
                if let Some(held) = self.partitions.get_mut(&partition) {
                    held.blocks = None; // the delivery ends behind the last block
                }
            }
        }
    }

    /// The delivery of a partition has ended: in order, or because a commit was refused.
    async fn delivered(
        &mut self,
        result: Result<(i32, Result<(), KafkaError>), tokio::task::JoinError>,
    ) -> Result<(), KafkaError> {
        let (partition, result) =
            result.expect("deliveries neither panic nor are cancelled while the session runs");
        result?;
        self.partitions.remove(&partition);
        let Some(leaving) = &mut self.leaving else {
            return Ok(());
        };
        leaving.waiting_for.remove(&partition);
        if leaving.waiting_for.is_empty() {
            self.snapshot().await;
            while self.snapshots.join_next().await.is_some() {}
            if let Some(leaving) = self.leaving.take() {
                let _ = leaving.done.send(());
            }
        }
        Ok(())
    }

    async fn tick(&mut self) {
        let Some(delivery) = self.delivery.clone() else {
            return;
        };
        let lags = self.consumer.context().lags();
        for (partition, lag) in &lags {
            if let Some(records) = lag.records {
                gauge!(metric::LAG, "partition" => partition.to_string()).set(records as f64);
            }
        }
        let patience = Duration::from_secs(self.parts.config.track.idle_s.into());
        // A partition whose blocks wait for ClickHouse has been read, but not seen by the shards.
        let is_idle = |partition: &i32, held: &Held| {
            lags.get(partition)
                .is_some_and(|lag| lag.records == Some(0))
                && held.waiting.load(Ordering::Relaxed) == 0
                && held.last_block.elapsed() >= patience
        };
        let idle: Vec<i32> = self
            .partitions
            .iter()
            .filter(|(partition, held)| is_idle(partition, held))
            .map(|(partition, _)| *partition)
            .collect();
        let alerts = delivery.tracking.tick(idle).await;
        delivery.outbox.put(&alerts).await;
        let due = Duration::from_secs(self.parts.config.delivery.snapshot_seconds);
        if self.last_snapshot.elapsed() >= due && self.snapshots.is_empty() {
            self.snapshot().await;
        }
        while self.snapshots.try_join_next().is_some() {}
    }

    /// Takes the state of the shards now and stores it in the background.
    async fn snapshot(&mut self) {
        let (Some(delivery), Some(rounds)) = (self.delivery.clone(), self.rounds.clone()) else {
            return;
        };
        self.last_snapshot = Instant::now();
        let shards = delivery.tracking.snapshot().await;
        self.snapshots.spawn(async move {
            let begin = Instant::now();
            match rounds.lock().await.save(&shards).await {
                Ok(()) => {
                    histogram!(metric::SNAPSHOT_SECONDS).record(begin.elapsed().as_secs_f64());
                    KillPoint::AfterSnapshot.reach();
                }
                // The next round comes soon; until then more has to be read again after a crash.
                Err(error) => warn!(%error, "a round of snapshots was not stored"),
            }
        });
    }
}
