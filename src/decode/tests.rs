//! Rejections by reason, wrappers, time bounds, and properties that hold for any bytes.

use proptest::prelude::*;

use super::*;
use crate::config;

fn decoder(format: Format) -> Decoder {
    Decoder::new(&config::Decode {
        format,
        max_record_bytes: 4_096,
        ..config::Decode::default()
    })
    .unwrap()
}

fn reason(raw: &[u8]) -> RejectionReason {
    decoder(Format::Native)
        .decode(raw, None)
        .unwrap_err()
        .reason
}

const LINE: &str = r#"1.2.3.4 - - [24/Aug/2024:22:32:18 +0000] "GET /a HTTP/2.0" 404 57 "-" "x""#;

#[test]
fn bad_records_say_why() {
    let deep = format!("{{\"time\":0,\"x\":{}{}}}", "[".repeat(80), "]".repeat(80));
    let huge = format!("{{\"time\":0,\"x\":\"{}\"}}", "y".repeat(5_000));
    for (raw, want) in [
        (&b""[..], RejectionReason::Empty),
        (b" \n\t", RejectionReason::Empty),
        (huge.as_bytes(), RejectionReason::Oversized),
        (b"{\"time\":0,\"path\":\"\xFF\"}", RejectionReason::NotUtf8),
        (b"\xFF\xFE{\x00", RejectionReason::NotUtf8),
        (b"{\"time\":", RejectionReason::Malformed),
        (b"hello", RejectionReason::Malformed),
        (b"{\"time\":0} x", RejectionReason::Malformed),
        (
            b"{\"time\":0,\"status\":\"200\"}",
            RejectionReason::WrongType,
        ),
        (b"{\"time\":0,\"status\":-1}", RejectionReason::WrongType),
        (b"{\"time\":\"yesterday\"}", RejectionReason::WrongType),
        (
            b"{\"time\":0,\"client_address\":\"nobody\"}",
            RejectionReason::WrongType,
        ),
        (
            b"{\"time\":0,\"path\":\"/a\",\"path\":\"/b\"}",
            RejectionReason::DuplicateField,
        ),
        (deep.as_bytes(), RejectionReason::TooDeep),
        (b"{\"path\":\"/a\"}", RejectionReason::MissingTime),
        (
            b"{\"time\":99999999999999999}",
            RejectionReason::TimeOutOfBounds,
        ),
        (b"{\"time\":-1}", RejectionReason::TimeOutOfBounds),
        (b"\x00\x00\x00\x00\x07abc", RejectionReason::BinaryFormat),
        (b"Obj\x01\x04", RejectionReason::BinaryFormat),
        (b"\x0A\x0Babc", RejectionReason::BinaryFormat),
        (b"\x08\x96\x01", RejectionReason::BinaryFormat),
        (b"\x1F\x8B\x08", RejectionReason::BinaryFormat),
        (b"[{\"time\":0}]", RejectionReason::RecordArray),
        (
            b"2026-01-24T01:34:36.7Z stdout P {\"time\"",
            RejectionReason::PartialLine,
        ),
    ] {
        assert_eq!(
            reason(raw),
            want,
            "{}",
            String::from_utf8_lossy(&raw[..raw.len().min(60)])
        );
    }
}

#[test]
fn details_name_the_field_and_never_its_value() {
    let rejection = decoder(Format::Native)
        .decode(
            br#"{"time":0,"subject":"ivanov","status":"secret-7"}"#,
            None,
        )
        .unwrap_err();
    assert!(rejection.detail.contains("`status`"), "{rejection}");
    assert!(
        !rejection.detail.contains("secret-7") && !rejection.detail.contains("ivanov"),
        "{rejection}"
    );
    let rejection = decoder(Format::NginxJson)
        .decode(
            br#"{"msec":"1.5","remote_addr":"10.0.0.1","status":"secret-7"}"#,
            None,
        )
        .unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::WrongType);
    assert!(
        rejection.detail.contains("`status`") && !rejection.detail.contains("secret-7"),
        "{rejection}"
    );
}

