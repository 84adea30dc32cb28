//! Access log of an AWS Application Load Balancer.
//!
//! ```text
//! type time elb client:port target:port request_time target_time response_time elb_status target_status received sent "request"
//!   "agent" cipher protocol target_group "trace" "domain" "certificate" priority creation "actions" "redirect" "error" "targets"
//!   "statuses" "classification" "reason" …
//! ```
//! One line; older lines end sooner. Times are UTC, durations seconds. `time` of the event is when the request came (`creation`); the
//! line's first time is that of the answer.
//! Source: AWS, "Access logs for your Application Load Balancer", access log entries.

use super::access_log;
use super::number::{column, duration};
use super::rejection::Rejection;
use super::request::{self, present, unescape};
use crate::event::{Event, Text, Timestamp};

/// Types of requests that a line begins with.
pub(super) const TYPES: [&str; 6] = ["http", "https", "h2", "grpcs", "ws", "wss"];

/// Decodes one line.
///
/// # Errors
/// `malformed`, naming the column.
pub(super) fn decode(line: &str) -> Result<Event<'_>, Rejection> {
    let mut columns = Columns { rest: line };
    if !TYPES.contains(&columns.next("the type")?) {
        return Err(Rejection::malformed("no type of request in front"));
    }
    let answered = columns.time("the time")?;
    let mut event = Event {
        gateway: present(columns.next("the load balancer")?).map(Text::from),
        client_address: request::peer(columns.next("the client")?),
        upstream_address: present(columns.next("the target")?).map(Text::from),
        ..Event::default()
    };
    set_durations(&mut event, &mut columns)?;
    event.status = column(columns.next("elb_status_code")?, "elb_status_code")?;
    columns.next("target_status_code")?;
    event.request_bytes = column(columns.next("received_bytes")?, "received_bytes")?;
    event.response_bytes = column(columns.next("sent_bytes")?, "sent_bytes")?;
    set_request(&mut event, columns.next("the request")?);
    event.user_agent = access_log::header(columns.next("the user agent")?);
    event.tls_cipher = columns.optional().map(Text::from);
    event.tls_version = columns.optional().map(Text::from);
    columns.optional();
    event.request_id = columns.optional().map(Text::from);
    if let (Some(name), None) = (columns.optional(), &event.host) {
        event.host = Some(Text::from(name));
    }
    columns.optional();
    columns.optional();
    event.time = columns
        .optional()
        .and_then(Timestamp::parse_rfc3339)
        .unwrap_or(answered);
    set_outcome(&mut event, &mut columns);
    Ok(event)
}

/// The three durations; together they are all that passed.
fn set_durations(event: &mut Event<'_>, columns: &mut Columns<'_>) -> Result<(), Rejection> {
    let mut next = |name| duration(columns.next(name)?, 6, name);
    let request = next("request_processing_time")?;
    let target = next("target_processing_time")?;
    let response = next("response_processing_time")?;
    event.upstream_duration_us = target;
    event.duration_us = request
        .zip(target)
        .zip(response)
        .map(|((request, target), response)| {
            request.saturating_add(target).saturating_add(response)
        });
    Ok(())
}

fn set_request<'a>(event: &mut Event<'a>, request: &'a str) {
    let request = unescape(request);
    // What could not be read as a request is `- http://host:port- -`.
    if request.starts_with("- ") {
        event.uri = Some(request.into());
    } else {
        request::set_request_line(event, request);
    }
}

/// `"actions" "redirect" "error" "targets" "statuses" "classification" "reason"`.
fn set_outcome<'a>(event: &mut Event<'a>, columns: &mut Columns<'a>) {
    let actions = columns.optional().unwrap_or_default();
    let has = |name| actions.split(',').any(|action| action == name);
    if has("waf") {
        // When the firewall's is the last action, it refused the request.
        let is_last = actions.rsplit(',').next() == Some("waf");
        event.waf_verdict = Some(Text::from(if is_last { "block" } else { "pass" }));
    }
    columns.optional();
    let error = columns.optional();
    columns.optional();
    columns.optional();
    columns.optional();
    let suspicion = columns.optional();
    let failed = has("waf-failed").then_some("waf-failed");
    event.error = error.or(suspicion).or(failed).map(Text::from);
}

/// What is left of a line.
struct Columns<'a> {
    rest: &'a str,
}

