use std::path::PathBuf;

use super::*;
use crate::alert::samples;
use crate::event::Event;
use crate::track::EntityKind;
use crate::triage::{Deed, Seen, Verdict};

/// The rule of the samples, and one that feeds a correlation of the same id.
const RULE: &str = "title: t\nid: 00000000-0000-0000-0000-0000000000a1\nlogsource: {category: api_gateway}\ndetection:\n  s: {method: GET}\n  condition: s\n";
const CORRELATION: &str = "title: many\nid: 00000000-0000-0000-0000-0000000000a1\ncorrelation:\n  type: event_count\n  rules: [one]\n  group-by: [client_id]\n  timespan: 5m\n  \
                           condition: {gte: 50}\nlevel: high\n---\ntitle: one\nname: one\nlogsource: {category: webserver, service: edge}\ndetection:\n  s: {method: GET}\n  condition: s\n";

/// Callers who call themselves so.
const HOSTILE: [&str; 14] = [
    "mobile*",
    "m?bile-app",
    r"a\*b\\c\",
    "a\"b: c # d",
    "'x'\n  - y: *z",
    "x\r\ncondition: any\u{85}\u{2028}",
    "exe.\u{202e}fdp\u{200b}\u{feff}",
    "\u{0}\u{1b}[2J\u{7f}",
    " # ",
    "- a",
    "null",
    "0x1F",
    "{{ }} %name% &a !b |",
    "Ёж 🦀 \u{e0001}",
];

fn closed(alert: &Alert, comment: &str) -> Action {
    Action {
        alert: alert.id,
        time: alert.last,
        actor: "anna: \"x\"\n# y".to_owned(),
        deed: Deed::Close(Verdict::False),
        comment: comment.to_owned(),
        seen: Seen::of(alert),
    }
}

fn load(rule: &str, more: Option<&Draft>) -> RuleSet {
    let mut sources = vec![(PathBuf::from("rules/family/a.yml"), rule.to_owned())];
    sources.extend(more.map(|draft| (draft.file.clone(), draft.text.clone())));
    let text = more.map_or("", |draft| &draft.text);
    RuleSet::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn drafted(alert: &Alert, rule: &str) -> Option<Draft> {
    let closed = closed(alert, "load test,\nagreed: \"SEC-17\"");
    let settings = config::Rules::default();
    Draft::of(alert, &closed, &load(rule, None), &settings, alert.last)
}

/// A client about which a rule raised an alert.
fn about(kind: EntityKind, value: &str) -> Alert {
    let mut alert = samples::correlation();
    alert.reason = Reason::Pattern { hits: vec![] };
    alert.entity.kind = kind;
    alert.entity.value = value.into();
    alert
}

fn event(evidence: &Evidence) -> Event<'_> {
    Event {
        time: evidence.time,
        method: Some(evidence.method.as_str().into()),
        client_id: Some(evidence.client_id.as_str().into()),
        client_address: evidence.client_address,
        user_agent: Some(evidence.user_agent.as_str().into()),
        ..Event::default()
    }
}

/// Whether the rule matches an event, and an exception holds it back.
fn judged(rules: &RuleSet, event: &Event<'_>) -> (bool, bool) {
    let mut scratch = rules.scratch();
    let matches = rules.matches(event, &mut scratch) == [0];
    (matches, rules.withheld_by(0, event, &mut scratch).is_some())
}

#[test]
fn samples_match_no_more_whatever_callers_call_themselves_and_others_still_do() {
    for name in HOSTILE {
        let mut alert = about(EntityKind::Client, name);
        for evidence in &mut alert.evidence {
            evidence.client_id = name.into();
        }
        let draft = drafted(&alert, RULE).unwrap();
        let hidden = |c: char| c != '\n' && (c.is_control() || is_hidden(c));
        assert!(!draft.text.contains(hidden), "{name:?}: {}", draft.text);
        let rules = load(RULE, Some(&draft));
        for evidence in &alert.evidence {
            let judged = judged(&rules, &event(evidence));
            assert_eq!(judged, (true, true), "{name:?}: {}", draft.text);
        }
        for other in ["mobile-app", "MOBILE*", "a", ""] {
            let mut evidence = alert.evidence[0].clone();
            evidence.client_id = other.into();
            let judged = judged(&rules, &event(&evidence));
            assert_eq!(judged, (true, false), "{other:?} of {name:?}");
        }
    }
}

