//! Search identifiers of a detection: lists, maps, fields with modifiers, values.

use super::check;
use super::error::{Place, Reading, did_you_mean};
use super::meta::PatternHit;
use super::modifier::{Compared, Modifiers, Operator};
use super::pattern::{self, Anchor, Piece, Shape};
use super::search::{Check, Item, Scope, Search, Test};
use super::transform::{self, Transform};
use crate::event::{Field, Kind};
use crate::yaml::{Kind as Yaml, Node};

/// Largest program of one regular expression, in bytes.
pub(crate) const REGEX_SIZE_LIMIT: usize = 1 << 20;

/// Sigma's name of the one field that is computed from others.
const EXTENSION: &str = "c-uri-extension";

/// Sigma's name of a duration in milliseconds; ours are microseconds.
const TIME_TAKEN: &str = "time-taken";

/// Longest value of a rule, in bytes.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Longest piece of a pattern that is shown to people.
const SHOWN_BYTES: usize = 256;

/// A test that a field is there.
pub(crate) fn has(field: Field) -> Search {
    Search::Item(Item {
        test: Test {
            scope: Scope::Field(field),
            check: Check::Exists,
        },
        written: PatternHit {
            field: field.name().into(),
            pattern: "exists".into(),
        },
    })
}

/// Reads one search identifier; `None` when it has an error, which is noted.
pub(crate) fn parse(node: &Node, reading: &mut Reading<'_>) -> Option<Search> {
    match &node.kind {
        Yaml::Map(entries) => parse_map(node.place, entries, reading),
        Yaml::List(items) if items.is_empty() => {
            reading.error(node.place, "an empty list matches nothing");
            None
        }
        Yaml::List(items) => {
            let parsed: Vec<_> = items
                .iter()
                .filter_map(|item| match &item.kind {
                    Yaml::Map(entries) => parse_map(item.place, entries, reading),
                    _ => parse_keyword(item, reading),
                })
                .collect();
            (parsed.len() == items.len()).then_some(Search::Any(parsed))
        }
        _ => parse_keyword(node, reading),
    }
}

fn parse_map(place: Place, entries: &[(Node, Node)], reading: &mut Reading<'_>) -> Option<Search> {
    if entries.is_empty() {
        reading.error(place, "an empty map matches nothing");
        return None;
    }
    let parsed: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| parse_entry(key, value, reading))
        .collect();
    (parsed.len() == entries.len()).then_some(Search::All(parsed))
}

fn parse_keyword(node: &Node, reading: &mut Reading<'_>) -> Option<Search> {
    let modifiers = Modifiers::none();
    let item = Entry {
        written: "",
        scope: Scope::Keywords,
        unit: Unit::Own,
        modifiers,
    };
    item.value(node, reading)
}

/// `field|modifier|…: value`, the field and what its modifiers say.
struct Entry<'k> {
    /// The key as written, for people.
    written: &'k str,
    scope: Scope,
    unit: Unit,
    modifiers: Modifiers,
}

/// The unit of a rule's numbers.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// That of the field.
    Own,
    /// Thousands of it.
    Milliseconds,
}

fn parse_entry(key: &Node, value: &Node, reading: &mut Reading<'_>) -> Option<Search> {
    let Some(written) = key.scalar_text() else {
        reading.error(
            key.place,
            format!("a field name is text, not {}", key.kind_name()),
        );
        return None;
    };
    let (name, rest) = written.split_once('|').unwrap_or((written, ""));
    let scopes = scopes(name, key.place, reading);
    let modifiers = Modifiers::parse(rest, key.place, reading);
    let (scopes, modifiers) = scopes.zip(modifiers)?;
    let mut parsed = Vec::with_capacity(scopes.len());
    for (scope, unit) in scopes {
        let entry = Entry {
            written,
            scope,
            unit,
            modifiers: modifiers.clone(),
        };
        if !entry.fits(key.place, reading) {
            return None;
        }
        parsed.push(entry.parse(value, reading)?);
    }
    Some(one_or_any(parsed))
}

/// Where a name of a rule points; a pipeline may have several fields for it.
fn scopes(name: &str, place: Place, reading: &mut Reading<'_>) -> Option<Vec<(Scope, Unit)>> {
    if name.is_empty() {
        return Some(vec![(Scope::Keywords, Unit::Own)]);
    }
    let names = reading.names.field(name);
    let found: Vec<(Scope, Unit)> = names
        .iter()
        .filter_map(|name| match name.as_str() {
            EXTENSION => Some((Scope::Extension, Unit::Own)),
            TIME_TAKEN => Some((Scope::Field(Field::DurationUs), Unit::Milliseconds)),
            name => known_field(name, place, reading).map(|field| (Scope::Field(field), Unit::Own)),
        })
        .collect();
    (found.len() == names.len()).then_some(found)
}

