//! Witnesses: literals, facts, values, numbers and the presence of a payload, of which every event that a rule matches has at least one.
//!
//! A rule whose witnesses are rare need not be looked at when none of them is seen; one automaton sees them all.
//! A witness is folded text and so is what the automaton reads, so no match is lost, whatever the script.
//! That text stands between marks, so a value that has to be at the beginning or end is only seen there.

use super::fold::{END, START};
use super::gate::Range;
use super::pattern::{self, Anchor, Piece, Shape};
use super::required;
use super::search::{Check, Scope, Search, Test};
use crate::event::{FactSet, Field, Kind};

/// What an event has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// A literal in a text.
    Literal {
        /// The field; `None` for any field that holds text.
        field: Option<Field>,
        /// At most [`WINDOW`] bytes, folded, perhaps with marks.
        literal: Vec<u8>,
    },
    /// Any of these facts.
    Facts(FactSet),
    /// A payload, whatever it says: plain events have none.
    Payload,
    /// A whole value of a field that has few.
    Value {
        /// The field.
        field: Field,
        /// Folded.
        value: Vec<u8>,
    },
    /// A number.
    Range(Range),
}

/// Longest witness. Longer literals are cut to their rarest part, which keeps the automata small.
pub(crate) const WINDOW: usize = 10;

/// A rule is better looked at always when its witnesses would turn up in more than this share of events.
const WORST_CHANCE: f64 = 0.25;

/// How often a fact is so, roughly. Rarer than a method, more common than an attack's literal.
const FACT_CHANCE: f64 = 0.02;

/// How often an event has a payload, roughly.
const PAYLOAD_CHANCE: f64 = 0.05;

/// A literal of the payload is searched in all fields, so only one that is rarer than this is a better witness than the payload.
const RARE_CHANCE: f64 = 0.001;

/// How often a field that has few values has one that is not among the usual ones.
const VALUE_CHANCE: f64 = 0.02;

/// Usual values of fields that have few.
const USUAL: &[&str] = &[
    "get",
    "post",
    "https",
    "http",
    "http/1.1",
    "http/2",
    "http/2.0",
    "http/3",
    "inbound",
    "production",
    "allow",
    "allowed",
    "permit",
    "tlsv1.2",
    "tlsv1.3",
    "valid",
    "ok",
    "success",
    "miss",
    "hit",
    "client_credentials",
    "passed",
];

/// How often an answer has a status, roughly; others are rarer than a hundredth.
const STATUS_CHANCES: &[(u64, f64)] = &[
    (200, 0.75),
    (201, 0.05),
    (204, 0.05),
    (302, 0.03),
    (304, 0.05),
    (404, 0.03),
];

/// Bytes of text in which a witness may turn up by chance.
const TEXT_BYTES: f64 = 100.0;

/// What every second event has, between the marks of its fields; a literal inside of these says nothing.
const COMMON: &[&[u8]] = &[
    b"\xFFmozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/120.0.0.0 safari/537.36\xFE",
    b"\xFFmozilla/5.0 (macintosh; intel mac os x 10_15_7) version/17.0 mobile/15e148 firefox/ gecko/20100101 edg/",
    b"\xFFmozilla/5.0 (iphone; cpu iphone os 17_0 like mac os x) mozilla/5.0 (linux; android 10; k) (x11; linux x86_64)",
    b"\xFFhttps://www. \xFFhttp://api. \xFF/api/v1/ \xFF/api/v2/ \xFF/v1/ .com/api/v1/ .com/ .ru/ .org/ .net/ .com\xFE .ru\xFE .net\xFE .org\xFE",
    b"/index.html\xFE index.php\xFE /static/ .js\xFE .css\xFE .png\xFE ?id= &page= \xFFid= \xFFpage= limit= offset= true\xFE false\xFE",
];

/// The witnesses of a search, or `None` when it has none that are worth it.
pub(crate) fn of(search: &Search) -> Option<Vec<Witness>> {
    find(search)
        .filter(|found| found.chance <= WORST_CHANCE || !found.has_literal())
        .map(|found| found.witnesses)
}

struct Found {
    witnesses: Vec<Witness>,
    /// How likely an ordinary event has one of them, roughly.
    chance: f64,
}

