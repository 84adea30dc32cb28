//! Delivers the blocks of a partition, one after another: intent, insert, track, alert. See `docs/delivery.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use rdkafka::error::KafkaError;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tracing::error;

use super::builder::{Block, BlockKind};
use super::health::{Health, Part};
use super::killpoint::KillPoint;
use super::offsets::{Intent, Offsets};
use super::outbox::Outbox;
use super::retry::patiently;
use super::tracking::Tracking;
use crate::alert::own;
use crate::notify::now;
use crate::source::Budget;
use crate::store::{Store, StoreError, StoredCount};
use crate::telemetry::metric;

/// A partition without a new block for so long commits its end without an intent.
const IDLE: Duration = Duration::from_secs(1);

/// What delivery needs, shared by all partitions.
pub struct Delivery {
    /// ClickHouse.
    pub store: Arc<Store>,
    /// The group's offsets; `None` for a file, whose position is found again in ClickHouse.
    pub offsets: Option<Offsets>,
    /// The shards.
    pub tracking: Tracking,
    /// Where alerts go.
    pub outbox: Outbox,
    /// Inserts under way.
    pub inserts: Semaphore,
    /// Bytes in memory.
    pub budget: Budget,
    /// Which parts are reachable.
    pub health: Arc<Health>,
    /// The source, as it stands in stored rows.
    pub topic: String,
    /// Beginning of every token: cluster and topic.
    pub token_prefix: String,
    /// What turns bytes into rows.
    pub fingerprint: u64,
}

/// Delivers blocks until the channel is closed, then commits the end. `waiting` counts the blocks that are not delivered yet.
///
/// # Errors
/// A commit was refused: the partition belongs to someone else, nothing more may be done for it.
pub async fn deliver_partition(
    delivery: Arc<Delivery>,
    partition: i32,
    mut blocks: UnboundedReceiver<Box<Block>>,
    waiting: Arc<AtomicUsize>,
) -> Result<(), KafkaError> {
    let mut done: Option<i64> = None;
    loop {
        let block = match done {
            None => blocks.recv().await,
            Some(end) => {
                let Ok(block) = timeout(IDLE, blocks.recv()).await else {
                    delivery.commit(partition, end, None).await?;
                    done = None;
                    continue;
                };
                block
            }
        };
        let Some(block) = block else { break };
        let end = block.end;
        let replay = block.kind == BlockKind::Replay;
        delivery.deliver(*block).await?;
        waiting.fetch_sub(1, Ordering::Relaxed);
        if !replay {
            done = Some(end);
        }
    }
    match done {
        Some(end) => delivery.commit(partition, end, None).await,
        None => Ok(()),
    }
}

impl Delivery {
    /// Takes one block through all steps. Parts that fail are tried again without end; only a refused commit ends it.
    pub(super) async fn deliver(&self, block: Block) -> Result<(), KafkaError> {
        let (opened, bytes, kind) = (block.opened, block.bytes, block.kind);
        if kind == BlockKind::Replay {
            let alerts = self.tracking.apply(block.plan, block.track).await;
            self.outbox.put(&alerts).await;
            self.budget.delivered(bytes);
            return Ok(());
        }
        KillPoint::BeforeIntent.reach();
        let intent = Intent {
            end: block.end,
            fingerprint: self.fingerprint,
        };
        self.commit(block.partition, block.begin, Some(intent))
            .await?;
        KillPoint::AfterIntent.reach();
        histogram!(metric::BLOCK_ROWS).record(block.rows() as f64);
        self.insert(&block).await;
        KillPoint::AfterInsert.reach();
        let alerts = self.tracking.apply(block.plan, block.track).await;
        KillPoint::BeforeAlerts.reach();
        self.outbox.put(&alerts).await;
        KillPoint::AfterAlerts.reach();
        self.budget.delivered(bytes);
        let outcome = if kind == BlockKind::Repair {
            "repair"
        } else {
            "new"
        };
        counter!(metric::BLOCKS, "outcome" => outcome).increment(1);
        histogram!(metric::BLOCK_SECONDS).record(opened.elapsed().as_secs_f64());
        Ok(())
    }

    /// Inserts dead letters and events, and counts the range of a block that another instance began.
    async fn insert(&self, block: &Block) {
        let _place = self
            .inserts
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let range = format!(
            "{}/{}/{}-{}@{}",
            self.token_prefix, block.partition, block.begin, block.end, block.stamp
        );
        let token = if block.kind == BlockKind::Repair {
            format!("{range}/repair")
        } else {
            range
        };
        let begin = Instant::now();
        self.outbox
            .copy_dead_letters(block.partition, &block.copies)
            .await;
        self.retry("dead letters", || {
            self.store.insert(&token, &block.dead_letters)
        })
        .await;
        KillPoint::BetweenInserts.reach();
        self.retry("events", || self.store.insert(&token, &block.events))
            .await;
        histogram!(metric::INSERT_SECONDS).record(begin.elapsed().as_secs_f64());
        counter!(metric::EVENTS_STORED).increment(block.events.rows() as u64);
        for copy in &block.copies {
            counter!(metric::DEAD_LETTERS, "reason" => copy.reason).increment(1);
        }
        if block.recovered {
            self.check_count(block).await;
        }
    }

    async fn check_count(&self, block: &Block) {
        let Block {
            partition,
            begin,
            end,
            ..
        } = *block;
        let counted = self
            .retry("count", || {
                self.store.count_range(&self.topic, partition, begin, end)
            })
            .await;
        let expected = StoredCount {
            events: block.events_seen as u64,
            dead_letters: block.dead_seen as u64,
        };
        if counted == expected {
            return;
        }
        self.health.note_inconsistency();
        error!(
            partition,
            begin,
            end,
            ?expected,
            ?counted,
            "the rows of a recovered range do not add up; compare the topic with `events` and `dead_letters`"
        );
        let total = |count: StoredCount| count.events + count.dead_letters;
        let alert = own::miscounted(
            (&self.topic, partition),
            (begin, end),
            (total(expected), total(counted)),
            now(),
        );
        self.outbox.put(&[alert]).await;
    }

    async fn retry<T, F>(&self, what: &'static str, attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let failed = |error: &StoreError| self.health.down(Part::ClickHouse, &error.to_string());
        let answer = patiently(what, failed, attempt).await;
        self.health.up(Part::ClickHouse);
        answer
    }

    /// Commits on a thread that may block.
    pub(super) async fn commit(
        &self,
        partition: i32,
        offset: i64,
        intent: Option<Intent>,
    ) -> Result<(), KafkaError> {
        let Some(offsets) = self.offsets.clone() else {
            return Ok(());
        };
        tokio::task::spawn_blocking(move || offsets.commit(partition, offset, intent))
            .await
            .expect("committing does not panic")
    }
}
