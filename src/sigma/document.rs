//! One YAML document: a rule or a correlation.

use std::path::Path;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::condition::{self, Identifiers};
use super::correlation::{self, CorrelationBody};
use super::detection;
use super::error::{Place, Sink, did_you_mean};
use super::meta::{Level, RuleMeta};
use super::rule::{RuleSource, RuleTests, TestEvent};
use super::search::Search;
use super::yaml::{Kind, Node};

/// A rule or a correlation, read and checked by itself.
pub(crate) enum Document {
    Rule(RuleDocument),
    Correlation(CorrelationDocument),
}

pub(crate) struct RuleDocument {
    pub(crate) head: Head,
    pub(crate) search: Search,
    pub(crate) tests: RuleTests<TestEvent>,
}

pub(crate) struct CorrelationDocument {
    pub(crate) head: Head,
    pub(crate) body: CorrelationBody,
    pub(crate) tests: RuleTests<Vec<TestEvent>>,
}

/// What both have.
pub(crate) struct Head {
    pub(crate) meta: RuleMeta,
    pub(crate) name: Option<String>,
    pub(crate) source: RuleSource,
    /// Place of the id, for errors that turn up once all files are read.
    pub(crate) place: Place,
}

/// Reads a document; `None` when it has an error, which is noted.
pub(crate) fn parse(document: &Node, path: &Path, sink: &mut Sink<'_>) -> Option<Document> {
    let before = sink.count();
    if document.entries().is_none() {
        let message = format!("a rule is a map, not {}", document.kind_name());
        sink.error(document.place, message);
        return None;
    }
    misplaced_keys(document, sink);
    let is_correlation = document.get("correlation").is_some();
    let attributes = attributes::parse(document, is_correlation, sink);
    let parsed = if let Some(section) = document.get("correlation") {
        let body = correlation::parse(section, document, sink);
        head(document, path, &attributes, sink)
            .zip(body)
            .map(|(head, body)| {
                Document::Correlation(CorrelationDocument {
                    head,
                    body,
                    tests: attributes.sequences,
                })
            })
    } else {
        logsource(document, sink);
        let search = detection_of(document, sink);
        head(document, path, &attributes, sink)
            .zip(search)
            .map(|(head, search)| {
                Document::Rule(RuleDocument {
                    head,
                    search,
                    tests: attributes.events,
                })
            })
    };
    parsed.filter(|_| sink.count() == before)
}

/// Sections that would be left out in silence where they stand. Other keys are Sigma's "arbitrary custom fields".
fn misplaced_keys(document: &Node, sink: &mut Sink<'_>) {
    for (key, _) in document.entries().unwrap_or_default() {
        let (message, hint) = match key.scalar_text().unwrap_or_default() {
            name @ ("timespan" | "timeframe" | "group-by" | "rules" | "aliases") => (
                format!("`{name}` has no meaning here"),
                "it belongs under `correlation`",
            ),
            "condition" => (
                "`condition` has no meaning here".to_owned(),
                "it belongs under `detection` or `correlation`",
            ),
            "filter" => (
                "Sigma filters are not supported yet".to_owned(),
                "add the exclusion to the rule's condition",
            ),
            "action" => (
                "`action: global` and the like were removed from Sigma".to_owned(),
                "repeat the section in each document",
            ),
            _ => continue,
        };
        sink.error_with_hint(key.place, message, hint);
    }
}

