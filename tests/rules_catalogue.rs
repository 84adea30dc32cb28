//! The rules that ship with gatewatch: all load, all are documented, all of their cases hold, and ordinary traffic is
//! left in peace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::Event;
use gatewatch::requirement::Requirement;
use gatewatch::sigma::{Level, Rule, RuleMeta, RuleSet};
use gatewatch::track::rule_tests;

#[path = "data/mod.rs"]
mod data;

fn catalogue() -> RuleSet {
    let settings = config::Rules {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"),
        ..config::Rules::default()
    };
    RuleSet::load(&settings)
        .unwrap_or_else(|errors| panic!("the catalogue does not load:\n{errors}"))
}

fn enricher() -> Enricher {
    Enricher::new(&config::Enrich::default()).expect("the defaults need no file")
}

#[test]
fn every_rule_is_documented_in_both_languages() {
    let rules = catalogue();
    let mut ids = BTreeSet::new();
    let mut problems = Vec::new();
    let all = rules
        .rules()
        .iter()
        .map(|rule| (&rule.meta, &rule.source))
        .chain(
            rules
                .correlations()
                .iter()
                .map(|rule| (&rule.meta, &rule.source)),
        );
    for (meta, source) in all {
        problems.extend(
            undocumented(meta)
                .into_iter()
                .map(|what| format!("{}: {what}", source.path.display())),
        );
        if !ids.insert(meta.id) {
            problems.push(format!(
                "{}: id {} is taken",
                source.path.display(),
                meta.id
            ));
        }
    }
    assert!(ids.len() >= 25, "{} rules", ids.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn undocumented(meta: &RuleMeta) -> Vec<String> {
    let mut problems = Vec::new();
    if meta.description.len() < 60 {
        problems.push("the description says too little".to_owned());
    }
    let is_russian = |text: &String| text.chars().any(|c| ('а'..='я').contains(&c));
    let texts = [
        ("title_ru", &meta.title_ru),
        ("description_ru", &meta.description_ru),
        ("advice_ru", &meta.advice_ru),
    ];
    for (name, text) in texts {
        if !text.as_ref().is_some_and(is_russian) {
            problems.push(format!("{name} is absent or not Russian"));
        }
    }
    let harmless = &meta.false_positives_ru;
    if harmless.len() != meta.false_positives.len() || !harmless.iter().all(is_russian) {
        problems.push("falsepositives_ru does not say what falsepositives says".to_owned());
    }
    if meta.advice.is_none() || meta.false_positives.is_empty() {
        problems.push("advice or falsepositives is absent".to_owned());
    }
    if meta.id.get_version_num() != 4 {
        problems.push(format!("id {} is not a UUID of version 4", meta.id));
    }
    let requirements: Vec<_> = meta
        .tags
        .iter()
        .filter_map(|tag| tag.strip_prefix("requirement."))
        .collect();
    if requirements.is_empty()
        || requirements
            .iter()
            .any(|id| Requirement::named(id).is_none())
    {
        problems.push(format!("requirement tags {requirements:?}"));
    }
    if !meta.tags.iter().any(|tag| tag.starts_with("attack.t")) {
        problems.push("no ATT&CK technique".to_owned());
    }
    problems
}

#[test]
fn every_rule_has_two_cases_of_each_kind() {
    let rules = catalogue();
    let counts = rules
        .rules()
        .iter()
        .map(|rule| {
            (
                &rule.source,
                rule.tests.matching.len(),
                rule.tests.not_matching.len(),
            )
        })
        .chain(rules.correlations().iter().map(|rule| {
            (
                &rule.source,
                rule.tests.matching.len(),
                rule.tests.not_matching.len(),
            )
        }));
    for (source, matching, not_matching) in counts {
        assert!(
            matching >= 2 && not_matching >= 2,
            "{}: {matching} and {not_matching} cases",
            source.path.display()
        );
    }
}

#[test]
fn base_rules_do_not_alert_by_themselves() {
    let rules = catalogue();
    for rule in rules.rules() {
        assert_eq!(
            rule.alerts,
            rule.feeds.is_empty(),
            "{} alerts and feeds a correlation",
            rule.source.path.display()
        );
        assert!(
            rule.alerts || rule.meta.level <= Level::Low,
            "{} only counts, so its level is informational or low",
            rule.source.path.display()
        );
    }
}

#[test]
fn a_family_is_the_folder_of_its_rules() {
    let rules = catalogue();
    for rule in rules.rules() {
        let folder = rule.source.path.parent().and_then(Path::file_name);
        assert_eq!(
            folder.and_then(|name| name.to_str()),
            Some(rule.meta.family.as_str())
        );
    }
}

#[test]
fn ordinary_traffic_raises_no_alert() {
    let Some(folder) = data::folder("access-logs-elastic") else {
        return;
    };
    let text = unpack(&folder.join("apache_logs.zst"));
    let rules = catalogue();
    let decoder = decoder("apache");
    let enricher = enricher();
    let mut scratch = rules.scratch();
    let mut alerts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut events = 0;
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Ok(mut event) = decoder.decode(line, None) else {
            continue;
        };
        enricher.enrich(&mut event);
        events += 1;
        for index in rules.matches(&event, &mut scratch) {
            let rule: &Rule = &rules.rules()[*index as usize];
            if rule.alerts {
                alerts
                    .entry(&rule.meta.title)
                    .or_default()
                    .push(String::from_utf8_lossy(line).into_owned());
            }
        }
    }
    assert!(events > 9_900, "only {events} lines could be read");
    assert!(alerts.is_empty(), "{alerts:#?}");
}

fn decoder(format: &str) -> Decoder {
    let config = serde_json::from_value(serde_json::json!({ "format": format }))
        .expect("the format is known");
    Decoder::new(&config).expect("the format needs no file")
}

fn unpack(path: &Path) -> Vec<u8> {
    let packed = std::fs::read(path).expect("the data is readable");
    zstd::decode_all(packed.as_slice()).expect("the data is zstd")
}

#[test]
fn every_case_holds() {
    let rules = catalogue();
    let enricher = enricher();
    let outcome = rule_tests::run(&rules, |_| true, &mut |case, hand_on| {
        let mut event: Event<'_> =
            serde_json::from_str(&case.json).map_err(|error| error.to_string())?;
        enricher.enrich(&mut event);
        case.complete(&mut event);
        hand_on(&event);
        Ok(())
    });
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(
        outcome.cases > 1_000,
        "only {} cases were run",
        outcome.cases
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
