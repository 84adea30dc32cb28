//! Search identifiers of a detection: lists, maps, fields with modifiers, values.

use regex::RegexBuilder;

use super::error::{Place, Sink, did_you_mean};
use super::meta::PatternHit;
use super::modifier::{Comparison, Modifiers, Operator};
use super::pattern::{self, Anchor, Piece, Shape};
use super::predicate::TextTest;
use super::search::{Check, Item, Scope, Search, Test};
use super::yaml::{Kind as Yaml, Node, Number};
use crate::event::{Fact, FactSet, Field, Kind};

/// Largest program of one regular expression, in bytes.
pub(crate) const REGEX_SIZE_LIMIT: usize = 1 << 20;

/// Sigma's name of the one field that is computed from others.
const EXTENSION: &str = "c-uri-extension";

/// Longest value of a rule, in bytes.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Longest piece of a pattern that is shown to people.
const SHOWN_BYTES: usize = 256;

/// Reads one search identifier; `None` when it has an error, which is noted.
pub(crate) fn parse(node: &Node, sink: &mut Sink<'_>) -> Option<Search> {
    match &node.kind {
        Yaml::Map(entries) => parse_map(node.place, entries, sink),
        Yaml::List(items) if items.is_empty() => {
            sink.error(node.place, "an empty list matches nothing");
            None
        }
        Yaml::List(items) => {
            let parsed: Vec<_> = items
                .iter()
                .filter_map(|item| match &item.kind {
                    Yaml::Map(entries) => parse_map(item.place, entries, sink),
                    _ => parse_keyword(item, sink),
                })
                .collect();
            (parsed.len() == items.len()).then_some(Search::Any(parsed))
        }
        _ => parse_keyword(node, sink),
    }
}

fn parse_map(place: Place, entries: &[(Node, Node)], sink: &mut Sink<'_>) -> Option<Search> {
    if entries.is_empty() {
        sink.error(place, "an empty map matches nothing");
        return None;
    }
    let parsed: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| parse_entry(key, value, sink))
        .collect();
    (parsed.len() == entries.len()).then_some(Search::All(parsed))
}

fn parse_keyword(node: &Node, sink: &mut Sink<'_>) -> Option<Search> {
    let modifiers = Modifiers::default();
    let item = Entry {
        written: "",
        scope: Scope::Keywords,
        modifiers,
    };
    item.value(node, sink)
}

/// `field|modifier|…: value`, the field and what its modifiers say.
struct Entry<'k> {
    /// The key as written, for people.
    written: &'k str,
    scope: Scope,
    modifiers: Modifiers,
}

fn parse_entry(key: &Node, value: &Node, sink: &mut Sink<'_>) -> Option<Search> {
    let Some(written) = key.scalar_text() else {
        sink.error(
            key.place,
            format!("a field name is text, not {}", key.kind_name()),
        );
        return None;
    };
    let (name, rest) = written.split_once('|').unwrap_or((written, ""));
    let scope = match name {
        "" => Some(Scope::Keywords),
        EXTENSION => Some(Scope::Extension),
        _ => field(name, key.place, sink).map(Scope::Field),
    };
    let modifiers = Modifiers::parse(rest, key.place, sink);
    let (scope, modifiers) = scope.zip(modifiers)?;
    let entry = Entry {
        written,
        scope,
        modifiers,
    };
    if !entry.fits(key.place, sink) {
        return None;
    }
    entry.parse(value, sink)
}

/// The field of a name, or an error that offers the nearest one.
pub(crate) fn field(name: &str, place: Place, sink: &mut Sink<'_>) -> Option<Field> {
    let found = Field::from_name(name);
    if found.is_none() {
        let names = Field::ALL.iter().flat_map(|field| {
            std::iter::once(field.name()).chain(field.sigma_names().iter().copied())
        });
        let hint = did_you_mean(name, names)
            .unwrap_or_else(|| "the fields are listed in docs/events.md".to_owned());
        sink.error_with_hint(place, format!("unknown field `{name}`"), hint);
    }
    found
}

