//! Settings of Kafka: brokers, security, topics.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// How clients and brokers speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// No TLS and no login; only for brokers on the loopback interface unless `allow_plaintext` is set.
    #[default]
    Plaintext,
    /// TLS without SASL; the client may show a certificate.
    Tls,
    /// TLS and SASL/SCRAM.
    #[serde(rename = "sasl_tls")]
    SaslTls,
}

/// Where a group without a committed offset begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the oldest record.
    #[default]
    Earliest,
    /// With the next record.
    Latest,
}

/// Settings of Kafka.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port` of one broker or more, by commas.
    pub brokers: String,
    /// Topic with the gateway's request log.
    pub topic: String,
    /// Consumer group; the names of the other groups begin with it.
    pub group: String,
    /// Where a new group begins.
    pub start: Start,
    /// `plaintext`, `tls` or `sasl_tls`.
    pub security: Security,
    /// Says that plaintext to a broker beyond loopback is meant.
    pub allow_plaintext: bool,
    /// Authority that signed the brokers' certificates; the system's when absent.
    pub ca_file: Option<PathBuf>,
    /// Certificate of the client, PEM.
    pub certificate_file: Option<PathBuf>,
    /// Key of that certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// SASL user.
    pub user: Option<String>,
    /// SASL password.
    pub password: Secret,
    /// File that holds the password instead.
    pub password_file: Option<PathBuf>,
    /// SASL mechanism: `SCRAM-SHA-512` or `SCRAM-SHA-256`.
    pub mechanism: String,
    /// Topic of alerts: the truth about them.
    pub alerts_topic: String,
    /// Topic that copies dead letters, redacted and capped at 64 KiB.
    pub dead_letters_topic: String,
    /// Compacted topic of mails that were sent.
    pub mailed_topic: String,
    /// Topic with one partition: the instance that holds it is active.
    pub control_topic: String,
    /// Whether missing topics of gatewatch's own are created.
    pub create_topics: bool,
    /// Replicas of the topics that gatewatch creates.
    pub replication: i32,
    /// Milliseconds after which a silent member is taken for dead.
    pub session_timeout_ms: u32,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: "127.0.0.1:9092".to_owned(),
            topic: "gateway.requests".to_owned(),
            group: "gatewatch".to_owned(),
            start: Start::Earliest,
            security: Security::Plaintext,
            allow_plaintext: false,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            user: None,
            password: Secret::default(),
            password_file: None,
            mechanism: "SCRAM-SHA-512".to_owned(),
            alerts_topic: "gatewatch.alerts".to_owned(),
            dead_letters_topic: "gatewatch.dead-letters".to_owned(),
            mailed_topic: "gatewatch.mailed".to_owned(),
            control_topic: "gatewatch.control".to_owned(),
            create_topics: true,
            replication: 1,
            session_timeout_ms: 45_000,
        }
    }
}
