//! Access lines of NGINX, Apache and Traefik: `common`, `combined`, NGINX `main`, each also with a virtual host before.
//!
//! ```text
//! [host[:port] ]address ident user [10/Oct/2023:10:22:41 +0200] "GET /a?b HTTP/1.1" 200 157[ "referer" "agent"[ "forwarded"]]
//! ```
//! Sources: Apache `mod_log_config` (`LogFormat` of the default configuration), NGINX `ngx_http_log_module` (`combined`).
//! Quotes inside values are escaped by both servers (`\"`, `\x22`), so the ends of values cannot be forged.

use std::borrow::Cow;

use super::rejection::Rejection;
use super::request::{self, present, unescape};
use super::{error_log, times, traefik};
use crate::event::{Event, Text};

/// Decodes one line of an access log, or of the error log that lies beside it.
///
/// # Errors
/// `malformed`, naming the part that is not there.
pub(super) fn decode(line: &str) -> Result<Event<'_>, Rejection> {
    if let Some(event) = error_log::decode(line) {
        return event;
    }
    let (head, time, rest) = split_at_time(line).ok_or_else(|| {
        Rejection::malformed("no `[day/month/year:time zone] \"` of an access log")
    })?;
    let mut event = Event {
        time,
        ..Event::default()
    };
    set_client(&mut event, head)?;
    let (request, rest) =
        split_request(rest).ok_or_else(|| Rejection::malformed("no status behind the request"))?;
    request::set_request_line(&mut event, unescape(request));
    let rest = set_answer(&mut event, rest)?;
    match traefik::split_columns(rest) {
        Some((headers, columns)) => traefik::set_columns(&mut event, headers, &columns),
        None => set_headers(&mut event, rest),
    }
    Ok(event)
}

/// What stands before the time, the time, and what stands behind `] "`.
fn split_at_time(line: &str) -> Option<(&str, crate::event::Timestamp, &str)> {
    let bytes = line.as_bytes();
    memchr::memchr_iter(b'[', bytes).take(64).find_map(|open| {
        let close = open + 1 + times::CLF_LENGTH;
        let time = times::clf(bytes.get(open + 1..close)?)?;
        let rest = line.get(close..)?.strip_prefix("] \"")?;
        Some((line[..open].trim_end(), time, rest))
    })
}

/// `[host[:port] ]address ident user`; in place of the address also the list of a forwarding header.
fn set_client<'a>(event: &mut Event<'a>, head: &'a str) -> Result<(), Rejection> {
    if let Some((list, user)) = split_list(head) {
        event.client_address = list.split(',').next().and_then(request::address);
        event.forwarded_for = Some(Text::from(list));
        set_user(event, user);
        return Ok(());
    }
    let mut words = head.splitn(4, ' ').filter(|word| !word.is_empty());
    let first = words
        .next()
        .ok_or_else(|| Rejection::malformed("nothing stands before the time"))?;
    let mut user = head[first.len()..].trim_start();
    event.client_address = request::address(first);
    if event.client_address.is_none()
        && let Some(address) = words.next().and_then(|second| second.parse().ok())
    {
        event.client_address = Some(address);
        event.host = present(first).map(Text::from);
        user = user.split_once(' ').map_or("", |(_, rest)| rest);
    }
    set_user(event, user);
    Ok(())
}

/// `ident user`.
fn set_user<'a>(event: &mut Event<'a>, text: &'a str) {
    let user = text.split_once(' ').map_or("", |(_ident, user)| user);
    event.subject = present(user).map(|user| unescape(user).into());
}

/// `10.0.0.1, 10.0.0.2` in front of a line and what follows; `None` when there is no list of addresses.
fn split_list(head: &str) -> Option<(&str, &str)> {
    let first = head.split(' ').next()?;
    if !first.contains(',') {
        return None;
    }
    let mut end = first.len();
    while head[..end].ends_with(',') {
        let next = head.get(end + 1..)?.split(' ').next()?;
        end += 1 + next.len();
        if next.is_empty() {
            return None;
        }
    }
    let list = &head[..end];
    list.split(',')
        .all(|address| request::address(address).is_some())
        .then(|| (list, head[end..].trim_start()))
}

/// The request and what follows its closing quote. A quote closes only before a status: hand-made logs don't escape.
fn split_request(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'"', bytes)
        .filter(|quote| !is_escaped(bytes, *quote))
        .find(|quote| {
            matches!(bytes.get(quote + 1..quote + 5), Some([b' ', status @ ..]) if status.iter().all(u8::is_ascii_digit))
                || bytes[quote + 1..].starts_with(b" - ")
        })
        .map(|quote| (&text[..quote], &text[quote + 1..]))
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count()
        % 2
        == 1
}

