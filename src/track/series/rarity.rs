//! How rare a score of a series is among all its scores, and how rare it has to be to be told.

use serde::{Deserialize, Serialize};

use crate::track::model::{Digest, Tail};

/// Values of which nothing is told: what is usual is not known yet.
const FIRST: u32 = 300;
/// Minutes of a month, over which false findings are counted.
const MONTH: f64 = 30.0 * 1_440.0;
/// Scores that are remembered, about; what their tail is fitted to; and what is the same score.
const MEMORY: f64 = 20_000.0;
const TAIL: Tail = Tail {
    share: 0.02,
    least: 100.0,
    inner: 0.5,
    shape: 0.1,
};
const SAME: f64 = 1e-6;

/// The scores of one series so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScoreRarity {
    scores: Digest,
    values: u32,
}

impl Default for ScoreRarity {
    fn default() -> Self {
        ScoreRarity {
            scores: Digest::remembering(MEMORY),
            values: 0,
        }
    }
}

impl ScoreRarity {
    /// Takes the next score: −log10 of the share of scores that are as high; `None` while too few are known to tell.
    pub fn take(&mut self, score: f64) -> Option<f64> {
        let surprise = self.scores.tail(score, TAIL, SAME);
        self.scores.add(score, SAME);
        self.values = self.values.saturating_add(1);
        (self.values > FIRST).then_some(surprise)
    }

    /// From which surprise on a value is told, where one comes every so many minutes and so many a month may be false.
    #[must_use]
    pub fn told_from(minutes: u32, false_alarms_per_month: f64) -> f64 {
        (MONTH / f64::from(minutes) / false_alarms_per_month.max(1e-6)).log10()
    }
}
