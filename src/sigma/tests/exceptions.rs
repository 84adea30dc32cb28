//! Exceptions and silences: what they hold back, until when, and what is wrong with them.

use super::{errors, load, rule_text};
use crate::event::{Event, Timestamp};
use crate::sigma::ExceptionKind;

const RULE: &str = "  s: {status: 403}\n  condition: s\n";

fn exception(block: &str) -> String {
    format!(
        "{}---\ntitle: The office\nlogsource: {{category: webserver}}\nfilter:\n  rules: any\n  office: {{client_address|cidr: 10.0.0.0/8}}\n  condition: not office\n{block}",
        rule_text(RULE)
    )
}

fn block(kind: &str, expires: &str) -> String {
    format!("gatewatch:\n  {kind}:\n    owner: anna\n    reason: SEC-17\n    expires: {expires}\n")
}

/// Whether the rule matches an event of the office and of another address at that time, and what holds it back.
fn judged(text: &str, time: &str) -> [(bool, Option<u32>); 2] {
    let rules = load(text).unwrap_or_else(|errors| panic!("{errors}"));
    let mut scratch = rules.scratch();
    ["10.1.2.3", "192.0.2.1"].map(|address| {
        let event = Event {
            time: Timestamp::parse_rfc3339(time).unwrap(),
            status: Some(403),
            client_address: Some(address.parse().unwrap()),
            ..Event::default()
        };
        let matches = !rules.matches(&event, &mut scratch).is_empty();
        (matches, rules.withheld_by(0, &event, &mut scratch))
    })
}

#[test]
fn an_exception_holds_back_what_its_filter_leaves_out_until_it_expires() {
    let text = exception(&block("exception", "2026-12-01"));
    let early = judged(&text, "2026-11-30T23:59:59.999999Z");
    assert_eq!(early, [(true, Some(0)), (true, None)]);
    let late = judged(&text, "2026-12-01T00:00:00Z");
    assert_eq!(late, [(true, None), (true, None)]);
    let plain = judged(&exception(""), "2026-11-30T00:00:00Z");
    assert_eq!(
        plain,
        [(false, None), (true, None)],
        "a filter is a part of the rule"
    );
}

#[test]
fn it_says_who_answers_for_it_and_leaves_the_content_of_rules_alone() {
    let set = load(&exception(&block("silence", "2026-12-01T06:00:00Z"))).unwrap();
    let [silence] = set.exceptions() else {
        panic!("one silence: {:?}", set.exceptions())
    };
    assert_eq!(silence.kind, ExceptionKind::Silence);
    assert_eq!(
        (silence.owner.as_str(), silence.reason.as_str()),
        ("anna", "SEC-17")
    );
    assert_eq!(silence.expires.to_string(), "2026-12-01T06:00:00.000000Z");
    assert_eq!(silence.source.line, 10);
    let alone = load(&rule_text(RULE)).unwrap();
    let content = |set: &crate::sigma::RuleSet| set.rules()[0].source.content;
    assert_eq!(content(&set), content(&alone), "windows go on");
    assert_ne!(content(&load(&exception("")).unwrap()), content(&alone));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let whole = block("silence", "2026-12-01");
    for (block, expected) in [
        (whole.replace("owner", "ownr"), "did you mean `owner`?"),
        (
            whole.replace("    reason: SEC-17\n", ""),
            "a filter with `silence` needs `reason`",
        ),
        (whole.replace("2026-12-01", "soon"), "`soon` is no time"),
        (
            whole.replace("silence", "silense"),
            "did you mean `silence`?",
        ),
        (
            "gatewatch: {}\n".to_owned(),
            "holds `exception` or `silence`",
        ),
        ("gatewatch: {silence: yes}\n".to_owned(), "needs `owner`"),
    ] {
        let text = errors(&exception(&block));
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    let twice = exception(&block("silence", "2026-12-01"));
    let (_, second) = twice.split_once("---\n").unwrap();
    let text = errors(&format!("{twice}---\n{second}"));
    assert!(
        text.contains("is taken already, by rules/family/a.yml:10"),
        "{text}"
    );
}
