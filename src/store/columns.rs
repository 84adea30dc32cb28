//! The columns of `events`: the inventory of fields without what is never stored, and where the record stands.

use super::native::Wire;
use crate::event::{Field, Kind};

/// What fills a column of `events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A field of the event.
    Field(Field),
    /// Which key made the pseudonyms of the row.
    KeyId,
    /// Topic or file of the record.
    Topic,
    /// Partition of the record.
    Partition,
    /// Offset of the record.
    Offset,
    /// Time stamp that the record bears in Kafka.
    Stamped,
    /// Rules that matched.
    Rules,
    /// Exceptions that held matches back.
    WithheldBy,
}

/// The column of `events` that holds a field; `None` for what is never stored: cookies, the whole target (its parts are)
/// and what is computed from other columns.
#[must_use]
pub const fn column_of(field: Field) -> Option<&'static str> {
    match field {
        Field::Cookie | Field::Uri | Field::PathDecoded | Field::QueryDecoded | Field::Payload => {
            None
        }
        Field::Fact => Some("facts"),
        stored => Some(stored.name()),
    }
}

/// Every column of `events` that an insert fills, in the order of the table.
pub(crate) fn event_columns() -> impl Iterator<Item = Source> {
    Field::ALL
        .iter()
        .filter(|field| column_of(**field).is_some())
        .map(|field| Source::Field(*field))
        .chain([
            Source::KeyId,
            Source::Topic,
            Source::Partition,
            Source::Offset,
            Source::Stamped,
            Source::Rules,
            Source::WithheldBy,
        ])
}

impl Source {
    /// Name of the column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Field(field) => {
                column_of(field).expect("only stored fields are made into a source")
            }
            Source::KeyId => "key_id",
            Source::Topic => "topic",
            Source::Partition => "partition",
            Source::Offset => "offset",
            Source::Stamped => "stamped",
            Source::Rules => "rules",
            Source::WithheldBy => "withheld_by",
        }
    }

    /// An expression: whether a row holds more than what stands for "the log did not show it".
    pub(crate) fn shown(self) -> String {
        let column = format!("`{}`", self.name());
        match self.wire() {
            Wire::Text | Wire::Word | Wire::Texts => format!("notEmpty({column})"),
            Wire::Time => format!("toUnixTimestamp64Micro({column}) != 0"),
            Wire::Address => format!("{column} != toIPv6('::')"),
            _ => format!("{column} != 0"),
        }
    }

    /// How its values travel.
    pub(crate) fn wire(self) -> Wire {
        match self {
            Source::Field(field) => field_wire(field),
            Source::KeyId | Source::Topic => Wire::Word,
            Source::Partition => Wire::I32,
            Source::Offset => Wire::I64,
            Source::Stamped => Wire::Time,
            Source::Rules | Source::WithheldBy => Wire::Texts,
        }
    }

    /// What the column holds, as the table's comment.
    pub(crate) fn comment(self) -> &'static str {
        match self {
            Source::Field(field) => field.doc().trim_ascii(),
            Source::KeyId => "Which key made the pseudonyms of the row.",
            Source::Topic => "Topic or file of the record.",
            Source::Partition => "Partition of the topic, 0 for a file.",
            Source::Offset => "Offset in the partition, for a file the byte where the line begins.",
            Source::Stamped => "Time stamp of the record in Kafka, 1970-01-01 for a file.",
            Source::Rules => {
                "Ids of the rules that matched when the event was stored, held back or not."
            }
            Source::WithheldBy => "Ids of the exceptions and silences that held a match back.",
        }
    }
}

/// Texts that differ from event to event.
const fn is_various(field: Field) -> bool {
    matches!(
        field,
        Field::RequestId
            | Field::Path
            | Field::Query
            | Field::IdempotencyKey
            | Field::ForwardedFor
            | Field::Referer
            | Field::ContentType
            | Field::Subject
            | Field::TokenId
            | Field::ResourceId
            | Field::WebhookId
            | Field::DeviceId
    )
}

fn field_wire(field: Field) -> Wire {
    match field.kind() {
        Kind::Text if is_various(field) => Wire::Text,
        Kind::Text => Wire::Word,
        Kind::Address => Wire::Address,
        Kind::Time => Wire::Time,
        Kind::List => Wire::Texts,
        Kind::Number => match field {
            Field::Status | Field::Attempt => Wire::U16,
            Field::CacheAgeS => Wire::U32,
            _ => Wire::U64,
        },
    }
}
