//! Kafka: client settings, the connection test at the start, gatewatch's own topics.
//!
//! librdkafka retries a wrong password, authority or ACL in silence; what is wrong comes only through its error
//! callback while the client is polled. The connection test does that with a deadline and says what it saw.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use thiserror::Error;
use tracing::info;

use crate::config::{Kafka, SecretError, Security};

/// What keeps gatewatch from Kafka.
#[derive(Debug, Error)]
pub enum KafkaProblem {
    /// The password cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Plaintext to a broker that is not on this machine.
    #[error(
        "kafka.security is `plaintext`, but {broker} is not on the loopback interface: use `tls` or `sasl_tls`, or set kafka.allow_plaintext"
    )]
    PlaintextAbroad {
        /// The broker.
        broker: String,
    },
    /// No broker answered.
    #[error("no broker of kafka.brokers ({brokers}) answered within {seconds} s{detail}")]
    Unreachable {
        /// Brokers of the configuration.
        brokers: String,
        /// How long was waited.
        seconds: u64,
        /// What librdkafka said.
        detail: String,
    },
    /// The login was refused.
    #[error(
        "the broker refused the login of kafka.user `{user}`: check user, kafka.password_file and kafka.mechanism ({detail})"
    )]
    Login {
        /// The user.
        user: String,
        /// What the broker said.
        detail: String,
    },
    /// TLS failed.
    #[error(
        "TLS to the broker failed: check kafka.ca_file, the certificate's names and kafka.security ({detail})"
    )]
    Tls {
        /// What TLS said.
        detail: String,
    },
    /// The topic is not there.
    #[error("topic `{topic}` does not exist on {brokers}: create it, or correct kafka.topic")]
    NoTopic {
        /// The topic.
        topic: String,
        /// Brokers of the configuration.
        brokers: String,
    },
    /// An ACL forbids it.
    #[error("the broker does not allow this user to {action} {resource}: add an ACL ({detail})")]
    Forbidden {
        /// What was tried.
        action: &'static str,
        /// Topic or group.
        resource: String,
        /// What the broker said.
        detail: String,
    },
    /// Anything else.
    #[error("kafka: {0}")]
    Other(#[from] KafkaError),
}

impl KafkaProblem {
    /// Whether waiting may help: a broker may come up, a setting does not mend itself.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            KafkaProblem::Unreachable { .. } | KafkaProblem::Other(_)
        )
    }
}

/// Client settings that every consumer and producer shares.
///
/// # Errors
/// A secret cannot be read, or plaintext would leave this machine unasked.
pub fn client_config(kafka: &Kafka) -> Result<ClientConfig, KafkaProblem> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &kafka.brokers)
        .set("client.id", "gatewatch")
        .set("log.connection.close", "false");
    match kafka.security {
        Security::Plaintext => {
            if let Some(broker) = kafka
                .brokers
                .split(',')
                .find(|broker| !kafka.allow_plaintext && !is_loopback(broker))
            {
                return Err(KafkaProblem::PlaintextAbroad {
                    broker: broker.trim().to_owned(),
                });
            }
        }
        Security::Tls => {
            client.set("security.protocol", "ssl");
        }
        Security::SaslTls => {
            let password = kafka
                .password
                .resolve(kafka.password_file.as_deref(), "kafka.password")?;
            client
                .set("security.protocol", "sasl_ssl")
                .set("sasl.mechanism", &kafka.mechanism)
                .set("sasl.username", kafka.user.as_deref().unwrap_or_default())
                .set("sasl.password", password.expose());
        }
    }
    let files = [
        ("ssl.ca.location", &kafka.ca_file),
        ("ssl.certificate.location", &kafka.certificate_file),
        ("ssl.key.location", &kafka.key_file),
    ];
    for (key, file) in files {
        if let Some(file) = file {
            client.set(key, file.to_string_lossy());
        }
    }
    Ok(client)
}