#[test]
fn a_time_is_bounded_by_the_stamp_of_its_record() {
    let decoder = decoder(Format::Native);
    let stamped = Some(Timestamp::parse_rfc3339("2026-03-01T10:00:00Z").unwrap());
    let at = |time: &str| {
        decoder
            .decode(format!("{{\"time\":\"{time}\"}}").as_bytes(), stamped)
            .map(|event| event.time)
    };
    assert!(at("2026-03-01T11:00:00Z").is_ok());
    assert!(at("2025-12-02T10:00:00Z").is_ok());
    for outside in ["2026-03-01T11:00:01Z", "2025-11-30T10:00:00Z"] {
        assert_eq!(
            at(outside).unwrap_err().reason,
            RejectionReason::TimeOutOfBounds,
            "{outside}"
        );
    }
}

#[test]
fn wrappers_of_runtimes_and_syslog_come_off() {
    let docker = serde_json::json!({"log": format!("{LINE}\n"), "stream": "stdout", "time": "2024-08-24T22:32:19Z"});
    // serde_json sorts keys, as Docker writes them.
    for wrapped in [
        LINE.to_owned(),
        format!("2024-08-24T22:32:19.1Z stdout F {LINE}"),
        docker.to_string(),
        format!("Aug 24 22:32:19 host nginx[2869]: {LINE}"),
        format!("<134>Aug  4 22:32:19 host nginx: {LINE}"),
        format!("<134>Aug  4 22:32:19 nginx[2869]: {LINE}"),
        format!("2024-08-24T22:32:19.1+00:00 host nginx[2869]: {LINE}"),
        format!("<134>1 2024-08-24T22:32:19Z host nginx 2869 - - {LINE}"),
    ] {
        let event = decoder(Format::Auto)
            .decode(wrapped.as_bytes(), None)
            .unwrap()
            .into_owned();
        assert_eq!(event.path.as_deref(), Some("/a"), "{wrapped}");
        assert_eq!(event.client_address, "1.2.3.4".parse().ok(), "{wrapped}");
    }
    let split = br#"{"log":"half a li","stream":"stdout","time":"2024-08-24T22:32:19Z"}"#;
    let rejection = decoder(Format::Auto).decode(split, None).unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::PartialLine);
}

