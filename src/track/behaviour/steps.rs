//! The calls of an hour in their order, and how even the gaps between them are.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Calls of an entity in an hour that are looked at (of more, the first), and how many most hours have.
const MOST: usize = 64;
const USUAL: usize = 4;
/// Calls nearer to each other than this many microseconds belong together: a page that loads, a call that is tried again.
const TOGETHER_US: u32 = 1_000_000;
/// The variance of the logarithm of gaps when calls come at random (those of a Poisson process: π² / 6), and of how many gaps everybody is taken to have it.
const RANDOM: f64 = 1.645;
const RANDOM_GAPS: f64 = 2.0;

/// Calls, each as microseconds since the hour began and code of its operation, ascending. Of too many the first are kept, whatever the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Steps(
    #[serde(with = "crate::track::packed::list")] SmallVec<[(u32, u32); USUAL]>,
);

impl Steps {
    /// Adds a call; one of no operation has code 0.
    pub(super) fn add(&mut self, at_us: u32, operation: u32) {
        let call = (at_us, operation);
        // Mostly they come in their order.
        let at = match self.0.last() {
            Some(last) if *last > call => self.0.partition_point(|known| *known <= call),
            _ => self.0.len(),
        };
        if at < MOST {
            self.0.insert(at, call);
            self.0.truncate(MOST);
        }
    }

    pub(super) fn join(&mut self, other: &Steps) {
        for (at_us, operation) in &other.0 {
            self.add(*at_us, *operation);
        }
    }

    /// Each call: microseconds since the hour began, and code of its operation.
    pub(super) fn calls(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether these are all calls of the hour.
    pub(super) fn is_whole(&self) -> bool {
        self.0.len() < MOST
    }

    /// One over the variance of the logarithms of the gaps: about 0.6 when calls come at random or are too few to tell, the more the more they come by a clock.
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    pub(super) fn evenness(&self) -> f64 {
        let apart = self.0.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let apart = apart.filter(|gap| *gap >= TOGETHER_US);
        let gaps: Vec<f64> = apart.map(|gap| f64::from(gap).ln()).collect();
        let count = gaps.len().max(1) as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let spread: f64 = gaps.iter().map(|gap| (gap - mean).powi(2)).sum();
        // The mean takes one gap.
        let free = gaps.len().saturating_sub(1) as f64;
        (free + RANDOM_GAPS) / (spread + RANDOM_GAPS * RANDOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn of(times: impl IntoIterator<Item = u32>) -> Steps {
        let mut steps = Steps::default();
        for time in times {
            steps.add(time, 7);
        }
        steps
    }

    #[test]
    fn a_clock_is_told_from_chance_and_few_calls_say_little() {
        let mut random = Random::new(3);
        let mut at = 0;
        let chance = of((0..50).map(|_| {
            let gap = -random.unit().max(1e-6).ln() * 60e6;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "gaps"
            )]
            let gap = gap as u32;
            at += gap;
            at
        }));
        assert!((0.3..1.2).contains(&chance.evenness()), "{chance:?}");
        let clock = |calls: u32| {
            let mut random = Random::new(5);
            of((0..calls).map(|call| call * 60_000_000 + random.below(3_000_000)))
        };
        assert!(clock(50).evenness() > 10.0);
        assert!(clock(9).evenness() > 2.0);
        assert!(clock(2).evenness() < 1.0);
        assert!(of([]).evenness() < 1.0);
        // Of calls that belong together only the first counts.
        let pages = of((0..50).map(|call| call / 5 * 60_000_000 + call % 5 * 1_000));
        assert!(pages.evenness() > 2.0);
    }

    #[test]
    fn of_too_many_the_first_are_kept_in_any_order() {
        let (mut up, mut down) = (of(0..200), of((0..200).rev()));
        assert_eq!(up, down);
        assert_eq!(up.calls().len(), MOST);
        assert!(!up.is_whole());
        let before = up.clone();
        up.join(&of(300..400));
        assert_eq!(up, before);
        down = of(50..120);
        down.join(&of(0..50));
        assert_eq!(down, before);
    }
}
