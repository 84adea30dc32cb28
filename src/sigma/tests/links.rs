//! What holds across documents and files: references, duplicates, fingerprints.

use std::path::PathBuf;

use super::{errors, load};
use crate::event::Field;
use crate::sigma::{CorrelationKind, Operator, RuleSet};

const RULE: &str = "title: failed login\nid: 53ba33fd-3a50-4468-a5ef-c583635cfa92\nname: failed_login\nlevel: low\nlogsource: {product: gatewatch}\ndetection:\n  s: {status: 401}\n  condition: s\n";

fn correlation(section: &str) -> String {
    format!(
        "{RULE}---\ntitle: many\nid: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: high\ncorrelation:\n{section}"
    )
}

const COUNT: &str = "  type: event_count\n  rules: [failed_login]\n  group-by: [client_address]\n  timespan: 10m\n  condition: {gte: 10}\n";

#[test]
fn a_correlation_finds_its_rules_by_name_or_id() {
    for rules in ["failed_login", "53BA33FD-3A50-4468-A5EF-C583635CFA92"] {
        let set = load(&correlation(&COUNT.replace("failed_login", rules))).unwrap();
        let found = &set.correlations()[0];
        assert_eq!(found.rules, [0]);
        assert_eq!(found.kind, CorrelationKind::EventCount);
        assert_eq!(found.group_by, [Field::ClientAddress]);
        assert_eq!(found.timespan_us, 600_000_000);
        assert_eq!(found.condition.op, Operator::GreaterOrEqual);
        assert!(found.condition.holds(10) && !found.condition.holds(9));
        assert_eq!(found.source.line, 10);
        assert_eq!(set.rules()[0].feeds, [0]);
        assert!(!set.rules()[0].alerts);
    }
    let set = load(&correlation(&format!("{COUNT}  generate: true\n"))).unwrap();
    assert!(set.rules()[0].alerts);
    let values = COUNT
        .replace("event_count", "value_count")
        .replace("{gte: 10}", "{field: cs-username, gt: 3}");
    let set = load(&correlation(&values)).unwrap();
    assert_eq!(
        set.correlations()[0].kind,
        CorrelationKind::ValueCount {
            field: Field::Subject
        }
    );
    assert_eq!(set.correlations()[0].condition.least(), 4);
}

#[test]
fn a_wrong_correlation_says_what_is_wrong() {
    for (from, to, expected) in [
        (
            "failed_login",
            "failed_logon",
            "did you mean `failed_login`?",
        ),
        (
            "failed_login",
            "0e95725d-7320-415d-80f7-004da920fc11",
            "a correlation of correlations is not supported yet",
        ),
        (
            "[failed_login]",
            "[failed_login, failed_login]",
            "is named twice",
        ),
        (
            "[failed_login]",
            "[failed_login, 53ba33fd-3a50-4468-a5ef-c583635cfa92]",
            "is named twice",
        ),
        (
            "event_count",
            "temporal",
            "correlation type `temporal` is not supported yet",
        ),
        ("event_count", "event_cuont", "did you mean `event_count`?"),
        ("event_count", "value_count", "value_count needs `field`"),
        (
            "{gte: 10}",
            "{gte: 10, field: path}",
            "event_count has no field",
        ),
        (
            "{gte: 10}",
            "{lt: 10}",
            "`lt` on a count is not supported yet",
        ),
        (
            "{gte: 10}",
            "{eq: 10}",
            "`eq` on a count is not supported yet",
        ),
        ("{gte: 10}", "{gt: 1, gte: 10}", "several comparisons"),
        (
            "{gte: 10}",
            "{gte: 0}",
            "this count is met by no event at all",
        ),
        (
            "{gte: 10}",
            "{gt: -1}",
            "this count is met by no event at all",
        ),
        ("{gte: 10}", "{gte: 1.5}", "a count is a whole number"),
        ("{gte: 10}", "{}", "the condition has no comparison"),
        ("10m", "10w", "`10w` is no timespan"),
        ("10m", "0s", "`0s` is no timespan"),
        ("10m", "99999999999999999999d", "is no timespan"),
        (
            "client_address",
            "clent_address",
            "did you mean `client_address`?",
        ),
        ("  timespan: 10m\n", "", "`timespan` is missing"),
        (
            "  timespan: 10m\n",
            "  timespan: 10m\n  aliases: {}\n",
            "`aliases` are not supported yet",
        ),
        (
            "  timespan: 10m\n",
            "  timespan: 10m\n  timespann: 10m\n",
            "unknown key `timespann`",
        ),
    ] {
        let text = errors(&correlation(&COUNT.replace(from, to)));
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
}

#[test]
fn sequences_of_events_test_a_correlation() {
    let block = "gatewatch:\n  tests:\n    match:\n      - [{time: 0, status: 401}, {time: 1, status: 401}]\n    no_match:\n      - []\n";
    let set =
        load(&format!("{}{block}", correlation(COUNT))).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(set.correlations()[0].tests.matching[0].len(), 2);
    assert!(set.correlations()[0].tests.not_matching[0].is_empty());
}

#[test]
fn an_id_or_name_is_taken_once() {
    let text = errors(&format!("{RULE}---\n{RULE}"));
    assert!(
        text.contains(
            "id `53ba33fd-3a50-4468-a5ef-c583635cfa92` is taken already, by rules/family/a.yml:1"
        ),
        "{text}"
    );
    assert!(
        text.contains("name `failed_login` is taken already"),
        "{text}"
    );
}

#[test]
fn errors_of_all_files_come_together() {
    let source = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
    let sources = [
        source("a.yml", "title: [\n"),
        source("b.yml", RULE),
        source("c.yml", "title: x\n"),
    ];
    let text = RuleSet::from_sources(&sources).unwrap_err().to_string();
    assert!(
        text.contains("a.yml:") && text.contains("c.yml:1:1"),
        "{text}"
    );
    assert!(!text.contains("b.yml"), "{text}");
}

#[test]
fn the_family_is_the_folder_unless_given() {
    assert_eq!(load(RULE).unwrap().rules()[0].meta.family, "family");
}

#[test]
fn a_folder_is_read_in_the_order_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    std::fs::write(folder.path().join("b/a.yml"), RULE).unwrap();
    let second = RULE
        .replace("53ba33fd", "63ba33fd")
        .replace("failed_login", "other");
    std::fs::write(folder.path().join("a.yml"), second).unwrap();
    std::fs::write(folder.path().join("README.md"), "no rule").unwrap();
    let set = RuleSet::load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    let names: Vec<_> = set
        .rules()
        .iter()
        .filter_map(|rule| rule.name.as_deref())
        .collect();
    assert_eq!(names, ["other", "failed_login"]);
    assert_eq!(set.rules()[1].meta.family, "b");
    let empty = tempfile::tempdir().unwrap();
    assert!(
        RuleSet::load(empty.path())
            .unwrap_err()
            .to_string()
            .contains("no rule file")
    );
    assert!(
        RuleSet::load(&empty.path().join("gone"))
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn the_fingerprint_stands_for_the_text() {
    let set = |text: &str| load(text).unwrap().fingerprint();
    assert_eq!(set(RULE), 14_218_766_623_982_218_458);
    assert_ne!(set(RULE), set(&RULE.replace("401", "403")));
}