#[test]
fn the_format_is_told_from_the_record() {
    let auto = decoder(Format::Auto);
    for (raw, path) in [
        (LINE, "/a"),
        (r#"{"time":"2026-03-01T10:00:00Z","path":"/n"}"#, "/n"),
        (
            r#"{"time_iso8601":"2026-03-01T10:00:00+00:00","remote_addr":"10.0.0.1","request_uri":"/x?y","status":"200"}"#,
            "/x",
        ),
        (
            r#"{"start_time":"2026-03-01T10:00:00Z","response_code":200,"path":"/e"}"#,
            "/e",
        ),
        (
            r#"[2026-01-24T01:34:36.743Z] "GET /t HTTP/1.1" 200 - 0 256 50 25 "-" "-" "-" "-" "-""#,
            "/t",
        ),
        (
            r#"<134>Feb  6 12:14:14 haproxy[1]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] web api/n 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /h HTTP/1.1""#,
            "/h",
        ),
        (
            r#"h2 2026-04-26T12:23:00.1Z app/x 192.0.2.11:44740 - -1 -1 -1 404 - 12 57 "GET https://h:443/l HTTP/2.0" "x" - -"#,
            "/l",
        ),
        (
            "2026-03-01 10:00:00 10.0.0.2 GET /i - 443 - 192.0.2.7 x - 200 0 0 49",
            "/i",
        ),
    ] {
        let event = auto.decode(raw.as_bytes(), None).unwrap();
        assert_eq!(event.path.as_deref(), Some(path), "{raw}");
    }
}

#[test]
fn nginx_json_gives_numbers_from_text() {
    let raw = br#"{"msec":"1772359200.250","remote_addr":"10.0.0.1","remote_user":"","request":"GET /a?b=1 HTTP/1.1","status":"200","body_bytes_sent":"12","request_length":"34","request_time":"0.004","upstream_response_time":"0.001, 0.002","http_user_agent":"curl","scheme":"https","ssl_protocol":"TLSv1.3","http_host":"h:443","upstream_cache_status":"HIT"}"#;
    let decoder = decoder(Format::NginxJson);
    let event = decoder.decode(raw, None).unwrap();
    assert_eq!(event.time.micros(), 1_772_359_200_250_000);
    assert_eq!(
        (event.status, event.response_bytes, event.request_bytes),
        (Some(200), Some(12), Some(34))
    );
    assert_eq!(
        (event.duration_us, event.upstream_duration_us),
        (Some(4_000), Some(3_000))
    );
    assert_eq!(
        (event.method.as_deref(), event.query.as_deref()),
        (Some("GET"), Some("b=1"))
    );
    assert_eq!(
        (event.cache_status.as_deref(), event.subject),
        (Some("hit"), None)
    );
}

const KONG: &str = r#"{"latencies":{"request":515,"kong":58,"proxy":457},"started_at":1772359200250,"client_ip":"192.0.2.7","service":{"host":"api.internal","name":"billing"},"route":{"name":"all"},"consumer":{"username":"partner-7","id":"80f74eef"},"authenticated_entity":{"id":"eaa33026","consumer_id":"80f74eef"},"tries":[{"ip":"10.0.0.9","port":8080,"state":"failed"},{"ip":"10.0.0.10","port":8080}],"upstream_uri":"/a?b=1","request":{"id":"6546","method":"GET","uri":"/v1/a?b=1","url":"https://api.example:8443/v1/a?b=1","size":"155","querystring":{"b":"1","remote_addr":"x"},"tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","client_verify":"NONE"},"headers":{"host":"api.example","user-agent":["curl/8","{\"remote_addr\":1}"],"x-forwarded-for":"198.51.100.1","content-type":"application/json","authorization":"REDACTED","remote_addr":"y"}},"response":{"status":200,"size":934,"headers":{"x-cache-status":"Hit"}}}"#;

#[test]
fn kong_gives_its_fields_whatever_a_caller_names_headers_and_parameters() {
    for format in [Format::Kong, Format::Auto] {
        let decoder = decoder(format);
        let event = decoder.decode(KONG.as_bytes(), None).unwrap();
        assert_eq!(event.time.micros(), 1_772_359_200_250_000);
        assert_eq!(event.client_address, "192.0.2.7".parse().ok());
        assert_eq!(event.client_id.as_deref(), Some("partner-7"));
        assert_eq!(
            (event.path.as_deref(), event.query.as_deref()),
            (Some("/v1/a"), Some("b=1"))
        );
        assert_eq!(
            (event.scheme.as_deref(), event.host.as_deref()),
            (Some("https"), Some("api.example"))
        );
        assert_eq!(
            (event.status, event.request_bytes, event.response_bytes),
            (Some(200), Some(155), Some(934))
        );
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (Some(515_000), Some(457_000))
        );
        assert_eq!(event.user_agent.as_deref(), Some("curl/8"));
        assert_eq!(event.forwarded_for.as_deref(), Some("198.51.100.1"));
        assert_eq!(event.content_type.as_deref(), Some("application/json"));
        assert_eq!(event.request_id.as_deref(), Some("6546"));
        assert_eq!(event.tls_version.as_deref(), Some("TLSv1.3"));
        assert_eq!(event.cache_status.as_deref(), Some("hit"));
        assert_eq!(event.upstream_address.as_deref(), Some("10.0.0.9"));
        assert_eq!(event.route, None);
    }
}

#[test]
fn a_request_that_kong_answered_itself_has_no_upstream() {
    let raw = KONG.replace("\"proxy\":457", "\"proxy\":-1");
    let decoder = decoder(Format::Kong);
    let event = decoder.decode(raw.as_bytes(), None).unwrap();
    assert_eq!(event.upstream_duration_us, None);
    let raw = KONG.replace("\"started_at\"", "\"started\"");
    let rejection = decoder.decode(raw.as_bytes(), None).unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::MissingTime);
    assert!(rejection.detail.contains("`started_at`"), "{rejection}");
    let raw = KONG.replace("\"client_ip\":\"192.0.2.7\"", "\"client_ip\":\"nobody\"");
    let rejection = decoder.decode(raw.as_bytes(), None).unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::WrongType);
}

