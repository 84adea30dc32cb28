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

const FORMATS: [Format; 7] = [
    Format::Auto,
    Format::Native,
    Format::NginxCombined,
    Format::NginxJson,
    Format::Apache,
    Format::EnvoyJson,
    Format::EnvoyText,
];

/// Real lines, to be damaged.
const SEEDS: [&str; 5] = [
    LINE,
    r#"{"time":"2026-03-01T10:00:00Z","path":"/a/%2e%2e","query":"a=1","roles":["x"],"client_address":"10.0.0.1"}"#,
    r#"2026-01-24T01:34:36.743Z stdout F [2026-01-24T01:34:36.743Z] "GET /t HTTP/1.1" 200 - 0 256 50 25 "-" "-" "-" "-" "-""#,
    r#"2021/12/02 11:53:15 [error] 8#8: *42 limiting, client: ::1, server: , request: "GET / HTTP/1.1", host: "h""#,
    r#"{"log":"{\"start_time\":\"2026-03-01T10:00:00Z\",\"response_code\":200}\n","stream":"stdout"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in FORMATS {
            let _ = decoder(format).decode(&raw, None);
        }
    }

    #[test]
    fn no_text_panics(raw in "\\PC{0,120}", stamp in any::<i64>()) {
        for format in FORMATS {
            let _ = decoder(format).decode(raw.as_bytes(), Some(Timestamp::from_micros(stamp)));
        }
    }

    #[test]
    fn no_damaged_line_panics(seed in 0..SEEDS.len(), cut in 0_usize..200, byte in any::<u8>(), at in 0_usize..200) {
        let mut raw = SEEDS[seed].as_bytes().to_vec();
        let length = raw.len();
        raw[at % length] = byte;
        raw.truncate(length - cut % length);
        for format in FORMATS {
            let _ = decoder(format).decode(&raw, None);
        }
    }
}
