//! Over-dispersed counts: the negative binomial of a mean and a dispersion.

use statrs::distribution::{DiscreteCDF, NegativeBinomial};

/// Counts of mean μ and variance μ + φμ².
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    mean: f64,
    dispersion: f64,
}

impl Counts {
    /// Both are brought into the range in which the tail is computed well.
    pub(super) fn new(mean: f64, dispersion: f64) -> Self {
        Counts {
            mean: mean.clamp(1e-6, 1e12),
            dispersion: dispersion.clamp(1e-3, 1e4),
        }
    }

    pub(super) fn mean(self) -> f64 {
        self.mean
    }

    pub(super) fn deviation(self) -> f64 {
        (self.mean + self.dispersion * self.mean * self.mean).sqrt()
    }

    /// The logarithm of how much more probable a count would be were the mean so many times as large.
    pub(super) fn likelier_at(self, ratio: f64, count: u32) -> f64 {
        let r = 1.0 / self.dispersion;
        let (here, there) = (self.mean, self.mean * ratio);
        let none = r * ((r + here) / (r + there)).ln();
        let each = (there * (r + here) / (here * (r + there))).ln();
        f64::from(count).mul_add(each, none)
    }

    /// Probability of `count` or more.
    pub(super) fn upper_tail(self, count: u32) -> f64 {
        if count == 0 {
            return 1.0;
        }
        // r = 1/φ, and the mean is r(1 − p)/p in the convention of statrs.
        let r = 1.0 / self.dispersion;
        let p = r / (r + self.mean);
        NegativeBinomial::new(r, p).map_or(1.0, |counts| counts.sf(u64::from(count) - 1))
    }

    /// The largest count up to `most` whose upper tail is at least `probability`.
    pub(super) fn largest_usual(self, probability: f64, most: u32) -> u32 {
        let (mut usual, mut rare) = (0, most);
        while usual + 1 < rare {
            let middle = usual + (rare - usual) / 2;
            if self.upper_tail(middle) >= probability {
                usual = middle;
            } else {
                rare = middle;
            }
        }
        usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tail summed term by term, from the recurrence of the probabilities.
    fn summed_tail(mean: f64, dispersion: f64, count: u32) -> f64 {
        let r = 1.0 / dispersion;
        let q = mean / (r + mean);
        let mut term = (1.0 - q).powf(r);
        let mut sum = 0.0;
        for k in 0..200_000u32 {
            if k >= count {
                sum += term;
            }
            term *= q * (r + f64::from(k)) / f64::from(k + 1);
        }
        sum
    }

    #[test]
    fn the_tail_is_that_of_the_summed_probabilities() {
        for (mean, dispersion, count) in [
            (5.0, 0.1, 12),
            (40.0, 0.5, 200),
            (0.3, 8.0, 20),
            (300.0, 0.02, 500),
        ] {
            let tail = Counts::new(mean, dispersion).upper_tail(count);
            let summed = summed_tail(mean, dispersion, count);
            assert!(
                (tail / summed - 1.0).abs() < 1e-6,
                "{mean} {dispersion} {count}: {tail} {summed}"
            );
        }
    }

    #[test]
    fn the_largest_usual_count_is_the_last_before_the_threshold() {
        let counts = Counts::new(20.0, 0.2);
        let usual = counts.largest_usual(1e-6, 100_000);
        assert!(counts.upper_tail(usual) >= 1e-6);
        assert!(counts.upper_tail(usual + 1) < 1e-6);
    }

    #[test]
    fn extreme_values_give_a_probability() {
        for mean in [0.0, 1e-300, 1.0, 1e9, f64::INFINITY, f64::NAN] {
            for dispersion in [0.0, 1.0, 1e300, f64::NAN] {
                for count in [0, 1, 1_000, u32::MAX] {
                    let tail = Counts::new(mean, dispersion).upper_tail(count);
                    assert!(
                        (0.0..=1.0).contains(&tail),
                        "{mean} {dispersion} {count}: {tail}"
                    );
                }
            }
        }
    }
}