impl Found {
    /// Whether no event without a payload has any of them.
    fn is_of_payload(&self) -> bool {
        self.witnesses.iter().all(|witness| match witness {
            Witness::Payload => true,
            Witness::Literal { field, .. } => *field == Some(Field::Payload),
            Witness::Facts(_) | Witness::Value { .. } | Witness::Range(_) => false,
        })
    }

    /// A literal that is seen often costs the automaton more than it saves; values and numbers cost the same however often.
    fn has_literal(&self) -> bool {
        let is_literal = |witness: &Witness| matches!(witness, Witness::Literal { .. });
        self.witnesses.iter().any(is_literal)
    }

    fn one(witness: Witness, chance: f64) -> Self {
        Found {
            witnesses: vec![witness],
            chance,
        }
    }
}

fn find(search: &Search) -> Option<Found> {
    match search {
        Search::All(terms) => terms
            .iter()
            .filter_map(find)
            .min_by(|a, b| a.chance.total_cmp(&b.chance)),
        Search::Any(terms) => {
            let mut all = Found {
                witnesses: Vec::new(),
                chance: 0.0,
            };
            for term in terms {
                let mut found = find(term)?;
                if all.witnesses.contains(&Witness::Payload) && found.is_of_payload() {
                    continue;
                }
                all.chance += found.chance;
                all.witnesses.append(&mut found.witnesses);
            }
            Some(all)
        }
        Search::Not(_) => None,
        Search::Item(item) => of_test(&item.test),
    }
}

fn of_test(test: &Test) -> Option<Found> {
    let found = of_text(test);
    let needs_payload = matches!(test.scope, Scope::Field(Field::Payload))
        && matches!(
            test.check,
            Check::Exists | Check::Shape { .. } | Check::Regex(_)
        );
    match found {
        Some(found) if found.chance < RARE_CHANCE || !needs_payload => Some(found),
        _ if needs_payload => Some(Found::one(Witness::Payload, PAYLOAD_CHANCE)),
        other => other,
    }
}

fn of_text(test: &Test) -> Option<Found> {
    if let Check::Facts(facts) = test.check {
        return Some(Found::one(Witness::Facts(facts), FACT_CHANCE));
    }
    if let Scope::Field(field) = test.scope {
        if let Some(range) = range_of(field, &test.check) {
            return Some(Found::one(Witness::Range(range), chance_of(range)));
        }
        if has_few_values(field) {
            return value_of(field, &test.check);
        }
    }
    let fields: &[Option<Field>] = match test.scope {
        Scope::Keywords => &[None],
        // The extension is that of the path, or of the target where there is no path.
        Scope::Extension => &[Some(Field::Path), Some(Field::Uri)],
        Scope::Field(field) if matches!(field.kind(), Kind::Text | Kind::List) => &[Some(field)],
        Scope::Field(_) => return None,
    };
    let literals: Vec<Vec<u8>> = match (&test.check, test.scope) {
        (Check::Shape { shape, .. }, Scope::Extension) => vec![dotted(shape)?],
        (Check::Shape { shape, .. }, _) => vec![rarest_plain(shape)?],
        (Check::Regex(source), Scope::Field(_) | Scope::Keywords) => required::literals(source)?,
        _ => return None,
    };
    let mut found = Found {
        witnesses: Vec::new(),
        chance: 0.0,
    };
    for literal in literals {
        let (window, bits) = rarest_window(&literal)?;
        for field in fields {
            found.chance += TEXT_BYTES * (-bits).exp2();
            found.witnesses.push(Witness::Literal {
                field: *field,
                literal: window.to_vec(),
            });
        }
    }
    Some(found)
}

/// The numbers that a test asks for.
fn range_of(field: Field, check: &Check) -> Option<Range> {
    match check {
        Check::Range { low, high } if field.kind() == Kind::Number => Some(Range {
            field,
            low: *low,
            high: *high,
        }),
        _ => None,
    }
}

fn chance_of(range: Range) -> f64 {
    let Range { field, low, high } = range;
    if field != Field::Status {
        return 0.1;
    }
    let usual = STATUS_CHANCES
        .iter()
        .filter(|(status, _)| (low..=high).contains(status));
    0.01 + usual.map(|(_, chance)| chance).sum::<f64>()
}

