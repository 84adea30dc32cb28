//! Failed sign-ins: each one makes the next wait longer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::event::Timestamp;

/// Longest wait.
const LONGEST_US: i64 = 15 * 60 * SECOND_US;
/// After so long without a failure all is forgotten.
const FORGOTTEN_US: i64 = 60 * 60 * SECOND_US;
/// Names and addresses that are remembered; the one that failed longest ago goes first.
const MOST: usize = 10_000;
const SECOND_US: i64 = 1_000_000;

/// How long to wait before the next try, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

/// Who failed, and how often.
#[derive(Debug)]
pub struct Attempts<K> {
    /// So many failures cost nothing.
    free: u32,
    failed: Mutex<HashMap<K, Failed>>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    times: u32,
    last: Timestamp,
}

impl Failed {
    /// From then on the next try is looked at: two seconds after the first failure that costs something, four after the next, and so on.
    fn until(self, free: u32) -> Timestamp {
        let beyond = self.times.saturating_sub(free).min(20);
        let wait = if beyond == 0 { 0 } else { SECOND_US << beyond };
        self.last.plus_micros(wait.min(LONGEST_US))
    }
}

impl<K: Eq + Hash + Clone> Attempts<K> {
    /// Nobody has failed; so many failures of one key cost nothing.
    #[must_use]
    pub fn new(free: u32) -> Self {
        Attempts {
            free,
            failed: Mutex::default(),
        }
    }

    /// How long a key has to wait; `None` when it may try.
    pub fn wait(&self, key: &K, now: Timestamp) -> Option<Wait> {
        let failed = *self.lock().get(key)?;
        let left = failed.until(self.free).since(now);
        (left > 0).then(|| Wait(u64::try_from(left).unwrap_or(0).div_ceil(1_000_000)))
    }

    /// A try failed.
    pub fn failed(&self, key: &K, now: Timestamp) {
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(key) {
            all.retain(|_, failed| now.since(failed.last) < FORGOTTEN_US);
            let oldest = all.iter().min_by_key(|(_, failed)| failed.last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone())
                && all.len() >= MOST
            {
                all.remove(&oldest);
            }
        }
        let entry = all.entry(key.clone()).or_insert(Failed {
            times: 0,
            last: now,
        });
        if now.since(entry.last) >= FORGOTTEN_US {
            entry.times = 0;
        }
        entry.times = entry.times.saturating_add(1);
        entry.last = now;
    }

    /// A try succeeded: what failed before is forgotten.
    pub fn succeeded(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Failed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait() {
        let attempts = Attempts::new(3);
        let now = Timestamp::from_seconds(1_000);
        let mut waits = Vec::new();
        for _ in 0..14 {
            attempts.failed(&"anna", now);
            waits.push(attempts.wait(&"anna", now).map_or(0, |wait| wait.0));
        }
        assert_eq!(waits[..6], [0, 0, 0, 2, 4, 8]);
        assert_eq!(waits[13], 900, "{waits:?}");
        assert_eq!(attempts.wait(&"ivan", now), None);
        assert_eq!(
            attempts.wait(&"anna", now.plus_micros(901 * SECOND_US)),
            None
        );
        attempts.succeeded(&"anna");
        attempts.failed(&"anna", now);
        assert_eq!(attempts.wait(&"anna", now), None);
    }

    #[test]
    fn an_hour_later_all_is_forgotten() {
        let attempts = Attempts::new(3);
        for _ in 0..10 {
            attempts.failed(&1, Timestamp::from_seconds(0));
        }
        let later = Timestamp::from_seconds(3_600);
        attempts.failed(&1, later);
        assert_eq!(attempts.wait(&1, later), None);
    }

    #[test]
    fn there_is_a_bound() {
        let attempts = Attempts::new(3);
        for key in 0..=MOST {
            let second = i64::try_from(key / 100).unwrap();
            attempts.failed(&key, Timestamp::from_seconds(second));
        }
        assert_eq!(attempts.lock().len(), MOST);
    }
}
