//! One YAML document: a rule, a correlation or a filter.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::condition::{self, Identifiers};
use super::correlation::{self, CorrelationBody};
use super::detection;
use super::error::{Place, Reading, did_you_mean};
use super::exception::{self, Exception};
use super::logsource::{self, Logsource};
use super::meta::{Level, RuleMeta};
use super::pipeline::Names;
use super::rule::{RuleSource, RuleTests, TestEvent};
use super::search::Search;
use crate::event::Field;
use crate::yaml::{Kind, Node};

/// Families of detectors whose entities live in the shard of their integration. A rule's live in that of their own value, and of two shards that raise one alert
/// one would be lost.
pub(crate) const OF_DETECTORS: [&str; 6] = [
    "behaviour",
    "errors",
    "schedule",
    "series",
    "service-level",
    "volume",
];

/// A rule, a correlation or a filter, read and checked by itself.
pub(crate) enum Document {
    Rule(RuleDocument),
    Correlation(CorrelationDocument),
    Filter(FilterDocument),
}

pub(crate) struct RuleDocument {
    pub(crate) head: Head,
    pub(crate) logsource: Logsource,
    pub(crate) search: Search,
    pub(crate) tests: RuleTests<TestEvent>,
}

pub(crate) struct CorrelationDocument {
    pub(crate) head: Head,
    pub(crate) body: CorrelationBody,
    pub(crate) tests: RuleTests<Vec<TestEvent>>,
}

/// What has to hold besides the conditions of several rules.
pub(crate) struct FilterDocument {
    pub(crate) place: Place,
    pub(crate) logsource: Logsource,
    /// Ids or names; `None` for every rule about the same logs.
    pub(crate) rules: Option<Vec<(String, Place)>>,
    pub(crate) search: Search,
    /// Stands for what it says.
    pub(crate) content: u64,
    /// Who answers for it, where it is an exception or a silence.
    pub(crate) exception: Option<Exception>,
}

/// What a rule and a correlation have.
pub(crate) struct Head {
    pub(crate) meta: RuleMeta,
    /// Whether the document says the level; else it is the usual one.
    pub(crate) has_level: bool,
    pub(crate) name: Option<String>,
    pub(crate) source: RuleSource,
    /// Place of the id, for errors that turn up once all files are read.
    pub(crate) place: Place,
}

/// The log sources of rules by id and name.
pub(crate) type Logsources = HashMap<String, Logsource>;

/// What each rule of a set is about: the pipelines may have other names for each.
pub(crate) fn logsources<'n>(documents: impl Iterator<Item = &'n Node>) -> Logsources {
    let mut found = Logsources::new();
    for document in documents {
        if let Some(logsource) = document.get("logsource").map(Logsource::of) {
            for key in ["id", "name"] {
                if let Some(name) = document.get(key).and_then(Node::scalar_text) {
                    found.insert(name.to_lowercase(), logsource.clone());
                }
            }
        }
    }
    found
}

/// What the rules of a correlation are about; where it names none of them (but other correlations), what any rule is about.
fn logsources_of(section: &Node, all: &Logsources) -> Vec<Logsource> {
    let named: Vec<Logsource> = match section.get("rules").map(|node| &node.kind) {
        Some(Kind::List(items)) => items
            .iter()
            .filter_map(|item| all.get(&item.scalar_text()?.to_lowercase()).cloned())
            .collect(),
        _ => Vec::new(),
    };
    if named.is_empty() {
        all.values().cloned().collect()
    } else {
        named
    }
}

/// Reads a document; `None` when it has an error, which is noted.
pub(crate) fn parse(
    document: &Node,
    path: &Path,
    logsources: &Logsources,
    reading: &mut Reading<'_>,
) -> Option<Document> {
    let before = reading.count();
    if document.entries().is_none() {
        let message = format!("a rule is a map, not {}", document.kind_name());
        reading.error(document.place, message);
        return None;
    }
    misplaced_keys(document, reading);
    let sections = ["detection", "correlation", "filter"];
    if sections
        .iter()
        .filter(|key| document.get(key).is_some())
        .count()
        > 1
    {
        let message = "a document holds one of `detection`, `correlation` and `filter`";
        reading.error(document.place, message);
    }
    reading.expanded.clear();
    let parsed = if let Some(section) = document.get("correlation") {
        let about = logsources_of(section, logsources);
        reading.names = Names::of_correlation(reading.vocabulary, &about);
        correlation(document, path, reading)
    } else {
        let logsource = document.get("logsource").map(Logsource::of);
        reading.names = Names::of(reading.vocabulary, logsource.unwrap_or_default());
        logsource::check(document, &reading.names.logsource.clone(), reading);
        if let Some(message) = reading.names.failure {
            reading.error(document.place, format!("refused by a pipeline: {message}"));
        }
        match document.get("filter") {
            Some(section) => filter(document, section, path, reading),
            None => rule(document, path, reading),
        }
    };
    parsed.filter(|_| reading.count() == before)
}

