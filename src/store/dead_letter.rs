//! A block of dead letters on its way into `dead_letters`.

use super::StoreError;
use super::block::Insert;
use super::error::cut;
use super::native::Wire;
use super::rows::{Cell, Rows};
use super::seal::{Origin, Sealer};
use crate::event::Timestamp;

/// Bytes of a detail that are stored at most.
const DETAIL_LIMIT: usize = 512;
/// Bytes of a redacted beginning that are stored at most.
const BEGINNING_LIMIT: usize = 1024;

/// A record that could not be decoded.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'r> {
    /// Offset in the partition.
    pub offset: i64,
    /// Time stamp in Kafka.
    pub stamped: Option<Timestamp>,
    /// Why it was refused, from the closed list.
    pub reason: &'r str,
    /// Where in the record and what was expected; never a value of it.
    pub detail: &'r str,
    /// The record.
    pub raw: &'r [u8],
    /// Its beginning with personal shapes replaced.
    pub beginning: &'r str,
}

const COLUMNS: &[(&str, Wire)] = &[
    ("topic", Wire::Text),
    ("partition", Wire::I32),
    ("offset", Wire::I64),
    ("stamped", Wire::Time),
    ("reason", Wire::Text),
    ("detail", Wire::Text),
    ("length", Wire::U64),
    ("sealed", Wire::Text),
    ("nonce", Wire::Text),
    ("key_id", Wire::Text),
    ("beginning", Wire::Text),
];

/// Dead letters of one partition.
#[derive(Debug)]
pub struct DeadLetterBlock<'s> {
    sealer: &'s Sealer,
    topic: String,
    partition: i32,
    rows: Rows,
}

impl<'s> DeadLetterBlock<'s> {
    /// An empty block whose records `sealer` will seal.
    #[must_use]
    pub fn new(sealer: &'s Sealer, topic: &str, partition: i32) -> Self {
        DeadLetterBlock {
            sealer,
            topic: topic.to_owned(),
            partition,
            rows: Rows::new("dead_letters", COLUMNS),
        }
    }

    /// Seals and adds a record.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn push(&mut self, letter: &DeadLetter<'_>) -> Result<(), StoreError> {
        let origin = Origin {
            topic: &self.topic,
            partition: self.partition,
            offset: letter.offset,
        };
        let sealed = self.sealer.seal(origin, letter.raw)?;
        self.rows.push([
            Cell::Text(&self.topic),
            Cell::Int32(self.partition),
            Cell::Int64(letter.offset),
            Cell::Time(letter.stamped),
            Cell::Text(letter.reason),
            Cell::Text(cut(letter.detail, DETAIL_LIMIT)),
            Cell::Number(letter.raw.len() as u64),
            Cell::Bytes(&sealed.bytes),
            Cell::Bytes(&sealed.nonce),
            Cell::Text(self.sealer.key_id()),
            Cell::Text(cut(letter.beginning, BEGINNING_LIMIT)),
        ]);
        Ok(())
    }

    /// Records so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.count() == 0
    }

    /// Bytes so far, as they will travel without compression.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// Ends the block.
    #[must_use]
    pub fn finish(self) -> Insert {
        self.rows.finish()
    }
}
