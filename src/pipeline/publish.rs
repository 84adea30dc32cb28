//! Publishes alerts and copies of dead letters to Kafka, acknowledged by all in-sync replicas.

use std::time::Duration;

use backon::Retryable;
use futures_util::future::try_join_all;
use metrics::counter;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use tracing::warn;

use super::builder::DeadLetterCopy;
use super::retry::forever;
use crate::alert::{Alert, ocsf};
use crate::config::Kafka;
use crate::telemetry::metric;

/// Writes to gatewatch's own topics.
#[derive(Clone)]
pub struct Publisher {
    producer: FutureProducer,
    alerts: String,
    dead_letters: String,
}

impl Publisher {
    /// A producer with the client settings that all share.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(client: &ClientConfig, kafka: &Kafka) -> KafkaResult<Self> {
        let producer = client
            .clone()
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "30000")
            .create()?;
        Ok(Publisher {
            producer,
            alerts: kafka.alerts_topic.clone(),
            dead_letters: kafka.dead_letters_topic.clone(),
        })
    }

    /// Publishes alerts; returns when the broker has acknowledged them all. Tries for ever: an alert is not dropped.
    pub async fn alerts(&self, alerts: &[Alert]) {
        let records: Vec<(String, Vec<u8>)> = alerts
            .iter()
            .map(|alert| {
                (
                    alert.id.to_string(),
                    ocsf::encode(alert).expect("an alert is plain data"),
                )
            })
            .collect();
        self.send(&self.alerts, &records).await;
        counter!(metric::ALERTS_PUBLISHED).increment(alerts.len() as u64);
    }

    /// Publishes copies of dead letters by the key `partition/offset`: reason and redacted beginning, never the record.
    pub async fn dead_letters(&self, partition: i32, copies: &[DeadLetterCopy]) {
        let records: Vec<(String, Vec<u8>)> = copies
            .iter()
            .map(|copy| {
                let DeadLetterCopy { offset, reason, beginning } = copy;
                let json = json!({"partition": partition, "offset": offset, "reason": reason, "beginning": beginning});
                (format!("{partition}/{offset}"), json.to_string().into_bytes())
            })
            .collect();
        self.send(&self.dead_letters, &records).await;
    }

    async fn send(&self, topic: &str, records: &[(String, Vec<u8>)]) {
        if records.is_empty() {
            return;
        }
        let attempt = || async {
            let sends = records.iter().map(|(key, payload)| async move {
                let record = FutureRecord::to(topic).key(key).payload(payload);
                self.producer
                    .send(record, Duration::from_secs(10))
                    .await
                    .map_err(|(error, _)| error)
            });
            try_join_all(sends).await.map(drop)
        };
        let result: Result<(), KafkaError> = attempt
            .retry(forever())
            .notify(|error, _| {
                counter!(metric::RETRIES, "part" => "kafka").increment(1);
                warn!(topic, %error, "publishing failed, trying again");
            })
            .await;
        debug_assert!(result.is_ok(), "retried without end");
    }
}
