//! The audit: what changed in rules, exceptions and silences. Rows are only ever added.

use std::fmt::Write;

use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::event::Timestamp;

const COLUMNS: &[(&str, Wire)] = &[
    ("time", Wire::Time),
    ("actor", Wire::Text),
    ("action", Wire::Text),
    ("object_kind", Wire::Text),
    ("object", Wire::Text),
    ("title", Wire::Text),
    ("detail", Wire::Text),
];

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When it was seen.
    pub time: Timestamp,
    /// Who made it, as far as is known.
    pub actor: String,
    /// `added`, `changed`, `removed` or `expired` of what files say; else what was done.
    pub action: &'static str,
    /// `rule`, `correlation`, `exception` or `silence`; `subject` for an erasure, `incident` for a step of one.
    pub object_kind: String,
    /// Its id.
    pub object: String,
    /// One line for people.
    pub title: String,
    /// What it says, as JSON.
    pub detail: String,
    /// When it had changed last, in microseconds; 0 for the first time. Part of the token, as who did it is, so that two instances which
    /// see the same change write it once.
    pub before: i64,
}

/// What the audit last said of an object.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct AuditState {
    /// Its kind.
    pub object_kind: String,
    /// Its id.
    pub object: String,
    /// One line for people.
    pub title: String,
    /// The last action.
    pub action: String,
    /// What it said then.
    pub detail: String,
    /// When that was, in microseconds.
    pub micros: i64,
}

impl Store {
    /// The last state of everything that files say; what people did to persons and incidents is no state of a file.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn audit_states(&self) -> Result<Vec<AuditState>, StoreError> {
        let query = self.client.query(
            "SELECT object_kind, object, argMax(title, key) AS title, argMax(action, key) AS action, argMax(detail, key) AS detail, \
             toUnixTimestamp64Micro(max(time)) AS micros \
             FROM (SELECT *, (time, action = 'expired') AS key FROM audit WHERE object_kind IN ('rule', 'correlation', 'exception', 'silence')) \
             GROUP BY object_kind, object ORDER BY object_kind, object",
        );
        self.within(query.fetch_all::<AuditState>(), "the audit", false)
            .await
    }

    /// Adds changes, all or none; the same changes again are dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_changes(&self, changes: &[AuditRow]) -> Result<(), StoreError> {
        let mut rows = Rows::new("audit", COLUMNS);
        let mut hash = Sha256::new();
        for change in changes {
            for part in [
                change.action,
                &change.actor,
                &change.object_kind,
                &change.object,
                &change.detail,
            ] {
                hash.update(part);
                hash.update([0]);
            }
            hash.update(change.before.to_be_bytes());
            rows.push([
                Cell::Time(Some(change.time)),
                Cell::Text(&change.actor),
                Cell::Text(change.action),
                Cell::Text(&change.object_kind),
                Cell::Text(&change.object),
                Cell::Text(&change.title),
                Cell::Text(&change.detail),
            ]);
        }
        let mut token = String::from("audit/");
        for byte in hash.finalize() {
            // Writing into a string does not fail.
            let _ = write!(token, "{byte:02x}");
        }
        self.insert(&token, &rows.finish()).await
    }
}
