//! The distribution of a number that drifts, in a few clusters, and how far out a new value lies.
//!
//! Clusters are those of a t-digest with its scale function k1's density (Dunning and Ertl, "Computing extremely accurate quantiles
//! using t-digests", 2019), merged one pair a value, so they are small in the tails. Old values fade: once so many came, each
//! new one takes that share of the weight of all. Beyond what was seen the tail is exponential, fitted to the outermost values:
//! the shape that a generalised Pareto tail has when neither heavy nor bounded. Values that differ by no more than a tolerance are the
//! same: what only rounding sets apart must not be ranked.

use serde::{Deserialize, Serialize};

/// Most clusters.
const CLUSTERS: usize = 64;
/// How many values are remembered, about, unless more are asked for: the weight of one is 1/e when so many newer ones came.
const MEMORY: f64 = 4_000.0;
/// The share of values that the tail is fitted to, and how many there have to be, at least and at most.
const TAIL: f64 = 0.03;
const LEAST_IN_TAIL: f64 = 10.0;
const MOST_IN_TAIL: f64 = 1_000.0;
/// Values without which nothing is said.
const LEAST: f64 = 100.0;
/// The farthest a value may lie out, in mean excesses of the tail: about what a float can say.
const FARTHEST: f64 = 690.0;

/// No tail has a smaller scale: scores are logarithms, and where most are equal the others say little of how far one may lie.
const COARSE: f64 = 0.05;

/// Which ends of the distribution count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Upper,
    Both,
}

/// What the upper tail of a distribution is fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    /// The share of values.
    pub(crate) share: f64,
    /// Values without which nothing is said.
    pub(crate) least: f64,
    /// The share of the tail, from its beginning, that its scale is read from: what lies farther out cannot stretch it.
    pub(crate) inner: f64,
    /// Shape of a generalised Pareto distribution: 0 is exponential, more is heavier.
    pub(crate) shape: f64,
}

/// Values seen, as clusters in order of their means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Digest {
    clusters: Vec<Cluster>,
    weight: f64,
    /// How many values are remembered, about.
    memory: f64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest::remembering(MEMORY)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cluster {
    mean: f64,
    weight: f64,
}

impl Digest {
    /// An empty one in which the weight of a value is 1/e when so many newer ones came.
    pub(crate) fn remembering(values: f64) -> Self {
        Digest {
            clusters: Vec::new(),
            weight: 0.0,
            memory: values,
        }
    }

    /// How many values it holds, about: of those that fade, what is left of them.
    pub(crate) fn weight(&self) -> f64 {
        self.weight
    }

    /// How surprising a value is: −log10 of the share of values at least so far out, of the rarer end; 0 while too few are known.
    pub(crate) fn surprise(&self, value: f64, ends: Ends, tolerance: f64) -> f64 {
        if self.weight < LEAST {
            return 0.0;
        }
        let downwards = self.clusters.iter().rev();
        let upper = self.beyond(downwards.map(|it| (it.mean, it.weight)), value, tolerance);
        if ends == Ends::Upper {
            return upper.max(0.0);
        }
        let upwards = self.clusters.iter();
        let lower = self.beyond(upwards.map(|it| (-it.mean, it.weight)), -value, tolerance);
        upper.max(lower).max(0.0)
    }

