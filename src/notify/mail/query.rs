//! The `ClickHouse` query that shows the events behind an alert, to be pasted as it stands.

use super::clean::Clean;
use super::defang::defanged_literals;
use crate::alert::{Alert, condition, instant};
use crate::track::EntityKind;

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
        lines.push(format!("  AND {}", defanged_literals(&condition)));
    }
    lines.push("ORDER BY time".to_owned());
    lines.push("LIMIT 1000".to_owned());
    lines.iter().map(|line| Clean::of(line, LINE)).collect()
}

/// The configured table, unless it holds anything but names and dots.
fn table_name(table: &str) -> &str {
    let plain = !table.is_empty()
        && table
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    if plain { table } else { "events" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::literal;
    use crate::event::Field;
    use crate::notify::mail::samples;

    proptest! {
        #[test]
        fn a_mail_shows_a_literal_unchanged(value in ".{0,400}|[\\x00-\\x20'\\\\]{0,40}") {
            let quoted = literal(&value);
            let shown = Clean::of(&quoted, LINE);
            prop_assert_eq!(shown.as_str(), &quoted);
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
