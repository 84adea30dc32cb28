//! What was said to whom: the entries of the compacted topic `gatewatch.mailed`, and their keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Stage;
use super::mail::{BundleKind, Line};
use crate::event::Timestamp;
use crate::sigma::Level;

/// Stands for a recipient wherever the address must not be shown: the first 64 bits of SHA-256 of the address in
/// small letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RecipientKey(u64);

impl RecipientKey {
    /// The key of an address.
    #[must_use]
    pub fn of(address: &str) -> Self {
        let digest = Sha256::digest(address.trim().to_lowercase().as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        RecipientKey(u64::from_be_bytes(first))
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<RecipientKey> for String {
    fn from(key: RecipientKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for RecipientKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        u64::from_str_radix(&text, 16)
            .map(RecipientKey)
            .map_err(|_| "not the key of a recipient".to_owned())
    }
}

/// What one mail is: about what, on which occasion, to whom. Text form: `<uuid>.<stage>.<recipient>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The alert; for a digest, backlog or daily mail, an id of its own.
    pub subject: Uuid,
    /// The occasion.
    pub stage: Stage,
    /// To whom.
    pub recipient: RecipientKey,
}

impl Key {
    /// Message-ID (RFC 5322, section 3.6.4), the same whenever the same thing is said.
    #[must_use]
    pub fn message_id(&self, domain: &str) -> String {
        format!("<{self}@{domain}>")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.subject, self.stage, self.recipient)
    }
}

/// One entry of the ledger. The policy is rebuilt from the entries alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is about.
    #[serde(flatten)]
    pub key: Key,
    /// When.
    pub at: Timestamp,
    /// Events behind the alert when it was told; 0 where there is no alert.
    pub count: u64,
    /// Level of the alert when it was told.
    pub level: Level,
    /// What became of it.
    pub state: State,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// The server took it.
    Sent,
    /// It waits to be told with others.
    Held {
        /// Id of the digest or backlog summary.
        bundle: Uuid,
        /// Which of the two.
        kind: BundleKind,
        /// What the summary shows of it.
        line: Line,
    },
    /// The server refused it for good.
    Refused {
        /// SMTP reply code.
        code: u16,
    },
    /// The server put it off for too long.
    GivenUp,
}

impl Entry {
    /// The value for the topic.
    ///
    /// # Panics
    /// Never: the entry holds only what JSON can write.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an entry has string keys and finite numbers only")
    }

    /// Reads a value of the topic; `None` when it is not one.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back() {
        let key = Key {
            subject: Uuid::from_u128(7),
            stage: Stage::Grown(2),
            recipient: RecipientKey::of("Soc@Example.org "),
        };
        let line = Line {
            level: Level::High,
            count: 3,
            last: Timestamp::from_seconds(5),
            text: "x".to_owned(),
        };
        let held = State::Held {
            bundle: Uuid::from_u128(8),
            kind: BundleKind::Digest,
            line,
        };
        for state in [
            State::Sent,
            held,
            State::Refused { code: 550 },
            State::GivenUp,
        ] {
            let entry = Entry {
                key,
                at: Timestamp::from_seconds(9),
                count: 40,
                level: Level::High,
                state,
            };
            assert_eq!(Entry::from_json(entry.to_json().as_bytes()), Some(entry));
        }
    }

    #[test]
    fn a_message_id_says_what_is_said_and_not_to_whom() {
        let key = Key {
            subject: Uuid::from_u128(7),
            stage: Stage::Opened,
            recipient: RecipientKey::of("ivan@example.org"),
        };
        let id = key.message_id("example.org");
        assert!(
            id.starts_with("<00000000-0000-0000-0000-000000000007.opened."),
            "{id}"
        );
        assert!(
            id.ends_with("@example.org>") && !id.contains("ivan"),
            "{id}"
        );
        assert_eq!(RecipientKey::of("IVAN@example.org"), key.recipient);
    }
}
