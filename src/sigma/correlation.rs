//! The `correlation` section: what is counted, by what, within which time.

use super::attributes::{text, unknown_key};
use super::detection;
use super::error::{Place, Reading, did_you_mean};
use super::rule::{Comparison, Condition, CorrelationKind, Operator};
use crate::event::{Field, Kind as FieldKind};
use crate::yaml::{Kind, Node, Number};

/// Most rules of a temporal correlation: which of them matched is kept in 64 bits.
const MAX_TEMPORAL_RULES: usize = 64;

/// A correlation, its rules still by id or name.
pub(crate) struct CorrelationBody {
    pub(crate) kind: CorrelationKind,
    pub(crate) rules: Vec<(String, Place)>,
    pub(crate) group_by: Vec<Group>,
    pub(crate) timespan_us: i64,
    pub(crate) condition: Condition,
    pub(crate) generate: bool,
}

/// One part of the group.
pub(crate) enum Group {
    /// A field, of all events.
    Field(Field),
    /// A field that differs by rule.
    Alias(Alias),
}

/// `aliases`: which field each rule has for a name.
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) fields: Vec<(String, Place, Field)>,
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

const TYPES: &[&str] = &[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "travel_speed",
    "absence",
    "absence_ordered",
];

/// Reads the section of a document; `None` when something is wrong, which is noted.
pub(crate) fn parse(
    section: &Node,
    document: &Node,
    reading: &mut Reading<'_>,
) -> Option<CorrelationBody> {
    let Some(entries) = section.entries() else {
        let message = format!("`correlation` is a map, not {}", section.kind_name());
        reading.error(section.place, message);
        return None;
    };
    for (key, _) in entries {
        let name = key.scalar_text().unwrap_or_default();
        if !KEYS.contains(&name) {
            unknown_key(key, name, "correlation", KEYS, reading);
        }
    }
    let rules = needed(section, "rules", reading).and_then(|node| rules(node, reading));
    let kind = needed(section, "type", reading).and_then(|node| kind(node, section, reading));
    let condition = match (&kind, &rules) {
        (Some(kind), Some(rules)) => condition(kind, rules.len(), section, reading),
        _ => None,
    };
    let aliases = aliases(section.get("aliases"), reading);
    let group_by =
        needed(section, "group-by", reading).and_then(|node| group_by(node, aliases, reading));
    let timespan = needed(section, "timespan", reading).and_then(|node| timespan(node, reading));
    // pySigma reads `generate` inside of the section, the specification shows it beside.
    let generate = generate(
        section.get("generate").or(document.get("generate")),
        reading,
    );
    Some(CorrelationBody {
        kind: kind?,
        rules: rules?,
        group_by: group_by?,
        timespan_us: timespan?,
        condition: condition?,
        generate: generate?,
    })
}

fn needed<'n>(section: &'n Node, key: &str, reading: &mut Reading<'_>) -> Option<&'n Node> {
    let found = section.get(key);
    if found.is_none() {
        reading.error(section.place, format!("`{key}` is missing"));
    }
    found
}

