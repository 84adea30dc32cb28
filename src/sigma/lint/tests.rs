//! One rule that a lint finds, and one that it leaves in peace.

use std::path::PathBuf;

use super::*;

/// What a rule of ours has, besides its detection.
const HEAD: &str = "\
title: A rule
id: 6d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11
status: experimental
description: Something is found that is bad because of what it does.
references: [https://example.org]
author: gatewatch
date: 2026-03-02
tags: [requirement.sec-07, attack.t1190, attack.initial-access, owasp.api8-2023]
logsource: {product: gatewatch, category: api_gateway}
falsepositives: [none that is known]
level: medium
gatewatch:
  tests:
    match: [{time: '2026-03-01T10:00:00Z'}, {time: '2026-03-01T10:00:00Z'}]
    no_match: [{time: '2026-03-01T10:00:00Z'}, {time: '2026-03-01T10:00:00Z'}]
";

fn found(text: &str) -> Vec<LintFinding> {
    let sources = [(PathBuf::from("a.yml"), text.to_owned())];
    if let Err(errors) = crate::sigma::RuleSet::from_sources(&sources) {
        panic!("{errors}\n{text}");
    }
    lint(&sources, &Vocabulary::default())
}

fn names(text: &str) -> Vec<&'static str> {
    found(text)
        .into_iter()
        .map(|finding| finding.lint)
        .collect()
}

/// The lints of a rule with this detection, in flow style.
fn of(detection: &str) -> Vec<&'static str> {
    names(&format!("{HEAD}detection: {detection}\n"))
}

const CLEAN: &str = "{a: {path|contains: /etc/passwd}, condition: a}";

#[track_caller]
fn tells(lint: Lint, poor: &str, good: &str) {
    assert!(of(poor).contains(&lint.name), "{poor}: {:?}", of(poor));
    assert!(!of(good).contains(&lint.name), "{good}: {:?}", of(good));
}

/// The lints of a rule whose head differs.
#[track_caller]
fn head_tells(lint: Lint, from: &str, to: &str) {
    let good = format!("{HEAD}detection: {CLEAN}\n");
    assert!(good.contains(from), "{from}");
    let poor = good.replace(from, to);
    assert!(
        names(&poor).contains(&lint.name),
        "{poor}: {:?}",
        names(&poor)
    );
}

#[test]
fn a_good_rule_is_left_in_peace() {
    assert_eq!(of(CLEAN), [""; 0]);
}

#[test]
fn what_can_never_match_is_an_error() {
    for poor in [
        "{a: {status: 200}, b: {status: 404}, condition: a and b}",
        "{a: {status|gte: 500, status|lt: 400}, condition: a}",
        "{a: {method: GET}, condition: a and not a}",
        "{a: {path|startswith: /a}, b: {path|startswith: /b}, condition: a and b}",
        "{a: {path: /x}, b: {path|contains: y}, condition: a and b}",
        "{a: {path|contains: abc}, b: {path|contains: b}, condition: a and not b}",
        "{a: {client_address|cidr: 10.0.0.0/8}, b: {client_address|cidr: 192.168.0.0/16}, condition: all of them}",
        "{a: {subject: null}, b: {subject: x}, condition: a and b}",
        "{a: {path_decoded|contains: '//'}, condition: a}",
        "{a: {status: [200, 201]}, b: {status: [301, 302]}, condition: a and b}",
    ] {
        assert!(
            of(poor).contains(&"never-matches"),
            "{poor}: {:?}",
            of(poor)
        );
    }
    for good in [
        "{a: {status: [200, 404]}, b: {status: [404, 500]}, condition: a and b}",
        "{a: {path|contains: abc}, b: {path|contains: abcd}, condition: a and not b}",
        "{a: {roles: x}, b: {roles: y}, condition: a and b}",
        "{a: {path|startswith: /a}, b: {path|startswith: /ab}, condition: a and b}",
        "{a: {path|contains|cased: ABC}, b: {path|contains|cased: abc}, condition: a and not b}",
        "{a: {method: GET}, b: {method: get}, condition: a or not b}",
        "{a: {path_decoded|contains: '//'}, b: {query_decoded|contains: '//'}, condition: 1 of them}",
    ] {
        assert!(!of(good).contains(&"never-matches"), "{good}");
    }
}

#[test]
fn what_always_matches_is_an_error() {
    tells(
        ALWAYS_MATCHES,
        "{a: {status: 200}, condition: a or not a}",
        "{a: {status: 200}, b: {status: 404}, condition: a or b}",
    );
}

#[test]
fn a_rule_needs_something_that_is_there() {
    tells(
        NO_POSITIVE_TEST,
        "{a: {status: 200}, condition: not a}",
        "{a: {status: 200}, b: {path|contains: /etc/passwd}, condition: b and not a}",
    );
}

