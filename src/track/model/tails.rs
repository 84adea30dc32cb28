//! How far out a row lies in each column: ECOD (Li et al., "ECOD: unsupervised outlier detection using empirical cumulative
//! distribution functions", 2022), with the rarer end of each column in place of the end that its skewness points at.

use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::random::Random;

/// Rows of which the distributions are taken.
const SAMPLE: usize = 1_024;

/// Rows of a block: the distribution of a column is read for all of them, so it comes from memory once.
const BLOCK: usize = 256;

/// The empirical distribution of each column that varies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tails(Vec<Tail>);

/// How rare each value is, as −ln of the share of rows that lie so far out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tail {
    column: u32,
    /// Different ones, ascending.
    values: Vec<f64>,
    /// Of each value, and of what lies before each and behind the last.
    same: Vec<f64>,
    between: Vec<f64>,
}

impl Tails {
    /// Takes the distributions.
    pub(super) fn fit(rows: &Rows, seed: u64) -> Tails {
        let mut random = Random::new(seed);
        let chosen = random.choose(rows.len(), SAMPLE.min(rows.len()));
        let tails = (0..rows.columns()).filter_map(|column| {
            let mut values: Vec<f64> = chosen.iter().map(|row| rows.row(*row)[column]).collect();
            values.sort_unstable_by(f64::total_cmp);
            let column = u32::try_from(column).unwrap_or(u32::MAX);
            (values.first() < values.last()).then(|| Tail::of(column, &values))
        });
        Tails(tails.collect())
    }

    /// Of each row, the sum over columns of −ln of the share of rows that lie so far out, of the rarer end.
    pub(super) fn scores(&self, rows: &Rows) -> Vec<f64> {
        let mut sums = vec![0.0; rows.len()];
        for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
            for tail in &self.0 {
                for (at, sum) in sums.iter_mut().enumerate() {
                    let row = rows.row(block * BLOCK + at);
                    *sum += tail.rarity(row[tail.column as usize]);
                }
            }
        }
        sums
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
    /// `sorted` are the values of all rows.
    fn of(column: u32, sorted: &[f64]) -> Tail {
        let rows = sorted.len();
        let rarity = |below: usize, upto: usize| {
            let rarer = upto.min(rows - below);
            -((rarer as f64 + 1.0) / (rows as f64 + 1.0)).ln()
        };
        let (mut values, mut same, mut between) = (Vec::new(), Vec::new(), Vec::new());
        let mut below = 0;
        for equal in sorted.chunk_by(|a, b| a >= b) {
            let upto = below + equal.len();
            values.push(equal[0]);
            same.push(rarity(below, upto));
            between.push(rarity(below, below));
            below = upto;
        }
        between.push(rarity(rows, rows));
        Tail {
            column,
            values,
            same,
            between,
        }
    }

    fn rarity(&self, value: f64) -> f64 {
        let at = self.values.partition_point(|known| *known < value);
        match self.values.get(at) {
            Some(known) if *known <= value => self.same[at],
            _ => self.between[at],
        }
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
        let score = |value| {
            let row = Rows::new([&[value, 5.0][..]]).unwrap();
            tails.scores(&row)[0]
        };
        assert!((score(-1.0) - 101_f64.ln()).abs() < 1e-9);
        assert!((score(1e9) - 101_f64.ln()).abs() < 1e-9);
        assert!(score(50.0) < 0.7);
        // The second column does not vary, so it says nothing.
        assert_eq!(tails.rarest(&[99.0, 0.0], 5).len(), 1);
    }
}