    /// How surprising a value is at the upper end, where some of the outermost values may be what is looked for: the tail is a generalised Pareto
    /// distribution of a given shape, fitted to its inner part, so that what is outermost cannot stretch it.
    pub(crate) fn tail(&self, value: f64, tail: Tail, tolerance: f64) -> f64 {
        if self.weight < tail.least {
            return 0.0;
        }
        let wanted = (tail.share * self.weight).max(LEAST_IN_TAIL);
        let (mut within, mut beyond) = (0.0, 0.0);
        let mut begin = None;
        for cluster in self.clusters.iter().rev() {
            if within + cluster.weight > wanted && within > 0.0 {
                begin = Some(cluster.mean);
                break;
            }
            within += cluster.weight;
        }
        for cluster in self.clusters.iter().rev() {
            if cluster.mean < value - tolerance {
                break;
            }
            beyond += cluster.weight;
        }
        let Some(begin) = begin.filter(|begin| value - begin > tolerance) else {
            return -((beyond + 0.5) / (self.weight + 1.0)).log10().min(0.0);
        };
        let mut passed = 0.0;
        let inner = self.clusters.iter().rev().find(|cluster| {
            passed += cluster.weight;
            passed >= within * (1.0 - tail.inner)
        });
        let inner = inner.map_or(begin, |cluster| cluster.mean);
        let quantile = if tail.shape > 0.0 {
            ((1.0 - tail.inner).powf(-tail.shape) - 1.0) / tail.shape
        } else {
            -(1.0 - tail.inner).ln()
        };
        let scale = ((inner - begin) / quantile).max(COARSE);
        let out = (value - begin) / scale;
        let out = if tail.shape > 0.0 {
            (tail.shape * out).ln_1p() / tail.shape
        } else {
            out.min(FARTHEST)
        };
        (-(within / self.weight).log10() + out * std::f64::consts::LOG10_E).max(0.0)
    }

    /// The values between which all but a share at each end lie; none while too few are known.
    pub(crate) fn between(&self, share: f64) -> (f64, f64) {
        if self.weight < LEAST {
            return (f64::INFINITY, f64::NEG_INFINITY);
        }
        let less = share * self.weight;
        (
            behind(self.clusters.iter(), less),
            behind(self.clusters.iter().rev(), less),
        )
    }

    /// The surprise at one end; clusters come from the outermost on.
    fn beyond(
        &self,
        clusters: impl Iterator<Item = (f64, f64)>,
        value: f64,
        tolerance: f64,
    ) -> f64 {
        let wanted = (TAIL * self.weight).clamp(LEAST_IN_TAIL, MOST_IN_TAIL);
        let (mut within, mut moment, mut beyond) = (0.0, 0.0, 0.0);
        let mut begin = None;
        for (mean, weight) in clusters {
            if mean >= value - tolerance {
                beyond += weight;
            } else if begin.is_some() {
                break;
            }
            if begin.is_none() {
                if within + weight > wanted && within > 0.0 {
                    begin = Some(mean);
                } else {
                    within += weight;
                    moment += weight * mean;
                }
            }
        }
        let counted = -((beyond + 0.5) / (self.weight + 1.0)).log10();
        let Some(begin) = begin.filter(|begin| value - begin > tolerance) else {
            return counted;
        };
        let excess = (moment / within - begin).max(tolerance);
        let out = ((value - begin) / excess).min(FARTHEST);
        let fitted = -(within / self.weight).log10() + out * std::f64::consts::LOG10_E;
        if beyond < 0.5 {
            fitted
        } else {
            f64::midpoint(fitted, counted)
        }
    }

    /// Takes a value.
    pub(crate) fn add(&mut self, value: f64, tolerance: f64) {
        if self.weight >= self.memory {
            let kept = 1.0 - 1.0 / self.memory;
            self.weight *= kept;
            for cluster in &mut self.clusters {
                cluster.weight *= kept;
            }
        }
        self.weight += 1.0;
        let at = self.clusters.partition_point(|it| it.mean <= value);
        let cluster = Cluster {
            mean: value,
            weight: 1.0,
        };
        self.clusters.insert(at, cluster);
        if self.clusters.len() > CLUSTERS {
            self.join(tolerance);
        }
    }

    /// Joins the two neighbours that hurt least: equal ones, else the lightest for where they lie.
    fn join(&mut self, tolerance: f64) {
        let (mut below, mut best, mut cheapest) = (0.0, 0, f64::INFINITY);
        for (at, pair) in self.clusters.windows(2).enumerate() {
            below += pair[0].weight;
            let share = below / self.weight;
            let cost = if pair[1].mean - pair[0].mean <= tolerance {
                -1.0
            } else {
                (pair[0].weight + pair[1].weight) / (share * (1.0 - share)).max(1e-9)
            };
            if cost < cheapest {
                (best, cheapest) = (at, cost);
            }
        }
        let right = self.clusters.remove(best + 1);
        let left = &mut self.clusters[best];
        let weight = left.weight + right.weight;
        if right.mean - left.mean > tolerance {
            left.mean = (left.mean * left.weight + right.mean * right.weight) / weight;
        }
        left.weight = weight;
    }
}

