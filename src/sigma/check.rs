//! Single values of a detection: expressions, networks, numbers, facts.

use regex::RegexBuilder;

use super::detection::REGEX_SIZE_LIMIT;
use super::error::{Place, Reading, did_you_mean};
use super::modifier::Comparison;
use super::pattern::Shape;
use super::predicate::TextTest;
use super::search::Check;
use crate::event::{Fact, FactSet};
use crate::yaml::{Kind as Yaml, Node, Number};

/// A regular expression that the engine takes.
pub(super) fn regex(place: Place, source: &str, reading: &mut Reading<'_>) -> Option<Check> {
    let built = RegexBuilder::new(source)
        .size_limit(REGEX_SIZE_LIMIT)
        .build();
    match built {
        Ok(_) => Some(Check::Regex(source.to_owned())),
        Err(error) => {
            let hint = "look-around and back references are not supported: matching has to take linear time";
            // The last line says what, those before it draw the expression.
            let text = error.to_string();
            let what = text.lines().last().unwrap_or_default().trim();
            let what = what.strip_prefix("error: ").unwrap_or(what);
            reading.error_with_hint(place, format!("not a regular expression: {what}"), hint);
            None
        }
    }
}

/// A network, or an address alone.
pub(super) fn network(place: Place, text: &str, reading: &mut Reading<'_>) -> Option<Check> {
    let net = text.parse::<ipnet::IpNet>().ok().or_else(|| {
        let address = text.parse::<std::net::IpAddr>().ok()?;
        Some(address.into())
    });
    if net.is_none() {
        let hint = "such as 10.0.0.0/8 or 2001:db8::/32";
        reading.error_with_hint(place, format!("`{text}` is no network"), hint);
    }
    net.map(Check::Network)
}

/// The range of whole numbers for which a comparison holds.
pub(super) fn compare(
    node: &Node,
    comparison: Comparison,
    reading: &mut Reading<'_>,
) -> Option<Check> {
    let Yaml::Number { value, .. } = node.kind else {
        let message = format!("a comparison needs a number, not {}", node.kind_name());
        reading.error_with_hint(node.place, message, "numbers are written without quotes");
        return None;
    };
    let number = match value {
        Number::Whole(whole) => whole.clamp(-1, i128::from(u64::MAX) + 1),
        Number::Float(float) if float.is_finite() => whole_bound(float, comparison),
        Number::Float(_) => {
            reading.error(node.place, "a comparison needs a finite number");
            return None;
        }
    };
    let (low, high) = match comparison {
        Comparison::Less => (0, number - 1),
        Comparison::LessOrEqual => (0, number),
        Comparison::Greater => (number + 1, i128::from(u64::MAX)),
        Comparison::GreaterOrEqual => (number, i128::from(u64::MAX)),
    };
    // An empty range stays empty, a bound outside of what a field can hold is cut to it.
    let check = if low > high || high < 0 || low > i128::from(u64::MAX) {
        Check::Range { low: 1, high: 0 }
    } else {
        let cut = |bound: i128| u64::try_from(bound.max(0)).unwrap_or(u64::MAX);
        Check::Range {
            low: cut(low),
            high: cut(high),
        }
    };
    Some(check)
}

/// The whole number that says the same as a fraction does: `< 1.5` is `< 2`, `> 1.5` is `> 1`.
#[allow(clippy::cast_possible_truncation)] // `as` saturates, and the bounds of a field are far inside
fn whole_bound(float: f64, comparison: Comparison) -> i128 {
    match comparison {
        Comparison::Less | Comparison::GreaterOrEqual => float.ceil() as i128,
        Comparison::LessOrEqual | Comparison::Greater => float.floor() as i128,
    }
    .clamp(-1, i128::from(u64::MAX) + 1)
}

/// Facts are a closed list, so a string test on them is decided when the rule is loaded.
pub(super) fn facts(
    place: Place,
    shape: &Shape,
    text: &str,
    reading: &mut Reading<'_>,
) -> Option<Check> {
    let asked = TextTest::new(shape);
    let mut found = FactSet::default();
    for fact in Fact::ALL {
        if asked.matches(fact.name().as_bytes()) {
            found.insert(*fact);
        }
    }
    if found.is_empty() {
        let hint = did_you_mean(text, Fact::ALL.iter().map(|fact| fact.name()))
            .unwrap_or_else(|| "the facts are listed in docs/events.md".to_owned());
        reading.error_with_hint(place, format!("no fact is named `{text}`"), hint);
        return None;
    }
    Some(Check::Facts(found))
}

/// A whole number that has to be met, or the range of a comparison.
pub(super) fn part(
    node: &Node,
    comparison: Option<Comparison>,
    reading: &mut Reading<'_>,
) -> Option<(u64, u64)> {
    if let Some(comparison) = comparison {
        return match compare(node, comparison, reading)? {
            Check::Range { low, high } => Some((low, high)),
            _ => None,
        };
    }
    let Yaml::Number {
        value: Number::Whole(number),
        ..
    } = node.kind
    else {
        let hint = "numbers are written without quotes";
        reading.error_with_hint(node.place, "a part of a time is a whole number", hint);
        return None;
    };
    // A number that no time has is never met.
    Some(u64::try_from(number).map_or((1, 0), |number| (number, number)))
}
