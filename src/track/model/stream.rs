//! One series of numbers: whether its newest values are unlike all that came before.
//!
//! Three signs, each a surprise against its own past ([`Digest`]), the mean of the three is the score:
//! - **shape**: how far the newest stretch is from the nearest of some hundred earlier ones. What never looked so before has no
//!   near neighbour, be it a spike, a pause or a broken rhythm (nearest neighbours of delay vectors: Burnaev and
//!   Ishimtsev, "Conformalized density- and distance-based anomaly detection in time-series data", 2016);
//! - **volatility**: how much values vary over three lengths of time, too little as well as too much;
//! - **level**: the mean of the newest values, itself and against a slow mean.
//!
//! After a score, only a higher one counts, and what counts sinks back within some hundred values: a disturbance that goes
//! on is told once, and once more when it grows.

use serde::{Deserialize, Serialize};

use super::digest::{Digest, Ends};

/// A stretch is so many values, each so many apart.
const TAPS: usize = 8;
const STRIDE: usize = 4;
const SPAN: usize = (TAPS - 1) * STRIDE + 1;
/// Earlier stretches that are remembered, and over how many values they are spread.
const STRETCHES: usize = 256;
const REACH: u64 = 17 * STRETCHES as u64;
/// Values over which the spread is taken.
const SPREADS: [usize; 3] = [25, 50, 100];
/// Values whose mean is the level, and the memory of the slow one.
const LEVEL: usize = 20;
const SLOW: f64 = 400.0;
/// Values in which what counts sinks to 1/e, and the most that it is set to.
const SINKS: f64 = 100.0;
const MOST: f64 = 6.0;
/// No number lies farther out than this: squares of differences still fit.
const FARTHEST: f64 = 1e15;
/// What differs by no more than this share of the greatest value is the same; distances between stretches are of half the precision.
const ROUNDING: f64 = 1e-9;
const COARSE: f64 = 1e-6;

/// A series of numbers so far. At most about 16 KiB, however long the series.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stream {
    /// The newest values, oldest first.
    newest: std::collections::VecDeque<f64>,
    /// The first value: stretches are kept as differences from it, in half the memory.
    first: f64,
    greatest: f64,
    stretches: Vec<[f32; TAPS]>,
    /// Stretches seen, which of them is replaced next, and for how many values none was.
    seen: u64,
    oldest: usize,
    waited: u64,
    slow: f64,
    slow_weight: f64,
    shape: Digest,
    spreads: [Digest; 3],
    level: Digest,
    drift: Digest,
    envelope: f64,
}

/// How surprising a value is, by what. All are −log10 of a probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signs {
    /// The stretch that it ends is like none before.
    pub shape: f64,
    /// Values vary more or less than ever.
    pub volatility: f64,
    /// The mean lies where it never lay.
    pub level: f64,
    /// What counts: the mean of the three, 0 unless it is more than what was told lately.
    pub score: f64,
}

impl Stream {
    /// Takes the next value. What is no number is taken for the value before it.
    pub fn take(&mut self, value: f64) -> Signs {
        let value = if value.is_finite() {
            value.clamp(-FARTHEST, FARTHEST)
        } else {
            self.newest.back().copied().unwrap_or(0.0)
        };
        if self.newest.is_empty() {
            (self.first, self.slow) = (value, value);
        }
        if self.newest.len() >= SPREADS[2] {
            self.newest.pop_front();
        }
        self.newest.push_back(value);
        self.greatest = self.greatest.max(value.abs());
        let mut signs = Signs {
            shape: self.shape(),
            volatility: self.volatility(),
            level: self.level(value),
            score: 0.0,
        };
        let score = (signs.shape + signs.volatility + signs.level) / 3.0;
        self.envelope *= (-1.0 / SINKS).exp();
        if score > self.envelope {
            signs.score = score;
            self.envelope = score.min(MOST);
        }
        signs
    }

    /// What is usual: a mean with fading memory; 0 before the first value.
    #[must_use]
    pub fn usual(&self) -> f64 {
        self.slow
    }

    fn rounding(&self) -> f64 {
        ROUNDING * self.greatest + f64::MIN_POSITIVE
    }

    /// The stretch that ended so many values ago; `None` while the series is too short.
    fn stretch(&self, ago: usize) -> Option<[f32; TAPS]> {
        let last = self.newest.len().checked_sub(1 + ago)?;
        last.checked_sub(SPAN - 1)?;
        #[expect(clippy::cast_possible_truncation, reason = "half the memory")]
        let at = |tap: usize| (self.newest[last - tap * STRIDE] - self.first) as f32;
        Some(std::array::from_fn(at))
    }

    fn shape(&mut self) -> f64 {
        let Some(now) = self.stretch(0) else {
            return 0.0;
        };
        let surprise = if self.stretches.is_empty() {
            0.0
        } else {
            let apart = |known: &[f32; TAPS]| -> f32 {
                let squares = known.iter().zip(&now).map(|(a, b)| (a - b) * (a - b));
                squares.sum()
            };
            let nearest = self.stretches.iter().map(apart).fold(f32::MAX, f32::min);
            let mean = (f64::from(nearest) / TAPS as f64).sqrt();
            let least = COARSE * self.greatest + f64::MIN_POSITIVE;
            let distance = mean.max(least).ln();
            let surprise = self.shape.surprise(distance, Ends::Upper, COARSE);
            self.shape.add(distance, COARSE);
            surprise
        };
        // One that shares no value with the newest.
        if let Some(earlier) = self.stretch(SPAN) {
            self.remember(earlier);
        }
        surprise
    }

