//! Where a record stands in its source.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The place of one record. Offsets of one partition grow, perhaps with holes.
///
/// For Kafka: topic partition, offset and record timestamp. For a file: partition 0, the byte offset of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Partition of the topic; 0 for a file.
    pub partition: i32,
    /// Offset in the partition; for a file the byte offset where the line begins.
    pub offset: i64,
    /// When the broker or its producer stamped the record; `None` for a file.
    pub stamped: Option<Timestamp>,
}
