//! Lines of the error logs of NGINX and Apache that tell of a request: a limit that was hit, a refused path, a failed login.
//!
//! ```text
//! 2021/12/02 11:53:15 [error] 8#8: *42 limiting requests, …, client: ::1, server: s, request: "GET / HTTP/1.1", host: "h"
//! [Fri Oct 08 17:08:41.203277 2021] [core:error] [pid 7:tid 1] [client 1.2.3.4:532] AH00126: Invalid URI in request GET / HTTP/1.1
//! ```
//! Their times have no zone and are taken for UTC. Sources: `ngx_log.c`; Apache `ErrorLogFormat`.

use std::borrow::Cow;

use super::access_log::quoted;
use super::rejection::Rejection;
use super::request::{self, present, unescape};
use super::times;
use crate::event::{Event, Text, Timestamp};

/// Longest message kept in `error`, in bytes.
const MAX_MESSAGE: usize = 1_024;

/// Decodes a line of an error log; `None` when it is none.
pub(super) fn decode(line: &str) -> Option<Result<Event<'_>, Rejection>> {
    if let Some(rest) = line.strip_prefix('[') {
        let (stamp, rest) = rest.split_once("] ")?;
        let time = times::apache_error(stamp.as_bytes())?;
        return Some(Ok(apache(time, rest)));
    }
    let time = times::nginx_error(line.as_bytes().get(..19)?)?;
    let rest = line.get(19..)?.strip_prefix(" [")?;
    Some(match rest.split_once("] ") {
        Some((_level, message)) => Ok(nginx(time, message)),
        None => Err(Rejection::malformed("an error log line without level")),
    })
}

/// `8#8: *42 message, client: c, server: s, request: "r", host: "h"`.
fn nginx(time: Timestamp, text: &str) -> Event<'_> {
    let message = text.split_once(": ").map_or(text, |(_process, rest)| rest);
    let message = match message.strip_prefix('*') {
        Some(rest) => rest
            .split_once(' ')
            .map_or(rest, |(_connection, rest)| rest),
        None => message,
    };
    let (message, context) = match message.find(", client: ") {
        Some(at) => (&message[..at], &message[at..]),
        None => (message, ""),
    };
    let mut event = error_event(time, message);
    event.client_address = value_of(context, ", client: ").and_then(request::address);
    event.subject = value_of(context, ", login: ")
        .and_then(present)
        .map(Text::from);
    if let Some(line) = value_of(context, ", request: ") {
        request::set_request_line(&mut event, unescape(line));
    }
    let host = value_of(context, ", host: ").or_else(|| value_of(context, ", server: "));
    if let Some(host) = host.and_then(present) {
        event.host = Some(host.into());
    }
    event.referer = value_of(context, ", referrer: ")
        .and_then(present)
        .map(Text::from);
    event.upstream_address = value_of(context, ", upstream: ")
        .and_then(present)
        .map(Text::from);
    event
}

/// `[core:error] [pid 7:tid 1] [client 1.2.3.4:532] AH00126: message`.
fn apache(time: Timestamp, mut text: &str) -> Event<'_> {
    let mut client = None;
    while let Some((part, rest)) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        if let Some(address) = part.strip_prefix("client ") {
            client = request::address(address);
        }
        text = rest;
    }
    let mut event = error_event(time, text);
    event.client_address = client;
    if let Some((_, line)) = text.split_once(" in request ") {
        request::set_request_line(&mut event, Cow::Borrowed(line.trim_end()));
    }
    event
}

fn error_event(time: Timestamp, message: &str) -> Event<'_> {
    let mut end = message.len().min(MAX_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    Event {
        time,
        error: present(&message[..end]).map(Text::from),
        ..Event::default()
    }
}

/// The value behind a label, quoted or up to the next comma.
fn value_of<'t>(context: &'t str, label: &str) -> Option<&'t str> {
    let rest = &context[context.find(label)? + label.len()..];
    match quoted_until_comma(rest) {
        Some(value) => Some(value),
        None => Some(rest.split(", ").next().unwrap_or(rest)),
    }
}

fn quoted_until_comma(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?;
    inner
        .find("\", ")
        .map(|end| &inner[..end])
        .or_else(|| inner.strip_suffix('"'))
        .or_else(|| quoted(text).map(|(value, _)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_nginx_tells_of_its_request() {
        let event = decode(
            "2021/12/02 11:53:15 [error] 40#40: *42 limiting requests, excess: 5.428 by zone \"z\", client: ::1, server: , request: \"GET /a?b HTTP/1.1\", host: \"la03.d.sb\"",
        )
        .unwrap()
        .unwrap();
        assert_eq!(event.client_address, "::1".parse().ok());
        assert_eq!(event.path.as_deref(), Some("/a"));
        assert_eq!(event.host.as_deref(), Some("la03.d.sb"));
        assert_eq!(
            event.error.as_deref(),
            Some("limiting requests, excess: 5.428 by zone \"z\"")
        );
    }

    #[test]
    fn a_refused_path_of_apache_tells_of_its_request() {
        let event = decode(
            "[Fri Oct 08 17:08:41.203277 2021] [core:error] [pid 7005:tid 1] [client 88.168.206.87:14532] AH00126: Invalid URI in request GET /cgi-bin/.%2E/etc/passwd HTTP/1.1",
        )
        .unwrap()
        .unwrap();
        assert_eq!(event.client_address, "88.168.206.87".parse().ok());
        assert_eq!(event.path.as_deref(), Some("/cgi-bin/.%2E/etc/passwd"));
    }
}
