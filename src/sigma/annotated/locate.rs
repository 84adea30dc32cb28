//! Where in an event's value a pattern stands. Whether it stands there at all is the engine's to say.

use std::borrow::Cow;

use regex::RegexBuilder;

use crate::event::{Event, Field, Text, Value};
use crate::sigma::detection::REGEX_SIZE_LIMIT;
use crate::sigma::pattern::{Anchor, Piece, Shape};
use crate::sigma::predicate::{self, text_fields};
use crate::sigma::search::{Check, Scope, Test};

/// A value, and the bytes of it that the pattern takes.
pub(super) struct Found<'e> {
    /// The field, where a keyword was looked for in all of them.
    pub(super) field: Option<&'static str>,
    pub(super) text: Cow<'e, str>,
    pub(super) place: Option<(usize, usize)>,
}

/// What the event has where a test looks; `None` when that is absent.
pub(super) fn value<'e>(test: &Test, holds: bool, event: &'e Event<'_>) -> Option<Found<'e>> {
    let found = |text: Cow<'e, str>, place| Found {
        field: None,
        text,
        place,
    };
    match test.scope {
        Scope::Field(field) => {
            let value = event.get(field)?;
            let (text, place) = in_value(&test.check, holds, value, event);
            Some(found(text, place))
        }
        Scope::Extension => {
            let text = predicate::extension(event)?;
            let place = place_in(&test.check, text, event).filter(|_| holds);
            Some(found(Cow::Borrowed(text), place))
        }
        Scope::Keywords if !holds => None,
        Scope::Keywords => text_fields().find_map(|field| {
            let (text, place) = in_value(&test.check, true, event.get(field)?, event);
            place.map(|place| Found {
                field: Some(field.name()),
                text,
                place: Some(place),
            })
        }),
    }
}

fn in_value<'e>(
    check: &Check,
    holds: bool,
    value: Value<'e>,
    event: &Event<'_>,
) -> (Cow<'e, str>, Option<(usize, usize)>) {
    match value {
        Value::Text(text) => {
            let place = place_in(check, text, event).filter(|_| holds);
            (Cow::Borrowed(text), place)
        }
        Value::List(items) => {
            let held = items
                .iter()
                .filter(|_| holds)
                .find_map(|item| Some((item, place_in(check, item, event)?)));
            match held {
                Some((item, place)) => (Cow::Borrowed(item.as_str()), Some(place)),
                None => (Cow::Owned(joined(items.iter().map(Text::as_str))), None),
            }
        }
        Value::Facts(facts) => {
            let names = joined(facts.iter().map(crate::event::Fact::name));
            let asked = facts.iter().find(|fact| match check {
                Check::Facts(set) => set.contains(*fact),
                _ => true,
            });
            let place = asked.filter(|_| holds).and_then(|fact| {
                let begin = names.find(fact.name())?;
                Some((begin, begin + fact.name().len()))
            });
            (Cow::Owned(names), place)
        }
        Value::Number(number) => whole(number.to_string(), holds),
        Value::Address(address) => whole(address.to_string(), holds),
        Value::Time(time) => whole(time.to_string(), holds),
    }
}

fn whole<'e>(text: String, holds: bool) -> (Cow<'e, str>, Option<(usize, usize)>) {
    let place = holds.then_some((0, text.len()));
    (Cow::Owned(text), place)
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

/// Where the pattern stands in a text; `None` when it does not.
fn place_in(check: &Check, text: &str, event: &Event<'_>) -> Option<(usize, usize)> {
    match check {
        Check::Shape { shape, cased: true } => shape_in(shape, text),
        Check::Shape { shape, .. } => {
            let folded = Folded::of(text);
            shape_in(shape, &folded.text).map(|place| folded.original(place))
        }
        Check::Regex(source) => {
            let regex = RegexBuilder::new(source)
                .size_limit(REGEX_SIZE_LIMIT)
                .build()
                .ok()?;
            regex.find(text).map(|found| (found.start(), found.end()))
        }
        Check::Field { other, anchor, .. } => {
            let folded = Folded::of(text);
            texts(*other, event).iter().find_map(|needle| {
                let shape = Shape::Literal(*anchor, Folded::of(needle).text);
                shape_in(&shape, &folded.text).map(|place| folded.original(place))
            })
        }
        Check::Exists
        | Check::Range { .. }
        | Check::Network(_)
        | Check::Facts(_)
        | Check::TimePart { .. } => Some((0, text.len())),
    }
}

fn texts(field: Field, event: &Event<'_>) -> Vec<String> {
    match event.get(field) {
        Some(Value::List(items)) => items.iter().map(ToString::to_string).collect(),
        Some(Value::Text(text)) => vec![text.to_owned()],
        Some(Value::Number(number)) => vec![number.to_string()],
        Some(Value::Address(address)) => vec![address.to_string()],
        Some(Value::Time(time)) => vec![time.to_string()],
        Some(Value::Facts(_)) | None => Vec::new(),
    }
}

/// Of wildcards, what lies between the first and the last piece of plain text.
fn shape_in(shape: &Shape, text: &str) -> Option<(usize, usize)> {
    match shape {
        Shape::Literal(anchor, literal) => match anchor {
            Anchor::Whole => (text == literal).then_some((0, text.len())),
            Anchor::Start => text.starts_with(literal).then_some((0, literal.len())),
            Anchor::End => text
                .ends_with(literal)
                .then(|| (text.len() - literal.len(), text.len())),
            Anchor::Anywhere => text.find(literal).map(|at| (at, at + literal.len())),
        },
        Shape::Glob(pieces) => {
            let test = predicate::TextTest::new(shape);
            if !test.matches(text.as_bytes()) {
                return None;
            }
            let begin = match pieces.as_slice() {
                [Piece::Many, Piece::Plain(first), ..] => text.find(first)?,
                _ => 0,
            };
            let end = match pieces.as_slice() {
                [.., Piece::Plain(last), Piece::Many] => text.rfind(last)? + last.len(),
                _ => text.len(),
            };
            Some((begin, end.max(begin)))
        }
    }
}

/// A folded text that knows where its bytes come from.
struct Folded {
    text: String,
    /// Of each byte of `text` the first and the end of the character that it was made of.
    origins: Vec<(usize, usize)>,
}

impl Folded {
    fn of(original: &str) -> Folded {
        let mut text = String::with_capacity(original.len());
        let mut origins = Vec::with_capacity(original.len());
        for (at, c) in original.char_indices() {
            text.extend(c.to_lowercase());
            origins.resize(text.len(), (at, at + c.len_utf8()));
        }
        Folded { text, origins }
    }

    fn original(&self, (begin, end): (usize, usize)) -> (usize, usize) {
        let first = self.origins.get(begin);
        let last = end.checked_sub(1).and_then(|last| self.origins.get(last));
        match (first, last) {
            (Some(first), Some(last)) if begin < end => (first.0, last.1),
            _ => (0, 0),
        }
    }
}