/// ` 200 157`, and what follows.
fn set_answer<'t>(event: &mut Event<'_>, text: &'t str) -> Result<&'t str, Rejection> {
    let mut words = text.trim_start().splitn(3, ' ');
    let status = words.next().unwrap_or_default();
    event.status = match present(status) {
        Some(digits) => Some(
            digits
                .parse()
                .map_err(|_| Rejection::malformed("the status is no number"))?,
        ),
        None => None,
    };
    if let Some(size) = words.next().and_then(present) {
        event.response_bytes = Some(
            size.parse()
                .map_err(|_| Rejection::malformed("the size is no number"))?,
        );
    }
    Ok(words.next().unwrap_or_default())
}

/// ` "referer" "agent" "forwarded"`, as many as there are. What else servers are told to append is passed over.
fn set_headers<'a>(event: &mut Event<'a>, text: &'a str) {
    let Some((referer, rest)) = quoted(text) else {
        return;
    };
    event.referer = header(referer);
    let Some((agent, rest)) = quoted(rest) else {
        return;
    };
    event.user_agent = header(agent);
    if let Some((forwarded, _)) = quoted(rest) {
        event.forwarded_for = header(forwarded);
    }
}

/// A header as a server quotes it.
pub(super) fn header(value: &str) -> Option<Text<'_>> {
    present(value).map(|value| match unescape(value) {
        Cow::Borrowed(text) => Text::from(text),
        Cow::Owned(text) => Text::from(text),
    })
}

/// The quoted value that comes next and what follows it. A line cut off inside a value still gives what is there.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.trim_start().strip_prefix('"')?;
    let bytes = inner.as_bytes();
    let end = memchr::memchr_iter(b'"', bytes).find(|quote| {
        !is_escaped(bytes, *quote) && matches!(bytes.get(quote + 1), None | Some(b' '))
    });
    match end {
        Some(end) => Some((&inner[..end], &inner[end + 1..])),
        None => Some((inner, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combined_line_gives_every_part() {
        let event = decode(
            r#"192.168.1.1 - ann b [24/Aug/2024:22:32:18 +0000] "GET /a?b=\x22 HTTP/2.0" 404 57 "https://x/" "Roku \"13\"" "10.0.0.1""#,
        )
        .unwrap();
        assert_eq!(event.client_address, "192.168.1.1".parse().ok());
        assert_eq!(event.subject.as_deref(), Some("ann b"));
        assert_eq!(event.query.as_deref(), Some("b=\""));
        assert_eq!((event.status, event.response_bytes), (Some(404), Some(57)));
        assert_eq!(event.referer.as_deref(), Some("https://x/"));
        assert_eq!(event.user_agent.as_deref(), Some("Roku \"13\""));
        assert_eq!(event.forwarded_for.as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn a_virtual_host_may_stand_before() {
        let event = decode(
            r#"shop.example:443 ::1 - - [24/Aug/2024:22:32:18 +0000] "GET / HTTP/1.1" 200 -"#,
        )
        .unwrap();
        assert_eq!(event.host.as_deref(), Some("shop.example:443"));
        assert_eq!(event.client_address, "::1".parse().ok());
        assert_eq!((event.subject, event.response_bytes), (None, None));
    }

    #[test]
    fn a_user_name_cannot_forge_the_time() {
        let event =
            decode(r#"1.2.3.4 - [01/Jan/2000:00:00:00 +0000] \"GET [24/Aug/2024:22:32:18 +0000] "GET / HTTP/1.1" 200 1"#)
                .unwrap();
        assert_eq!(event.time.to_string(), "2024-08-24T22:32:18.000000Z");
    }

    #[test]
    fn what_is_no_access_line_says_which_part_is_missing() {
        for (line, part) in [
            ("hello", "access log"),
            (
                r#"1.2.3.4 - - [24/Aug/2024:22:32:18 +0000] "GET / HTTP/1.1""#,
                "status",
            ),
            (
                r#"[24/Aug/2024:22:32:18 +0000] "GET / HTTP/1.1" 200 1"#,
                "before the time",
            ),
            (
                r#"1.2.3.4 - - [24/Aug/2024:22:32:18 +0000] "GET / HTTP/1.1" 200 1x"#,
                "size",
            ),
        ] {
            let detail = decode(line).unwrap_err().detail;
            assert!(detail.contains(part), "{line}: {detail}");
        }
    }
}
