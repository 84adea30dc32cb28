//! Traefik: fields of its access log, and request headers where the configuration keeps them (`request_User-Agent`).
//!
//! [`crate::decode::traefik`] finishes what a table cannot say. The names of router and service are left out: one of them covers many
//! operations, and rules count `route`.
//! Source: Traefik's documentation, "Access logs", available fields.

use super::Entry;
use crate::decode::mapping::Conversion::{
    Address, Integer, Lower, Nanoseconds, Plain, Protocol, RequestTarget, Rfc3339, TlsSuite,
    TlsVersion,
};
use crate::event::Field;

pub(super) const ENTRIES: &[Entry] = &[
    (Field::Time, Rfc3339, &["StartUTC", "StartLocal", "time"]),
    (
        Field::RequestId,
        Plain,
        &["request_X-Request-Id", "TraceId"],
    ),
    (Field::Uri, RequestTarget, &["RequestPath"]),
    (Field::Method, Plain, &["RequestMethod"]),
    (Field::Scheme, Lower, &["RequestScheme"]),
    (Field::HttpVersion, Protocol, &["RequestProtocol"]),
    (Field::Host, Plain, &["RequestHost", "RequestAddr"]),
    (Field::Status, Integer, &["DownstreamStatus"]),
    (Field::RequestBytes, Integer, &["RequestContentSize"]),
    (Field::ResponseBytes, Integer, &["DownstreamContentSize"]),
    (Field::DurationUs, Nanoseconds, &["Duration"]),
    (Field::UpstreamDurationUs, Nanoseconds, &["OriginDuration"]),
    (Field::Attempt, Integer, &["RetryAttempts"]),
    (Field::IdempotencyKey, Plain, &["request_Idempotency-Key"]),
    (Field::ClientAddress, Address, &["ClientAddr"]),
    (
        Field::ForwardedFor,
        Plain,
        &["request_X-Forwarded-For", "ClientHost"],
    ),
    (Field::UserAgent, Plain, &["request_User-Agent"]),
    (Field::Referer, Plain, &["request_Referer"]),
    (Field::ContentType, Plain, &["request_Content-Type"]),
    (Field::Cookie, Plain, &["request_Cookie"]),
    (Field::ClientId, Plain, &["TLSClientSubject"]),
    (Field::Subject, Plain, &["ClientUsername"]),
    (Field::TlsVersion, TlsVersion, &["TLSVersion"]),
    (Field::TlsCipher, TlsSuite, &["TLSCipher"]),
    (Field::UpstreamAddress, Plain, &["ServiceAddr"]),
];
