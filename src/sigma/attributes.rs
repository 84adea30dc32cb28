//! Our own block in a rule: `gatewatch:` with family, entity, translations, advice and tests.

use super::detection;
use super::error::{Sink, did_you_mean};
use super::rule::{RuleTests, TestEvent};
use super::yaml::{Kind, Node};
use crate::event::{Event, Field};

/// What the block says.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) family: Option<String>,
    pub(crate) entity: Option<Field>,
    pub(crate) title_ru: Option<String>,
    pub(crate) advice: Option<String>,
    pub(crate) advice_ru: Option<String>,
    /// Tests of a rule.
    pub(crate) events: RuleTests<TestEvent>,
    /// Tests of a correlation.
    pub(crate) sequences: RuleTests<Vec<TestEvent>>,
}

const KEYS: &[&str] = &[
    "family",
    "entity",
    "title_ru",
    "advice",
    "advice_ru",
    "tests",
];

/// Reads the block of a document; what is wrong is noted.
pub(crate) fn parse(document: &Node, correlation: bool, sink: &mut Sink<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let Some(block) = document.get("gatewatch") else {
        return attributes;
    };
    let Some(entries) = block.entries() else {
        let message = format!("`gatewatch` is a map, not {}", block.kind_name());
        sink.error(block.place, message);
        return attributes;
    };
    for (key, value) in entries {
        match key.scalar_text().unwrap_or_default() {
            "family" => attributes.family = family(value, sink),
            "entity" => {
                attributes.entity = text(value, "entity", sink)
                    .and_then(|name| detection::field(&name, value.place, sink));
            }
            "title_ru" => attributes.title_ru = text(value, "title_ru", sink),
            "advice" => attributes.advice = text(value, "advice", sink),
            "advice_ru" => attributes.advice_ru = text(value, "advice_ru", sink),
            "tests" if correlation => attributes.sequences = tests(value, sink, sequence),
            "tests" => attributes.events = tests(value, sink, event),
            name => unknown_key(key, name, "gatewatch", KEYS, sink),
        }
    }
    attributes
}

/// Notes a key that a block does not have.
pub(crate) fn unknown_key(
    key: &Node,
    name: &str,
    block: &str,
    known: &[&str],
    sink: &mut Sink<'_>,
) {
    let hint = did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("known keys are {}", known.join(", ")));
    sink.error_with_hint(
        key.place,
        format!("unknown key `{name}` in `{block}`"),
        hint,
    );
}

/// A family is a path component in reports and metrics, so its letters are few.
fn family(value: &Node, sink: &mut Sink<'_>) -> Option<String> {
    let name = text(value, "family", sink)?;
    let fits = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
        });
    if !fits {
        let message = "`family` is 1 to 64 lowercase letters, digits, `_` and `-`";
        sink.error(value.place, message);
        return None;
    }
    Some(name)
}

/// The text of a key that must hold some.
pub(crate) fn text(value: &Node, key: &str, sink: &mut Sink<'_>) -> Option<String> {
    match value.scalar_text() {
        Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Some(_) => {
            sink.error(value.place, format!("`{key}` is empty"));
            None
        }
        None => {
            sink.error(
                value.place,
                format!("`{key}` is text, not {}", value.kind_name()),
            );
            None
        }
    }
}

fn tests<T>(
    block: &Node,
    sink: &mut Sink<'_>,
    one: fn(&Node, &mut Sink<'_>) -> Option<T>,
) -> RuleTests<T> {
    let mut tests = RuleTests::default();
    let Some(entries) = block.entries() else {
        let hint = "`match` and `no_match`, each a list of events";
        sink.error_with_hint(block.place, "`tests` is a map", hint);
        return tests;
    };
    for (key, value) in entries {
        let name = key.scalar_text().unwrap_or_default();
        let list = match name {
            "match" => &mut tests.matching,
            "no_match" => &mut tests.not_matching,
            _ => {
                unknown_key(key, name, "tests", &["match", "no_match"], sink);
                continue;
            }
        };
        match &value.kind {
            Kind::List(items) => list.extend(items.iter().filter_map(|item| one(item, sink))),
            _ => sink.error(
                value.place,
                format!("`{name}` is a list, not {}", value.kind_name()),
            ),
        }
    }
    tests
}

fn sequence(node: &Node, sink: &mut Sink<'_>) -> Option<Vec<TestEvent>> {
    let Kind::List(items) = &node.kind else {
        let hint = "a correlation is tested by sequences: a list of lists of events";
        sink.error_with_hint(
            node.place,
            format!("expected a list of events, not {}", node.kind_name()),
            hint,
        );
        return None;
    };
    Some(items.iter().filter_map(|item| event(item, sink)).collect())
}

/// An event that decodes; a key that no field has would be left out in silence, so it is an error here.
fn event(node: &Node, sink: &mut Sink<'_>) -> Option<TestEvent> {
    let Some(entries) = node.entries() else {
        sink.error(
            node.place,
            format!("a test event is a map, not {}", node.kind_name()),
        );
        return None;
    };
    let before = sink.count();
    for (key, _) in entries {
        let name = key.scalar_text().unwrap_or_default();
        let known = || Field::ALL.iter().map(|field| field.name());
        if matches!(name, "fact" | "path_decoded" | "query_decoded") {
            let message = format!("`{name}` is computed, so a test event cannot give it");
            sink.error(key.place, message);
        } else if !known().any(|field| field == name) {
            let hint = did_you_mean(name, known())
                .unwrap_or_else(|| "the fields are listed in docs/events.md".to_owned());
            sink.error_with_hint(key.place, format!("no field is named `{name}`"), hint);
        }
    }
    let json = node.to_json().to_string();
    if let Err(error) = serde_json::from_str::<Event<'_>>(&json) {
        sink.error(node.place, format!("not an event: {error}"));
    }
    (sink.count() == before).then_some(TestEvent {
        json,
        line: node.place.line,
    })
}
