//! Tries that many people share, as those of one address: a bucket that leaks, so that many mistakes over a day hold nobody out, and a flood gets no further than its leak.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use super::Wait;
use crate::event::Timestamp;

/// Keys that are remembered; the one that is empty first goes first.
const MOST: usize = 10_000;

/// Failed tries by key. Each is a drop, and one drop after another leaks out in its time.
#[derive(Debug)]
pub struct Buckets<K> {
    /// So many drops a bucket holds.
    holds: u32,
    /// A drop leaks out in so many microseconds.
    leak_us: i64,
    /// When each bucket is empty: all that is to be known of it.
    empty: Mutex<HashMap<K, Timestamp>>,
}

/// A try that was let through. It counts as failed until it is taken back.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it counts as failed until it is taken back"]
pub struct Poured<K>(K);

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Empty ones.
    #[must_use]
    pub fn new(holds: u32, leak_us: i64) -> Self {
        Buckets {
            holds,
            leak_us,
            empty: Mutex::default(),
        }
    }

    /// Lets a try through, before anything is looked at.
    ///
    /// # Errors
    /// The bucket is full: it has to wait, and does not count.
    pub fn begin(&self, key: K, now: Timestamp) -> Result<Poured<K>, Wait> {
        let mut all = self.lock();
        let empty = all.get(&key).map_or(now, |empty| now.max(*empty));
        let room = i64::from(self.holds.saturating_sub(1)) * self.leak_us;
        let left = empty.since(now) - room;
        if left > 0 {
            return Err(Wait(u64::try_from(left).unwrap_or(0).div_ceil(1_000_000)));
        }
        make_room(&mut all, &key, now);
        all.insert(key.clone(), empty.plus_micros(self.leak_us));
        Ok(Poured(key))
    }

    /// A try was right, or nothing was looked at: it does not count.
    pub fn take_back(&self, poured: &Poured<K>) {
        if let Some(empty) = self.lock().get_mut(&poured.0) {
            *empty = empty.plus_micros(-self.leak_us);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Timestamp>> {
        self.empty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<K: Eq + Hash + Clone>(all: &mut HashMap<K, Timestamp>, key: &K, now: Timestamp) {
    if all.len() < MOST || all.contains_key(key) {
        return;
    }
    all.retain(|_, empty| *empty > now);
    let first = all.iter().min_by_key(|(_, empty)| **empty);
    if let Some(first) = first.map(|(key, _)| key.clone())
        && all.len() >= MOST
    {
        all.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;

    fn buckets() -> Buckets<&'static str> {
        Buckets::new(3, MINUTE * 1_000_000)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn a_full_bucket_waits_for_one_drop_and_never_longer() {
        let buckets = buckets();
        for _ in 0..3 {
            assert!(buckets.begin("office", at(0)).is_ok());
        }
        for _ in 0..100 {
            assert_eq!(buckets.begin("office", at(0)), Err(Wait(60)));
        }
        assert_eq!(buckets.begin("office", at(59)), Err(Wait(1)));
        assert!(buckets.begin("office", at(60)).is_ok());
        assert_eq!(buckets.begin("office", at(60)), Err(Wait(60)));
        assert!(buckets.begin("elsewhere", at(60)).is_ok());
    }

    #[test]
    fn mistakes_over_a_day_hold_nobody_out() {
        let buckets = buckets();
        for mistake in 0..200 {
            assert!(buckets.begin("office", at(mistake * MINUTE)).is_ok());
        }
    }

    #[test]
    fn what_is_taken_back_leaves_room() {
        let buckets = buckets();
        for _ in 0..40 {
            let poured = buckets.begin("office", at(5)).unwrap();
            buckets.take_back(&poured);
        }
        for _ in 0..3 {
            assert!(buckets.begin("office", at(5)).is_ok());
        }
        assert!(buckets.begin("office", at(5)).is_err());
    }

    #[test]
    fn there_is_a_bound() {
        let buckets = Buckets::new(3, MINUTE * 1_000_000);
        for key in 0..=MOST {
            assert!(buckets.begin(key, at(0)).is_ok());
        }
        assert_eq!(buckets.lock().len(), MOST);
        assert!(buckets.begin(MOST + 1, at(MINUTE)).is_ok());
        assert_eq!(buckets.lock().len(), 1, "empty ones go first");
    }
}
