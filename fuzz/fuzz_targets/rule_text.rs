//! No text may panic the reader of rules, and a set that loads matches events. `cargo +nightly fuzz run rule_text`.
#![no_main]

use gatewatch::event::Event;
use gatewatch::sigma::RuleSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(rules) = RuleSet::from_sources(&[("rules/family/fuzz.yml".into(), text.to_owned())])
    else {
        return;
    };
    let mut scratch = rules.scratch();
    let event = Event {
        path: Some(text.into()),
        query: Some("q=%27".into()),
        status: Some(404),
        ..Event::default()
    };
    for rule in rules.matches(&event, &mut scratch).to_vec() {
        rules.explain(rule, &event);
    }
});
