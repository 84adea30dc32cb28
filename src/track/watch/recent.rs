//! The newest minutes of an operation, which are held against those before and then become a part of them.
//!
//! The past loses half of itself in a day. Of minutes in which something is wrong it learns little, so a lasting change is learned within days.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Minutes that are "now"; more where they have too few calls, but no more than an hour.
pub(super) const RECENT: u32 = 10;
pub(super) const LONGEST_RECENT: u32 = 60;
/// Fewest calls now.
pub(super) const LEAST_RECENT: u32 = 20;
/// What is left of the past after a minute: half of it after a day.
const KEPT: f32 = 0.999_518_8;
/// How much of a minute is learned while something is wrong.
const LEARNED_WHILE_WRONG: f32 = 0.05;

/// The newest minutes in which it was called, and what was seen in each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent<T> {
    /// The newest minute that is among the past.
    learned: u32,
    /// Minute, calls, and what was seen of them; oldest first.
    minutes: VecDeque<(u32, u32, T)>,
}

/// A minute that is over.
pub(super) struct Over<T> {
    pub(super) calls: u32,
    pub(super) seen: T,
    /// What is left of the past before it.
    pub(super) kept: f32,
    /// How much of it is learned.
    pub(super) weight: f32,
}

impl<T> Recent<T> {
    pub(super) fn push(&mut self, minute: u32, calls: u32, seen: T) {
        self.minutes.push_back((minute, calls, seen));
    }

    /// The oldest minute that is no longer "now", to be learned.
    pub(super) fn pop(&mut self, is_wrong: bool) -> Option<Over<T>> {
        let newest = self.newest()?;
        let (oldest, calls, _) = self.minutes.front()?;
        let is_over = oldest + LONGEST_RECENT <= newest
            || oldest + RECENT <= newest && self.calls() - calls >= LEAST_RECENT;
        if !is_over {
            return None;
        }
        let (minute, calls, seen) = self.minutes.pop_front()?;
        let minutes = minute.saturating_sub(self.learned);
        self.learned = minute;
        Some(Over {
            calls,
            seen,
            kept: KEPT.powi(i32::try_from(minutes).unwrap_or(i32::MAX)),
            weight: if is_wrong { LEARNED_WHILE_WRONG } else { 1.0 },
        })
    }

    /// The newest minute in which it was called.
    pub(super) fn newest(&self) -> Option<u32> {
        self.minutes.back().map(|(minute, ..)| *minute)
    }

    /// Calls of now.
    pub(super) fn calls(&self) -> u32 {
        self.minutes.iter().map(|(_, calls, _)| calls).sum()
    }

    /// What was seen in each minute of now.
    pub(super) fn seen(&self) -> impl Iterator<Item = &T> {
        self.minutes.iter().map(|(.., seen)| seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes of now after so many, each with so many calls, `step` apart.
    fn kept(minutes: u32, step: u32, calls: u32) -> usize {
        let mut recent = Recent::default();
        for minute in 0..minutes {
            recent.push(minute * step, calls, ());
            while recent.pop(false).is_some() {}
        }
        recent.seen().count()
    }

    #[test]
    fn ten_minutes_are_now_or_as_many_as_have_twenty_calls_within_an_hour() {
        assert_eq!(kept(100, 1, 30), 10);
        assert_eq!(kept(100, 1, 1), 20);
        assert_eq!(kept(100, 5, 1), 12);
    }

    #[test]
    fn half_of_the_past_is_left_after_a_day_and_little_is_learned_while_something_is_wrong() {
        let mut recent = Recent::default();
        for minute in [0, 1_440, 3_000] {
            recent.push(minute, 30, minute);
        }
        let first = recent.pop(false).unwrap();
        let second = recent.pop(true).unwrap();
        assert!(recent.pop(false).is_none(), "the newest is now");
        assert_eq!((first.seen, second.seen, second.calls), (0, 1_440, 30));
        assert!((second.kept - 0.5).abs() < 1e-3, "{}", second.kept);
        assert!(first.weight > 10.0 * second.weight);
    }
}
