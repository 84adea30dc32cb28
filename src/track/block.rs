//! What decode and match hand to the tracker for one block of offsets.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Entity, Packed, Seen};
use crate::event::{Position, Timestamp};

/// One rule that matched one event.
#[derive(Clone, Debug)]
pub struct Match {
    /// Index of the rule in the rule set.
    pub rule: u32,
    /// Where the event stands; ties of time are broken by it.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// When its turn comes: its own time, or for a late one the bound that it missed (see [`super::PartitionClock`]).
    pub due: Timestamp,
    /// Whether it was older than the newest event of its own partition by more than the lateness.
    pub late: bool,
    /// Whom it is about; `None` for a rule that only feeds correlations, for which see `keys`.
    pub entity: Option<Entity>,
    /// One for each correlation that the rule feeds and whose group-by fields the event has, in the order of `feeds`.
    pub keys: Vec<CorrelationKey>,
    /// The redacted event, for people.
    pub evidence: Packed,
}

impl Match {
    /// Bytes of memory, about: evidence that it shares with others is counted with each.
    pub(super) fn bytes(&self) -> usize {
        let keys = self
            .keys
            .iter()
            .map(|key| size_of_val(key) + key.above.len() * size_of_val(key));
        size_of::<Match>() + keys.sum::<usize>() + self.evidence.bytes()
    }
}

/// Where one match falls in one correlation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationKey {
    /// Index of the correlation in the rule set.
    pub correlation: u32,
    /// The group: values of the group-by fields, redacted as they are shown to people.
    pub group: Entity,
    /// What it looks at: the stable hash of values that are told apart, a number that is summed up, the bit of the rule that
    /// matched. `None` when it only counts events.
    pub value: Option<u64>,
    /// Where the event falls in the correlations that this one feeds.
    pub above: Vec<CorrelationKey>,
}

/// How many requests one client made in one minute, within one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Client id, or the client address where there is none.
    pub client: CompactString,
    /// Start of the minute.
    pub minute: Timestamp,
    /// Requests that were in time for their window.
    pub count: u32,
    /// Requests that came later than the lateness allows.
    pub late: u32,
}

/// A range of one partition's offsets, as the tracker sees it.
#[derive(Clone, Debug)]
pub struct TrackBlock {
    /// Partition of the topic; 0 for a file.
    pub partition: i32,
    /// First offset of the range.
    pub begin: i64,
    /// First offset behind the range.
    pub end: i64,
    /// Newest event time of the partition up to `end` (clamped as `design.md` says).
    pub newest: Timestamp,
    /// Matches, in offset order.
    pub matches: Vec<Match>,
    /// Requests a client and minute.
    pub observations: Vec<Observation>,
    /// What it shows of gateways, operations, levels of service and schedules.
    pub seen: Seen,
}
