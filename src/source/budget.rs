//! How many bytes of records may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes between the source and ClickHouse, shared by all threads, by where they are: raw records that wait for a worker, the columns
/// of open blocks, blocks on their way.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<Used>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Used {
    raw: AtomicUsize,
    open: AtomicUsize,
    under_way: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Budget {
            used: Arc::default(),
            limit,
        }
    }

    /// A batch of raw records was read.
    pub fn read(&self, bytes: usize) {
        self.used.raw.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A batch was taken in, or dropped; open blocks had so many bytes before and have so many after. They may be fewer: what
    /// fills up is packed.
    pub fn built(&self, raw: usize, before: usize, after: usize) {
        self.used.open.fetch_add(after, Ordering::Relaxed);
        self.used.open.fetch_sub(before, Ordering::Relaxed);
        self.used.raw.fetch_sub(raw, Ordering::Relaxed);
    }

    /// An open block is on its way.
    pub fn closed(&self, bytes: usize) {
        self.used.under_way.fetch_add(bytes, Ordering::Relaxed);
        self.used.open.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// An open block was given up.
    pub fn abandoned(&self, bytes: usize) {
        self.used.open.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A block is delivered, or was dropped on its way.
    pub fn delivered(&self, bytes: usize) {
        self.used.under_way.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes in memory now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.raw() + self.used.open.load(Ordering::Relaxed) + self.under_way()
    }

    /// Whether the source has to wait: for all, or for the workers, which must not find the memory full of what they have not seen.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used() >= self.limit || self.raw() >= self.limit / 8
    }

    /// Whether a source that was paused may go on: at three quarters, so that it does not flutter.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used() < self.limit / 4 * 3 && self.raw() < self.limit / 8
    }

    /// Whether an open block should be closed to make room: much is in use, and little of it is on its way already.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.used() >= self.limit / 4 * 3 && self.under_way() < self.limit / 4
    }

    fn raw(&self) -> usize {
        self.used.raw.load(Ordering::Relaxed)
    }

    fn under_way(&self) -> usize {
        self.used.under_way.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_move_from_stage_to_stage() {
        let budget = Budget::new(1_000);
        budget.read(100);
        assert!(!budget.is_full());
        budget.read(25);
        assert!(budget.is_full(), "an eighth is raw");
        budget.built(125, 100, 1_100);
        assert!(budget.is_full() && budget.is_tight());
        budget.closed(250);
        assert!(
            budget.is_full() && !budget.is_tight(),
            "enough is on its way"
        );
        budget.delivered(250);
        assert!(!budget.is_full() && !budget.has_room() && budget.is_tight());
        budget.abandoned(750);
        assert_eq!(budget.used(), 0);
        assert!(budget.has_room());
    }
}
