//! Envoy's default text format.
//!
//! ```text
//! [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%
//! %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%"
//! "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"
//! ```
//! One line; newer versions put more columns between, as Istio does (`response_code_details` and so on); they are passed over by
//! looking for the numbers. The format has no peer address: the client is the first address of `X-Forwarded-For`, which is what the caller says
//! unless Envoy sets the header itself. Whoever can should log JSON with `downstream_remote_address`.
//! Source: Envoy documentation, "Access logging, default format string".

use std::borrow::Cow;

use super::access_log::quoted;
use super::rejection::Rejection;
use super::request::{self, present};
use crate::event::{Event, Text, Timestamp};

/// Decodes one line.
///
/// # Errors
/// `malformed`, naming the part that is not there.
pub(super) fn decode(line: &str) -> Result<Event<'_>, Rejection> {
    let (stamp, rest) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .ok_or_else(|| Rejection::malformed("no `[time] ` of Envoy's default format"))?;
    let time = Timestamp::parse_rfc3339(stamp)
        .ok_or_else(|| Rejection::malformed("the time is not RFC 3339"))?;
    let (request, rest) =
        quoted(rest).ok_or_else(|| Rejection::malformed("no request behind the time"))?;
    let mut event = Event {
        time,
        ..Event::default()
    };
    request::set_request_line(&mut event, Cow::Borrowed(request));
    let rest = set_numbers(&mut event, rest)?;
    set_quoted(&mut event, rest);
    Ok(event)
}

/// `200 - 0 256 50 25 ` and what follows.
fn set_numbers<'a>(event: &mut Event<'a>, text: &'a str) -> Result<&'a str, Rejection> {
    let mut rest = text.trim_start();
    let (status, after) = word(rest);
    event.status = Some(
        status
            .parse()
            .map_err(|_| Rejection::malformed("the response code is no number"))?,
    );
    let (flags, after) = word(after);
    event.error = present(flags).map(Text::from);
    rest = skip_details(after);
    let mut numbers = [None; 4];
    for number in &mut numbers {
        let (digits, after) = word(rest);
        *number = match present(digits) {
            Some(digits) => Some(
                digits
                    .parse::<u64>()
                    .map_err(|_| Rejection::malformed("sizes and durations are no numbers"))?,
            ),
            None => None,
        };
        rest = after;
    }
    event.request_bytes = numbers[0];
    event.response_bytes = numbers[1];
    event.duration_us = numbers[2].map(|millis| millis.saturating_mul(1_000));
    event.upstream_duration_us = numbers[3].map(|millis| millis.saturating_mul(1_000));
    Ok(rest)
}

/// Istio puts response code details, connection details and the transport failure before the sizes.
fn skip_details(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..3 {
        let (next, after) = word(rest);
        let is_number = next.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || next.starts_with('"') && after.is_empty() {
            break;
        }
        rest = match quoted(rest) {
            Some((_, after)) => after.trim_start(),
            None => after,
        };
    }
    rest
}

/// `"forwarded" "agent" "request id" "authority" "upstream"`.
fn set_quoted<'a>(event: &mut Event<'a>, text: &'a str) {
    let mut rest = text;
    let mut next = || {
        let (value, after) = quoted(rest)?;
        rest = after;
        present(value)
    };
    let (forwarded, agent, id, authority, upstream) = (next(), next(), next(), next(), next());
    event.client_address = forwarded
        .and_then(|list| list.split(',').next())
        .and_then(request::address);
    event.forwarded_for = forwarded.map(Text::from);
    event.user_agent = agent.map(Text::from);
    event.request_id = id.map(Text::from);
    if let Some(authority) = authority {
        event.host = Some(authority.into());
    }
    event.upstream_address = upstream.map(|address| {
        let plain = address.split_once("://").map_or(address, |(_, rest)| rest);
        Text::from(plain)
    });
}

/// The next word and what follows its space.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_line_gives_every_part() {
        let event = decode(
            r#"[2026-01-24T01:38:00.000Z] "POST /api/p?x=1 HTTP/1.1" 201 UF 7 1024 40 20 "fd00::5a24, [fd00::1]:54321" "curl/8" "id-6" "p.example" "tcp://[fd00::e18]:8080""#,
        )
        .unwrap();
        assert_eq!(event.client_address, "fd00::5a24".parse().ok());
        assert_eq!(event.error.as_deref(), Some("UF"));
        assert_eq!(
            (event.request_bytes, event.response_bytes),
            (Some(7), Some(1024))
        );
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (Some(40_000), Some(20_000))
        );
        assert_eq!(event.request_id.as_deref(), Some("id-6"));
        assert_eq!(event.upstream_address.as_deref(), Some("[fd00::e18]:8080"));
    }

    #[test]
    fn the_columns_of_istio_are_passed_over() {
        let event = decode(
            r#"[2026-01-24T01:38:00.000Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 12 3 2 "-" "curl/8" "id" "a" "10.0.0.1:80" outbound"#,
        )
        .unwrap();
        assert_eq!(event.response_bytes, Some(12));
        assert_eq!(event.user_agent.as_deref(), Some("curl/8"));
    }
}
