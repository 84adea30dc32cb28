//! What CrowdSec's parsers call the fields of an event, and how they spell the values: so that both can be compared.

use gatewatch::event::{Event, Timestamp};

/// What stands where there is no value.
const NONE: &str = "-";

/// A value of an assertion.
pub struct Expected<'t> {
    /// Folder of the parser's test.
    pub parser: &'t str,
    /// Their name of it.
    pub key: &'t str,
    /// Their value.
    pub value: &'t str,
}

impl Expected<'_> {
    /// Our value and theirs in one spelling; `None` when the key is not a field of the request.
    pub fn compare(&self, event: &Event<'_>) -> Option<(String, String)> {
        let value = if self.value.is_empty() {
            NONE
        } else {
            self.value
        };
        self.time(event, value)
            .or_else(|| self.number(event, value))
            .or_else(|| self.peer(event, value))
            .or_else(|| self.request(event, value))
            .or_else(|| self.rest(event, value))
    }

    fn time(&self, event: &Event<'_>, value: &str) -> Option<(String, String)> {
        let is_cut = self.parser == "traefik_json" && matches!(self.key, "time" | "time_local");
        let theirs = match (self.parser, self.key) {
            // When the answer was given; ours is when the request came.
            ("aws-alb-logs", "time") => return None,
            (_, "accept_date") => haproxy_time(value),
            (_, "time_local") if value.contains('/') => clf(value),
            (
                _,
                "time"
                | "time_local"
                | "StartUTC"
                | "StartLocal"
                | "start_time"
                | "request_creation_time",
            ) => Timestamp::parse_rfc3339(value).unwrap(),
            _ => return None,
        };
        let ours = if is_cut {
            event.time.floor_to(1_000_000)
        } else {
            event.time
        };
        Some((ours.to_string(), theirs.to_string()))
    }

    fn number(&self, event: &Event<'_>, value: &str) -> Option<(String, String)> {
        let nanos = |micros: Option<u64>| (micros, 1_000.0);
        let millis = |micros: Option<u64>| (micros, 0.001);
        let plain = |number: Option<u64>| (number, 1.0);
        let (duration, upstream) = (event.duration_us, event.upstream_duration_us);
        let (ours, unit) = match (self.parser, self.key) {
            ("traefik_json", "request_duration_in_ms") | (_, "Duration") => nanos(duration),
            (_, "duration" | "time_duration" | "request_duration_in_ms") => millis(duration),
            (_, "OriginDuration") => nanos(upstream),
            (_, "upstream_service_time" | "time_backend_response") => millis(upstream),
            (_, "target_processing_time") => (upstream, 0.000_001),
            (
                _,
                "status" | "http_status" | "http_status_code" | "elb_status_code"
                | "DownstreamStatus" | "response_code",
            ) => plain(event.status),
            (
                _,
                "body_bytes_sent"
                | "bytes_sent"
                | "sent_bytes"
                | "bytes_read"
                | "DownstreamContentSize",
            ) => plain(event.response_bytes),
            (_, "bytes_received" | "received_bytes" | "RequestContentSize") => {
                plain(event.request_bytes)
            }
            (_, "retries" | "RetryAttempts") => plain(event.attempt.map(|attempt| attempt - 1)),
            _ => return None,
        };
        // Ours are microseconds: what they have finer is cut.
        let theirs = match value {
            NONE | "-1" => NONE.to_owned(),
            number => format!("{:.0}", (number.parse::<f64>().unwrap() / unit).floor()),
        };
        Some((
            ours.map_or_else(|| NONE.to_owned(), |number| number.to_string()),
            theirs,
        ))
    }

    fn peer(&self, event: &Event<'_>, value: &str) -> Option<(String, String)> {
        let address = event
            .client_address
            .map_or_else(|| NONE.to_owned(), |address| address.to_string());
        let upstream = event.upstream_address.as_deref();
        Some(match (self.parser, self.key) {
            // They take the last of the list, we keep the peer and the list.
            ("traefik_json", "remote_addr" | "source_ip") => {
                let list = event.forwarded_for.as_deref();
                let last = list.and_then(|list| list.rsplit(',').next());
                (last.map_or(address, str::to_owned), value.to_owned())
            }
            (_, "remote_addr" | "source_ip" | "client_ip" | "client" | "dest_addr") => {
                (address, value.to_owned())
            }
            (_, "ClientAddr" | "downstream_remote_address") => {
                (address, without_port(value).replace(['[', ']'], ""))
            }
            (_, "service_addr" | "target_addr") => {
                (without_port(text(upstream)).to_owned(), value.to_owned())
            }
            (_, "ServiceAddr" | "target_list" | "upstream_host" | "traefik_server_url") => {
                let plain = value.split_once("://").map_or(value, |(_, rest)| rest);
                (text(upstream).to_owned(), plain.to_owned())
            }
            ("haproxy-logs", "backend_name") => {
                (upstream?.split('/').next()?.to_owned(), value.to_owned())
            }
            ("haproxy-logs", "server_name") => {
                (upstream?.split('/').nth(1)?.to_owned(), value.to_owned())
            }
            _ => return None,
        })
    }

    fn request(&self, event: &Event<'_>, value: &str) -> Option<(String, String)> {
        let ours = match (self.parser, self.key) {
            ("iis-xml-logs", "http_path") => event.path.as_deref(),
            // The name of the site, not of the host.
            ("iis-xml-logs", "target_fqdn") => return None,
            ("iis-xml-logs", "http_user_agent") => {
                let plus = text(event.user_agent.as_deref()).replace(' ', "+");
                return Some((plus, value.to_owned()));
            }
            (
                _,
                "request"
                | "http_path"
                | "http_request"
                | "RequestPath"
                | "targeturi"
                | "x-envoy-origin-path",
            ) => return Some((target(event), value.to_owned())),
            (_, "verb" | "http_verb" | "http_method" | "RequestMethod" | "method") => {
                event.method.as_deref()
            }
            (_, "http_version" | "RequestProtocol") | ("envoy-logs", "protocol") => {
                let version = value.strip_prefix("HTTP/").unwrap_or(value);
                let ours = text(event.http_version.as_deref());
                return Some((ours.to_owned(), version.to_owned()));
            }
            ("aws-alb-logs", "protocol") | (_, "RequestScheme") => event.scheme.as_deref(),
            (_, "http_args") => event.query.as_deref(),
            (
                _,
                "target_fqdn" | "RequestHost" | "RequestAddr" | "request_addr" | "http_host"
                | ":authority",
            )
            | ("aws-alb-logs", "host") => {
                let ours = without_port(text(event.host.as_deref()));
                return Some((ours.to_owned(), without_port(value).to_owned()));
            }
            (_, "http_referer") => event.referer.as_deref(),
            (_, "http_user_agent" | "user-agent" | "request_User-Agent") => {
                event.user_agent.as_deref()
            }
            _ => return None,
        };
        Some((text(ours).to_owned(), value.to_owned()))
    }

    fn rest(&self, event: &Event<'_>, value: &str) -> Option<(String, String)> {
        let error = event.error.as_deref();
        let ours = match self.key {
            "remote_user" | "user" | "ClientUsername" => event.subject.as_deref(),
            "request_id" | "trace_id" | "uniqueid" | "x-request-id" => event.request_id.as_deref(),
            "x_forwarded_for" | "x-forwarded-for" => event.forwarded_for.as_deref(),
            // The first two flags tell of a fault.
            "termination_state" if value.starts_with("--") => {
                return Some((text(error).to_owned(), NONE.to_owned()));
            }
            "termination_state" | "response_flags" | "error_reason" => error,
            "ruleid" | "rule_id" => error?.split_once(": ").map(|(rule, _)| rule),
            "modsecmessage" => {
                let ours = error?.split_once(": ").map(|(_, message)| message);
                // Of a message with several lines they take all but the end of the last.
                let theirs = value.split(" [file ").next().unwrap_or(value);
                return Some((text(ours).to_owned(), theirs.to_owned()));
            }
            "elb" => event.gateway.as_deref(),
            "ssl_cipher" | "TLSCipher" => event.tls_cipher.as_deref(),
            "ssl_protocol" => event.tls_version.as_deref(),
            "TLSVersion" => event.tls_version.as_deref()?.strip_prefix("TLSv"),
            _ => return None,
        };
        Some((text(ours).to_owned(), value.to_owned()))
    }
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or(NONE)
}

/// Path and query of a target that may have scheme and host before.
fn target(event: &Event<'_>) -> String {
    let whole = text(event.uri.as_deref());
    match (whole.contains("://"), &event.path, &event.query) {
        (true, Some(path), Some(query)) => format!("{path}?{query}"),
        (true, Some(path), None) => path.to_string(),
        _ => whole.to_owned(),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if port.parse::<u16>().is_ok() => before,
        _ => host,
    }
}

fn clf(value: &str) -> Timestamp {
    let time = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", value).unwrap();
    Timestamp::from_seconds(time.as_second())
}

/// Without zone, taken for UTC.
fn haproxy_time(value: &str) -> Timestamp {
    let time = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S%.f %z", format!("{value} +0000"));
    Timestamp::from_micros(time.unwrap().as_microsecond())
}
