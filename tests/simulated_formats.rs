//! What is written is read back by the decoder of its format, whatever callers put into it.

use gatewatch::config::{self, Format};
use gatewatch::decode::Decoder;
use gatewatch::event::{Event, Field};
use gatewatch::simulate::format::{WRITABLE, write};

/// A record with every field that some other format has a place for.
const WHOLE: &str = r#"{"time":"2026-03-01T21:01:48.669123Z","gateway":"gw-1","sequence":7,"request_id":"226113c9","method":"POST","scheme":"https","http_version":"2.0","host":"api.example","path":"/v1/a","query":"b=1&c=%27","status":403,"request_bytes":771,"response_bytes":263,"duration_us":26996,"upstream_duration_us":12345,"attempt":2,"idempotency_key":"key-1","cache_status":"miss","client_address":"2001:db8::7","forwarded_for":"198.51.100.1, 10.0.0.1","country":"RU","user_agent":"curl/8 (x; y)","referer":"https://x/?y","content_type":"text/plain","cookie":"a=b","client_id":"partner-7","tls_version":"TLSv1.2","tls_cipher":"TLS_ECDHE_RSA_X","subject":"ann","upstream_address":"10.60.0.14:8443","waf_verdict":"block","error":"upstream timed out"}"#;

/// What a caller may send, with no space at its ends: those a server takes off.
const HOSTILE: [&str; 14] = [
    "\"",
    "x\" y",
    "\\",
    "x\\\" \\",
    "a\nb\r\tc",
    "\u{1}\u{7f}\u{85}z",
    "д ⏎ 🦀",
    "|#22#\\x22%22",
    "a\" 200 1 \"-\" \"x\" 5 \"r\" \"u\" 1ms",
    "x] \"GET /fake HTTP/1.1\" 200 5",
    "{\"remote_addr\":1},\"latencies\":{}",
    "</Data> <Event '&quot;",
    "[01/Mar/2026:10:00:00 +0000] \"",
    "x HTTP/9.9",
];

fn decoder(format: Format) -> Decoder {
    Decoder::new(&config::Decode {
        format,
        ..config::Decode::default()
    })
    .unwrap()
}

fn line(format: Format, record: &str) -> String {
    let mut line = Vec::new();
    write(format, record.as_bytes(), &mut line);
    String::from_utf8(line).unwrap()
}

/// The record as the decoder reads it out of another format; told by its name or from the line, it is the same.
fn through(format: Format, record: &str) -> Event<'static> {
    let line = line(format, record);
    assert!(!line.contains('\n'), "{line}");
    let read = |decoder: Decoder| match decoder.decode(line.as_bytes(), None) {
        Ok(event) => event.into_owned(),
        Err(rejection) => panic!("{}: {rejection}: {line}", format.name()),
    };
    let event = read(decoder(format));
    let told = read(decoder(Format::Auto));
    assert_eq!(format!("{event:?}"), format!("{told:?}"), "{line}");
    event
}

fn native(record: &str) -> Event<'static> {
    let event: Event = serde_json::from_str(record).unwrap();
    event.into_owned()
}