fn kind(node: &Node, section: &Node, reading: &mut Reading<'_>) -> Option<CorrelationKind> {
    let name = node.scalar_text().unwrap_or_default();
    if !TYPES.contains(&name) {
        let hint = did_you_mean(name, TYPES.iter().copied())
            .unwrap_or_else(|| format!("the types are {}", TYPES.join(", ")));
        let message = format!("unknown correlation type `{name}`");
        reading.error_with_hint(node.place, message, hint);
        return None;
    }
    let condition = section.get("condition");
    let written = condition.and_then(|condition| condition.get("field"));
    let percentile = condition.and_then(|condition| condition.get("percentile"));
    if let Some(percentile) = percentile.filter(|_| name != "value_percentile") {
        reading.error(percentile.place, format!("{name} has no percentile"));
        return None;
    }
    if matches!(name, "absence" | "absence_ordered") {
        if let Some(condition) = condition {
            let hint = "it fires when the first rule matched and none of the others did within the timespan";
            reading.error_with_hint(condition.place, format!("{name} has no condition"), hint);
            return None;
        }
        return Some(match name {
            "absence" => CorrelationKind::Absence,
            _ => CorrelationKind::AbsenceOrdered,
        });
    }
    if matches!(name, "event_count" | "temporal" | "temporal_ordered") {
        if let Some(field) = written {
            let hint = "use type value_count to count its distinct values";
            reading.error_with_hint(field.place, format!("{name} has no field"), hint);
            return None;
        }
        return Some(match name {
            "event_count" => CorrelationKind::EventCount,
            "temporal" => CorrelationKind::Temporal,
            _ => CorrelationKind::TemporalOrdered,
        });
    }
    let Some(written) = written else {
        let place = condition.unwrap_or(section).place;
        reading.error(place, format!("{name} needs `field` in its condition"));
        return None;
    };
    let fields = fields(written, reading)?;
    if name == "value_count" {
        return Some(CorrelationKind::ValueCount { fields });
    }
    let [field] = fields[..] else {
        reading.error(written.place, format!("{name} looks at one field"));
        return None;
    };
    if name == "travel_speed" {
        if field != Field::Country {
            reading.error(written.place, "travel_speed looks at `country`");
            return None;
        }
        return Some(CorrelationKind::TravelSpeed { field });
    }
    let is_number = field.kind() == FieldKind::Number;
    match name {
        "value_percentile" => percentile_of(field, percentile, written.place, reading),
        _ if !is_number => {
            reading.error(
                written.place,
                format!("{name} needs a field that holds a number"),
            );
            None
        }
        "value_sum" => Some(CorrelationKind::ValueSum { field }),
        _ => Some(CorrelationKind::ValueAvg { field }),
    }
}

/// The specification has two readings: "a percentage of observed values" of a text, and "median is a percentile 50" of a
/// number. The kind of the field says which.
fn percentile_of(
    field: Field,
    percentile: Option<&Node>,
    place: Place,
    reading: &mut Reading<'_>,
) -> Option<CorrelationKind> {
    let is_number = field.kind() == FieldKind::Number;
    match (is_number, percentile) {
        (false, None) => Some(CorrelationKind::ValueShare { field }),
        (false, Some(node)) => {
            let hint = "without it the condition is on the share of a value among all, in per cent";
            reading.error_with_hint(
                node.place,
                "`percentile` needs a field that holds a number",
                hint,
            );
            None
        }
        (true, None) => {
            let hint = "write `percentile: 50` for the median, beside `field`";
            reading.error_with_hint(place, "which percentile of the number is not said", hint);
            None
        }
        (true, Some(node)) => {
            let percentile = number(node).filter(|number| (0.0..=100.0).contains(number));
            if percentile.is_none() {
                reading.error(node.place, "`percentile` is a number from 0 to 100");
            }
            percentile.map(|percentile| CorrelationKind::ValuePercentile { field, percentile })
        }
    }
}

fn fields(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    for item in items(node) {
        let name = text(item, "field", reading)?;
        let field = detection::field(&name, item.place, reading)?;
        if fields.contains(&field) {
            reading.error(item.place, format!("field `{name}` is named twice"));
            return None;
        }
        fields.push(field);
    }
    if fields.is_empty() {
        reading.error(node.place, "`field` names no field");
        return None;
    }
    Some(fields)
}

