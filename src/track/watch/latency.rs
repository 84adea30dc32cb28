//! Durations of one operation: those of the last minutes against those before.
//!
//! Durations fall into buckets of a quarter octave. The test is that of Mann and Whitney on the two histograms ("On a test of
//! whether one of two random variables is stochastically larger than the other", Annals of Mathematical Statistics 18, 1947):
//! how probable it is that a call of now is slower than one of before. Calls of one minute depend on each other, so a
//! significant difference alone is no finding: the median must have grown too.

use serde::{Deserialize, Serialize};

use super::recent::{LEAST_RECENT, Over, Recent};

/// Buckets: a quarter octave each, from 64 microseconds.
const BUCKETS: usize = 88;
/// Fewest calls before.
const LEAST_PAST: f32 = 200.0;
/// Minutes before an operation can be judged.
const LEAST_AGE: u32 = 60;
/// How much slower the median has to be.
const RATIO: f64 = 2.0;
/// How probable it has to be that a call of now is slower than one of before.
const SLOWER: f64 = 0.85;
/// Standard deviations from what chance gives.
const DEVIATIONS: f64 = 6.0;

/// The bucket of a duration in microseconds.
pub(super) fn bucket_of(duration_us: u64) -> u8 {
    // A whole octave by the position of the highest bit, a quarter by the two bits below it.
    let scaled = duration_us.max(64);
    let octave = scaled.ilog2();
    let quarter = scaled >> (octave - 2) & 3;
    let bucket = u64::from(octave - 6) * 4 + quarter;
    u8::try_from(bucket.min(BUCKETS as u64 - 1)).unwrap_or(0)
}

/// The middle of a bucket, in milliseconds.
fn middle_ms(bucket: usize) -> f64 {
    let octave = 64.0 * 2_f64.powi(i32::try_from(bucket / 4).unwrap_or(0));
    let quarter = f64::from(u8::try_from(bucket % 4).unwrap_or(0));
    octave * (1.0 + (quarter + 0.5) / 4.0) / 1_000.0
}

/// What is known of one operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Operation {
    first: u32,
    /// Counts of the past by bucket, older ones less.
    past: Vec<f32>,
    /// Buckets of the newest minutes, and how many calls fell into each.
    recent: Recent<Vec<(u8, u32)>>,
    is_slow: bool,
}

/// An operation that has become slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slow {
    /// Medians in milliseconds.
    pub(super) observed: f64,
    pub(super) expected: f64,
    pub(super) calls: u32,
}

impl Operation {
    pub(super) fn new(minute: u32) -> Self {
        Operation {
            first: minute,
            past: vec![0.0; BUCKETS],
            recent: Recent::default(),
            is_slow: false,
        }
    }

    /// Closes a minute in which it was called.
    pub(super) fn close(&mut self, minute: u32, durations: Vec<(u8, u32)>) -> Option<Slow> {
        let calls = durations.iter().map(|(_, count)| count).sum();
        self.recent.push(minute, calls, durations);
        while let Some(over) = self.recent.pop(self.is_slow) {
            self.learn(&over);
        }
        let slow = (minute - self.first >= LEAST_AGE)
            .then(|| self.judge())
            .flatten();
        self.is_slow = slow.is_some();
        slow
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    fn learn(&mut self, over: &Over<Vec<(u8, u32)>>) {
        self.past.iter_mut().for_each(|count| *count *= over.kept);
        for (bucket, count) in &over.seen {
            if let Some(known) = self.past.get_mut(usize::from(*bucket)) {
                *known += *count as f32 * over.weight;
            }
        }
    }

    fn judge(&self) -> Option<Slow> {
        let mut now = [0_u32; BUCKETS];
        for (bucket, count) in self.recent.seen().flatten() {
            now[usize::from(*bucket).min(BUCKETS - 1)] += count;
        }
        let calls = self.recent.calls();
        let past: f32 = self.past.iter().sum();
        if calls < LEAST_RECENT || past < LEAST_PAST {
            return None;
        }
        let (n, m) = (f64::from(calls), f64::from(past));
        let mut below = 0.0;
        let mut slower = 0.0;
        for (now, before) in now.iter().zip(&self.past) {
            slower += f64::from(*now) * (below + f64::from(*before) / 2.0);
            below += f64::from(*before);
        }
        let slower = slower / n / m;
        let deviation = ((n + m + 1.0) / (12.0 * n * m)).sqrt();
        let observed = median(now.iter().map(|count| f64::from(*count)), n);
        let expected = median(self.past.iter().map(|count| f64::from(*count)), m);
        let is_slow = slower >= SLOWER
            && (slower - 0.5) / deviation >= DEVIATIONS
            && observed >= RATIO * expected;
        is_slow.then_some(Slow {
            observed,
            expected,
            calls,
        })
    }
}

fn median(counts: impl Iterator<Item = f64>, all: f64) -> f64 {
    let mut seen = 0.0;
    for (bucket, count) in counts.enumerate() {
        seen += count;
        if seen >= all / 2.0 {
            return middle_ms(bucket);
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_quarters_of_octaves() {
        assert_eq!((bucket_of(0), bucket_of(64), bucket_of(127)), (0, 0, 3));
        assert_eq!((bucket_of(128), bucket_of(160)), (4, 5));
        assert_eq!(usize::from(bucket_of(u64::MAX)), BUCKETS - 1);
        for duration in [100_u64, 1_000, 26_000, 1_800_000] {
            let told = middle_ms(usize::from(bucket_of(duration))) * 1_000.0;
            assert!(
                (told / duration as f64 - 1.0).abs() < 0.14,
                "{duration} {told}"
            );
        }
    }

    fn minute(at: u32, factor: u64) -> Vec<(u8, u32)> {
        // 20 calls from 20 to 58 ms, a little different each minute.
        let calls = (0..20).map(|call| (20_000 + 2_000 * call + 100 * u64::from(at % 7)) * factor);
        calls.map(|duration| (bucket_of(duration), 1)).collect()
    }

    #[test]
    fn a_shift_is_found_once_it_fills_the_window_and_a_slow_tail_is_none() {
        let mut operation = Operation::new(0);
        for at in 0..200 {
            assert_eq!(operation.close(at, minute(at, 1)), None);
        }
        let mut tail = operation.clone();
        for at in 200..230 {
            let mut durations = minute(at, 1);
            durations
                .iter_mut()
                .take(6)
                .for_each(|(bucket, _)| *bucket += 8);
            assert_eq!(tail.close(at, durations), None);
        }
        let found: Vec<u32> = (200..230)
            .filter(|at| operation.close(*at, minute(*at, 6)).is_some())
            .collect();
        assert_eq!(found.last(), Some(&229));
        assert!((204..=209).contains(&found[0]), "{found:?}");
        let slow = operation.close(230, minute(230, 6)).unwrap();
        assert!(
            (slow.observed / slow.expected - 6.0).abs() < 1.5,
            "{slow:?}"
        );
    }
}
