//! Why a condition holds, or does not, in a few lines.

use serde::Serialize;

use super::terminal;
use crate::sigma::annotated::{Seen, Step, Tested, What};

/// Most characters of a value that are shown.
const SHOWN: usize = 100;

/// Most reasons of one case.
const MOST: usize = 12;

/// So many tests of one list are told in one line.
const FEW: usize = 3;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    /// Line of the rule file.
    pub(super) line: u32,
    /// What is so.
    pub(super) text: String,
}

/// What keeps a condition from holding, or makes it hold.
pub(super) fn of(step: &Step) -> Vec<Reason> {
    let mut reasons = Vec::new();
    collect(step, &mut reasons);
    reasons.dedup();
    reasons.truncate(MOST);
    reasons
}

/// Of a step that holds the parts that make it hold, of one that fails the parts that make it fail.
fn collect(step: &Step, reasons: &mut Vec<Reason>) {
    match &step.what {
        What::Test(test) => reasons.push(Reason {
            line: step.line,
            text: told(test, step.holds),
        }),
        What::All | What::Any => {
            let same = step.steps.iter().filter(|below| below.holds == step.holds);
            let below: Vec<&Step> = same.collect();
            match summary(&below, step.holds) {
                Some(text) => reasons.push(Reason {
                    line: below.first().map_or(step.line, |below| below.line),
                    text,
                }),
                // One of several is reason enough for a list to hold, and for a whole to fail all of those that do.
                None => below.iter().for_each(|below| collect(below, reasons)),
            }
        }
        What::Not | What::Selection { .. } | What::Filter { .. } => {
            step.steps.iter().for_each(|below| collect(below, reasons));
        }
    }
}

/// A long list of values of which none stands in one field, in one line.
fn summary(steps: &[&Step], holds: bool) -> Option<String> {
    if holds || steps.len() <= FEW {
        return None;
    }
    let mut tests = steps.iter().map(|step| match &step.what {
        What::Test(test) => Some(test),
        _ => None,
    });
    let first = tests.next()??;
    if !tests.all(|test| test.is_some_and(|test| test.field == first.field)) {
        return None;
    }
    let field = terminal::escaped(&first.field);
    Some(match &first.seen {
        Some(seen) => format!(
            "none of {} values fits {field}, which is {}",
            steps.len(),
            shown(seen)
        ),
        None => format!(
            "none of {} values fits: the event has no {field}",
            steps.len()
        ),
    })
}

fn told(test: &Tested, holds: bool) -> String {
    let field = terminal::escaped(&test.field);
    let pattern = terminal::cut(&test.pattern, SHOWN);
    match (&test.seen, holds) {
        (Some(seen), true) => {
            let place = match seen.found {
                Some((begin, end)) if (end - begin) < seen.length => {
                    format!(", bytes {begin} to {end}")
                }
                _ => String::new(),
            };
            let of = seen
                .field
                .map_or_else(String::new, |field| format!(" of {field}"));
            format!("{field} `{pattern}` holds{of}: {}{place}", shown(seen))
        }
        (Some(seen), false) => format!(
            "{field} `{pattern}` does not hold: {field} is {}",
            shown(seen)
        ),
        (None, true) => format!("{field} `{pattern}` holds"),
        (None, false) if test.field == "keywords" => {
            format!("keyword `{pattern}` is in no field")
        }
        (None, false) => format!("{field} `{pattern}` does not hold: the event has no {field}"),
    }
}

/// The value, quoted and cut.
fn shown(seen: &Seen) -> String {
    let before = if seen.from > 0 { "…" } else { "" };
    let behind = if seen.from + seen.text.len() < seen.length {
        "…"
    } else {
        ""
    };
    format!("`{before}{}{behind}`", terminal::cut(&seen.text, SHOWN))
}
