//! The score as a table for people. Names and entities come from outside: control characters are shown, not obeyed.

use std::fmt::Write;

use crate::simulate::Difficulty;
use crate::simulate::score::{Outcome, Score};

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Longest text of a cell, in characters.
const WIDEST: usize = 60;

/// The whole table.
pub(super) fn render(score: &Score, colours: bool) -> String {
    let mut text = String::new();
    let width = score
        .scenarios
        .iter()
        .map(|outcome| shown(&outcome.name).chars().count())
        .max()
        .unwrap_or(0)
        .max("scenario".len());
    let _ = writeln!(
        text,
        "{:width$}  {:6}  {:4}  {:12}  {:>9}  {:>9}  alerts",
        "scenario", "req", "kind", "result", "event s", "wall s"
    );
    for outcome in &score.scenarios {
        row(&mut text, outcome, width, colours);
    }
    let attacks = score.scenarios.iter().filter(|o| o.attack).count();
    let _ = writeln!(
        text,
        "\n{} of {attacks} attacks found, {} alerts, {} false alarms; precision {}, recall {}",
        attacks - score.missed().count(),
        score.alerts,
        score.false_alarms.len(),
        share(score.precision),
        share(score.recall)
    );
    for alarm in &score.false_alarms {
        let _ = write!(
            text,
            "false alarm: {} ({}) on {} at {}",
            shown(&alarm.title),
            shown(&alarm.family),
            shown(&alarm.entity),
            alarm.first
        );
        if let Some(twin) = &alarm.twin {
            let _ = write!(text, ", fell for twin {}", shown(twin));
        }
        text.push('\n');
    }
    text
}

fn row(text: &mut String, outcome: &Outcome, width: usize, colours: bool) {
    let (result, good) = match (outcome.attack, outcome.found) {
        (true, true) => ("found", true),
        (true, false) => ("MISSED", false),
        (false, true) => ("FALSE ALARM", false),
        (false, false) => ("quiet", true),
    };
    let (on, off) = match (colours, good) {
        (false, _) => ("", ""),
        (true, true) => (GREEN, PLAIN),
        (true, false) => (RED, PLAIN),
    };
    let name = shown(&outcome.name);
    let kind = match outcome.difficulty {
        None => "twin",
        Some(Difficulty::Easy) => "easy",
        Some(Difficulty::Hard) => "hard",
    };
    // Padded by hand: the width of a format counts what the terminal does not show.
    let pad = width - name.chars().count();
    let _ = writeln!(
        text,
        "{name}{:pad$}  {:6}  {kind:4}  {on}{result:12}{off}  {:>9}  {:>9}  {}",
        "",
        shown(&outcome.requirement),
        seconds(outcome.seconds),
        seconds(outcome.wall_seconds),
        titles(&outcome.alerts)
    );
}

/// The different titles, with a count where one came more than once.
fn titles(alerts: &[String]) -> String {
    let mut counted: Vec<(&String, usize)> = Vec::new();
    for title in alerts {
        match counted.iter_mut().find(|(known, _)| *known == title) {
            Some((_, count)) => *count += 1,
            None => counted.push((title, 1)),
        }
    }
    counted
        .iter()
        .map(|(title, count)| match count {
            1 => shown(title),
            _ => format!("{} (x{count})", shown(title)),
        })
        .collect::<Vec<_>>()
        .join("; ")
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"))
}

/// Text from outside, safe on a terminal: control, direction and other invisible characters as escapes, and cut.
fn shown(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars().take(WIDEST) {
        let hidden = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    if text.chars().nth(WIDEST).is_some() {
        safe.push('…');
    }
    safe
}
