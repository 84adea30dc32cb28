//! Our own block in a rule: `gatewatch:` with family, entity, translations, advice and tests.

use super::detection;
use super::error::{Reading, did_you_mean};
use super::repeat;
use super::rule::{RuleTests, TestEvent};
use crate::event::{Event, Fact, FactSet, Field};
use crate::yaml::{Kind, Node};

/// What the block says.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) family: Option<String>,
    pub(crate) entity: Option<Field>,
    pub(crate) title_ru: Option<String>,
    pub(crate) description_ru: Option<String>,
    pub(crate) false_positives_ru: Vec<String>,
    pub(crate) advice: Option<String>,
    pub(crate) advice_ru: Option<String>,
    pub(crate) shadow: bool,
    /// Tests of a rule.
    pub(crate) events: RuleTests<TestEvent>,
    /// Tests of a correlation.
    pub(crate) sequences: RuleTests<Vec<TestEvent>>,
}

const KEYS: &[&str] = &[
    "family",
    "entity",
    "title_ru",
    "description_ru",
    "falsepositives_ru",
    "advice",
    "advice_ru",
    "shadow",
    "lint_allow",
    "tests",
];

/// Reads the block of a document; what is wrong is noted.
pub(crate) fn parse(document: &Node, correlation: bool, reading: &mut Reading<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let Some(block) = document.get("gatewatch") else {
        return attributes;
    };
    let Some(entries) = block.entries() else {
        let message = format!("`gatewatch` is a map, not {}", block.kind_name());
        reading.error(block.place, message);
        return attributes;
    };
    for (key, value) in entries {
        match key.scalar_text().unwrap_or_default() {
            "family" => attributes.family = family(value, reading),
            "entity" => {
                attributes.entity = text(value, "entity", reading)
                    .and_then(|name| detection::field(&name, value.place, reading));
            }
            "title_ru" => attributes.title_ru = text(value, "title_ru", reading),
            "description_ru" => {
                attributes.description_ru = text(value, "description_ru", reading);
            }
            "falsepositives_ru" => {
                attributes.false_positives_ru = texts(value, "falsepositives_ru", reading);
            }
            "advice" => attributes.advice = text(value, "advice", reading),
            "advice_ru" => attributes.advice_ru = text(value, "advice_ru", reading),
            "shadow" => match &value.kind {
                Kind::Bool(shadow) => attributes.shadow = *shadow,
                _ => reading.error(value.place, "`shadow` is `true` or `false`"),
            },
            // Read by `lint` alone.
            "lint_allow" => {}
            "tests" if correlation => attributes.sequences = tests(value, reading, sequence),
            "tests" => attributes.events = tests(value, reading, event),
            name => unknown_key(key, name, "gatewatch", KEYS, reading),
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
    reading: &mut Reading<'_>,
) {
    let hint = did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("known keys are {}", known.join(", ")));
    reading.error_with_hint(
        key.place,
        format!("unknown key `{name}` in `{block}`"),
        hint,
    );
}

/// A family is a path component in reports and metrics, so its letters are few.
fn family(value: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let name = text(value, "family", reading)?;
    let fits = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
        });
    if !fits {
        let message = "`family` is 1 to 64 lowercase letters, digits, `_` and `-`";
        reading.error(value.place, message);
        return None;
    }
    Some(name)
}

/// The text of a key that must hold some.
pub(crate) fn text(value: &Node, key: &str, reading: &mut Reading<'_>) -> Option<String> {
    match value.scalar_text() {
        Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Some(_) => {
            reading.error(value.place, format!("`{key}` is empty"));
            None
        }
        None => {
            reading.error(
                value.place,
                format!("`{key}` is text, not {}", value.kind_name()),
            );
            None
        }
    }
}

/// The texts of a list; one text may stand in its place.
pub(crate) fn texts(value: &Node, key: &str, reading: &mut Reading<'_>) -> Vec<String> {
    match &value.kind {
        Kind::List(items) => items
            .iter()
            .filter_map(|item| text(item, key, reading))
            .collect(),
        Kind::Null => Vec::new(),
        _ => text(value, key, reading).into_iter().collect(),
    }
}