    /// Stretches are spread evenly over the reach: a new one takes the place of the oldest whenever its turn has come.
    fn remember(&mut self, stretch: [f32; TAPS]) {
        self.seen += 1;
        if self.stretches.len() < STRETCHES {
            self.stretches.push(stretch);
            return;
        }
        self.waited += 1;
        if self.waited >= (self.seen.min(REACH) / STRETCHES as u64).max(1) {
            self.stretches[self.oldest] = stretch;
            self.oldest = (self.oldest + 1) % STRETCHES;
            self.waited = 0;
        }
    }

    fn volatility(&mut self) -> f64 {
        let mut sum = 0.0;
        for (at, values) in SPREADS.into_iter().enumerate() {
            let known = self.newest.len().min(values);
            if known < values / 2 {
                continue;
            }
            let latest = || self.newest.iter().rev().take(known);
            let mean = latest().sum::<f64>() / known as f64;
            let squares = latest().map(|value| (value - mean).powi(2)).sum::<f64>();
            let spread = (squares / known as f64).sqrt().max(self.rounding()).ln();
            sum += self.spreads[at].surprise(spread, Ends::Both, ROUNDING);
            self.spreads[at].add(spread, ROUNDING);
        }
        sum / SPREADS.len() as f64
    }

    fn level(&mut self, value: f64) -> f64 {
        let known = self.newest.len().min(LEVEL);
        let mean = self.newest.iter().rev().take(known).sum::<f64>() / known as f64;
        let same = self.rounding();
        let itself = self.level.surprise(mean, Ends::Both, same);
        self.level.add(mean, same);
        // A mean with fading memory whose first values weigh as much as all there are.
        self.slow_weight += (1.0 - self.slow_weight) / SLOW;
        self.slow += (value - self.slow) / (SLOW * self.slow_weight);
        let drift = mean - self.slow;
        let against = self.drift.surprise(drift, Ends::Both, same);
        self.drift.add(drift, same);
        f64::midpoint(itself, against)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The scores of a series that makes values out of time and noise.
    fn scores(values: usize, value: impl Fn(usize, f64) -> f64) -> Vec<f64> {
        let (mut stream, mut random) = (Stream::default(), Random::new(3));
        let each = (0..values).map(|at| stream.take(value(at, random.unit())).score);
        each.collect()
    }

    fn told(scores: &[f64]) -> Vec<usize> {
        let over = scores
            .iter()
            .enumerate()
            .filter(|(_, score)| **score >= 2.0);
        over.map(|(at, _)| at).collect()
    }

    fn daily(at: usize, noise: f64) -> f64 {
        100.0 + 40.0 * (at as f64 / 288.0 * std::f64::consts::TAU).sin() + 5.0 * noise
    }

    #[test]
    fn ordinary_days_are_quiet() {
        let all = told(&scores(288 * 21, daily));
        assert!(all.len() <= 4, "{all:?}");
    }

    #[test]
    fn a_step_a_pause_and_a_broken_rhythm_are_told_soon() {
        let begin = 288 * 14 + 100;
        for (name, disturbed) in [
            (
                "step",
                (|_, noise| 260.0 + 5.0 * noise) as fn(usize, f64) -> f64,
            ),
            ("pause", |_, _| 0.0),
            ("rhythm", |at, noise| daily(at * 6, noise)),
        ] {
            let value = |at, noise| {
                if at >= begin {
                    disturbed(at, noise)
                } else {
                    daily(at, noise)
                }
            };
            let all = told(&scores(begin + 150, value));
            let first = all.iter().find(|at| **at >= begin);
            assert!(first.is_some_and(|at| *at < begin + 100), "{name}: {all:?}");
            let after = all.iter().filter(|at| **at >= begin).count();
            assert!(after < 60, "{name}: told {after} times");
        }
    }

    #[test]
    fn no_number_breaks_it_and_it_stays_small() {
        let mut stream = Stream::default();
        for value in [f64::NAN, f64::INFINITY, 0.0, f64::MAX, f64::MIN, 1e-300] {
            for _ in 0..300 {
                assert!(stream.take(value).score.is_finite());
            }
        }
        let stored = postcard::to_allocvec(&stream).unwrap();
        assert!(stored.len() < 16 * 1024, "{}", stored.len());
    }

    #[test]
    fn what_was_stored_goes_on_as_it_was() {
        let (mut stream, mut random) = (Stream::default(), Random::new(5));
        for at in 0..3_000 {
            if at % 700 == 0 {
                let stored = postcard::to_allocvec(&stream).unwrap();
                let again: Stream = postcard::from_bytes(&stored).unwrap();
                let value = daily(at, random.unit());
                assert_eq!(again.clone().take(value), stream.clone().take(value));
                stream = again;
            }
            stream.take(daily(at, random.unit()));
        }
    }
}
