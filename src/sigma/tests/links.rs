//! What holds across documents and files: references, duplicates, fingerprints.

use std::path::PathBuf;

use super::{errors, load};
use crate::config;
use crate::event::Field;
use crate::sigma::{
    Condition, CorrelationKind, Feed, Level, Member, MemberSource, RuleErrors, RuleSet, Vocabulary,
};

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
        let member = Member {
            source: MemberSource::Rule(0),
            group_by: vec![Field::ClientAddress],
        };
        assert_eq!(found.members, [member]);
        assert_eq!(found.kind, CorrelationKind::EventCount);
        assert_eq!(found.timespan_us, 600_000_000);
        assert_eq!(found.condition, Condition::at_least(10.0));
        assert!(found.condition.holds(10.0) && !found.condition.holds(9.0));
        assert_eq!(found.source.line, 10);
        let feed = Feed {
            correlation: 0,
            member: 0,
        };
        assert_eq!(set.rules()[0].feeds, [feed]);
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
            fields: vec![Field::Subject]
        }
    );
    let condition = &set.correlations()[0].condition;
    assert!(condition.holds(4.0) && !condition.holds(3.0));
}

/// A correlation of another type, with another condition.
fn of_type(name: &str, condition: &str) -> Result<RuleSet, RuleErrors> {
    let section = COUNT
        .replace("event_count", name)
        .replace("{gte: 10}", condition);
    load(&correlation(&section))
}

#[test]
fn every_type_of_the_specification_loads() {
    use CorrelationKind::*;
    let (status, path) = (Field::Status, Field::Path);
    for (name, condition, kind) in [
        ("temporal", "{gte: 1}", Temporal),
        ("temporal_ordered", "{eq: 1}", TemporalOrdered),
        (
            "value_count",
            "{field: [path, sc-status], gt: 1, lte: 5}",
            ValueCount {
                fields: vec![path, status],
            },
        ),
        (
            "value_sum",
            "{field: status, gt: 2.5}",
            ValueSum { field: status },
        ),
        (
            "value_avg",
            "{field: status, neq: 3}",
            ValueAvg { field: status },
        ),
        (
            "value_percentile",
            "{field: status, percentile: 99, gte: 3}",
            ValuePercentile {
                field: status,
                percentile: 99.0,
            },
        ),
        (
            "value_percentile",
            "{field: path, lte: 1}",
            ValueShare { field: path },
        ),
        (
            "travel_speed",
            "{field: country, gt: 700}",
            TravelSpeed {
                field: Field::Country,
            },
        ),
    ] {
        let set = of_type(name, condition).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(set.correlations()[0].kind, kind, "{name}");
    }
    let without = COUNT
        .replace("event_count", "temporal")
        .replace("  condition: {gte: 10}\n", "");
    let set = load(&correlation(&without)).unwrap();
    assert_eq!(set.correlations()[0].condition, Condition::at_least(1.0));
}