#[test]
fn every_selection_is_used() {
    tells(
        UNUSED_SELECTION,
        "{a: {path|contains: /etc/passwd}, b: {status: 200}, condition: a}",
        "{a: {path|contains: /etc/passwd}, b: {status: 200}, condition: 1 of *}",
    );
}

#[test]
fn values_of_a_list_say_something_each() {
    tells(
        DUPLICATE_PATTERN,
        "{a: {path|contains: [/etc/passwd, /ETC/passwd]}, condition: a}",
        "{a: {path|contains|cased: [/etc/passwd, /ETC/passwd]}, condition: a}",
    );
    tells(
        SHADOWED_PATTERN,
        "{a: {path|contains: [/etc/passwd, etc/pass]}, condition: a}",
        "{a: {path|startswith: [/etc/passwd, etc/pass]}, condition: a}",
    );
    tells(
        SHADOWED_PATTERN,
        "{a: {path|contains|all: [/etc/passwd, etc/pass]}, condition: a}",
        "{a: {path|contains|all: [/etc/passwd, shadow]}, condition: a}",
    );
}

#[test]
fn values_can_be_held() {
    tells(
        IMPOSSIBLE_PATTERN,
        r"{a: {path_decoded|contains: ['..\', /etc/passwd]}, condition: a}",
        r"{a: {query_decoded|contains: ['..\', /etc/passwd]}, condition: a}",
    );
    tells(
        IMPOSSIBLE_PATTERN,
        "{a: {host|cased: [Example.org, b.org]}, condition: a}",
        "{a: {host: [Example.org, b.org]}, condition: a}",
    );
    tells(
        IMPOSSIBLE_PATTERN,
        "{a: {status: [5xx, 404]}, condition: a}",
        "{a: {status: ['5*', 404]}, condition: a}",
    );
    tells(
        ENCODED_PATTERN,
        "{a: {path_decoded|contains: '%2e%2e/'}, condition: a}",
        "{a: {path|contains: '%2e%2e/'}, condition: a}",
    );
    tells(
        EMPTY_RANGE,
        "{a: {status|lt: 0, path|contains: /etc/passwd}, condition: a}",
        "{a: {status|lt: 400, path|contains: /etc/passwd}, condition: a}",
    );
    tells(
        EMPTY_RANGE,
        "{a: {time|hour: [3, 24]}, condition: a}",
        "{a: {time|hour: [3, 23]}, condition: a}",
    );
}

#[test]
fn a_list_behind_an_anchor_is_told_of_once() {
    let shared = "{a: [{path_decoded|contains: &l ['..\\', /etc/passwd]}, {query_decoded|contains: *l}], condition: a}";
    assert_eq!(
        of(shared),
        [""; 0],
        "the query may hold what the path may not"
    );
    let twice =
        "{a: [{path|contains: &l [/etc/passwd, /etc/passwd]}, {query|contains: *l}], condition: a}";
    assert_eq!(of(twice), ["duplicate-pattern"]);
}

#[test]
fn wildcards_are_meant() {
    tells(
        UNESCAPED_WILDCARD,
        "{a: {uri|contains: '/shell.php?cmd='}, condition: a}",
        r"{a: {uri|contains: '/shell.php\?cmd='}, condition: a}",
    );
    tells(
        UNESCAPED_WILDCARD,
        "{a: {query|contains: 'union/*!select'}, condition: a}",
        "{a: {query|contains: 'union*select'}, condition: a}",
    );
}

#[test]
fn fields_are_those_of_the_log_source() {
    let errors = "logsource: {service: apache}\ndetection: ";
    let head = HEAD.replace(
        "logsource: {product: gatewatch, category: api_gateway}\n",
        "",
    );
    let poor = format!("{head}{errors}{{a: {{status: 500}}, condition: a}}\n");
    let good = format!("{head}{errors}{{a: {{error|contains: segfault}}, condition: a}}\n");
    assert!(names(&poor).contains(&"unset-field"));
    assert!(!names(&good).contains(&"unset-field"), "{:?}", names(&good));
}

#[test]
fn slow_expressions_are_told() {
    for poor in [
        "'.*union'",
        "'(?s).*union'",
        "'a[a-z]{200}union'",
        "'([a-z]{20}-){20}union'",
    ] {
        let detection = format!("{{a: {{query|re: {poor}}}, condition: a}}");
        assert!(of(&detection).contains(&"slow-regex"), "{poor}");
    }
    for good in ["'union.*select'", "'[a-z]{8}-union'", "'^.union'"] {
        let detection = format!("{{a: {{query|re: {good}}}, condition: a}}");
        assert!(!of(&detection).contains(&"slow-regex"), "{good}");
    }
    tells(
        LARGE_REGEX,
        r"{a: {query|re: 'union(\w{20})'}, condition: a}",
        "{a: {query|re: 'union([a-z]{40})'}, condition: a}",
    );
}

