//! What is wrong with a rule is said with its place and a way to mend it.

use std::path::PathBuf;

use super::{RuleSet, errors, load, rule_text};

/// A detection that is wrong, and what the message has to say.
fn check(detection: &str, expected: &[&str]) {
    let text = errors(&rule_text(detection));
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn an_unknown_field_is_shown_with_the_nearest_name() {
    let text = errors(&rule_text("  s:\n    path_decodd: x\n  condition: s\n"));
    assert_eq!(
        text,
        "rules/family/a.yml:8:5: unknown field `path_decodd`\n  |\n8 |     path_decodd: x\n  |     ^\n  hint: did you mean `path_decoded`?\n\n1 error in the rules"
    );
}

#[test]
fn what_is_not_supported_is_named() {
    check(
        "  s: {path: x}\n  condition: 2 of them\n",
        &["`2 of` is none of Sigma's quantifiers"],
    );
    check(
        "  s: {path: x}\n  condition: s | count() > 5\n",
        &["`|` is not expected here"],
    );
    check(
        "  s: {path: x}\n  condition: s\n  timeframe: 5m\n",
        &["a detection has no time frame"],
    );
    assert!(
        errors("title: x\ncorrelation: {}\nfilter: {}\n")
            .contains("a document holds one of `detection`")
    );
    assert!(errors("title: x\naction: global\n").contains("were removed from Sigma"));
}

#[test]
fn wrong_values_are_refused() {
    let map = |item: &str| format!("  s:\n    {item}\n  condition: s\n");
    for (item, expected) in [
        ("path|contians: x", "unknown modifier `contians`"),
        (
            "path|contains|startswith: x",
            "modifiers `contains` and `startswith` exclude each other",
        ),
        ("path|i: x", "modifier `i` goes behind `re`"),
        ("path|all: x", "`all` needs two values"),
        ("path|all: [x]", "`all` needs two values"),
        ("path|exists: x", "`exists` needs true or false"),
        (
            "path|exists|neq: true",
            "`exists` goes with no other modifier",
        ),
        ("path|contains: null", "null goes with no modifier"),
        ("path|fieldref: null", "null goes with no modifier"),
        ("time|hour: null", "null goes with no modifier"),
        ("path: ['', null]", "nothing is no value here"),
        ("path: []", "an empty list of values"),
        ("path: {a: b}", "a map is no value here"),
        ("path|contains: ''", "this value matches everything"),
        ("path: '*'", "this value matches everything"),
        (
            "path|gt: 1",
            "lt, lte, gt and gte need a field that holds a number",
        ),
        ("status|gt: '1'", "a comparison needs a number"),
        ("status|gt: .inf", "non-finite float"),
        (
            "status|cidr: 10.0.0.0/8",
            "cidr needs a field that holds an address",
        ),
        (
            "client_address|cidr: 10.0.0.0/40",
            "`10.0.0.0/40` is no network",
        ),
        ("path|re: '(?=x)'", "not a regular expression"),
        ("path|re: '(a{1000}){1000}'", "not a regular expression"),
        ("path|contains|base64: x", "so it stands before `contains`"),
        (
            "path|base64: 'a*'",
            "a value with wildcards cannot be encoded",
        ),
        ("path|base64offset|contains: x", "leaves no whole character"),
        ("path|utf16: x", "no field can hold it"),
        ("path|wide|re: x", "goes with plain text alone"),
        ("path|expand: x", "finds no placeholder"),
        ("path|expand: '%x%'", "the placeholder `%x%` has no values"),
        ("path|base64|expand: '%x%'", "`expand` reads the value as"),
        ("path|fieldref: qeury", "did you mean `query`?"),
        ("path|fieldref: path", "the same as itself"),
        ("path|fieldref|re: path", "`fieldref` compares as text"),
        ("fact|fieldref: path", "compares fields of the record"),
        ("path|hour: 1", "need a field that holds a time"),
        ("time|hour: '1'", "a part of a time is a whole number"),
        ("time|hour|contains: 1", "a part of a time is a number"),
        ("time|hour|day: 1", "one part of a time"),
        ("fact: tls.odl", "no fact is named `tls.odl`"),
        ("fact|re: 'tls'", "facts are named"),
        ("'|exists': true", "keywords are text"),
    ] {
        check(&map(item), &[expected]);
    }
    check(&map("fact: tls.odl"), &["did you mean `tls.old`?"]);
    check(
        "  s: {}\n  condition: s\n",
        &["an empty map matches nothing"],
    );
    check(
        "  s: []\n  condition: s\n",
        &["an empty list matches nothing"],
    );
}

#[test]
fn wrong_conditions_are_refused() {
    for (condition, expected) in [
        ("selektion", "did you mean `selection`?"),
        (
            "selection and",
            "ends where a search identifier is expected",
        ),
        ("selection and or selection", "`or` stands where"),
        ("selection selection", "`selection` is not expected here"),
        ("(selection", "a bracket is not closed"),
        ("1 of other_*", "no search identifier matches `other_*`"),
        ("1 of", "`of` needs `them`"),
        ("''", "`condition` is empty"),
    ] {
        check(
            &format!("  selection: {{path: x}}\n  condition: {condition}\n"),
            &[expected],
        );
    }
    let deep = format!("{}selection{}", "(".repeat(1000), ")".repeat(1000));
    check(
        &format!("  selection: {{path: x}}\n  condition: {deep}\n"),
        &["nested deeper"],
    );
    let many = vec!["selection"; 50_000].join(" or ");
    check(
        &format!("  selection: {{path: x}}\n  condition: {many}\n"),
        &["grows to more"],
    );
}

#[test]
fn a_rule_without_its_parts_says_each_of_them() {
    let text = errors("description: nothing\n");
    for key in ["title", "logsource", "detection"] {
        assert!(text.contains(&format!("`{key}` is missing")), "{text}");
    }
    check("  s: {path: x}\n", &["`condition` is missing"]);
    let text = errors(
        "title: t\nid: x\nlevel: hihg\nlogsource: {product: windows}\ndetection: [a]\ntimespan: 5m\n",
    );
    for part in [
        "`id` is no UUID",
        "did you mean `high`?",
        "none that gatewatch reads",
        "`detection` is a map",
        "`timespan` has no meaning here",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_file_that_is_no_rule_is_an_error_and_no_panic() {
    for text in [
        "- a\n- b\n",
        "text",
        "a: [",
        "\u{0}",
        "title: &a [*a]\n",
        "{{{{",
        "? x\n: y\n",
    ] {
        assert!(load(text).is_err(), "{text:?}");
    }
}

#[test]
fn our_own_block_is_checked_key_by_key() {
    let with = |block: &str| {
        format!(
            "{}gatewatch:\n{block}",
            rule_text("  s: {path: x}\n  condition: s\n")
        )
    };
    for (block, expected) in [
        ("  familly: x\n", "did you mean `family`?"),
        ("  family: 'A b'\n", "`family` is 1 to 64 lowercase"),
        ("  entity: client\n", "unknown field `client`"),
        ("  tests: {mach: []}\n", "did you mean `match`?"),
        (
            "  tests: {match: [{path: /a}]}\n",
            "not an event: missing field `time`",
        ),
        (
            "  tests: {match: [{time: 0, paht: /a}]}\n",
            "did you mean `path`?",
        ),
        (
            "  tests: {match: [{time: 0, status: abc}]}\n",
            "not an event",
        ),
        (
            "  tests: {match: [{time: 0, fact: tls.old}]}\n",
            "`tls.old` follows from the record",
        ),
        (
            "  tests: {match: [{time: 0, fact: caller.unknwon}]}\n",
            "did you mean `caller.unknown`?",
        ),
        (
            "  tests: {match: [{time: 0, payload: x}]}\n",
            "`payload` is computed",
        ),
    ] {
        let text = errors(&with(block));
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    let good = with(
        "  family: injection\n  entity: subject\n  title_ru: Название\n  advice: Look.\n  tests:\n    match:\n      - {time: '2026-01-01T00:00:00Z', path: x, status: 200, roles: [a]}\n    no_match:\n      - {time: 0}\n",
    );
    let rules = load(&good).unwrap_or_else(|errors| panic!("{errors}"));
    let rule = &rules.rules()[0];
    assert_eq!(rule.meta.family, "injection");
    assert_eq!(rule.meta.entity, Some(crate::event::Field::Subject));
    assert_eq!(rule.meta.title_ru.as_deref(), Some("Название"));
    assert_eq!(rule.tests.matching.len(), 1);
    assert_eq!(rule.tests.not_matching[0].json, r#"{"time":0}"#);
}

#[test]
fn a_family_of_a_detector_is_refused_wherever_it_comes_from() {
    let rule = rule_text("  s: {path: x}\n  condition: s\n");
    let named = errors(&format!("{rule}gatewatch: {{family: volume}}\n"));
    for said in ["the family `volume` is a detector's", "name another"] {
        assert!(named.contains(said), "{named}");
    }
    let by_folder = |folder: &str| {
        let path = PathBuf::from(format!("rules/{folder}/a.yml"));
        RuleSet::from_sources(&[(path, rule.clone())])
    };
    let said = by_folder("errors").expect_err("it is a detector's");
    assert!(said.to_string().contains("the family `errors`"), "{said}");
    // Where a detector keeps its entities as rules do, both may be of one family.
    assert!(by_folder("journal").is_ok() && by_folder("rate").is_ok());
}
