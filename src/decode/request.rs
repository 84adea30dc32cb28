//! Parts that every format has: request line, target, address with port, escapes.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use crate::event::{Event, Target, Text};

/// Longest method that is taken for one; longer words are not HTTP.
const MAX_METHOD: usize = 24;

/// A logged value, or `None` for what servers write when there is none.
pub(super) fn present(text: &str) -> Option<&str> {
    (!matches!(text, "" | "-")).then_some(text)
}

/// Sets method, target and version from `GET /path?query HTTP/1.1`. What is no request line becomes the `uri`, so that
/// rules can look at it.
pub(super) fn set_request_line<'a>(event: &mut Event<'a>, line: Cow<'a, str>) {
    if present(&line).is_none() {
        return;
    }
    let Some(parts) = split_request_line(&line) else {
        event.uri = Some(line.into());
        return;
    };
    let (method, target, version) = (
        Text::slice(&line, parts.method),
        Text::slice(&line, parts.target),
        parts.version.map(|range| Text::slice(&line, range)),
    );
    event.method = Some(method);
    event.http_version = version;
    set_target(event, target.into_cow());
}

struct RequestLine {
    method: (usize, usize),
    target: (usize, usize),
    version: Option<(usize, usize)>,
}

fn split_request_line(line: &str) -> Option<RequestLine> {
    let method_end = line.find(' ')?;
    let method = &line[..method_end];
    if method.is_empty()
        || method.len() > MAX_METHOD
        || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    {
        return None;
    }
    let rest = &line[method_end..];
    let (target_end, version) = match rest.rfind(" HTTP/") {
        Some(at) => (method_end + at, Some((method_end + at + 6, line.len()))),
        None => (line.len(), None),
    };
    let target = line.get(method_end + 1..target_end)?;
    if target.trim().is_empty() {
        return None;
    }
    Some(RequestLine {
        method: (0, method_end),
        target: (method_end + 1, target_end),
        version,
    })
}

/// Sets `uri`, and from it path, query, and for an absolute target scheme and host.
pub(super) fn set_target<'a>(event: &mut Event<'a>, target: Cow<'a, str>) {
    // Spaces that a client sent around its target are in `uri`, not in what is compared.
    let parts = Target::split(target.trim_end());
    event.path = Some(if parts.host.is_some() && parts.path.0 == parts.path.1 {
        Text::from("/")
    } else {
        Text::slice(&target, parts.path)
    });
    event.query = parts.query.map(|range| Text::slice(&target, range));
    if let Some(range) = parts.scheme {
        event.scheme.get_or_insert(Text::slice(&target, range));
    }
    if let Some(range) = parts.host {
        event.host.get_or_insert(Text::slice(&target, range));
    }
    event.uri = Some(target.into());
}

/// `10.0.0.1`, `10.0.0.1:443`, `[::1]`, `[::1]:443` or `::1`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The address out of `10.0.0.1:443` or `2001:db8::1:443`: where a port always stands behind the last colon and IPv6 has no brackets
/// (HAProxy, AWS).
pub(super) fn peer(text: &str) -> Option<IpAddr> {
    let (host, _port) = text.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

/// Resolves the escapes of access logs: `\"`, `\\`, `\n`, `\t`, `\xHH` (Apache, NGINX). Text whose bytes would not be
/// UTF-8 stays as it is logged.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, used) = match &bytes[at..] {
            [b'\\', b'x' | b'X', high, low, ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 4),
                _ => (b'\\', 1),
            },
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', quoted @ (b'"' | b'\\'), ..] => (*quoted, 2),
            [other, ..] => (*other, 1),
            [] => break,
        };
        plain.push(byte);
        at += used;
    }
    String::from_utf8(plain).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The value of a hexadecimal digit.
pub(super) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Event<'_> {
        let mut event = Event::default();
        set_request_line(&mut event, Cow::Borrowed(line));
        event
    }

    #[test]
    fn a_request_line_gives_method_path_query_and_version() {
        let event = request("GET /a/b?c=d?e HTTP/1.1");
        assert_eq!(event.method.as_deref(), Some("GET"));
        assert_eq!(event.path.as_deref(), Some("/a/b"));
        assert_eq!(event.query.as_deref(), Some("c=d?e"));
        assert_eq!(event.http_version.as_deref(), Some("1.1"));
    }

    #[test]
    fn an_absolute_target_gives_scheme_and_host() {
        let event = request("POST https://example.com:8443?x=1 HTTP/2.0");
        assert_eq!(event.scheme.as_deref(), Some("https"));
        assert_eq!(event.host.as_deref(), Some("example.com:8443"));
        assert_eq!(event.path.as_deref(), Some("/"));
        assert_eq!(event.query.as_deref(), Some("x=1"));
        let event = request("GET /go?to=http://example.com/ HTTP/1.1");
        assert_eq!(event.host, None);
    }

    #[test]
    fn noise_is_kept_as_the_uri() {
        let event = request("\u{16}\u{3}\u{1}");
        assert_eq!(event.method, None);
        assert_eq!(event.uri.as_deref(), Some("\u{16}\u{3}\u{1}"));
        assert_eq!(request("-").uri, None);
    }

    #[test]
    fn addresses_lose_their_port() {
        for (text, want) in [
            ("10.0.0.12:59292", "10.0.0.12"),
            ("[fd00::5a24]:43000", "fd00::5a24"),
            ("[fd00::5a24]", "fd00::5a24"),
            ("::1", "::1"),
        ] {
            assert_eq!(address(text), want.parse().ok(), "{text}");
        }
        assert_eq!(address("unix:"), None);
        for (text, want) in [
            ("10.0.0.12:59292", "10.0.0.12"),
            ("2001:db8::1:4430", "2001:db8::1"),
            ("[fd00::5a24]:43000", "fd00::5a24"),
        ] {
            assert_eq!(peer(text), want.parse().ok(), "{text}");
        }
        assert_eq!((peer("unix:1"), peer("-")), (None, None));
    }

    #[test]
    fn escapes_are_resolved_unless_the_result_is_no_text() {
        assert_eq!(unescape(r#"a\"b\x20c\\"#), "a\"b c\\");
        assert_eq!(unescape(r"\x16\xFF"), r"\x16\xFF");
        assert_eq!(unescape(r"\xD0\x96"), "Ж");
    }
}