/// The whole value that a test asks for.
fn value_of(field: Field, check: &Check) -> Option<Found> {
    let Check::Shape {
        shape: Shape::Literal(Anchor::Whole, text),
        ..
    } = check
    else {
        return None;
    };
    let value = pattern::fold(text).into_bytes();
    let is_usual = USUAL.iter().any(|usual| usual.as_bytes() == value);
    let chance = if is_usual { 0.5 } else { VALUE_CHANCE };
    Some(Found::one(Witness::Value { field, value }, chance))
}

/// Fields of which each value is common, so that seeing it in a text says little.
fn has_few_values(field: Field) -> bool {
    matches!(
        field,
        Field::Method
            | Field::Scheme
            | Field::HttpVersion
            | Field::Direction
            | Field::Environment
            | Field::Observer
            | Field::Gateway
            | Field::Decision
            | Field::TlsVersion
            | Field::TlsCipher
            | Field::CacheStatus
            | Field::Country
            | Field::Grant
            | Field::Mfa
            | Field::TokenAlgorithm
            | Field::TokenOutcome
            | Field::WebhookSignature
            | Field::Outcome
            | Field::LegalBasis
            | Field::ResourceType
    )
}

/// The rarest plain text of a shape, folded, with the marks that it has to stand beside.
fn rarest_plain(shape: &Shape) -> Option<Vec<u8>> {
    match shape {
        Shape::Literal(anchor, text) => {
            let at_start = matches!(anchor, Anchor::Whole | Anchor::Start);
            let at_end = matches!(anchor, Anchor::Whole | Anchor::End);
            Some(marked(text, at_start, at_end))
        }
        Shape::Glob(pieces) => pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| match piece {
                Piece::Plain(text) => Some(marked(text, at == 0, at + 1 == pieces.len())),
                Piece::One | Piece::Many | Piece::Dash => None,
            })
            .max_by(|a, b| rarity(a).total_cmp(&rarity(b))),
    }
}

fn marked(text: &str, at_start: bool, at_end: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    bytes.extend(at_start.then_some(START));
    bytes.extend(pattern::fold(text).bytes());
    bytes.extend(at_end.then_some(END));
    bytes
}

/// An extension as it stands in a path: behind a dot.
fn dotted(shape: &Shape) -> Option<Vec<u8>> {
    match shape {
        Shape::Literal(Anchor::Whole | Anchor::Start, text) => {
            Some(marked(&format!(".{text}"), false, false))
        }
        _ => None,
    }
}

/// How rare a literal is: bits of information in its rarest window, 0 for an empty one.
pub(crate) fn rarity(literal: &[u8]) -> f64 {
    rarest_window(literal).map_or(0.0, |(_, bits)| bits)
}

fn rarest_window(literal: &[u8]) -> Option<(&[u8], f64)> {
    literal
        .windows(WINDOW.min(literal.len()).max(1))
        .map(|window| (window, bits(window)))
        // The first of equals, so that the choice is stable.
        .fold(None, |best: Option<(&[u8], f64)>, new| match best {
            Some(best) if best.1 >= new.1 => Some(best),
            _ => Some(new),
        })
}

fn bits(window: &[u8]) -> f64 {
    let common = COMMON
        .iter()
        .any(|text| memchr::memmem::find(text, window).is_some());
    if common {
        return 1.0;
    }
    window.iter().map(|byte| byte_bits(*byte)).sum()
}

