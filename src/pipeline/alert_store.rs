//! Fills the `alerts` table from the alerts topic.
//!
//! A batch that was inserted but not committed comes again after a crash: a revision is a row by (id, revision), so it stays one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use super::retry::patiently;
use crate::alert::{Alert, ocsf};
use crate::config::Kafka;
use crate::store::{Store, alert_rows};

/// Alerts in one INSERT.
const BATCH: usize = 500;
/// How long a batch waits for more.
const AGE: Duration = Duration::from_millis(300);

/// Copies alerts from the topic into the table until `stop`.
///
/// # Errors
/// A client setting is wrong.
pub async fn run(
    client: &ClientConfig,
    kafka: &Kafka,
    store: Arc<Store>,
    mut stop: watch::Receiver<bool>,
) -> KafkaResult<()> {
    let consumer: StreamConsumer = client
        .clone()
        .set("group.id", format!("{}.alerts", kafka.group))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", kafka.session_timeout_ms.to_string())
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create()?;
    consumer.subscribe(&[&kafka.alerts_topic])?;
    loop {
        let batch = tokio::select! {
            batch = next_batch(&consumer) => batch,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        insert(&store, &batch).await;
        if !batch.is_empty()
            && let Err(error) = commit(&consumer)
        {
            warn!(%error, "the position on the alerts topic was not committed; the alerts are inserted again");
        }
    }
}

/// Inserts alerts; tries without end.
pub async fn insert(store: &Store, alerts: &[Alert]) {
    if alerts.is_empty() {
        return;
    }
    let rows = match alert_rows(alerts) {
        Ok(rows) => rows,
        Err(error) => return error!(%error, "alerts could not be encoded"),
    };
    let token = token(alerts);
    patiently("alerts", |_| {}, || store.insert(&token, &rows)).await;
}

/// The same revisions have the same token.
fn token(alerts: &[Alert]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for alert in alerts {
        hash.update(alert.id);
        hash.update(alert.revision.to_be_bytes());
    }
    hash.finalize()
        .iter()
        .take(16)
        .fold("alerts/".to_owned(), |token, byte| {
            token + &format!("{byte:02x}")
        })
}

async fn next_batch(consumer: &StreamConsumer) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let begin = Instant::now();
    while alerts.len() < BATCH {
        let Some(left) = AGE.checked_sub(begin.elapsed()) else {
            break;
        };
        match timeout(left, consumer.recv()).await {
            Ok(Ok(message)) => match message.payload().map(ocsf::decode) {
                Some(Ok(alert)) => alerts.push(alert),
                Some(Err(problem)) => error!(offset = message.offset(), %problem, "not an alert"),
                None => {}
            },
            Ok(Err(error)) => {
                debug!(%error, "reading alerts");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(_) => break,
        }
    }
    alerts
}

fn commit(consumer: &StreamConsumer) -> Result<(), KafkaError> {
    let position = consumer.position()?;
    consumer.commit(&position, CommitMode::Sync)
}
