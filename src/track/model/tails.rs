//! How far out a row lies in each column: ECOD (Li et al., "ECOD: unsupervised outlier detection using empirical cumulative
//! distribution functions", 2022), with the rarer end of each column in place of the end that its skewness points at.

use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::random::Random;

/// Rows of which the distributions are taken.
const SAMPLE: usize = 1_024;

/// The empirical distribution of each column that varies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tails(Vec<Tail>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tail {
    column: u32,
    /// In order.
    values: Vec<f64>,
}

impl Tails {
    /// Takes the distributions.
    pub(super) fn fit(rows: &Rows, seed: u64) -> Tails {
        let mut random = Random::new(seed);
        let chosen = random.choose(rows.len(), SAMPLE.min(rows.len()));
        let tails = (0..rows.columns()).filter_map(|column| {
            let mut values: Vec<f64> = chosen.iter().map(|row| rows.row(*row)[column]).collect();
            values.sort_unstable_by(f64::total_cmp);
            (values.first() < values.last()).then(|| Tail {
                column: u32::try_from(column).unwrap_or(u32::MAX),
                values,
            })
        });
        Tails(tails.collect())
    }

    /// The sum over columns of −ln of the share of rows that lie so far out, of the rarer end.
    pub(super) fn score(&self, row: &[f64]) -> f64 {
        let tails = self.0.iter();
        tails
            .map(|tail| tail.rarity(row[tail.column as usize]))
            .sum()
    }

    /// The columns in which the row lies farthest out, and −ln of the share of rows that lie so far out; the rarest first.
    pub(super) fn rarest(&self, row: &[f64], most: usize) -> Vec<(usize, f64)> {
        let rarity = |tail: &Tail| {
            let column = tail.column as usize;
            (column, tail.rarity(row[column]))
        };
        let mut all: Vec<(usize, f64)> = self.0.iter().map(rarity).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(most);
        all
    }
}

impl Tail {
    fn rarity(&self, value: f64) -> f64 {
        let below = self.values.partition_point(|known| *known < value);
        let upto = below + self.values[below..].partition_point(|known| *known <= value);
        let rarer = upto.min(self.values.len() - below);
        -((rarer as f64 + 1.0) / (self.values.len() as f64 + 1.0)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_rare_and_the_middle_is_not() {
        let rows: Vec<[f64; 2]> = (0..100).map(|at| [f64::from(at), 5.0]).collect();
        let rows = Rows::new(rows.iter().map(<[f64; 2]>::as_slice)).unwrap();
        let tails = Tails::fit(&rows, 1);
        let score = |value| tails.score(&[value, 5.0]);
        assert!((score(-1.0) - 101_f64.ln()).abs() < 1e-9);
        assert!((score(1e9) - 101_f64.ln()).abs() < 1e-9);
        assert!(score(50.0) < 0.7);
        // The second column does not vary, so it says nothing.
        assert_eq!(tails.rarest(&[99.0, 0.0], 5).len(), 1);
    }
}
