//! Rows of the small tables, cell by cell; `events` has its own faster way in `block`.

use super::block::Insert;
use super::native::{Column, Wire};
use crate::event::Timestamp;

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'c> {
    /// A string of any bytes.
    Bytes(&'c [u8]),
    /// A string.
    Text(&'c str),
    /// Several strings.
    Texts(&'c [&'c str]),
    /// A whole number.
    Number(u64),
    /// An `Int32`.
    Int32(i32),
    /// An `Int64`.
    Int64(i64),
    /// An instant, or none.
    Time(Option<Timestamp>),
    /// What the column has by default.
    Absent,
}

/// Rows for one INSERT into one table.
#[derive(Debug)]
pub(crate) struct Rows {
    table: &'static str,
    columns: Vec<Column>,
    count: usize,
}

impl Rows {
    pub(crate) fn new(table: &'static str, columns: &[(&'static str, Wire)]) -> Self {
        Rows {
            table,
            columns: columns
                .iter()
                .map(|(name, wire)| Column::new(name, *wire))
                .collect(),
            count: 0,
        }
    }

    /// Adds a row: a cell for each column, in their order.
    pub(crate) fn push<const N: usize>(&mut self, cells: [Cell<'_>; N]) {
        debug_assert_eq!(N, self.columns.len());
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match cell {
                Cell::Bytes(bytes) => column.push_bytes(bytes),
                Cell::Text(text) => column.push_bytes(text.as_bytes()),
                Cell::Texts(texts) => column.push_texts(texts.iter().copied()),
                Cell::Number(number) => column.push_number(number),
                Cell::Int32(number) => column.push_i32(number),
                Cell::Int64(number) => column.push_i64(number),
                Cell::Time(Some(time)) => column.push_time(time),
                Cell::Time(None) | Cell::Absent => column.push_absent(),
            }
        }
        self.count += 1;
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    pub(crate) fn finish(self) -> Insert {
        Insert::single(self.table, self.count, self.columns)
    }
}
