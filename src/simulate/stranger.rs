//! Background noise: single requests of passers-by, and records that are none.

use compact_str::{CompactString, format_compact};

use super::record::{Record, Target};
use super::traffic::GATEWAYS;
use crate::event::Timestamp;
use crate::random::Random;

/// What passers-by ask for, and the answer.
const VISITS: [(&str, u16); 6] = [
    ("/", 404),
    ("/favicon.ico", 404),
    ("/robots.txt", 404),
    ("/health", 200),
    ("/v1/", 404),
    ("/docs", 404),
];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (compatible; uptime-check/1.4)",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
];
const COUNTRIES: [&str; 4] = ["RU", "RU", "KZ", "DE"];

/// Appends a passer-by's request that ends at `done`; gives its event time and its address, which is a new one each time.
pub(crate) fn write_visit(
    done: Timestamp,
    gateway: usize,
    sequence: u64,
    random: &mut Random,
    buffer: &mut Vec<u8>,
) -> (Timestamp, CompactString) {
    let (path, status) = *random.pick(&VISITS);
    let duration_us = 400 + random.below(3_000);
    let address = format_compact!(
        "2001:db8:ffff:{:x}::{:x}",
        1 + random.below(0xfffe),
        1 + random.below(0xfffe)
    );
    let record = Record {
        time: done.plus_micros(-i64::from(duration_us)),
        gateway: GATEWAYS[gateway],
        sequence,
        request_id: random.bits(),
        target: Target::Path(path),
        status,
        request_bytes: 180 + random.below(200),
        response_bytes: 120 + random.below(60),
        duration_us,
        client_address: &address,
        country: Some(COUNTRIES[random.below(4) as usize]),
        user_agent: Some(AGENTS[random.below(3) as usize]),
        tls: Some(("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
        decision: Some("allow"),
        waf_verdict: Some("pass"),
        ..Record::bare()
    };
    record.write(buffer);
    let time = record.time;
    (time, address)
}

/// Appends a record that no decoder can take, one of several kinds in turn. It holds no newline.
pub(crate) fn write_broken(number: u32, buffer: &mut Vec<u8>) {
    const NESTED: usize = 4_000;
    match number % 7 {
        0 => buffer.extend_from_slice(b"{\"time\":\"2026-03-01T10:00:00Z\",\"method\":\"GE"),
        1 => {
            buffer.extend_from_slice(b"{\"time\":\"2026-03-01T10:00:00Z\",\"path\":\"/\xff\xfe\"}");
        }
        2 => buffer.extend_from_slice(b"upstream prematurely closed connection"),
        3 => buffer.extend_from_slice(b"{\"time\":\"2026-03-01T10:00:00Z\",\"status\":\"many\"}"),
        4 => buffer.extend_from_slice(b"[{\"time\":\"2026-03-01T10:00:00Z\"}]"),
        5 => buffer.extend_from_slice(b"{\"method\":\"GET\",\"path\":\"/\",\"status\":200}"),
        _ => {
            buffer.extend_from_slice(b"{\"time\":\"2026-03-01T10:00:00Z\",\"x\":");
            buffer.resize(buffer.len() + NESTED, b'[');
            buffer.resize(buffer.len() + NESTED, b']');
            buffer.push(b'}');
        }
    }
}
