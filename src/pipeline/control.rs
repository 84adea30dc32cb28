//! Which instance is active: the one that holds the single partition of the control topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::Kafka;

struct ControlContext {
    active: watch::Sender<bool>,
}

impl ClientContext for ControlContext {
    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "kafka client of the control topic");
    }
}

impl ConsumerContext for ControlContext {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance
            && partitions.count() > 0
        {
            info!("standing by: another instance takes over");
            self.active.send_replace(false);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance
            && partitions.count() > 0
        {
            info!("this instance is active");
            self.active.send_replace(true);
        }
    }
}

/// Membership in the group of the control topic; it ends when dropped.
pub struct Control {
    active: watch::Receiver<bool>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Control {
    /// Joins; whether this instance is active comes through [`Control::active`].
    ///
    /// # Errors
    /// A client setting is wrong.
    pub fn join(client: &ClientConfig, kafka: &Kafka) -> KafkaResult<Self> {
        let (sender, active) = watch::channel(false);
        let consumer: BaseConsumer<ControlContext> = client
            .clone()
            .set("group.id", format!("{}.control", kafka.group))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .set("session.timeout.ms", kafka.session_timeout_ms.to_string())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .create_with_context(ControlContext { active: sender })?;
        consumer.subscribe(&[&kafka.control_topic])?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    // Nothing is ever written to the topic; polling keeps the membership alive.
                    drop(consumer.poll(Duration::from_millis(200)));
                }
            })
            .expect("a thread can be started");
        Ok(Control {
            active,
            stop,
            thread: Some(thread),
        })
    }

    /// Whether this instance is active, and when that changes.
    #[must_use]
    pub fn active(&self) -> watch::Receiver<bool> {
        self.active.clone()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
