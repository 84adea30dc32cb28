//! Failed calls of one operation, or of a whole integration: their share in the last minutes against that before.
//!
//! What fails is what is answered with 5xx. The share of before is taken as high as it may well be (the upper Clopper-Pearson bound of its calls, of which no more than some
//! thousand count, since days differ); of that the binomial says how probable so many failures are now. A few calls that fail together are usual, so a tenth has to fail.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};

use super::recent::{LEAST_RECENT, LONGEST_RECENT, Over, RECENT, Recent};

/// Fewest calls before, and fewest failures; and in how many minutes: what fails at once and is over is a burst of one caller.
const LEAST_PAST: f64 = 200.0;
const LEAST_FAILED: u32 = 10;
const LEAST_MINUTES: usize = 5;
/// The share that has to fail, and how many times more than before.
const SHARE: f64 = 0.1;
const RATIO: f64 = 3.0;
/// How improbable it has to be to be told; and to count where others of the same integration fail.
const RARE: f64 = 1e-9;
const UNUSUAL: f64 = 1e-4;
/// How sure the bound of the share before is.
const SURE: f64 = 0.999;
/// Calls of before that count, at most.
const MOST_PAST: f64 = 2_000.0;

/// Calls of one operation and how many failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Errors {
    calls: f32,
    failed: f32,
    /// Failed calls of the newest minutes.
    recent: Recent<u32>,
    failing: Option<Failing>,
    /// The newest minute in which it was told.
    told: Option<u32>,
}

/// Far more calls fail than did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failing {
    /// Shares.
    pub(super) observed: f64,
    pub(super) expected: f64,
    pub(super) probability: f64,
    /// Failed calls of now.
    pub(super) failed: u32,
    /// There are enough of them to tell it.
    pub(super) is_sure: bool,
}

impl Errors {
    /// Closes a minute in which it was called.
    pub(super) fn close(&mut self, minute: u32, calls: u32, failed: u32) {
        self.recent.push(minute, calls, failed.min(calls));
        let is_failing = self.failing.is_some_and(|it| it.is_sure);
        while let Some(over) = self.recent.pop(is_failing) {
            self.learn(&over);
        }
        self.failing = self.judge();
    }

    /// Whether its calls fail in this minute, or did when it was last called, some minutes ago.
    pub(super) fn failing(&self, minute: u32) -> Option<&Failing> {
        let newest = self.recent.newest()?;
        self.failing.as_ref().filter(|_| minute < newest + RECENT)
    }

    /// Whether it was told within the hour before.
    pub(super) fn was_told(&self, minute: u32) -> bool {
        self.told.is_some_and(|told| minute < told + LONGEST_RECENT)
    }

    pub(super) fn tell(&mut self, minute: u32) {
        self.told = Some(minute);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    fn learn(&mut self, over: &Over<u32>) {
        self.calls = self.calls * over.kept + over.calls as f32 * over.weight;
        self.failed = self.failed * over.kept + over.seen as f32 * over.weight;
    }

    fn judge(&self) -> Option<Failing> {
        let (calls, failed) = (self.recent.calls(), self.recent.seen().sum::<u32>());
        let (past, past_failed) = (f64::from(self.calls), f64::from(self.failed));
        if failed == 0 || past < LEAST_PAST {
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
        let minutes = self.recent.seen().filter(|failed| **failed > 0).count();
        let is_enough = calls >= LEAST_RECENT && failed >= LEAST_FAILED && minutes >= LEAST_MINUTES;
        (probability < UNUSUAL).then_some(Failing {
            observed,
            expected,
            probability: probability.max(f64::MIN_POSITIVE),
            failed,
            is_sure: is_enough && probability < RARE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closes a minute; what it is surely.
    fn close(errors: &mut Errors, minute: u32, calls: u32, failed: u32) -> Option<Failing> {
        errors.close(minute, calls, failed);
        errors.failing(minute).copied().filter(|it| it.is_sure)
    }

    #[test]
    fn a_share_that_grows_is_told_while_it_lasts_and_a_short_trouble_is_not() {
        let mut errors = Errors::default();
        for minute in 0..600 {
            let failed = u32::from(minute % 20 == 0);
            assert_eq!(close(&mut errors, minute, 30, failed), None);
        }
        let mut trouble = errors.clone();
        for minute in 600..620 {
            // All calls of four minutes.
            let failed = if (600..604).contains(&minute) { 30 } else { 0 };
            assert_eq!(close(&mut trouble, minute, 30, failed), None);
        }
        let told: Vec<Option<Failing>> = (600..640)
            .map(|minute| close(&mut errors, minute, 30, 12))
            .collect();
        let first = told.iter().position(Option::is_some).unwrap();
        assert!((1..5).contains(&first), "{first}");
        let last = told.last().unwrap().unwrap();
        assert!((last.observed - 0.4).abs() < 1e-9 && last.expected < 0.02);
        assert!((640..670).any(|minute| close(&mut errors, minute, 30, 0).is_none()));
    }

    #[test]
    fn where_much_always_fails_and_of_few_calls_nothing_is_told() {
        let mut errors = Errors::default();
        for minute in 0..600 {
            assert_eq!(close(&mut errors, minute, 30, 9), None);
        }
        assert_eq!(close(&mut errors, 600, 30, 15), None);
        let mut seldom = Errors::default();
        for minute in 0..600 {
            assert_eq!(close(&mut seldom, minute * 5, 1, 0), None);
        }
        for minute in 601..610 {
            assert_eq!(close(&mut seldom, minute * 5, 1, 1), None);
        }
    }
}
