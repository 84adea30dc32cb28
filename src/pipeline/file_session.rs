//! The session of a file or of standard input: the same workers, shards and store, without Kafka.
//!
//! A file is taken up where ClickHouse says that its rows end; a snapshot stands for a commit, since it is made only
//! when everything before it is stored.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel};
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use super::deliver::Delivery;
use super::detection::Detection;
use super::health::Health;
use super::outbox::Outbox;
use super::plan::{Plan, Unfinished};
use super::retry::patiently;
use super::shards::Tracker;
use super::state::{Rounds, fresh_clock, restore};
use super::tracking::Tracking;
use super::worker::{FromWorker, ToWorker};
use super::workers::{Workers, settings};
use crate::config::{Config, SourceKind};
use crate::notify::now;
use crate::source::lines::{FOLLOW_PAUSE, Identity, Lines, Progress, fingerprint};
use crate::source::{Budget, RawBatch};
use crate::store::Store;

const DAY_US: i64 = 86_400_000_000;
/// How often a reader that waits for room looks again.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// What a file session works with.
pub struct FileParts {
    /// The whole configuration.
    pub config: Config,
    /// Decode, enrich, match.
    pub detection: Arc<Detection>,
    /// ClickHouse.
    pub store: Arc<Store>,
    /// Where alerts go.
    pub outbox: Outbox,
    /// Which parts are reachable.
    pub health: Arc<Health>,
}

/// One input, read to its end or its rotation.
struct Input {
    /// As it stands in stored rows.
    topic: String,
    lines: Lines,
    /// For following; `None` when the input is read once.
    identity: Option<Identity>,
}

/// Reads the input once, or follows it until `stop`.
///
/// # Errors
/// The file cannot be read.
pub async fn run(parts: &FileParts, stop: watch::Receiver<bool>) -> io::Result<()> {
    let source = &parts.config.source;
    if source.kind == SourceKind::Stdin {
        warn!(
            "standard input cannot be read again: what is under way when the process dies is lost"
        );
        let topic = "stdin".to_owned();
        let lines = Lines::new(
            Box::new(io::stdin()),
            0,
            parts.config.decode.max_record_bytes,
        );
        let (plan, tracker, rounds) = take_up(parts, &topic).await;
        let plan = Plan {
            start: 0,
            commit: 0,
            unfinished: None,
            ..plan
        };
        return read_input(
            parts,
            Input {
                topic,
                lines,
                identity: None,
            },
            (plan, tracker, rounds),
            stop,
        )
        .await;
    }
    let path = source
        .path
        .as_deref()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "source.path names no file"))?;
    loop {
        let Some(known) = wait_for_content(path, source.follow, &stop).await? else {
            return Ok(());
        };
        look_at_first_event(parts, path)?;
        let topic = format!("file/{known}");
        let state = take_up(parts, &topic).await;
        info!(file = %path.display(), topic, offset = state.0.start, "file taken up");
        let lines = Lines::open(path, state.0.start, parts.config.decode.max_record_bytes)?;
        let identity = source.follow.then(|| Identity::of(path)).transpose()?;
        read_input(
            parts,
            Input {
                topic,
                lines,
                identity,
            },
            state,
            stop.clone(),
        )
        .await?;
        if !source.follow || *stop.borrow() {
            return Ok(());
        }
    }
}

/// Settles where the times of an old log move, however far it was read before; warns when retention will drop it.
fn look_at_first_event(parts: &FileParts, path: &Path) -> io::Result<()> {
    let mut first = RawBatch::new(0);
    Lines::open(path, 0, parts.config.decode.max_record_bytes)?.read_into(&mut first, true)?;
    let mut times = first
        .iter()
        .filter_map(|(_, _, raw)| parts.detection.time_of(raw));
    let Some(time) = times.next() else {
        return Ok(());
    };
    let kept_us = i64::from(parts.config.store.retention.events_days) * DAY_US;
    if now().since(time) > kept_us {
        warn!(
            first_event = %time,
            "the log is older than store.retention.events_days, so ClickHouse drops its events; --first-event-at moves its times"
        );
    } else if let Some(at) = &parts.config.source.first_event_at {
        info!(first_event = %at, "the times of the log are moved");
    }
    Ok(())
}

/// Waits until the file has a first line that it can be known by. `None` when stopped before.
async fn wait_for_content(
    path: &Path,
    follow: bool,
    stop: &watch::Receiver<bool>,
) -> io::Result<Option<String>> {
    loop {
        match fingerprint(path, !follow) {
            Ok(Some(known)) => return Ok(Some(known)),
            Ok(None) if !follow => {
                warn!(file = %path.display(), "the file is empty");
                return Ok(None);
            }
            Err(error) if !follow || error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => tokio::time::sleep(FOLLOW_PAUSE).await,
        }
        if *stop.borrow() {
            return Ok(None);
        }
    }
}

