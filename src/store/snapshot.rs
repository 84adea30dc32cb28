//! Snapshots of the detectors' state: saved a shard at a time, the last three of each kept.

use std::collections::BTreeMap;
use std::fmt::Write;

use clickhouse::Row;
use serde::Deserialize;

use super::StoreError;
use super::blob::Blob;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};

/// Snapshots of a shard that are kept.
const KEPT: u64 = 3;

/// State of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The shard.
    pub shard: u16,
    /// Running number within the shard; one more than that of its newest snapshot, so that the oldest is replaced.
    pub sequence: u64,
    /// What the state covers: for each partition the first offset that it does not.
    pub offsets: BTreeMap<i32, i64>,
    /// Versions of what made it, by name: code, rules.
    pub versions: BTreeMap<String, String>,
    /// The state.
    pub data: Vec<u8>,
}

const COLUMNS: &[(&str, Wire)] = &[
    ("group", Wire::Text),
    ("shard", Wire::U16),
    ("slot", Wire::U8),
    ("sequence", Wire::U64),
    ("offsets", Wire::Text),
    ("versions", Wire::Text),
    ("data", Wire::Text),
];

#[derive(Debug, Row, Deserialize)]
struct SnapshotRow {
    shard: u16,
    sequence: u64,
    offsets: String,
    versions: String,
    data: Blob,
}

impl Store {
    /// Saves snapshots of some shards; acknowledged means kept. The token is made of group, shards and sequences, so saving
    /// the same again changes nothing.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn save_snapshots(
        &self,
        group: &str,
        snapshots: &[Snapshot],
    ) -> Result<(), StoreError> {
        let mut rows = Rows::new("snapshots", COLUMNS);
        let mut token = format!("snapshot/{group}");
        for snapshot in snapshots {
            let offsets = serde_json::to_vec(&snapshot.offsets).map_err(json_error)?;
            let versions = serde_json::to_vec(&snapshot.versions).map_err(json_error)?;
            rows.push([
                Cell::Text(group),
                Cell::Number(u64::from(snapshot.shard)),
                Cell::Number(snapshot.sequence % KEPT),
                Cell::Number(snapshot.sequence),
                Cell::Bytes(&offsets),
                Cell::Bytes(&versions),
                Cell::Bytes(&snapshot.data),
            ]);
            // Writing into a string does not fail.
            let _ = write!(token, "/{}-{}", snapshot.shard, snapshot.sequence);
        }
        self.insert(&token, &rows.finish()).await
    }

    /// The kept snapshots of some shards, by shard, newest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or a row cannot be read.
    pub async fn load_snapshots(
        &self,
        group: &str,
        shards: &[u16],
    ) -> Result<Vec<Snapshot>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT shard, sequence, offsets, versions, data FROM snapshots FINAL \
                 WHERE `group` = ? AND shard IN ? ORDER BY shard, sequence DESC",
            )
            .bind(group)
            .bind(shards);
        let rows = self
            .within(query.fetch_all::<SnapshotRow>(), "snapshots", false)
            .await?;
        rows.into_iter().map(Snapshot::try_from).collect()
    }
}

impl TryFrom<SnapshotRow> for Snapshot {
    type Error = StoreError;

    fn try_from(row: SnapshotRow) -> Result<Self, StoreError> {
        Ok(Snapshot {
            shard: row.shard,
            sequence: row.sequence,
            offsets: serde_json::from_str(&row.offsets).map_err(json_error)?,
            versions: serde_json::from_str(&row.versions).map_err(json_error)?,
            data: row.data.0,
        })
    }
}

fn json_error(source: serde_json::Error) -> StoreError {
    StoreError::Json {
        what: "a snapshot",
        source,
    }
}