/// The comparisons of a condition. A temporal correlation without one wants all of its rules.
fn condition(
    kind: &CorrelationKind,
    rules: usize,
    section: &Node,
    reading: &mut Reading<'_>,
) -> Option<Condition> {
    if (kind.is_temporal() || kind.is_absence()) && rules > MAX_TEMPORAL_RULES {
        let message = format!("a correlation of this type has at most {MAX_TEMPORAL_RULES} rules");
        reading.error(section.place, message);
        return None;
    }
    if *kind == CorrelationKind::Absence && rules < 2 {
        let hint = "name what happens first, then what has to stand beside it; `absence_ordered` of one rule waits for its next match";
        reading.error_with_hint(section.place, "absence needs two rules or more", hint);
        return None;
    }
    if kind.is_absence() {
        return Some(Condition::at_least(1.0));
    }
    let Some(node) = section.get("condition") else {
        if kind.is_temporal() {
            return Some(Condition::at_least(rules as f64));
        }
        reading.error(section.place, "`condition` is missing");
        return None;
    };
    let Some(entries) = node.entries() else {
        let hint = "such as `gte: 10`";
        reading.error_with_hint(node.place, "the condition of a correlation is a map", hint);
        return None;
    };
    let mut comparisons = Vec::new();
    for (key, value) in entries {
        let op = match key.scalar_text().unwrap_or_default() {
            "field" | "percentile" => continue,
            "lt" => Operator::Lt,
            "lte" => Operator::Lte,
            "gt" => Operator::Gt,
            "gte" => Operator::Gte,
            "eq" => Operator::Eq,
            "neq" => Operator::Neq,
            name => {
                let known = ["field", "percentile", "lt", "lte", "gt", "gte", "eq", "neq"];
                unknown_key(key, name, "condition", &known, reading);
                return None;
            }
        };
        let Some(number) = number(value).filter(|number| *number >= 0.0) else {
            reading.error(value.place, "what is compared with is a number, 0 or more");
            return None;
        };
        if is_count(kind) && number.fract() != 0.0 {
            reading.error(value.place, "a count is a whole number");
            return None;
        }
        comparisons.push(Comparison { op, value: number });
    }
    if comparisons.is_empty() && !kind.is_temporal() {
        let hint = "such as `gte: 10`";
        reading.error_with_hint(node.place, "the condition has no comparison", hint);
        return None;
    }
    let condition = if comparisons.is_empty() {
        Condition::at_least(rules as f64)
    } else {
        Condition(comparisons)
    };
    if let Some(problem) = problem(&condition, kind, rules) {
        reading.error(node.place, problem);
        return None;
    }
    Some(condition)
}

fn is_count(kind: &CorrelationKind) -> bool {
    kind.is_temporal()
        || matches!(
            kind,
            CorrelationKind::EventCount | CorrelationKind::ValueCount { .. }
        )
}

/// What is wrong with a condition that never holds, or that says nothing. With each event there is at least that event.
fn problem(condition: &Condition, kind: &CorrelationKind, rules: usize) -> Option<&'static str> {
    let count = is_count(kind);
    let step = if count { 1.0 } else { 0.0 };
    let (mut low, mut high): (f64, f64) = match kind {
        CorrelationKind::Temporal => (1.0, rules as f64),
        // An event of a later rule alone is none in order.
        CorrelationKind::TemporalOrdered => (0.0, rules as f64),
        CorrelationKind::ValueShare { .. } => (0.0, 100.0),
        _ if count => (1.0, f64::INFINITY),
        _ => (0.0, f64::INFINITY),
    };
    for Comparison { op, value } in &condition.0 {
        match op {
            Operator::Lt => high = high.min(value - step),
            Operator::Lte => high = high.min(*value),
            Operator::Gt => low = low.max(value + step),
            Operator::Gte => low = low.max(*value),
            Operator::Eq => (low, high) = (low.max(*value), high.min(*value)),
            Operator::Neq => {}
        }
    }
    let says_nothing =
        |Comparison { op, value }: &Comparison| *op == Operator::Gte && *value == 0.0;
    if low > high {
        Some("no event meets this condition")
    } else if condition.0.iter().any(says_nothing) {
        Some("every event meets this condition")
    } else {
        None
    }
}

