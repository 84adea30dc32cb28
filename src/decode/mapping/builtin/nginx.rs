//! NGINX: keys are variables of `ngx_http_core_module`, `ngx_http_ssl_module` and `ngx_http_upstream_module`.

use super::Entry;
use crate::decode::mapping::Conversion::{
    Address, Clf, EpochSeconds, Integer, Lower, Plain, Protocol, RequestLine, RequestTarget,
    Rfc3339, Seconds,
};
use crate::event::Field;

pub(super) const ENTRIES: &[Entry] = &[
    (Field::Time, EpochSeconds, &["msec"]),
    (
        Field::Time,
        Rfc3339,
        &["time_iso8601", "@timestamp", "timestamp", "time"],
    ),
    (Field::Time, Clf, &["time_local"]),
    (Field::Gateway, Plain, &["hostname"]),
    (
        Field::RequestId,
        Plain,
        &["request_id", "http_x_request_id"],
    ),
    (Field::Uri, RequestTarget, &["request_uri"]),
    (Field::Uri, RequestLine, &["request"]),
    (Field::Method, Plain, &["request_method"]),
    (Field::Scheme, Lower, &["scheme"]),
    (Field::HttpVersion, Protocol, &["server_protocol"]),
    (Field::Host, Plain, &["http_host", "host", "server_name"]),
    (Field::Path, Plain, &["uri"]),
    (Field::Query, Plain, &["args", "query_string"]),
    (Field::Status, Integer, &["status"]),
    (Field::RequestBytes, Integer, &["request_length"]),
    (
        Field::ResponseBytes,
        Integer,
        &["body_bytes_sent", "bytes_sent"],
    ),
    (Field::DurationUs, Seconds, &["request_time"]),
    (
        Field::UpstreamDurationUs,
        Seconds,
        &["upstream_response_time"],
    ),
    (Field::CacheStatus, Lower, &["upstream_cache_status"]),
    (Field::ClientAddress, Address, &["remote_addr"]),
    (Field::ForwardedFor, Plain, &["http_x_forwarded_for"]),
    (
        Field::Country,
        Plain,
        &["geoip2_data_country_code", "geoip_country_code"],
    ),
    (Field::UserAgent, Plain, &["http_user_agent", "user_agent"]),
    (
        Field::Referer,
        Plain,
        &["http_referer", "http_referrer", "referer"],
    ),
    (
        Field::ContentType,
        Plain,
        &["content_type", "http_content_type"],
    ),
    (Field::Cookie, Plain, &["http_cookie"]),
    (Field::ClientId, Plain, &["client_id", "ssl_client_s_dn"]),
    (Field::TlsVersion, Plain, &["ssl_protocol"]),
    (Field::TlsCipher, Plain, &["ssl_cipher"]),
    (Field::Subject, Plain, &["remote_user"]),
    (Field::UpstreamAddress, Plain, &["upstream_addr"]),
    (Field::IdempotencyKey, Plain, &["http_idempotency_key"]),
];
