//! ClickHouse's Native format: a block of columns, written as values come.
//!
//! A column is a growing buffer of bytes that are already in the form in which they travel, packed piece by piece, so pushing a
//! value is a copy and a finished block is sent, and sent again, without another pass. Form: `https://clickhouse.com/docs/interfaces/formats/Native` and the
//! serialisations of the types; without a protocol version a block is the number of columns and rows (varints), then for
//! each column its name, its type and its values.

use std::net::{IpAddr, Ipv6Addr};

use bytes::{BufMut, Bytes};

use super::dictionary::Dictionary;
use super::frame::pack;
use super::pieces::Pieces;
use crate::event::Timestamp;

/// What is left of the columns behind their packed pieces is packed together, at about so many bytes.
const TOGETHER: usize = 64 * 1024;

/// The last instant that a TTL expression can still compute with: 2106-02-07, the end of `DateTime`.
const LAST_MICROS: i64 = 4_294_967_295_000_000;

/// How a column's values travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// `String`; the server makes what the table has of it.
    Text,
    /// `LowCardinality(String)`: few distinct values.
    Word,
    /// `Array(String)`.
    Texts,
    /// `UInt8`.
    U8,
    /// `UInt16`.
    U16,
    /// `UInt32`.
    U32,
    /// `UInt64`.
    U64,
    /// `Int32`.
    I32,
    /// `Int64`.
    I64,
    /// `DateTime64(6, 'UTC')`: microseconds since the epoch.
    Time,
    /// `IPv6`; an IPv4 address is mapped into it.
    Address,
}

impl Wire {
    const fn type_name(self) -> &'static str {
        match self {
            Wire::Text => "String",
            Wire::Word => "LowCardinality(String)",
            Wire::Texts => "Array(String)",
            Wire::U8 => "UInt8",
            Wire::U16 => "UInt16",
            Wire::U32 => "UInt32",
            Wire::U64 => "UInt64",
            Wire::I32 => "Int32",
            Wire::I64 => "Int64",
            Wire::Time => "DateTime64(6, 'UTC')",
            Wire::Address => "IPv6",
        }
    }

    /// Bytes of a value that is absent.
    const fn width(self) -> usize {
        match self {
            Wire::Text | Wire::Word | Wire::Texts | Wire::U8 => 1,
            Wire::U16 => 2,
            Wire::U32 | Wire::I32 => 4,
            Wire::U64 | Wire::I64 | Wire::Time => 8,
            Wire::Address => 16,
        }
    }
}

/// One column of a block. Each row pushes one value of the column's wire form.
#[derive(Debug)]
pub(crate) struct Column {
    name: &'static str,
    wire: Wire,
    /// Rows without a value since the last one that has one: most columns are empty in most logs.
    absent: usize,
    /// Values; for `Texts` those of all rows, one after the other.
    values: Pieces,
    /// For `Word`, once a row has a value.
    words: Option<Box<Dictionary>>,
    /// For `Texts`: where each row ends, counted in values.
    ends: Pieces,
    /// For `Texts`: values so far.
    count: u64,
}

impl Column {
    pub(crate) fn new(name: &'static str, wire: Wire) -> Self {
        Column {
            name,
            wire,
            absent: 0,
            values: Pieces::default(),
            words: None,
            ends: Pieces::default(),
            count: 0,
        }
    }

    /// Bytes of memory so far.
    pub(crate) fn bytes(&self) -> usize {
        let words = self.words.as_ref().map_or(0, |words| words.bytes());
        self.values.bytes() + self.ends.bytes() + words
    }

    /// Whether no row has a value. The server fills such a column by itself.
    fn is_absent(&self) -> bool {
        self.bytes() == 0
    }

