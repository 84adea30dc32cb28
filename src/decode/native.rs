//! Native JSON: an object whose keys are the names of the inventory.
//!
//! Nearly every record is flat and without escapes; [`super::flat`] reads those. All others go to `serde_json`, which decides what is
//! right and says what is wrong: so reasons don't depend on the fast reader.

use serde::de::DeserializeSeed;

use super::flat::{self, Order};
use super::guard;
use super::rejection::{Rejection, RejectionReason};
use crate::event::{Event, EventSeed, Field};

/// Decodes one native record. Text is borrowed where the JSON has no escape.
///
/// # Errors
/// `malformed`, `record_array`, `too_deep`, `wrong_type`, `duplicate_field` or `missing_time`, with the place.
pub(super) fn decode<'a>(
    text: &'a str,
    max_depth: usize,
    order: &Order,
) -> Result<Event<'a>, Rejection> {
    let mut event = Event::default();
    if flat::read(text, order, &mut event).is_some() {
        return Ok(event);
    }
    guard::json(text, max_depth)?;
    careful(text)
}

fn careful(text: &str) -> Result<Event<'_>, Rejection> {
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// One for all records, as in a service: what one taught it, another must not be read by.
    static ORDER: LazyLock<Order> = LazyLock::new(Order::new);

    fn agree(text: &str) {
        let mut event = Event::default();
        if flat::read(text, &ORDER, &mut event).is_some() {
            let careful = careful(text)
                .unwrap_or_else(|why| panic!("only the fast reader takes {text}: {why}"));
            assert_eq!(format!("{event:?}"), format!("{careful:?}"), "{text}");
        }
    }

    const RECORD: &str = r#"{"time":"2026-03-01T10:00:00.250Z" , "path":"/a","status":200,"client_address":"10.0.0.1","roles":["a","b"],
        "scopes":[],"grant":null,"token_expires":1772359200250,"mystery":true,"other":"x","number":12}"#;

    #[test]
    fn a_flat_record_takes_the_fast_way_and_means_the_same() {
        assert!(flat::read(RECORD, &ORDER, &mut Event::default()).is_some());
        agree(RECORD);
    }

    #[test]
    fn what_is_odd_takes_the_careful_way() {
        for odd in [
            r#"{"time":0,"path":"a\u0041"}"#,
            r#"{"time":0,"path":"a	b"}"#,
            r#"{"time":0,"x":{"y":1}}"#,
            r#"{"time":0,"x":1.5}"#,
            r#"{"time":00}"#,
            r#"{"time":0,}"#,
            r#"{"time":0}x"#,
            r#"{"time":0,"time":1}"#,
            r#"{"time":0,"status":18446744073709551616}"#,
            r#"{"path":"/a"}"#,
            r#"{"time":0,"roles":["a",]}"#,
            r#"{"time":0"path":"/a"}"#,
            "{}",
            "",
        ] {
            assert!(
                flat::read(odd, &ORDER, &mut Event::default()).is_none(),
                "{odd}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn damaged_records_mean_the_same_to_both(at in 0..RECORD.len(), with in "[\\[\\]{}:,\"\\\\0-9a-z .\t-]{0,3}", cut in 0_usize..4) {
            let mut text = RECORD.to_owned();
            text.replace_range(at..(at + cut).min(RECORD.len()), &with);
            agree(&text);
        }
    }
}
