//! Whether any event can meet a search. The answer "no" is certain; "yes" means that no contradiction was found.
//!
//! Tests that have to hold together are compared in pairs; where any of several may hold, each is tried in turn.

use regex::Regex;

use crate::event::{Field, Kind, TimePart};
use crate::sigma::pattern::{self, Anchor, Piece, Shape};
use crate::sigma::predicate::TextTest;
use crate::sigma::search::{Check, Scope, Search, Test};

/// Most steps; after them the answer is "yes".
const MAX_STEPS: u32 = 200_000;

/// Whether some event may meet the search.
pub(super) fn can_hold(search: &Search) -> bool {
    Solver::default().solve(vec![(search, true)], Vec::new())
}

/// Whether some event may fail to meet it.
pub(super) fn can_fail(search: &Search) -> bool {
    Solver::default().solve(vec![(search, false)], Vec::new())
}

/// A search, and whether it is to hold.
type Goal<'s> = (&'s Search, bool);

/// Searches of which one is to hold, or not to hold.
type Choice<'s> = (&'s [Search], bool);

#[derive(Default)]
struct Solver<'s> {
    /// What has to hold, or not to hold, all at once.
    asked: Vec<(&'s Test, bool)>,
    steps: u32,
}

impl<'s> Solver<'s> {
    /// Whether all goals can hold together with one term of each choice.
    fn solve(&mut self, mut goals: Vec<Goal<'s>>, mut choices: Vec<Choice<'s>>) -> bool {
        let mark = self.asked.len();
        while let Some((search, wanted)) = goals.pop() {
            match (search, wanted) {
                (Search::All(terms), true) | (Search::Any(terms), false) => {
                    goals.extend(terms.iter().map(|term| (term, wanted)));
                }
                (Search::Any(terms), true) | (Search::All(terms), false) => {
                    choices.push((terms, wanted));
                }
                (Search::Not(term), _) => goals.push((term, !wanted)),
                (Search::Item(item), _) => {
                    if !self.ask(&item.test, wanted) {
                        self.asked.truncate(mark);
                        return false;
                    }
                }
            }
        }
        // Each level keeps the choices that are left.
        self.count(choices.len());
        let held = match choices.pop() {
            None => true,
            Some(_) if self.steps > MAX_STEPS => true,
            Some((terms, wanted)) => terms
                .iter()
                .any(|term| self.solve(vec![(term, wanted)], choices.clone())),
        };
        self.asked.truncate(mark);
        held
    }

    fn count(&mut self, steps: usize) {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_add(steps);
    }

    /// Adds a test; `false` when it contradicts itself or another.
    fn ask(&mut self, test: &'s Test, wanted: bool) -> bool {
        self.count(self.asked.len() + 1);
        if self.steps > MAX_STEPS {
            return true;
        }
        if is_impossible(test, wanted) {
            return false;
        }
        let fits = self
            .asked
            .iter()
            .all(|(other, other_wanted)| match (wanted, *other_wanted) {
                (true, true) => !exclude(test, other),
                (true, false) => !implies(test, other),
                (false, true) => !implies(other, test),
                (false, false) => true,
            });
        if fits {
            self.asked.push((test, wanted));
        }
        fits
    }
}

/// Whether a test can never come out like that, whatever the event.
pub(super) fn is_impossible(test: &Test, wanted: bool) -> bool {
    let Scope::Field(field) = test.scope else {
        return false;
    };
    if !wanted {
        // An event always has a time.
        return field == Field::Time && test.check == Check::Exists;
    }
    match &test.check {
        Check::Range { low, high } => low > high,
        Check::TimePart { part, low, high } => {
            let (least, most) = bounds(*part);
            low > high || *high < least || *low > most
        }
        Check::Shape { shape, cased } => {
            never_in(field, shape) || *cased && field == Field::Host && has_upper(shape)
        }
        _ => false,
    }
}

/// The least and the greatest number that a part of a time can be.
fn bounds(part: TimePart) -> (u64, u64) {
    match part {
        TimePart::Minute => (0, 59),
        TimePart::Hour => (0, 23),
        TimePart::Day => (1, 31),
        TimePart::Week => (1, 53),
        TimePart::Month => (1, 12),
        TimePart::Year => (1970, 9999),
    }
}

/// Whether what is plain in a shape can stand in no value of the field.
pub(super) fn never_in(field: Field, shape: &Shape) -> bool {
    let plain = plain(shape);
    match field.kind() {
        Kind::Number => plain
            .iter()
            .any(|text| text.bytes().any(|byte| !byte.is_ascii_digit())),
        _ if field == Field::PathDecoded => plain
            .iter()
            .any(|text| text.contains("//") || text.contains("/./") || text.contains('\\')),
        _ => false,
    }
}

