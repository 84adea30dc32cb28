//! The thread of the shards: applies blocks in the order they come, makes snapshots between them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use metrics::{counter, gauge};
use tokio::sync::oneshot;

use super::shards::{Tracker, TrackerSnapshot};
use crate::alert::Alert;
use crate::telemetry::metric;
use crate::track::{Plan, TrackBlock, TrackCounts};

enum Request {
    Apply(Arc<Plan>, Vec<TrackBlock>, oneshot::Sender<Vec<Alert>>),
    Tick(Vec<i32>, oneshot::Sender<Vec<Alert>>),
    Snapshot(oneshot::Sender<Vec<TrackerSnapshot>>),
    Finish(oneshot::Sender<Vec<Alert>>),
}

/// Asks the thread of the shards. Cheap to clone; the thread ends with the last handle.
#[derive(Clone)]
pub struct Tracking {
    requests: Sender<Request>,
}

impl Tracking {
    /// Starts the thread.
    ///
    /// # Panics
    /// The system has no thread left.
    #[must_use]
    pub fn start(tracker: Tracker) -> Self {
        let (requests, inbox) = channel();
        std::thread::Builder::new()
            .name("track".to_owned())
            .spawn(move || run(tracker, &inbox))
            .expect("a thread can be started");
        Tracking { requests }
    }

    /// Applies the blocks of one range, matched by the rules of `plan`; gives the alerts that they changed.
    pub async fn apply(&self, plan: Arc<Plan>, blocks: Vec<TrackBlock>) -> Vec<Alert> {
        self.ask(|answer| Request::Apply(plan, blocks, answer))
            .await
    }

    /// Says which partitions are idle; gives the alerts that this released.
    pub async fn tick(&self, idle: Vec<i32>) -> Vec<Alert> {
        self.ask(|answer| Request::Tick(idle, answer)).await
    }

    /// The state of every shard at this point between blocks; nothing when no block came since the last time.
    pub async fn snapshot(&self) -> Vec<TrackerSnapshot> {
        self.ask(Request::Snapshot).await
    }

    /// The end of a finite source: releases what waits for the watermark.
    pub async fn finish(&self) -> Vec<Alert> {
        self.ask(Request::Finish).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> T {
        let (answer, answered) = oneshot::channel();
        self.requests
            .send(request(answer))
            .expect("the tracking thread lives as long as its handles");
        answered
            .await
            .expect("the tracking thread answers every request")
    }
}

fn run(mut tracker: Tracker, inbox: &Receiver<Request>) {
    // Idle partitions stay so from one tick to the next, unless a block of theirs comes.
    let mut idle: Vec<i32> = Vec::new();
    let mut changed = false;
    let mut counted = TrackCounts::default();
    while let Ok(request) = inbox.recv() {
        // An asker that is gone has stopped; its answer is of no use to anyone.
        match request {
            Request::Apply(plan, mut blocks, answer) => {
                changed = true;
                tracker.follow(&plan, &mut blocks);
                let mut alerts = Vec::new();
                for block in blocks {
                    idle.retain(|partition| *partition != block.partition);
                    alerts.extend(tracker.apply(block, &idle));
                }
                drop(answer.send(alerts));
            }
            Request::Tick(now_idle, answer) => {
                changed |= now_idle != idle;
                idle = now_idle;
                drop(answer.send(tracker.tick(&idle)));
                show(&tracker, &mut counted);
            }
            Request::Snapshot(answer) => {
                let snapshots = if changed {
                    tracker.snapshots()
                } else {
                    Vec::new()
                };
                changed = false;
                drop(answer.send(snapshots));
            }
            Request::Finish(answer) => {
                changed = true;
                drop(answer.send(tracker.finish()));
            }
        }
    }
}

/// Shows what the shards did and gave up since the last time.
fn show(tracker: &Tracker, counted: &mut TrackCounts) {
    let now = tracker.counts();
    let before = std::mem::replace(counted, now);
    counter!(metric::FINDINGS).increment(now.findings - before.findings);
    let late = |counts: &TrackCounts| counts.late + counts.behind_watermark + counts.late_requests;
    counter!(metric::LATE_EVENTS).increment(late(&now) - late(&before));
    for (kind, now, before) in [
        ("group", now.evicted_groups, before.evicted_groups),
        ("window_entry", now.evicted_entries, before.evicted_entries),
        ("client", now.evicted_clients, before.evicted_clients),
        ("entity", now.evicted_entities, before.evicted_entities),
        ("alert", now.evicted_alerts, before.evicted_alerts),
        ("like_finding", now.as_odd, before.as_odd),
        ("waiting_match", now.forced, before.forced),
        (
            "rule_state",
            now.dropped_on_reload,
            before.dropped_on_reload,
        ),
        ("watched_minute", now.unwatched, before.unwatched),
        (
            "request",
            now.unobserved_requests,
            before.unobserved_requests,
        ),
        ("request_id", now.unobserved_ids, before.unobserved_ids),
    ] {
        counter!(metric::EVICTIONS, "kind" => kind).increment(now - before);
    }
    gauge!(metric::ENTITIES, "detector" => "request_rate").set(tracker.clients() as f64);
    gauge!(metric::ENTITIES, "detector" => "behaviour").set(tracker.behaving() as f64);
    let learning = tracker.learning();
    gauge!(metric::LEARNING).set(learning.len() as f64);
    let until = learning.iter().max().map_or(0, |until| until.seconds());
    gauge!(metric::LEARNING_UNTIL).set(until as f64);
    if let Some(ratio) = tracker.calibration_ratio() {
        gauge!(metric::CALIBRATION).set(ratio);
    }
    gauge!(metric::ENTITIES, "detector" => "series").set(tracker.series() as f64);
    gauge!(metric::ENTITIES, "detector" => "watch").set(tracker.watched() as f64);
    gauge!(metric::ENTITIES, "detector" => "alert").set(tracker.open_alerts() as f64);
    gauge!(metric::WAITING).set(tracker.waiting() as f64);
    gauge!(metric::WATERMARK).set(tracker.watermark().seconds().max(0) as f64);
}