/// Fields that come back as they were, besides method, path, query and status, which all formats have.
fn kept(format: Format) -> impl Iterator<Item = Field> {
    let names = match format {
        Format::NginxCombined => {
            "client_address subject http_version response_bytes referer user_agent forwarded_for"
        }
        Format::NginxJson => {
            "client_address gateway request_id scheme http_version host request_bytes response_bytes idempotency_key cache_status \
             forwarded_for country user_agent referer content_type cookie client_id tls_version tls_cipher subject upstream_address"
        }
        Format::Apache => {
            "client_address host subject http_version response_bytes referer user_agent"
        }
        Format::EnvoyJson => {
            "client_address request_id http_version host request_bytes response_bytes attempt forwarded_for user_agent referer client_id \
             tls_version tls_cipher upstream_address error"
        }
        // It lists the addresses that were forwarded in place of the peer's.
        Format::EnvoyText => {
            "request_id http_version host request_bytes response_bytes forwarded_for user_agent upstream_address"
        }
        Format::Kong => {
            "client_address request_id scheme host request_bytes response_bytes idempotency_key cache_status forwarded_for user_agent \
             referer content_type cookie client_id tls_version tls_cipher"
        }
        Format::TraefikJson => {
            "client_address request_id scheme http_version host request_bytes response_bytes attempt idempotency_key forwarded_for \
             user_agent referer content_type cookie client_id tls_version tls_cipher subject upstream_address"
        }
        Format::TraefikClf => {
            "client_address subject http_version response_bytes referer user_agent upstream_address"
        }
        Format::Caddy => {
            "client_address request_id scheme http_version host request_bytes response_bytes idempotency_key forwarded_for user_agent \
             referer content_type cookie client_id tls_version tls_cipher subject error"
        }
        Format::Haproxy => {
            "client_address scheme http_version host response_bytes attempt tls_version tls_cipher"
        }
        Format::AwsAlb => {
            "client_address gateway request_id scheme http_version host request_bytes response_bytes user_agent tls_version tls_cipher \
             upstream_address waf_verdict"
        }
        Format::Iis => "client_address subject user_agent referer",
        _ => "client_address sequence waf_verdict error",
    };
    names.split(' ').filter_map(Field::from_name)
}

/// Microseconds to which a format has the time, and those to which it has durations, when it has any.
fn precision(format: Format) -> (i64, Option<u64>) {
    match format {
        Format::NginxCombined | Format::Apache => (1_000_000, None),
        Format::TraefikClf | Format::Iis => (1_000_000, Some(1_000)),
        Format::Native | Format::TraefikJson | Format::Caddy => (1, Some(1)),
        Format::AwsAlb => (1, Some(1_000)),
        _ => (1_000, Some(1_000)),
    }
}

/// A field as text; a host without its port, which enrich takes off.
fn shown(event: &Event<'_>, field: Field) -> String {
    let text = format!("{:?}", event.get(field));
    match field {
        Field::Host => text.replace(":443", ""),
        _ => text,
    }
}

#[test]
fn every_format_that_is_decoded_is_written() {
    let decoded: Vec<Format> = Format::ALL
        .iter()
        .copied()
        .filter(|format| !matches!(format, Format::Auto | Format::Mapping))
        .collect();
    assert_eq!(WRITABLE, decoded);
}

#[test]
fn fields_come_back_as_they_were() {
    let want = native(WHOLE);
    for format in WRITABLE.iter().copied() {
        let got = through(format, WHOLE);
        let always = [Field::Method, Field::Path, Field::Query, Field::Status];
        for field in always.into_iter().chain(kept(format)) {
            let place = format!("{} {field:?}", format.name());
            assert_eq!(shown(&got, field), shown(&want, field), "{place}");
        }
    }
}

#[test]
fn times_come_back_as_exact_as_a_format_has_them() {
    let want = native(WHOLE);
    for format in WRITABLE.iter().copied() {
        let got = through(format, WHOLE);
        let (time, duration) = precision(format);
        assert_eq!(got.time, want.time.floor_to(time), "{}", format.name());
        let lasted = duration.and_then(|unit| Some(want.duration_us? / unit * unit));
        assert_eq!(got.duration_us, lasted, "{}", format.name());
    }
}

#[test]
fn upstreams_are_found_again() {
    for (format, address, micros) in [
        (Format::NginxJson, "10.60.0.14:8443", Some(12_000)),
        (Format::EnvoyText, "10.60.0.14:8443", Some(12_000)),
        (Format::Kong, "10.60.0.14", Some(12_000)),
        (Format::TraefikJson, "10.60.0.14:8443", Some(12_345)),
        (Format::Haproxy, "api/10.60.0.14:8443", Some(12_000)),
        (Format::AwsAlb, "10.60.0.14:8443", Some(12_000)),
    ] {
        let event = through(format, WHOLE);
        assert_eq!(
            event.upstream_address.as_deref(),
            Some(address),
            "{}",
            format.name()
        );
        assert_eq!(event.upstream_duration_us, micros, "{}", format.name());
    }
}

