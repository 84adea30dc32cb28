//! The `ClickHouse` query that shows the events behind an alert, to be pasted as it stands.

use std::fmt::Write;

use super::clean::{Clean, is_hidden};
use crate::alert::Alert;
use crate::event::{Field, Kind, Timestamp};
use crate::track::{EntityKind, Reason};

/// So many characters of a value are asked for.
const VALUE: usize = 400;

/// A line of the query may be this long: a whole value, were every character of it four escaped bytes.
const LINE: usize = 8_192;

/// The query, line by line: the entity's events from the first to the last, in the redacted form that is stored. None for an alert
/// that is not about events.
pub(crate) fn lines(alert: &Alert, table: &str) -> Vec<Clean> {
    if alert.entity.kind == EntityKind::Part {
        return Vec::new();
    }
    let mut lines = vec![
        "SELECT time, request_id, client_address, client_id, subject, method, path, query, status, user_agent".to_owned(),
        format!("FROM {}", table_name(table)),
        format!("WHERE time >= {}", instant(alert.first)),
        format!("  AND time <= {}", instant(alert.last)),
    ];
    if let Some(condition) = condition(alert) {
        lines.push(format!("  AND {condition}"));
    }
    lines.push("ORDER BY time".to_owned());
    lines.push("LIMIT 1000".to_owned());
    lines.iter().map(|line| Clean::of(line, LINE)).collect()
}

/// What picks the entity's events in a statement; `None` when nothing does.
pub(crate) fn picks(alert: &Alert) -> Option<String> {
    // A group of all events is no entity.
    let is_all = alert.entity.kind == EntityKind::Gateway && alert.entity.value == "all";
    if alert.entity.kind == EntityKind::Part || is_all {
        return None;
    }
    let (first, last) = (instant(alert.first), instant(alert.last));
    condition(alert).map(|condition| format!("time >= {first} AND time <= {last} AND {condition}"))
}

/// The configured table, unless it holds anything but names and dots.
fn table_name(table: &str) -> &str {
    let plain = !table.is_empty()
        && table
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    if plain { table } else { "events" }
}

/// Picks the entity's events; `None` when neither the entity nor a request id can be asked for.
fn condition(alert: &Alert) -> Option<String> {
    let field = alert
        .rule
        .entity
        .or_else(|| kind_field(alert.entity.kind))?;
    let value = first_value(alert);
    match (field, field.kind()) {
        (
            Field::Cookie | Field::Uri | Field::PathDecoded | Field::QueryDecoded | Field::Payload,
            _,
        )
        | (_, Kind::Time) => by_request_id(alert),
        (Field::Fact, _) => Some(format!("has(facts, {})", literal(beginning(value)))),
        (_, Kind::List) => Some(format!(
            "has({}, {})",
            field.name(),
            literal(beginning(value))
        )),
        (_, Kind::Text) => Some(text_condition(field.name(), value)),
        (_, Kind::Number) => match value.parse::<u64>() {
            Ok(number) => Some(format!("{} = {number}", field.name())),
            Err(_) => by_request_id(alert),
        },
        (_, Kind::Address) => match value.parse::<std::net::IpAddr>() {
            Ok(address) => Some(format!("{} = toIPv6('{address}')", field.name())),
            Err(_) => by_request_id(alert),
        },
    }
}

/// The value of the first group-by field; only a correlation joins several.
fn first_value(alert: &Alert) -> &str {
    let value = alert.entity.value.as_str();
    match alert.reason {
        Reason::Correlation { .. } => value.split(" | ").next().unwrap_or(value),
        _ => value,
    }
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

fn kind_field(kind: EntityKind) -> Option<Field> {
    match kind {
        EntityKind::Client => Some(Field::ClientId),
        EntityKind::Subject => Some(Field::Subject),
        EntityKind::Address => Some(Field::ClientAddress),
        EntityKind::Token => Some(Field::TokenId),
        EntityKind::Resource => Some(Field::ResourceId),
        EntityKind::Operation => Some(Field::Operation),
        EntityKind::Integration => Some(Field::Integration),
        EntityKind::Gateway => Some(Field::Gateway),
        EntityKind::Part => None,
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
fn literal(value: &str) -> String {
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

fn instant(time: Timestamp) -> String {
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
    use crate::notify::mail::samples;

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
            let quoted = literal(&value);
            let shown = Clean::of(&quoted, LINE);
            prop_assert_eq!(shown.as_str(), &quoted, "the mail shows it unchanged");
            prop_assert_eq!(read(&quoted), Some(value.into_bytes()));
        }
    }

    #[test]
    fn the_query_asks_for_the_entity_in_the_time_of_the_alert() {
        let query = Clean::join(&lines(&samples::correlation(), "gatewatch.events"), "\n");
        assert!(query.as_str().contains("FROM gatewatch.events"), "{query}");
        assert!(
            query.as_str().contains("AND client_id = 'mobile-app'"),
            "{query}"
        );
        for bound in [
            "time >= toDateTime64('2026-03-01 10:00:00.000000', 6, 'UTC')",
            "time <= toDateTime64('2026-03-01 10:04:10.000000', 6, 'UTC')",
        ] {
            assert!(query.as_str().contains(bound), "{query}");
        }
    }

    #[test]
    fn an_address_is_asked_for_as_an_address() {
        let query = Clean::join(&lines(&samples::hostile(), "events; DROP TABLE x"), "\n");
        assert!(query.as_str().contains("FROM events\n"), "{query}");
        assert!(
            query
                .as_str()
                .contains("client_address = toIPv6('203.0.113.9')"),
            "{query}"
        );
    }

    #[test]
    fn a_value_too_long_for_a_mail_is_asked_for_by_its_beginning() {
        let mut alert = samples::correlation();
        alert.entity.value = "'\u{202e}".repeat(5_000).into();
        let query = Clean::join(&lines(&alert, "events"), "\n");
        assert!(
            query
                .as_str()
                .contains("startsWith(client_id, '\\'\\xE2\\x80\\xAE"),
            "{query}"
        );
        assert!(!query.as_str().contains('…'), "{query}");
    }

    #[test]
    fn what_is_not_stored_is_asked_for_by_request_id() {
        let mut alert = samples::hostile();
        alert.rule.entity = Some(Field::PathDecoded);
        let query = Clean::join(&lines(&alert, "events"), "\n");
        assert!(query.as_str().contains("request_id IN ('req-1'"), "{query}");
    }
}
