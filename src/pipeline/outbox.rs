//! Where alerts go: the alerts topic, or without Kafka the table and the notifier at once.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::builder::DeadLetterCopy;
use super::publish::Publisher;
use crate::alert::Alert;
use crate::store::Store;

/// Where alerts go.
#[derive(Clone)]
pub enum Outbox {
    /// The alerts topic, the truth about alerts; the table and the mails are filled from it.
    Topic(Publisher),
    /// No Kafka: the table is the outbox, the notifier gets them at once.
    Table(Arc<Store>, Sender<Alert>),
}

impl Outbox {
    /// Returns when the alerts are safe.
    pub async fn put(&self, alerts: &[Alert]) {
        if alerts.is_empty() {
            return;
        }
        match self {
            Outbox::Topic(publisher) => publisher.alerts(alerts).await,
            Outbox::Table(store, notifier) => {
                super::alert_store::insert(store, alerts).await;
                for alert in alerts {
                    // A notifier that cannot work has said so; the alerts are in the table.
                    let _ = notifier.send(alert.clone()).await;
                }
            }
        }
    }

    /// As [`Outbox::put`], for what may be about the table itself: it is mailed before it is stored.
    pub async fn tell(&self, alerts: &[Alert]) {
        if let Outbox::Table(store, notifier) = self {
            for alert in alerts {
                let _ = notifier.send(alert.clone()).await;
            }
            return super::alert_store::insert(store, alerts).await;
        }
        self.put(alerts).await;
    }

    /// Copies dead letters to their topic, where there is one.
    pub async fn copy_dead_letters(&self, partition: i32, copies: &[DeadLetterCopy]) {
        if let Outbox::Topic(publisher) = self {
            publisher.dead_letters(partition, copies).await;
        }
    }
}
