//! What the shipped rules cost: from the bytes of a record to matches, and how that grows when there are twenty times as many rules.
//!
//! `make bench-rules`, or `cargo bench --bench catalogue`. One thread. Corpus: ordinary traffic of the simulator, native JSON. The
//! many rules are the shipped ones again and again, with other words in each copy, so no test is shared between copies.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::{Event, Timestamp};
use gatewatch::sigma::RuleSet;
use gatewatch::simulate::{Generator, Settings, Shapes};
use serde_json::{Value as Json, json};

const EVENTS: u64 = 100_000;
const ROUNDS: usize = 5;
/// Rounds of the two sets that are compared.
const ROUNDS_IN_TURN: usize = 9;
const DAY_US: i64 = 86_400_000_000;
/// Sizes of the sets that are compared.
const FEW: usize = 150;
const MANY: usize = 3_000;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let settings = config::Rules {
        folder: folder.clone(),
        ..config::Rules::default()
    };
    let rules = RuleSet::load(&settings).unwrap_or_else(|errors| panic!("{errors}"));
    println!(
        "{} rules, {} correlations, {} rules have no witness",
        rules.rules().len(),
        rules.correlations().len(),
        rules.always_evaluated()
    );
    let records = records();
    let decoder = Decoder::new(&config::Decode::default()).expect("the defaults need no file");
    let enricher = Enricher::new(&config::Enrich::default()).expect("the defaults need no file");
    let prepared = |record| -> Event<'_> {
        let mut event = decoder
            .decode(record, None)
            .expect("the simulator writes what decodes");
        enricher.enrich(&mut event);
        event
    };

    let mut scratch = rules.scratch();
    let whole = best(|| {
        records
            .iter()
            .map(|record| rules.matches(&prepared(record), &mut scratch).len())
            .sum()
    });
    println!(
        "figure catalogue_events_per_second {:.0} events/s",
        rate(&records, whole)
    );

    let events: Vec<Event<'_>> = records.iter().map(|record| prepared(record)).collect();
    let documents = documents(&folder);
    let sets = [FEW, MANY].map(|count| {
        let rules = RuleSet::from_sources(&varied(&documents, count))
            .unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(rules.rules().len(), count);
        rules
    });
    let mut scratches = [sets[0].scratch(), sets[1].scratch()];
    let mut least = [Duration::MAX; 2];
    // In turn, so that what else the machine does meets both.
    for _ in 0..ROUNDS_IN_TURN {
        for (at, rules) in sets.iter().enumerate() {
            let begin = Instant::now();
            for event in &events {
                black_box(rules.matches(event, &mut scratches[at]).len());
            }
            least[at] = least[at].min(begin.elapsed());
        }
    }
    let [few, many] = least.map(|took| took.as_secs_f64() * 1e9 / whole_number(events.len()));
    println!("figure catalogue_match_ns_{FEW}_rules {few:.0} ns");
    println!("figure catalogue_match_ns_{MANY}_rules {many:.0} ns");
    println!(
        "figure catalogue_cost_{FEW}_to_{MANY} {:.2} ratio",
        many / few
    );
}

/// The best of some rounds.
fn best(mut round: impl FnMut() -> usize) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let begin = Instant::now();
        black_box(round());
        begin.elapsed()
    });
    rounds.min().expect("there is a round")
}

fn rate(records: &[Vec<u8>], took: Duration) -> f64 {
    whole_number(records.len()) / took.as_secs_f64()
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn whole_number(count: usize) -> f64 {
    count as f64
}

/// The detection rules of the folder that ship as a document each.
fn documents(folder: &Path) -> Vec<Json> {
    let mut paths = Vec::new();
    collect(folder, &mut paths);
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| fs::read_to_string(path).expect("a rule file is text"));
    let mut documents: Vec<Json> = Vec::new();
    for text in texts {
        let parts: Vec<Json> = serde_saphyr::from_multiple(&text).expect("a shipped rule is YAML");
        documents.extend(
            parts
                .into_iter()
                .filter(|part| part.get("detection").is_some()),
        );
    }
    documents
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            paths.push(path);
        }
    }
}

/// So many rules: the documents, then copies of them with other words.
fn varied(documents: &[Json], count: usize) -> Vec<(PathBuf, String)> {
    (0..count)
        .map(|number| {
            let (copy, which) = (number / documents.len(), number % documents.len());
            let mut document = documents[which].clone();
            if copy > 0 {
                vary(&mut document["detection"], copy);
            }
            let rule = json!({
                "title": format!("{} {copy}", document["title"].as_str().unwrap_or_default()),
                "logsource": document["logsource"],
                "detection": document["detection"],
            });
            // JSON is YAML.
            (
                PathBuf::from(format!("rules/copy/{number}.yml")),
                rule.to_string(),
            )
        })
        .collect()
}

/// Puts the number of the copy into the middle of each text but those of facts, conditions and regular expressions.
fn vary(node: &mut Json, copy: usize) {
    match node {
        Json::Array(items) => items.iter_mut().for_each(|item| vary(item, copy)),
        Json::Object(entries) => {
            for (key, value) in entries {
                let is_kept = key == "condition"
                    || key == "fact"
                    || ["|re", "|cidr", "|fieldref", "|exists"]
                        .iter()
                        .any(|part| key.contains(part));
                if !is_kept {
                    vary(value, copy);
                }
            }
        }
        Json::String(text) => {
            let mut middle = text.len() / 2;
            while !text.is_char_boundary(middle)
                || middle > 0 && text.as_bytes()[middle - 1] == b'\\'
            {
                middle -= 1;
            }
            text.insert_str(middle, &format!("{copy}q"));
        }
        _ => {}
    }
}

/// Ordinary traffic.
fn records() -> Vec<Vec<u8>> {
    let settings = Settings {
        seed: 4,
        start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
        span_us: DAY_US,
        quiet_us: 0,
        events: EVENTS,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let mut generator = Generator::new(settings).expect("the span is sound");
    let mut records = Vec::new();
    loop {
        let mut record = Vec::new();
        if generator.next_into(&mut record).is_none() {
            return records;
        }
        records.push(record);
    }
}
