//! Events a second on one core: decode, and decode with enrich and redaction, on native JSON of about 650 bytes.
//!
//! `cargo bench --bench decode`. The records come from a fixed seed: ordinary gateway traffic, with one attack in a thousand.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gatewatch::config::{self, Format};
use gatewatch::decode::Decoder;
use gatewatch::enrich::{Enricher, Redactor};
use gatewatch::event::Event;

const RECORDS: usize = 20_000;
const LEAST: Duration = Duration::from_secs(2);

/// A linear congruential generator (Knuth's MMIX constants): the same records on every machine.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).expect("an index")]
    }
}

fn record(seeded: &mut Seeded, number: usize) -> String {
    let path = match seeded.below(4) {
        0 => format!("/api/v1/residents/{}", seeded.below(100_000)),
        1 => format!("/api/v1/complexes/{}/plates", seeded.below(500)),
        2 => format!(
            "/api/v1/events/{:08x}-0000-4000-8000-{:012x}",
            seeded.below(1 << 30),
            seeded.below(1 << 30)
        ),
        _ => "/api/v1/residents/search".to_owned(),
    };
    let query = match seeded.below(1_000) {
        0 => "q=1%27%20or%20%271%27%3D%271",
        1..=300 => "limit=50&from=2026-03-01T00:00:00Z",
        301..=600 => "name=%D0%98%D0%B2%D0%B0%D0%BD&page=2",
        _ => "",
    };
    format!(
        r#"{{"time":"2026-03-01T10:{:02}:{:02}.{:03}Z","gateway":"gw-{}","sequence":{number},"request_id":"{:016x}{:016x}","direction":"inbound","integration":"partner-{}","method":"{}","scheme":"https","http_version":"1.1","host":"api.propdev.example","path":"{path}","query":"{query}","status":{},"request_bytes":{},"response_bytes":{},"duration_us":{},"client_address":"10.{}.{}.{}","user_agent":"partner-sync/2.4.1 (linux; amd64)","client_id":"client-{}","tls_version":"TLSv1.3","tls_cipher":"TLS_AES_256_GCM_SHA384","subject":"user-{}","roles":["concierge"],"token_id":"{:016x}","token_outcome":"valid","decision":"allow"}}"#,
        seeded.below(60),
        seeded.below(60),
        seeded.below(1_000),
        seeded.below(4),
        seeded.below(u64::MAX),
        seeded.below(u64::MAX),
        seeded.below(20),
        seeded.pick(&["GET", "GET", "GET", "POST"]),
        seeded.pick(&["200", "200", "200", "404"]),
        seeded.below(2_000),
        seeded.below(20_000),
        seeded.below(200_000),
        seeded.below(256),
        seeded.below(256),
        seeded.below(256),
        seeded.below(300),
        seeded.below(50_000),
        seeded.below(u64::MAX),
    )
}

/// Prints a figure, unless arguments name others (`cargo bench --bench decode -- redact`).
fn figure(name: &str, records: &[String], work: impl FnMut(&str)) {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
        println!("figure {name} {:.0} events/s", rate(records, work));
    }
}

/// Time that this thread has had a core, where the system tells (Linux), else the time that passed: other work on the machine is not
/// ours.
fn busy(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Events a second of the best of five rounds, each a whole number of passes.
fn rate(records: &[String], mut work: impl FnMut(&str)) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let start = Instant::now();
        let busy_before = busy(start);
        let mut passes = 0_u32;
        while start.elapsed() < LEAST / 5 {
            for record in records {
                work(record);
            }
            passes += 1;
        }
        let events = f64::from(passes) * records.len() as f64;
        best = best.max(events / busy(start).checked_sub(busy_before).unwrap().as_secs_f64());
    }
    best
}

fn main() {
    let mut seeded = Seeded(3);
    let records: Vec<String> = (0..RECORDS)
        .map(|number| record(&mut seeded, number))
        .collect();
    let bytes: usize = records.iter().map(String::len).sum();
    println!("{RECORDS} records, {} bytes on average", bytes / RECORDS);

    let decoder = |format| {
        Decoder::new(&config::Decode {
            format,
            ..config::Decode::default()
        })
        .expect("the defaults are valid")
    };
    let (native, auto) = (decoder(Format::Native), decoder(Format::Auto));
    let enricher = Enricher::new(&config::Enrich::default()).expect("the defaults are valid");
    let redactor = Redactor::new(&[7; 32], "bench");
    figure("decode_events_per_second_core", &records, |raw| {
        black_box(
            native
                .decode(raw.as_bytes(), None)
                .expect("the records are valid"),
        );
    });
    figure("decode_auto_events_per_second_core", &records, |raw| {
        black_box(
            auto.decode(raw.as_bytes(), None)
                .expect("the records are valid"),
        );
    });
    figure("decode_sonic_rs_events_per_second_core", &records, |raw| {
        black_box(sonic_rs::from_slice::<Event>(raw.as_bytes()).expect("the records are valid"));
    });
    figure(
        "decode_serde_json_events_per_second_core",
        &records,
        |raw| {
            black_box(
                serde_json::from_slice::<Event>(raw.as_bytes()).expect("the records are valid"),
            );
        },
    );
    figure("decode_enrich_events_per_second_core", &records, |raw| {
        let mut event = native
            .decode(raw.as_bytes(), None)
            .expect("the records are valid");
        enricher.enrich(&mut event);
        black_box(&event);
    });
    figure(
        "decode_enrich_redact_events_per_second_core",
        &records,
        |raw| {
            let mut event = native
                .decode(raw.as_bytes(), None)
                .expect("the records are valid");
            enricher.enrich(&mut event);
            redactor.redact(&mut event);
            black_box(&event);
        },
    );
}
