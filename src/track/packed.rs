//! Arrays of numbers as one run of bytes in a snapshot: a tenth of the calls that one number at a time takes.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Writes an array of floats, little-endian.
pub(super) fn serialize<const N: usize, S: Serializer>(
    numbers: &[f32; N],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = [0; 256];
    for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    to.serialize_bytes(&bytes[..4 * N])
}

/// Reads what [`serialize`] wrote.
pub(super) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<[f32; N], D::Error> {
    struct Numbers<const N: usize>;

    impl<const N: usize> Visitor<'_> for Numbers<N> {
        type Value = [f32; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} bytes", 4 * N)
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[f32; N], E> {
            if bytes.len() != 4 * N {
                return Err(E::invalid_length(bytes.len(), &self));
            }
            let mut numbers = [0.0; N];
            for (number, place) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
                *number = f32::from_le_bytes([place[0], place[1], place[2], place[3]]);
            }
            Ok(numbers)
        }
    }

    from.deserialize_bytes(Numbers::<N>)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row(#[serde(with = "super")] [f32; 3]);

    #[test]
    fn numbers_come_back_and_another_length_does_not() {
        let row = Row([1.5, -0.0, f32::MAX]);
        let mut bytes = postcard::to_allocvec(&row).unwrap();
        assert_eq!(bytes.len(), 13);
        assert_eq!(postcard::from_bytes::<Row>(&bytes).unwrap(), row);
        bytes[0] = 8;
        assert!(postcard::from_bytes::<Row>(&bytes).is_err());
    }
}
