//! What is said of an alert that was closed and shows more since.

use super::Context;
use super::clean::Clean;
use super::words::{self, grouped, pick, say};
use crate::alert::Alert;
use crate::config::Locale;
use crate::triage::{Closing, Seen, Verdict};

/// Ids of rules that are named.
const RULES: usize = 3;

/// By what, in a word or two each: for a subject, and a line of a summary.
pub(super) fn causes(alert: &Alert, closing: &Closing, locale: Locale) -> Clean {
    let beyond = Seen::of(alert).beyond(closing.seen);
    let causes = [
        (beyond.level, "уровень выше", "higher level"),
        (beyond.rules, "другое правило", "another rule"),
        (
            beyond.events,
            "событий в 10 раз больше",
            "ten times the events",
        ),
    ];
    let causes: Vec<Clean> = causes
        .into_iter()
        .filter(|(is_so, ..)| *is_so)
        .map(|(_, russian, english)| say(locale, russian, english))
        .collect();
    Clean::join(&causes, ", ")
}

/// By what it was reopened, with what was seen and what it shows now; and how it had been closed.
pub(super) fn facts(
    alert: &Alert,
    closing: &Closing,
    locale: Locale,
    context: &Context,
) -> [(Clean, Clean); 2] {
    let seen = closing.seen;
    let beyond = Seen::of(alert).beyond(seen);
    let mut causes = Vec::new();
    if beyond.level {
        let levels = [seen.level, alert.rule.level].map(|level| words::level(locale, level));
        causes.push(Clean::fill(
            pick(locale, "уровень был {}, стал {}", "level was {}, is {}"),
            &levels,
        ));
    }
    if beyond.rules {
        // They stand in the order in which they fired first.
        let before = usize::try_from(seen.rules).unwrap_or(usize::MAX);
        let ids = alert.rules.iter().skip(before).take(RULES);
        let ids: Vec<Clean> = ids.map(|id| Clean::of(&id.to_string(), 36)).collect();
        causes.push(Clean::fill(
            pick(
                locale,
                "сработало другое правило: {}",
                "another rule fired: {}",
            ),
            &[Clean::join(&ids, ", ")],
        ));
    }
    if beyond.events {
        let counts = [seen.count, alert.count].map(|count| grouped(locale, count));
        causes.push(Clean::fill(
            pick(
                locale,
                "событий было {}, стало {}",
                "events were {}, are {}",
            ),
            &counts,
        ));
    }
    let verdict = match closing.verdict {
        Verdict::True => say(locale, "верно", "true"),
        Verdict::False => say(locale, "ложно", "false"),
        Verdict::Harmless => say(locale, "безобидно", "harmless"),
    };
    let closed = Clean::fill(
        pick(locale, "{}, решение: {}", "{} as {}"),
        &[words::time(locale, &context.zone, closing.time), verdict],
    );
    [
        (
            say(locale, "Открыто снова", "Reopened"),
            Clean::join(&causes, "; "),
        ),
        (say(locale, "Было закрыто", "Was closed"), closed),
    ]
}
