//! Kong: what `kong.log.serialize` gives to the logging plugins (`file-log`, `http-log`, `tcp-log` and the others).
//!
//! A header that was sent twice is an array there: the first one counts. The names of Kong's route and service are left out: one of
//! them covers many operations, and rules count `route`.
//! Source: Kong's reference of the plugin development kit, `kong.log`.

use super::Entry;
use crate::decode::mapping::Conversion::{
    Address, EpochMillis, Integer, Lower, Milliseconds, Plain, RequestTarget, TlsVersion, UrlScheme,
};
use crate::event::Field;

pub(super) const ENTRIES: &[Entry] = &[
    (Field::Time, EpochMillis, &["started_at"]),
    (
        Field::RequestId,
        Plain,
        &[
            "request.id",
            "response.headers.x-kong-request-id",
            "request.headers.kong-request-id",
            "request.headers.x-request-id",
        ],
    ),
    // The path is `uri`; `url` begins with the host that Kong made out of the request.
    (Field::Uri, RequestTarget, &["request.uri", "request.url"]),
    (Field::Method, Plain, &["request.method"]),
    (Field::Scheme, UrlScheme, &["request.url"]),
    (
        Field::Host,
        Plain,
        &["request.headers.host", "request.headers.host.0"],
    ),
    (Field::Status, Integer, &["response.status"]),
    (Field::RequestBytes, Integer, &["request.size"]),
    (Field::ResponseBytes, Integer, &["response.size"]),
    (Field::DurationUs, Milliseconds, &["latencies.request"]),
    (
        Field::UpstreamDurationUs,
        Milliseconds,
        &["latencies.proxy"],
    ),
    (
        Field::IdempotencyKey,
        Plain,
        &[
            "request.headers.idempotency-key",
            "request.headers.idempotency-key.0",
        ],
    ),
    (
        Field::CacheStatus,
        Lower,
        &["response.headers.x-cache-status"],
    ),
    (Field::ClientAddress, Address, &["client_ip"]),
    (
        Field::ForwardedFor,
        Plain,
        &[
            "request.headers.x-forwarded-for",
            "request.headers.x-forwarded-for.0",
        ],
    ),
    (
        Field::UserAgent,
        Plain,
        &["request.headers.user-agent", "request.headers.user-agent.0"],
    ),
    (
        Field::Referer,
        Plain,
        &["request.headers.referer", "request.headers.referer.0"],
    ),
    (
        Field::ContentType,
        Plain,
        &[
            "request.headers.content-type",
            "request.headers.content-type.0",
        ],
    ),
    (
        Field::Cookie,
        Plain,
        &["request.headers.cookie", "request.headers.cookie.0"],
    ),
    (
        Field::ClientId,
        Plain,
        &[
            "consumer.username",
            "consumer.custom_id",
            "consumer.id",
            "authenticated_entity.consumer_id",
            "authenticated_entity.id",
        ],
    ),
    (Field::TlsVersion, TlsVersion, &["request.tls.version"]),
    (Field::TlsCipher, Plain, &["request.tls.cipher"]),
    (
        Field::UpstreamAddress,
        Plain,
        &["tries.0.ip", "service.host"],
    ),
];
