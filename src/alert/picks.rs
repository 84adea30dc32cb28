//! What picks the stored events of an alert: conditions for `ClickHouse`, for mails, incidents and pictures.

use std::fmt::Write;

use super::Alert;
use crate::event::{Field, Kind, Timestamp, is_hidden};
use crate::track::{EntityKind, Measure, Reason};

/// So many characters of a value are asked for.
const VALUE: usize = 400;
/// Between the parts of an entity of several.
pub(super) const SEPARATOR: &str = " | ";

/// What picks the alert's events in a statement: its entity's, from the first to the last. `None` when nothing does.
pub(crate) fn picks(alert: &Alert) -> Option<String> {
    if is_all(alert) {
        return None;
    }
    let (first, last) = (instant(alert.first), instant(alert.last));
    condition(alert).map(|condition| format!("time >= {first} AND time <= {last} AND {condition}"))
}

/// What picks the events of the alert at any time; by their request ids where the entity is nothing that is stored. `None` when
/// neither can be asked for.
pub(crate) fn condition(alert: &Alert) -> Option<String> {
    if alert.rule.entity.is_none() && alert.entity.kind.field().is_none() {
        return None;
    }
    of_entity(alert).or_else(|| by_request_id(alert))
}

/// What picks all events of the alert's entity; `None` where no column says whose an event is, and for all events.
pub(super) fn entity(alert: &Alert) -> Option<String> {
    if is_all(alert) {
        None
    } else {
        of_entity(alert)
    }
}

/// A group of all events is no entity.
fn is_all(alert: &Alert) -> bool {
    alert.entity.kind == EntityKind::Gateway && alert.entity.value == "all"
}

fn of_entity(alert: &Alert) -> Option<String> {
    let field = alert.rule.entity.or_else(|| alert.entity.kind.field())?;
    let (value, rest) = parts(alert);
    let condition = of_field(field, value)?;
    match rest.filter(|_| names_operation(alert)) {
        Some(operation) => Some(format!("{condition} AND {}", of_operation(operation))),
        None => Some(condition),
    }
}

/// Whether events are stored with a field.
pub(super) fn is_stored(field: Field) -> bool {
    !matches!(
        field,
        Field::Cookie | Field::Uri | Field::PathDecoded | Field::QueryDecoded | Field::Payload
    )
}

fn of_field(field: Field, value: &str) -> Option<String> {
    if !is_stored(field) {
        return None;
    }
    match (field, field.kind()) {
        (_, Kind::Time) => None,
        (Field::Fact, _) => Some(format!("has(facts, {})", literal(beginning(value)))),
        (_, Kind::List) => Some(format!(
            "has({}, {})",
            field.name(),
            literal(beginning(value))
        )),
        (_, Kind::Text) => Some(text_condition(field.name(), value)),
        (_, Kind::Number) => {
            let number = value.parse::<u64>().ok()?;
            Some(format!("{} = {number}", field.name()))
        }
        (_, Kind::Address) => {
            let address = value.parse::<std::net::IpAddr>().ok()?;
            Some(format!("{} = toIPv6('{address}')", field.name()))
        }
    }
}

/// The value of the first group-by field, and what stands behind it. Only a correlation joins several, and detectors that speak of
/// something of an integration.
fn parts(alert: &Alert) -> (&str, Option<&str>) {
    let value = alert.entity.value.as_str();
    let is_joined = match alert.reason {
        Reason::Correlation { .. } => true,
        Reason::Baseline { .. } | Reason::Expectation { .. } => {
            alert.rule.entity.is_none() && alert.entity.kind == EntityKind::Integration
        }
        Reason::Pattern { .. } | Reason::Service { .. } => false,
    };
    match value.split_once(SEPARATOR) {
        Some((first, rest)) if is_joined => (first, Some(rest)),
        _ => (value, None),
    }
}

impl Alert {
    /// The value of its entity as events have it; of several the first.
    #[must_use]
    pub fn first_value(&self) -> String {
        match parts(self) {
            (first, Some(_)) => first.replace("\\|", "|").replace("\\\\", "\\"),
            (value, None) => value.to_owned(),
        }
    }
}

/// Whether what stands behind the integration is one of its operations, and not a schedule or a number that somebody named.
fn names_operation(alert: &Alert) -> bool {
    match alert.reason {
        Reason::Baseline { .. } => alert.rule.family == "behaviour",
        Reason::Expectation { measure, .. } => measure == Measure::MedianDuration,
        _ => false,
    }
}

/// An operation goes by the name that the contract or the log gave it, else by its route.
fn of_operation(name: &str) -> String {
    format!(
        "({} OR operation = '' AND {} IN (route, concat(method, ' ', route)))",
        text_condition("operation", name),
        literal(beginning(name))
    )
}

