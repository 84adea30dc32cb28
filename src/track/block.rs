//! What decode and match hand to the tracker for one block of offsets.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Addend, Codes, Conduct, Entity, Packed, Pile, Seen};
use crate::event::Timestamp;

/// One rule that matched one event, on its way to one detector.
#[derive(Clone, Debug)]
pub struct Match {
    /// Index of the rule in the rule set.
    pub rule: u32,
    /// Where the event stands in its partition; ties of time are broken by it.
    pub offset: i64,
    /// When it happened.
    pub time: Timestamp,
    /// When its turn comes: its own time, or for a late one the bound that it missed (see [`super::PartitionClock`]).
    pub due: Timestamp,
    /// Whether it was older than the newest event of its own partition by more than the lateness.
    pub late: bool,
    /// What takes it.
    pub goes: Goes,
    /// The redacted event, for people.
    pub evidence: Packed,
}

/// What takes a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goes {
    /// It is a finding of its own, about this entity.
    Finding(Entity),
    /// A correlation that the rule feeds.
    Correlation(CorrelationKey),
}

impl Match {
    /// Bytes of memory, without the evidence, which it may share with others.
    pub(super) fn bytes(&self) -> usize {
        let above = match &self.goes {
            Goes::Finding(_) => 0,
            Goes::Correlation(key) => key.above.len() * size_of::<CorrelationKey>(),
        };
        size_of::<Match>() + above
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
    pub above: Box<[CorrelationKey]>,
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
    /// What stands for the request ids of those in time, where the log has any.
    pub ids: Codes,
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
    pub matches: Pile<Match>,
    /// Requests a client and minute.
    pub observations: Pile<Observation>,
    /// What entities did.
    pub conducts: Pile<Conduct>,
    /// What it adds to watched numbers.
    pub addends: Vec<Addend>,
    /// What it shows of gateways, operations, levels of service and schedules.
    pub seen: Seen,
}
