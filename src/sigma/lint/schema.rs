//! What the JSON schemas of Sigma 2.1 ask for and the loader does not.

use std::collections::HashSet;

use uuid::Uuid;

use super::metadata::texts;
use super::{Report, SCHEMA};
use crate::sigma::error::did_you_mean;
use crate::yaml::{Kind, Node};

const STATUSES: &[&str] = &[
    "stable",
    "test",
    "experimental",
    "deprecated",
    "unsupported",
];
const RELATIONS: &[&str] = &["derived", "obsolete", "merged", "renamed", "similar"];

pub(super) fn check(report: &mut Report<'_>) {
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