fn rule(document: &Node, path: &Path, reading: &mut Reading<'_>) -> Option<Document> {
    let attributes = attributes::parse(document, false, reading);
    let search = detection_of(document, reading);
    let logsource = reading.names.logsource.clone();
    let head = head(document, path, &attributes, reading);
    let (head, mut search) = head.zip(search)?;
    if logsource.is_error_log() {
        search = Search::All(vec![detection::has(Field::Error), search]);
    }
    Some(Document::Rule(RuleDocument {
        head,
        logsource,
        search,
        tests: attributes.events,
    }))
}

fn correlation(document: &Node, path: &Path, reading: &mut Reading<'_>) -> Option<Document> {
    let attributes = attributes::parse(document, true, reading);
    let section = document.get("correlation")?;
    let body = correlation::parse(section, document, reading);
    let head = head(document, path, &attributes, reading);
    let (head, body) = head.zip(body)?;
    Some(Document::Correlation(CorrelationDocument {
        head,
        body,
        tests: attributes.sequences,
    }))
}

fn filter(
    document: &Node,
    section: &Node,
    path: &Path,
    reading: &mut Reading<'_>,
) -> Option<Document> {
    let (title, _) = required(document, "title", reading)?;
    if section.entries().is_none() {
        let message = format!("`filter` is a map, not {}", section.kind_name());
        reading.error(section.place, message);
        return None;
    }
    let rules = filtered(section, reading);
    let search = searches(section, &["rules"], reading);
    let meaning = serde_json::json!([section.to_json(), reading.expanded]);
    let content = super::load::eight_bytes(&Sha256::digest(meaning.to_string()));
    let id = match document.get("id") {
        Some(node) => {
            attributes::text(node, "id", reading).and_then(|text| id(&text, node.place, reading))?
        }
        None => id_of(&title),
    };
    let answer = exception::parse(document, reading);
    let source = RuleSource {
        path: path.to_owned(),
        line: document.place.line,
        content,
    };
    Some(Document::Filter(FilterDocument {
        place: section.place,
        logsource: reading.names.logsource.clone(),
        search: search?,
        content,
        exception: answer.map(|answer| Exception {
            id,
            title,
            kind: answer.kind,
            owner: answer.owner,
            reason: answer.reason,
            expires: answer.expires,
            is_for_any: rules.is_none(),
            source,
        }),
        rules,
    }))
}

/// The rules that a filter names; `None` for all.
fn filtered(section: &Node, reading: &mut Reading<'_>) -> Option<Vec<(String, Place)>> {
    let node = section.get("rules")?;
    let items: &[Node] = match &node.kind {
        Kind::List(items) => items,
        _ if node.scalar_text() == Some("any") => return None,
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        let hint = "name rules by id or name, or write `rules: any`";
        reading.error_with_hint(node.place, "`rules` names no rule", hint);
    }
    Some(
        items
            .iter()
            .filter_map(|item| Some((attributes::text(item, "rules", reading)?, item.place)))
            .collect(),
    )
}

/// Sections that would be left out in silence where they stand. Other keys are Sigma's "arbitrary custom fields".
fn misplaced_keys(document: &Node, reading: &mut Reading<'_>) {
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
            "action" => (
                "`action: global` and the like were removed from Sigma".to_owned(),
                "repeat the section in each document",
            ),
            _ => continue,
        };
        reading.error_with_hint(key.place, message, hint);
    }
}

/// See [`RuleSource::content`].
fn content(document: &Node, attributes: &Attributes, reading: &Reading<'_>) -> u64 {
    let section = |key| document.get(key).map(Node::to_json);
    let meaning = serde_json::json!([
        section("detection"),
        section("correlation"),
        attributes.entity
    ]);
    let mut hash = Sha256::new();
    hash.update(meaning.to_string());
    // Only where there are any, so that the content of a plain rule stays what it was.
    if !reading.expanded.is_empty() || !reading.vocabulary.pipelines().is_empty() {
        hash.update(format!("{:?}{:?}", reading.expanded, reading.names));
    }
    super::load::eight_bytes(&hash.finalize())
}

