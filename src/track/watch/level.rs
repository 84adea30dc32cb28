//! A level of service: how fast its error budget burns.
//!
//! The budget is what the promise leaves: 0.5 % of calls for 99.5 %. A burn rate of 1 uses it up in exactly the thirty days
//! that it is for. The pairs of windows and their rates are those of chapter 5 of the Site Reliability Workbook ("Alerting on
//! SLOs"): a long window says that it matters, a short one that it still goes on.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::track::expectation::Promise;

/// Long and short window in minutes, and the rate at which the budget burns in both.
const PAIRS: [(u32, u32, f64); 3] = [(60, 5, 14.4), (360, 30, 6.0), (4_320, 360, 1.0)];
/// Minutes that are kept.
const KEPT: usize = 4_320;
/// Fewest bad calls in the long window: one of a handful is no trend.
const LEAST_BAD: u64 = 10;

/// What is known of one level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Level {
    /// Calls and bad ones of each minute since it was first seen, oldest first.
    minutes: VecDeque<(u32, u32)>,
    /// The same, summed over each long and each short window.
    sums: [(u64, u64); 6],
    holds: bool,
}

/// A promise that is being broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Breach {
    /// Burn rate over the long window, or calls.
    pub(super) observed: f64,
    /// The rate that is worth an alert, or the fewest calls.
    pub(super) expected: f64,
    /// Minutes of the window, and of the shorter one that says that it still goes on.
    pub(super) window: u32,
    pub(super) short: u32,
    /// Bad calls that it adds.
    pub(super) bad: u64,
    /// Whether the budget would be gone within days.
    pub(super) is_fast: bool,
}

impl Level {
    pub(super) fn new() -> Self {
        Level {
            minutes: VecDeque::new(),
            sums: [(0, 0); 6],
            holds: false,
        }
    }

    /// Closes a minute; to be called for each from the first one on.
    pub(super) fn close(&mut self, (calls, bad): (u32, u32), promise: &Promise) -> Option<Breach> {
        self.push(calls, bad);
        let breach = match promise {
            Promise::Availability { share } | Promise::Latency { share, .. } => {
                self.burning(*share)
            }
            Promise::Traffic { calls, minutes } => self.missing(*calls, *minutes),
        };
        let begins = !std::mem::replace(&mut self.holds, breach.is_some());
        let breach = breach?;
        if begins {
            return Some(breach);
        }
        // While it goes on, only what the minute adds.
        (bad > 0).then_some(Breach {
            bad: bad.into(),
            ..breach
        })
    }

    fn push(&mut self, calls: u32, bad: u32) {
        self.minutes.push_back((calls, bad));
        for (window, sum) in windows().zip(&mut self.sums) {
            sum.0 += u64::from(calls);
            sum.1 += u64::from(bad);
            if let Some(left) = self.minutes.len().checked_sub(window as usize + 1) {
                let (calls, bad) = self.minutes[left];
                sum.0 -= u64::from(calls);
                sum.1 -= u64::from(bad);
            }
        }
        if self.minutes.len() > KEPT {
            self.minutes.pop_front();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of three days")]
    fn burning(&self, share: f64) -> Option<Breach> {
        // A hair wider, so that a rate that is met exactly is met whatever the last bit says.
        let budget = (1.0 - share).max(1e-9) * (1.0 - 1e-9);
        let age = self.minutes.len() as f64;
        // Minutes before the first one are taken for good ones with as many calls.
        let rate = |window: u32, (calls, bad): (u64, u64)| {
            let calls = calls as f64 * (f64::from(window) / age).max(1.0);
            bad as f64 / calls.max(1.0) / budget
        };
        PAIRS
            .iter()
            .enumerate()
            .find_map(|(at, (long, short, limit))| {
                let (in_long, in_short) = (self.sums[2 * at], self.sums[2 * at + 1]);
                let observed = rate(*long, in_long);
                let burns = observed >= *limit && rate(*short, in_short) >= *limit;
                (burns && in_long.1 >= LEAST_BAD).then_some(Breach {
                    observed,
                    expected: *limit,
                    window: *long,
                    short: *short,
                    bad: in_long.1,
                    is_fast: *limit > 1.0,
                })
            })
    }

    fn missing(&self, least: u32, minutes: u32) -> Option<Breach> {
        let window = minutes as usize;
        if self.minutes.len() < window {
            return None;
        }
        let newest = self.minutes.iter().rev().take(window);
        let calls: u64 = newest.map(|(calls, _)| u64::from(*calls)).sum();
        (calls < u64::from(least)).then(|| Breach {
            #[expect(clippy::cast_precision_loss, reason = "fewer than a contract asks for")]
            observed: calls as f64,
            expected: f64::from(least),
            window: minutes,
            short: minutes,
            bad: 1,
            is_fast: true,
        })
    }
}

fn windows() -> impl Iterator<Item = u32> {
    PAIRS.iter().flat_map(|(long, short, _)| [*long, *short])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMISE: Promise = Promise::Availability { share: 0.99 };

    /// The first minute of a breach after so many of 20 calls without a failure, when so many of each 20 fail.
    fn first_breach(quiet: u32, failing: u32, most: u32) -> Option<(u32, Breach)> {
        let mut level = Level::new();
        for _ in 0..quiet {
            assert_eq!(level.close((20, 0), &PROMISE), None);
        }
        (0..most).find_map(|at| Some((at, level.close((20, failing), &PROMISE)?)))
    }

    #[test]
    fn the_rates_of_the_workbook_fire_when_it_says() {
        // All calls fail: 14.4 times the budget of an hour is used up in 14.4 % of it.
        let (at, breach) = first_breach(4_320, 20, 60).unwrap();
        assert_eq!((at, breach.window, breach.is_fast), (8, 60, true));
        // 10 % fail, a rate of 10: the hour never reaches 14.4, six hours reach 6 in six tenths of them.
        let (at, breach) = first_breach(4_320, 2, 400).unwrap();
        assert_eq!((at, breach.window), (215, 360));
        // 5 % is neither, and uses up a tenth of the budget in three days early on the third pair.
        let (at, breach) = first_breach(4_320, 1, 2_000).unwrap();
        assert_eq!((at, breach.window, breach.is_fast), (863, 4_320, false));
    }

    #[test]
    fn a_short_failure_and_one_that_is_over_are_none() {
        let mut level = Level::new();
        for at in 0..600 {
            let bad = if (300..305).contains(&at) { 10 } else { 0 };
            assert_eq!(level.close((20, bad), &PROMISE), None, "{at}");
        }
    }

    #[test]
    fn too_few_calls_are_told_once() {
        let promise = Promise::Traffic {
            calls: 10,
            minutes: 30,
        };
        let mut level = Level::new();
        let found: Vec<u32> = (0..200)
            .filter(|at| {
                let calls = u32::from(*at < 100 || *at > 150);
                level.close((calls, 0), &promise).is_some()
            })
            .collect();
        assert_eq!(found, [120]);
    }
}
