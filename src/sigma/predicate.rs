//! One test, compiled: what the hot path asks of an event.

use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::detection::REGEX_SIZE_LIMIT;
use super::fold::Folds;
use super::pattern::{self, Anchor, DASHES, Piece, Shape};
use super::search::{Check, Scope, Test};
use crate::event::{Event, FactSet, Field, Kind, Text, TimePart, Value};

/// A test that is ready to be asked.
#[derive(Debug)]
pub(crate) struct Predicate {
    scope: Scope,
    check: Compiled,
}

#[derive(Debug)]
enum Compiled {
    Exists,
    Text {
        test: TextTest,
        folded: bool,
    },
    Range {
        low: u64,
        high: u64,
    },
    Network(IpNet),
    Facts(FactSet),
    Field {
        other: Field,
        anchor: Anchor,
        cased: bool,
    },
    TimePart {
        part: TimePart,
        low: u64,
        high: u64,
    },
}

/// A string test on bytes.
#[derive(Debug)]
pub(crate) enum TextTest {
    Whole(Box<[u8]>),
    Start(Box<[u8]>),
    End(Box<[u8]>),
    Anywhere(Box<Finder<'static>>),
    Glob(Box<[Glob]>),
    Regex(Regex),
}

/// A piece of a pattern with wildcards inside.
#[derive(Debug)]
pub(crate) enum Glob {
    Plain(Box<Finder<'static>>),
    One,
    Many,
    Dash,
}

/// The fields that hold text, which keywords are searched in.
pub(crate) fn text_fields() -> impl Iterator<Item = Field> {
    Field::ALL
        .iter()
        .copied()
        .filter(|field| matches!(field.kind(), Kind::Text | Kind::List) && *field != Field::Fact)
}

impl Predicate {
    /// Compiles a test.
    pub(crate) fn new(test: &Test) -> Predicate {
        let check = match &test.check {
            Check::Exists => Compiled::Exists,
            Check::Shape { shape, cased } => Compiled::Text {
                test: TextTest::new(shape),
                folded: !cased,
            },
            Check::Regex(source) => Compiled::Text {
                test: TextTest::Regex(
                    RegexBuilder::new(source)
                        .size_limit(REGEX_SIZE_LIMIT)
                        .build()
                        .expect("the expression was built once when the rule was read"),
                ),
                folded: false,
            },
            Check::Range { low, high } => Compiled::Range {
                low: *low,
                high: *high,
            },
            Check::Network(net) => Compiled::Network(*net),
            Check::Facts(facts) => Compiled::Facts(*facts),
            &Check::Field {
                other,
                anchor,
                cased,
            } => Compiled::Field {
                other,
                anchor,
                cased,
            },
            &Check::TimePart { part, low, high } => Compiled::TimePart { part, low, high },
        };
        Predicate {
            scope: test.scope,
            check,
        }
    }

    /// How dear the test is beside others, least first; what is asked first decides how much is asked.
    pub(crate) fn cost(&self) -> u32 {
        let base = match &self.check {
            Compiled::Exists | Compiled::Range { .. } | Compiled::Facts(_) => 1,
            Compiled::Network(_) | Compiled::TimePart { .. } => 2,
            Compiled::Field { .. } => 30,
            Compiled::Text { test, .. } => match test {
                TextTest::Whole(_) | TextTest::Start(_) | TextTest::End(_) => 4,
                TextTest::Anywhere(_) => 10,
                TextTest::Glob(_) => 20,
                TextTest::Regex(_) => 60,
            },
        };
        match self.scope {
            Scope::Field(_) | Scope::Extension => base,
            Scope::Keywords => base * 16,
        }
    }

    /// Whether the test holds for an event.
    pub(crate) fn holds(&self, event: &Event<'_>, folds: &mut Folds) -> bool {
        match self.scope {
            Scope::Field(field) => self.holds_for(field, event, folds),
            Scope::Extension => extension(event).is_some_and(|text| match &self.check {
                Compiled::Exists => true,
                Compiled::Text { test, folded } => test.matches(folds.of_item(text, *folded)),
                Compiled::Network(net) => names_address_of(net, text),
                Compiled::Range { .. }
                | Compiled::Facts(_)
                | Compiled::Field { .. }
                | Compiled::TimePart { .. } => false,
            }),
            Scope::Keywords => match &self.check {
                Compiled::Text { test, folded } => {
                    text_fields().any(|field| in_field(test, *folded, field, event, folds))
                }
                _ => false,
            },
        }
    }

