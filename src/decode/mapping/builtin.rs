//! The mappings that are built in: NGINX's JSON (keys are NGINX variables) and Envoy's (keys of its examples).

use super::convert::Conversion::{
    self, Address, Clf, EpochSeconds, Integer, Lower, Milliseconds, Plain, Protocol, RequestLine,
    RequestTarget, Rfc3339, Seconds,
};
use super::{Mapping, Node, Target};
use crate::event::Field;

/// A field, what is done to its value, and the keys that it may stand under, best first.
type Entry = (Field, Conversion, &'static [&'static str]);

/// Variables of `ngx_http_core_module`, `ngx_http_ssl_module` and `ngx_http_upstream_module`.
const NGINX: &[Entry] = &[
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

/// Keys of the JSON access log in Envoy's documentation and in Envoy Gateway's default.
const ENVOY: &[Entry] = &[
    (Field::Time, Rfc3339, &["start_time", "timestamp"]),
    (
        Field::RequestId,
        Plain,
        &["x-request-id", "x_request_id", "request_id"],
    ),
    (
        Field::Uri,
        RequestTarget,
        &["x-envoy-origin-path", "x-envoy-original-path", "path"],
    ),
    (Field::Method, Plain, &["method"]),
    (Field::HttpVersion, Protocol, &["protocol"]),
    (
        Field::Host,
        Plain,
        &[":authority", "authority", "requested_server_name"],
    ),
    (Field::Status, Integer, &["response_code"]),
    (Field::RequestBytes, Integer, &["bytes_received"]),
    (Field::ResponseBytes, Integer, &["bytes_sent"]),
    (Field::DurationUs, Milliseconds, &["duration"]),
    (
        Field::UpstreamDurationUs,
        Milliseconds,
        &["x-envoy-upstream-service-time", "upstream_service_time"],
    ),
    (
        Field::ClientAddress,
        Address,
        &[
            "downstream_remote_address",
            "downstream_direct_remote_address",
        ],
    ),
    (
        Field::ForwardedFor,
        Plain,
        &["x-forwarded-for", "x_forwarded_for"],
    ),
    (Field::UserAgent, Plain, &["user-agent", "user_agent"]),
    (Field::Referer, Plain, &["referer"]),
    (Field::TlsVersion, Plain, &["downstream_tls_version"]),
    (Field::TlsCipher, Plain, &["downstream_tls_cipher"]),
    (Field::ClientId, Plain, &["downstream_peer_subject"]),
    (Field::UpstreamAddress, Plain, &["upstream_host"]),
    (Field::Attempt, Integer, &["upstream_request_attempt_count"]),
    (
        Field::Error,
        Plain,
        &[
            "upstream_transport_failure_reason",
            "response_flags",
            "connection_termination_details",
        ],
    ),
];

/// NGINX's JSON.
pub(in crate::decode) fn nginx_json() -> Mapping {
    build(NGINX)
}

/// Envoy's JSON.
pub(in crate::decode) fn envoy_json() -> Mapping {
    build(ENVOY)
}

fn build(entries: &[Entry]) -> Mapping {
    let mut root = Node::default();
    let mut time_places = Vec::new();
    let mut ranks = [0_u8; Field::ALL.len()];
    for (field, conversion, keys) in entries {
        for key in *keys {
            let rank = ranks[*field as usize];
            ranks[*field as usize] += 1;
            root.insert(
                &[(*key).to_owned()],
                Target {
                    field: *field,
                    conversion: *conversion,
                    rank,
                },
            );
            if *field == Field::Time {
                time_places.push(format!("`{key}`"));
            }
        }
    }
    Mapping {
        root,
        time_places: time_places.join(", "),
        // The fingerprint has the name of the format and the version of decode.
        source: Vec::new(),
    }
}
