//! Formats that are JSON: NGINX `escape=json`, Envoy `json_format`, Kong, Traefik, Caddy.

use serde_json::{Map, Value, json};

use super::{
    envoy_flags, host, is_tls, millis, peer, port, protocol, retries, rfc3339, rfc3339_micros,
    scheme, seconds, target,
};
use crate::event::Event;

/// Numbers of the suites that Go's `crypto/tls` and the simulator have in common, by their names in OpenSSL (IANA TLS registry).
const SUITES: [(&str, u16); 11] = [
    ("TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c),
    ("ECDHE-RSA-AES128-GCM-SHA256", 0xc02f),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xc030),
    ("ECDHE-RSA-AES128-SHA", 0xc013),
    ("ECDHE-RSA-AES256-SHA", 0xc014),
    ("AES128-SHA", 0x002f),
    ("RC4-SHA", 0x0005),
];

/// NGINX with the `log_format` of `docs/formats.md` and the other variables that are read: all of it text, empty where there is no value.
pub(super) fn nginx(event: &Event<'_>) -> String {
    let text = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
    let duration = |micros| millis(micros).map(seconds).unwrap_or_default();
    let cache = event.cache_status.as_deref().unwrap_or_default();
    let mut record = json!({
        "msec": seconds(event.time.micros().unsigned_abs() / 1_000),
        "hostname": event.gateway,
        "request_id": event.request_id,
        "remote_addr": event.client_address,
        "remote_user": event.subject,
        "request_method": event.method,
        "request_uri": target(event),
        "server_protocol": protocol(event),
        "scheme": event.scheme,
        "http_host": event.host,
        "status": text(event.status),
        "request_length": text(event.request_bytes),
        "body_bytes_sent": text(event.response_bytes),
        "request_time": duration(event.duration_us),
        "upstream_response_time": duration(event.upstream_duration_us),
        "upstream_addr": event.upstream_address,
        "upstream_cache_status": cache.to_ascii_uppercase(),
        "http_x_forwarded_for": event.forwarded_for,
        "http_user_agent": event.user_agent,
        "http_referer": event.referer,
        "http_cookie": event.cookie,
        "http_idempotency_key": event.idempotency_key,
        "content_type": event.content_type,
        "geoip2_data_country_code": event.country,
        "client_id": event.client_id,
        "ssl_protocol": event.tls_version,
        "ssl_cipher": event.tls_cipher,
    });
    for value in record.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if value.is_null() {
            *value = Value::from("");
        }
    }
    record.to_string()
}

/// Envoy, `null` where there is no value.
pub(super) fn envoy(event: &Event<'_>) -> String {
    json!({
        "start_time": rfc3339(event.time),
        "method": event.method,
        "x-envoy-origin-path": target(event),
        "protocol": protocol(event),
        "response_code": event.status,
        "response_flags": envoy_flags(event),
        "bytes_received": event.request_bytes,
        "bytes_sent": event.response_bytes,
        "duration": millis(event.duration_us),
        "x-envoy-upstream-service-time": millis(event.upstream_duration_us).map(|millis| millis.to_string()),
        "downstream_remote_address": peer(event),
        "x-forwarded-for": event.forwarded_for,
        "user-agent": event.user_agent,
        "referer": event.referer,
        "x-request-id": event.request_id,
        ":authority": event.host,
        "upstream_host": event.upstream_address,
        "downstream_tls_version": event.tls_version,
        "downstream_tls_cipher": event.tls_cipher,
        "downstream_peer_subject": event.client_id,
        "upstream_request_attempt_count": event.attempt.unwrap_or(1),
        "upstream_transport_failure_reason": event.error,
    })
    .to_string()
}

/// Kong's logging plugins.
pub(super) fn kong(event: &Event<'_>) -> String {
    let mut headers = Map::new();
    for (name, value) in sent_headers(event) {
        headers.insert(name.to_ascii_lowercase(), value.into());
    }
    headers.insert("host".to_owned(), json!(event.host));
    let target = target(event);
    let name = host(event).unwrap_or("localhost");
    let url = format!("{}://{name}:{}{target}", scheme(event), port(event));
    let duration = millis(event.duration_us).unwrap_or(0);
    let proxy = millis(event.upstream_duration_us);
    written(json!({
        "started_at": event.time.micros() / 1_000,
        "client_ip": event.client_address,
        "request": {
            "id": event.request_id,
            "method": event.method,
            "uri": target,
            "url": url,
            "size": event.request_bytes,
            "headers": headers,
            "tls": {"version": event.tls_version, "cipher": event.tls_cipher},
        },
        "response": {
            "status": event.status,
            "size": event.response_bytes,
            "headers": {"x-cache-status": event.cache_status},
        },
        "latencies": {
            "request": millis(event.duration_us),
            "kong": duration.saturating_sub(proxy.unwrap_or(0)),
            // No upstream was asked.
            "proxy": proxy.map_or(json!(-1), Value::from),
        },
        "consumer": {"username": event.client_id},
        "tries": tries(event),
    }))
}

