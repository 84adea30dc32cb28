//! The threads of the workers and the way to the one that owns a partition.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::builder::Limits;
use super::detection::Detection;
use super::worker::{self, FromWorker, Settings, ToWorker};
use crate::config::Config;
use crate::source::Budget;

/// Inboxes of the workers. The threads end when the last copy is gone.
#[derive(Clone)]
pub struct Workers {
    inboxes: Vec<Sender<ToWorker>>,
}

impl Workers {
    /// Starts `threads` of them, 0: one a core, and gives what they build.
    pub fn start(
        detection: &Arc<Detection>,
        settings: &Settings,
        threads: usize,
        budget: &Budget,
    ) -> (Self, UnboundedReceiver<FromWorker>) {
        let (outbox, built) = unbounded_channel();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores() } else { threads };
        let inboxes = (0..threads)
            .map(|number| {
                let (sender, inbox) = channel();
                let (detection, settings) = (Arc::clone(detection), settings.clone());
                let (budget, outbox) = (budget.clone(), outbox.clone());
                std::thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(move || worker::run(&detection, &settings, &budget, &inbox, &outbox))
                    .expect("a thread can be started");
                sender
            })
            .collect();
        (Workers { inboxes }, built)
    }

    /// Sends to the worker that owns the partition; false when it is gone.
    pub fn send(&self, partition: i32, message: ToWorker) -> bool {
        let owner = usize::try_from(partition).unwrap_or_default() % self.inboxes.len();
        self.inboxes[owner].send(message).is_ok()
    }
}

/// Settings of the workers, for the records of `topic`.
pub fn settings(config: &Config, topic: &str) -> Settings {
    let delivery = &config.delivery;
    Settings {
        topic: topic.into(),
        limits: Limits {
            rows: delivery.block_rows,
            bytes: delivery.block_bytes,
        },
        age: Duration::from_millis(delivery.block_age_ms),
        least_bytes: delivery.buffer_bytes / 32,
    }
}
