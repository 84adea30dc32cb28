//! A percentile of numbers that come and go: two sorted halves with the percentile at the seam.

use std::collections::BTreeMap;

/// The numbers of a window. Each comes and goes in the logarithm of how many there are.
pub(super) struct Ranks {
    /// From 0 to 1.
    rank: f64,
    low: Half,
    high: Half,
}

#[derive(Default)]
struct Half {
    counts: BTreeMap<u64, u32>,
    len: usize,
}

impl Half {
    fn add(&mut self, value: u64) {
        *self.counts.entry(value).or_insert(0) += 1;
        self.len += 1;
    }

    fn remove(&mut self, value: u64) -> bool {
        let Some(count) = self.counts.get_mut(&value) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&value);
        }
        self.len -= 1;
        true
    }

    fn least(&self) -> Option<u64> {
        self.counts.first_key_value().map(|(value, _)| *value)
    }

    fn greatest(&self) -> Option<u64> {
        self.counts.last_key_value().map(|(value, _)| *value)
    }
}

impl Ranks {
    /// For a percentile from 0 to 100.
    pub(super) fn new(percentile: f64) -> Self {
        Ranks {
            rank: percentile / 100.0,
            low: Half::default(),
            high: Half::default(),
        }
    }

    pub(super) fn add(&mut self, value: u64) {
        if self
            .low
            .greatest()
            .is_some_and(|greatest| value <= greatest)
        {
            self.low.add(value);
        } else {
            self.high.add(value);
        }
        self.balance();
    }

    pub(super) fn remove(&mut self, value: u64) {
        // Equal numbers may stand on both sides of the seam; which of them goes makes no difference.
        if !self.low.remove(value) {
            self.high.remove(value);
        }
        self.balance();
    }

    /// The percentile; where it falls between two numbers, as far between them as it is.
    pub(super) fn value(&self) -> Option<f64> {
        let low = self.low.greatest()? as f64;
        let Some(high) = self.high.least() else {
            return Some(low);
        };
        let place = self.place();
        Some(low + (high as f64 - low) * place.fract())
    }

    /// Where the percentile stands among the numbers in order, from 0.
    fn place(&self) -> f64 {
        (self.low.len + self.high.len).saturating_sub(1) as f64 * self.rank
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place is from 0 to the number of entries"
    )]
    fn balance(&mut self) {
        let all = self.low.len + self.high.len;
        let wanted = (self.place() as usize + 1).min(all);
        while self.low.len < wanted
            && let Some(value) = self.high.least()
        {
            self.high.remove(value);
            self.low.add(value);
        }
        while self.low.len > wanted
            && let Some(value) = self.low.greatest()
        {
            self.low.remove(value);
            self.high.add(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// From the definition, over all numbers in order.
    fn naive(numbers: &VecDeque<u64>, percentile: f64) -> f64 {
        let mut sorted: Vec<u64> = numbers.iter().copied().collect();
        sorted.sort_unstable();
        let place = (sorted.len() - 1) as f64 * (percentile / 100.0);
        let at = |place: f64| sorted[format!("{place:.0}").parse::<usize>().unwrap()] as f64;
        at(place.floor()) + (at(place.ceil()) - at(place.floor())) * place.fract()
    }

    proptest! {
        #[test]
        fn it_is_the_percentile_of_what_is_there(
            numbers in prop::collection::vec(0_u64..20, 1..60),
            keep in 1_usize..20,
            percentile in prop::sample::select(vec![0.0, 1.0, 25.0, 50.0, 90.0, 99.5, 100.0]),
        ) {
            let mut ranks = Ranks::new(percentile);
            let mut window = VecDeque::new();
            for number in numbers {
                window.push_back(number);
                ranks.add(number);
                if window.len() > keep {
                    ranks.remove(window.pop_front().unwrap());
                }
                let (told, wanted) = (ranks.value().unwrap(), naive(&window, percentile));
                prop_assert!((told - wanted).abs() < 1e-9, "{told} {wanted} {window:?}");
            }
        }
    }
}