fn tests<T>(
    block: &Node,
    reading: &mut Reading<'_>,
    one: fn(&Node, &mut Reading<'_>) -> Option<T>,
) -> RuleTests<T> {
    let mut tests = RuleTests::default();
    let Some(entries) = block.entries() else {
        let hint = "`match` and `no_match`, each a list of events";
        reading.error_with_hint(block.place, "`tests` is a map", hint);
        return tests;
    };
    for (key, value) in entries {
        let name = key.scalar_text().unwrap_or_default();
        let list = match name {
            "match" => &mut tests.matching,
            "no_match" => &mut tests.not_matching,
            _ => {
                unknown_key(key, name, "tests", &["match", "no_match"], reading);
                continue;
            }
        };
        match &value.kind {
            Kind::List(items) => list.extend(items.iter().filter_map(|item| one(item, reading))),
            _ => reading.error(
                value.place,
                format!("`{name}` is a list, not {}", value.kind_name()),
            ),
        }
    }
    tests
}

fn sequence(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<TestEvent>> {
    let Kind::List(items) = &node.kind else {
        let hint = "a correlation is tested by sequences: a list of lists of events";
        reading.error_with_hint(
            node.place,
            format!("expected a list of events, not {}", node.kind_name()),
            hint,
        );
        return None;
    };
    let mut events = Vec::new();
    for item in items {
        events.extend(repeat::events(item, reading));
    }
    repeat::sort(items, &mut events);
    Some(events)
}

/// An event that decodes; a key that no field has would be left out in silence, so it is an error here.
pub(crate) fn event(node: &Node, reading: &mut Reading<'_>) -> Option<TestEvent> {
    let Some(entries) = node.entries() else {
        reading.error(
            node.place,
            format!("a test event is a map, not {}", node.kind_name()),
        );
        return None;
    };
    let before = reading.count();
    let mut given = FactSet::default();
    for (key, value) in entries {
        let name = key.scalar_text().unwrap_or_default();
        match Field::ALL.iter().find(|field| field.name() == name) {
            Some(Field::Fact) => given = facts(value, reading),
            Some(field) if field.is_computed() => {
                let message = format!("`{name}` is computed, so a test event cannot give it");
                reading.error(key.place, message);
            }
            Some(_) => {}
            None => {
                let known = Field::ALL.iter().map(|field| field.name());
                let hint = did_you_mean(name, known)
                    .unwrap_or_else(|| "the fields are listed in docs/events.md".to_owned());
                reading.error_with_hint(key.place, format!("no field is named `{name}`"), hint);
            }
        }
    }
    let mut record = node.to_json();
    if let Some(record) = record.as_object_mut() {
        record.remove(Field::Fact.name());
    }
    let json = record.to_string();
    if let Err(error) = serde_json::from_str::<Event<'_>>(&json) {
        reading.error(node.place, format!("not an event: {error}"));
    }
    (reading.count() == before).then_some(TestEvent {
        json,
        facts: given,
        line: node.place.line,
    })
}

/// Facts of a test event: those of a contract alone, for the others follow from the record.
fn facts(value: &Node, reading: &mut Reading<'_>) -> FactSet {
    let mut facts = FactSet::default();
    let names = match &value.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![value],
    };
    let known = || {
        let all = Fact::ALL.iter().filter(|fact| !fact.is_of_record());
        all.map(|fact| fact.name())
    };
    for node in names {
        let name = node.scalar_text().unwrap_or_default();
        match Fact::from_name(name) {
            Some(fact) if !fact.is_of_record() => facts.insert(fact),
            Some(_) => {
                let message =
                    format!("`{name}` follows from the record, so a test event cannot give it");
                reading.error(node.place, message);
            }
            None => {
                let hint = did_you_mean(name, known())
                    .unwrap_or_else(|| "facts are listed in docs/events.md".to_owned());
                reading.error_with_hint(node.place, format!("no fact is named `{name}`"), hint);
            }
        }
    }
    facts
}
