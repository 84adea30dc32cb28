//! A list that only grows, in pieces: nothing is copied when it grows, and each piece is free again as soon as what is in it was taken.

use std::ops::{Index, IndexMut};

/// Bytes of a piece, about: the allocator has such by the slab, and no system call is needed for one.
const PIECE_BYTES: usize = 14 * 1024;

/// The list.
#[derive(Clone, Debug)]
pub struct Pile<T> {
    /// All but the last are full.
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Pile<T> {
    fn default() -> Self {
        Pile { pieces: Vec::new() }
    }
}

impl<T> Pile<T> {
    /// Entries of a piece.
    const ENTRIES: usize = {
        let size = if size_of::<T>() == 0 {
            1
        } else {
            size_of::<T>()
        };
        if size > PIECE_BYTES {
            1
        } else {
            PIECE_BYTES / size
        }
    };

    /// Adds one at the end.
    pub fn push(&mut self, one: T) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < Self::ENTRIES => piece.push(one),
            // Of many lists each is short: only what goes on is a whole piece.
            None => self.pieces.push(vec![one]),
            Some(_) => {
                let mut piece = Vec::with_capacity(Self::ENTRIES);
                piece.push(one);
                self.pieces.push(piece);
            }
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The newest.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.pieces.last()?.last()
    }

    /// Leaves out what is not to be kept.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let all = std::mem::take(self).into_iter();
        *self = all
            .filter_map(|mut one| keep(&mut one).then_some(one))
            .collect();
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }
}

impl<T> Index<usize> for Pile<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pieces[at / Self::ENTRIES][at % Self::ENTRIES]
    }
}

impl<T> IndexMut<usize> for Pile<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pieces[at / Self::ENTRIES][at % Self::ENTRIES]
    }
}

impl<T> IntoIterator for Pile<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}

impl<T> FromIterator<T> for Pile<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut pile = Pile::default();
        for one in all {
            pile.push(one);
        }
        pile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order_across_pieces() {
        for length in [0, 1, Pile::<u64>::ENTRIES, 3 * Pile::<u64>::ENTRIES + 1] {
            let mut pile: Pile<u64> = (0..length as u64).collect();
            assert_eq!((pile.len(), pile.is_empty()), (length, length == 0));
            assert_eq!(pile.last().copied(), (length as u64).checked_sub(1));
            assert!(pile.iter().copied().eq(0..length as u64));
            for at in 0..length {
                pile[at] += 1;
                assert_eq!(pile[at], at as u64 + 1);
            }
            pile.retain_mut(|one| {
                *one *= 2;
                one.is_multiple_of(4)
            });
            assert_eq!(pile.len(), length / 2);
            assert!(
                pile.into_iter()
                    .eq((1..=length as u64 / 2).map(|at| 4 * at))
            );
        }
    }
}
