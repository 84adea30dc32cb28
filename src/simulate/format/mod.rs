//! Records as other gateways write them.
//!
//! One native record becomes what another gateway logs of the same exchange, so that every decoder can be tried with the traffic of the
//! simulator. What a format has no place for is lost; `docs/formats.md` tells the places. Values of callers are escaped as the gateway
//! escapes them and come back the same. Where a gateway escapes nothing, enough is escaped here that no value leaves its field.

mod json;
mod text;

use std::net::SocketAddr;

use super::line::time_into;
use crate::config::Format;
use crate::event::{Event, Timestamp};

/// Formats that a record can be written in.
pub const WRITABLE: &[Format] = &[
    Format::Native,
    Format::NginxCombined,
    Format::NginxJson,
    Format::Apache,
    Format::EnvoyJson,
    Format::EnvoyText,
    Format::Kong,
    Format::TraefikJson,
    Format::TraefikClf,
    Format::Caddy,
    Format::Haproxy,
    Format::AwsAlb,
    Format::Iis,
];

/// Before it no gateway logged anything, and calendars have no digits for its years.
const EPOCH: Timestamp = Timestamp::from_seconds(0);

/// Lowest port of those that callers call from (RFC 6335, section 6).
const FIRST_PORT: u16 = 49_152;

/// Appends a native record in another format, without a newline. What is no event or tells of no request (records that are broken on
/// purpose) is passed on as it is, and so is every record when the format is none of [`WRITABLE`].
pub fn write(format: Format, record: &[u8], into: &mut Vec<u8>) {
    match written(format, record) {
        Some(line) => into.extend_from_slice(line.as_bytes()),
        None => into.extend_from_slice(record),
    }
}

/// The record in the format; `None` when it stays as it is.
fn written(format: Format, record: &[u8]) -> Option<String> {
    let write = match format {
        Format::NginxCombined => text::nginx_combined,
        Format::NginxJson => json::nginx,
        Format::Apache => text::apache,
        Format::EnvoyJson => json::envoy,
        Format::EnvoyText => text::envoy,
        Format::Kong => json::kong,
        Format::TraefikJson => json::traefik,
        Format::TraefikClf => text::traefik,
        Format::Caddy => json::caddy,
        Format::Haproxy => text::haproxy,
        Format::AwsAlb => text::aws_alb,
        Format::Iis => text::iis,
        Format::Native | Format::Auto | Format::Mapping => return None,
    };
    let event: Event = serde_json::from_slice(record).ok()?;
    let is_request = event.method.is_some() || event.path.is_some() || event.uri.is_some();
    (is_request && event.time >= EPOCH).then(|| write(&event))
}

/// Whether the call came over TLS: unless the record says that it did not.
fn is_tls(event: &Event<'_>) -> bool {
    event.scheme.as_deref() != Some("http")
}

fn scheme(event: &Event<'_>) -> &'static str {
    if is_tls(event) { "https" } else { "http" }
}

/// The port that was called.
fn port(event: &Event<'_>) -> u16 {
    if is_tls(event) { 443 } else { 80 }
}

/// `HTTP/1.1`, also when the record has no version.
fn protocol(event: &Event<'_>) -> String {
    format!("HTTP/{}", event.http_version.as_deref().unwrap_or("1.1"))
}

/// Path and query as sent; without a path the target as it was logged, or nothing.
fn target(event: &Event<'_>) -> String {
    match (&event.path, &event.query) {
        (Some(path), Some(query)) => format!("{path}?{query}"),
        (Some(path), None) => path.to_string(),
        (None, _) => event.uri.as_deref().unwrap_or_default().to_owned(),
    }
}

/// Who logged in. A gateway that knows only its clients has their names there.
fn user<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    event.subject.as_deref().or(event.client_id.as_deref())
}

/// The host, when it is a name or an address: servers refuse requests with any other, or log their own name.
fn host<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let host = event.host.as_deref()?;
    (!host.is_empty() && host.bytes().all(is_plain)).then_some(host)
}

/// The peer with a port, which a native record does not have: one that the time makes.
fn peer(event: &Event<'_>) -> Option<SocketAddr> {
    let above = event.time.micros() % i64::from(u16::MAX - FIRST_PORT);
    let port = FIRST_PORT + u16::try_from(above).unwrap_or(0);
    event
        .client_address
        .map(|address| SocketAddr::new(address, port))
}

/// Retries, where a gateway counts those and not the attempts.
fn retries(event: &Event<'_>) -> u64 {
    event.attempt.map_or(0, |attempt| attempt.saturating_sub(1))
}

fn millis(micros: Option<u64>) -> Option<u64> {
    micros.map(|micros| micros / 1_000)
}

/// `0.004`: seconds with milliseconds.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// How Envoy marks an exchange that failed (`%RESPONSE_FLAGS%`): a timeout, or a connection that ended.
fn envoy_flags(event: &Event<'_>) -> &'static str {
    match event.error.as_deref() {
        None => "-",
        Some(_) if is_timeout(event) => "UT",
        Some(_) => "UC",
    }
}

fn is_timeout(event: &Event<'_>) -> bool {
    event
        .error
        .as_deref()
        .is_some_and(|error| error.contains("timed out"))
}

/// `2026-03-01T10:00:00.250Z`.
fn rfc3339(time: Timestamp) -> String {
    let mut text = Vec::new();
    time_into(&mut text, time);
    String::from_utf8(text).expect("digits and separators are ASCII")
}

/// `2026-03-01T10:00:00.250000Z`.
fn rfc3339_micros(time: Timestamp) -> String {
    let micros = time.micros().rem_euclid(1_000_000);
    format!("{}.{micros:06}Z", &rfc3339(time)[..19])
}