fn head(
    document: &Node,
    path: &Path,
    attributes: &Attributes,
    reading: &mut Reading<'_>,
) -> Option<Head> {
    let title = required(document, "title", reading);
    let id = match document.get("id") {
        Some(node) => {
            attributes::text(node, "id", reading).and_then(|text| id(&text, node.place, reading))
        }
        None => title.as_ref().map(|(title, _)| id_of(title)),
    };
    let level = match document.get("level") {
        Some(node) => attributes::text(node, "level", reading)
            .and_then(|text| level(&text, node.place, reading)),
        None => Some(Level::Medium),
    };
    let description = optional(document, "description", reading);
    let name = optional(document, "name", reading);
    let tags = list(document, "tags", reading);
    let false_positives = list(document, "falsepositives", reading);
    let folder = path.parent().and_then(Path::file_name);
    let family = attributes.family.clone().unwrap_or_else(|| {
        folder.map_or_else(
            || "rules".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    });
    if OF_DETECTORS.contains(&family.as_str()) {
        let message = format!("the family `{family}` is a detector's");
        let hint = "its alerts could not be told from this rule's: name another, by `gatewatch.family` or the folder of the file";
        reading.error_with_hint(document.place, message, hint);
        return None;
    }
    let ((id, (title, _)), level) = id.zip(title).zip(level)?;
    Some(Head {
        meta: RuleMeta {
            id,
            title,
            title_ru: attributes.title_ru.clone(),
            description: description.unwrap_or_default(),
            description_ru: attributes.description_ru.clone(),
            family,
            level,
            tags,
            false_positives,
            false_positives_ru: attributes.false_positives_ru.clone(),
            advice: attributes.advice.clone(),
            advice_ru: attributes.advice_ru.clone(),
            entity: attributes.entity,
            shadow: attributes.shadow,
        },
        has_level: document.get("level").is_some(),
        name,
        source: RuleSource {
            path: path.to_owned(),
            line: document.place.line,
            content: content(document, attributes, reading),
        },
        place: document.get("id").map_or(document.place, |id| id.place),
    })
}

fn required(document: &Node, key: &str, reading: &mut Reading<'_>) -> Option<(String, Place)> {
    if let Some(node) = document.get(key) {
        return Some((attributes::text(node, key, reading)?, node.place));
    }
    reading.error(document.place, format!("`{key}` is missing"));
    None
}

fn optional(document: &Node, key: &str, reading: &mut Reading<'_>) -> Option<String> {
    attributes::text(document.get(key)?, key, reading)
}

/// A list of texts; a single text is a list of one.
fn list(document: &Node, key: &str, reading: &mut Reading<'_>) -> Vec<String> {
    let node = document.get(key);
    node.map_or_else(Vec::new, |node| attributes::texts(node, key, reading))
}

/// The id of a rule that has none: the same for the same title.
fn id_of(title: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("sigma rule {title}").as_bytes(),
    )
}

fn id(text: &str, place: Place, reading: &mut Reading<'_>) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        let hint = "such as 929a690e-bef0-4204-a928-ef5e620d6fcc; `uuidgen` makes one";
        reading.error_with_hint(place, "`id` is no UUID", hint);
    }
    id
}

fn level(text: &str, place: Place, reading: &mut Reading<'_>) -> Option<Level> {
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
        reading.error_with_hint(place, format!("`{text}` is no level"), hint);
    }
    found.map(|(_, level)| *level)
}

fn detection_of(document: &Node, reading: &mut Reading<'_>) -> Option<Search> {
    let Some(node) = document.get("detection") else {
        reading.error(document.place, "`detection` is missing");
        return None;
    };
    if node.entries().is_none() {
        let message = format!("`detection` is a map, not {}", node.kind_name());
        reading.error(node.place, message);
        return None;
    }
    searches(node, &[], reading)
}

/// The search identifiers of a section and its condition; `others` are keys of the section that are neither.
fn searches(node: &Node, others: &[&str], reading: &mut Reading<'_>) -> Option<Search> {
    let before = reading.count();
    let mut identifiers: Identifiers = Vec::new();
    for (key, value) in node.entries().unwrap_or_default() {
        match key.scalar_text() {
            Some("condition") => {}
            Some(name) if others.contains(&name) => {}
            Some("timeframe" | "timespan") => reading.error_with_hint(
                key.place,
                "a detection has no time frame",
                "write a correlation with `timespan`",
            ),
            Some(name) => {
                if let Some(search) = detection::parse(value, reading) {
                    identifiers.push((name.to_owned(), search));
                }
            }
            None => reading.error(key.place, "a search identifier is text"),
        }
    }
    let Some(condition) = node.get("condition") else {
        reading.error(node.place, "`condition` is missing");
        return None;
    };
    // With a broken identifier the condition would only report that it is not there.
    if reading.count() > before {
        return None;
    }
    conditions(condition, &identifiers, reading)
}

/// A condition, or a list of them of which any may hold.
fn conditions(node: &Node, identifiers: &Identifiers, reading: &mut Reading<'_>) -> Option<Search> {
    let one = |node: &Node, reading: &mut Reading<'_>| {
        let text = attributes::text(node, "condition", reading)?;
        condition::parse(&text, node.place, identifiers, reading)
    };
    match &node.kind {
        Kind::List(items) if !items.is_empty() => {
            let parsed: Vec<_> = items.iter().filter_map(|item| one(item, reading)).collect();
            (parsed.len() == items.len()).then_some(Search::Any(parsed))
        }
        _ => one(node, reading),
    }
}
