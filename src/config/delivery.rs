//! Settings of delivery: blocks, buffers, snapshots.

use serde::{Deserialize, Serialize};

/// Settings of delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// A block is closed at so many records.
    pub block_rows: usize,
    /// A block is closed at so many bytes of raw records.
    pub block_bytes: usize,
    /// A block is closed when its first record is so many milliseconds old, and a tenth more a partition held.
    pub block_age_ms: u64,
    /// Bytes of records and blocks that may wait for ClickHouse before partitions are paused.
    pub buffer_bytes: usize,
    /// Inserts under way at once.
    pub inserts: usize,
    /// Seconds between rounds of snapshots.
    pub snapshot_seconds: u64,
    /// A part that has not answered for so many seconds is an alert of the family `gatewatch`.
    pub outage_seconds: u64,
    /// Threads that decode, enrich and match; 0: one a core.
    pub workers: usize,
    /// Several active instances are not supported yet: must be false.
    pub scale_out: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Delivery {
            block_rows: 100_000,
            block_bytes: 96 << 20,
            block_age_ms: 500,
            buffer_bytes: 128 << 20,
            inserts: 2,
            snapshot_seconds: 20,
            outage_seconds: 60,
            workers: 0,
            scale_out: false,
        }
    }
}
