//! Where a partition is taken up again, and how.

use std::collections::BTreeSet;

use crate::track::PartitionClock;

/// How a partition is read from its start offset on.
///
/// Records below `commit` were delivered before: they are read again for the shards alone.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The partition.
    pub partition: i32,
    /// Where reading begins: the least offset of the snapshot, or `commit`.
    pub start: i64,
    /// Oldest offset that the source still has; reading cannot begin before it.
    pub low: i64,
    /// The committed offset: from here on records are stored.
    pub commit: i64,
    /// Event time of the partition at `start`, as the snapshot knows it.
    pub clock: PartitionClock,
    /// Offsets at which restored shards stand.
    pub cuts: Vec<i64>,
    /// The block that was under way, to be built again.
    pub unfinished: Option<Unfinished>,
}

/// A block whose intent was committed and whose end nobody saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// First offset behind it.
    pub end: i64,
    /// `None`: the same rows come out again, under the same token. `Some`: the code changed, or nobody knows of the token;
    /// these offsets are stored already and only the others are inserted.
    pub stored: Option<BTreeSet<i64>>,
}

impl Plan {
    /// A partition that is read from `offset` on, with nothing to make up for.
    #[must_use]
    pub fn fresh(partition: i32, offset: i64, clock: PartitionClock) -> Self {
        Plan {
            partition,
            start: offset,
            low: offset.min(0),
            commit: offset,
            clock,
            cuts: Vec::new(),
            unfinished: None,
        }
    }
}