#[test]
fn it_says_who_why_and_until_when_and_what_would_be_narrower() {
    let alert = about(EntityKind::Client, "mobile-app");
    let draft = drafted(&alert, RULE).unwrap();
    assert_eq!(draft.file, PathBuf::from("rules/exception-5f3a0000.yml"));
    let rules = load(RULE, Some(&draft));
    let [exception] = rules.exceptions() else {
        panic!("one exception: {:?}", rules.exceptions())
    };
    assert_eq!(exception.owner, "anna: \"x\"\n# y");
    assert_eq!(exception.reason, "load test, agreed: \"SEC-17\"");
    assert_eq!(exception.expires.to_string(), "2026-05-30T00:00:00.000000Z");
    assert!(!exception.is_for_any);
    assert!(draft.text.contains("    client_id|cased: \"mobile-app\"\n"));
    let address = "client_address|cidr: \"203.0.113.7\"\n";
    assert!(
        draft.text.contains(&format!("    # {address}")),
        "{}",
        draft.text
    );
    // The sign taken away, it is for that address alone.
    let narrow = Draft {
        text: draft.text.replace("# client_address", "client_address"),
        ..draft
    };
    let rules = load(RULE, Some(&narrow));
    let mut evidence = alert.evidence[0].clone();
    assert_eq!(judged(&rules, &event(&evidence)), (true, true));
    evidence.client_address = Some("203.0.113.8".parse().unwrap());
    assert_eq!(judged(&rules, &event(&evidence)), (true, false));
}

#[test]
fn it_goes_into_a_folder_of_ones_own_where_there_is_one() {
    let alert = about(EntityKind::Client, "mobile-app");
    let settings = config::Rules {
        own: vec![PathBuf::from("/etc/gatewatch/own")],
        ..config::Rules::default()
    };
    let (closed, rules) = (closed(&alert, ""), load(RULE, None));
    let draft = Draft::of(&alert, &closed, &rules, &settings, alert.last).unwrap();
    let file = PathBuf::from("/etc/gatewatch/own/exception-5f3a0000.yml");
    assert_eq!(draft.file, file);
    let rules = load(RULE, Some(&draft));
    assert_eq!(rules.exceptions()[0].reason, "false_positive");
}

#[test]
fn of_a_correlation_it_is_for_the_rules_that_feed_it() {
    let mut alert = samples::correlation();
    let draft = drafted(&alert, CORRELATION).unwrap();
    let rules = load(CORRELATION, Some(&draft));
    let sample = event(&alert.evidence[0]);
    assert_eq!(judged(&rules, &sample), (true, true), "{}", draft.text);
    alert.rules = vec![Uuid::from_u128(0xdead)];
    assert_eq!(drafted(&alert, CORRELATION), None, "the rule is gone");
}

#[test]
fn a_pseudonym_is_none_of_what_rules_see() {
    let mut alert = about(EntityKind::Subject, "p_KJyjNTW0NNo7iiY76dBWcA");
    alert.rule.entity = Some(Field::Subject);
    let draft = drafted(&alert, RULE).unwrap();
    assert!(!draft.text.contains("p_KJ"), "{}", draft.text);
    let rules = load(RULE, Some(&draft));
    let mut evidence = alert.evidence[0].clone();
    assert_eq!(judged(&rules, &event(&evidence)), (true, true));
    // Another caller through the same application is none of it.
    evidence.client_address = Some("203.0.113.8".parse().unwrap());
    assert_eq!(judged(&rules, &event(&evidence)), (true, false));
    // Nothing in common, nothing drafted.
    alert.evidence[0].client_id = "other".into();
    alert.evidence[0].client_address = None;
    alert.evidence[0].user_agent = "".into();
    assert_eq!(drafted(&alert, RULE), None);
}

#[test]
fn nobody_gets_an_exception_for_another_whose_name_begins_his() {
    let name = "mobile-app | mine";
    let mut alert = samples::correlation();
    alert.entity.value = name.into();
    for evidence in &mut alert.evidence {
        evidence.client_id = name.into();
    }
    let draft = drafted(&alert, CORRELATION).unwrap();
    let rules = load(CORRELATION, Some(&draft));
    assert_eq!(
        judged(&rules, &event(&alert.evidence[0])),
        (true, true),
        "{}",
        draft.text
    );
    let mut evidence = alert.evidence[0].clone();
    evidence.client_id = "mobile-app".into();
    assert_eq!(judged(&rules, &event(&evidence)), (true, false));
}

#[test]
fn statistics_have_no_rule_to_except() {
    assert_eq!(drafted(&samples::baseline(), RULE), None);
    assert!(!is_of_rules(&samples::baseline()));
}