fn is_loopback(broker: &str) -> bool {
    let host = broker
        .trim()
        .rsplit_once(':')
        .map_or(broker.trim(), |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Keeps what librdkafka reports while a client is polled.
#[derive(Default)]
struct Reports(Mutex<Vec<(KafkaError, String)>>);

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut reports = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if reports.len() < 16 {
            reports.push((error, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Reports {}

/// What the connection test found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Id of the cluster; part of every insert token.
    pub id: String,
    /// Partitions of the request topic.
    pub partitions: i32,
}

/// Connects, looks the topic up and reads the group's offsets, within `patience`.
///
/// # Errors
/// What is wrong and what to do: login, TLS, topic, ACL, or nobody answers.
pub fn check(
    client: &ClientConfig,
    kafka: &Kafka,
    patience: Duration,
) -> Result<Cluster, KafkaProblem> {
    let settings = group_settings(client, kafka);
    let consumer: BaseConsumer<Reports> = settings.create_with_context(Reports::default())?;
    let deadline = Instant::now() + patience;
    loop {
        // Error callbacks run only inside poll.
        let _ = consumer.poll(Duration::from_millis(50));
        if let Some(problem) = reported(consumer.context(), kafka) {
            return Err(problem);
        }
        match try_once(&consumer, kafka) {
            // A broker that has just started knows neither topics nor coordinators for a while.
            Err(KafkaProblem::Other(_)) if Instant::now() < deadline => {}
            Err(KafkaProblem::Other(error)) => {
                return Err(KafkaProblem::Unreachable {
                    brokers: kafka.brokers.clone(),
                    seconds: patience.as_secs(),
                    detail: format!(" ({error})"),
                });
            }
            result => return result,
        }
    }
}

fn try_once(consumer: &BaseConsumer<Reports>, kafka: &Kafka) -> Result<Cluster, KafkaProblem> {
    let metadata = consumer.fetch_metadata(Some(&kafka.topic), Duration::from_secs(1))?;
    let topic = metadata
        .topics()
        .first()
        .ok_or(KafkaError::NoMessageReceived)?;
    if let Some(error) = topic.error() {
        return Err(topic_problem(error.into(), kafka));
    }
    check_group(consumer, kafka)?;
    Ok(Cluster {
        id: consumer
            .client()
            .fetch_cluster_id(Duration::from_secs(5))
            .unwrap_or_default(),
        partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
    })
}

fn reported(reports: &Reports, kafka: &Kafka) -> Option<KafkaProblem> {
    let reports = reports
        .0
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    reports
        .iter()
        .find_map(|(error, reason)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                Some(KafkaProblem::Login {
                    user: kafka.user.clone().unwrap_or_default(),
                    detail: reason.clone(),
                })
            }
            Some(RDKafkaErrorCode::SSL) => Some(KafkaProblem::Tls {
                detail: reason.clone(),
            }),
            _ => None,
        })
}

fn topic_problem(code: RDKafkaErrorCode, kafka: &Kafka) -> KafkaProblem {
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed => KafkaProblem::Forbidden {
            action: "read topic",
            resource: format!("`{}`", kafka.topic),
            detail: code.to_string(),
        },
        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
            KafkaProblem::NoTopic {
                topic: kafka.topic.clone(),
                brokers: kafka.brokers.clone(),
            }
        }
        other => KafkaProblem::Other(KafkaError::MetadataFetch(other)),
    }
}

