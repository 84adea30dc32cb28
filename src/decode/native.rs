//! Native JSON: an object whose keys are the names of the inventory.
//!
//! By serde_json: into a borrowed event it is as fast as sonic-rs (`benches/decode.rs`), and it has no unsafe code on hostile input
//! to speak of.

use serde::de::DeserializeSeed;

use super::rejection::{Rejection, RejectionReason};
use crate::event::{Event, EventSeed, Field};

/// Decodes one native record. Text is borrowed where the JSON has no escape.
///
/// # Errors
/// `malformed`, `wrong_type`, `duplicate_field` or `missing_time`, with the place.
pub(super) fn decode(text: &str) -> Result<Event<'_>, Rejection> {
    let mut event = Event::default();
    let mut json = serde_json::Deserializer::from_str(text);
    EventSeed::new(&mut event)
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| explain(text, &error))?;
    Ok(event)
}

/// Says what is wrong without repeating a value: the messages of the parser may quote the record.
pub(super) fn explain(text: &str, error: &serde_json::Error) -> Rejection {
    let place = format!("line {} column {}", error.line(), error.column());
    if !error.is_data() {
        return Rejection::malformed(format!("not JSON at {place}"));
    }
    let message = error.to_string();
    if message.starts_with("missing field") {
        return Rejection::new(
            RejectionReason::MissingTime,
            "no `time`; native JSON needs it as RFC 3339 text or milliseconds since the epoch",
        );
    }
    let field = field_before(text, offset_of(text, error))
        .map_or_else(String::new, |field| format!(" of `{}`", field.name()));
    if message.starts_with("duplicate field") {
        return Rejection::new(
            RejectionReason::DuplicateField,
            format!("second value{field} at {place}"),
        );
    }
    Rejection::new(
        RejectionReason::WrongType,
        format!("value{field} at {place} is not what docs/events.md says"),
    )
}

/// Byte offset of the place that the error names.
fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let line_start = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    line_start.saturating_add(error.column()).min(text.len())
}

/// The field whose key stands last before `offset`.
fn field_before(text: &str, offset: usize) -> Option<Field> {
    let head = &text.as_bytes()[..offset];
    let mut quotes = memchr::memrchr_iter(b'"', head);
    let mut end = quotes.next()?;
    for start in quotes.take(64) {
        let name = std::str::from_utf8(&head[start + 1..end]).unwrap_or_default();
        if let Some(field) = Field::ALL.iter().find(|field| field.name() == name) {
            return Some(*field);
        }
        end = start;
    }
    None
}
