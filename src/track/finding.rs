//! A finding: what a detector claims of an entity in a window.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::note::Note;
use crate::event::{Field, Position, Timestamp};

pub use crate::sigma::PatternHit;
use crate::sigma::{Condition, CorrelationKind};

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// An OAuth client, API key or certificate subject.
    Client,
    /// A user, resident or service account (pseudonym).
    Subject,
    /// A network address.
    Address,
    /// A token (pseudonym of its id).
    Token,
    /// A resource (pseudonym of its id).
    Resource,
    /// A method and route template.
    Operation,
    /// A contract.
    Integration,
    /// A gateway instance.
    Gateway,
    /// A part of the installation: a server, or one partition of a topic.
    Part,
}

impl EntityKind {
    /// All of them.
    pub const ALL: [EntityKind; 9] = [
        EntityKind::Client,
        EntityKind::Subject,
        EntityKind::Address,
        EntityKind::Token,
        EntityKind::Resource,
        EntityKind::Operation,
        EntityKind::Integration,
        EntityKind::Gateway,
        EntityKind::Part,
    ];

    /// The kind of a stable name.
    #[must_use]
    pub fn named(name: &str) -> Option<EntityKind> {
        let mut all = EntityKind::ALL.into_iter();
        all.find(|kind| kind.name() == name)
    }

    /// The field of events that holds its value; `None` for what no event shows.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        Some(match self {
            EntityKind::Client => Field::ClientId,
            EntityKind::Subject => Field::Subject,
            EntityKind::Address => Field::ClientAddress,
            EntityKind::Token => Field::TokenId,
            EntityKind::Resource => Field::ResourceId,
            EntityKind::Operation => Field::Operation,
            EntityKind::Integration => Field::Integration,
            EntityKind::Gateway => Field::Gateway,
            EntityKind::Part => return None,
        })
    }

    /// The stable name, as it is stored and as ids are made of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EntityKind::Client => "client",
            EntityKind::Subject => "subject",
            EntityKind::Address => "address",
            EntityKind::Token => "token",
            EntityKind::Resource => "resource",
            EntityKind::Operation => "operation",
            EntityKind::Integration => "integration",
            EntityKind::Gateway => "gateway",
            EntityKind::Part => "part",
        }
    }
}

/// Whom or what a finding is about. Values are as stored: personal ids are pseudonyms already.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Which one; several group-by values are joined by ` | `.
    pub value: CompactString,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// One event behind a finding, redacted, cut to lengths that fit a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it happened.
    pub time: Timestamp,
    /// Where it stands in the source.
    pub position: Position,
    /// Request id; empty when the log has none.
    pub request_id: CompactString,
    /// Peer address.
    pub client_address: Option<IpAddr>,
    /// Calling client; empty when the log has none.
    pub client_id: CompactString,
    /// Who is acting (pseudonym); empty when the log has none.
    #[serde(default)]
    pub subject: CompactString,
    /// The token (pseudonym of its id); empty when the log has none.
    #[serde(default)]
    pub token_id: CompactString,
    /// The contract that it was called under; empty where there is none.
    #[serde(default)]
    pub integration: CompactString,
    /// HTTP method.
    pub method: CompactString,
    /// Redacted path and query, at most 512 bytes.
    pub target: CompactString,
    /// HTTP status, 0 when unknown.
    pub status: u16,
    /// User agent, at most 256 bytes.
    pub user_agent: CompactString,
    /// The patterns that the rule matched in it.
    pub hits: Vec<PatternHit>,
}

/// Evidence that waits until it is wanted, in a third of the memory: most never is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed(#[serde(with = "super::packed::run")] Arc<[u8]>);

/// [`Evidence`] as it is read off an event: the same fields in the same order, borrowed.
#[derive(Serialize)]
pub(super) struct EvidenceRef<'e> {
    pub(super) time: Timestamp,
    pub(super) position: Position,
    pub(super) request_id: &'e str,
    pub(super) client_address: Option<IpAddr>,
    pub(super) client_id: &'e str,
    pub(super) subject: &'e str,
    pub(super) token_id: &'e str,
    pub(super) integration: &'e str,
    pub(super) method: &'e str,
    pub(super) target: Cow<'e, str>,
    pub(super) status: u16,
    pub(super) user_agent: &'e str,
    pub(super) hits: &'e [PatternHit],
}

/// Bytes that evidence without patterns has at most, about; longer one is packed as well.
const USUAL_BYTES: usize = 1_280;

