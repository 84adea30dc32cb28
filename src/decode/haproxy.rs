//! HAProxy: `option httplog` and `option httpslog`, and the line about a connection that came to no request.
//!
//! ```text
//! address:port [14/Jan/2015:12:48:57.127] frontend~ backend/server TR/Tw/Tc/Tr/Ta status bytes cookie cookie termination
//!   actconn/feconn/beconn/srv_conn/retries srv_queue/backend_queue[ {headers}][ {headers}] "GET /a HTTP/1.1"[ errors sni/version/cipher]
//! address:port [14/Jan/2015:12:48:57.127] frontend/bind: SSL handshake failure
//! ```
//! One line. The date has no zone and is taken for UTC. In the request bytes that are not printable, quotes and `#` are `#XX`, but
//! cookies stand as they were sent: so the request is looked for from the end, and columns behind the cookies from the right.
//! Source: HAProxy Configuration Manual, sections 8.2.3, 8.2.4, 8.2.5, 8.4, 8.5 and 8.6.

use std::borrow::Cow;

use super::number::{column, duration};
use super::rejection::Rejection;
use super::request::{self, hex, present};
use super::times;
use crate::event::{Event, Text};

/// Longest message kept in `error`, in bytes.
const MAX_MESSAGE: usize = 1_024;

/// Decodes one line.
///
/// # Errors
/// `malformed`, naming the part that is not there.
pub(super) fn decode(line: &str) -> Result<Event<'_>, Rejection> {
    let (peer, rest) = line
        .split_once(" [")
        .ok_or_else(|| Rejection::malformed("no `address:port [date]` of HAProxy"))?;
    let (stamp, rest) = rest
        .split_once("] ")
        .ok_or_else(|| Rejection::malformed("no `] ` behind the date"))?;
    let mut event = Event {
        time: times::haproxy(stamp.as_bytes())
            .ok_or_else(|| Rejection::malformed("no `day/month/year:time` with milliseconds"))?,
        client_address: request::peer(peer),
        ..Event::default()
    };
    let (frontend, rest) = word(rest);
    if frontend.contains('/') && frontend.ends_with(':') {
        event.error = present(&rest[..rest.floor_char_boundary(MAX_MESSAGE)]).map(Text::from);
        return Ok(event);
    }
    let is_tls = frontend.ends_with('~');
    event.scheme = Some(Text::from(if is_tls { "https" } else { "http" }));
    let rest = set_numbers(&mut event, rest)?;
    let (columns, request) = rest
        .rsplit_once(" \"")
        .ok_or_else(|| Rejection::malformed("no request behind the columns"))?;
    set_columns(&mut event, columns);
    // A line that was cut off inside the request has no closing quote.
    let (request, tls) = request.split_once('"').unwrap_or((request, ""));
    request::set_request_line(&mut event, unescape(request));
    set_tls(&mut event, tls);
    Ok(event)
}

/// `backend/server TR/Tw/Tc/Tr/Ta status bytes `, and what follows.
fn set_numbers<'a>(event: &mut Event<'a>, text: &'a str) -> Result<&'a str, Rejection> {
    let (server, rest) = word(text);
    if !server.ends_with("/<NOSRV>") {
        event.upstream_address = present(server).map(Text::from);
    }
    let (timers, rest) = word(rest);
    let mut timers = timers.split('/').map(without_plus);
    let [Some(_), Some(_), Some(_), Some(response), Some(active)] =
        std::array::from_fn(|_| timers.next())
    else {
        return Err(Rejection::malformed(
            "not the five timers of `option httplog`",
        ));
    };
    event.upstream_duration_us = duration(response, 3, "Tr")?;
    event.duration_us = duration(active, 3, "Ta")?;
    let (status, rest) = word(rest);
    if status != "-1" {
        event.status = column(status, "the status")?;
    }
    let (bytes, rest) = word(rest);
    event.response_bytes = column(without_plus(bytes), "the number of bytes")?;
    Ok(rest)
}

/// `cookie cookie termination conns queues[ {headers}]`: whatever of it has its form.
fn set_columns<'a>(event: &mut Event<'a>, text: &'a str) {
    let columns = text.find(" {").map_or(text, |at| &text[..at]);
    let mut words = columns.rsplitn(4, ' ');
    let (Some(_queues), Some(connections), Some(state), cookies) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return;
    };
    event.attempt = connections
        .rsplit('/')
        .next()
        .and_then(|retries| without_plus(retries).parse::<u64>().ok())
        .map(|retries| retries.saturating_add(1));
    // The first two say who ended the session and when; the others are about cookies.
    if state.len() == 4 && !state.starts_with("--") {
        event.error = Some(Text::from(state));
    }
    event.cookie = cookies
        .and_then(|cookies| cookies.rsplit_once(' '))
        .and_then(|(sent, _set)| present(sent))
        .map(Text::from);
}

