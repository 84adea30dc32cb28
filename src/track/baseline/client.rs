//! What is remembered of one client, and how a closed minute is judged against it.

use serde::{Deserialize, Serialize};

use super::prior::Prior;
use super::season::{Season, single};
use super::tail::Counts;
use crate::track::Plan;

/// A minute that is a finding is learned as the largest count whose upper tail is still so thick: a little above the normal,
/// so that an attack teaches little, yet a lasting change of level is learned within a day or two.
const LEARNED_TAIL: f64 = 1e-3;
/// Weight of one active minute in what is usual among clients.
const POOL_WEIGHT: f64 = 1e-4;

/// One client's past. Minutes are counted since the epoch, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Client {
    /// Weighted mean of the count over its season, silent minutes included.
    mean: f32,
    /// Weighted mean of the square of the same.
    square: f32,
    /// Minutes since the client was first seen, silent ones included.
    minutes: u32,
    /// The newest minute in which it was active.
    last: u32,
    /// Requests of the hour of `last`.
    hour: u32,
    season: Season,
}

/// What is usual among the clients of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pool {
    mean: f64,
}

impl Pool {
    pub(super) fn new(prior: &Prior) -> Self {
        Pool { mean: prior.mean }
    }

    /// Takes an active minute. One client cannot pull the pool up at once: ten times the usual is the most that counts.
    fn take(&mut self, usual: f64) {
        self.mean += POOL_WEIGHT * (usual.min(10.0 * self.mean) - self.mean);
    }
}

/// What is usual in a minute.
pub(super) struct Usual {
    shape: f64,
    pub(super) counts: Counts,
}

impl Usual {
    /// The mean, in whole calls.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count; what is too large saturates"
    )]
    pub(super) fn mean(&self) -> u32 {
        self.counts.mean().round() as u32
    }

    /// Of a count what is learned: the largest that is not rare.
    pub(super) fn of(&self, count: u32) -> u32 {
        let limit = self.counts.mean() + 3.0 * self.counts.deviation();
        if f64::from(count) > limit && self.counts.upper_tail(count) < LEARNED_TAIL {
            return self.counts.largest_usual(LEARNED_TAIL, count).max(1);
        }
        count
    }
}

/// A minute far above what was expected.
pub(super) struct Verdict {
    pub(super) expected: f64,
    pub(super) probability: f64,
}

impl Client {
    /// A client first seen in this minute.
    pub(super) fn new(minute: u32) -> Self {
        Client {
            mean: 0.0,
            square: 0.0,
            minutes: 0,
            last: minute,
            hour: 0,
            season: Season::default(),
        }
    }

    /// Judges an active minute, later than the last one, and learns from it.
    pub(super) fn close(
        &mut self,
        minute: u32,
        count: u32,
        pool: &mut Pool,
        plan: &Plan,
    ) -> Option<Verdict> {
        let settings = &plan.settings.baseline;
        let begun = self.begin(minute, *pool, plan);
        let expected = begun.counts;
        let mut usual = count;
        let mut verdict = None;
        if f64::from(count) > expected.mean() + 3.0 * expected.deviation() {
            let probability = expected.upper_tail(count);
            if probability < settings.p_threshold {
                usual = expected.largest_usual(LEARNED_TAIL, count).max(1);
                let worth = count >= settings.min_requests
                    && self.minutes >= settings.min_history
                    && f64::from(count) >= settings.min_ratio * expected.mean();
                verdict = worth.then(|| Verdict {
                    expected: expected.mean(),
                    probability,
                });
            }
        }
        self.learn(usual, &begun, plan);
        pool.take(f64::from(usual) / begun.shape);
        verdict
    }

    /// What is usual in a minute, later than the last one; those between were silent.
    pub(super) fn begin(&mut self, minute: u32, pool: Pool, plan: &Plan) -> Usual {
        let memory = plan.settings.baseline.memory.max(2);
        self.pass_silence(minute, memory, plan);
        let days = f64::from(self.minutes) / 1_440.0;
        let shape = self
            .season
            .factor(minute, days, &plan.calendar, &plan.prior);
        Usual {
            shape,
            counts: self.expected(shape, memory, pool, &plan.prior),
        }
    }

    /// Itself in place of what is usual among others.
    pub(super) fn alone(&self) -> Pool {
        Pool {
            mean: self.mean.into(),
        }
    }

    /// Minutes since it was first seen.
    pub(super) fn minutes(&self) -> u32 {
        self.minutes
    }

    /// The silent minutes between the last active one and this one: each is an observation of zero.
    fn pass_silence(&mut self, minute: u32, memory: u32, plan: &Plan) {
        if self.minutes > 0 {
            let silent = minute.saturating_sub(self.last).saturating_sub(1);
            // While the past is shorter than the memory all minutes weigh the same, so zeros scale by n / (n + zeros).
            let young = silent.min(memory.saturating_sub(self.minutes));
            let known = f64::from(self.minutes);
            let shrunk = known / (known + f64::from(young));
            let old = i32::try_from(silent - young).unwrap_or(i32::MAX);
            let kept = shrunk * (1.0 - 1.0 / f64::from(memory)).powi(old);
            self.mean = single(f64::from(self.mean) * kept);
            self.square = single(f64::from(self.square) * kept);
            self.minutes = self.minutes.saturating_add(silent);
            let days = self.minutes / 1_440;
            let (calendar, prior) = (&plan.calendar, &plan.prior);
            if self
                .season
                .roll(self.last, minute, self.hour, days, calendar, prior)
            {
                self.hour = 0;
            }
        }
        self.last = minute;
    }

    /// Level and dispersion, drawn towards what is usual the more the shorter the past is.
    fn expected(&self, shape: f64, memory: u32, pool: Pool, prior: &Prior) -> Counts {
        let known = f64::from(self.minutes.min(memory));
        let own = known / (known + prior.minutes);
        let (mean, square) = (f64::from(self.mean), f64::from(self.square));
        let dispersion = if mean > 0.0 {
            // Variance beyond that of Poisson, over the squared mean.
            ((square - mean * mean - mean) / (mean * mean)).max(0.0)
        } else {
            prior.dispersion
        };
        Counts::new(
            shape * (own * mean + (1.0 - own) * pool.mean),
            own * dispersion + (1.0 - own) * prior.dispersion,
        )
    }

    /// Learns the minute that was begun.
    pub(super) fn learn(&mut self, count: u32, usual: &Usual, plan: &Plan) {
        let memory = plan.settings.baseline.memory.max(2);
        self.minutes = self.minutes.saturating_add(1);
        let weight = 1.0 / f64::from(self.minutes.min(memory));
        let level = f64::from(count) / usual.shape;
        let (mean, square) = (f64::from(self.mean), f64::from(self.square));
        self.mean = single(mean + weight * (level - mean));
        self.square = single(square + weight * (level * level - square));
        self.hour = self.hour.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_stays_small() {
        assert!(size_of::<Client>() <= 84, "{}", size_of::<Client>());
    }
}