impl Packed {
    /// Packs evidence.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        Packed::pack(evidence)
    }

    /// Packs [`Evidence`], or [`EvidenceRef`] straight from its event.
    pub(super) fn pack(evidence: &impl Serialize) -> Self {
        let mut room = [0; USUAL_BYTES];
        if let Ok(bytes) = postcard::to_slice(evidence, &mut room) {
            return Packed(Arc::from(&*bytes));
        }
        let bytes = postcard::to_allocvec(evidence).expect("evidence is of known lengths");
        Packed(bytes.into())
    }

    /// Bytes of memory, with those that the allocator and the counter take.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() + 32
    }

    /// Whether this is the very same.
    pub(super) fn is(&self, other: &Packed) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// When the event happened.
    pub(crate) fn time(&self) -> Timestamp {
        // The first field, so nothing else is read.
        postcard::take_from_bytes(&self.0).map_or(Timestamp::MIN, |(time, _)| time)
    }

    /// `None` for bytes of a snapshot that are none.
    pub(crate) fn unpacked(&self) -> Option<Evidence> {
        postcard::from_bytes(&self.0).ok()
    }
}

/// Why a finding was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// A rule matched; the patterns stand on the evidence.
    Pattern {
        /// The patterns of the first event.
        hits: Vec<PatternHit>,
    },
    /// A correlation's condition was met.
    Correlation {
        /// What it looks at.
        measure: CorrelationKind,
        /// What was seen in the window when it fired.
        observed: f64,
        /// What the rule wants.
        condition: Condition,
        /// Width of the window in seconds.
        window_s: u64,
    },
    /// A count was far from what was expected.
    Baseline {
        /// What is counted, such as `requests a minute`.
        metric: String,
        /// What was seen.
        observed: f64,
        /// What was expected.
        expected: f64,
        /// Probability of something at least so extreme, were all normal.
        probability: f64,
        /// What stands out where that is more than one number, at most [`MOST_FEATURES`]; the first is the one above.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        features: Vec<Feature>,
    },
    /// Something of the traffic as a whole is not as it was promised, or has to be.
    Expectation {
        /// What is measured.
        measure: Measure,
        /// What was seen.
        observed: f64,
        /// What was promised or has to be.
        expected: f64,
    },
    /// A part of the installation is not as it should be; only in alerts about gatewatch itself.
    Service {
        /// What is so.
        state: ServiceState,
    },
}

/// Features of a finding at most.
pub const MOST_FEATURES: usize = 5;

/// How the metric of a feature begins that is something never seen before; its kind follows.
pub const NEW: &str = "hours with a new ";

/// One number that stands out of those that a detector looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// What is counted, such as `different records an hour` or `hours with a new network`.
    pub metric: String,
    /// What is new, redacted as it is stored; empty where nothing is.
    #[serde(default)]
    pub value: String,
    /// What was seen.
    pub observed: f64,
    /// What is usual.
    pub expected: f64,
    /// How rare that is for this feature alone: the share of hours with as much or more, or with something new so rare.
    pub probability: f64,
}

/// What is measured of the traffic as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Running numbers of a gateway that never came.
    RecordsMissing,
    /// Running numbers of a gateway that came twice within a minute.
    NumbersRepeated,
    /// Rows of running numbers of one gateway that go on side by side.
    RowsOfNumbers,
    /// Records of a gateway in ten minutes.
    Records,
    /// Median duration of an operation, in milliseconds.
    MedianDuration,
    /// How many times faster than allowed the error budget is used up.
    BurnRate,
    /// Calls of an integration.
    Calls,
    /// Runs in a slot of the schedule: none.
    RunMissed,
    /// Minutes by which a run began late.
    RunLate,
    /// Runs in a slot of the schedule: more than one.
    RunDoubled,
    /// Records of a run: too few.
    RunShort,
    /// Records of a run: too many.
    RunLarge,
    /// Deletions of a run.
    RunDeletions,
    /// Minutes that a run takes.
    RunLong,
    /// Requests of a client under one request id.
    RequestsOfOneId,
}

/// What gatewatch says of itself and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// A part does not answer.
    Unreachable {
        /// What it or the network said last.
        error: String,
    },
    /// Records `[begin, end)` were gone before they were read.
    Lost {
        /// First lost offset.
        begin: i64,
        /// The offset behind the last lost one.
        end: i64,
    },
    /// A recovered range `[begin, end)` has another number of rows than records.
    Miscounted {
        /// First offset.
        begin: i64,
        /// The offset behind the last.
        end: i64,
        /// Records.
        expected: u64,
        /// Rows.
        stored: u64,
    },
}

/// What a detector claims of an entity in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// UUID v5 of (rule, entity, merge bucket of the firing event, and within what it was weighed).
    pub id: Uuid,
    /// Id of the rule or detector.
    pub rule: Uuid,
    /// Whom it is about.
    pub entity: Entity,
    /// Among whom it was weighed, where an entity is weighed in several places at once, each in a shard of its own; else empty.
    #[serde(default, skip_serializing_if = "CompactString::is_empty")]
    pub within: CompactString,
    /// First event of the window.
    pub first: Timestamp,
    /// The event that made it fire, or the end of the window.
    pub last: Timestamp,
    /// Events that it adds. A correlation that stays true makes a finding of the same id with every further event, so the
    /// events behind an id are the sum.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// Sample events, oldest first, bounded.
    pub evidence: Vec<Evidence>,
    /// What else is known: what was approximated or lost, what stood out too.
    pub notes: Vec<Note>,
}