impl Entry<'_> {
    /// Whether the modifiers can be asked of what the field holds.
    fn fits(&self, place: Place, sink: &mut Sink<'_>) -> bool {
        let holds = match self.scope {
            Scope::Keywords => None,
            Scope::Extension => Some(Kind::Text),
            Scope::Field(field) => Some(field.kind()),
        };
        let problem = match (self.modifiers.operator, holds) {
            (Operator::Exists | Operator::Network | Operator::Compare(_), None) => {
                "keywords are text; this modifier needs a field"
            }
            (Operator::Compare(_), Some(kind)) if kind != Kind::Number => {
                "lt, lte, gt and gte need a field that holds a number"
            }
            (Operator::Network, Some(Kind::Number | Kind::Time)) => {
                "cidr needs a field that holds an address or text"
            }
            (_, None) if self.modifiers.not_equal => "keywords cannot be compared by neq",
            (Operator::Regex(_), Some(_)) if self.scope == Scope::Field(Field::Fact) => {
                "facts are named, not searched by expression"
            }
            _ => return true,
        };
        sink.error(place, format!("`{}`: {problem}", self.written));
        false
    }

    fn parse(&self, value: &Node, sink: &mut Sink<'_>) -> Option<Search> {
        if self.modifiers.operator == Operator::Exists {
            return self.exists(value, sink);
        }
        let found = match &value.kind {
            Yaml::List(items) => self.list(value.place, items, sink)?,
            Yaml::Null => return self.null(value, sink),
            _ if self.modifiers.all => {
                let hint = "drop the modifier, or give a list";
                sink.error_with_hint(value.place, "`all` needs a list of values", hint);
                return None;
            }
            _ => self.value(value, sink)?,
        };
        if !self.modifiers.not_equal {
            return Some(found);
        }
        // The field differs from every value, so it has to be there.
        let shown = value.scalar_text().unwrap_or("every value of the list");
        Some(Search::All(vec![
            self.item(Check::Exists, shown),
            Search::Not(Box::new(found)),
        ]))
    }

    fn list(&self, place: Place, items: &[Node], sink: &mut Sink<'_>) -> Option<Search> {
        if items.is_empty() {
            sink.error(place, "an empty list of values matches nothing");
            return None;
        }
        let parsed: Vec<_> = items
            .iter()
            .filter_map(|item| self.value(item, sink))
            .collect();
        if parsed.len() != items.len() {
            return None;
        }
        Some(if self.modifiers.all {
            Search::All(parsed)
        } else {
            Search::Any(parsed)
        })
    }

    fn exists(&self, value: &Node, sink: &mut Sink<'_>) -> Option<Search> {
        let item = self.item(Check::Exists, "exists");
        match value.kind {
            Yaml::Bool(true) => Some(item),
            Yaml::Bool(false) => Some(Search::Not(Box::new(item))),
            _ => {
                sink.error(value.place, "`exists` needs true or false");
                None
            }
        }
    }

    fn null(&self, value: &Node, sink: &mut Sink<'_>) -> Option<Search> {
        let plain = self.modifiers.operator == Operator::Shape(Anchor::Whole);
        if !plain || self.modifiers.all || self.scope == Scope::Keywords {
            let hint = "write `field: null` for an absent field, `field: ''` for an empty one";
            sink.error_with_hint(value.place, "null goes with no modifier", hint);
            return None;
        }
        let item = self.item(Check::Exists, "exists");
        Some(if self.modifiers.not_equal {
            item
        } else {
            Search::Not(Box::new(item))
        })
    }

    /// One value, as one test.
    fn value(&self, node: &Node, sink: &mut Sink<'_>) -> Option<Search> {
        let Some(text) = node.scalar_text() else {
            let hint = match node.kind {
                Yaml::Null => {
                    "null cannot be part of a list; give it a search identifier of its own"
                }
                _ => "a value is text, a number, true or false",
            };
            sink.error_with_hint(
                node.place,
                format!("{} is no value here", node.kind_name()),
                hint,
            );
            return None;
        };
        if text.len() > MAX_VALUE_BYTES {
            let message = format!("a value is at most {MAX_VALUE_BYTES} bytes long");
            sink.error(node.place, message);
            return None;
        }
        let check = match self.modifiers.operator {
            Operator::Shape(anchor) => self.shape(node, text, anchor, sink)?,
            Operator::Regex(flags) => {
                regex(node.place, &format!("{}{text}", flags.prefix()), sink)?
            }
            Operator::Compare(comparison) => compare(node, comparison, sink)?,
            Operator::Network => network(node.place, text, sink)?,
            Operator::Exists => {
                sink.error(node.place, "`exists` needs true or false");
                return None;
            }
        };
        Some(self.item(check, text))
    }

    fn shape(&self, node: &Node, text: &str, anchor: Anchor, sink: &mut Sink<'_>) -> Option<Check> {
        let anchor = if self.scope == Scope::Keywords {
            Anchor::Anywhere
        } else {
            anchor
        };
        let number = matches!(node.kind, Yaml::Number { .. });
        let pieces = if number {
            vec![Piece::Plain(text.to_owned())]
        } else {
            pattern::parse(text)
        };
        let shape = Shape::new(pieces, anchor);
        if shape.is_anything() {
            let hint = "use `exists: true` to ask whether the field is there";
            sink.error_with_hint(node.place, "this value matches everything", hint);
            return None;
        }
        match self.scope {
            Scope::Field(Field::Fact) => facts(node.place, &shape, text, sink),
            Scope::Field(field) => Some(self.typed(field.kind(), shape)),
            Scope::Keywords | Scope::Extension => Some(self.folded(shape)),
        }
    }

    /// A whole value on a number or address field is compared as what it is, everything else by its text.
    fn typed(&self, kind: Kind, shape: Shape) -> Check {
        if let Shape::Literal(Anchor::Whole, text) = &shape {
            // Only the canonical spelling: `0200` is text that no number has.
            if kind == Kind::Number
                && let Ok(number) = text.parse::<u64>()
                && number.to_string() == *text
            {
                return Check::Range {
                    low: number,
                    high: number,
                };
            }
            if kind == Kind::Address
                && let Ok(address) = text.parse::<std::net::IpAddr>()
            {
                return Check::Network(address.to_canonical().into());
            }
        }
        self.folded(shape)
    }

    fn folded(&self, shape: Shape) -> Check {
        let cased = self.modifiers.cased;
        let shape = match shape {
            shape if cased => shape,
            Shape::Literal(anchor, text) => Shape::Literal(anchor, pattern::fold(&text)),
            Shape::Glob(pieces) => Shape::Glob(
                pieces
                    .into_iter()
                    .map(|piece| match piece {
                        Piece::Plain(text) => Piece::Plain(pattern::fold(&text)),
                        wildcard => wildcard,
                    })
                    .collect(),
            ),
        };
        Check::Shape { shape, cased }
    }

    fn item(&self, check: Check, value: &str) -> Search {
        let (name, modifiers) = self.written.split_once('|').unwrap_or((self.written, ""));
        let field = match self.scope {
            Scope::Field(field) => field.name(),
            Scope::Extension => EXTENSION,
            Scope::Keywords => "keywords",
        };
        debug_assert!(name.is_empty() || self.scope != Scope::Keywords);
        let shown: &str = &value[..value.floor_char_boundary(SHOWN_BYTES)];
        let pattern = if modifiers.is_empty() || modifiers == value {
            shown.into()
        } else {
            compact_str::format_compact!("{modifiers}: {shown}")
        };
        Search::Item(Item {
            test: Test {
                scope: self.scope,
                check,
            },
            written: PatternHit {
                field: field.into(),
                pattern,
            },
        })
    }
}