fn number(node: &Node) -> Option<f64> {
    let Kind::Number { value, .. } = node.kind else {
        return None;
    };
    Some(match value {
        Number::Whole(whole) => whole as f64,
        Number::Float(float) => float,
    })
    .filter(|number| number.is_finite())
}

/// The items of a list; what is no list is its only item.
fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

fn aliases(node: Option<&Node>, reading: &mut Reading<'_>) -> Vec<Alias> {
    let Some(node) = node else {
        return Vec::new();
    };
    let shape = "`aliases` is a map: a name, and below it each rule with its field";
    let Some(entries) = node.entries() else {
        reading.error(node.place, shape);
        return Vec::new();
    };
    let mut aliases = Vec::new();
    for (key, value) in entries {
        let (Some(name), Some(rules)) = (key.scalar_text(), value.entries()) else {
            reading.error(key.place, shape);
            continue;
        };
        let mut fields = Vec::new();
        for (rule, field) in rules {
            let named = text(rule, "aliases", reading).zip(text(field, "aliases", reading));
            if let Some((rule_name, field_name)) = named
                && let Some(found) = detection::field(&field_name, field.place, reading)
            {
                fields.push((rule_name, rule.place, found));
            }
        }
        aliases.push(Alias {
            name: name.to_owned(),
            place: key.place,
            fields,
        });
    }
    aliases
}

fn rules(node: &Node, reading: &mut Reading<'_>) -> Option<Vec<(String, Place)>> {
    let items = items(node);
    if items.is_empty() {
        reading.error(node.place, "`rules` names no rule");
        return None;
    }
    let mut names = Vec::new();
    for item in items {
        let name = text(item, "rules", reading)?;
        if names.iter().any(|(other, _)| *other == name) {
            reading.error(item.place, format!("rule `{name}` is named twice"));
            return None;
        }
        names.push((name, item.place));
    }
    Some(names)
}

fn group_by(node: &Node, mut aliases: Vec<Alias>, reading: &mut Reading<'_>) -> Option<Vec<Group>> {
    let items = items(node);
    if items.is_empty() {
        reading.error(node.place, "`group-by` names no field");
        return None;
    }
    let mut names = Vec::new();
    let mut groups = Vec::new();
    for item in items {
        let name = text(item, "group-by", reading)?;
        if names.contains(&name) {
            reading.error(item.place, format!("field `{name}` is named twice"));
            return None;
        }
        let alias = aliases.iter().position(|alias| alias.name == name);
        groups.push(match alias {
            Some(at) => Group::Alias(aliases.swap_remove(at)),
            None => Group::Field(detection::field(&name, item.place, reading)?),
        });
        names.push(name);
    }
    for unused in aliases {
        let message = format!("alias `{}` is not in `group-by`", unused.name);
        reading.error(unused.place, message);
    }
    Some(groups)
}

/// `number + letter`: s, m, h or d.
fn timespan(node: &Node, reading: &mut Reading<'_>) -> Option<i64> {
    let written = text(node, "timespan", reading)?;
    let seconds = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)]
        .into_iter()
        .find_map(|(letter, seconds)| Some((written.strip_suffix(letter)?, seconds)))
        .filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(digits, seconds)| digits.parse::<i64>().ok()?.checked_mul(seconds))
        // A year is more than any window is kept for.
        .filter(|seconds| (1..=366 * 86_400).contains(seconds));
    if seconds.is_none() {
        let hint = "a number above zero and s, m, h or d, at most 366d, such as 90m";
        reading.error_with_hint(node.place, format!("`{written}` is no timespan"), hint);
    }
    seconds.map(|seconds| seconds * 1_000_000)
}

fn generate(node: Option<&Node>, reading: &mut Reading<'_>) -> Option<bool> {
    match node.map(|node| (&node.kind, node.place)) {
        None => Some(false),
        Some((Kind::Bool(value), _)) => Some(*value),
        Some((_, place)) => {
            reading.error(place, "`generate` is true or false");
            None
        }
    }
}