const TRAEFIK: &str = r#"{"ClientAddr":"10.0.0.50:39496","ClientHost":"192.0.2.7","ClientUsername":"ann","DownstreamContentSize":357,"DownstreamStatus":200,"Duration":2337877,"OriginDuration":823492,"RequestContentSize":12,"RequestCount":190,"RequestHost":"api.example","RequestMethod":"GET","RequestPath":"/a?b=1","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":2,"RouterName":"api@docker","ServiceAddr":"172.16.16.25:8008","StartUTC":"2026-03-01T10:00:00.250123456Z","TLSCipher":"TLS_AES_128_GCM_SHA256","TLSVersion":"1.2","request_User-Agent":"\"remote_addr\":","time":"2026-03-01T11:00:00+01:00"}"#;

#[test]
fn traefik_json_gives_its_fields() {
    for format in [Format::TraefikJson, Format::Auto] {
        let decoder = decoder(format);
        let event = decoder.decode(TRAEFIK.as_bytes(), None).unwrap();
        assert_eq!(event.time.micros(), 1_772_359_200_250_123);
        assert_eq!(event.client_address, "10.0.0.50".parse().ok());
        assert_eq!(event.forwarded_for.as_deref(), Some("192.0.2.7"));
        assert_eq!(event.subject.as_deref(), Some("ann"));
        assert_eq!(
            (event.duration_us, event.upstream_duration_us),
            (Some(2_337), Some(823))
        );
        assert_eq!(
            (event.request_bytes, event.response_bytes, event.attempt),
            (Some(12), Some(357), Some(3))
        );
        assert_eq!(
            (event.http_version.as_deref(), event.scheme.as_deref()),
            (Some("2.0"), Some("https"))
        );
        assert_eq!(event.tls_version.as_deref(), Some("TLSv1.2"));
        assert_eq!(event.upstream_address.as_deref(), Some("172.16.16.25:8008"));
    }
    let own = br#"{"level":"info","msg":"Configuration loaded","time":"2026-03-01T10:00:00Z"}"#;
    let rejection = decoder(Format::TraefikJson).decode(own, None).unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::Malformed);
}

const CADDY: &str = r#"{"level":"info","ts":1772359200.25,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"10.0.0.50","remote_port":"41342","client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"api.example","uri":"/a?b=1","headers":{"User-Agent":["curl/8"],"X-Forwarded-For":["192.0.2.7"],"Latencies":["\"latencies\":"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"api.example","client_common_name":"partner-7"}},"bytes_read":12,"user_id":"ann","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}"#;