fn check_group(consumer: &BaseConsumer<Reports>, kafka: &Kafka) -> Result<(), KafkaProblem> {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(&kafka.topic, 0, Offset::Invalid)?;
    match consumer.committed_offsets(partitions, Duration::from_secs(10)) {
        Ok(_) => Ok(()),
        Err(error)
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) =>
        {
            Err(KafkaProblem::Forbidden {
                action: "use consumer group",
                resource: format!("`{}`", kafka.group),
                detail: error.to_string(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// The position that the group committed in each partition of the request topic; partitions without one are left out.
///
/// # Errors
/// The broker refuses or does not answer.
pub fn committed(
    client: &ClientConfig,
    kafka: &Kafka,
    partitions: i32,
) -> Result<Vec<(i32, i64)>, KafkaProblem> {
    let consumer: BaseConsumer = group_settings(client, kafka).create()?;
    let mut asked = TopicPartitionList::new();
    for partition in 0..partitions {
        asked.add_partition(&kafka.topic, partition);
    }
    let answer = consumer.committed_offsets(asked, Duration::from_secs(30))?;
    let elements = answer.elements();
    let positions = elements
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        });
    Ok(positions.collect())
}

/// Of a client that asks for the group's positions and joins nothing.
fn group_settings(client: &ClientConfig, kafka: &Kafka) -> ClientConfig {
    let mut settings = client.clone();
    settings
        .set("group.id", &kafka.group)
        .set("enable.auto.commit", "false");
    settings
}

/// Creates the topics of gatewatch's own that are missing.
///
/// # Errors
/// The broker refuses (ACL, replication) or cannot be reached.
pub async fn create_topics(client: &ClientConfig, kafka: &Kafka) -> Result<(), KafkaProblem> {
    let admin: AdminClient<rdkafka::client::DefaultClientContext> = client.create()?;
    let topics = [
        own_topic(&kafka.control_topic, kafka.replication),
        own_topic(&kafka.alerts_topic, kafka.replication),
        own_topic(&kafka.dead_letters_topic, kafka.replication),
        own_topic(&kafka.mailed_topic, kafka.replication).set("cleanup.policy", "compact"),
    ];
    let results = admin.create_topics(&topics, &AdminOptions::new()).await?;
    for result in results {
        match result {
            Ok(topic) => info!(topic, "topic created"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((
                topic,
                code @ (RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed),
            )) => {
                return Err(KafkaProblem::Forbidden {
                    action: "create topic",
                    resource: format!(
                        "`{topic}`; or create it and set kafka.create_topics = false"
                    ),
                    detail: code.to_string(),
                });
            }
            Err((_, code)) => return Err(KafkaError::AdminOp(code).into()),
        }
    }
    Ok(())
}

/// How long a topic keeps its records, as its settings say. Records go a segment at a time, so some stay longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// So many milliseconds.
    Millis(i64),
    /// Until the topic is deleted, or by its size.
    Forever,
    /// It is compacted: the newest record of each key stays.
    Compacted,
}

/// Asks the broker how long topics keep records. Those that it does not know, or does not tell of, are left out.
///
/// # Errors
/// The broker cannot be reached or refuses.
pub async fn retention(
    client: &ClientConfig,
    topics: &[&str],
) -> Result<BTreeMap<String, Kept>, KafkaProblem> {
    let admin: AdminClient<rdkafka::client::DefaultClientContext> = client.create()?;
    let asked: Vec<ResourceSpecifier<'_>> = topics
        .iter()
        .map(|topic| ResourceSpecifier::Topic(topic))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
    let results = admin.describe_configs(&asked, &options).await?;
    let known = results.into_iter().flatten().filter_map(|resource| {
        let OwnedResourceSpecifier::Topic(topic) = &resource.specifier else {
            return None;
        };
        let of = |name| resource.get(name).and_then(|entry| entry.value.as_deref());
        let kept = if of("cleanup.policy")?.contains("compact") {
            Kept::Compacted
        } else {
            match of("retention.ms")?.parse() {
                Ok(millis @ 0..) => Kept::Millis(millis),
                _ => Kept::Forever,
            }
        };
        Some((topic.clone(), kept))
    });
    Ok(known.collect())
}

/// A topic with one partition: its order is the order of the whole topic.
fn own_topic(name: &str, replication: i32) -> NewTopic<'_> {
    NewTopic::new(name, 1, TopicReplication::Fixed(replication))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_stays_on_this_machine_unless_said() {
        let mut kafka = Kafka {
            brokers: "127.0.0.1:1,[::1]:2,localhost:3".to_owned(),
            ..Kafka::default()
        };
        assert!(client_config(&kafka).is_ok());
        kafka.brokers = "127.0.0.1:1,broker.bank:9092".to_owned();
        assert!(
            client_config(&kafka)
                .unwrap_err()
                .to_string()
                .contains("broker.bank")
        );
        kafka.allow_plaintext = true;
        assert!(client_config(&kafka).is_ok());
    }
}