/// What becomes of a caller's value: the same, but for two formats that know no escape.
fn expected(format: Format, field: Field, value: &str) -> String {
    let percent = |c: char| {
        let bytes = c.to_string().into_bytes();
        bytes
            .iter()
            .fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
    };
    let encoded = |is_encoded: &dyn Fn(char) -> bool| {
        value
            .chars()
            .map(|c| {
                if is_encoded(c) {
                    percent(c)
                } else {
                    c.to_string()
                }
            })
            .collect::<String>()
    };
    match format {
        Format::EnvoyText => encoded(&|c| c.is_control() || matches!(c, '"' | '\\')),
        // IIS writes a plus for a space, and only of some columns is it known that they had no other plus.
        Format::Iis if field == Field::UserAgent => encoded(&char::is_control).replace('+', " "),
        Format::Iis => encoded(&char::is_control).replace(' ', "+"),
        _ => value.to_owned(),
    }
}

/// Asserts that a value came back, and that all other fields are as without it.
fn assert_contained(format: Format, field: Field, value: &str) {
    let mut record: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
    record[field.name()] = value.into();
    let (got, plain) = (through(format, &record.to_string()), through(format, WHOLE));
    let place = format!("{} {field:?} {value:?}", format.name());
    for other in Field::ALL.iter().copied() {
        // Envoy's text has the first of the addresses that were forwarded in place of the peer's.
        let is_derived = other == Field::Uri
            || other.is_computed()
            || (format == Format::EnvoyText && other == Field::ClientAddress);
        if other != field && !is_derived {
            assert_eq!(
                shown(&got, other),
                shown(&plain, other),
                "{place}: {other:?}"
            );
        }
    }
    // The escapes of this column are not resolved: real ids have none.
    let is_raw = format == Format::AwsAlb && field == Field::RequestId;
    if !is_raw && shown(&plain, field) != "None" {
        let want = expected(format, field, value);
        assert_eq!(
            shown(&got, field),
            format!("Some(Text({want:?}))"),
            "{place}"
        );
    }
}

#[test]
fn no_value_leaves_its_field() {
    for format in WRITABLE.iter().copied() {
        for value in HOSTILE {
            assert_contained(format, Field::Path, &format!("/{value}"));
            for field in [
                Field::Query,
                Field::UserAgent,
                Field::Referer,
                Field::ForwardedFor,
                Field::Subject,
                Field::ClientId,
                Field::RequestId,
            ] {
                assert_contained(format, field, value);
            }
        }
    }
}

#[test]
fn values_are_escaped_as_each_gateway_does() {
    let record = r##"{"time":"2026-03-01T21:01:48.669Z","method":"GET","path":"/a\"#\\ \n","status":200,"duration_us":26996,
        "client_address":"192.0.2.7","user_agent":"a \"b\""}"##;
    for (format, part) in [
        (
            Format::NginxCombined,
            r#"192.0.2.7 - - [01/Mar/2026:21:01:48 +0000] "GET /a\x22#\x5C \x0A HTTP/1.1" 200 - "-" "a \x22b\x22" "-""#,
        ),
        (
            Format::Apache,
            r##""GET /a\"#\\ \n HTTP/1.1" 200 - "-" "a \"b\"""##,
        ),
        (
            Format::EnvoyText,
            r#""GET /a%22#%5C %0A HTTP/1.1" 200 - 0 0 26 - "192.0.2.7" "a %22b%22" "-" "-" "-""#,
        ),
        (
            Format::Haproxy,
            r#"web~ api/<NOSRV> 0/0/0/-1/26 200 0 - - ---- 1/1/1/1/0 0/0 "GET /a#22#23\ #0A HTTP/1.1" 0/0/0/0/0 -/-/-"#,
        ),
        (
            Format::AwsAlb,
            r#""GET /a\x22#\x5C \x0A HTTP/1.1" "a \x22b\x22" - - "#,
        ),
        (
            Format::Iis,
            r##" GET /a"#\+%0A - 443 - 192.0.2.7 a+"b" - 200 0 0 26"##,
        ),
        (Format::Caddy, r##""uri":"/a\"#\\ \n""##),
    ] {
        let line = line(format, record);
        assert!(line.contains(part), "{}: {line}", format.name());
    }
}

