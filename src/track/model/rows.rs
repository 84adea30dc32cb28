//! A table of numbers, row after row.

use thiserror::Error;

/// Rows of the same columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    columns: usize,
    values: Vec<f64>,
}

/// Why numbers are no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowsError {
    /// No row or no column.
    #[error("the table is empty")]
    Empty,
    /// A row is shorter or longer than the first.
    #[error("row {row} has {found} numbers, the first has {wanted}")]
    Ragged {
        /// Which row, from 0.
        row: usize,
        /// Its numbers.
        found: usize,
        /// Those of the first row.
        wanted: usize,
    },
    /// Not a number, or infinite.
    #[error("column {column} of row {row} is no finite number")]
    NoNumber {
        /// Which row, from 0.
        row: usize,
        /// Which column, from 0.
        column: usize,
    },
}

impl Rows {
    /// A table of these rows.
    ///
    /// # Errors
    /// When there is none, they differ in length, or something in them is no finite number.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a [f64]>) -> Result<Rows, RowsError> {
        let mut table = Rows::default();
        for (at, row) in rows.into_iter().enumerate() {
            if at == 0 {
                table.columns = row.len();
            }
            if row.len() != table.columns {
                return Err(RowsError::Ragged {
                    row: at,
                    found: row.len(),
                    wanted: table.columns,
                });
            }
            if let Some(column) = row.iter().position(|value| !value.is_finite()) {
                return Err(RowsError::NoNumber { row: at, column });
            }
            table.values.extend_from_slice(row);
        }
        if table.values.is_empty() {
            return Err(RowsError::Empty);
        }
        Ok(table)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// A row.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.columns..][..self.columns]
    }

    /// Each row in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns.max(1))
    }

    /// One column from top to bottom.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.iter().map(move |row| row[column])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_refused_with_its_place() {
        let none: [&[f64]; 0] = [];
        assert_eq!(Rows::new(none), Err(RowsError::Empty));
        let ragged = RowsError::Ragged {
            row: 1,
            found: 1,
            wanted: 2,
        };
        assert_eq!(Rows::new([&[1.0, 2.0][..], &[1.0]]), Err(ragged));
        let none = RowsError::NoNumber { row: 0, column: 1 };
        assert_eq!(Rows::new([&[1.0, f64::NAN][..]]), Err(none));
        let rows = Rows::new([&[1.0, 2.0][..], &[3.0, 4.0]]).unwrap();
        assert_eq!((rows.len(), rows.row(1)), (2, &[3.0, 4.0][..]));
        assert_eq!(rows.column(1).collect::<Vec<_>>(), [2.0, 4.0]);
    }
}