/// Where to go on in this content: behind the newest snapshot, with what was stored since then to be passed over.
async fn take_up(parts: &FileParts, topic: &str) -> (Plan, Tracker, Rounds) {
    let track = Arc::clone(parts.detection.active().plan());
    // No commit bounds a file: any snapshot counts, and without one reading begins at the beginning.
    let mut plans = [Plan {
        commit: i64::MAX,
        ..Plan::fresh(0, 0, fresh_clock(&track))
    }];
    let (tracker, rounds) = restore(&parts.store, topic, track, &mut plans).await;
    let [mut plan] = plans;
    plan.commit = plan.start;
    if let Some(last) = patiently("recovery", |_| {}, || parts.store.last_offset(topic, 0))
        .await
        .filter(|last| *last >= plan.commit)
    {
        let stored = patiently(
            "recovery",
            |_| {},
            || parts.store.stored_offsets(topic, 0, plan.commit, last + 1),
        )
        .await;
        plan.unfinished = Some(Unfinished {
            end: last + 1,
            stored: Some(stored.into_iter().collect()),
        });
    }
    (plan, tracker, rounds)
}

/// Reads one input to its end through the workers.
async fn read_input(
    parts: &FileParts,
    input: Input,
    (plan, mut tracker, mut rounds): (Plan, Tracker, Rounds),
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let budget = Budget::new(parts.config.delivery.buffer_bytes);
    let (workers, mut built) = Workers::start(
        &parts.detection,
        &settings(&parts.config, &input.topic),
        1,
        &budget,
    );
    tracker.assign(&[0]);
    let delivery = Delivery {
        store: parts.store.clone(),
        offsets: None,
        tracking: Tracking::start(tracker),
        outbox: parts.outbox.clone(),
        inserts: Semaphore::new(1),
        budget: budget.clone(),
        health: parts.health.clone(),
        topic: input.topic.clone(),
        token_prefix: input.topic.clone(),
        fingerprint: parts.detection.fingerprint(),
    };
    workers.send(0, ToWorker::Begin(plan));
    let every = Duration::from_secs(parts.config.delivery.snapshot_seconds);
    let mut last_snapshot = Instant::now();
    let mut batches = read_in_background(input, budget, stop.clone());
    let result = loop {
        tokio::select! {
            batch = batches.recv() => match batch {
                Some(Ok(batch)) => { workers.send(0, ToWorker::Batch(batch)); }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            },
            Some(message) = built.recv() => {
                deliver(&delivery, message).await;
                if last_snapshot.elapsed() >= every {
                    last_snapshot = Instant::now();
                    snapshot(&delivery, &mut rounds).await;
                }
            }
            _ = stop.wait_for(|stop| *stop) => break Ok(()),
        }
    };
    workers.send(0, ToWorker::Finish(0));
    finish(&delivery, &mut rounds, &mut built, *stop.borrow()).await;
    result
}

async fn deliver(delivery: &Delivery, message: FromWorker) {
    if let FromWorker::Block(block) = message {
        let delivered = delivery.deliver(*block).await;
        debug_assert!(
            delivered.is_ok(),
            "without Kafka there is no commit to be refused"
        );
    }
}

/// Delivers what is left. At the end of an input everything that waits for the watermark is released; when it is only put
/// down for a while, the state is kept for the next start instead.
async fn finish(
    delivery: &Delivery,
    rounds: &mut Rounds,
    built: &mut UnboundedReceiver<FromWorker>,
    put_down: bool,
) {
    while let Some(message) = built.recv().await {
        if matches!(message, FromWorker::Finished(_)) {
            break;
        }
        deliver(delivery, message).await;
    }
    if !put_down {
        let alerts = delivery.tracking.finish().await;
        delivery.outbox.put(&alerts).await;
    }
    snapshot(delivery, rounds).await;
}

/// Keeps the state. Everything before it is stored and published, since blocks are delivered one after another.
async fn snapshot(delivery: &Delivery, rounds: &mut Rounds) {
    let shards = delivery.tracking.snapshot().await;
    if let Err(error) = rounds.save(&shards).await {
        warn!(%error, "the state was not stored; until it is, the next start reads more of the input again");
    }
}

/// Reads on a thread of its own; few batches wait, so that memory stays bounded.
fn read_in_background(
    mut input: Input,
    budget: Budget,
    stop: watch::Receiver<bool>,
) -> Receiver<io::Result<RawBatch>> {
    let (sender, batches) = channel(8);
    std::thread::Builder::new()
        .name("lines".to_owned())
        .spawn(move || {
            while !*stop.borrow() {
                while budget.is_full() && !*stop.borrow() {
                    std::thread::sleep(FULL_PAUSE);
                }
                let mut batch = RawBatch::new(0);
                let progress = match input.lines.read_into(&mut batch, input.identity.is_none()) {
                    Ok(progress) => progress,
                    Err(error) => return drop(sender.blocking_send(Err(error))),
                };
                budget.read(batch.bytes());
                if batch.rows() > 0 && sender.blocking_send(Ok(batch)).is_err() {
                    return;
                }
                if progress == Progress::End {
                    match &input.identity {
                        Some(identity) if !identity.is_rotated(input.lines.offset()) => {
                            std::thread::sleep(FOLLOW_PAUSE);
                        }
                        _ => return,
                    }
                }
            }
        })
        .expect("a thread can be started");
    batches
}
