//! Events a second of the rule engine on one core, beside rsigma on the same rules and events.
//!
//! Corpus: the public web and proxy rules and 20,000 events of `GATEWATCH_DATA` (default `../shared/data`), folder
//! `sigmahq-web`. Events are decoded beforehand for both. Each round times both engines, one after the other; the best of
//! each counts.

#[path = "../tests/data/mod.rs"]
mod data;
#[path = "../tests/web_rules/mod.rs"]
mod web_rules;

use std::hint::black_box;
use std::time::{Duration, Instant};

use gatewatch::sigma::RuleSet;
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
    let named: Vec<_> = web_rules::events(&folder)
        .iter()
        .map(web_rules::under_every_name)
        .collect();
    let records: Vec<String> = named.iter().map(web_rules::native).collect();
    let events: Vec<_> = records
        .iter()
        .map(|record| web_rules::decode(record))
        .collect();
    let mut scratch = rules.scratch();

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
    let rate = |events: usize, time: Duration| {
        #[allow(clippy::cast_precision_loss)] // a count of events is far below 2^52
        let events = events as f64;
        events / time.as_secs_f64()
    };
    let ours = rate(events.len() * PASSES, ours);
    let theirs = rate(events.len(), theirs);
    println!("figure rsigma_events_per_second_core {theirs:.0} events/s");
    println!("figure sigma_events_per_second_core {ours:.0} events/s");
    println!("figure sigma_vs_rsigma {:.2} ratio", ours / theirs);
}
