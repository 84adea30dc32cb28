//! Risk of an entity or an incident: what its alerts weigh, the less the longer they are over.

use super::chart::{self, Bar};
use super::page::Page;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::store::AlertLine;
use crate::triage::{State, Verdict};

const DAY_US: f64 = 86_400_000_000.0;
/// The highest risk.
const MOST: f64 = 100.0;

/// What alerts weigh at an instant, of 100: 40 for a critical one, 20, 8, 3 and 1, each from its first event on, and half as much a day after its newest one.
pub(super) fn at(alerts: &[AlertLine], time: Timestamp) -> u64 {
    let weights = alerts.iter().map(|alert| {
        let weight = match Level::from_name(&alert.level) {
            Some(Level::Critical) => 40.0,
            Some(Level::High) => 20.0,
            Some(Level::Medium) => 8.0,
            Some(Level::Low) => 3.0,
            _ => 1.0,
        };
        let is_to_come = time < Timestamp::from_micros(alert.first);
        let days = time.since(Timestamp::from_micros(alert.micros)) as f64 / DAY_US;
        // What turned out to be nothing weighs nothing, nor does what is still to come.
        let is_nothing = matches!(
            State::named(&alert.state),
            Some(State::Closed(Verdict::False | Verdict::Harmless))
        );
        if is_nothing || is_to_come {
            0.0
        } else {
            weight * 0.5_f64.powf(days.max(0.0))
        }
    });
    let sum: f64 = weights.sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 100"
    )]
    let risk = sum.round().clamp(0.0, MOST) as u64;
    risk
}

/// The same over time: a bar each so many microseconds, with the risk at its end.
pub(super) fn course(
    page: &Page,
    alerts: &[AlertLine],
    (from, last): (Timestamp, Timestamp),
    width_us: i64,
) -> Vec<Bar> {
    let said = page.say("риск из 100", "risk of 100");
    chart::course(page, (from, last), width_us, said, |begin| {
        at(alerts, begin.plus_micros(width_us - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_fades_and_what_was_nothing_counts_nothing() {
        let line = |level: &str, state: &str, days: i64| AlertLine {
            id: String::new(),
            first: -days * 86_400_000_000,
            micros: -days * 86_400_000_000,
            level: level.into(),
            state: state.into(),
            assignee: String::new(),
            changed: 0,
            rule: String::new(),
            title: String::new(),
            entity_kind: "client".into(),
            entity: "a".into(),
            count: 1,
            probability: None,
            q: None,
        };
        let now = Timestamp::from_micros(0);
        let alerts = [line("high", "new", 0), line("high", "new", 1)];
        assert_eq!(at(&alerts, now), 30);
        let before = now.plus_micros(-1);
        assert_eq!(at(&alerts, before), 10, "what was not there yet");
        assert_eq!(at(&[line("critical", "closed_false", 0)], now), 0);
        let many: Vec<_> = (0..9).map(|_| line("critical", "new", 0)).collect();
        assert_eq!(at(&many, now), 100);
        let lasting = AlertLine {
            first: now.plus_micros(-4 * 86_400_000_000).micros(),
            ..line("high", "new", 0)
        };
        let day = |days: i64| {
            at(
                std::slice::from_ref(&lasting),
                now.plus_micros(days * 86_400_000_000),
            )
        };
        assert_eq!(
            [day(-5), day(-4), day(-1), day(0), day(1)],
            [0, 20, 20, 20, 10],
            "while it lasts it weighs in full"
        );
    }
}