/// Equality; a value too long for a mail is asked for by its beginning.
fn text_condition(name: &str, value: &str) -> String {
    let beginning = beginning(value);
    if beginning.len() == value.len() {
        format!("{name} = {}", literal(value))
    } else {
        format!("startsWith({name}, {})", literal(beginning))
    }
}

fn beginning(value: &str) -> &str {
    match value.char_indices().nth(VALUE) {
        Some((end, _)) => &value[..end],
        None => value,
    }
}

fn by_request_id(alert: &Alert) -> Option<String> {
    let ids: Vec<String> = alert
        .evidence
        .iter()
        .filter(|evidence| (1..=128).contains(&evidence.request_id.len()))
        .take(10)
        .map(|evidence| literal(&evidence.request_id))
        .collect();
    (!ids.is_empty()).then(|| format!("request_id IN ({})", ids.join(", ")))
}

/// A string literal that `ClickHouse` reads back byte for byte and that holds only what a person can see.
///
/// Escapes as in <https://clickhouse.com/docs/sql-reference/syntax#string>.
pub(crate) fn literal(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for character in value.chars() {
        match character {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            other
                if other.is_control()
                    || is_hidden(other)
                    || matches!(other, '\u{2028}' | '\u{2029}') =>
            {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(quoted, "\\x{byte:02X}");
                }
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// An instant in UTC as an expression.
pub(crate) fn instant(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.micros()) {
        Ok(instant) => format!(
            "toDateTime64('{}', 6, 'UTC')",
            instant.strftime("%Y-%m-%d %H:%M:%S.%6f")
        ),
        Err(_) => format!(
            "fromUnixTimestamp64Micro(toInt64({}), 'UTC')",
            time.micros()
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::samples;

    /// Reads a literal as `ClickHouse` does; `None` when it is not exactly one literal.
    fn read(literal: &str) -> Option<Vec<u8>> {
        let mut bytes = literal.bytes();
        let mut value = Vec::new();
        (bytes.next()? == b'\'').then_some(())?;
        loop {
            match bytes.next()? {
                b'\'' => return bytes.next().is_none().then_some(value),
                b'\\' => match bytes.next()? {
                    b'x' => {
                        let digits = [bytes.next()?, bytes.next()?];
                        let digits = std::str::from_utf8(&digits).ok()?;
                        value.push(u8::from_str_radix(digits, 16).ok()?);
                    }
                    other => value.push(other),
                },
                other => value.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn a_value_never_leaves_its_literal(value in ".{0,400}|[\\x00-\\x20'\\\\]{0,40}") {
            prop_assert_eq!(read(&literal(&value)), Some(value.into_bytes()));
        }
    }

    #[test]
    fn of_several_values_the_first_is_as_events_have_it() {
        let mut alert = samples::correlation();
        alert.entity.value = r"a\|b\\ | curl".into();
        assert_eq!(alert.first_value(), r"a|b\");
        alert.reason = Reason::Pattern { hits: Vec::new() };
        assert_eq!(alert.first_value(), alert.entity.value.as_str());
    }

    #[test]
    fn an_operation_of_an_integration_is_asked_for_by_both() {
        let mut alert = samples::baseline();
        alert.entity.kind = EntityKind::Integration;
        alert.entity.value = "faces | GET /v1/it's".into();
        alert.rule.family = "behaviour".to_owned();
        assert_eq!(
            entity(&alert).unwrap(),
            "integration = 'faces' AND (operation = 'GET /v1/it\\'s' OR operation = '' AND \
             'GET /v1/it\\'s' IN (route, concat(method, ' ', route)))"
        );
        alert.rule.family = "series".to_owned();
        assert_eq!(entity(&alert).unwrap(), "integration = 'faces'");
        // A rule's entity is one value, whatever it holds.
        alert.reason = Reason::Pattern { hits: vec![] };
        assert_eq!(
            entity(&alert).unwrap(),
            "integration = 'faces | GET /v1/it\\'s'"
        );
    }

    #[test]
    fn all_events_and_what_is_not_stored_are_no_entity() {
        let mut alert = samples::correlation();
        alert.entity.kind = EntityKind::Gateway;
        alert.entity.value = "all".into();
        assert_eq!((entity(&alert), picks(&alert)), (None, None));
        alert = samples::correlation();
        alert.rule.entity = Some(Field::PathDecoded);
        assert_eq!(entity(&alert), None);
        assert!(condition(&alert).unwrap().starts_with("request_id IN ("));
        alert.rule.entity = None;
        alert.entity.kind = EntityKind::Part;
        assert_eq!((entity(&alert), picks(&alert)), (None, None));
    }
}
