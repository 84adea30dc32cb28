//! Lints of what a rule says of itself: what is missing, and tags that name nothing.

use super::tags::{OWASP_API, TACTICS, technique};
use super::{
    FEW_TESTS, Lint, MISSING_AUTHOR, MISSING_DATE, MISSING_DESCRIPTION, MISSING_FALSE_POSITIVES,
    MISSING_ID, MISSING_LEVEL, MISSING_OWASP, MISSING_REFERENCES, MISSING_REQUIREMENT,
    MISSING_TECHNIQUE, MISSING_TESTS, Report, UNKNOWN_TAG,
};
use crate::requirement::REQUIREMENTS;
use crate::sigma::annotated::DocumentKind;
use crate::sigma::error::did_you_mean;
use crate::yaml::{Kind, Node};

/// Least letters of a description that says something.
const DESCRIPTION_BYTES: usize = 40;

pub(super) fn check(report: &mut Report<'_>) {
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
pub(super) fn texts<'n>(node: &'n Node, key: &str) -> Vec<(&'n str, &'n Node)> {
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
                let known = || REQUIREMENTS.iter().map(|requirement| requirement.tag);
                (!known().any(|tag| tag == name)).then(|| {
                    did_you_mean(name, known()).unwrap_or_else(|| {
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
                // Groups, software, mitigations, data sources, assets.
                let number = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
                let kind = &name[..name.len() - number.len()];
                let is_other = matches!(kind, "g" | "s" | "m" | "ds" | "a")
                    && number.len() == 4
                    && number.bytes().all(|b| b.is_ascii_digit());
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
