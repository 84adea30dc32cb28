//! Cookies: that of the session, and what the reader chose.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::access::DEVICE_KNOWN_SECONDS;

/// The cookie of the session. `__Host-`: only ever set by this host, over TLS or from this machine, for all its paths (RFC 6265bis).
pub(super) const SESSION: &str = "__Host-gatewatch";
/// The cookie of a browser that signed in before.
pub(super) const DEVICE: &str = "__Host-gatewatch-device";
/// The reader's language.
pub(super) const LANGUAGE: &str = "language";
/// The reader's zone.
pub(super) const ZONE: &str = "zone";

/// The value of a cookie.
pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// Sets the cookie of a session; it goes with the browser.
pub(super) fn session(token: &str) -> String {
    format!("{SESSION}={token}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// Takes the cookie of a session away.
pub(super) fn no_session() -> String {
    format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Sets the cookie of a browser that signed in; it stays when the session ends.
pub(super) fn device(shown: &str) -> String {
    format!(
        "{DEVICE}={shown}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={DEVICE_KNOWN_SECONDS}"
    )
}

/// Sets what a reader chose, for a year. `value` is a word of ours.
pub(super) fn choice(name: &str, value: &'static str) -> String {
    format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "xzone=a; zone=Europe/Moscow".parse().unwrap());
        headers.append(COOKIE, "language=ru;broken".parse().unwrap());
        assert_eq!(value(&headers, ZONE), Some("Europe/Moscow"));
        assert_eq!(value(&headers, LANGUAGE), Some("ru"));
        assert_eq!(value(&headers, "broken"), None);
        assert_eq!(value(&headers, SESSION), None);
    }
}
