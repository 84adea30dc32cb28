//! A column of few distinct values: each value once, and an index a row, as ClickHouse's `LowCardinality` travels.

use std::hash::BuildHasher;

use bytes::{BufMut, BytesMut};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::native::put_string;

/// Version of the serialisation: dictionaries that are a block's own.
const VERSION: u64 = 1;
/// The dictionary follows, and it is all that the indexes point into.
const OWN_KEYS: u64 = 1 << 9 | 1 << 10;

/// Values of one block, in the order of the rows.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// The distinct values, each behind its length, in the order in which they came. The first is the empty one.
    keys: Vec<u8>,
    /// Where the text of each lies in `keys`.
    places: Vec<(u32, u32)>,
    /// Index of a value by its hash. Seeded at random, for the values are a client's; the order of the keys does not depend on it.
    known: HashTable<u32>,
    hasher: RandomState,
    indexes: Indexes,
    last: u32,
}

/// One index a row, as narrow as the dictionary allows.
#[derive(Debug)]
enum Indexes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

impl Dictionary {
    pub(super) fn new() -> Self {
        Dictionary {
            keys: vec![0],
            places: vec![(1, 1)],
            known: HashTable::new(),
            hasher: RandomState::default(),
            indexes: Indexes::U8(Vec::new()),
            last: 0,
        }
    }

    /// One row.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        if value.is_empty() {
            self.indexes.push(0);
            return;
        }
        if self.key(self.last) != value {
            self.last = self.index_of(value);
        }
        self.indexes.push(self.last);
    }

    /// So many rows without a value.
    pub(super) fn push_empty(&mut self, rows: usize) {
        match &mut self.indexes {
            Indexes::U8(list) => list.resize(list.len() + rows, 0),
            Indexes::U16(list) => list.resize(list.len() + rows, 0),
            Indexes::U32(list) => list.resize(list.len() + rows, 0),
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let indexes = match &self.indexes {
            Indexes::U8(list) => list.len(),
            Indexes::U16(list) => list.len() * 2,
            Indexes::U32(list) => list.len() * 4,
        };
        // A place and, with the room that the table keeps, some eight bytes of it.
        self.keys.len() + self.places.len() * 16 + indexes
    }

    /// What travels before the rows: version, dictionary, number of rows; then the indexes.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        let (width, rows, indexes) = match self.indexes {
            Indexes::U8(list) => (0, list.len(), list),
            Indexes::U16(list) => (1, list.len(), little_endian(&list, u16::to_le_bytes)),
            Indexes::U32(list) => (2, list.len(), little_endian(&list, u32::to_le_bytes)),
        };
        let mut head = BytesMut::with_capacity(self.keys.len() + 32);
        head.put_u64_le(VERSION);
        head.put_u64_le(OWN_KEYS | width);
        head.put_u64_le(self.places.len() as u64);
        head.put_slice(&self.keys);
        head.put_u64_le(rows as u64);
        (head.into(), indexes)
    }

    fn key(&self, index: u32) -> &[u8] {
        let (start, end) = self.places[index as usize];
        &self.keys[start as usize..end as usize]
    }

    fn index_of(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        let is_it = |index: &u32| self.key(*index) == value;
        if let Some(index) = self.known.find(hash, is_it) {
            return *index;
        }
        let index = short(self.places.len());
        put_string(&mut self.keys, value);
        let end = short(self.keys.len());
        self.places.push((end - short(value.len()), end));
        let (keys, places, hasher) = (&self.keys, &self.places, &self.hasher);
        self.known.insert_unique(hash, index, |index| {
            let (start, end) = places[*index as usize];
            hasher.hash_one(&keys[start as usize..end as usize])
        });
        index
    }
}

impl Indexes {
    #[inline]
    fn push(&mut self, index: u32) {
        match self {
            Indexes::U8(list) => match u8::try_from(index) {
                Ok(index) => list.push(index),
                Err(_) => self.widen(index),
            },
            Indexes::U16(list) => match u16::try_from(index) {
                Ok(index) => list.push(index),
                Err(_) => self.widen(index),
            },
            Indexes::U32(list) => list.push(index),
        }
    }

    #[cold]
    fn widen(&mut self, index: u32) {
        *self = match self {
            Indexes::U8(list) => Indexes::U16(list.iter().map(|index| u16::from(*index)).collect()),
            Indexes::U16(list) => {
                Indexes::U32(list.iter().map(|index| u32::from(*index)).collect())
            }
            Indexes::U32(_) => unreachable!("an index has 32 bits"),
        };
        self.push(index);
    }
}

fn little_endian<T: Copy, const N: usize>(list: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    list.iter().flat_map(|index| bytes(*index)).collect()
}

/// Blocks are bounded far below four gigabytes.
fn short(length: usize) -> u32 {
    u32::try_from(length).expect("a block is smaller than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_documented_form() {
        let mut dictionary = Dictionary::new();
        for value in ["GET", "", "POST", "GET"] {
            dictionary.push(value.as_bytes());
        }
        dictionary.push_empty(1);
        let (head, indexes) = dictionary.finish();
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0];
        expected.extend_from_slice(&[0, 6, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"\0\x03GET\x04POST");
        expected.extend_from_slice(&[5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(head, expected);
        assert_eq!(indexes, [1, 0, 2, 1, 0]);
    }

    #[test]
    fn indexes_grow_with_the_dictionary() {
        for (keys, width, last) in [
            (255, 0, &[255][..]),
            (256, 1, &[0, 1]),
            (70_000, 2, &[0x70, 0x11, 1, 0]),
        ] {
            let mut dictionary = Dictionary::new();
            for key in 0..keys {
                dictionary.push(format!("{key}").as_bytes());
            }
            let (head, indexes) = dictionary.finish();
            assert_eq!(head[8], width, "{keys}");
            assert!(indexes.ends_with(last), "{keys}");
            assert_eq!(indexes.len(), keys << width, "{keys}");
        }
    }
}