impl<'a> Columns<'a> {
    /// The next column without its quotes.
    fn next(&mut self, name: &str) -> Result<&'a str, Rejection> {
        let text = self.rest;
        if text.is_empty() {
            return Err(Rejection::malformed(format!("the line ends before {name}")));
        }
        let (value, rest) =
            access_log::quoted(text).unwrap_or_else(|| text.split_once(' ').unwrap_or((text, "")));
        self.rest = rest.strip_prefix(' ').unwrap_or(rest);
        Ok(value)
    }

    /// The next column when it is there and has a value.
    fn optional(&mut self) -> Option<&'a str> {
        self.next("").ok().and_then(present)
    }

    fn time(&mut self, name: &str) -> Result<Timestamp, Rejection> {
        Timestamp::parse_rfc3339(self.next(name)?)
            .ok_or_else(|| Rejection::malformed(format!("{name} is not RFC 3339")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"https 2026-04-26T12:23:00.186641Z app/api/490d68edf04676fe 192.0.2.11:44740 10.0.0.1:80 0.086 0.048 0.037 200 200 12 57 "POST https://www.example.com:443/a?b=1 HTTP/1.1" "curl \x22x\x22" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x "Root=1-58337281" "www.example.com" "arn:aws:acm:x" 1 2026-04-26T12:22:59.900000Z "waf,forward" "-" "-" "10.0.0.1:80" "200" "Ambiguous" "SpaceInUri" TID_1 "-" "-" "-""#;

    #[test]
    fn a_line_gives_every_part() {
        let event = decode(LINE).unwrap();
        assert_eq!(
            Some(event.time),
            Timestamp::parse_rfc3339("2026-04-26T12:22:59.9Z")
        );
        assert_eq!(event.gateway.as_deref(), Some("app/api/490d68edf04676fe"));
        assert_eq!(event.client_address, "192.0.2.11".parse().ok());
        assert_eq!(event.upstream_address.as_deref(), Some("10.0.0.1:80"));
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (Some(171_000), Some(48_000))
        );
        assert_eq!(
            (event.status, event.request_bytes, event.response_bytes),
            (Some(200), Some(12), Some(57))
        );
        assert_eq!(event.method.as_deref(), Some("POST"));
        assert_eq!(event.scheme.as_deref(), Some("https"));
        assert_eq!(event.host.as_deref(), Some("www.example.com:443"));
        assert_eq!(event.query.as_deref(), Some("b=1"));
        assert_eq!(event.user_agent.as_deref(), Some("curl \"x\""));
        assert_eq!(event.tls_version.as_deref(), Some("TLSv1.2"));
        assert_eq!(event.request_id.as_deref(), Some("Root=1-58337281"));
        assert_eq!(event.waf_verdict.as_deref(), Some("pass"));
        assert_eq!(event.error.as_deref(), Some("SpaceInUri"));
    }

    #[test]
    fn a_request_that_the_firewall_refused_is_a_block() {
        let line = LINE
            .replace("waf,forward", "waf")
            .replace(" 0.086 0.048 0.037 ", " -1 -1 -1 ")
            .replace(" 10.0.0.1:80 ", " - ");
        let event = decode(&line).unwrap();
        assert_eq!(event.waf_verdict.as_deref(), Some("block"));
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (None, None)
        );
        assert_eq!(event.upstream_address, None);
    }

    #[test]
    fn an_older_or_shorter_line_is_an_event() {
        let (short, _) = LINE.split_once(" ECDHE").unwrap();
        let event = decode(short).unwrap();
        assert_eq!(
            Some(event.time),
            Timestamp::parse_rfc3339("2026-04-26T12:23:00.186641Z")
        );
        assert_eq!((event.tls_version, event.error), (None, None));
    }

    #[test]
    fn what_was_no_request_is_kept_as_the_uri() {
        let line = LINE.replace(
            "POST https://www.example.com:443/a?b=1 HTTP/1.1",
            "- http://www.example.com:80- -",
        );
        let event = decode(&line).unwrap();
        assert_eq!(event.method, None);
        assert_eq!(event.uri.as_deref(), Some("- http://www.example.com:80- -"));
        assert_eq!(event.host.as_deref(), Some("www.example.com"));
    }

    #[test]
    fn an_agent_that_looks_like_columns_stays_an_agent() {
        let line = LINE.replace(r"curl \x22x\x22", r"\x22 - - - \x22fake\x22");
        let event = decode(&line).unwrap();
        assert_eq!(event.user_agent.as_deref(), Some("\" - - - \"fake\""));
        assert_eq!(event.request_id.as_deref(), Some("Root=1-58337281"));
    }

    #[test]
    fn what_is_no_line_says_which_column_is_wrong() {
        for (line, part) in [
            ("tcp 2026-04-26T12:23:00Z a", "type"),
            ("http yesterday a", "time"),
            ("http 2026-04-26T12:23:00Z a 192.0.2.1:1", "the target"),
            (&LINE.replace(" 0.048 ", " fast "), "target_processing_time"),
            (&LINE.replace(" 200 200 ", " 2x0 200 "), "elb_status_code"),
            (&LINE.replace(" 57 ", " many "), "sent_bytes"),
        ] {
            let detail = decode(line).unwrap_err().detail;
            assert!(detail.contains(part), "{line}: {detail}");
        }
    }
}
