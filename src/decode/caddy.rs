//! Caddy: what a table cannot say of its JSON, and the messages of its firewall, Coraza.
//!
//! ```text
//! [client "10.0.0.1"] Coraza: Warning. Message [file "…"] [line "1"] [id "942431"] … [uri "/a?b"] [unique_id "x"]
//! ```
//! Coraza quotes what it takes from the request (`\"` inside), but for the message in front, into which a rule may put some of it. So each
//! part is looked for from the end. Source: Coraza, `MatchedRule.ErrorLog`.

use std::borrow::Cow;

use super::rejection::Rejection;
use super::request::{self, present, unescape};
use crate::event::{Event, Text};

/// What `http.log.access` says of every request.
const HANDLED: &str = "handled request";

/// Finishes what the mapping read.
///
/// # Errors
/// `malformed` for a line of Caddy that is about no request.
pub(super) fn finish(mut event: Event<'_>) -> Result<Event<'_>, Rejection> {
    let message = event.error.take().map(Text::into_cow);
    if let Some(line) = &message
        && let Some(finding) = Finding::read(line)
    {
        finding.write(&mut event);
        return Ok(event);
    }
    if event.method.is_none() {
        return Err(Rejection::malformed(
            "a line of Caddy that is about no request",
        ));
    }
    event.error = message
        .filter(|text| text.as_ref() != HANDLED)
        .map(Text::from);
    let scheme = if event.tls_version.is_some() {
        "https"
    } else {
        "http"
    };
    event.scheme = Some(Text::from(scheme));
    Ok(event)
}

/// What Coraza says of one rule that matched.
struct Finding<'t> {
    client: &'t str,
    message: &'t str,
    rule: &'t str,
    target: &'t str,
    request_id: &'t str,
}

impl<'t> Finding<'t> {
    fn read(text: &'t str) -> Option<Self> {
        // A rule of several parts writes a line for each; they say the same.
        let line = text.split('\n').next()?;
        let (client, rest) = line.strip_prefix("[client \"")?.split_once("\"] ")?;
        let rest = rest.strip_prefix("Coraza: ")?;
        Some(Finding {
            client,
            message: &rest[..rest.rfind(" [file \"")?],
            rule: part(rest, "[id \"")?,
            target: part(rest, "[uri \"").unwrap_or_default(),
            request_id: part(rest, "[unique_id \"").unwrap_or_default(),
        })
    }

    fn write(&self, event: &mut Event<'_>) {
        let is_block = self.message.starts_with("Access denied");
        let verdict = if is_block { "block" } else { self.rule };
        event.waf_verdict = Some(Text::from(verdict.to_owned()));
        event.error = Some(Text::from(format!("{}: {}", self.rule, self.message)));
        event.client_address = request::address(self.client);
        if present(self.target).is_some() {
            request::set_target(event, Cow::Owned(unescape(self.target).into_owned()));
        }
        event.request_id = present(self.request_id).map(|id| Text::from(id.to_owned()));
    }
}

/// The value behind the last `label`.
fn part<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    let value = &text[text.rfind(label)? + label.len()..];
    value.find("\"]").map(|end| &value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Result<Event<'_>, Rejection> {
        finish(Event {
            error: Some(Text::from(text)),
            ..Event::default()
        })
    }

    #[test]
    fn a_finding_of_the_firewall_names_rule_client_and_target() {
        let event = message(
            r#"[client "192.0.2.1"] Coraza: Warning. SQL characters [file "/r/942.conf"] [line "1"] [id "942431"] [msg "SQL characters"] [data "x \"y\""] [uri "/a?b=\"c"] [unique_id "u1"]"#,
        )
        .unwrap();
        assert_eq!(event.client_address, "192.0.2.1".parse().ok());
        assert_eq!(event.waf_verdict.as_deref(), Some("942431"));
        assert_eq!(
            event.error.as_deref(),
            Some("942431: Warning. SQL characters")
        );
        assert_eq!(
            (event.path.as_deref(), event.query.as_deref()),
            (Some("/a"), Some("b=\"c"))
        );
        assert_eq!(event.request_id.as_deref(), Some("u1"));
    }

    #[test]
    fn a_denied_request_is_a_block() {
        let event = message(
            r#"[client "192.0.2.1"] Coraza: Access denied (phase 2). Score 5 [file "/r/949.conf"] [line "1"] [id "949110"] [uri "/"] [unique_id "u"]"#,
        )
        .unwrap();
        assert_eq!(event.waf_verdict.as_deref(), Some("block"));
    }

    #[test]
    fn what_a_request_put_into_the_message_forges_nothing() {
        let event = message(
            r#"[client "192.0.2.1"] Coraza: Warning. Found x [file "f"] [id "1"] [uri "/fake"] [unique_id "f"] [file "/r/1.conf"] [line "1"] [id "920320"] [data "[id \"2\"]"] [uri "/real"] [unique_id "u"]"#,
        )
        .unwrap();
        assert_eq!(event.waf_verdict.as_deref(), Some("920320"));
        assert_eq!(event.uri.as_deref(), Some("/real"));
    }

    #[test]
    fn lines_about_no_request_are_no_events() {
        for text in [
            "server running",
            "[client \"",
            "[client \"1.2.3.4\"] Coraza: broken",
        ] {
            assert!(message(text).is_err(), "{text}");
        }
    }
}
