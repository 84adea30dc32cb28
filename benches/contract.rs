//! What holding an event against ten contracts costs: finding contract and operation, and every fact.
//!
//! `cargo bench --bench contract`. Simulated calls of the three examples, a copy of each without the integration, so that hosts and paths
//! have to tell; the other seven contracts are variations of the examples. Best of five rounds.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatewatch::config;
use gatewatch::contract::Contracts;
use gatewatch::decode::Decoder;
use gatewatch::event::{Event, Timestamp};
use gatewatch::simulate::{Generator, Settings, Shapes};

const EXAMPLES: [&str; 3] = ["barrier-operator", "face-recognition", "tenant-sync"];
const CONTRACTS: usize = 10;
const ROUND: Duration = Duration::from_millis(400);

fn contracts() -> Contracts {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let sources: Vec<(PathBuf, String)> = (0..CONTRACTS)
        .map(|number| {
            let name = EXAMPLES[number % EXAMPLES.len()];
            let path = folder.join(format!("{name}.yaml"));
            let text = std::fs::read_to_string(&path).expect("the examples are there");
            let variation = number / EXAMPLES.len();
            let text = match variation {
                0 => text,
                _ => text
                    .replace(
                        &format!("integration: {name}"),
                        &format!("integration: {name}-{variation}"),
                    )
                    .replace("/v1/", &format!("/v{}/", variation + 1)),
            };
            (path, text)
        })
        .collect();
    Contracts::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

fn records() -> Vec<Vec<u8>> {
    let settings = Settings {
        seed: 7,
        start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
        span_us: 86_400_000_000,
        quiet_us: 0,
        events: 200_000,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let mut generator = Generator::new(settings).expect("the span is sound");
    let mut records = Vec::new();
    let mut record = Vec::new();
    while generator.next_into(&mut record).is_some() {
        let text = String::from_utf8_lossy(&record);
        let is_ours = |name: &str| text.contains(&format!("\"integration\":\"{name}\""));
        if EXAMPLES.iter().any(|name| is_ours(name)) {
            records.push(record.clone());
        }
        record.clear();
    }
    records
}

fn main() {
    let contracts = contracts();
    let records = records();
    let decoder = Decoder::new(&config::Decode::default()).expect("the defaults are valid");
    let decoded = records
        .iter()
        .map(|record| decoder.decode(record, None).expect("an event"));
    let mut events: Vec<(bool, Event<'_>)> = decoded
        .flat_map(|event| [(true, event.clone()), (false, event)])
        .collect();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begin = Instant::now();
        let mut passes = 0_u32;
        while begin.elapsed() < ROUND {
            for (named, event) in &mut events {
                if !*named {
                    (event.integration, event.route) = (None, None);
                    (event.operation, event.resource_id) = (None, None);
                }
                let recognised = contracts.recognise(event);
                contracts.assess(recognised, event);
                black_box(&event);
            }
            passes += 1;
        }
        let calls = f64::from(passes) * events.len() as f64;
        best = best.min(begin.elapsed().as_nanos() as f64 / calls);
    }
    println!("{} events, {} contracts", events.len(), contracts.len());
    println!("figure contract_facts_ns {best:.0} ns");
}