fn one_or_any(mut searches: Vec<Search>) -> Search {
    if searches.len() == 1 {
        searches.swap_remove(0)
    } else {
        Search::Any(searches)
    }
}

/// The field of a name where exactly one is wanted.
pub(crate) fn field(name: &str, place: Place, reading: &mut Reading<'_>) -> Option<Field> {
    match reading.names.field(name).as_slice() {
        [name] if name == TIME_TAKEN => {
            let hint = "write duration_us, in microseconds";
            reading.error_with_hint(place, "`time-taken` is compared in detections only", hint);
            None
        }
        [name] => known_field(name, place, reading),
        several => {
            let message = format!(
                "the pipelines have several fields for `{name}`: {}",
                several.join(", ")
            );
            reading.error_with_hint(place, message, "name one of them here");
            None
        }
    }
}

/// The field of a name, or an error that offers the nearest one.
fn known_field(name: &str, place: Place, reading: &mut Reading<'_>) -> Option<Field> {
    let found = Field::from_name(name);
    if found.is_none() {
        let names = Field::ALL.iter().flat_map(|field| {
            std::iter::once(field.name()).chain(field.sigma_names().iter().copied())
        });
        let hint = did_you_mean(name, names)
            .unwrap_or_else(|| "the fields are listed in docs/events.md".to_owned());
        reading.error_with_hint(place, format!("unknown field `{name}`"), hint);
    }
    found
}

