//! Why a record became a dead letter.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// Why a record is no event: a closed list, whose names label counters and rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RejectionReason { $($(#[doc = $doc])+ $variant),+ }

        impl RejectionReason {
            /// Every reason.
            pub const ALL: &'static [RejectionReason] = &[$(RejectionReason::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(RejectionReason::$variant => $name),+ }
            }

            /// What it means, for the reference.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(RejectionReason::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

reasons! {
    /// No bytes, or white space only.
    Empty = "empty",
    /// More bytes than `max_record_bytes`.
    Oversized = "oversized",
    /// Text that is not UTF-8.
    NotUtf8 = "not_utf8",
    /// Not JSON, or not a line of the format.
    Malformed = "malformed",
    /// JSON in which a field holds a value of another type.
    WrongType = "wrong_type",
    /// JSON in which a field stands twice.
    DuplicateField = "duplicate_field",
    /// JSON nested deeper than `max_depth`.
    TooDeep = "too_deep",
    /// No time in the record.
    MissingTime = "missing_time",
    /// A time outside the bounds around the Kafka timestamp, or outside 1970 to 2199.
    TimeOutOfBounds = "time_out_of_bounds",
    /// Avro, Protobuf, a schema registry's header, or something compressed.
    BinaryFormat = "binary_format",
    /// An array of records in place of one record.
    RecordArray = "record_array",
    /// A piece of a line that a container runtime split.
    PartialLine = "partial_line",
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: RejectionReason,
    /// Where and what to do, for people. Holds names and places, never a value of the record.
    pub detail: String,
}

impl Rejection {
    pub(crate) fn new(reason: RejectionReason, detail: impl Into<String>) -> Self {
        Rejection {
            reason,
            detail: detail.into(),
        }
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Rejection::new(RejectionReason::Malformed, detail)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for Rejection {}