#[test]
fn names_of_tls_are_those_of_each_gateway() {
    let of = |version: &str, suite: &str| {
        let mut record: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        record["tls_version"] = version.into();
        record["tls_cipher"] = suite.into();
        record.to_string()
    };
    let old = of("TLSv1", "ECDHE-RSA-AES128-SHA");
    for format in [Format::TraefikJson, Format::Caddy] {
        let event = through(format, &old);
        assert_eq!(
            event.tls_version.as_deref(),
            Some("TLSv1"),
            "{}",
            format.name()
        );
    }
    assert!(line(Format::TraefikJson, &old).contains(r#""TLSVersion":"1.0""#));
    // Caddy has only the number, so the name that comes back is IANA's.
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
    assert_eq!(
        through(Format::Caddy, &old).tls_cipher.as_deref(),
        Some(suite)
    );
    let new = line(Format::Caddy, &of("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
    assert!(
        new.contains(r#""cipher_suite":4865"#) && new.contains(r#""version":772"#),
        "{new}"
    );
}

#[test]
fn what_is_absent_stays_absent() {
    let record = r#"{"time":"2026-03-01T21:01:48Z","method":"GET","path":"/a","scheme":"http","client_address":"192.0.2.7"}"#;
    for format in WRITABLE.iter().copied() {
        let event = through(format, record);
        assert_eq!(
            event.client_address,
            "192.0.2.7".parse().ok(),
            "{}",
            format.name()
        );
        for field in [
            Field::Query,
            Field::UserAgent,
            Field::Referer,
            Field::Subject,
            Field::ClientId,
            Field::Host,
            Field::TlsVersion,
            Field::TlsCipher,
            Field::RequestId,
            Field::UpstreamAddress,
            Field::UpstreamDurationUs,
            Field::Error,
            Field::Cookie,
        ] {
            assert_eq!(shown(&event, field), "None", "{} {field:?}", format.name());
        }
        if format != Format::EnvoyText {
            assert_eq!(event.status, None, "{}", format.name());
            assert_eq!(event.forwarded_for, None, "{}", format.name());
        }
        assert!(event.scheme.is_none_or(|scheme| scheme.as_str() == "http"));
    }
}

#[test]
fn records_that_are_no_events_are_passed_on() {
    for broken in [
        &b"upstream prematurely closed connection"[..],
        b"[{\"time\":\"2026-03-01T10:00:00Z\"}]",
        b"{\"time\":\"2026-03-01T10:00:00Z\",\"path\":\"/\xff\xfe\"}",
        b"{\"time\":\"2026-03-01T10:00:00Z\",\"status\":\"many\"}",
        b"{\"method\":\"GET\",\"path\":\"/\",\"status\":200}",
        b"{\"time\":-99999999999999,\"path\":\"/\"}",
        b"{\"time\":\"2026-03-01T10:00:00Z\",\"x\":[[[[]]]]}",
        b"",
    ] {
        for format in WRITABLE.iter().copied() {
            let mut line = b"before ".to_vec();
            write(format, broken, &mut line);
            assert_eq!(line, [b"before ", broken].concat(), "{}", format.name());
        }
    }
}