fn regex(place: Place, source: &str, sink: &mut Sink<'_>) -> Option<Check> {
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
            sink.error_with_hint(place, format!("not a regular expression: {what}"), hint);
            None
        }
    }
}

fn network(place: Place, text: &str, sink: &mut Sink<'_>) -> Option<Check> {
    let net = text.parse::<ipnet::IpNet>().ok().or_else(|| {
        let address = text.parse::<std::net::IpAddr>().ok()?;
        Some(address.into())
    });
    if net.is_none() {
        let hint = "such as 10.0.0.0/8 or 2001:db8::/32";
        sink.error_with_hint(place, format!("`{text}` is no network"), hint);
    }
    net.map(Check::Network)
}

/// The range of whole numbers for which a comparison holds.
fn compare(node: &Node, comparison: Comparison, sink: &mut Sink<'_>) -> Option<Check> {
    let Yaml::Number { value, .. } = node.kind else {
        let message = format!("a comparison needs a number, not {}", node.kind_name());
        sink.error_with_hint(node.place, message, "numbers are written without quotes");
        return None;
    };
    let number = match value {
        Number::Whole(whole) => whole.clamp(-1, i128::from(u64::MAX) + 1),
        Number::Float(float) if float.is_finite() => whole_bound(float, comparison),
        Number::Float(_) => {
            sink.error(node.place, "a comparison needs a finite number");
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
fn facts(place: Place, shape: &Shape, text: &str, sink: &mut Sink<'_>) -> Option<Check> {
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
        sink.error_with_hint(place, format!("no fact is named `{text}`"), hint);
        return None;
    }
    Some(Check::Facts(found))
}
