//! A condition as a tree of ticks and crosses.

use std::fmt::Write;

use super::terminal::{self, Paint};
use crate::sigma::annotated::{Seen, Step, Tested, What};

/// Of a list, so many values that hold and that do not are shown.
const MOST_HELD: usize = 6;
const MOST_FAILED: usize = 3;

/// Characters of a value that are shown around what was found.
const AROUND: usize = 40;

/// The tree, a line a step, with the value of each test below it.
pub(super) fn render(step: &Step, condition: &str, paint: Paint) -> String {
    let mut text = String::new();
    let heading = paint.bold(&terminal::cut(condition, 200));
    let _ = writeln!(text, "{} {heading}", paint.mark(step.holds));
    children(&mut text, step, "", paint);
    text
}

fn children(text: &mut String, step: &Step, margin: &str, paint: Paint) {
    // A join of the condition itself is drawn by what it joins.
    let (shown, left_out) = selected(step);
    for (at, below) in shown.iter().enumerate() {
        let is_last = at + 1 == shown.len() && left_out.is_none();
        let (branch, next) = if is_last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let _ = writeln!(
            text,
            "{margin}{branch}{} {}",
            paint.mark(below.holds),
            label(below, paint)
        );
        let inner = format!("{margin}{next}");
        if let What::Test(Tested { seen, .. }) = &below.what {
            value(text, seen.as_ref(), &inner, paint);
        }
        children(text, below, &inner, paint);
    }
    if let Some(words) = left_out {
        let _ = writeln!(text, "{margin}└─ {}", paint.faint(&words));
    }
}

/// The steps worth showing, and what is said of the others.
fn selected(step: &Step) -> (Vec<&Step>, Option<String>) {
    let mut shown = Vec::new();
    let (mut held, mut failed, mut more_held, mut more_failed) = (0, 0, 0, 0);
    let any_held = step.steps.iter().any(|below| below.holds);
    for below in &step.steps {
        let is_test = matches!(below.what, What::Test(_));
        let (count, most, more) = if below.holds {
            (&mut held, MOST_HELD, &mut more_held)
        } else if matches!(step.what, What::Any) && any_held {
            (&mut failed, 0, &mut more_failed)
        } else {
            (&mut failed, MOST_FAILED, &mut more_failed)
        };
        *count += 1;
        if is_test && *count > most {
            *more += 1;
        } else {
            shown.push(below);
        }
    }
    let left_out = match (more_held, more_failed) {
        (0, 0) => None,
        (0, failed) => Some(format!("{failed} more do not hold")),
        (held, 0) => Some(format!("{held} more hold")),
        (held, failed) => Some(format!("{held} more hold, {failed} do not")),
    };
    (shown, left_out)
}

fn label(step: &Step, paint: Paint) -> String {
    let line = paint.faint(&format!("line {}", step.line));
    let words = match &step.what {
        What::All => format!("all of {}", step.steps.len()),
        What::Any => format!("any of {}", step.steps.len()),
        What::Not => "not".to_owned(),
        What::Selection { name } => paint.bold(&terminal::escaped(name)),
        What::Filter { title } => format!("filter {}", terminal::escaped(title)),
        What::Test(test) => {
            let field = terminal::escaped(&test.field);
            format!("{field} {}", terminal::cut(&test.pattern, 120))
        }
    };
    format!("{words}  {line}")
}

fn value(text: &mut String, seen: Option<&Seen>, margin: &str, paint: Paint) {
    let Some(seen) = seen else {
        let _ = writeln!(
            text,
            "{margin}{}",
            paint.faint("the event has no such field")
        );
        return;
    };
    // What was found, in bytes of the part that is kept.
    let found = seen.found.map(|(begin, end)| {
        let end = (end - seen.from.min(end)).min(seen.text.len());
        (begin - seen.from.min(begin), end)
    });
    let (around, place) = window(&seen.text, found);
    let before = if seen.from > 0 || around.start > 0 {
        "…"
    } else {
        ""
    };
    let is_whole = seen.from + around.end >= seen.length;
    let behind = if is_whole { "" } else { "…" };
    let (shown, below) = terminal::underlined(&seen.text[around], place);
    let of = seen
        .field
        .map_or_else(String::new, |field| format!("{field}: "));
    let _ = writeln!(text, "{margin}{of}{before}{shown}{behind}");
    if let (Some((begin, end)), false) = (seen.found, below.is_empty()) {
        let pad = " ".repeat(of.chars().count() + before.chars().count());
        let bytes = paint.faint(&format!("bytes {begin}..{end} of {}", seen.length));
        let _ = writeln!(text, "{margin}{pad}{}  {bytes}", paint.warn(&below));
    }
}

/// The bytes of a text around a place, and the place in them.
fn window(
    text: &str,
    found: Option<(usize, usize)>,
) -> (std::ops::Range<usize>, Option<(usize, usize)>) {
    let (begin, end) = found.unwrap_or((0, 0));
    let from = text.floor_char_boundary(begin.saturating_sub(AROUND));
    let to = text.ceil_char_boundary((end + 2 * AROUND).min(text.len()));
    (
        from..to,
        found.map(|(begin, end)| (begin - from, end - from)),
    )
}