    fn holds_for(&self, field: Field, event: &Event<'_>, folds: &mut Folds) -> bool {
        match &self.check {
            Compiled::Text { test, folded } => in_field(test, *folded, field, event, folds),
            Compiled::Exists => event.get(field).is_some(),
            Compiled::Facts(facts) => event.facts.intersects(*facts),
            Compiled::Range { low, high } => {
                matches!(event.get(field), Some(Value::Number(number)) if (*low..=*high).contains(&number))
            }
            &Compiled::Field {
                other,
                anchor,
                cased,
            } => same(event.get(field), event.get(other), anchor, cased),
            Compiled::TimePart { part, low, high } => match event.get(field) {
                Some(Value::Time(time)) => time
                    .part(*part)
                    .is_some_and(|number| (*low..=*high).contains(&number)),
                _ => false,
            },
            Compiled::Network(net) => match event.get(field) {
                Some(Value::Address(address)) => net.contains(&address.to_canonical()),
                Some(Value::Text(text)) => names_address_of(net, text),
                Some(Value::List(items)) => items.iter().any(|item| names_address_of(net, item)),
                _ => false,
            },
        }
    }
}

/// What stands behind the last dot of the last segment of the path, or of the target where there is no path.
pub(super) fn extension<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let target = event.path.as_ref().or(event.uri.as_ref())?.as_str();
    let path = &target[..target.find(['?', '#']).unwrap_or(target.len())];
    let (_, segment) = path.rsplit_once('/').unwrap_or(("", path));
    let (_, extension) = segment.rsplit_once('.')?;
    Some(extension).filter(|extension| !extension.is_empty())
}

fn names_address_of(net: &IpNet, text: &str) -> bool {
    text.parse::<IpAddr>()
        .is_ok_and(|address| net.contains(&address.to_canonical()))
}

fn in_field(
    test: &TextTest,
    folded: bool,
    field: Field,
    event: &Event<'_>,
    folds: &mut Folds,
) -> bool {
    let Some(value) = event.get(field) else {
        return false;
    };
    match value {
        Value::Text(held) if folded => test.matches(folds.of_field(field, held)),
        Value::Text(held) => test.matches(held.as_bytes()),
        Value::List(items) => items
            .iter()
            .any(|item: &Text<'_>| test.matches(folds.of_item(item, folded))),
        Value::Number(number) => on_written(test, folded, number),
        Value::Address(address) => on_written(test, folded, address),
        Value::Time(time) => on_written(test, folded, time),
        Value::Facts(facts) => facts
            .iter()
            .any(|fact| test.matches(fact.name().as_bytes())),
    }
}

/// Whether two fields are the same, or the second stands in the first at that place; of lists, any of their elements.
fn same(held: Option<Value<'_>>, other: Option<Value<'_>>, anchor: Anchor, cased: bool) -> bool {
    let (Some(held), Some(other)) = (held, other) else {
        return false;
    };
    any_text(held, &mut |text| {
        any_text(other, &mut |needle| stands(text, needle, anchor, cased))
    })
}

fn stands(text: &str, needle: &str, anchor: Anchor, cased: bool) -> bool {
    match (anchor, cased) {
        (Anchor::Whole, true) => text == needle,
        (Anchor::Whole, false) => folded(text).eq(folded(needle)),
        (_, true) => contains(text, needle, anchor),
        (_, false) => contains(&pattern::fold(text), &pattern::fold(needle), anchor),
    }
}

fn contains(text: &str, needle: &str, anchor: Anchor) -> bool {
    match anchor {
        Anchor::Whole => text == needle,
        Anchor::Start => text.starts_with(needle),
        Anchor::End => text.ends_with(needle),
        Anchor::Anywhere => memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some(),
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Asks of each text of a value, in its canonical form where it is none.
fn any_text(value: Value<'_>, ask: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::Text(text) => ask(text),
        Value::List(items) => items.iter().any(|item| ask(item)),
        Value::Number(number) => ask(Written::of(number).text()),
        Value::Address(address) => ask(Written::of(address).text()),
        Value::Time(time) => ask(Written::of(time).text()),
        Value::Facts(facts) => facts.iter().any(|fact| ask(fact.name())),
    }
}

/// Asks of the canonical text of what is no text: decimal digits, RFC 5952, RFC 3339 in UTC.
fn on_written(test: &TextTest, folded: bool, value: impl std::fmt::Display) -> bool {
    let mut written = Written::of(value);
    let bytes = &mut written.bytes[..written.len];
    if folded {
        bytes.make_ascii_lowercase();
    }
    test.matches(bytes)
}

/// A short text on the stack.
struct Written {
    bytes: [u8; 64],
    len: usize,
}

impl Written {
    fn of(value: impl std::fmt::Display) -> Self {
        let mut written = Written {
            bytes: [0; 64],
            len: 0,
        };
        // What does not fit is cut; the texts in question are at most 45 bytes long.
        let _ = write!(written, "{value}");
        written
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let free = &mut self.bytes[self.len..];
        let part = text.as_bytes().get(..free.len()).unwrap_or(text.as_bytes());
        free[..part.len()].copy_from_slice(part);
        self.len += part.len();
        Ok(())
    }
}

impl TextTest {
    /// Compiles a shape.
    pub(crate) fn new(shape: &Shape) -> TextTest {
        match shape {
            Shape::Literal(anchor, text) => {
                let bytes: Box<[u8]> = text.as_bytes().into();
                match anchor {
                    Anchor::Whole => TextTest::Whole(bytes),
                    Anchor::Start => TextTest::Start(bytes),
                    Anchor::End => TextTest::End(bytes),
                    Anchor::Anywhere => {
                        TextTest::Anywhere(Box::new(Finder::new(text).into_owned()))
                    }
                }
            }
            Shape::Glob(pieces) => TextTest::Glob(
                pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Plain(text) => Glob::Plain(Box::new(Finder::new(text).into_owned())),
                        Piece::One => Glob::One,
                        Piece::Many => Glob::Many,
                        Piece::Dash => Glob::Dash,
                    })
                    .collect(),
            ),
        }
    }

    /// Whether a text, folded where the shape is, passes.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match self {
            TextTest::Whole(literal) => text == &**literal,
            TextTest::Start(literal) => text.starts_with(literal),
            TextTest::End(literal) => text.ends_with(literal),
            TextTest::Anywhere(finder) => finder.find(text).is_some(),
            TextTest::Glob(pieces) => glob(pieces, text),
            TextTest::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Matches wildcards over the whole text. Only the last `*` is ever tried again, further right: if the rest cannot
/// follow there, it cannot follow with an earlier one moved either.
fn glob(pieces: &[Glob], text: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let advanced = match pieces.get(piece) {
            None if at == text.len() => return true,
            None => None,
            Some(Glob::Many) if piece + 1 == pieces.len() => return true,
            Some(Glob::Many) => {
                retry = Some((piece + 1, at));
                Some(at)
            }
            Some(Glob::One) => (at < text.len()).then(|| next_char(text, at)),
            Some(Glob::Dash) => dash(&text[at..]).map(|length| at + length),
            Some(Glob::Plain(finder)) => text[at..]
                .starts_with(finder.needle())
                .then(|| at + finder.needle().len()),
        };
        if let Some(next) = advanced {
            piece += 1;
            at = next;
            continue;
        }
        let Some((after_star, from)) = retry else {
            return false;
        };
        if from >= text.len() {
            return false;
        }
        let from = next_char(text, from);
        // A plain piece behind the star says where to look next.
        let from = match pieces.get(after_star) {
            Some(Glob::Plain(finder)) => match finder.find(&text[from..]) {
                Some(found) => from + found,
                None => return false,
            },
            _ => from,
        };
        retry = Some((after_star, from));
        piece = after_star;
        at = from;
    }
}

/// The length of the dash that a text begins with.
fn dash(text: &[u8]) -> Option<usize> {
    DASHES.into_iter().find_map(|dash| {
        let mut utf8 = [0; 4];
        let dash = dash.encode_utf8(&mut utf8).as_bytes();
        text.starts_with(dash).then_some(dash.len())
    })
}

/// Where the character behind the one at `at` begins, in UTF-8.
fn next_char(text: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while text.get(next).is_some_and(|byte| byte & 0xC0 == 0x80) {
        next += 1;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, text: &str) -> bool {
        let shape = Shape::new(pattern::parse(pattern), Anchor::Whole);
        TextTest::new(&shape).matches(text.as_bytes())
    }

    #[test]
    fn wildcards_match_characters_not_bytes() {
        assert!(holds("a?c", "aжc"));
        assert!(!holds("a?c", "ac"));
        assert!(holds("*a?c*d", "xxabcabcxd"));
        assert!(holds("a*b*c", "a-b-b-c-c"));
        assert!(!holds("a*b*c", "a-b-c-"));
        assert!(holds("?*", "x"));
        assert!(!holds("?*", ""));
        assert!(holds("*.??", "a.b.ru"));
    }

    #[test]
    fn a_hostile_text_costs_no_more_than_its_length_times_the_pattern() {
        let text = "a".repeat(200_000);
        assert!(!holds("*a*a*a*a*a*a*a*a*b", &text));
        assert!(!holds("*a?a?a?b*", &text));
    }

    #[test]
    fn the_extension_is_that_of_the_last_segment() {
        let of = |uri: &'static str| {
            let event = Event {
                uri: Some(uri.into()),
                ..Event::default()
            };
            extension(&event).map(str::to_owned)
        };
        assert_eq!(
            of("https://a.example/x.d/tool.EXE?v=1.2"),
            Some("EXE".into())
        );
        assert_eq!(of("https://a.example/x.d/tool"), None);
        assert_eq!(of("/tool.?x=.zip"), None);
    }

    #[test]
    fn numbers_and_addresses_are_text_in_their_canonical_form() {
        let shape = Shape::new(pattern::parse("5*"), Anchor::Whole);
        let test = TextTest::new(&shape);
        assert!(on_written(&test, true, 503_u64));
        assert!(!on_written(&test, true, 403_u64));
        let shape = Shape::new(pattern::parse("2001:db8:*"), Anchor::Whole);
        let address: IpAddr = "2001:DB8::1".parse().unwrap();
        assert!(on_written(&TextTest::new(&shape), true, address));
    }
}
