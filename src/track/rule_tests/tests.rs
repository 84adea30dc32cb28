use super::*;
use crate::sigma::Condition;

/// Native JSON as it is, nothing enriched.
fn native(case: &TestEvent, take: &mut dyn FnMut(&Event<'_>)) -> Result<(), String> {
    let event: Event<'_> = serde_json::from_str(&case.json).map_err(|error| error.to_string())?;
    take(&event);
    Ok(())
}

const RULES: &str = r"
title: Denied
id: 00000000-0000-4000-8000-000000000001
name: denied
status: test
level: low
logsource: {category: webserver}
detection: {selection: {status: 401}, condition: selection}
gatewatch:
  tests:
    match: [{time: '2026-03-01T10:00:00Z', status: 401}]
    no_match: [{time: '2026-03-01T10:00:00Z', status: 200}]
---
title: Guessing
id: 00000000-0000-4000-8000-000000000002
level: high
correlation:
  type: value_count
  rules: [denied]
  group-by: [client_address]
  timespan: 1m
  condition: {gte: 3, field: subject}
gatewatch:
  tests:
    match:
      - - {time: '2026-03-01T10:00:00Z', status: 401, client_address: 198.51.100.7, subject: a}
        - {time: '2026-03-01T10:00:20Z', status: 401, client_address: 198.51.100.7, subject: b}
        - {time: '2026-03-01T10:00:40Z', status: 401, client_address: 198.51.100.7, subject: c}
    no_match:
      - - {time: '2026-03-01T10:00:00Z', status: 401, client_address: 198.51.100.7, subject: a}
        - {time: '2026-03-01T10:00:20Z', status: 401, client_address: 198.51.100.7, subject: b}
        - {time: '2026-03-01T10:00:40Z', status: 401, client_address: 198.51.100.8, subject: c}
        - {time: '2026-03-01T10:01:00Z', status: 401, client_address: 198.51.100.7, subject: c}
";

fn rules(text: &str) -> RuleSet {
    RuleSet::from_sources(&[("rules/guessing/denied.yml".into(), text.to_owned())])
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn cases_that_hold_are_counted_and_nothing_fails() {
    let outcome = run(&rules(RULES), |_| true, &mut native);
    assert_eq!(
        outcome,
        Outcome {
            rules: 1,
            correlations: 1,
            cases: 4,
            failures: Vec::new()
        }
    );
}

#[test]
fn a_case_that_does_not_hold_is_told_with_file_and_line() {
    let wrong = RULES.replace("subject: c}\n    no_match", "subject: b}\n    no_match");
    let outcome = run(&rules(&wrong), |_| true, &mut native);
    let told: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["rules/guessing/denied.yml:26: `Guessing`: this has to match, and does not"]
    );
    let wrong = RULES.replace("status: 200}", "status: 401}");
    let outcome = run(&rules(&wrong), |_| true, &mut native);
    assert_eq!(outcome.failures[0].wrong, Wrong::Matches, "{outcome:?}");
    assert_eq!(outcome.failures[0].case, Some((false, 0)));
    let outcome = run(&rules(&wrong), |id| id.as_u128() % 2 == 0, &mut native);
    assert_eq!(
        (outcome.rules, outcome.failures.len()),
        (0, 0),
        "only those asked for"
    );
}

#[test]
fn a_rule_without_cases_fails() {
    let bare = RULES.split("gatewatch:").next().unwrap();
    let outcome = run(&rules(bare), |_| true, &mut native);
    assert_eq!(outcome.failures[0].wrong, Wrong::NoCases, "{outcome:?}");
}

#[test]
fn a_plan_takes_contents_from_what_rules_look_for() {
    let plan = |text: &str| Plan::of(&rules(text), config::Track::default());
    let (old, titled) = (
        plan(RULES),
        plan(&RULES.replace("title: Denied", "title: Refused")),
    );
    assert_eq!(old.fingerprint, titled.fingerprint, "a title is no content");
    let changed = plan(&RULES.replace("selection: {status: 401}", "selection: {status: 403}"));
    assert_ne!(old.rules[0].content, changed.rules[0].content);
    assert_ne!(
        old.correlations[0].content, changed.correlations[0].content,
        "what feeds it is part of it"
    );
    assert_eq!(old.correlations[0].condition, Condition::at_least(3.0));
    assert!(!old.rules[0].alerts);
}
