//! Envoy: keys of the JSON access log in its documentation and in Envoy Gateway's default.

use super::Entry;
use crate::decode::mapping::Conversion::{
    Address, Integer, Milliseconds, Plain, Protocol, RequestTarget, Rfc3339,
};
use crate::event::Field;

pub(super) const ENTRIES: &[Entry] = &[
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
