//! Facts of transport and token, from what the log says of them.

use crate::event::{Event, Fact};

/// Parts of suite names that are broken, or without authentication.
const BROKEN_PARTS: &[&str] = &[
    "RC4", "DES", "NULL", "EXP", "MD5", "ADH", "AECDH", "ANON", "RC2", "IDEA",
];
const DAY_MICROS: i64 = 86_400_000_000;

/// Methods of the IANA registry (RFC 9110, 16.1) and of `WebDAV`, caches and old servers, but for those that nearly every call has.
const METHODS: &[&str] = &[
    "-",
    "ACL",
    "BASELINE-CONTROL",
    "BCOPY",
    "BIND",
    "BITS_POST",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DEBUG",
    "INDEX",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "ORDERPATCH",
    "POLL",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "SEARCH",
    "SUBSCRIBE",
    "TRACE",
    "TRACK",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Sets `method.*`, `version.*`, `target.*` and `host.*`.
pub(super) fn request(event: &mut Event<'_>) {
    if event.method.as_deref().is_some_and(is_unknown_method) {
        event.facts.insert(Fact::MethodUnknown);
    }
    if event
        .http_version
        .as_deref()
        .is_some_and(is_unknown_version)
    {
        event.facts.insert(Fact::VersionUnknown);
    }
    if event.path.as_deref().is_some_and(is_absolute) {
        event.facts.insert(Fact::TargetAbsolute);
    }
    if event.host.as_deref().is_some_and(is_malformed_host) {
        event.facts.insert(Fact::HostMalformed);
    }
}

fn is_unknown_method(method: &str) -> bool {
    !matches!(
        method,
        "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS"
    ) && METHODS.binary_search(&method).is_err()
}

/// A number with a dot that no HTTP has; what is written without one (`h2`, `HTTP/2`) is left alone.
fn is_unknown_version(version: &str) -> bool {
    let number = match version.get(..5) {
        Some(name) if name.eq_ignore_ascii_case("http/") => &version[5..],
        _ => version,
    };
    number.contains('.') && !matches!(number, "0.9" | "1.0" | "1.1" | "2.0" | "3.0")
}

/// Whether a scheme stands at the beginning, such as `http://` (RFC 9112, 3.2.2).
fn is_absolute(path: &str) -> bool {
    !path.starts_with('/')
        && path.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
}

/// Empty, or with a byte that is in no name, address or port; a percent sign belongs to a zone of IPv6, not to an encoded letter.
fn is_malformed_host(host: &str) -> bool {
    let bytes = host.as_bytes();
    let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(byte);
    let is_encoded = |at: usize| {
        let is_hex = |offset| bytes.get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        is_hex(1) && is_hex(2) && bytes.get(at + 3).is_some_and(|byte| *byte != b'%')
    };
    bytes.is_empty()
        || !bytes.iter().all(is_usual)
        || memchr::memchr_iter(b'%', bytes).any(is_encoded)
}

/// Sets `tls.*`.
pub(super) fn transport(event: &mut Event<'_>) {
    if event
        .scheme
        .as_deref()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
    {
        event.facts.insert(Fact::TlsNone);
    }
    if event.tls_version.as_deref().is_some_and(is_old_version) {
        event.facts.insert(Fact::TlsOld);
    }
    if event.tls_cipher.as_deref().is_some_and(is_weak_suite) {
        event.facts.insert(Fact::TlsWeakSuite);
    }
}

/// Whether the name is of SSL (RFC 6176, RFC 7568), TLS 1.0 or TLS 1.1 (RFC 8996), in any of the spellings `TLSv1.1`, `TLSv1_1`, `TLS 1.1`, `1.1`.
fn is_old_version(version: &str) -> bool {
    let bytes = version.as_bytes();
    if bytes.len() >= 3 && bytes[..3].eq_ignore_ascii_case(b"ssl") {
        return true;
    }
    let number = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    matches!(number, "1" | "1.0" | "1_0" | "1.1" | "1_1" | "10" | "11")
}

/// Whether a suite, by its OpenSSL or IANA name, is without forward secrecy or authentication or has a broken part (RFC 9325).
/// GOST suites (RFC 9189, RFC 9367) are not weak.
fn is_weak_suite(suite: &str) -> bool {
    // Nearly every call has one of these; the look at the parts allocates.
    if matches!(
        suite,
        "TLS_AES_256_GCM_SHA384"
            | "TLS_AES_128_GCM_SHA256"
            | "TLS_CHACHA20_POLY1305_SHA256"
            | "ECDHE-RSA-AES128-GCM-SHA256"
            | "ECDHE-RSA-AES256-GCM-SHA384"
            | "ECDHE-ECDSA-AES128-GCM-SHA256"
            | "ECDHE-ECDSA-AES256-GCM-SHA384"
            | "ECDHE-RSA-CHACHA20-POLY1305"
            | "ECDHE-ECDSA-CHACHA20-POLY1305"
    ) {
        return false;
    }
    let name = suite.to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    if has("GOST") || has("KUZNYECHIK") || has("MAGMA") {
        return false;
    }
    if BROKEN_PARTS.iter().any(|part| has(part)) {
        return true;
    }
    let is_tls13 = name.starts_with("TLS_") && !has("_WITH_");
    let is_forward_secret = has("ECDHE") || has("DHE") || has("EDH");
    !is_tls13 && !is_forward_secret
}

/// Sets `token.*`.
pub(super) fn token(event: &mut Event<'_>) {
    if let Some(expires) = event.token_expires {
        if expires < event.time {
            event.facts.insert(Fact::TokenExpired);
        }
        if event
            .token_issued
            .is_some_and(|issued| expires.since(issued) > DAY_MICROS)
        {
            event.facts.insert(Fact::TokenOverlong);
        }
    }
    let outcome = event.token_outcome.as_deref();
    if outcome == Some("expired") {
        event.facts.insert(Fact::TokenExpired);
    }
    if event
        .token_algorithm
        .as_deref()
        .is_some_and(|name| name.eq_ignore_ascii_case("none"))
    {
        event.facts.insert(Fact::TokenUnsigned);
    }
    // A log without token fields does not say that there was no token.
    if outcome == Some("missing")
        && event
            .status
            .is_some_and(|status| (200..300).contains(&status))
    {
        event.facts.insert(Fact::TokenAbsent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    #[test]
    fn versions_are_told_in_every_spelling() {
        for old in [
            "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1", "TLSv1_1", "TLS 1.0", "1.1",
        ] {
            assert!(is_old_version(old), "{old}");
        }
        for new in ["TLSv1.2", "TLSv1.3", "TLSv1_3", "1.2", "", "QUIC"] {
            assert!(!is_old_version(new), "{new}");
        }
    }

    #[test]
    fn methods_and_hosts_that_are_none_are_told() {
        assert!(METHODS.is_sorted(), "they are searched by halves");
        for known in ["GET", "PATCH", "PROPFIND", "-", "VERSION-CONTROL"] {
            assert!(!is_unknown_method(known), "{known}");
        }
        for unknown in ["", "get", "GETX", "JEFF"] {
            assert!(is_unknown_method(unknown), "{unknown}");
        }
        for known in ["HTTP/1.1", "http/2.0", "3.0", "h2", "HTTP/2", "1.1"] {
            assert!(!is_unknown_version(known), "{known}");
        }
        assert!(is_unknown_version("HTTP/1.2") && is_unknown_version("9.9"));
        assert!(is_absolute("http://a.example/b") && is_absolute("FTP://a"));
        assert!(!is_absolute("/a?b=http://c") && !is_absolute("*") && !is_absolute("://a"));
        for usual in [
            "api.example.org",
            "192.0.2.17:8443",
            "[2001:db8::1]:443",
            "[fe80::1%eth0]",
            "a_b.example",
        ] {
            assert!(!is_malformed_host(usual), "{usual}");
        }
        for malformed in [
            "",
            "a@b.example",
            "a.example'\"",
            "a b",
            "%61%70i.example",
            "пример",
        ] {
            assert!(is_malformed_host(malformed), "{malformed}");
        }
    }

    #[test]
    fn weak_suites_are_told() {
        for weak in [
            "AES128-SHA",
            "ECDHE-RSA-RC4-SHA",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "ADH-AES256-SHA",
            "DES-CBC3-SHA",
        ] {
            assert!(is_weak_suite(weak), "{weak}");
        }
        for strong in [
            "ECDHE-RSA-AES128-GCM-SHA256",
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "DHE-RSA-AES256-GCM-SHA384",
            "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC",
            "GOST2012-GOST8912-GOST8912",
        ] {
            assert!(!is_weak_suite(strong), "{strong}");
        }
    }

    #[test]
    fn token_facts_need_what_they_speak_of() {
        let mut event = Event {
            time: Timestamp::from_seconds(200_000),
            token_issued: Some(Timestamp::from_seconds(0)),
            token_expires: Some(Timestamp::from_seconds(100_000)),
            token_algorithm: Some("None".into()),
            ..Event::default()
        };
        token(&mut event);
        let names: Vec<_> = event.facts.iter().map(Fact::name).collect();
        assert_eq!(names, ["token.expired", "token.unsigned", "token.overlong"]);
        let mut event = Event {
            status: Some(200),
            ..Event::default()
        };
        token(&mut event);
        assert!(event.facts.is_empty());
        event.token_outcome = Some("missing".into());
        token(&mut event);
        assert!(event.has(Fact::TokenAbsent));
    }
}
