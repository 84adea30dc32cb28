//! Lints of what a rule says of itself: what is missing, and what Sigma's JSON schema wants otherwise.

use std::collections::HashSet;

use uuid::Uuid;

use super::tags::{OWASP_API, REQUIREMENTS, TACTICS, technique};
use super::{
    FEW_TESTS, Lint, MISSING_AUTHOR, MISSING_DATE, MISSING_DESCRIPTION, MISSING_FALSE_POSITIVES,
    MISSING_ID, MISSING_LEVEL, MISSING_OWASP, MISSING_REFERENCES, MISSING_REQUIREMENT,
    MISSING_TECHNIQUE, MISSING_TESTS, Report, SCHEMA, UNKNOWN_TAG,
};
use crate::sigma::annotated::DocumentKind;
use crate::sigma::error::did_you_mean;
use crate::sigma::yaml::{Kind, Node};

/// Least letters of a description that says something.
const DESCRIPTION_BYTES: usize = 40;

const STATUSES: &[&str] = &[
    "stable",
    "test",
    "experimental",
    "deprecated",
    "unsupported",
];
const RELATIONS: &[&str] = &["derived", "obsolete", "merged", "renamed", "similar"];

pub(super) fn check(report: &mut Report<'_>) {
    schema(report);
    if report.rule.kind == DocumentKind::Filter {
        return;
    }
    missing(report);
    tags(report);
    let (matching, not_matching) = report.rule.tests;
    let block = report.rule.node.get("gatewatch");
    let tests = block.and_then(|block| block.get("tests"));
    let place = tests.map_or(report.rule.place, |tests| tests.place);
    if matching == 0 || not_matching == 0 {
        let kind = if matching == 0 {
            "matches"
        } else {
            "does not match"
        };
        let message = format!("no case that {kind}");
        let hint = "write them under `gatewatch: tests:` as `match` and `no_match`; `gatewatch rule test` runs them";
        report.add(MISSING_TESTS, place, message, hint);
    } else if matching == 1 || not_matching == 1 {
        let kind = if matching == 1 {
            "matches"
        } else {
            "does not match"
        };
        let message = format!("only one case that {kind}");
        report.add(
            FEW_TESTS,
            place,
            message,
            "two show what the rule is about, and a near miss what it is not",
        );
    }
}

fn missing(report: &mut Report<'_>) {
    let node = &report.rule.node;
    let place = report.rule.place;
    let wanted: [(&str, Lint, &str); 6] = [
        (
            "id",
            MISSING_ID,
            "alert ids are made of it, so it must not change with the title; `uuidgen` makes one",
        ),
        (
            "level",
            MISSING_LEVEL,
            "informational, low, medium, high or critical; without it the rule is taken for medium",
        ),
        (
            "falsepositives",
            MISSING_FALSE_POSITIVES,
            "say who would be woken for nothing",
        ),
        (
            "references",
            MISSING_REFERENCES,
            "a link to what the rule finds",
        ),
        ("author", MISSING_AUTHOR, ""),
        ("date", MISSING_DATE, "as 2026-03-02"),
    ];
    for (key, lint, hint) in wanted {
        let is_there = node.get(key).is_some_and(|value| match &value.kind {
            Kind::Null => false,
            Kind::List(items) => !items.is_empty(),
            _ => true,
        });
        if !is_there {
            report.add(lint, place, format!("`{key}` is missing"), hint);
        }
    }
    let description = node.get("description");
    let words = description.and_then(Node::scalar_text).unwrap_or_default();
    if words.trim().len() < DESCRIPTION_BYTES {
        let message = if words.trim().is_empty() {
            "`description` is missing"
        } else {
            "`description` says too little"
        };
        let place = report.value_place("description");
        let hint = "what is found and why that is bad: analysts read it in the mail";
        report.add(MISSING_DESCRIPTION, place, message, hint);
    }
}

