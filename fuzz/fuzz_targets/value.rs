//! A rule of one value, whatever its modifiers: the search that goes before all rules must call it up for every event that it
//! matches. Lines: modifiers, value, text. `cargo +nightly fuzz run value`.
#![no_main]

use gatewatch::event::Event;
use gatewatch::sigma::RuleSet;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|input: &str| {
    let mut parts = input.splitn(3, '\n');
    let (Some(modifiers), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let rule = json!({
        "title": "t",
        "logsource": {"category": "webserver"},
        "detection": {"s": {format!("query{modifiers}"): value}, "condition": "s"},
    });
    let Ok(rules) = RuleSet::from_sources(&[("fuzz.yml".into(), rule.to_string())]) else {
        return;
    };
    let event = Event {
        query: Some(text.into()),
        path: Some(value.into()),
        ..Event::default()
    };
    let mut scratch = rules.scratch();
    let found = !rules.matches(&event, &mut scratch).is_empty();
    assert_eq!(found, rules.matches_alone(0, &event, &mut scratch));
});