/// `errors sni/version/cipher` of `option httpslog`.
fn set_tls<'a>(event: &mut Event<'a>, text: &'a str) {
    let mut parts = text.rsplitn(3, '/');
    let (Some(cipher), Some(version), Some(before)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    event.tls_cipher = present(cipher).map(Text::from);
    event.tls_version = present(version).map(Text::from);
    let name = before.rsplit(' ').next().and_then(present);
    if let (None, Some(name)) = (&event.host, name) {
        event.host = Some(Text::from(name));
    }
}

/// `option logasap` puts a plus before what is not yet final, and a redispatch before the retries.
fn without_plus(text: &str) -> &str {
    text.strip_prefix('+').unwrap_or(text)
}

/// Resolves `#XX`. Text whose bytes would not be UTF-8 stays as it is logged.
fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'#', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'#', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            plain.push(high << 4 | low);
            rest = &rest[3..];
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    String::from_utf8(plain).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The next word and what follows its space.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    const LINE: &str = r#"10.0.1.2:33317 [06/Feb/2026:12:14:14.655] web~ api/node1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {agent x} {} "GET /a?b=#22c#23 HTTP/1.1""#;

    #[test]
    fn a_line_gives_every_part() {
        let event = decode(LINE).unwrap();
        assert_eq!(event.client_address, "10.0.1.2".parse().ok());
        assert_eq!(
            Some(event.time),
            Timestamp::parse_rfc3339("2026-02-06T12:14:14.655Z")
        );
        assert_eq!(event.scheme.as_deref(), Some("https"));
        assert_eq!(event.upstream_address.as_deref(), Some("api/node1"));
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (Some(109_000), Some(69_000))
        );
        assert_eq!(
            (event.status, event.response_bytes),
            (Some(200), Some(2750))
        );
        assert_eq!((event.attempt, event.error), (Some(1), None));
        assert_eq!(event.query.as_deref(), Some("b=\"c#"));
    }

    #[test]
    fn a_session_that_broke_off_says_how() {
        let event = decode(
            r#"2001:db8::1:4430 [06/Feb/2026:12:14:14.655] web api/<NOSRV> -1/-1/-1/-1/+8490 -1 +0 sid=1 - CR-- 2/2/2/0/+3 0/0 "<BADREQ>""#,
        )
        .unwrap();
        assert_eq!(event.client_address, "2001:db8::1".parse().ok());
        assert_eq!(event.error.as_deref(), Some("CR--"));
        assert_eq!((event.status, event.upstream_duration_us), (None, None));
        assert_eq!(event.duration_us, Some(8_490_000));
        assert_eq!(
            (event.attempt, event.cookie.as_deref()),
            (Some(4), Some("sid=1"))
        );
        assert_eq!((event.upstream_address, event.method), (None, None));
    }

    #[test]
    fn the_columns_of_tls_are_read() {
        let line = format!("{LINE} 0/0/0/0/0 api.example/TLSv1.3/TLS_AES_256_GCM_SHA384");
        let event = decode(&line).unwrap();
        assert_eq!(event.host.as_deref(), Some("api.example"));
        assert_eq!(event.tls_version.as_deref(), Some("TLSv1.3"));
        assert_eq!(event.tls_cipher.as_deref(), Some("TLS_AES_256_GCM_SHA384"));
    }

    #[test]
    fn a_cookie_forges_no_request_and_no_state() {
        let line = LINE.replace(
            "2750 - -",
            r#"2750 sid=a SD-- 9/9/9/9/9 0/0 "GET /fake HTTP/1.1" -"#,
        );
        let event = decode(&line).unwrap();
        assert_eq!(event.path.as_deref(), Some("/a"));
        assert_eq!((event.error, event.attempt), (None, Some(1)));
    }

    #[test]
    fn a_failed_handshake_is_an_event_with_its_message() {
        let event = decode(
            "10.0.1.2:1 [28/Feb/2026:02:43:10.123] web/tls: SSL handshake failure (no shared cipher)",
        )
        .unwrap();
        assert_eq!(
            event.error.as_deref(),
            Some("SSL handshake failure (no shared cipher)")
        );
        assert_eq!(event.client_address, "10.0.1.2".parse().ok());
    }

    #[test]
    fn what_is_no_line_says_which_part_is_missing() {
        for (line, part) in [
            ("hello", "address:port"),
            ("10.0.1.2:1 [06/Feb/2026", "behind the date"),
            ("10.0.1.2:1 [06/Feb/2026:12:14:14] web", "milliseconds"),
            (
                "10.0.1.2:1 [06/Feb/2026:12:14:14.655] web api/n 0/0/5 20 -- 1/1/1/1/0 0/0",
                "five timers",
            ),
            (&LINE.replace(" 200 ", " 2x0 "), "status"),
            (&LINE.replace("/109", "/1o9"), "Ta"),
            (&LINE.replace('"', ""), "no request"),
        ] {
            let detail = decode(line).unwrap_err().detail;
            assert!(detail.contains(part), "{line}: {detail}");
        }
    }
}