/// See [`RuleSource::content`].
fn content(document: &Node, attributes: &Attributes) -> u64 {
    let section = |key| document.get(key).map(Node::to_json);
    let meaning = serde_json::json!([
        section("detection"),
        section("correlation"),
        attributes.entity
    ]);
    let digest = Sha256::digest(meaning.to_string());
    digest
        .iter()
        .take(8)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn head(
    document: &Node,
    path: &Path,
    attributes: &Attributes,
    sink: &mut Sink<'_>,
) -> Option<Head> {
    let id = required(document, "id", sink).and_then(|(text, place)| id(&text, place, sink));
    let title = required(document, "title", sink);
    let level =
        required(document, "level", sink).and_then(|(text, place)| level(&text, place, sink));
    let description = optional(document, "description", sink);
    let name = optional(document, "name", sink);
    let tags = list(document, "tags", sink);
    let false_positives = list(document, "falsepositives", sink);
    let folder = path.parent().and_then(Path::file_name);
    let family = attributes.family.clone().unwrap_or_else(|| {
        folder.map_or_else(
            || "rules".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    });
    let ((id, (title, _)), level) = id.zip(title).zip(level)?;
    Some(Head {
        meta: RuleMeta {
            id,
            title,
            title_ru: attributes.title_ru.clone(),
            description: description.unwrap_or_default(),
            family,
            level,
            tags,
            false_positives,
            advice: attributes.advice.clone(),
            advice_ru: attributes.advice_ru.clone(),
            entity: attributes.entity,
        },
        name,
        source: RuleSource {
            path: path.to_owned(),
            line: document.place.line,
            content: content(document, attributes),
        },
        place: document.get("id").map_or(document.place, |id| id.place),
    })
}

fn required(document: &Node, key: &str, sink: &mut Sink<'_>) -> Option<(String, Place)> {
    if let Some(node) = document.get(key) {
        return Some((attributes::text(node, key, sink)?, node.place));
    }
    sink.error(document.place, format!("`{key}` is missing"));
    None
}

fn optional(document: &Node, key: &str, sink: &mut Sink<'_>) -> Option<String> {
    attributes::text(document.get(key)?, key, sink)
}

/// A list of texts; a single text is a list of one.
fn list(document: &Node, key: &str, sink: &mut Sink<'_>) -> Vec<String> {
    let Some(node) = document.get(key) else {
        return Vec::new();
    };
    match &node.kind {
        Kind::List(items) => items
            .iter()
            .filter_map(|item| attributes::text(item, key, sink))
            .collect(),
        Kind::Null => Vec::new(),
        _ => attributes::text(node, key, sink).into_iter().collect(),
    }
}

fn id(text: &str, place: Place, sink: &mut Sink<'_>) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        let hint = "such as 929a690e-bef0-4204-a928-ef5e620d6fcc; `uuidgen` makes one";
        sink.error_with_hint(place, "`id` is no UUID", hint);
    }
    id
}

fn level(text: &str, place: Place, sink: &mut Sink<'_>) -> Option<Level> {
    const LEVELS: [(&str, Level); 5] = [
        ("informational", Level::Informational),
        ("low", Level::Low),
        ("medium", Level::Medium),
        ("high", Level::High),
        ("critical", Level::Critical),
    ];
    let found = LEVELS.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names = LEVELS.iter().map(|(name, _)| *name);
        let hint = did_you_mean(text, names.clone())
            .unwrap_or_else(|| format!("levels are {}", names.collect::<Vec<_>>().join(", ")));
        sink.error_with_hint(place, format!("`{text}` is no level"), hint);
    }
    found.map(|(_, level)| *level)
}

/// Only rules about requests are ours; one about another log would never match, and nobody would know.
fn logsource(document: &Node, sink: &mut Sink<'_>) {
    let Some(node) = document.get("logsource") else {
        sink.error(document.place, "`logsource` is missing");
        return;
    };
    let is = |key: &str, values: &[&str]| {
        node.get(key)
            .and_then(Node::scalar_text)
            .is_some_and(|text| values.contains(&text))
    };
    if !is("category", &["webserver", "proxy", "api_gateway"]) && !is("product", &["gatewatch"]) {
        sink.error_with_hint(
            node.place,
            "this log source is none that gatewatch reads",
            "use category webserver, proxy or api_gateway, or product gatewatch",
        );
    }
}

fn detection_of(document: &Node, sink: &mut Sink<'_>) -> Option<Search> {
    let Some(node) = document.get("detection") else {
        sink.error(document.place, "`detection` is missing");
        return None;
    };
    let Some(entries) = node.entries() else {
        let message = format!("`detection` is a map, not {}", node.kind_name());
        sink.error(node.place, message);
        return None;
    };
    let before = sink.count();
    let mut identifiers: Identifiers = Vec::new();
    for (key, value) in entries {
        match key.scalar_text() {
            Some("condition") => {}
            Some("timeframe" | "timespan") => sink.error_with_hint(
                key.place,
                "a detection has no time frame",
                "write a correlation with `timespan`",
            ),
            Some(name) => {
                if let Some(search) = detection::parse(value, sink) {
                    identifiers.push((name.to_owned(), search));
                }
            }
            None => sink.error(key.place, "a search identifier is text"),
        }
    }
    let Some(condition) = node.get("condition") else {
        sink.error(node.place, "`condition` is missing");
        return None;
    };
    // With a broken identifier the condition would only report that it is not there.
    if sink.count() > before {
        return None;
    }
    conditions(condition, &identifiers, sink)
}

/// A condition, or a list of them of which any may hold.
fn conditions(node: &Node, identifiers: &Identifiers, sink: &mut Sink<'_>) -> Option<Search> {
    let one = |node: &Node, sink: &mut Sink<'_>| {
        let text = attributes::text(node, "condition", sink)?;
        condition::parse(&text, node.place, identifiers, sink)
    };
    match &node.kind {
        Kind::List(items) if !items.is_empty() => {
            let parsed: Vec<_> = items.iter().filter_map(|item| one(item, sink)).collect();
            (parsed.len() == items.len()).then_some(Search::Any(parsed))
        }
        _ => one(node, sink),
    }
}