/// The upstream that Kong asked, address and port apart.
fn tries(event: &Event<'_>) -> Vec<Value> {
    let Some(upstream) = event.upstream_address.as_deref() else {
        return Vec::new();
    };
    let with_port = upstream
        .rsplit_once(':')
        .and_then(|(address, port)| Some((address, port.parse::<u16>().ok()?)));
    let (address, port) = match with_port {
        Some((address, port)) => (address.trim_matches(['[', ']']), Some(port)),
        None => (upstream, None),
    };
    vec![json!({"ip": address, "port": port})]
}

/// Traefik, with the headers kept that rules look at.
pub(super) fn traefik(event: &Event<'_>) -> String {
    let nanos = |micros: Option<u64>| micros.map(|micros| micros.saturating_mul(1_000));
    let tls_version = event.tls_version.as_deref().map(|version| match version {
        "TLSv1" => "1.0",
        other => other.strip_prefix("TLSv").unwrap_or(other),
    });
    let mut record = json!({
        "ClientAddr": peer(event),
        "ClientHost": event.client_address,
        "ClientUsername": event.subject.as_deref().unwrap_or("-"),
        "DownstreamContentSize": event.response_bytes,
        "DownstreamStatus": event.status,
        "Duration": nanos(event.duration_us),
        "OriginDuration": nanos(event.upstream_duration_us),
        "RequestContentSize": event.request_bytes,
        "RequestCount": event.sequence,
        "RequestHost": event.host,
        "RequestMethod": event.method,
        "RequestPath": target(event),
        "RequestProtocol": protocol(event),
        "RequestScheme": event.scheme,
        "RetryAttempts": retries(event),
        "RouterName": "api@docker",
        "ServiceAddr": event.upstream_address,
        "StartUTC": rfc3339_micros(event.time),
        "TLSCipher": event.tls_cipher,
        "TLSClientSubject": event.client_id,
        "TLSVersion": tls_version,
        "level": "info",
        "msg": "",
        "time": rfc3339(event.time),
    });
    for (name, value) in sent_headers(event) {
        record[format!("request_{name}")] = value.into();
    }
    written(record)
}

/// Caddy's access log; what failed is a line of its log of errors, which says of the request the same.
pub(super) fn caddy(event: &Event<'_>) -> String {
    let headers: Map<String, Value> = sent_headers(event)
        .map(|(name, value)| (name.to_owned(), json!([value])))
        .collect();
    let peer = peer(event);
    let micros = |micros: u64| micros as f64 / 1e6;
    let logger = match event.error {
        Some(_) => "http.log.error.log0",
        None => "http.log.access.log0",
    };
    written(json!({
        "level": if event.error.is_some() { "error" } else { "info" },
        "ts": micros(event.time.micros().unsigned_abs()),
        "logger": logger,
        "msg": event.error.as_deref().unwrap_or("handled request"),
        "request": {
            "remote_ip": event.client_address,
            "remote_port": peer.map(|peer| peer.port().to_string()),
            "client_ip": event.client_address,
            "proto": protocol(event),
            "method": event.method,
            "host": event.host,
            "uri": target(event),
            "headers": headers,
            "tls": caddy_tls(event),
        },
        "bytes_read": event.request_bytes,
        "user_id": event.subject.as_deref().unwrap_or_default(),
        "duration": event.duration_us.map(micros),
        "size": event.response_bytes,
        "status": event.status,
        "resp_headers": {"Server": ["Caddy"]},
    }))
}

/// What Caddy says of TLS, versions and suites as numbers; `null` for a plain connection.
fn caddy_tls(event: &Event<'_>) -> Value {
    if !is_tls(event) {
        return Value::Null;
    }
    let version = event.tls_version.as_deref().map(|name| match name {
        "SSLv3" => json!(0x0300),
        "TLSv1" => json!(0x0301),
        "TLSv1.1" => json!(0x0302),
        "TLSv1.2" => json!(0x0303),
        "TLSv1.3" => json!(0x0304),
        other => json!(other),
    });
    let suite = event.tls_cipher.as_deref().map(|name| {
        let known = SUITES.iter().find(|(suite, _)| *suite == name);
        known.map_or(json!(name), |(_, number)| json!(number))
    });
    json!({
        "resumed": false,
        "version": version,
        "cipher_suite": suite,
        "proto": "http/1.1",
        "server_name": event.host,
        "client_common_name": event.client_id,
    })
}

/// Headers of the request, by the names that servers in Go give them.
fn sent_headers<'e>(event: &'e Event<'_>) -> impl Iterator<Item = (&'static str, &'e str)> {
    [
        ("Content-Type", &event.content_type),
        ("Cookie", &event.cookie),
        ("Idempotency-Key", &event.idempotency_key),
        ("Referer", &event.referer),
        ("User-Agent", &event.user_agent),
        ("X-Forwarded-For", &event.forwarded_for),
        ("X-Request-Id", &event.request_id),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

/// The record without what has no value, and without the objects that are empty then.
fn written(mut record: Value) -> String {
    remove_absent(&mut record);
    record.to_string()
}

fn remove_absent(value: &mut Value) {
    let Value::Object(fields) = value else {
        return;
    };
    fields.values_mut().for_each(remove_absent);
    fields.retain(|_, value| {
        !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty())
    });
}
