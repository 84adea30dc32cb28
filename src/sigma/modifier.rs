//! Value modifiers: what stands behind the bars of `field|modifier|…`, and which of them go together.

use super::error::{Place, Reading, did_you_mean};
use super::pattern::Anchor;
use super::transform::Transform;
use crate::event::TimePart;

/// What the modifiers of one field ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Modifiers {
    pub(crate) operator: Operator,
    /// What becomes of a value before it is compared, in order.
    pub(crate) transforms: Vec<Transform>,
    /// Every value of a list has to hold.
    pub(crate) all: bool,
    /// Upper and lower case differ.
    pub(crate) cased: bool,
    /// The field has to be there and to differ from the values.
    pub(crate) not_equal: bool,
    pub(crate) compared: Compared,
}

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The field with the rule's value.
    Values,
    /// The field with another, which the value names.
    Fields,
    /// A part of the time that the field holds with the rule's value.
    Part(TimePart),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Shape(Anchor),
    Regex(RegexFlags),
    Compare(Comparison),
    Network,
    Exists,
}

/// Comparison of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Sub-modifiers of `re`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RegexFlags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

impl RegexFlags {
    /// The flags as a group in front of an expression; empty when there are none.
    pub(crate) fn prefix(self) -> String {
        let flags: String = [
            (self.ignore_case, 'i'),
            (self.multi_line, 'm'),
            (self.dot_all, 's'),
        ]
        .into_iter()
        .filter_map(|(set, letter)| set.then_some(letter))
        .collect();
        if flags.is_empty() {
            flags
        } else {
            format!("(?{flags})")
        }
    }
}

const KNOWN: &[&str] = &[
    "contains",
    "startswith",
    "endswith",
    "all",
    "exists",
    "cased",
    "neq",
    "re",
    "i",
    "m",
    "s",
    "windash",
    "base64",
    "base64offset",
    "wide",
    "utf16",
    "utf16le",
    "utf16be",
    "lt",
    "lte",
    "gt",
    "gte",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "cidr",
    "expand",
    "fieldref",
];

impl Modifiers {
    /// No modifier at all.
    pub(crate) fn none() -> Self {
        Modifiers {
            operator: Operator::Shape(Anchor::Whole),
            transforms: Vec::new(),
            all: false,
            cased: false,
            not_equal: false,
            compared: Compared::Values,
        }
    }

    /// Reads `contains|all`; `None` when something is wrong, which is noted.
    pub(crate) fn parse(text: &str, place: Place, reading: &mut Reading<'_>) -> Option<Modifiers> {
        let mut modifiers = Modifiers::none();
        let mut operator: Option<(&str, Operator)> = None;
        for name in text.split('|').filter(|_| !text.is_empty()) {
            if let Some(found) = operator_of(name) {
                if let Some((earlier, _)) = operator.replace((name, found)) {
                    let message = format!("modifiers `{earlier}` and `{name}` exclude each other");
                    reading.error(place, message);
                    return None;
                }
                continue;
            }
            if let Some(transform) = Transform::named(name) {
                if let Some((earlier, _)) = operator
                    && transform.is_encoding()
                {
                    let message = format!(
                        "`{name}` encodes a value as it is, so it stands before `{earlier}`"
                    );
                    reading.error(place, message);
                    return None;
                }
                modifiers.transforms.push(transform);
                continue;
            }
            let compared = match TimePart::named(name) {
                Some(part) => Some(Compared::Part(part)),
                None => (name == "fieldref").then_some(Compared::Fields),
            };
            if let Some(compared) = compared {
                if modifiers.compared != Compared::Values {
                    let message = "one part of a time, or another field, is compared at once";
                    reading.error(place, message);
                    return None;
                }
                modifiers.compared = compared;
                continue;
            }
            match (name, operator.as_mut()) {
                ("all", _) => modifiers.all = true,
                ("cased", _) => modifiers.cased = true,
                ("neq", _) => modifiers.not_equal = true,
                ("i", Some((_, Operator::Regex(flags)))) => flags.ignore_case = true,
                ("m", Some((_, Operator::Regex(flags)))) => flags.multi_line = true,
                ("s", Some((_, Operator::Regex(flags)))) => flags.dot_all = true,
                _ => {
                    unknown(name, place, reading);
                    return None;
                }
            }
        }
        modifiers.operator = operator.map_or(modifiers.operator, |(_, operator)| operator);
        modifiers.agree(place, reading).then_some(modifiers)
    }

    fn agree(&self, place: Place, reading: &mut Reading<'_>) -> bool {
        let plain = matches!(self.operator, Operator::Shape(_));
        let besides = self.all || self.cased || self.not_equal;
        let problem = match (self.operator, self.compared) {
            (Operator::Exists, compared) if besides || compared != Compared::Values => {
                "`exists` goes with no other modifier; write `exists: false` for the opposite"
            }
            (Operator::Compare(_), _) if besides => {
                "a comparison of numbers goes with no other modifier but a part of a time"
            }
            (Operator::Regex(_), _) if self.cased => "`re` minds the case already; `re|i` does not",
            (Operator::Network, _) if self.cased => "`cidr` does not go with `cased`",
            _ if !plain && !self.transforms.is_empty() => {
                "what changes text goes with plain text alone, not with `re`, `cidr`, `exists` or a comparison"
            }
            (_, Compared::Fields) if !plain => {
                "`fieldref` compares as text: besides `cased` and `neq` it goes with contains, startswith and endswith"
            }
            (_, Compared::Fields) if !self.transforms.is_empty() => {
                "`fieldref` names a field, so its value cannot be changed"
            }
            (operator, Compared::Part(_))
                if !matches!(
                    operator,
                    Operator::Compare(_) | Operator::Shape(Anchor::Whole)
                ) || self.cased
                    || !self.transforms.is_empty() =>
            {
                "a part of a time is a number"
            }
            _ => return true,
        };
        reading.error(place, problem);
        false
    }
}

fn operator_of(name: &str) -> Option<Operator> {
    Some(match name {
        "contains" => Operator::Shape(Anchor::Anywhere),
        "startswith" => Operator::Shape(Anchor::Start),
        "endswith" => Operator::Shape(Anchor::End),
        "re" => Operator::Regex(RegexFlags::default()),
        "cidr" => Operator::Network,
        "exists" => Operator::Exists,
        "lt" => Operator::Compare(Comparison::Less),
        "lte" => Operator::Compare(Comparison::LessOrEqual),
        "gt" => Operator::Compare(Comparison::Greater),
        "gte" => Operator::Compare(Comparison::GreaterOrEqual),
        _ => return None,
    })
}

fn unknown(name: &str, place: Place, reading: &mut Reading<'_>) {
    if matches!(name, "i" | "m" | "s") {
        let hint = format!("write `re|{name}`");
        reading.error_with_hint(place, format!("modifier `{name}` goes behind `re`"), hint);
    } else {
        let hint = did_you_mean(name, KNOWN.iter().copied())
            .unwrap_or_else(|| format!("Sigma's modifiers are {}", KNOWN.join(", ")));
        reading.error_with_hint(place, format!("unknown modifier `{name}`"), hint);
    }
}
