//! Value modifiers: what stands behind the bars of `field|modifier|…`, and which of them go together.

use super::error::{Place, Sink, did_you_mean};
use super::pattern::Anchor;

/// What the modifiers of one field ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modifiers {
    pub(crate) operator: Operator,
    /// Every value of a list has to hold.
    pub(crate) all: bool,
    /// Upper and lower case differ.
    pub(crate) cased: bool,
    /// The field has to be there and to differ from the values.
    pub(crate) not_equal: bool,
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

impl Default for Modifiers {
    fn default() -> Self {
        Modifiers {
            operator: Operator::Shape(Anchor::Whole),
            all: false,
            cased: false,
            not_equal: false,
        }
    }
}

const SUPPORTED: &[&str] = &[
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "i",
    "m",
    "s",
    "cidr",
    "exists",
    "cased",
    "lt",
    "lte",
    "gt",
    "gte",
    "neq",
];

/// Modifiers that the specification has and this engine has not, yet.
const NOT_YET: &[&str] = &[
    "windash",
    "base64",
    "base64offset",
    "utf16",
    "utf16le",
    "utf16be",
    "wide",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "expand",
    "fieldref",
];

impl Modifiers {
    /// Reads `contains|all`; `None` when something is wrong, which is noted.
    pub(crate) fn parse(text: &str, place: Place, sink: &mut Sink<'_>) -> Option<Modifiers> {
        let mut modifiers = Modifiers::default();
        let mut operator: Option<(&str, Operator)> = None;
        for name in text.split('|').filter(|_| !text.is_empty()) {
            if let Some(found) = operator_of(name) {
                if let Some((earlier, _)) = operator.replace((name, found)) {
                    sink.error(
                        place,
                        format!("modifiers `{earlier}` and `{name}` exclude each other"),
                    );
                    return None;
                }
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
                    unknown(name, place, sink);
                    return None;
                }
            }
        }
        modifiers.operator = operator.map_or(modifiers.operator, |(_, operator)| operator);
        modifiers.agree(place, sink).then_some(modifiers)
    }

    fn agree(self, place: Place, sink: &mut Sink<'_>) -> bool {
        let problem = match self.operator {
            Operator::Exists if self.all || self.cased || self.not_equal => {
                "`exists` goes with no other modifier; write `exists: false` for the opposite"
            }
            Operator::Compare(_) if self.all || self.cased || self.not_equal => {
                "a comparison of numbers goes with no other modifier"
            }
            Operator::Regex(_) if self.cased => "`re` minds the case already; `re|i` does not",
            Operator::Network if self.cased => "`cidr` does not go with `cased`",
            _ => return true,
        };
        sink.error(place, problem);
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

fn unknown(name: &str, place: Place, sink: &mut Sink<'_>) {
    if NOT_YET.contains(&name) {
        let hint = format!("supported are {}", SUPPORTED.join(", "));
        sink.error_with_hint(
            place,
            format!("modifier `{name}` is not supported yet"),
            hint,
        );
    } else if matches!(name, "i" | "m" | "s") {
        let hint = format!("write `re|{name}`");
        sink.error_with_hint(place, format!("modifier `{name}` goes behind `re`"), hint);
    } else {
        let hint = did_you_mean(name, SUPPORTED.iter().copied())
            .unwrap_or_else(|| format!("supported are {}", SUPPORTED.join(", ")));
        sink.error_with_hint(place, format!("unknown modifier `{name}`"), hint);
    }
}