#[test]
fn what_a_type_does_not_have_is_refused() {
    for (name, condition, expected) in [
        ("travel_speed", "{field: path, gt: 1}", "looks at `country`"),
        (
            "value_sum",
            "{field: path, gt: 1}",
            "needs a field that holds a number",
        ),
        (
            "value_avg",
            "{field: [status, request_bytes], gt: 1}",
            "looks at one field",
        ),
        (
            "value_percentile",
            "{field: status, gt: 1}",
            "percentile: 50",
        ),
        (
            "value_percentile",
            "{field: status, percentile: 101, gt: 1}",
            "from 0 to 100",
        ),
        (
            "value_percentile",
            "{field: path, percentile: 5, gt: 1}",
            "needs a field that holds a number",
        ),
        (
            "value_sum",
            "{field: status, percentile: 5, gt: 1}",
            "has no percentile",
        ),
        ("temporal", "{field: path, gte: 1}", "temporal has no field"),
        ("temporal", "{gte: 2}", "no event meets this condition"),
        (
            "value_percentile",
            "{field: path, gt: 101}",
            "no event meets this condition",
        ),
        (
            "value_count",
            "{field: [path, path], gt: 1}",
            "is named twice",
        ),
    ] {
        let text = of_type(name, condition).unwrap_err().to_string();
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
}

#[test]
fn correlations_feed_correlations() {
    let inner = correlation(COUNT).replace("level: high\n", "name: guessing\n");
    let outer = "---\ntitle: break in\ncorrelation:\n  type: temporal_ordered\n  rules: [guessing, success]\n  group-by: [who]\n  timespan: 1h\n  aliases:\n    who:\n      guessing: client_address\n      success: subject\n";
    let success = RULE
        .replace("53ba33fd", "63ba33fd")
        .replace("failed_login", "success")
        .replace("level: low", "level: critical");
    let text = format!("{inner}---\n{success}{outer}");
    let set = load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    let [guessing, break_in] = set.correlations() else {
        panic!("two correlations")
    };
    assert_eq!((guessing.level, break_in.level), (0, 1));
    assert!(!guessing.alerts && break_in.alerts);
    assert_eq!(guessing.meta.level, Level::Low, "that of its rule");
    assert_eq!(break_in.meta.level, Level::Critical, "the highest");
    assert_eq!(
        break_in.members,
        [
            Member {
                source: MemberSource::Correlation(0),
                group_by: vec![Field::ClientAddress]
            },
            Member {
                source: MemberSource::Rule(1),
                group_by: vec![Field::Subject]
            }
        ]
    );
    for (from, to, expected) in [
        (
            "      success: subject\n",
            "",
            "alias `who` has no field for rule `failed login`",
        ),
        (
            "success: subject",
            "failed_login: subject",
            "is none of the rules of this correlation",
        ),
        (
            "group-by: [who]",
            "group-by: [path]",
            "alias `who` is not in `group-by`",
        ),
    ] {
        let text = errors(&text.replace(from, to));
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
}

#[test]
fn correlations_in_a_circle_are_refused() {
    let circle = |name: &str, other: &str| {
        format!(
            "title: {name}\nname: {name}\ncorrelation:\n{}",
            COUNT.replace("failed_login", other)
        )
    };
    let text = errors(&format!("{}---\n{}", circle("a", "b"), circle("b", "a")));
    assert!(text.contains("lead back to themselves"), "{text}");
}

#[test]
fn a_filter_holds_besides_the_rules_that_it_names() {
    let filter = |section: &str| {
        format!(
            "{RULE}---\ntitle: not the office\nlogsource: {{product: gatewatch}}\nfilter:\n{section}"
        )
    };
    let office = "  office:\n    client_address|cidr: 10.0.0.0/8\n  condition: not office\n";
    for rules in ["  rules: [failed_login]\n", "  rules: any\n", ""] {
        let set = load(&filter(&format!("{rules}{office}"))).unwrap_or_else(|e| panic!("{e}"));
        let mut scratch = set.scratch();
        let mut matches = |address: &str| {
            let record = format!(r#"{{"time":0,"status":401,"client_address":"{address}"}}"#);
            let event: crate::event::Event<'_> = serde_json::from_str(&record).unwrap();
            !set.matches(&event, &mut scratch).is_empty()
        };
        assert!(matches("192.0.2.1") && !matches("10.1.2.3"));
        assert_ne!(
            set.rules()[0].source.content,
            load(RULE).unwrap().rules()[0].source.content,
            "a filter is part of what a rule looks for"
        );
    }
    for (section, expected) in [
        (
            format!("  rules: [failed_logon]\n{office}"),
            "did you mean `failed_login`?",
        ),
        (
            "  rules: []\n  condition: x\n".to_owned(),
            "`rules` names no rule",
        ),
        (
            "  rules: any\n  x: {path: /}\n".to_owned(),
            "`condition` is missing",
        ),
    ] {
        let text = errors(&filter(&section));
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    let other = filter(&format!("  rules: [failed_login]\n{office}")).replace(
        "office\nlogsource: {product: gatewatch}",
        "office\nlogsource: {product: gatewatch, category: proxy}",
    );
    assert!(errors(&other).contains("is about other logs than this filter"));
}

#[test]
fn a_pipeline_takes_other_names_for_ours() {
    let pipeline = "name: ecs\npriority: 10\nvars:\n  partners: ['crm*', erp]\ntransformations:\n  - type: field_name_mapping\n    mapping:\n      source.ip: client_address\n      url: [path, uri]\n      user: subject\n    rule_conditions:\n      - {type: logsource, category: network}\n  - type: change_logsource\n    category: webserver\n    rule_conditions:\n      - {type: logsource, category: network}\n  - type: value_placeholders\n";
    let vocabulary = |text: &str| {
        Vocabulary::new(
            std::collections::BTreeMap::new(),
            &[(std::path::Path::new("ecs.yml"), text.to_owned())],
        )
    };
    let with = |text: &str, rules: &str| {
        let vocabulary = vocabulary(text).unwrap_or_else(|errors| panic!("{errors}"));
        RuleSet::from_sources_with(&[(PathBuf::from("r/a.yml"), rules.to_owned())], &vocabulary)
    };
    let rules = "title: t\nname: base\nlogsource: {category: network}\ndetection:\n  s:\n    source.ip|cidr: 10.0.0.0/8\n    url|contains: evil\n    client_id|expand: '%partners%'\n  condition: s\n---\ntitle: c\ncorrelation:\n  type: value_count\n  rules: [base]\n  group-by: [source.ip]\n  timespan: 1m\n  condition: {field: user, gte: 2}\n";
    let set = with(pipeline, rules).unwrap_or_else(|errors| panic!("{errors}"));
    let mut scratch = set.scratch();
    let mut matches = |record: &str| {
        let event: crate::event::Event<'_> = serde_json::from_str(record).unwrap();
        !set.matches(&event, &mut scratch).is_empty()
    };
    assert!(matches(
        r#"{"time":0,"client_address":"10.0.0.1","uri":"/evil","client_id":"CRM-2"}"#
    ));
    assert!(matches(
        r#"{"time":0,"client_address":"10.0.0.1","path":"/evil","client_id":"erp"}"#
    ));
    assert!(!matches(
        r#"{"time":0,"client_address":"10.0.0.1","path":"/evil","client_id":"other"}"#
    ));
    assert_eq!(
        set.correlations()[0].members[0].group_by,
        [Field::ClientAddress]
    );
    assert_eq!(set.correlations()[0].kind.fields(), [Field::Subject]);
    let unknown = with("transformations: []\n", rules)
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("none that gatewatch reads"), "{unknown}");
    for (text, expected) in [
        (
            "transformations:\n  - {type: set_state}\n",
            "`set_state` is not supported",
        ),
        (
            "transformations:\n  - {type: field_name_mapping}\n",
            "`mapping` is missing",
        ),
        ("postprocessing: []\n", "changes the text of queries"),
        ("transformation: []\n", "did you mean `transformations`?"),
        ("- a\n", "a pipeline is a map"),
        (
            "transformations:\n  - {type: change_logsource, rule_conditions: {a: {type: logsource}}}\n",
            "`rule_conditions` is a list, not a map",
        ),
        (
            "transformations:\n  - {type: change_logsource, rule_conditions: [{type: tag}]}\n",
            "this condition on a rule is not supported",
        ),
    ] {
        let text = vocabulary(text).unwrap_err().to_string();
        assert!(
            text.contains("ecs.yml:") && text.contains(expected),
            "`{expected}` is not in:\n{text}"
        );
    }
}

#[test]
fn a_wrong_correlation_says_what_is_wrong() {
    for (from, to, expected) in [
        (
            "failed_login",
            "0e95725d-7320-415d-80f7-004da920fc11",
            "lead back to themselves",
        ),
        (
            "failed_login",
            "failed_logon",
            "did you mean `failed_login`?",
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
        ("event_count", "event_cuont", "did you mean `event_count`?"),
        ("event_count", "value_count", "value_count needs `field`"),
        (
            "{gte: 10}",
            "{gte: 10, field: path}",
            "event_count has no field",
        ),
        ("{gte: 10}", "{gte: 0}", "every event meets this condition"),
        ("{gte: 10}", "{lt: 1}", "no event meets this condition"),
        (
            "{gte: 10}",
            "{gt: 10, lt: 11}",
            "no event meets this condition",
        ),
        ("{gte: 10}", "{gt: -1}", "is a number, 0 or more"),
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
    let load = |folder: &std::path::Path| {
        RuleSet::load(&config::Rules {
            folder: folder.to_owned(),
            ..config::Rules::default()
        })
    };
    let set = load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    let names: Vec<_> = set
        .rules()
        .iter()
        .filter_map(|rule| rule.name.as_deref())
        .collect();
    assert_eq!(names, ["other", "failed_login"]);
    assert_eq!(set.rules()[1].meta.family, "b");
    let empty = tempfile::tempdir().unwrap();
    assert!(
        load(empty.path())
            .unwrap_err()
            .to_string()
            .contains("no rule file")
    );
    assert!(
        load(&empty.path().join("gone"))
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn the_fingerprint_stands_for_the_text() {
    let set = |text: &str| load(text).unwrap().fingerprint();
    assert_eq!(set(RULE), 13_380_603_589_206_783_220);
    assert_ne!(set(RULE), set(&RULE.replace("401", "403")));
}
