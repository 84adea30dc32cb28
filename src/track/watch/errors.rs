//! Failed calls of one operation: their share in the last minutes against that before.
//!
//! What fails is what is answered with 5xx. The share of before is taken as high as it may well be (the upper Clopper-Pearson bound of its calls, of which no more than some
//! thousand count, since days differ); of that the binomial says how probable so many failures are now. A few calls that fail together are usual, so a tenth has to fail.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};

/// Minutes that are "now"; more where they have too few calls, but no more than an hour.
const RECENT: u32 = 10;
const LONGEST_RECENT: u32 = 60;
/// Fewest calls now and before, and fewest failures; and in how many minutes: what fails at once and is over is a burst of one caller.
const LEAST_RECENT: u32 = 20;
const LEAST_PAST: f64 = 200.0;
const LEAST_FAILED: u32 = 10;
const LEAST_MINUTES: usize = 5;
/// The share that has to fail, and how many times more than before.
const SHARE: f64 = 0.1;
const RATIO: f64 = 3.0;
/// How improbable it has to be, and how sure the bound of the share before is.
const RARE: f64 = 1e-9;
const SURE: f64 = 0.999;
/// Calls of before that count, at most.
const MOST_PAST: f64 = 2_000.0;
/// What is left of the past after a minute (half of it after a day), and how much of a minute is learned while calls fail.
const KEPT: f32 = 0.999_518_8;
const LEARNED_WHILE_FAILING: f32 = 0.05;

/// Calls of one operation and how many failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Errors {
    /// The newest minute that is among the past.
    learned: u32,
    calls: f32,
    failed: f32,
    /// The newest minutes, oldest first: calls and failed ones.
    recent: VecDeque<(u32, u32, u32)>,
    is_failing: bool,
}

/// Far more calls fail than did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Failing {
    /// Shares.
    pub(super) observed: f64,
    pub(super) expected: f64,
    pub(super) probability: f64,
    /// Failed calls of now.
    pub(super) failed: u32,
}

impl Errors {
    /// Closes a minute in which it was called.
    pub(super) fn close(&mut self, minute: u32, calls: u32, failed: u32) -> Option<Failing> {
        self.recent.push_back((minute, calls, failed.min(calls)));
        let mut all: u32 = self.recent.iter().map(|(_, calls, _)| calls).sum();
        while let Some((oldest, calls, failed)) = self.recent.front().copied()
            && (oldest + LONGEST_RECENT <= minute
                || oldest + RECENT <= minute && all - calls >= LEAST_RECENT)
        {
            self.recent.pop_front();
            all -= calls;
            self.learn(oldest, calls, failed);
        }
        let failing = self.judge(all);
        self.is_failing = failing.is_some();
        failing
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    fn learn(&mut self, minute: u32, calls: u32, failed: u32) {
        let minutes = minute.saturating_sub(self.learned);
        self.learned = minute;
        let kept = KEPT.powi(i32::try_from(minutes).unwrap_or(i32::MAX));
        let weight = if self.is_failing {
            LEARNED_WHILE_FAILING
        } else {
            1.0
        };
        self.calls = self.calls * kept + calls as f32 * weight;
        self.failed = self.failed * kept + failed as f32 * weight;
    }

    fn judge(&self, calls: u32) -> Option<Failing> {
        let failed: u32 = self.recent.iter().map(|(_, _, failed)| failed).sum();
        let (past, past_failed) = (f64::from(self.calls), f64::from(self.failed));
        let minutes = self.recent.iter().filter(|(.., failed)| *failed > 0);
        let is_enough = calls >= LEAST_RECENT && past >= LEAST_PAST && failed >= LEAST_FAILED;
        if !is_enough || minutes.count() < LEAST_MINUTES {
            return None;
        }
        let observed = f64::from(failed) / f64::from(calls);
        let expected = past_failed / past;
        if observed < SHARE || observed < RATIO * expected {
            return None;
        }
        let counted = past.min(MOST_PAST);
        let (bad, good) = (expected * counted + 1.0, (1.0 - expected) * counted);
        let bound = Beta::new(bad, good.max(0.5)).ok()?.inverse_cdf(SURE);
        let counts = Binomial::new(bound.clamp(0.0, 1.0), calls.into()).ok()?;
        let probability = counts.sf(u64::from(failed) - 1);
        (probability < RARE).then_some(Failing {
            observed,
            expected,
            probability: probability.max(f64::MIN_POSITIVE),
            failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_grows_is_told_while_it_lasts_and_a_short_trouble_is_not() {
        let mut errors = Errors::default();
        for minute in 0..600 {
            let failed = u32::from(minute % 20 == 0);
            assert_eq!(errors.close(minute, 30, failed), None);
        }
        let mut trouble = errors.clone();
        for minute in 600..620 {
            // All calls of four minutes.
            let failed = if (600..604).contains(&minute) { 30 } else { 0 };
            assert_eq!(trouble.close(minute, 30, failed), None);
        }
        let told: Vec<Option<Failing>> = (600..640)
            .map(|minute| errors.close(minute, 30, 12))
            .collect();
        let first = told.iter().position(Option::is_some).unwrap();
        assert!((1..5).contains(&first), "{first}");
        let last = told.last().unwrap().unwrap();
        assert!((last.observed - 0.4).abs() < 1e-9 && last.expected < 0.02);
        assert!((640..670).any(|minute| errors.close(minute, 30, 0).is_none()));
    }

    #[test]
    fn where_much_always_fails_and_of_few_calls_nothing_is_told() {
        let mut errors = Errors::default();
        for minute in 0..600 {
            assert_eq!(errors.close(minute, 30, 9), None);
        }
        assert_eq!(errors.close(600, 30, 15), None);
        let mut seldom = Errors::default();
        for minute in 0..600 {
            assert_eq!(seldom.close(minute * 5, 1, 0), None);
        }
        for minute in 601..610 {
            assert_eq!(seldom.close(minute * 5, 1, 1), None);
        }
    }
}