#[test]
fn a_rule_without_a_rare_literal_is_noted() {
    tells(NO_WITNESS, "{a: {status: 200}, condition: a}", CLEAN);
}

#[test]
fn a_rule_says_what_it_is() {
    head_tells(MISSING_ID, "id: 6d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11\n", "");
    head_tells(MISSING_LEVEL, "level: medium\n", "");
    head_tells(
        MISSING_DESCRIPTION,
        "description: Something is found that is bad because of what it does.",
        "description: Bad.",
    );
    head_tells(
        MISSING_FALSE_POSITIVES,
        "falsepositives: [none that is known]\n",
        "",
    );
    head_tells(
        MISSING_REFERENCES,
        "references: [https://example.org]\n",
        "",
    );
    head_tells(MISSING_AUTHOR, "author: gatewatch\n", "");
    head_tells(MISSING_DATE, "date: 2026-03-02\n", "");
    head_tells(MISSING_REQUIREMENT, "requirement.sec-07, ", "");
    head_tells(MISSING_TECHNIQUE, "attack.t1190, ", "");
    head_tells(MISSING_OWASP, ", owasp.api8-2023", "");
    head_tells(
        MISSING_TESTS,
        "    no_match: [{time: '2026-03-01T10:00:00Z'}, {time: '2026-03-01T10:00:00Z'}]\n",
        "",
    );
    head_tells(
        FEW_TESTS,
        "    no_match: [{time: '2026-03-01T10:00:00Z'}, ",
        "    no_match: [",
    );
}

#[test]
fn tags_name_something() {
    head_tells(UNKNOWN_TAG, "requirement.sec-07", "requirement.sec-77");
    head_tells(UNKNOWN_TAG, "attack.initial-access", "attack.initial-acces");
    head_tells(UNKNOWN_TAG, "owasp.api8-2023", "owasp.api11-2023");
}

#[test]
fn the_shape_is_that_of_the_schema() {
    head_tells(SCHEMA, "status: experimental", "status: experimentall");
    head_tells(SCHEMA, "date: 2026-03-02", "date: 2026/03/02");
    head_tells(SCHEMA, "date: 2026-03-02", "date: 2026-13-02");
    head_tells(
        SCHEMA,
        "references: [https://example.org]",
        "references: https://example.org",
    );
    head_tells(SCHEMA, "attack.t1190", "attack.T1190");
    head_tells(SCHEMA, "attack.t1190", "attack.initial-access");
    head_tells(
        SCHEMA,
        "author: gatewatch",
        "author: gatewatch\nrelated: [{id: x, type: derived}]",
    );
    let long = format!("title: {}", "a".repeat(257));
    head_tells(SCHEMA, "title: A rule", &long);
}

#[test]
fn a_rule_may_switch_a_lint_off() {
    let poor = HEAD.replace("gatewatch:\n", "gatewatch:\n  lint_allow: [no-witness]\n");
    let status = "detection: {a: {status: 200}, condition: a}\n";
    assert_eq!(names(&format!("{poor}{status}")), [""; 0]);
    let wrong = poor.replace("no-witness", "no-witnes");
    let findings = found(&format!("{wrong}{status}"));
    let unknown = findings
        .iter()
        .find(|finding| finding.lint == "unknown-lint")
        .unwrap();
    assert_eq!(
        unknown.error.hint.as_deref(),
        Some("did you mean `no-witness`?")
    );
}

#[test]
fn titles_are_unique() {
    let rule = format!("{HEAD}detection: {CLEAN}\n");
    let other = rule.replace("6d1f7c1e", "7d1f7c1e");
    assert_eq!(names(&format!("{rule}---\n{other}")), ["duplicate-title"]);
}

#[test]
fn a_finding_is_printed_as_a_compiler_would() {
    let finding = &found(&format!(
        "{HEAD}detection:\n  a: {{path|contains: /etc/passwd}}\n  b: {{status: 200}}\n  condition: a\n"
    ))[0];
    assert_eq!(
        finding.to_string(),
        "a.yml:18:3: warning[unused-selection]: `b` is not used by the condition\n   |\n18 |   b: {status: 200}\n   |   ^\n  \
         hint: name it in `a`, or take it out"
    );
}

#[test]
fn a_condition_of_many_choices_is_given_up_in_time() {
    let of_two = |n: usize| format!("s{n}: {{path|contains: [a{n}x, b{n}x]}}");
    let names: Vec<String> = (0..2_000).map(of_two).collect();
    let last = "t: {path|startswith: /q}, u: {path|startswith: /r}";
    let detection = format!("{{{}, {last}, condition: all of *}}", names.join(", "));
    of(&detection);
}
