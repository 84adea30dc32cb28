//! Columns brought to one scale, so that a distance means the same in each.

use serde::{Deserialize, Serialize};

use super::rows::Rows;

/// Values farther from the middle than so many standard deviations are clipped off before these are taken again.
const CLIPPED_AT: f64 = 3.0;
const ROUNDS: usize = 50;
/// A clipped deviation is at least this share of the plain one.
const LEAST_SHARE: f64 = 1e-3;
/// When the mean row has a value so far out, what is clipped is no outlier but the column's own other half.
const FAR: f64 = 10.0;
/// A column in which so many values are the median.
const MOSTLY_ONE: f64 = 0.5;

/// Middle and width of each column; a column that does not vary is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scale {
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    at: u32,
    middle: f64,
    width: f64,
}

impl Scale {
    /// Means and standard deviations.
    pub(super) fn plain(rows: &Rows) -> Scale {
        Scale::of(rows, |values, deviation| Column {
            at: 0,
            middle: mean(values),
            width: deviation,
        })
    }

    /// Medians, and standard deviations after what lies far out was clipped off: outliers do not hide themselves by widening the scale.
    pub(super) fn clipped(rows: &Rows) -> Scale {
        let clipped = Scale::of(rows, |values, deviation| Column {
            at: 0,
            middle: median(values),
            width: clipped_deviation(values, deviation),
        });
        let scaled = rows.iter().map(|row| {
            let far = clipped.apply(row).filter(|value| value.abs() > FAR);
            far.count()
        });
        if scaled.sum::<usize>() < rows.len() {
            return clipped;
        }
        // Where most values are one, the others are not outliers but what the column is about.
        let plain = Scale::plain(rows);
        let columns = clipped.columns.into_iter().zip(plain.columns);
        Scale {
            columns: columns
                .map(|(column, plain)| {
                    let near = plain.width * 1e-9;
                    let same = rows
                        .column(column.at as usize)
                        .filter(|value| (value - column.middle).abs() <= near);
                    let is_mostly_one = same.count() as f64 >= MOSTLY_ONE * rows.len() as f64;
                    let width = if is_mostly_one {
                        plain.width
                    } else {
                        column.width
                    };
                    Column { width, ..column }
                })
                .collect(),
        }
    }

    fn of(rows: &Rows, column: impl Fn(&[f64], f64) -> Column) -> Scale {
        let columns = (0..rows.columns()).filter_map(|at| {
            let values: Vec<f64> = rows.column(at).collect();
            let deviation = deviation(&values, mean(&values));
            let greatest = values
                .iter()
                .fold(1.0_f64, |most, value| most.max(value.abs()));
            (deviation > 1e-12 * greatest).then(|| Column {
                at: u32::try_from(at).unwrap_or(u32::MAX),
                ..column(&values, deviation)
            })
        });
        Scale {
            columns: columns.collect(),
        }
    }

    /// How many columns are left.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The row on this scale.
    pub(super) fn apply<'r>(&'r self, row: &'r [f64]) -> impl Iterator<Item = f64> + 'r {
        let columns = self.columns.iter();
        columns.map(|column| (row[column.at as usize] - column.middle) / column.width)
    }
}

fn clipped_deviation(values: &[f64], plain: f64) -> f64 {
    let (mut middle, mut width) = (mean(values), plain);
    for _ in 0..ROUNDS {
        let within = |value: &&f64| (**value - middle).abs() <= CLIPPED_AT * width;
        let kept: Vec<f64> = values.iter().filter(within).copied().collect();
        if kept.is_empty() {
            break;
        }
        middle = mean(&kept);
        let next = deviation(&kept, middle).max(LEAST_SHARE * plain);
        let is_settled = (next - width).abs() <= 1e-6 * width;
        width = next;
        if is_settled {
            break;
        }
    }
    width
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / values.len() as f64).sqrt()
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let half = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if is_even => f64::midpoint(lower, *upper),
        _ => *upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn table(rows: usize, mut row: impl FnMut(usize) -> Vec<f64>) -> Rows {
        let rows: Vec<Vec<f64>> = (0..rows).map(&mut row).collect();
        Rows::new(rows.iter().map(Vec::as_slice)).unwrap()
    }

    #[test]
    fn outliers_do_not_widen_the_clipped_scale() {
        let mut random = Random::new(1);
        let rows = table(1_000, |at| {
            vec![if at < 20 { 100.0 } else { random.unit() }]
        });
        let clipped = Scale::clipped(&rows).columns[0];
        assert!((clipped.width - 0.29).abs() < 0.02, "{clipped:?}");
        assert!((clipped.middle - 0.5).abs() < 0.05, "{clipped:?}");
        assert!(Scale::plain(&rows).columns[0].width > 10.0);
    }

    #[test]
    fn a_constant_column_is_left_out() {
        let rows = table(10, |at| vec![7.0, at as f64, 1e9]);
        assert_eq!(Scale::plain(&rows).len(), 1);
        let scaled: Vec<f64> = Scale::plain(&rows).apply(&[7.0, 4.5, 0.0]).collect();
        assert!(scaled[0].abs() < 1e-12);
    }

    #[test]
    fn what_most_rows_do_is_no_outlier() {
        // In each row one of ten columns is not zero: clipped, that would be an outlier of each row.
        let rows = table(1_000, |at| {
            let mut row = vec![0.0; 10];
            row[at % 10] = 1.0 + (at % 7) as f64;
            row
        });
        let (clipped, plain) = (Scale::clipped(&rows), Scale::plain(&rows));
        let widths = clipped.columns.iter().zip(&plain.columns);
        assert!(
            widths
                .clone()
                .all(|(a, b)| (a.width - b.width).abs() < 1e-9)
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
        assert!((median(&[9.0, 1.0, 3.0]) - 3.0).abs() < 1e-12);
        assert!((median(&[5.0]) - 5.0).abs() < 1e-12);
    }
}
