//! The `correlation` section: what is counted, by what, within which time.

use super::attributes::{text, unknown_key};
use super::detection;
use super::error::{Place, Sink};
use super::rule::{Condition, CorrelationKind, Operator};
use super::yaml::{Kind, Node, Number};
use crate::event::Field;

/// A correlation, its rules still by id or name.
pub(crate) struct CorrelationBody {
    pub(crate) kind: CorrelationKind,
    pub(crate) rules: Vec<(String, Place)>,
    pub(crate) group_by: Vec<Field>,
    pub(crate) timespan_us: i64,
    pub(crate) condition: Condition,
    pub(crate) generate: bool,
}

const KEYS: &[&str] = &[
    "type",
    "rules",
    "group-by",
    "timespan",
    "condition",
    "generate",
    "aliases",
];

/// Reads the section of a document; `None` when something is wrong, which is noted.
pub(crate) fn parse(
    section: &Node,
    document: &Node,
    sink: &mut Sink<'_>,
) -> Option<CorrelationBody> {
    let Some(entries) = section.entries() else {
        let message = format!("`correlation` is a map, not {}", section.kind_name());
        sink.error(section.place, message);
        return None;
    };
    for (key, _) in entries {
        match key.scalar_text().unwrap_or_default() {
            "aliases" => sink.error(key.place, "`aliases` are not supported yet"),
            name if KEYS.contains(&name) => {}
            name => unknown_key(key, name, "correlation", KEYS, sink),
        }
    }
    if document.get("detection").is_some() {
        sink.error(
            section.place,
            "a document holds `detection` or `correlation`, not both",
        );
    }
    let counts = needed(section, "type", sink).and_then(|node| counted(node, sink));
    let condition = needed(section, "condition", sink);
    let threshold = condition.and_then(|node| threshold(node, sink));
    let kind = counts
        .zip(condition)
        .and_then(|(counts, node)| kind(counts, node, sink));
    let rules = needed(section, "rules", sink).and_then(|node| rules(node, sink));
    let group_by = needed(section, "group-by", sink).and_then(|node| group_by(node, sink));
    let timespan = needed(section, "timespan", sink).and_then(|node| timespan(node, sink));
    // pySigma reads `generate` inside of the section, the specification shows it beside.
    let generate = generate(section.get("generate").or(document.get("generate")), sink);
    Some(CorrelationBody {
        kind: kind?,
        rules: rules?,
        group_by: group_by?,
        timespan_us: timespan?,
        condition: threshold?,
        generate: generate?,
    })
}

fn needed<'n>(section: &'n Node, key: &str, sink: &mut Sink<'_>) -> Option<&'n Node> {
    let found = section.get(key);
    if found.is_none() {
        sink.error(section.place, format!("`{key}` is missing"));
    }
    found
}

/// What is counted, before its field is known.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Events,
    Values,
}

fn counted(node: &Node, sink: &mut Sink<'_>) -> Option<Counted> {
    match node.scalar_text().unwrap_or_default() {
        "event_count" => Some(Counted::Events),
        "value_count" => Some(Counted::Values),
        name @ ("temporal" | "temporal_ordered" | "value_sum" | "value_avg"
        | "value_percentile") => {
            let message = format!("correlation type `{name}` is not supported yet");
            let hint = "supported are event_count and value_count";
            sink.error_with_hint(node.place, message, hint);
            None
        }
        name => {
            let hint = super::error::did_you_mean(name, ["event_count", "value_count"])
                .unwrap_or_else(|| "supported are event_count and value_count".to_owned());
            sink.error_with_hint(
                node.place,
                format!("unknown correlation type `{name}`"),
                hint,
            );
            None
        }
    }
}

fn kind(counts: Counted, condition: &Node, sink: &mut Sink<'_>) -> Option<CorrelationKind> {
    let field = condition.get("field");
    match (counts, field) {
        (Counted::Events, None) => Some(CorrelationKind::EventCount),
        (Counted::Events, Some(field)) => {
            let hint = "use type value_count to count its distinct values";
            sink.error_with_hint(field.place, "event_count has no field", hint);
            None
        }
        (Counted::Values, None) => {
            sink.error(condition.place, "value_count needs `field`");
            None
        }
        (Counted::Values, Some(node)) => {
            if matches!(node.kind, Kind::List(_)) {
                sink.error(
                    node.place,
                    "counting several fields together is not supported yet",
                );
                return None;
            }
            let name = text(node, "field", sink)?;
            let field = detection::field(&name, node.place, sink)?;
            Some(CorrelationKind::ValueCount { field })
        }
    }
}

