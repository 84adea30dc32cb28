//! The work on one record grows with its length, not with its square: hostile records of 256 KiB stay cheap.

use std::time::{Duration, Instant};

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::enrich::{Enricher, Redactor};

/// A second is a thousand times what an honest record of this size takes, and a thousandth of what a square would take.
const LIMIT: Duration = Duration::from_secs(1);
const SIZE: usize = 250_000;

#[test]
fn no_record_costs_more_than_its_length() {
    let decoder = Decoder::new(&config::Decode::default()).unwrap();
    let enricher = Enricher::new(&config::Enrich::default()).unwrap();
    let redactor = Redactor::new(&[7; 32], "k1");
    for unit in [
        "a",
        "'",
        "(",
        "/*",
        "<",
        "<a ",
        "1,",
        "1 or ",
        "&",
        "'&",
        "=",
        "a=b&",
        "%",
        "%25",
        "%2525",
        "%c0%ae",
        "+",
        "/",
        "/.",
        "/..",
        "/1",
        "@",
        "a@",
        "a@b.ru ",
        "1@",
        "+7",
        "79161234567 ",
        "4111111111111111 ",
        "a123bc77 ",
        "passport 1 ",
        "eyJ",
        "eyJ.",
        "eyJhbGciOiJub25lIn0.e30. ",
        "token=x&",
        "[",
        "] ",
        "\\\\",
        "Ж",
        "%D0",
        "-",
        "1-",
        "1 ",
        "http://",
        "?",
        "#",
        ";",
        "`",
        "--",
        "union ",
    ] {
        let long = unit.repeat(SIZE / unit.len());
        let quoted = serde_json::to_string(&long).unwrap();
        let records = [
            format!("{{\"time\":\"2026-03-01T10:00:00Z\",\"uri\":\"/a\",\"path\":{quoted}}}"),
            format!(
                "{{\"time\":\"2026-03-01T10:00:00Z\",\"query\":{quoted},\"resource_id\":\"1\"}}"
            ),
            format!("{{\"time\":\"2026-03-01T10:00:00Z\",\"uri\":{quoted}}}"),
            format!("{{\"time\":\"2026-03-01T10:00:00Z\",\"error\":{quoted},\"referer\":\"x\"}}"),
            format!(
                "1.2.3.4 - - [24/Aug/2024:22:32:18 +0000] \"GET {long} HTTP/2.0\" 404 57 \"{long}"
            ),
            long,
        ];
        for (at, record) in records.iter().enumerate() {
            let raw = &record.as_bytes()[..record.len().min(262_144)];
            let start = Instant::now();
            if let Ok(mut event) = decoder.decode(raw, None) {
                enricher.enrich(&mut event);
                redactor.redact(&mut event);
            }
            let took = start.elapsed();
            assert!(took < LIMIT, "record {at} of `{unit}` took {took:?}");
        }
    }
}
