//! From the documents of rule files to rules with places: what the loader reads, read again part by part.

use uuid::Uuid;

use super::part::{Part, PartKind, Selection};
use super::{Annotated, DocumentKind, Source};
use crate::event::Field;
use crate::sigma::condition::{self, Identifiers};
use crate::sigma::detection;
use crate::sigma::document::{self, Document, FilterDocument};
use crate::sigma::error::{Place, Reading};
use crate::sigma::logsource::Logsource;
use crate::sigma::meta::PatternHit;
use crate::sigma::search::{Check, Item, Scope, Search, Test};
use crate::sigma::vocabulary::Vocabulary;
use crate::yaml::{self, Kind, Node};

/// Every document of the sources that can be read by itself, in their order. A document with an error is left out:
/// [`RuleSet`](super::RuleSet) reports it.
#[must_use]
pub fn annotate(sources: &[Source], vocabulary: &Vocabulary) -> Vec<Annotated> {
    let files: Vec<Vec<Node>> = sources
        .iter()
        .map(|(_, text)| yaml::parse(text).unwrap_or_default())
        .collect();
    let logsources = document::logsources(files.iter().flatten());
    let mut found = Vec::new();
    let mut filters = Vec::new();
    for (file, (nodes, (path, text))) in files.iter().zip(sources).enumerate() {
        let mut reading = Reading::new(path, text, vocabulary);
        for node in nodes {
            let Some(document) = document::parse(node, path, &logsources, &mut reading) else {
                continue;
            };
            let annotated = annotated(file, node, &document, &mut reading);
            // An exception holds matches back, and is no part of what the rule looks for.
            if let Document::Filter(filter) = document
                && filter.exception.is_none()
            {
                filters.push((filter, found.len()));
            }
            found.push(annotated);
        }
    }
    for (filter, at) in filters {
        apply(&filter, at, &mut found);
    }
    found
}

fn annotated(
    file: usize,
    node: &Node,
    document: &Document,
    reading: &mut Reading<'_>,
) -> Annotated {
    let (kind, head, tests) = match document {
        Document::Rule(rule) => {
            let tests = (rule.tests.matching.len(), rule.tests.not_matching.len());
            (DocumentKind::Rule, Some(&rule.head), tests)
        }
        Document::Correlation(rule) => {
            let tests = (rule.tests.matching.len(), rule.tests.not_matching.len());
            (DocumentKind::Correlation, Some(&rule.head), tests)
        }
        Document::Filter(_) => (DocumentKind::Filter, None, (0, 0)),
    };
    let text = |key| {
        node.get(key)
            .and_then(Node::scalar_text)
            .unwrap_or_default()
    };
    let logsource = match document {
        Document::Rule(rule) => rule.logsource.clone(),
        Document::Filter(filter) => filter.logsource.clone(),
        Document::Correlation(_) => Logsource::default(),
    };
    let section = node.get("detection").or_else(|| node.get("filter"));
    let others: &[&str] = match kind {
        DocumentKind::Filter => &["condition", "rules"],
        _ => &["condition"],
    };
    let mut selections = section.map_or_else(Vec::new, |node| selections(node, others, reading));
    let conditions = section.and_then(|section| section.get("condition"));
    let mut root = conditions.and_then(|node| conditioned(node, &mut selections, reading));
    if logsource.is_error_log() && kind == DocumentKind::Rule {
        let place = node.get("logsource").map_or(node.place, |node| node.place);
        let has = Part::of(detection::has(Field::Error), place);
        root = root.map(|root| Part::new(root.place, PartKind::All(vec![has, root])));
    }
    Annotated {
        kind,
        title: head.map_or_else(
            || text("title").trim().to_owned(),
            |head| head.meta.title.clone(),
        ),
        id: head.map_or_else(
            || Uuid::try_parse(text("id")).unwrap_or_default(),
            |head| head.meta.id,
        ),
        name: head.and_then(|head| head.name.clone()),
        file,
        place: node.place,
        condition: conditions.map(written).unwrap_or_default(),
        node: node.clone(),
        logsource,
        selections,
        root,
        tests,
    }
}

fn written(condition: &Node) -> String {
    let one = |node: &Node| {
        let words: Vec<&str> = node
            .scalar_text()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        words.join(" ")
    };
    match &condition.kind {
        Kind::List(items) => items.iter().map(one).collect::<Vec<_>>().join(" or "),
        _ => one(condition),
    }
}