/// The texts of a list, or the text that stands in its place.
fn texts<'n>(node: &'n Node, key: &str) -> Vec<(&'n str, &'n Node)> {
    let items: &[Node] = match node.get(key) {
        Some(Node {
            kind: Kind::List(items),
            ..
        }) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    items
        .iter()
        .filter_map(|item| Some((item.scalar_text()?, item)))
        .collect()
}

fn tags(report: &mut Report<'_>) {
    let rule = report.rule;
    let tags = texts(&rule.node, "tags");
    let place = report.value_place("tags");
    let (mut requirement, mut attack, mut owasp) = (false, false, false);
    for (tag, node) in &tags {
        let Some((kind, name)) = tag.split_once('.') else {
            continue;
        };
        let hint = match kind {
            "requirement" => {
                requirement = true;
                (!REQUIREMENTS.contains(&name)).then(|| {
                    did_you_mean(name, REQUIREMENTS.iter().copied()).unwrap_or_else(|| {
                        "they are sec-01 to sec-10, aut-01 to aut-06 and int-01 to int-08"
                            .to_owned()
                    })
                })
            }
            "owasp" => {
                owasp = true;
                let known = || OWASP_API.iter().map(|(id, _)| *id);
                let is_api = name.starts_with("api");
                (is_api && !known().any(|id| id == name)).then(|| {
                    did_you_mean(name, known())
                        .unwrap_or_else(|| "they are api1-2023 to api10-2023".to_owned())
                })
            }
            "attack" if technique(name).is_some() => {
                attack = true;
                None
            }
            "attack" => {
                let other = name.strip_prefix(['t', 'g', 's', 'm']);
                let is_other = other.is_some_and(|rest| {
                    rest.bytes().all(|b| b.is_ascii_digit()) && rest.len() == 4
                });
                let name = name.replace('_', "-");
                (!is_other && !TACTICS.contains(&name.as_str())).then(|| {
                    did_you_mean(&name, TACTICS.iter().copied()).unwrap_or_else(|| {
                        "a technique is `attack.t1190`, a tactic `attack.initial-access`".to_owned()
                    })
                })
            }
            _ => None,
        };
        if let Some(hint) = hint {
            report.add(
                UNKNOWN_TAG,
                node.place,
                format!("`{tag}` names nothing"),
                hint,
            );
        }
    }
    for (is_there, lint, what, example) in [
        (
            requirement,
            MISSING_REQUIREMENT,
            "a requirement",
            "requirement.sec-07",
        ),
        (
            attack,
            MISSING_TECHNIQUE,
            "an ATT&CK technique",
            "attack.t1190",
        ),
        (
            owasp,
            MISSING_OWASP,
            "an item of the OWASP API Top 10",
            "owasp.api8-2023",
        ),
    ] {
        if !is_there {
            let hint = format!("such as `{example}`; `gatewatch rule coverage` counts rules by it");
            report.add(lint, place, format!("no tag names {what}"), hint);
        }
    }
}

/// What the JSON schemas of Sigma 2.1 ask for and the loader does not.
fn schema(report: &mut Report<'_>) {
    let rule = report.rule;
    let node = &rule.node;
    for key in ["title", "name", "taxonomy"] {
        let length = node
            .get(key)
            .and_then(Node::scalar_text)
            .map_or(0, |text| text.chars().count());
        if length > 256 {
            let place = report.value_place(key);
            report.add(
                SCHEMA,
                place,
                format!("`{key}` has {length} characters, at most 256 are allowed"),
                "",
            );
        }
    }
    if let Some(status) = node.get("status") {
        let text = status.scalar_text().unwrap_or_default();
        if !STATUSES.contains(&text) {
            let hint = did_you_mean(text, STATUSES.iter().copied())
                .unwrap_or_else(|| format!("statuses are {}", STATUSES.join(", ")));
            report.add(SCHEMA, status.place, format!("`{text}` is no status"), hint);
        }
    }
    for key in ["date", "modified"] {
        if let Some(date) = node.get(key)
            && !date.scalar_text().is_some_and(is_date)
        {
            report.add(
                SCHEMA,
                date.place,
                format!("`{key}` is no date"),
                "write it as 2026-03-02",
            );
        }
    }
    for key in ["tags", "references", "falsepositives", "fields"] {
        list(report, key);
    }
    for (tag, item) in texts(node, "tags") {
        if !is_tag(tag) {
            let hint = "a tag is `namespace.name` in small letters, digits, `-`, `_` and dots";
            report.add(SCHEMA, item.place, format!("`{tag}` is no tag"), hint);
        }
    }
    for (text, item) in texts(node, "falsepositives") {
        if text.chars().count() < 2 {
            report.add(
                SCHEMA,
                item.place,
                "a false positive takes more than one letter to say",
                "",
            );
        }
    }
    related(report);
}

/// A list is a list, and holds nothing twice.
fn list(report: &mut Report<'_>, key: &str) {
    let rule = report.rule;
    let Some(node) = rule.node.get(key) else {
        return;
    };
    if !matches!(node.kind, Kind::List(_) | Kind::Null) {
        let message = format!("`{key}` is a list, not {}", node.kind_name());
        report.add(SCHEMA, node.place, message, "write `- ` in front of it");
    }
    let mut seen = HashSet::new();
    for (text, item) in texts(&rule.node, key) {
        if !seen.insert(text) {
            report.add(
                SCHEMA,
                item.place,
                format!("`{text}` stands in `{key}` twice"),
                "",
            );
        }
    }
}

fn related(report: &mut Report<'_>) {
    let rule = report.rule;
    let Some(Node {
        kind: Kind::List(items),
        ..
    }) = rule.node.get("related")
    else {
        return;
    };
    for item in items {
        let text = |key| {
            item.get(key)
                .and_then(Node::scalar_text)
                .unwrap_or_default()
        };
        if Uuid::try_parse(text("id")).is_err() {
            report.add(
                SCHEMA,
                item.place,
                "`related` needs the `id` of another rule",
                "",
            );
        }
        if !RELATIONS.contains(&text("type")) {
            let hint = format!("types are {}", RELATIONS.join(", "));
            report.add(
                SCHEMA,
                item.place,
                format!("`{}` is no relation", text("type")),
                hint,
            );
        }
    }
}

/// `2026-03-02`.
fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| {
        let part = text.get(range)?;
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse::<u8>().ok())?
    };
    let digits = text
        .get(..4)
        .is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()));
    let dashes = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let month = number(5..7).is_some_and(|month| (1..=12).contains(&month));
    let day = number(8..10).is_some_and(|day| (1..=31).contains(&day));
    text.len() == 10 && digits && dashes && month && day
}

fn is_tag(tag: &str) -> bool {
    let fits = |text: &str, dots: bool| {
        !text.is_empty()
            && text.bytes().all(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || b"_-".contains(&b)
                    || dots && b == b'.'
            })
    };
    tag.split_once('.')
        .is_some_and(|(namespace, name)| fits(namespace, false) && fits(name, true))
}
