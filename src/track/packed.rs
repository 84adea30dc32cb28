//! Numbers as one run of bytes in a snapshot: a tenth of the calls that one number at a time takes.
//!
//! An array by `#[serde(with = "packed")]`, a list by `packed::list`, shared bytes by `packed::run`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// What takes the same number of bytes whatever it is.
pub(super) trait Fixed: Sized {
    const BYTES: usize;
    /// Writes it into so many bytes, little-endian.
    fn put(&self, to: &mut [u8]);
    /// Reads what [`Fixed::put`] wrote.
    fn get(from: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Fixed for $number {
            const BYTES: usize = size_of::<$number>();

            fn put(&self, to: &mut [u8]) {
                to.copy_from_slice(&self.to_le_bytes());
            }

            fn get(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<$number>()];
                bytes.copy_from_slice(from);
                <$number>::from_le_bytes(bytes)
            }
        }
    )*};
}

numbers!(u8, u16, u32, f32);

impl<A: Fixed, B: Fixed> Fixed for (A, B) {
    const BYTES: usize = A::BYTES + B::BYTES;

    fn put(&self, to: &mut [u8]) {
        let (a, b) = to.split_at_mut(A::BYTES);
        self.0.put(a);
        self.1.put(b);
    }

    fn get(from: &[u8]) -> Self {
        let (a, b) = from.split_at(A::BYTES);
        (A::get(a), B::get(b))
    }
}

impl<T: Fixed, const N: usize> Fixed for [T; N] {
    const BYTES: usize = N * T::BYTES;

    fn put(&self, to: &mut [u8]) {
        put_all(self, to);
    }

    fn get(from: &[u8]) -> Self {
        std::array::from_fn(|at| T::get(&from[at * T::BYTES..][..T::BYTES]))
    }
}

fn put_all<T: Fixed>(all: &[T], to: &mut [u8]) {
    for (place, one) in to.chunks_exact_mut(T::BYTES).zip(all) {
        one.put(place);
    }
}

/// Writes an array.
pub(super) fn serialize<T: Fixed, const N: usize, S: Serializer>(
    numbers: &[T; N],
    to: S,
) -> Result<S::Ok, S::Error> {
    list::serialize(numbers, to)
}

/// Reads what [`serialize`] wrote.
pub(super) fn deserialize<'de, T: Fixed, const N: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<[T; N], D::Error> {
    read(from, |bytes| {
        (bytes.len() == N * T::BYTES).then(|| <[T; N]>::get(bytes))
    })
}

/// Lists of any length.
pub(super) mod list {
    use super::{Deserializer, Fixed, Serializer, put_all, read};

    /// Lists of up to so many bytes need no memory of their own.
    const SMALL: usize = 1_024;

    /// Writes a list.
    pub(in crate::track) fn serialize<T: Fixed, S: Serializer>(
        list: &(impl AsRef<[T]> + ?Sized),
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let list = list.as_ref();
        let bytes = list.len() * T::BYTES;
        if bytes <= SMALL {
            let mut small = [0; SMALL];
            put_all(list, &mut small[..bytes]);
            return to.serialize_bytes(&small[..bytes]);
        }
        let mut large = vec![0; bytes];
        put_all(list, &mut large);
        to.serialize_bytes(&large)
    }

    /// Reads what [`serialize`] wrote.
    pub(in crate::track) fn deserialize<'de, T: Fixed, L: From<Vec<T>>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<L, D::Error> {
        let list: Vec<T> = read(from, |bytes| {
            let each = bytes.chunks_exact(T::BYTES);
            each.remainder()
                .is_empty()
                .then(|| each.map(T::get).collect())
        })?;
        Ok(list.into())
    }
}

/// Bytes as they are.
pub(super) mod run {
    use std::sync::Arc;

    use super::{Deserializer, Serializer, read};

    /// Writes them.
    pub(in crate::track) fn serialize<S: Serializer>(
        bytes: &Arc<[u8]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    /// Reads what [`serialize`] wrote.
    pub(in crate::track) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<[u8]>, D::Error> {
        read(from, |bytes| Some(Arc::from(bytes)))
    }
}

/// Reads a run of bytes; `None` of `get`: it has not the right length.
fn read<'de, V, D: Deserializer<'de>>(
    from: D,
    get: impl FnOnce(&[u8]) -> Option<V>,
) -> Result<V, D::Error> {
    struct Run<V, G>(G, PhantomData<V>);

    impl<V, G: FnOnce(&[u8]) -> Option<V>> Visitor<'_> for Run<V, G> {
        type Value = V;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("whole numbers of a fixed number of bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V, E> {
            let length = bytes.len();
            (self.0)(bytes).ok_or_else(|| E::custom(format_args!("{length} bytes are not whole")))
        }
    }

    from.deserialize_bytes(Run(get, PhantomData))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row(#[serde(with = "super")] [f32; 3]);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List(#[serde(with = "super::list")] Vec<(u32, [u16; 2])>);

    #[test]
    fn numbers_come_back_and_another_length_does_not() {
        let row = Row([1.5, -0.0, f32::MAX]);
        let mut bytes = postcard::to_allocvec(&row).unwrap();
        assert_eq!(bytes.len(), 13);
        assert_eq!(postcard::from_bytes::<Row>(&bytes).unwrap(), row);
        bytes[0] = 8;
        assert!(postcard::from_bytes::<Row>(&bytes).is_err());
    }

    #[test]
    fn lists_come_back_whatever_their_length_and_broken_ones_do_not() {
        for length in [0, 1, 500] {
            let list = List((0..length).map(|at| (at, [7, 65_535])).collect());
            let mut bytes = postcard::to_allocvec(&list).unwrap();
            assert_eq!(postcard::from_bytes::<List>(&bytes).unwrap(), list);
            if length == 1 {
                bytes[0] = 7;
                assert!(postcard::from_bytes::<List>(&bytes).is_err());
            }
        }
    }
}