/// Roughly the negative logarithm of how often a byte stands in folded request text.
fn byte_bits(byte: u8) -> f64 {
    match byte {
        b'e' | b'a' | b't' | b'o' | b'i' | b'n' | b's' | b'r' | b'/' => 4.2,
        b'0'..=b'9' | b'.' | b'-' | b' ' | b'=' | b'c' | b'd' | b'l' | b'm' | b'p' | b'u' => 5.0,
        b'a'..=b'z' | b'&' | b'_' | b'%' | b';' | b':' | b',' | b'(' | b')' => 6.0,
        b'?' | b'+' => 7.0,
        // One place in a text of a hundred bytes.
        START | END => 6.6,
        _ => 8.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(anchor: Anchor, text: &str) -> Option<f64> {
        let asked = Test {
            scope: Scope::Field(Field::UserAgent),
            check: Check::Shape {
                shape: Shape::Literal(anchor, text.to_owned()),
                cased: false,
            },
        };
        of_test(&asked).map(|found| found.chance)
    }

    #[test]
    fn the_rarest_part_of_a_long_literal_is_kept() {
        let (window, _) = rarest_window(b"/api/v1/users/../../etc/passwd").unwrap();
        assert_eq!(window.len(), WINDOW);
        assert!(
            !COMMON
                .iter()
                .any(|text| memchr::memmem::find(text, window).is_some())
        );
    }

    #[test]
    fn common_and_short_literals_are_no_witnesses() {
        assert!(chance(Anchor::Anywhere, "mozilla/").unwrap() > WORST_CHANCE);
        assert!(chance(Anchor::Start, "mozilla/").unwrap() > WORST_CHANCE);
        assert!(chance(Anchor::Anywhere, "=").unwrap() > WORST_CHANCE);
        assert!(chance(Anchor::Anywhere, "sqlmap/").unwrap() < WORST_CHANCE);
        assert!(chance(Anchor::Anywhere, "").is_none());
    }

    #[test]
    fn a_fact_is_a_witness_beside_literals() {
        let mut facts = FactSet::default();
        facts.insert(crate::event::Fact::AttackSqli);
        let item = |scope, check| {
            Search::Item(crate::sigma::search::Item {
                test: Test { scope, check },
                written: crate::sigma::PatternHit {
                    field: "f".into(),
                    pattern: "p".into(),
                },
            })
        };
        let fact = item(Scope::Field(Field::Fact), Check::Facts(facts));
        let shape = Shape::Literal(Anchor::Anywhere, "sqlmap".to_owned());
        let literal = item(
            Scope::Field(Field::UserAgent),
            Check::Shape {
                shape,
                cased: false,
            },
        );
        let witnesses = of(&Search::Any(vec![fact, literal])).unwrap();
        assert_eq!(witnesses[0], Witness::Facts(facts));
        assert!(matches!(witnesses[1], Witness::Literal { .. }));
    }

    #[test]
    fn a_payload_is_the_witness_of_an_expression_that_has_no_rare_literal() {
        let of = |source: &str| {
            let asked = Test {
                scope: Scope::Field(Field::Payload),
                check: Check::Regex(source.to_owned()),
            };
            of_test(&asked).unwrap().witnesses
        };
        assert_eq!(of("[;|] ?(id|ls)"), [Witness::Payload]);
        assert!(matches!(
            of("powershell -"),
            ref found if matches!(found[..], [Witness::Literal { .. }])
        ));
    }

    #[test]
    fn values_and_numbers_are_witnesses_and_the_rarest_is_chosen() {
        let item = |field, check| {
            Search::Item(crate::sigma::search::Item {
                test: Test {
                    scope: Scope::Field(field),
                    check,
                },
                written: crate::sigma::PatternHit {
                    field: "f".into(),
                    pattern: "p".into(),
                },
            })
        };
        let whole = |field, text: &str| {
            let shape = Shape::Literal(Anchor::Whole, text.to_owned());
            item(field, Check::Shape { shape, cased: true })
        };
        let answered = item(
            Field::Status,
            Check::Range {
                low: 200,
                high: 299,
            },
        );
        let outcome = whole(Field::TokenOutcome, "Expired");
        let both = Search::All(vec![answered.clone(), outcome]);
        let value = Witness::Value {
            field: Field::TokenOutcome,
            value: b"expired".to_vec(),
        };
        assert_eq!(of(&both), Some(vec![value]));
        let range = Range {
            field: Field::Status,
            low: 200,
            high: 299,
        };
        let usual = Search::All(vec![answered, whole(Field::Method, "GET")]);
        let Some(witnesses) = of(&usual) else {
            panic!("better than to look always")
        };
        assert!(
            matches!(witnesses[..], [Witness::Value { .. }]),
            "{witnesses:?} before {range:?}"
        );
    }

    #[test]
    fn a_value_at_its_place_is_a_witness_even_when_it_is_short_or_common() {
        assert!(chance(Anchor::Whole, "mozilla").unwrap() < WORST_CHANCE);
        assert!(chance(Anchor::End, "=").unwrap() < WORST_CHANCE);
        assert!(chance(Anchor::Whole, "").unwrap() < WORST_CHANCE);
    }
}