/// The search identifiers of a section; `others` are keys of it that are none.
fn selections(section: &Node, others: &[&str], reading: &mut Reading<'_>) -> Vec<Selection> {
    section
        .entries()
        .unwrap_or_default()
        .iter()
        .filter_map(|(key, value)| {
            let name = key.scalar_text().filter(|name| !others.contains(name))?;
            Some(Selection {
                name: name.to_owned(),
                place: key.place,
                part: part(value, reading)?,
                used: false,
            })
        })
        .collect()
}

/// A selection with the places of its tests.
fn part(node: &Node, reading: &mut Reading<'_>) -> Option<Part> {
    match &node.kind {
        Kind::Map(entries) => {
            let mut parts: Vec<Part> = entries
                .iter()
                .map(|entry| field(node, entry, reading))
                .collect::<Option<_>>()?;
            if parts.len() == 1 {
                return parts.pop();
            }
            Some(Part::new(node.place, PartKind::All(parts)))
        }
        Kind::List(items) => {
            let parts = items
                .iter()
                .map(|item| part(item, reading))
                .collect::<Option<_>>()?;
            Some(Part::new(node.place, PartKind::Any(parts)))
        }
        _ => Some(Part::of(detection::parse(node, reading)?, node.place)),
    }
}

/// `field|modifier: value` of a map.
fn field(map: &Node, entry: &(Node, Node), reading: &mut Reading<'_>) -> Option<Part> {
    let mut alone = map.clone();
    alone.kind = Kind::Map(vec![entry.clone()]);
    let search = match detection::parse(&alone, reading)? {
        Search::All(mut one) => one.pop()?,
        other => other,
    };
    let (key, value) = entry;
    let mut part = Part::of(search, key.place);
    match &value.kind {
        Kind::List(items) => part.place_items(items),
        _ => part.written_at = value.written_at(),
    }
    Some(part)
}

/// The condition, its names resolved to selections, which are marked as used.
fn conditioned(
    node: &Node,
    selections: &mut [Selection],
    reading: &mut Reading<'_>,
) -> Option<Part> {
    let one = |node: &Node, selections: &mut [Selection], reading: &mut Reading<'_>| {
        let names: Identifiers = selections
            .iter()
            .map(|selection| (selection.name.clone(), marker(&selection.name)))
            .collect();
        let search = condition::parse(node.scalar_text()?.trim(), node.place, &names, reading)?;
        Some(resolved(&search, node.place, selections))
    };
    match &node.kind {
        Kind::List(items) => {
            let parts: Option<Vec<Part>> = items
                .iter()
                .map(|item| one(item, selections, reading))
                .collect();
            Some(Part::new(node.place, PartKind::Any(parts?)))
        }
        _ => one(node, selections, reading),
    }
}

/// Stands for a selection while the condition is read.
fn marker(name: &str) -> Search {
    Search::Item(Item {
        test: Test {
            scope: Scope::Keywords,
            check: Check::Exists,
        },
        written: PatternHit {
            field: name.into(),
            pattern: "".into(),
        },
    })
}

fn resolved(search: &Search, place: Place, selections: &mut [Selection]) -> Part {
    let mut all = |terms: &[Search]| {
        terms
            .iter()
            .map(|term| resolved(term, place, selections))
            .collect()
    };
    let kind = match search {
        Search::All(terms) => PartKind::All(all(terms)),
        Search::Any(terms) => PartKind::Any(all(terms)),
        Search::Not(term) => PartKind::Not(Box::new(resolved(term, place, selections))),
        Search::Item(item) => {
            let name = item.written.field.as_str();
            let found = selections
                .iter_mut()
                .find(|selection| selection.name == name);
            let selection = found.expect("the condition was read with these names");
            selection.used = true;
            let part = Box::new(selection.part.clone());
            return Part::new(selection.place, PartKind::Selection(name.to_owned(), part));
        }
    };
    Part::new(place, kind)
}

/// Adds a filter to the rules that it names, as the linker does.
fn apply(filter: &FilterDocument, at: usize, found: &mut [Annotated]) {
    let Some(part) = found[at].root.clone() else {
        return;
    };
    let title = found[at].title.clone();
    for rule in found
        .iter_mut()
        .filter(|rule| rule.kind == DocumentKind::Rule)
    {
        let is_named = match &filter.rules {
            None => filter.logsource.contains(&rule.logsource),
            Some(names) => names.iter().any(|(name, _)| {
                rule.name.as_deref() == Some(name)
                    || Uuid::try_parse(name).is_ok_and(|id| id == rule.id)
            }),
        };
        if let (true, Some(own)) = (is_named, rule.root.take()) {
            let filter = Part::new(
                part.place,
                PartKind::Filter(title.clone(), Box::new(part.clone())),
            );
            rule.root = Some(Part::new(own.place, PartKind::All(vec![own, filter])));
        }
    }
}
