//! Traefik: what a table cannot say of its JSON, and the columns that it puts behind a combined line.
//!
//! ```text
//! address - user [10/Oct/2023:10:22:41 +0000] "GET /a HTTP/1.1" 200 157 "referer" "agent" 42 "router@docker" "http://10.0.0.9:80" 7ms
//! ```
//! Traefik does not escape the quotes of a user agent, so its columns are read from the end, where the caller writes nothing. The status
//! of this format is the upstream's, and the address is `X-Forwarded-For` when that was sent and trusted.
//! Source: Traefik's documentation, "Access logs".

use super::access_log::{header, quoted};
use super::rejection::Rejection;
use super::request::{self, present};
use crate::event::{Event, Text};

/// Finishes what the mapping read from JSON.
///
/// # Errors
/// `malformed` for a line of Traefik's other log.
pub(super) fn finish_json(mut event: Event<'_>) -> Result<Event<'_>, Rejection> {
    if event.method.is_none() && event.client_address.is_none() {
        return Err(Rejection::malformed(
            "a line of Traefik's own log, not of its access log",
        ));
    }
    // Traefik counts retries, not attempts.
    event.attempt = event.attempt.map(|retries| retries.saturating_add(1));
    let forwarded = event.forwarded_for.as_deref().unwrap_or_default();
    let whole = request::address(forwarded);
    if event.client_address.is_none() {
        event.client_address = forwarded.split(',').next().and_then(request::address);
    } else if whole == event.client_address {
        // Without `X-Forwarded-For` the host is the peer itself.
        event.forwarded_for = None;
    }
    Ok(event)
}

/// The columns of Traefik at the end of a line.
pub(super) struct Columns<'a> {
    server: &'a str,
    millis: u64,
}

/// What stands before Traefik's columns, and the columns; `None` when a line does not end in them.
pub(super) fn split_columns(text: &str) -> Option<(&str, Columns<'_>)> {
    let (rest, millis) = text.strip_suffix("ms")?.rsplit_once(' ')?;
    let (rest, server) = rest.strip_suffix('"')?.rsplit_once(" \"")?;
    let (rest, _router) = rest.strip_suffix('"')?.rsplit_once(" \"")?;
    let (headers, count) = rest.rsplit_once(' ')?;
    count.parse::<u64>().ok()?;
    let millis = millis.parse().ok()?;
    Some((headers, Columns { server, millis }))
}

/// Sets the fields of the columns, and of `"referer" "agent"` before them.
pub(super) fn set_columns<'a>(event: &mut Event<'a>, headers: &'a str, columns: &Columns<'a>) {
    event.duration_us = Some(columns.millis.saturating_mul(1_000));
    event.upstream_address = present(columns.server).map(|url| {
        let address = url.split_once("://").map_or(url, |(_, rest)| rest);
        Text::from(address.trim_end_matches('/'))
    });
    let Some((referer, agent)) = quoted(headers) else {
        return;
    };
    event.referer = header(referer);
    // All up to the last quote: a quote inside must not hide what follows it.
    event.user_agent = agent
        .trim_start()
        .strip_prefix('"')
        .map(|rest| rest.strip_suffix('"').unwrap_or(rest))
        .and_then(header);
}

#[cfg(test)]
mod tests {
    use super::super::access_log;
    use super::*;

    #[test]
    fn retries_become_attempts_and_the_peer_is_not_forwarded() {
        let of = |forwarded: &'static str| {
            finish_json(Event {
                client_address: "10.0.0.1".parse().ok(),
                forwarded_for: Some(forwarded.into()),
                attempt: Some(0),
                ..Event::default()
            })
            .unwrap()
        };
        assert_eq!(
            (of("10.0.0.1").forwarded_for, of("x").attempt),
            (None, Some(1))
        );
        assert_eq!(of("192.0.2.7").forwarded_for.as_deref(), Some("192.0.2.7"));
        assert!(finish_json(Event::default()).is_err());
    }

    const LINE: &str = r#"10.1.2.3 - ann [24/Nov/2024:13:38:04 +0000] "GET /a?b=1 HTTP/2" 200 352 "-" "AGENT" 244 "web@docker -> leaf@docker" "http://10.0.0.9:80" 42ms"#;

    #[test]
    fn the_columns_behind_a_combined_line_are_read() {
        let event = access_log::decode(LINE).unwrap();
        assert_eq!(event.client_address, "10.1.2.3".parse().ok());
        assert_eq!(event.subject.as_deref(), Some("ann"));
        assert_eq!(event.user_agent.as_deref(), Some("AGENT"));
        assert_eq!(event.referer, None);
        assert_eq!(event.duration_us, Some(42_000));
        assert_eq!(event.upstream_address.as_deref(), Some("10.0.0.9:80"));
    }

    #[test]
    fn an_agent_with_quotes_forges_no_column_and_hides_nothing() {
        let agent = r#"x" 5 "fake@file" "http://192.0.2.1:1" 0ms" sqlmap"#;
        let line = LINE.replace("AGENT", agent);
        let event = access_log::decode(&line).unwrap();
        assert_eq!(event.user_agent.as_deref(), Some(agent));
        assert_eq!(event.duration_us, Some(42_000));
        assert_eq!(event.upstream_address.as_deref(), Some("10.0.0.9:80"));
    }

    #[test]
    fn a_list_in_place_of_the_address_is_what_was_forwarded() {
        let line = LINE.replace("10.1.2.3", "192.0.2.7, 10.0.0.50");
        let event = access_log::decode(&line).unwrap();
        assert_eq!(event.client_address, "192.0.2.7".parse().ok());
        assert_eq!(event.forwarded_for.as_deref(), Some("192.0.2.7, 10.0.0.50"));
        assert_eq!(event.subject.as_deref(), Some("ann"));
    }

    #[test]
    fn lines_that_do_not_end_in_the_columns_are_not_cut() {
        for text in [
            r#""-" "agent""#,
            r#""-" "agent" 5 "r" "u" 1.5ms"#,
            r#""-" "agent" x "r" "u" 1ms"#,
            "ms",
            r#"" 1ms"#,
        ] {
            assert!(split_columns(text).is_none(), "{text}");
        }
    }
}
