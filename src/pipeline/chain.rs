//! Keeps the hash chain over the store growing while this instance is active.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::{Kafka, Store as Settings};
use crate::notify::now;
use crate::source::kafka::{self, KafkaProblem};
use crate::store::{ChainKey, Head, Store, StoreError};

/// After a failure it is tried again so soon.
const AGAIN: Duration = Duration::from_mins(5);

/// While nothing is stored yet, it is looked at again so soon.
const NOT_YET: Duration = Duration::from_secs(10);

/// The request topic, whose committed positions say what is stored for good.
pub struct Topic {
    /// Client settings.
    pub client: ClientConfig,
    /// Topic and group.
    pub kafka: Kafka,
    /// Its partitions.
    pub partitions: i32,
}

/// Adds links until `stop`, whenever this instance is active and the newest link is older than the configuration says. Without a topic,
/// only what does not come from it is sealed.
pub async fn run(
    store: Arc<Store>,
    settings: Settings,
    topic: Option<Topic>,
    mut active: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let key = match ChainKey::from_config(&settings) {
        Ok(key) => key,
        Err(problem) => {
            error!(%problem, "the hash chain cannot be kept");
            return;
        }
    };
    let every = Duration::from_secs(settings.seal_minutes.max(1) * 60);
    let mut known = None;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            active = active.wait_for(|active| *active) => if active.is_err() {
                return; // the service is gone
            },
        }
        let wait = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            wait = round(&store, &key, topic.as_ref(), every, &mut known) => wait,
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Adds links when it is time; returns how long to wait for the next look.
async fn round(
    store: &Store,
    key: &ChainKey,
    topic: Option<&Topic>,
    every: Duration,
    known: &mut Option<Head>,
) -> Duration {
    match try_round(store, key, topic, every, known).await {
        Ok(wait) => wait,
        Err(error) => {
            warn!(%error, "the hash chain was not continued");
            AGAIN.min(every)
        }
    }
}

async fn try_round(
    store: &Store,
    key: &ChainKey,
    topic: Option<&Topic>,
    every: Duration,
    known: &mut Option<Head>,
) -> Result<Duration, RoundError> {
    let head = store.chain_head().await?;
    let newest = |head: &Option<Head>| head.as_ref().map_or(0, |head| head.number);
    if newest(&head) < newest(known) {
        error!(
            was = newest(known),
            is = newest(&head),
            "links of the hash chain are gone, so it is not continued: run `gatewatch verify` and find out who writes to the database"
        );
        // What is left must not be sealed as if it had always been so.
        return Ok(AGAIN);
    }
    let now = now();
    let age = head.as_ref().map_or(i64::MAX, |head| now.since(head.made));
    let age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
    if age < every {
        *known = head;
        return Ok(every.saturating_sub(age));
    }
    let (name, positions) = match topic {
        Some(topic) => {
            let (client, kafka) = (topic.client.clone(), topic.kafka.clone());
            let partitions = topic.partitions;
            let asked = move || kafka::committed(&client, &kafka, partitions);
            let positions = tokio::task::spawn_blocking(asked)
                .await
                .expect("asking for positions does not panic")?;
            if positions.is_empty() {
                return Ok(NOT_YET); // nothing is stored yet
            }
            (topic.kafka.topic.as_str(), positions)
        }
        None => ("", Vec::new()),
    };
    let links = store.extend_chain(key, name, &positions, now).await?;
    *known = store.chain_head().await?;
    if let Some(head) = known {
        info!(
            links,
            newest = head.number,
            hash = head.hash,
            "the hash chain was continued"
        );
    }
    Ok(every)
}

/// What keeps the chain from growing.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Kafka(#[from] KafkaProblem),
}