/// Where so much weight is passed.
fn behind<'c>(mut clusters: impl Iterator<Item = &'c Cluster>, weight: f64) -> f64 {
    let mut passed = 0.0;
    let found = clusters.find(|cluster| {
        passed += cluster.weight;
        passed > weight
    });
    found.map_or(0.0, |cluster| cluster.mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const EPS: f64 = 1e-9;

    fn normal(random: &mut Random) -> f64 {
        // The sum of twelve uniforms, minus six.
        (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
    }

    fn filled(values: usize) -> (Digest, Random) {
        let (mut digest, mut random) = (Digest::default(), Random::new(7));
        for _ in 0..values {
            digest.add(normal(&mut random), EPS);
        }
        (digest, random)
    }

    #[test]
    fn a_surprise_is_the_rarity_of_what_lies_so_far_out() {
        let (digest, mut random) = filled(4_000);
        for (level, at_most) in [(1.0, 0.12), (2.0, 0.02), (3.0, 0.003)] {
            let surprising = (0..20_000)
                .filter(|_| digest.surprise(normal(&mut random), Ends::Upper, EPS) >= level)
                .count();
            let share = surprising as f64 / 20_000.0;
            assert!(
                share < at_most && share > at_most / 40.0,
                "{level}: {share}"
            );
        }
        assert!(digest.surprise(9.0, Ends::Upper, EPS) > 5.0);
        assert!(digest.surprise(-9.0, Ends::Upper, EPS) < 0.1);
        assert!(digest.surprise(-9.0, Ends::Both, EPS) > 5.0);
    }

    #[test]
    fn it_says_nothing_while_it_knows_little_and_stays_small() {
        let (digest, _) = filled(99);
        assert!(digest.surprise(1e9, Ends::Both, EPS).abs() < 1e-9);
        let (digest, _) = filled(20_000);
        assert!(digest.clusters.len() <= CLUSTERS);
        assert!(digest.weight <= MEMORY + 1.0);
        assert!(digest.clusters.is_sorted_by(|a, b| a.mean <= b.mean));
    }

    #[test]
    fn a_tail_is_not_stretched_by_what_is_looked_for() {
        let tail = Tail {
            share: 0.05,
            least: 100.0,
            inner: 0.5,
            shape: 0.0,
        };
        let (digest, mut random) = filled(4_000);
        let mut attacked = digest.clone();
        for _ in 0..60 {
            attacked.add(12.0, EPS);
        }
        let clean = digest.tail(6.0, tail, EPS);
        assert!(clean > 4.0);
        assert!(attacked.tail(6.0, tail, EPS) > 0.5 * clean);
        let told = (0..20_000)
            .filter(|_| digest.tail(normal(&mut random), tail, EPS) >= 3.0)
            .count();
        assert!(told < 60, "{told} of 20,000 at one in a thousand");
        assert!(digest.tail(-9.0, tail, EPS) < 0.01);
    }

    #[test]
    fn old_values_fade() {
        let (mut digest, _) = filled(4_000);
        for _ in 0..20_000 {
            digest.add(100.0, EPS);
        }
        assert!(digest.surprise(100.0, Ends::Both, EPS) < 1.0);
        assert!(digest.surprise(0.0, Ends::Both, EPS) > 1.5);
    }

    #[test]
    fn a_constant_is_no_surprise_and_what_differs_is() {
        let mut digest = Digest::default();
        for _ in 0..500 {
            digest.add(3.0, EPS);
        }
        assert!(digest.surprise(3.0, Ends::Both, EPS) < 1e-2);
        assert!(digest.surprise(4.0, Ends::Both, EPS) > 2.5);
        assert!(digest.surprise(f64::MAX, Ends::Both, EPS).is_finite());
    }
}
