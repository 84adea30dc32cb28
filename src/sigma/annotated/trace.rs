//! A rule's condition against one event, step by step.

use serde::Serialize;

use super::locate::{self, Found};
use super::{Annotated, Part, PartKind};
use crate::event::Event;
use crate::sigma::fold::Folds;
use crate::sigma::meta::PatternHit;
use crate::sigma::predicate::Predicate;
use crate::sigma::search::Item;

/// Most bytes of a value that are kept in a trace; what is behind them is counted.
const SHOWN_BYTES: usize = 240;

/// One step of the condition: what it asks, whether it holds, and the steps below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Whether it holds for the event.
    pub holds: bool,
    /// Line of the rule file, from 1.
    pub line: u32,
    /// What is asked.
    #[serde(flatten)]
    pub what: What,
    /// The steps that it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// What a step asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum What {
    /// Every one of the steps below.
    All,
    /// At least one of the steps below.
    Any,
    /// That the step below does not hold.
    Not,
    /// A search identifier.
    Selection {
        /// Its name.
        name: String,
    },
    /// A filter of the set.
    Filter {
        /// Its title.
        title: String,
    },
    /// One test.
    Test(Tested),
}

/// One test of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The field as the engine calls it, or `keywords`.
    pub field: String,
    /// The pattern with its modifiers, as the rule writes it.
    pub pattern: String,
    /// What the event has there; `None` when the field is absent.
    pub seen: Option<Seen>,
}

/// The value of an event, or the part of a long one that matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The field that a keyword was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// The value, at most some hundred bytes of it.
    pub text: String,
    /// First byte of `text` in the value.
    pub from: usize,
    /// Bytes of the value.
    pub length: usize,
    /// Where the pattern was found in the value: first byte, and the byte behind the last.
    pub found: Option<(usize, usize)>,
}

impl Annotated {
    /// The condition against an event that is enriched; `None` for a correlation.
    #[must_use]
    pub fn trace(&self, event: &Event<'_>) -> Option<Step> {
        let mut folds = Folds::new();
        Some(step(self.root.as_ref()?, event, &mut folds))
    }
}

fn step(part: &Part, event: &Event<'_>, folds: &mut Folds) -> Step {
    let mut below = |parts: &[Part]| -> Vec<Step> {
        parts.iter().map(|part| step(part, event, folds)).collect()
    };
    let (what, steps) = match &part.kind {
        PartKind::All(parts) => (What::All, below(parts)),
        PartKind::Any(parts) => (What::Any, below(parts)),
        PartKind::Not(part) => (What::Not, below(std::slice::from_ref(part))),
        PartKind::Selection(name, part) => {
            let what = What::Selection { name: name.clone() };
            (what, below(std::slice::from_ref(part)))
        }
        PartKind::Filter(title, part) => {
            let what = What::Filter {
                title: title.clone(),
            };
            (what, below(std::slice::from_ref(part)))
        }
        PartKind::Test(item) => return tested(item, part.place.line, event, folds),
    };
    let holds = match what {
        What::Any => steps.iter().any(|step| step.holds),
        What::Not => !steps.iter().all(|step| step.holds),
        _ => steps.iter().all(|step| step.holds),
    };
    Step {
        holds,
        line: part.place.line,
        what,
        steps,
    }
}

fn tested(item: &Item, line: u32, event: &Event<'_>, folds: &mut Folds) -> Step {
    // Texts are folded once an event in the engine; here each test starts anew.
    folds.next_event();
    let holds = Predicate::new(&item.test).holds(event, folds);
    let seen = locate::value(&item.test, holds, event).map(seen);
    let PatternHit { field, pattern } = &item.written;
    Step {
        holds,
        line,
        what: What::Test(Tested {
            field: field.to_string(),
            pattern: pattern.to_string(),
            seen,
        }),
        steps: Vec::new(),
    }
}

/// Cuts a long value down to what lies around the place.
fn seen(found: Found<'_>) -> Seen {
    let Found { field, text, place } = found;
    let length = text.len();
    let (begin, end) = place.unwrap_or((0, 0));
    let spare = SHOWN_BYTES.saturating_sub(end - begin);
    let from = if length <= SHOWN_BYTES {
        0
    } else {
        text.floor_char_boundary(begin.saturating_sub(spare / 2))
    };
    let to = text.ceil_char_boundary((from + SHOWN_BYTES).min(length));
    Seen {
        field,
        text: text[from..to].to_owned(),
        from,
        length,
        found: place,
    }
}