/// The one comparison of a condition.
fn threshold(node: &Node, sink: &mut Sink<'_>) -> Option<Condition> {
    let Some(entries) = node.entries() else {
        let hint = "such as `gte: 10`";
        sink.error_with_hint(node.place, "the condition of a correlation is a map", hint);
        return None;
    };
    let mut found = None;
    for (key, value) in entries {
        let op = match key.scalar_text().unwrap_or_default() {
            "field" => continue,
            "gt" => Operator::Greater,
            "gte" => Operator::GreaterOrEqual,
            name @ ("lt" | "lte" | "eq" | "neq") => {
                let message = format!("`{name}` on a count is not supported yet");
                let hint = "one more event can undo it; supported are gt and gte";
                sink.error_with_hint(key.place, message, hint);
                return None;
            }
            name => {
                let known = ["field", "gt", "gte"];
                unknown_key(key, name, "condition", &known, sink);
                return None;
            }
        };
        if found.is_some() {
            sink.error(
                key.place,
                "several comparisons in one condition are not supported yet",
            );
            return None;
        }
        found = Some((op, value));
    }
    let Some((op, value)) = found else {
        let hint = "such as `gte: 10`";
        sink.error_with_hint(node.place, "the condition has no comparison", hint);
        return None;
    };
    let Kind::Number {
        value: Number::Whole(number),
        ..
    } = value.kind
    else {
        sink.error(value.place, "a count is a whole number");
        return None;
    };
    let least = i128::from(op == Operator::GreaterOrEqual);
    match u64::try_from(number) {
        Ok(threshold) if number >= least => Some(Condition { op, threshold }),
        _ => {
            let hint = format!("the least that makes sense is {least}");
            sink.error_with_hint(value.place, "this count is met by no event at all", hint);
            None
        }
    }
}

fn rules(node: &Node, sink: &mut Sink<'_>) -> Option<Vec<(String, Place)>> {
    let items: &[Node] = match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        sink.error(node.place, "`rules` names no rule");
        return None;
    }
    let mut names = Vec::new();
    for item in items {
        let name = text(item, "rules", sink)?;
        if names.iter().any(|(other, _)| *other == name) {
            sink.error(item.place, format!("rule `{name}` is named twice"));
            return None;
        }
        names.push((name, item.place));
    }
    Some(names)
}

fn group_by(node: &Node, sink: &mut Sink<'_>) -> Option<Vec<Field>> {
    let items: &[Node] = match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        sink.error(node.place, "`group-by` names no field");
        return None;
    }
    let mut fields = Vec::new();
    for item in items {
        let name = text(item, "group-by", sink)?;
        let field = detection::field(&name, item.place, sink)?;
        if fields.contains(&field) {
            sink.error(item.place, format!("field `{name}` is named twice"));
            return None;
        }
        fields.push(field);
    }
    Some(fields)
}

/// `number + letter`: s, m, h or d.
fn timespan(node: &Node, sink: &mut Sink<'_>) -> Option<i64> {
    let written = text(node, "timespan", sink)?;
    let seconds = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)]
        .into_iter()
        .find_map(|(letter, seconds)| Some((written.strip_suffix(letter)?, seconds)))
        .filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(digits, seconds)| digits.parse::<i64>().ok()?.checked_mul(seconds))
        // A year is more than any window is kept for.
        .filter(|seconds| (1..=366 * 86_400).contains(seconds));
    if seconds.is_none() {
        let hint = "a number above zero and s, m, h or d, at most 366d, such as 90m";
        sink.error_with_hint(node.place, format!("`{written}` is no timespan"), hint);
    }
    seconds.map(|seconds| seconds * 1_000_000)
}

fn generate(node: Option<&Node>, sink: &mut Sink<'_>) -> Option<bool> {
    match node.map(|node| (&node.kind, node.place)) {
        None => Some(false),
        Some((Kind::Bool(value), _)) => Some(*value),
        Some((_, place)) => {
            sink.error(place, "`generate` is true or false");
            None
        }
    }
}
