//! A growing run of bytes, kept as pieces, so that growing copies little and no room is kept for what may never come.

use bytes::Bytes;

/// A piece is complete at so many bytes. Less than what allocators treat as large, so that its memory is used again.
const PIECE: usize = 64 * 1024;
/// Of these so many are left over, so that nearly every value fits the room that a piece begins with.
const MARGIN: usize = 1024;

/// Bytes in pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    complete: Vec<Bytes>,
    /// Bytes of the complete ones.
    length: usize,
    open: Vec<u8>,
}

impl Pieces {
    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.length + self.open.len()
    }

    /// Where the next value goes: whole values of any length.
    #[inline]
    pub(super) fn open(&mut self) -> &mut Vec<u8> {
        if self.open.len() > PIECE - MARGIN {
            self.complete();
        }
        &mut self.open
    }

    #[cold]
    fn complete(&mut self) {
        // A run that has filled one piece will fill most of another.
        let full = std::mem::replace(&mut self.open, Vec::with_capacity(PIECE));
        self.length += full.len();
        self.complete.push(Bytes::from(full));
    }

    /// So many zeros.
    pub(super) fn push_zeros(&mut self, mut count: usize) {
        while count > 0 {
            let open = self.open();
            let some = count.min(PIECE - open.len().min(PIECE - 1));
            open.resize(open.len() + some, 0);
            count -= some;
        }
    }

    /// All pieces in order, the last one perhaps short.
    pub(super) fn finish(mut self) -> impl Iterator<Item = Bytes> {
        if self.length > 0 {
            self.open.shrink_to_fit();
        }
        self.complete.into_iter().chain([Bytes::from(self.open)])
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(bytes: Vec<u8>) -> Self {
        Pieces {
            open: bytes,
            ..Pieces::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(runs in proptest::collection::vec((0_usize..70_000, any::<bool>()), 0..12)) {
            let mut pieces = Pieces::default();
            let mut expected = Vec::new();
            for (length, zeros) in runs {
                if zeros {
                    pieces.push_zeros(length);
                    expected.resize(expected.len() + length, 0);
                } else {
                    pieces.open().extend(std::iter::repeat_n(7, length));
                    expected.resize(expected.len() + length, 7);
                }
                prop_assert_eq!(pieces.len(), expected.len());
            }
            let whole: Vec<Bytes> = pieces.finish().collect();
            prop_assert_eq!(whole.concat(), expected);
        }
    }
}
