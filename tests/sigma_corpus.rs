//! The public web and proxy rules on 20,000 events: this engine against rsigma, event by event.

mod data;
mod web_rules;

use std::collections::BTreeSet;

use gatewatch::sigma::RuleSet;
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;

/// Matches of all rules in all events, as the README of the data states.
const PUBLISHED_MATCHES: usize = 423;

fn rsigma(sources: &[(std::path::PathBuf, String)]) -> Engine {
    let mut engine = Engine::new();
    for (path, text) in sources {
        let collection = rsigma_parser::parse_sigma_yaml(text).expect("rsigma reads the rule");
        engine
            .add_collection(&collection)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    engine
}

#[test]
fn matches_equal_those_of_rsigma_event_by_event() {
    let Some(folder) = data::folder("sigmahq-web") else {
        return;
    };
    let all = web_rules::sources(&folder);
    let total = all.len();
    let (taken, refused) = web_rules::supported(all);
    println!("{} of {total} rules are supported", taken.len());
    for (name, reason) in &refused {
        println!("not supported: {name}: {reason}");
    }
    let rules = RuleSet::from_sources(&taken).unwrap_or_else(|errors| panic!("{errors}"));
    let oracle = rsigma(&taken);
    let mut scratch = rules.scratch();
    let mut found = 0;
    for event in web_rules::events(&folder) {
        let record = web_rules::native(&event);
        let matched: BTreeSet<String> = rules
            .matches(&web_rules::decode(&record), &mut scratch)
            .iter()
            .map(|rule| rules.rules()[*rule as usize].meta.id.to_string())
            .collect();
        let expected: BTreeSet<String> = oracle
            .evaluate(&JsonEvent::borrow(&web_rules::under_every_name(&event)))
            .into_iter()
            .filter_map(|result| result.header.rule_id)
            .collect();
        assert_eq!(matched, expected, "{record}");
        found += matched.len();
    }
    println!(
        "{found} matches, {} rules always looked at",
        rules.always_evaluated()
    );
    assert_eq!(found, PUBLISHED_MATCHES);
    assert_eq!(refused, [], "every rule of the corpus loads");
}
