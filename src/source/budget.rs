//! How many bytes of records may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes between the source and ClickHouse, shared by all threads. The source takes, delivery gives back.
///
/// It counts raw bytes; a record is in memory about twice while its block is built and sent.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    limit: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Budget {
            used: Arc::new(AtomicUsize::new(0)),
            limit,
        }
    }

    /// Notes that `bytes` more are in memory.
    pub fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that `bytes` are gone again.
    pub fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes in memory now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the source has to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used() >= self.limit
    }

    /// Whether a source that was paused may go on: at three quarters, so that it does not flutter.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used() < self.limit / 4 * 3
    }
}
