//! Rows unlike the others, by several models that err in different ways.
//!
//! Members were chosen by measurement on labelled tables (`benches/anomaly`): a forest of random cuts, the tails of each column, and
//! distances to chosen rows, of subsamples and of the nearest, on a scale that outliers do not widen and on the plain one. Each
//! says how rare its score is among the rows that it was fitted to; the sum of these is the score.

use serde::{Deserialize, Serialize};

use super::forest::Forest;
use super::neighbours::{Distances, Neighbours};
use super::ranks::Ranks;
use super::rows::Rows;
use super::scale::Scale;
use super::tails::Tails;

/// A model of the ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// Few random cuts set the row apart.
    Forest,
    /// It lies far out in its columns.
    Tails,
    /// Distances to the nearest of each subsample, on the clipped scale.
    Subsamples,
    /// Distances to the nearest of all, on the clipped scale.
    Nearest,
    /// The same on the plain scale.
    NearestPlain,
}

impl Member {
    /// All of them, in the order of their scores.
    pub const ALL: [Member; 5] = [
        Member::Forest,
        Member::Tails,
        Member::Subsamples,
        Member::Nearest,
        Member::NearestPlain,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Member::Forest => "forest",
            Member::Tails => "tails",
            Member::Subsamples => "subsamples",
            Member::Nearest => "nearest",
            Member::NearestPlain => "nearest_plain",
        }
    }
}

/// −ln of the share of rows that are worth all members: a quarter.
const SCREEN: f64 = 1.386;

/// The fitted models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    forest: Forest,
    tails: Tails,
    clipped: Neighbours,
    plain: Neighbours,
    /// Scores of the fitted rows, by member.
    ranks: Vec<Ranks>,
}

impl Ensemble {
    /// Fits each member. The same rows and seed give the same ensemble.
    #[must_use]
    pub fn fit(rows: &Rows, seed: u64) -> Ensemble {
        let seed_of = |member: u64| seed.wrapping_mul(31).wrapping_add(member);
        let mut ensemble = Ensemble {
            forest: Forest::fit(rows, seed_of(0)),
            tails: Tails::fit(rows, seed_of(1)),
            clipped: Neighbours::fit(rows, Scale::clipped(rows), seed_of(2)),
            plain: Neighbours::fit(rows, Scale::plain(rows), seed_of(3)),
            ranks: Vec::new(),
        };
        let mut scores = Member::ALL.map(|_| Vec::with_capacity(rows.len()));
        for of_row in ensemble.members(rows) {
            for (scores, score) in scores.iter_mut().zip(of_row) {
                scores.push(score);
            }
        }
        ensemble.ranks = scores.map(Ranks::new).into();
        ensemble
    }

    /// What each member says of each row, the higher the more unlike, each on its own scale. Rows have as many columns as those fitted.
    pub fn members(&self, rows: &Rows) -> impl Iterator<Item = [f64; 5]> {
        let forest = self.forest.scores(rows).into_iter();
        let cheap = forest.zip(self.tails.scores(rows));
        let mut distances = Distances::default();
        cheap.zip(rows.iter()).map(move |((forest, tails), row)| {
            let [subsamples, nearest, plain] = self.by_distance(row, &mut distances);
            [forest, tails, subsamples, nearest, plain]
        })
    }

    /// What the members say that go by distance.
    fn by_distance(&self, row: &[f64], distances: &mut Distances) -> [f64; 3] {
        self.plain.measure(row, distances);
        let plain = distances.of_nearest();
        self.clipped.measure(row, distances);
        [distances.of_subsamples(), distances.of_nearest(), plain]
    }

    /// How unlike the others each row is: the sum of the members' rarities.
    #[must_use]
    pub fn scores(&self, rows: &Rows) -> Vec<f64> {
        let members = self.members(rows);
        members
            .map(|scores| self.rarities(&scores).iter().sum())
            .collect()
    }

    /// The same at a third of the cost: rows that neither the forest nor the tails find among the odder quarter are not held against others by distance, and
    /// count by these two alone.
    #[must_use]
    pub fn screened_scores(&self, rows: &Rows) -> Vec<f64> {
        let mut distances = Distances::default();
        let forest = self.forest.scores(rows).into_iter();
        let both = forest.zip(self.tails.scores(rows));
        let scores = both.zip(rows.iter()).map(|((forest, tails), row)| {
            let cheap = [self.ranks[0].rarity(forest), self.ranks[1].rarity(tails)];
            if cheap.iter().all(|rarity| *rarity < SCREEN) {
                return cheap.iter().sum();
            }
            let [subsamples, nearest, plain] = self.by_distance(row, &mut distances);
            let members = [forest, tails, subsamples, nearest, plain];
            self.rarities(&members).iter().sum()
        });
        scores.collect()
    }

    /// How rare the scores of members are: −ln of the share of fitted rows with such a score.
    #[must_use]
    pub fn rarities(&self, scores: &[f64; 5]) -> [f64; 5] {
        std::array::from_fn(|at| self.ranks[at].rarity(scores[at]))
    }

    /// The columns in which a row lies farthest out, and −ln of the share of rows that lie so far out; the rarest first.
    #[must_use]
    pub fn rarest(&self, row: &[f64], most: usize) -> Vec<(usize, f64)> {
        self.tails.rarest(row, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn rows() -> Rows {
        let mut random = Random::new(4);
        let rows: Vec<[f64; 3]> = (0..2_000)
            .map(|_| {
                let x = random.unit();
                [
                    x,
                    3.0 * x + 0.1 * random.unit(),
                    1e6 * random.unit().powi(8),
                ]
            })
            .collect();
        Rows::new(rows.iter().map(<[f64; 3]>::as_slice)).unwrap()
    }

    #[test]
    fn what_breaks_the_rule_that_all_follow_is_found_though_each_number_is_usual() {
        let ensemble = Ensemble::fit(&rows(), 1);
        let told = [[0.4, 1.25, 10.0], [0.9, 0.3, 10.0], [9.0, 27.0, 1e7]];
        let told = Rows::new(told.iter().map(<[f64; 3]>::as_slice)).unwrap();
        let [usual, odd, far] = ensemble.scores(&told)[..] else {
            panic!("a score a row")
        };
        assert!(
            usual < 3.0 && odd > 10.0 && far > odd,
            "{usual} {odd} {far}"
        );
        let screened = ensemble.screened_scores(&told);
        assert!(screened[0] <= usual && screened[0] < 3.0);
        assert!((screened[1] - odd).abs() < 1e-9 && (screened[2] - far).abs() < 1e-9);
        assert_eq!(ensemble.rarest(&[0.5, 1.5, 9e5], 1)[0].0, 2);
    }

    #[test]
    fn a_stored_ensemble_says_the_same() {
        let ensemble = Ensemble::fit(&rows(), 1);
        assert_eq!(ensemble, Ensemble::fit(&rows(), 1));
        let stored = postcard::to_allocvec(&ensemble).unwrap();
        let again: Ensemble = postcard::from_bytes(&stored).unwrap();
        assert_eq!(again, ensemble);
    }
}
