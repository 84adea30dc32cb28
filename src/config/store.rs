//! Settings of the store: ClickHouse, retention, encryption.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Settings of the store: ClickHouse, retention, encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Address of ClickHouse's HTTP interface. With `https` the certificate is always verified, against the system's
    /// authorities or against `ca_file`.
    pub url: String,
    /// Certificate authorities in PEM that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The database that holds the tables; made when it is not there.
    pub database: String,
    /// The user that migrates and writes.
    pub user: String,
    /// Password of the user.
    pub password: Secret,
    /// File that holds the password instead.
    pub password_file: Option<PathBuf>,
    /// Name of the cluster whose shards hold `events` and `dead_letters`; `None` for one server.
    pub cluster: Option<String>,
    /// Storage policy of every table. When it is not `default`, a table outside it stops the start.
    pub storage_policy: String,
    /// Whether the server syncs each part to disk before it acknowledges it, so that a power loss takes nothing.
    pub durable: bool,
    /// Seconds that one INSERT or query may take before it counts as failed and is sent again.
    pub timeout_s: u64,
    /// Key that seals the raw bytes of dead letters: 64 hexadecimal digits (AES-256).
    pub dead_letter_key: Secret,
    /// File that holds the key instead.
    pub dead_letter_key_file: Option<PathBuf>,
    /// Name of that key, stored beside what it sealed, so that keys can change.
    pub dead_letter_key_id: String,
    /// Raw bytes of a dead letter that are kept at most.
    pub dead_letter_bytes: usize,
    /// Minutes between links of the hash chain over what is stored; `gatewatch verify` holds the tables against it.
    pub seal_minutes: u64,
    /// How long rows are kept.
    pub retention: Retention,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            url: "http://127.0.0.1:8123".to_owned(),
            ca_file: None,
            database: "gatewatch".to_owned(),
            user: "gatewatch".to_owned(),
            password: Secret::default(),
            password_file: None,
            cluster: None,
            storage_policy: "encrypted".to_owned(),
            durable: true,
            timeout_s: 120,
            dead_letter_key: Secret::default(),
            dead_letter_key_file: None,
            dead_letter_key_id: "1".to_owned(),
            dead_letter_bytes: 1024 * 1024,
            seal_minutes: 1_440,
            retention: Retention::default(),
        }
    }
}

/// How many days rows are kept. ClickHouse drops what is older; a change takes effect at the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Events, by their own time.
    pub events_days: u32,
    /// Dead letters, by the time they were stored.
    pub dead_letters_days: u32,
    /// Alerts, what people did to them and mails, by their newest event or the act; steps of decisions to block 368 days at least.
    pub alerts_days: u32,
    /// Roll-up by minute.
    pub traffic_minute_days: u32,
    /// Roll-up by hour.
    pub traffic_hour_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            events_days: 90,
            dead_letters_days: 14,
            alerts_days: 365,
            traffic_minute_days: 30,
            traffic_hour_days: 730,
        }
    }
}
