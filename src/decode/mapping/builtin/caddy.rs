//! Caddy: fields of `http.log.access` and `http.log.error`, and the message of the other loggers.
//!
//! `client_ip` is what Caddy's `trusted_proxies` make of the peer, so it goes before `remote_ip`. [`crate::decode::caddy`] finishes what
//! a table cannot say. Source: Caddy's documentation, "How logging works" and directive `log`.

use super::Entry;
use crate::decode::mapping::Conversion::{
    Address, EpochSeconds, Integer, Plain, Protocol, RequestTarget, Seconds, TlsSuite, TlsVersion,
};
use crate::event::Field;

pub(super) const ENTRIES: &[Entry] = &[
    (Field::Time, EpochSeconds, &["ts"]),
    (
        Field::RequestId,
        Plain,
        &["request.headers.X-Request-Id.0", "err_id"],
    ),
    (Field::Uri, RequestTarget, &["request.uri"]),
    (Field::Method, Plain, &["request.method"]),
    (Field::HttpVersion, Protocol, &["request.proto"]),
    (
        Field::Host,
        Plain,
        &["request.host", "request.tls.server_name"],
    ),
    (Field::Status, Integer, &["status"]),
    (Field::RequestBytes, Integer, &["bytes_read"]),
    (Field::ResponseBytes, Integer, &["size"]),
    (Field::DurationUs, Seconds, &["duration"]),
    (
        Field::IdempotencyKey,
        Plain,
        &["request.headers.Idempotency-Key.0"],
    ),
    (
        Field::ClientAddress,
        Address,
        &["request.client_ip", "request.remote_ip"],
    ),
    (
        Field::ForwardedFor,
        Plain,
        &["request.headers.X-Forwarded-For.0"],
    ),
    (Field::UserAgent, Plain, &["request.headers.User-Agent.0"]),
    (Field::Referer, Plain, &["request.headers.Referer.0"]),
    (
        Field::ContentType,
        Plain,
        &["request.headers.Content-Type.0"],
    ),
    (Field::Cookie, Plain, &["request.headers.Cookie.0"]),
    (Field::ClientId, Plain, &["request.tls.client_common_name"]),
    (Field::Subject, Plain, &["user_id"]),
    (Field::TlsVersion, TlsVersion, &["request.tls.version"]),
    (Field::TlsCipher, TlsSuite, &["request.tls.cipher_suite"]),
    (Field::Error, Plain, &["msg"]),
];