#[test]
fn caddy_gives_its_fields() {
    for format in [Format::Caddy, Format::Auto] {
        let decoder = decoder(format);
        let event = decoder.decode(CADDY.as_bytes(), None).unwrap();
        assert_eq!(event.time.micros(), 1_772_359_200_250_000);
        assert_eq!(event.client_address, "192.0.2.7".parse().ok());
        assert_eq!(
            (event.request_bytes, event.response_bytes),
            (Some(12), Some(10_900))
        );
        assert_eq!((event.duration_us, event.status), (Some(929), Some(200)));
        assert_eq!(event.tls_version.as_deref(), Some("TLSv1.3"));
        assert_eq!(event.tls_cipher.as_deref(), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(
            (event.client_id.as_deref(), event.subject.as_deref()),
            (Some("partner-7"), Some("ann"))
        );
        assert_eq!(event.user_agent.as_deref(), Some("curl/8"));
        assert_eq!(event.scheme.as_deref(), Some("https"));
        assert_eq!(event.error, None);
    }
    let failed = CADDY
        .replace("http.log.access.log0", "http.log.error")
        .replace("handled request", "connection refused");
    let decoder = decoder(Format::Auto);
    let event = decoder.decode(failed.as_bytes(), None).unwrap();
    assert_eq!(event.error.as_deref(), Some("connection refused"));
}

#[test]
fn native_lists_may_be_null_or_absent() {
    let decoder = decoder(Format::Native);
    let event = decoder
        .decode(
            br#"{"time":0,"roles":null,"path":null,"unknown":{"a":[1]}}"#,
            None,
        )
        .unwrap();
    assert!(event.roles.is_empty() && event.path.is_none());
}

#[test]
fn the_fingerprint_changes_with_what_decides_the_outcome() {
    let native = decoder(Format::Native).fingerprint();
    assert_eq!(native, decoder(Format::Native).fingerprint());
    assert_ne!(native, decoder(Format::Auto).fingerprint());
}

#[test]
fn settings_without_effect_are_refused() {
    let config = config::Decode {
        format: Format::Mapping,
        ..config::Decode::default()
    };
    assert!(matches!(
        Decoder::new(&config),
        Err(DecodeConfigError::MappingAbsent)
    ));
    let config = config::Decode {
        mapping: Some("m.yaml".into()),
        ..config::Decode::default()
    };
    assert!(matches!(
        Decoder::new(&config),
        Err(DecodeConfigError::MappingUnused("auto"))
    ));
    let config = config::Decode {
        iis_fields: "date cs-method".to_owned(),
        ..config::Decode::default()
    };
    assert!(matches!(
        Decoder::new(&config),
        Err(DecodeConfigError::IisFields)
    ));
    let config = config::Decode {
        max_depth: 1_000,
        ..config::Decode::default()
    };
    assert!(matches!(
        Decoder::new(&config),
        Err(DecodeConfigError::Bound {
            name: "max_depth",
            ..
        })
    ));
}

/// Those that need no mapping file.
fn formats() -> impl Iterator<Item = Format> {
    let all = Format::ALL.iter().copied();
    all.filter(|format| *format != Format::Mapping)
}

/// Lines of each format, to be damaged.
const SEEDS: [&str; 13] = [
    LINE,
    r#"{"time":"2026-03-01T10:00:00Z","path":"/a/%2e%2e","query":"a=1","roles":["x"],"client_address":"10.0.0.1"}"#,
    r#"2026-01-24T01:34:36.743Z stdout F [2026-01-24T01:34:36.743Z] "GET /t HTTP/1.1" 200 - 0 256 50 25 "-" "-" "-" "-" "-""#,
    r#"2021/12/02 11:53:15 [error] 8#8: *42 limiting, client: ::1, server: , request: "GET / HTTP/1.1", host: "h""#,
    r#"{"log":"{\"start_time\":\"2026-03-01T10:00:00Z\",\"response_code\":200}\n","stream":"stdout"}"#,
    KONG,
    TRAEFIK,
    r#"1.2.3.4, 5.6.7.8 - u [24/Aug/2024:22:32:18 +0000] "GET /a HTTP/2.0" 404 57 "-" "x" 5 "r" "http://10.0.0.9:80" 3ms"#,
    CADDY,
    r#"{"ts":1.5,"logger":"http.handlers.waf","msg":"[client \"1.2.3.4\"] Coraza: Warning. m [file \"f\"] [id \"9\"] [uri \"/é\"] [unique_id \"u\"]\n"}"#,
    r#"<134>1 2026-02-06T12:14:14Z h haproxy 1 - - 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] web~ api/n 10/0/30/69/109 200 2750 a=é - CD-- 1/1/1/1/+1 0/0 {x|y} {} "GET /#C3#A9 HTTP/1.1" 0/0/0/0/0 a.b/TLSv1.3/X"#,
    r#"https 2026-04-26T12:23:00.186641Z app/x 192.0.2.11:44740 10.0.0.1:80 0.086 0.048 0.037 200 200 12 57 "POST https://h:443/a?b=1 HTTP/1.1" "c\x22é" X TLSv1.2 arn "Root=1" "h" "-" 1 2026-04-26T12:22:59Z "waf" "-" "-" "-" "-" "-" "-""#,
    r#"<Event xmlns="x"><Provider Name="Microsoft-Windows-IIS-Logging"/><EventData><Data Name="date">2026-03-01</Data><Data Name="time">10:00:00</Data><Data Name="cs-uri-stem">/é&amp;&#x41;</Data></EventData></Event>"#,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in formats() {
            let _ = decoder(format).decode(&raw, None);
        }
    }

    #[test]
    fn no_text_panics(raw in "\\PC{0,120}", stamp in any::<i64>()) {
        for format in formats() {
            let _ = decoder(format).decode(raw.as_bytes(), Some(Timestamp::from_micros(stamp)));
        }
    }

    #[test]
    fn no_damaged_line_panics(seed in 0..SEEDS.len(), cut in 0_usize..200, byte in any::<u8>(), at in 0_usize..200) {
        let mut raw = SEEDS[seed].as_bytes().to_vec();
        let length = raw.len();
        raw[at % length] = byte;
        raw.truncate(length - cut % length);
        for format in formats() {
            let _ = decoder(format).decode(&raw, None);
        }
    }
}
