//! The condition with its places: what it means is what the engine means.

use std::path::PathBuf;

use super::*;
use crate::event::Event;
use crate::sigma::{RuleSet, Vocabulary};

const HEAD: &str = "title: t\nname: t\nlogsource: {category: api_gateway}\n";

fn rule(detection: &str) -> (Annotated, RuleSet) {
    let text = format!("{HEAD}detection:\n{detection}");
    let sources = [(PathBuf::from("a.yml"), text)];
    let set = RuleSet::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let rule = annotate(&sources, &Vocabulary::default()).remove(0);
    (rule, set)
}

fn event(json: &str) -> Event<'_> {
    serde_json::from_str(json).unwrap()
}

/// Every test of the tree as `line field found`.
fn flat(step: &Step) -> Vec<String> {
    let mut lines = Vec::new();
    if let What::Test(test) = &step.what {
        let found = test.seen.as_ref().and_then(|seen| seen.found);
        lines.push(format!(
            "{} {} {} {found:?}",
            step.line, test.field, step.holds
        ));
    }
    lines.extend(step.steps.iter().flat_map(flat));
    lines
}

#[test]
fn each_test_knows_its_line_and_its_place() {
    let (rule, _) = rule(
        "  a:\n    path|contains:\n      - /x\n      - /ÉT\n    status|gte: 400\n  b:\n    query|re: 'q=\\d+'\n  condition: a and not b\n",
    );
    let event = event(r#"{"time":0,"path":"/a/étc","status":404,"query":"a=1&q=42"}"#);
    let trace = rule.trace(&event).unwrap();
    assert!(!trace.holds);
    assert_eq!(
        flat(&trace),
        [
            "7 path false None",
            "8 path true Some((2, 6))",
            "9 status true Some((0, 3))",
            "11 query true Some((4, 8))",
        ]
    );
}

#[test]
fn places_are_those_of_the_value_whatever_the_pattern() {
    for (test, value, place) in [
        ("path: /abc", "/ABC", (0, 4)),
        ("path|startswith: /a", "/ABC", (0, 2)),
        ("path|endswith: bc", "/ABC", (2, 4)),
        ("path|contains: '*b?d*'", "/aBcDe", (2, 5)),
        ("path|contains: 'b*e'", "/abcde", (2, 6)),
        ("path: '*.php'", "/x/a.php", (4, 8)),
        ("path|contains|cased: B", "/aBb", (2, 3)),
        ("path|contains: i", "/İi", (1, 3)),
        ("path|fieldref|endswith: subject", "/a/Bob", (3, 6)),
    ] {
        let (rule, _) = rule(&format!("  a:\n    {test}\n  condition: a\n"));
        let json = serde_json::json!({"time": 0, "path": value, "subject": "BOB"}).to_string();
        let trace = rule.trace(&event(&json)).unwrap();
        assert!(trace.holds, "{test}");
        assert!(
            flat(&trace)[0].ends_with(&format!("Some({place:?})")),
            "{test}: {:?}",
            flat(&trace)
        );
    }
}

#[test]
fn keywords_facts_lists_and_absent_fields_are_told() {
    let (rule, _) = rule(
        "  words: [needle]\n  roles: {roles|contains: min}\n  facts: {fact: [tls.old, tls.none]}\n  gone: {subject: x}\n  condition: 1 of them\n",
    );
    let mut event = event(r#"{"time":0,"referer":"a needle","roles":["user","admin"]}"#);
    event.facts.insert(crate::event::Fact::AttackSqli);
    event.facts.insert(crate::event::Fact::TlsNone);
    let trace = rule.trace(&event).unwrap();
    assert_eq!(
        flat(&trace),
        [
            "5 keywords true Some((2, 8))",
            "6 roles true Some((2, 5))",
            "7 fact false None",
            "7 fact true Some((0, 8))",
            "8 subject false None",
        ]
    );
}

#[test]
fn of_a_long_value_the_part_around_the_place_is_kept() {
    let (rule, _) = rule("  a: {query|contains: needle}\n  condition: a\n");
    let query = format!("{}needle{}", "é".repeat(4_000), "x".repeat(4_000));
    let json = serde_json::json!({"time": 0, "query": query}).to_string();
    let trace = rule.trace(&event(&json)).unwrap();
    let What::Selection { .. } = &trace.what else {
        panic!("{trace:?}");
    };
    let What::Test(Tested {
        seen: Some(seen), ..
    }) = &trace.steps[0].what
    else {
        panic!("{trace:?}");
    };
    assert!(
        seen.text.len() < 300 && seen.text.contains("needle"),
        "{seen:?}"
    );
    assert_eq!(seen.found, Some((8_000, 8_006)));
    assert_eq!(seen.length, 12_006);
    assert_eq!(&query[seen.from..seen.from + seen.text.len()], seen.text);
}

#[test]
fn filters_and_error_logs_are_part_of_the_condition() {
    let text = "title: t\nname: t\nlogsource: {service: apache}\ndetection: {a: {path: /x}, condition: a}\n---\n\
                title: no office\nlogsource: {service: apache}\nfilter: {rules: [t], b: {client_address|cidr: 10.0.0.0/8}, condition: not b}\n";
    let sources = [(PathBuf::from("a.yml"), text.to_owned())];
    let set = RuleSet::from_sources(&sources).unwrap();
    let rules = annotate(&sources, &Vocabulary::default());
    assert_eq!(rules[1].kind, DocumentKind::Filter);
    for json in [
        r#"{"time":0,"path":"/x","error":"e","client_address":"192.0.2.1"}"#,
        r#"{"time":0,"path":"/x","error":"e","client_address":"10.0.0.1"}"#,
        r#"{"time":0,"path":"/x"}"#,
    ] {
        let event = event(json);
        let trace = rules[0].trace(&event).unwrap();
        let matched = !set.matches(&event, &mut set.scratch()).is_empty();
        assert_eq!(trace.holds, matched, "{json}");
    }
}

#[test]
fn a_list_of_conditions_is_any_of_them() {
    let (rule, set) = rule("  a: {path: /x}\n  b: {path: /y}\n  condition: [a, b]\n");
    assert_eq!(rule.condition, "a or b");
    for (json, expected) in [
        (r#"{"time":0,"path":"/y"}"#, true),
        (r#"{"time":0,"path":"/z"}"#, false),
    ] {
        let event = event(json);
        assert_eq!(rule.trace(&event).unwrap().holds, expected);
        assert_eq!(
            !set.matches(&event, &mut set.scratch()).is_empty(),
            expected
        );
    }
}

#[test]
fn the_outline_counts_values() {
    let (rule, _) =
        rule("  a: [{path|contains: [x, y]}, {query: z}]\n  b: [one, two]\n  condition: a or b\n");
    assert_eq!(
        rule.outline(),
        [
            ("a", vec![("path|contains", 2), ("query", 1)]),
            ("b", vec![("", 2)])
        ]
    );
}
