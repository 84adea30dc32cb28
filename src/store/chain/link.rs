//! A link: what it says, how it is bound to the link before it and to the key.

use std::fmt::Write;

use clickhouse::Row;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::StoreError;
use super::super::seal::{decode_hex, decode_key};
use crate::config;
use crate::event::Timestamp;

/// What the signing key is derived for from the key of dead letters (SP 800-108: one key, one purpose).
const PURPOSE: &[u8] = b"gatewatch hash chain 1";

/// The tables that the chain holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainTable {
    /// Normalised exchanges.
    Events,
    /// Records that could not be decoded.
    DeadLetters,
    /// Changes of rules, exceptions and silences, and acts on personal data.
    Audit,
    /// What people did to alerts.
    AlertActions,
}

impl ChainTable {
    /// Every table.
    pub const ALL: [ChainTable; 4] = [
        ChainTable::Events,
        ChainTable::DeadLetters,
        ChainTable::Audit,
        ChainTable::AlertActions,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChainTable::Events => "events",
            ChainTable::DeadLetters => "dead_letters",
            ChainTable::Audit => "audit",
            ChainTable::AlertActions => "alert_actions",
        }
    }

    /// Whether its rows stand at an offset of a topic's partition; else they stand at an instant.
    #[must_use]
    pub const fn is_by_offset(self) -> bool {
        matches!(self, ChainTable::Events | ChainTable::DeadLetters)
    }

    /// Where a row stands.
    pub(super) const fn position(self) -> &'static str {
        if self.is_by_offset() {
            "offset"
        } else {
            "toUnixTimestamp64Micro(time)"
        }
    }

    /// The time that retention goes by.
    pub(super) const fn kept_by(self) -> &'static str {
        match self {
            ChainTable::DeadLetters => "received",
            _ => "time",
        }
    }

    /// Days that its rows are kept; `None`: forever.
    #[must_use]
    pub const fn keep_days(self, retention: &config::Retention) -> Option<u32> {
        match self {
            ChainTable::Events => Some(retention.events_days),
            ChainTable::DeadLetters => Some(retention.dead_letters_days),
            ChainTable::AlertActions => Some(retention.alerts_days),
            ChainTable::Audit => None,
        }
    }
}

/// Rows of one table between two positions: offsets of a topic's partition, or microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stretch {
    /// The table.
    pub table: ChainTable,
    /// The topic; empty where rows stand at an instant.
    pub topic: String,
    /// Its partition; 0 where rows stand at an instant.
    pub partition: i32,
    /// First position.
    pub first: i64,
    /// The position behind the last.
    pub until: i64,
}

/// The rows of a day, by the time that retention goes by.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Day {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over the SHA-256 of each row, in order of positions; hexadecimal.
    pub digest: String,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) number: u64,
    /// Hash of the link before; empty for the first.
    pub(super) previous: String,
    /// When it was made, in microseconds since 1970.
    pub(super) made: i64,
    pub(super) stretch: Stretch,
    /// The link whose stretch it says anew, after an act that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<u64>,
    /// That act, such as an erasure, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<String>,
    /// Retention in force when it was made; `None`: rows are kept forever.
    pub(super) keep_days: Option<u32>,
    /// The columns that the digests are over, in order; empty without rows.
    pub(super) columns: Vec<String>,
    pub(super) days: Vec<Day>,
}

impl Content {
    pub(super) fn rows(&self) -> u64 {
        self.days.iter().map(|day| day.rows).sum()
    }
}

/// A link as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) content: String,
    pub(super) hash: String,
    pub(super) signature: String,
    pub(super) key_id: String,
}

impl Link {
    pub(super) fn new(content: &Content, key: &ChainKey) -> Result<Link, StoreError> {
        let text = serde_json::to_string(content).map_err(|source| StoreError::Json {
            what: "a link of the chain",
            source,
        })?;
        let hash = hash_of(&text);
        Ok(Link {
            number: content.number,
            signature: key.signature(&hash),
            hash,
            content: text,
            key_id: key.id.clone(),
        })
    }