impl Entry<'_> {
    /// Whether the modifiers can be asked of what the field holds.
    fn fits(&self, place: Place, reading: &mut Reading<'_>) -> bool {
        let holds = match self.scope {
            Scope::Keywords => None,
            Scope::Extension => Some(Kind::Text),
            Scope::Field(field) => Some(field.kind()),
        };
        let problem = match (self.modifiers.operator, holds) {
            (Operator::Exists | Operator::Network | Operator::Compare(_), None) => {
                "keywords are text; this modifier needs a field"
            }
            (Operator::Compare(_), Some(kind))
                if kind != Kind::Number && self.modifiers.compared == Compared::Values =>
            {
                "lt, lte, gt and gte need a field that holds a number"
            }
            (Operator::Network, Some(Kind::Number | Kind::Time)) => {
                "cidr needs a field that holds an address or text"
            }
            (_, None) if self.modifiers.not_equal => "keywords cannot be compared by neq",
            (_, None) if self.modifiers.compared == Compared::Fields => {
                "keywords have no field to compare with another"
            }
            (Operator::Regex(_), Some(_)) if self.scope == Scope::Field(Field::Fact) => {
                "facts are named, not searched by expression"
            }
            _ if matches!(self.modifiers.compared, Compared::Part(_))
                && holds != Some(Kind::Time) =>
            {
                "minute, hour, day, week, month and year need a field that holds a time"
            }
            _ if self.modifiers.compared == Compared::Fields
                && matches!(self.scope, Scope::Extension | Scope::Field(Field::Fact)) =>
            {
                "fieldref compares fields of the record"
            }
            _ => return true,
        };
        reading.error(place, format!("`{}`: {problem}", self.written));
        false
    }

    fn parse(&self, value: &Node, reading: &mut Reading<'_>) -> Option<Search> {
        if self.modifiers.operator == Operator::Exists {
            return self.exists(value, reading);
        }
        let found = match &value.kind {
            Yaml::List(items) => self.list(value.place, items, reading)?,
            Yaml::Null => return self.null(value, reading),
            _ if self.modifiers.all => {
                let hint = "drop the modifier, or give a list of values";
                reading.error_with_hint(value.place, "`all` needs two values or more", hint);
                return None;
            }
            _ => self.value(value, reading)?,
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

    fn list(&self, place: Place, items: &[Node], reading: &mut Reading<'_>) -> Option<Search> {
        if items.is_empty() {
            reading.error(place, "an empty list of values matches nothing");
            return None;
        }
        if self.modifiers.all && items.len() == 1 {
            let hint = "drop the modifier, or give more values";
            reading.error_with_hint(place, "`all` needs two values or more", hint);
            return None;
        }
        let parsed: Vec<_> = items
            .iter()
            .filter_map(|item| self.value(item, reading))
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

    fn exists(&self, value: &Node, reading: &mut Reading<'_>) -> Option<Search> {
        let item = self.item(Check::Exists, "exists");
        match value.kind {
            Yaml::Bool(true) => Some(item),
            Yaml::Bool(false) => Some(Search::Not(Box::new(item))),
            _ => {
                reading.error(value.place, "`exists` needs true or false");
                None
            }
        }
    }

    fn null(&self, value: &Node, reading: &mut Reading<'_>) -> Option<Search> {
        let plain = Modifiers {
            not_equal: self.modifiers.not_equal,
            ..Modifiers::none()
        };
        if self.modifiers != plain || self.scope == Scope::Keywords {
            let hint = "write `field: null` for an absent field, `field: ''` for an empty one";
            reading.error_with_hint(value.place, "null goes with no modifier", hint);
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
    fn value(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Search> {
        let Some(text) = node.scalar_text() else {
            let hint = match node.kind {
                Yaml::Null => {
                    "null cannot be part of a list; give it a search identifier of its own"
                }
                _ => "a value is text, a number, true or false",
            };
            reading.error_with_hint(
                node.place,
                format!("{} is no value here", node.kind_name()),
                hint,
            );
            return None;
        };
        if text.len() > MAX_VALUE_BYTES {
            let message = format!("a value is at most {MAX_VALUE_BYTES} bytes long");
            reading.error(node.place, message);
            return None;
        }
        match self.modifiers.compared {
            Compared::Values => {}
            Compared::Fields => {
                let check = self.reference(node.place, text, reading)?;
                return Some(self.item(check, text));
            }
            Compared::Part(part) => {
                let comparison = match self.modifiers.operator {
                    Operator::Compare(comparison) => Some(comparison),
                    _ => None,
                };
                let (low, high) = check::part(node, comparison, reading)?;
                return Some(self.item(Check::TimePart { part, low, high }, text));
            }
        }
        let check = match self.modifiers.operator {
            Operator::Shape(anchor) => return self.texts(node, text, anchor, reading),
            Operator::Regex(flags) => {
                check::regex(node.place, &format!("{}{text}", flags.prefix()), reading)?
            }
            Operator::Compare(comparison) => check::compare(node, comparison, reading)?,
            Operator::Network => check::network(node.place, text, reading)?,
            Operator::Exists => {
                reading.error(node.place, "`exists` needs true or false");
                return None;
            }
        };
        Some(self.item(self.scaled(check), text))
    }

    /// A comparison in the unit of the field. A number of milliseconds stands for all its microseconds.
    fn scaled(&self, check: Check) -> Check {
        match (self.unit, check) {
            (Unit::Milliseconds, Check::Range { low, high }) if low <= high => Check::Range {
                low: low.saturating_mul(1_000),
                high: high.saturating_mul(1_000).saturating_add(999),
            },
            (_, check) => check,
        }
    }

    /// A text as what its modifiers make of it; of several values any may hold.
    fn texts(
        &self,
        node: &Node,
        text: &str,
        anchor: Anchor,
        reading: &mut Reading<'_>,
    ) -> Option<Search> {
        let transforms = &self.modifiers.transforms;
        let values = if matches!(node.kind, Yaml::Number { .. }) && transforms.is_empty() {
            vec![vec![Piece::Plain(text.to_owned())]]
        } else {
            match transform::apply(text, transforms, reading.vocabulary) {
                Ok(values) => values,
                Err(problem) => {
                    reading.error_with_hint(node.place, problem.message, problem.hint);
                    return None;
                }
            }
        };
        if transforms.contains(&Transform::Expand) {
            reading.expanded.push(format!("{values:?}"));
        }
        let checks: Option<Vec<Search>> = values
            .into_iter()
            .map(|pieces| {
                let check = self.shape(node.place, text, pieces, anchor, reading)?;
                Some(self.item(self.scaled(check), text))
            })
            .collect();
        checks.map(one_or_any)
    }

    fn reference(&self, place: Place, name: &str, reading: &mut Reading<'_>) -> Option<Check> {
        let other = field(name, place, reading)?;
        let Operator::Shape(anchor) = self.modifiers.operator else {
            return None;
        };
        let problem = if other == Field::Fact {
            Some("fieldref compares fields of the record")
        } else if self.scope == Scope::Field(other) {
            Some("a field is always the same as itself")
        } else {
            None
        };
        if let Some(problem) = problem {
            reading.error(place, problem);
            return None;
        }
        Some(Check::Field {
            other,
            anchor,
            cased: self.modifiers.cased,
        })
    }

    fn shape(
        &self,
        place: Place,
        text: &str,
        pieces: Vec<Piece>,
        anchor: Anchor,
        reading: &mut Reading<'_>,
    ) -> Option<Check> {
        let anchor = if self.scope == Scope::Keywords {
            Anchor::Anywhere
        } else {
            anchor
        };
        let shape = Shape::new(pieces, anchor);
        if shape.is_anything() {
            let hint = "use `exists: true` to ask whether the field is there";
            reading.error_with_hint(place, "this value matches everything", hint);
            return None;
        }
        match self.scope {
            Scope::Field(Field::Fact) => check::facts(place, &shape, text, reading),
            Scope::Field(field) if self.unit == Unit::Milliseconds => {
                let check = self.typed(field.kind(), shape);
                if matches!(check, Check::Range { .. }) {
                    return Some(check);
                }
                let hint = "write duration_us, in microseconds";
                reading.error_with_hint(place, "`time-taken` is compared as a whole number", hint);
                None
            }
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
