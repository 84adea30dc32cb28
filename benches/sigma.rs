//! Events a second of the rule engine on one core, beside rsigma on the same rules and events.
//!
//! Corpus: the public web and proxy rules and 20,000 events of `GATEWATCH_DATA` (default `../shared/data`), folder
//! `sigmahq-web`. Events are decoded beforehand for both. User agents and hosts are made unique, so that nobody wins by remembering
//! values; the matches of the events as they are are told besides. Each round times both engines, one after the other; the best
//! of each counts.

#[path = "../tests/data/mod.rs"]
mod data;
#[path = "../tests/web_rules/mod.rs"]
mod web_rules;

use std::hint::black_box;
use std::time::{Duration, Instant};

use gatewatch::sigma::{RuleSet, Scratch};
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;

const ROUNDS: usize = 5;

/// Passes over all events that one round of our engine takes, so that a round lasts long enough to be timed.
const PASSES: usize = 10;

fn main() {
    let Some(folder) = data::folder("sigmahq-web") else {
        return;
    };
    let (sources, refused) = web_rules::supported(web_rules::sources(&folder));
    println!("{} rules, {} not supported", sources.len(), refused.len());
    let rules = RuleSet::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    println!("{} rules have no witness", rules.always_evaluated());
    let mut oracle = Engine::new();
    for (_, text) in &sources {
        let collection = rsigma_parser::parse_sigma_yaml(text).expect("rsigma reads the rules");
        oracle
            .add_collection(&collection)
            .expect("rsigma takes the rules");
    }
    let mut scratch = rules.scratch();
    let mut events = web_rules::events(&folder);
    let matches = |event: &serde_json::Value, scratch: &mut Scratch| {
        let record = web_rules::native(&web_rules::under_every_name(event));
        rules.matches(&web_rules::decode(&record), scratch).len()
    };
    let found: usize = events
        .iter()
        .map(|event| matches(event, &mut scratch))
        .sum();
    println!("figure sigmahq_matches {found} count");
    for (number, event) in events.iter_mut().enumerate() {
        make_unique(event, number);
    }
    let named: Vec<_> = events.iter().map(web_rules::under_every_name).collect();
    let records: Vec<String> = named.iter().map(web_rules::native).collect();
    let events: Vec<_> = records
        .iter()
        .map(|record| web_rules::decode(record))
        .collect();

    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for round in 0..ROUNDS {
        let begin = Instant::now();
        let mut found = 0;
        for _ in 0..PASSES {
            for event in &events {
                found += black_box(rules.matches(event, &mut scratch)).len();
            }
        }
        ours = ours.min(begin.elapsed());
        let begin = Instant::now();
        let mut expected = 0;
        for event in &named {
            expected += black_box(oracle.evaluate(&JsonEvent::borrow(event))).len();
        }
        theirs = theirs.min(begin.elapsed());
        assert_eq!(found, expected * PASSES, "both engines find the same");
        println!("round {round}: {found} and {expected} matches");
    }
    let mut from_bytes = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for record in &records {
            black_box(rules.matches(&web_rules::decode(record), &mut scratch));
        }
        from_bytes = from_bytes.min(begin.elapsed());
    }
    let rate = |events: usize, time: Duration| {
        #[allow(clippy::cast_precision_loss)] // a count of events is far below 2^52
        let events = events as f64;
        events / time.as_secs_f64()
    };
    let ours = rate(events.len() * PASSES, ours);
    let theirs = rate(events.len(), theirs);
    let from_bytes = rate(records.len(), from_bytes);
    println!("figure sigma_json_events_per_second {from_bytes:.0} events/s");
    println!("figure rsigma_events_per_second_core {theirs:.0} events/s");
    println!("figure sigma_events_per_second_core {ours:.0} events/s");
    println!("figure sigma_vs_rsigma {:.2} ratio", ours / theirs);
}

/// Appends a number to user agent and host; texts that were empty stay so.
fn make_unique(event: &mut serde_json::Value, number: usize) {
    for name in ["cs-user-agent", "c-useragent", "cs-host", "r-dns"] {
        if let Some(serde_json::Value::String(text)) = event.get_mut(name)
            && !text.is_empty()
        {
            *text = format!("{text} {number:x}");
        }
    }
}
