//! The engine as a whole: language, errors, links across files, and the naive evaluator beside it.

mod differential;
mod errors;
mod exceptions;
mod language;
mod links;
mod oracle;
mod peer;

use std::path::PathBuf;

use super::{RuleErrors, RuleSet};
use crate::event::Event;

/// A rule file around a detection, which is indented by two spaces already.
fn rule_text(detection: &str) -> String {
    format!(
        "title: t\nid: 929a690e-bef0-4204-a928-ef5e620d6fcc\nlevel: low\nlogsource:\n  category: webserver\ndetection:\n{detection}"
    )
}

fn load(text: &str) -> Result<RuleSet, RuleErrors> {
    RuleSet::from_sources(&[(PathBuf::from("rules/family/a.yml"), text.to_owned())])
}

/// Whether a rule with this detection matches a native record.
fn matches(detection: &str, record: &str) -> bool {
    let rules = load(&rule_text(detection)).unwrap_or_else(|errors| panic!("{errors}"));
    let event: Event<'_> = serde_json::from_str(record).unwrap();
    let mut scratch = rules.scratch();
    let found = rules.matches(&event, &mut scratch).to_vec();
    assert_eq!(
        rules.matches(&event, &mut scratch),
        found,
        "a second look at the same event finds the same"
    );
    !found.is_empty()
}

/// Errors of a text, as they are printed.
fn errors(text: &str) -> String {
    load(text).expect_err("the rule is wrong").to_string()
}