    /// What it says; `None` when that is not what its hash says, or no link at all.
    pub(super) fn read(&self) -> Option<Content> {
        if hash_of(&self.content) != self.hash {
            return None;
        }
        let content: Content = serde_json::from_str(&self.content).ok()?;
        (content.number == self.number).then_some(content)
    }

    pub(super) fn is_signed_by(&self, key: &ChainKey) -> bool {
        let Some(signature) = decode_hex(&self.signature) else {
            return false;
        };
        let mut mac = key.mac.clone();
        mac.update(self.hash.as_bytes());
        mac.verify_slice(&signature).is_ok()
    }

    /// When it was made, as it says itself.
    pub(super) fn made(&self) -> Option<Timestamp> {
        self.read()
            .map(|content| Timestamp::from_micros(content.made))
    }
}

/// The key that signs links. Derived from the key of dead letters, so that it lies where the server cannot read it.
#[derive(Clone)]
pub struct ChainKey {
    id: String,
    mac: Hmac<Sha256>,
}

impl ChainKey {
    /// Takes the key from the configuration.
    ///
    /// # Errors
    /// When the key is absent, cannot be read or is not 64 hexadecimal digits.
    pub fn from_config(config: &config::Store) -> Result<Self, StoreError> {
        let key = config
            .dead_letter_key
            .resolve(config.dead_letter_key_file.as_deref(), "dead_letter_key")?;
        ChainKey::new(key.expose(), &config.dead_letter_key_id)
    }

    /// From a key of dead letters, 64 hexadecimal digits, and its name.
    ///
    /// # Errors
    /// When the key is something else.
    pub fn new(key: &str, id: &str) -> Result<Self, StoreError> {
        let root = decode_key(key)?;
        let mut mac = keyed(&root);
        mac.update(PURPOSE);
        Ok(ChainKey {
            id: id.to_owned(),
            mac: keyed(&mac.finalize().into_bytes()),
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn signature(&self, hash: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(hash.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hash_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digits: &str) -> ChainKey {
        ChainKey::new(&digits.repeat(32), "1").unwrap()
    }

    fn content() -> Content {
        Content {
            number: 7,
            previous: "ab".to_owned(),
            made: 1_790_000_000_000_000,
            stretch: Stretch {
                table: ChainTable::Events,
                topic: "requests".to_owned(),
                partition: 3,
                first: 0,
                until: 10,
            },
            replaces: None,
            act: None,
            keep_days: Some(90),
            columns: vec!["time".to_owned()],
            days: vec![Day {
                day: 20_000,
                rows: 10,
                digest: "00".to_owned(),
            }],
        }
    }

    #[test]
    fn a_link_says_what_was_said_and_is_signed() {
        let link = Link::new(&content(), &key("a1")).unwrap();
        assert_eq!(link.read(), Some(content()));
        assert!(link.is_signed_by(&key("a1")));
        assert!(!link.is_signed_by(&key("a2")));
    }

    #[test]
    fn a_changed_link_is_no_link() {
        let link = Link::new(&content(), &key("a1")).unwrap();
        let mut changed = link.clone();
        changed.content = changed.content.replace("\"rows\":10", "\"rows\":9");
        assert_eq!(changed.read(), None);
        changed.hash = hash_of(&changed.content);
        assert!(changed.read().is_some());
        assert!(!changed.is_signed_by(&key("a1")));
        let mut moved = link.clone();
        moved.number = 8;
        assert_eq!(moved.read(), None);
        for signature in ["", "0", "zz", "é"] {
            let mut unsigned = link.clone();
            signature.clone_into(&mut unsigned.signature);
            assert!(!unsigned.is_signed_by(&key("a1")), "{signature}");
        }
    }

    #[test]
    fn the_key_is_not_that_of_dead_letters_and_is_not_shown() {
        let raw = "a1".repeat(32);
        let plain = ChainKey {
            id: "1".to_owned(),
            mac: keyed(&[0xa1; 32]),
        };
        let link = Link::new(&content(), &key("a1")).unwrap();
        assert!(!link.is_signed_by(&plain));
        assert!(!format!("{:?}", key("a1")).contains(&raw));
    }
}