fn has_upper(shape: &Shape) -> bool {
    plain(shape)
        .iter()
        .any(|text| text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// The plain texts of a shape.
pub(super) fn plain(shape: &Shape) -> Vec<&str> {
    match shape {
        Shape::Literal(_, text) => vec![text],
        Shape::Glob(pieces) => pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Plain(text) => Some(text.as_str()),
                _ => None,
            })
            .collect(),
    }
}

/// The numbers that two tests of the same thing ask for; `None` when they ask for something else.
fn ranges(a: &Test, b: &Test) -> Option<((u64, u64), (u64, u64))> {
    let range = |check: &Check| match check {
        Check::Range { low, high } => Some((None, (*low, *high))),
        Check::TimePart { part, low, high } => Some((Some(*part), (*low, *high))),
        _ => None,
    };
    let (of, one) = range(&a.check)?;
    let (other_of, other) = range(&b.check)?;
    (of == other_of).then_some((one, other))
}

/// Whether no value can meet both tests.
fn exclude(a: &Test, b: &Test) -> bool {
    let (Scope::Field(field), true) = (a.scope, a.scope == b.scope) else {
        return false;
    };
    // Another element of a list may meet the other test.
    if field.kind() == Kind::List {
        return false;
    }
    if let Some(((low, high), (least, most))) = ranges(a, b) {
        return low > most || least > high;
    }
    match (&a.check, &b.check) {
        (Check::Network(a), Check::Network(b)) => !a.contains(b) && !b.contains(a),
        (Check::Shape { shape: a, cased }, Check::Shape { shape: b, cased: c }) => {
            if *cased && *c {
                shapes_exclude(a, b)
            } else {
                shapes_exclude(&folded(a), &folded(b))
            }
        }
        (Check::Shape { shape, cased: true }, Check::Regex(source))
        | (Check::Regex(source), Check::Shape { shape, cased: true }) => match shape {
            Shape::Literal(Anchor::Whole, text) => {
                Regex::new(source).is_ok_and(|regex| !regex.is_match(text))
            }
            _ => false,
        },
        _ => false,
    }
}

fn shapes_exclude(a: &Shape, b: &Shape) -> bool {
    for (one, other) in [(a, b), (b, a)] {
        if let Shape::Literal(Anchor::Whole, text) = one {
            return !TextTest::new(other).matches(text.as_bytes());
        }
    }
    let beginnings = start(a).zip(start(b));
    let ends = end(a).zip(end(b));
    beginnings.is_some_and(|(a, b)| !a.starts_with(b) && !b.starts_with(a))
        || ends.is_some_and(|(a, b)| !a.ends_with(b) && !b.ends_with(a))
}

fn start(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Literal(Anchor::Start, text) => Some(text),
        Shape::Glob(pieces) => match pieces.first() {
            Some(Piece::Plain(text)) => Some(text),
            _ => None,
        },
        Shape::Literal(..) => None,
    }
}

fn end(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Literal(Anchor::End, text) => Some(text),
        Shape::Glob(pieces) => match pieces.last() {
            Some(Piece::Plain(text)) => Some(text),
            _ => None,
        },
        Shape::Literal(..) => None,
    }
}

fn folded(shape: &Shape) -> Shape {
    match shape {
        Shape::Literal(anchor, text) => Shape::Literal(*anchor, pattern::fold(text)),
        Shape::Glob(pieces) => Shape::Glob(
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Plain(text) => Piece::Plain(pattern::fold(text)),
                    other => other.clone(),
                })
                .collect(),
        ),
    }
}

/// Whether every value that meets `a` meets `b`.
pub(super) fn implies(a: &Test, b: &Test) -> bool {
    if a == b {
        return true;
    }
    // What is tested is there.
    if b.check == Check::Exists {
        return a.scope == b.scope && a.scope != Scope::Keywords;
    }
    if a.scope != b.scope {
        return false;
    }
    if let Some(((low, high), (least, most))) = ranges(a, b) {
        return least <= low && high <= most;
    }
    match (&a.check, &b.check) {
        (Check::Network(a), Check::Network(b)) => b.contains(a),
        (Check::Facts(a), Check::Facts(b)) => a.iter().all(|fact| b.contains(fact)),
        (Check::Shape { shape: a, cased }, Check::Shape { shape: b, cased: c }) => match (cased, c)
        {
            (false, true) => false,
            (true, false) => shape_implies(&folded(a), b),
            _ => shape_implies(a, b),
        },
        _ => false,
    }
}

fn shape_implies(a: &Shape, b: &Shape) -> bool {
    if let Shape::Literal(Anchor::Whole, text) = a {
        return TextTest::new(b).matches(text.as_bytes());
    }
    let Shape::Literal(anchor, wanted) = b else {
        return false;
    };
    match anchor {
        Anchor::Whole => false,
        Anchor::Start => start(a).is_some_and(|text| text.starts_with(wanted)),
        Anchor::End => end(a).is_some_and(|text| text.ends_with(wanted)),
        Anchor::Anywhere => plain(a).iter().any(|text| text.contains(wanted)),
    }
}