    /// One `String` or `LowCardinality(String)`, which may hold any bytes.
    #[inline]
    pub(crate) fn push_bytes(&mut self, value: &[u8]) {
        debug_assert!(matches!(self.wire, Wire::Text | Wire::Word));
        self.fill();
        if self.wire == Wire::Word {
            self.words
                .get_or_insert_with(|| Box::new(Dictionary::new()))
                .push(value);
        } else {
            put_string(self.values.open(), value);
        }
    }

    /// One `Array(String)`.
    #[inline]
    pub(crate) fn push_texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        debug_assert_eq!(self.wire, Wire::Texts);
        self.fill();
        for text in texts {
            put_string(self.values.open(), text.as_bytes());
            self.count += 1;
        }
        self.ends
            .open()
            .extend_from_slice(&self.count.to_le_bytes());
    }

    /// One number, cut to what the column holds.
    #[inline]
    pub(crate) fn push_number(&mut self, value: u64) {
        self.fill();
        match self.wire {
            Wire::U8 => self
                .values
                .open()
                .push(u8::try_from(value).unwrap_or(u8::MAX)),
            Wire::U16 => {
                let value = u16::try_from(value).unwrap_or(u16::MAX);
                self.values.open().extend_from_slice(&value.to_le_bytes());
            }
            Wire::U32 => {
                let value = u32::try_from(value).unwrap_or(u32::MAX);
                self.values.open().extend_from_slice(&value.to_le_bytes());
            }
            _ => {
                debug_assert_eq!(self.wire, Wire::U64);
                self.values.open().extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// One `Int32`.
    #[inline]
    pub(crate) fn push_i32(&mut self, value: i32) {
        debug_assert_eq!(self.wire, Wire::I32);
        self.fill();
        self.values.open().extend_from_slice(&value.to_le_bytes());
    }

    /// One `Int64`.
    #[inline]
    pub(crate) fn push_i64(&mut self, value: i64) {
        debug_assert_eq!(self.wire, Wire::I64);
        self.fill();
        self.values.open().extend_from_slice(&value.to_le_bytes());
    }

    /// One instant, moved into what the table can hold (1970 to 2106).
    #[inline]
    pub(crate) fn push_time(&mut self, value: Timestamp) {
        debug_assert_eq!(self.wire, Wire::Time);
        self.fill();
        self.values
            .open()
            .extend_from_slice(&storable(value).micros().to_le_bytes());
    }

    /// One address.
    #[inline]
    pub(crate) fn push_address(&mut self, value: IpAddr) {
        debug_assert_eq!(self.wire, Wire::Address);
        self.fill();
        let address: Ipv6Addr = match value {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        self.values.open().extend_from_slice(&address.octets());
    }

    /// What stands for "the log did not show it": empty, 0, `::`, the epoch.
    #[inline]
    pub(crate) fn push_absent(&mut self) {
        self.absent += 1;
    }

    /// Writes the rows without a value that came before.
    #[inline]
    fn fill(&mut self) {
        if self.absent > 0 {
            self.write_absent();
        }
    }

    fn write_absent(&mut self) {
        let rows = std::mem::take(&mut self.absent);
        match self.wire {
            Wire::Word => self
                .words
                .get_or_insert_with(|| Box::new(Dictionary::new()))
                .push_empty(rows),
            Wire::Texts => {
                let end = self.count.to_le_bytes();
                for _ in 0..rows {
                    self.ends.open().extend_from_slice(&end);
                }
            }
            plain => self.values.push_zeros(rows * plain.width()),
        }
    }

    /// What travels, piece by piece.
    fn finish(mut self) -> [Pieces; 2] {
        self.fill();
        match self.words {
            Some(words) => {
                let (head, indexes) = words.finish();
                [head.into(), indexes.into()]
            }
            None => [self.ends, self.values],
        }
    }
}

/// The instant that is stored for `time`: itself, or the nearest that the tables can hold.
#[must_use]
pub(crate) fn storable(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.micros().clamp(0, LAST_MICROS))
}

/// The block as frames, to be sent one after the other, and the names of its columns as an INSERT lists them. Columns without any
/// value are left out.
pub(crate) fn block(rows: usize, mut columns: Vec<Column>) -> (String, Vec<Bytes>) {
    columns.retain(|column| !column.is_absent());
    let names: Vec<String> = columns
        .iter()
        .map(|column| format!("`{}`", column.name))
        .collect();
    let mut frames = Vec::new();
    let mut open = Vec::new();
    put_varint(&mut open, columns.len() as u64);
    put_varint(&mut open, rows as u64);
    for column in columns {
        put_string(&mut open, column.name.as_bytes());
        put_string(&mut open, column.wire.type_name().as_bytes());
        for pieces in column.finish() {
            let (packed, rest) = pieces.finish();
            if !packed.is_empty() {
                pack_open(&mut open, &mut frames);
                frames.extend(packed);
            }
            open.extend_from_slice(&rest);
            if open.len() >= TOGETHER {
                pack_open(&mut open, &mut frames);
            }
        }
    }
    pack_open(&mut open, &mut frames);
    (names.join(", "), frames)
}

fn pack_open(open: &mut Vec<u8>, frames: &mut Vec<Bytes>) {
    frames.extend(pack(open));
    open.clear();
}

#[inline]
pub(super) fn put_string(buffer: &mut impl BufMut, value: &[u8]) {
    put_varint(buffer, value.len() as u64);
    buffer.put_slice(value);
}

/// LEB128: seven bits a byte, least first.
#[inline]
fn put_varint(buffer: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits and the flag")]
        buffer.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 0x80")]
    buffer.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use super::super::frame::unpack;
    use super::*;

    #[test]
    fn a_block_has_the_documented_form() {
        let mut text = Column::new("a", Wire::Text);
        text.push_bytes(b"xy");
        text.push_absent();
        let mut texts = Column::new("b", Wire::Texts);
        texts.push_texts(["p", "q"].into_iter());
        texts.push_absent();
        let mut nothing = Column::new("c", Wire::Word);
        nothing.push_absent();
        nothing.push_absent();
        let (names, frames) = block(2, vec![text, nothing, texts]);
        assert_eq!(names, "`a`, `b`");
        let mut expected = vec![2, 2, 1, b'a', 6];
        expected.extend_from_slice(b"String");
        expected.extend_from_slice(&[2, b'x', b'y', 0]); // `nothing` is left out
        expected.extend_from_slice(&[1, b'b', 13]);
        expected.extend_from_slice(b"Array(String)");
        expected.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[1, b'p', 1, b'q']);
        assert_eq!(unpack(&frames), expected);
    }

    #[test]
    fn long_columns_are_packed_on_the_way() {
        let value = vec![b'x'; 40_000];
        let mut column = Column::new("a", Wire::Text);
        for _ in 0..100 {
            column.push_bytes(&value);
        }
        assert!(column.bytes() < 200_000, "{}", column.bytes());
        let mut after = Column::new("b", Wire::U16);
        (0..100).for_each(|_| after.push_number(70_000));
        let (_, frames) = block(100, vec![column, after]);
        let bytes = unpack(&frames);
        assert!(bytes.len() > 100 * 40_000);
        assert!(bytes.ends_with(&[0xff; 200]), "numbers saturate");
    }

    #[test]
    fn lengths_are_varints() {
        let mut buffer = Vec::new();
        for value in [0, 127, 128, 300, u64::MAX] {
            put_varint(&mut buffer, value);
        }
        assert_eq!(&buffer[..6], &[0, 127, 0x80, 1, 0xac, 2]);
        assert_eq!(buffer.len(), 6 + 10);
    }

    #[test]
    fn hostile_times_are_moved_into_the_table() {
        assert_eq!(storable(Timestamp::MIN).micros(), 0);
        assert_eq!(
            storable(Timestamp::from_micros(i64::MAX)).micros(),
            LAST_MICROS
        );
    }
}
