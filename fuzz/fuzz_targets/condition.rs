//! No condition may panic its reader. `cargo +nightly fuzz run condition`.
#![no_main]

use gatewatch::sigma::RuleSet;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|condition: &str| {
    let rule = json!({
        "title": "t",
        "logsource": {"category": "webserver"},
        "detection": {
            "selection_a": {"path": "a"},
            "selection_b": {"query": "b"},
            "_hidden": {"path": "c"},
            "condition": condition,
        },
    });
    let _ = RuleSet::from_sources(&[("fuzz.yml".into(), rule.to_string())]);
});
