//! A growing run of bytes: whatever fills a piece is packed at once, so that a block of many rows takes little memory.

use bytes::Bytes;

use super::frame::pack;

/// A piece is packed at so many bytes.
const PIECE: usize = 64 * 1024;
/// Of these so many are left over, so that nearly every value fits the room that a piece begins with.
const MARGIN: usize = 1024;

/// Bytes in pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Frames of complete pieces.
    packed: Vec<Bytes>,
    /// Bytes of the frames.
    packed_bytes: usize,
    open: Vec<u8>,
}

impl Pieces {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.packed_bytes + self.open.len()
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
        for frame in pack(&self.open) {
            self.packed_bytes += frame.len();
            self.packed.push(frame);
        }
        self.open.clear();
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

    /// The frames in order, and what is left behind them.
    pub(super) fn finish(self) -> (Vec<Bytes>, Vec<u8>) {
        (self.packed, self.open)
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

    use super::super::frame::unpack;
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
                prop_assert!(pieces.bytes() < 2 * PIECE + 70_000, "a run of sevens packs well");
            }
            let (frames, rest) = pieces.finish();
            prop_assert_eq!([unpack(&frames), rest].concat(), expected);
        }
    }
}
