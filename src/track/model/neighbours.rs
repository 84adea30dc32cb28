//! How far a row is from its nearest of a few hundred chosen ones.

use serde::{Deserialize, Serialize};

use super::rows::Rows;
use super::scale::Scale;
use crate::random::Random;

/// Subsamples and the rows of each.
const SUBSAMPLES: usize = 16;
const SIZE: usize = 16;
/// Neighbours whose mean distance counts.
const NEAREST: usize = 3;
/// A row so near is this row itself.
const ITSELF: f32 = 1e-6;
/// Rows whose distances are computed side by side: each subsample has as many rows as others, so no row is left over.
const ABREAST: usize = SUBSAMPLES;

/// Chosen rows on a scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Neighbours {
    scale: Scale,
    /// Some rows after others, and of these column after column.
    chosen: Vec<f32>,
    rows: usize,
}

/// Distances of one row to all chosen ones, squared; kept by whoever scores many rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Distances {
    squares: Vec<f32>,
    /// The row on the scale.
    scaled: Vec<f32>,
}

impl Neighbours {
    /// Chooses rows.
    pub(super) fn fit(rows: &Rows, scale: Scale, seed: u64) -> Neighbours {
        let mut random = Random::new(seed);
        let size = SIZE.min(rows.len());
        let chosen: Vec<usize> = (0..SUBSAMPLES)
            .flat_map(|_| random.choose(rows.len(), size))
            .collect();
        let scaled: Vec<Vec<f64>> = chosen
            .iter()
            .map(|row| scale.apply(rows.row(*row)).collect())
            .collect();
        let groups = scaled.chunks_exact(ABREAST);
        let groups = groups.flat_map(|rows| {
            let columns = 0..scale.len();
            columns.flat_map(move |column| rows.iter().map(move |row| single(row[column])))
        });
        Neighbours {
            chosen: groups.collect(),
            rows: chosen.len(),
            scale,
        }
    }

    /// Measures how far a row is from each chosen one.
    pub(super) fn measure(&self, row: &[f64], into: &mut Distances) {
        let Distances { squares, scaled } = into;
        scaled.clear();
        scaled.extend(self.scale.apply(row).map(single));
        squares.clear();
        if scaled.is_empty() {
            squares.resize(self.rows, 0.0);
            return;
        }
        for group in self.chosen.chunks_exact(ABREAST * scaled.len()) {
            let mut sums = [0.0; ABREAST];
            let (columns, _) = group.as_chunks::<ABREAST>();
            for (value, column) in scaled.iter().zip(columns) {
                for (sum, chosen) in sums.iter_mut().zip(column) {
                    let apart = value - chosen;
                    *sum += apart * apart;
                }
            }
            squares.extend_from_slice(&sums);
        }
    }
}

impl Distances {
    /// The mean over subsamples of the distance to the nearest row of each: `LeSiNN` (Pang, Ting and Albrecht, "`LeSiNN`: detecting anomalies
    /// by identifying least similar nearest neighbours", 2015).
    pub(super) fn of_subsamples(&self) -> f64 {
        let size = (self.squares.len() / SUBSAMPLES).max(1);
        let nearest = self.squares.chunks(size).map(|subsample| {
            let nearest = subsample.iter().copied().fold(f32::MAX, f32::min);
            f64::from(nearest.sqrt())
        });
        nearest.sum::<f64>() / self.squares.chunks(size).len().max(1) as f64
    }

    /// The mean distance to the nearest rows, this row itself left out.
    pub(super) fn of_nearest(&self) -> f64 {
        // Of each place in a group the least ones, ascending: no branch depends on a distance, so places are compared side by side.
        let mut least = [[f32::MAX; ABREAST]; NEAREST + 1];
        let (groups, _) = self.squares.as_chunks::<ABREAST>();
        for group in groups {
            let mut more = *group;
            for known in &mut least {
                for (known, more) in known.iter_mut().zip(&mut more) {
                    let (less, rest) = if *more < *known {
                        (*more, *known)
                    } else {
                        (*known, *more)
                    };
                    (*known, *more) = (less, rest);
                }
            }
        }
        let mut nearest = [f32::MAX; NEAREST + 1];
        for square in least.as_flattened() {
            if *square < nearest[NEAREST] {
                let at = nearest.partition_point(|known| known <= square);
                nearest[at..].rotate_right(1);
                nearest[at] = *square;
            }
        }
        let from = usize::from(nearest[0].sqrt() < ITSELF);
        let known = nearest[from..][..NEAREST]
            .iter()
            .filter(|it| **it < f32::MAX);
        let count = known.clone().count().max(1);
        known.map(|it| f64::from(it.sqrt())).sum::<f64>() / count as f64
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "half the memory, twice the speed"
)]
fn single(value: f64) -> f32 {
    value.clamp(-1e15, 1e15) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(rows: &Rows, row: &[f64]) -> Distances {
        let neighbours = Neighbours::fit(rows, Scale::plain(rows), 3);
        let mut distances = Distances::default();
        neighbours.measure(row, &mut distances);
        distances
    }

    #[test]
    fn what_lies_apart_is_far_from_all() {
        let rows: Vec<[f64; 2]> = (0..1_000)
            .map(|at| [f64::from(at % 10), f64::from(at / 10)])
            .collect();
        let rows = Rows::new(rows.iter().map(<[f64; 2]>::as_slice)).unwrap();
        let (near, far) = (
            distances(&rows, &[5.0, 50.0]),
            distances(&rows, &[500.0, 50.0]),
        );
        assert!(far.of_subsamples() > 50.0 * near.of_subsamples());
        assert!(far.of_nearest() > 50.0 * near.of_nearest());
    }

    #[test]
    fn the_row_itself_is_no_neighbour_and_few_rows_are_enough() {
        let rows = Rows::new([&[0.0][..], &[2.0]]).unwrap();
        // Each subsample has both; their scale has the deviation 1.
        let distances = distances(&rows, &[2.0]);
        assert!(distances.of_subsamples().abs() < 1e-6);
        assert_eq!(distances.squares.len(), 2 * SUBSAMPLES);
        assert!(
            distances.of_nearest().abs() < 1e-6,
            "the same row was chosen sixteen times"
        );
    }
}
