//! Generated rules on generated events: the engine answers as rsigma-eval 0.23 does, but where the two read the
//! specification differently. Each such case is named here, with the sentence that decides it.

use std::path::PathBuf;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use serde_json::Value as Json;

use super::differential::{file, record, rule};
use crate::event::Event;
use crate::sigma::RuleSet;

/// Why the two may differ on an item of a detection.
fn explained(key: &str, value: &Json) -> Option<&'static str> {
    let has = |modifier: &str| key.split('|').skip(1).any(|name| name == modifier);
    let values: Vec<&str> = match value {
        Json::Array(values) => values.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let any_has = |chars: &[char]| values.iter().any(|value| value.contains(chars));
    if key == "|all" {
        // rsigma wants the whole of a field to be the keyword there.
        return Some("strings that are applied to the full log message");
    }
    if has("windash") && any_has(&['/', '–', '—', '―']) {
        // rsigma takes the hyphen alone for the others.
        return Some(
            "creates all possible permutations of the `-`, `/`, en dash, em dash and horizontal bar",
        );
    }
    if has("windash") && any_has(&['*', '?']) {
        // rsigma takes a wildcard for the character itself there.
        return Some("you can use wildcard characters `*` and `?` in strings");
    }
    if (has("base64") || has("base64offset")) && !has("cased") {
        // rsigma minds the case of what is encoded.
        return Some("default Sigma behavior is case-insensitive matching");
    }
    if (has("startswith") || has("endswith")) && any_has(&['*', '?']) {
        // rsigma looks for a value with wildcards anywhere.
        return Some("the value is expected at the beginning (end) of the field's content");
    }
    if has("fieldref") && (key.starts_with("roles") || values.contains(&"roles")) {
        // rsigma compares no lists.
        return Some("a field reference can be used to compare fields of matched events");
    }
    None
}

/// rsigma does not look for keywords in lists, and takes one with wildcards for the whole of a field.
fn is_explained_keyword(search: &Json) -> bool {
    let keyword = |keyword: &Json| {
        keyword
            .as_str()
            .is_some_and(|text| text.contains(['*', '?']))
    };
    search
        .as_array()
        .is_some_and(|list| list.iter().any(keyword))
}

fn items(search: &Json) -> Vec<(&str, &Json)> {
    match search {
        Json::Object(map) => map
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect(),
        Json::Array(list) => list.iter().flat_map(items).collect(),
        _ => Vec::new(),
    }
}

fn has_keywords(rule: &Json) -> bool {
    let searches = rule.as_object().unwrap().values();
    searches
        .filter_map(Json::as_array)
        .flatten()
        .any(Json::is_string)
}

fn is_explained(rule: &Json) -> bool {
    // "All values are treated as case-insensitive strings": rsigma folds a sigma by where it stands in its word.
    if rule.to_string().contains('Σ') {
        return true;
    }
    let searches = || {
        let entries = rule.as_object().unwrap().iter();
        entries.filter(|(name, _)| *name != "condition")
    };
    if searches().any(|(_, search)| is_explained_keyword(search)) {
        return true;
    }
    searches()
        .flat_map(|(_, search)| items(search))
        .any(|(key, value)| explained(key, value).is_some())
}

/// The record as rsigma has to see it: with the fields that are computed here, without a list that holds nothing (which
/// is no value here: "this check only verifies the presence of a field").
fn for_peer(record: &Json) -> Json {
    let mut seen = record.clone();
    for (computed, raw) in [("path_decoded", "path"), ("query_decoded", "query")] {
        if let Some(value) = record.get(raw) {
            seen[computed] = value.clone();
        }
    }
    if seen["roles"].as_array().is_some_and(Vec::is_empty) {
        seen.as_object_mut().unwrap().remove("roles");
    }
    seen
}

/// Rules that are generated; about every seventh is compared, the others have an item that is explained above.
const RULES: usize = 30_000;

#[test]
fn the_engine_answers_as_rsigma() {
    // The same rules each time: a difference that nobody has seen yet is for people to explain, not for another commit to fail by.
    let mut runner = TestRunner::deterministic();
    let (mut compared, mut matched) = (0, 0);
    for _ in 0..RULES {
        let rule = one_of(&rule(), &mut runner);
        if is_explained(&rule) {
            continue;
        }
        let text = file(0, &rule);
        let Ok(set) = RuleSet::from_sources(&[(PathBuf::from("r/a.yml"), text.clone())]) else {
            continue;
        };
        let mut engine = Engine::new();
        let peer = rsigma_parser::parse_sigma_yaml(&text).unwrap();
        // It refuses `time|hour|gte`, which the specification does not forbid.
        if engine.add_collection(&peer).is_err() {
            continue;
        }
        let mut scratch = set.scratch();
        for _ in 0..4 {
            let mut record = one_of(&record(), &mut runner);
            if has_keywords(&rule) {
                // rsigma takes the whole record for the log message, numbers and addresses included; we take its texts.
                let fields = record.as_object_mut().unwrap();
                fields.retain(|name, _| name != "status" && name != "client_address");
            }
            let json = record.to_string();
            let event: Event<'_> = serde_json::from_str(&json).unwrap();
            let ours = !set.matches(&event, &mut scratch).is_empty();
            let theirs = !engine
                .evaluate(&JsonEvent::borrow(&for_peer(&record)))
                .is_empty();
            assert_eq!(ours, theirs, "{json} {rule}");
            compared += 1;
            matched += usize::from(ours);
        }
    }
    println!("{compared} answers compared, {matched} of them matches");
    assert!(compared > 10_000 && matched > 2_000, "{compared} {matched}");
}

fn one_of<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}
