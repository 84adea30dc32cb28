//! Raw records of one partition, in one buffer.

use crate::event::Timestamp;

/// A batch is full at so many records.
const FULL_ROWS: usize = 1_000;
/// A batch is full at so many bytes.
const FULL_BYTES: usize = 512 << 10;

/// Records of one partition in offset order. One buffer, so that a record costs no allocation.
#[derive(Debug)]
pub struct RawBatch {
    partition: i32,
    bytes: Vec<u8>,
    records: Vec<Record>,
    behind: bool,
}

#[derive(Debug)]
struct Record {
    offset: i64,
    stamped: Option<Timestamp>,
    /// End of the record in `bytes`; it begins where the one before ends.
    end: usize,
}

impl RawBatch {
    /// An empty batch of `partition`.
    #[must_use]
    pub fn new(partition: i32) -> Self {
        RawBatch {
            partition,
            bytes: Vec::new(),
            records: Vec::new(),
            behind: false,
        }
    }

    /// Adds a record; offsets must grow.
    pub fn push(&mut self, offset: i64, stamped: Option<Timestamp>, payload: &[u8]) {
        debug_assert!(
            self.records.last().is_none_or(|last| last.offset < offset),
            "offsets grow"
        );
        self.bytes.extend_from_slice(payload);
        self.records.push(Record {
            offset,
            stamped,
            end: self.bytes.len(),
        });
    }

    /// The partition of all its records.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Records in it.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.records.len()
    }

    /// Bytes of its records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Notes that many more records wait behind it.
    pub(super) fn set_behind(&mut self, behind: bool) {
        self.behind = behind;
    }

    /// Whether many more records wait behind it: then a larger block serves better than an early one.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether it should be handed on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows() >= FULL_ROWS || self.bytes() >= FULL_BYTES
    }

    /// When the last record was written, as Kafka says.
    pub(super) fn written(&self) -> Option<Timestamp> {
        self.records.last()?.stamped
    }

    /// Offset, record timestamp and payload of each record.
    pub fn iter(&self) -> impl Iterator<Item = (i64, Option<Timestamp>, &[u8])> {
        let begins = std::iter::once(0).chain(self.records.iter().map(|record| record.end));
        self.records.iter().zip(begins).map(|(record, begin)| {
            (
                record.offset,
                record.stamped,
                &self.bytes[begin..record.end],
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_put_in() {
        let mut batch = RawBatch::new(3);
        batch.push(7, None, b"one");
        batch.push(9, Some(Timestamp::from_seconds(1)), b"");
        batch.push(10, None, b"three");
        let back: Vec<_> = batch
            .iter()
            .map(|(offset, _, payload)| (offset, payload))
            .collect();
        assert_eq!(back, [(7, &b"one"[..]), (9, b""), (10, b"three")]);
        assert_eq!((batch.rows(), batch.bytes()), (3, 8));
    }
}
