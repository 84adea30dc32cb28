//! Tries to sign in with one name, from one browser: each one that fails makes the next wait longer.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
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

/// A try that was let through. It counts as failed until it is taken back, so that many at once are let through no sooner than one after another.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it counts as failed until it is taken back"]
pub struct Try<K> {
    key: K,
    began: Timestamp,
    /// The failure before it.
    before: Timestamp,
}

/// What tries from an address are counted by: of IPv6 the network, whose 64 bits of hosts (RFC 4291) are all in one hand.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX)).into(),
        it @ IpAddr::V4(_) => it,
    }
}

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

    /// Lets a try through, before anything is looked at.
    ///
    /// # Errors
    /// Too many failed: it has to wait, and does not count.
    pub fn begin(&self, key: K, now: Timestamp) -> Result<Try<K>, Wait> {
        let mut all = self.lock();
        make_room(&mut all, &key, now);
        let failed = all.entry(key.clone()).or_insert(Failed {
            times: 0,
            last: now,
        });
        if now.since(failed.last) >= FORGOTTEN_US {
            failed.times = 0;
        }
        let left = failed.until(self.free).since(now);
        if left > 0 {
            return Err(Wait(u64::try_from(left).unwrap_or(0).div_ceil(1_000_000)));
        }
        let before = failed.last;
        failed.times = failed.times.saturating_add(1);
        failed.last = now;
        Ok(Try {
            key,
            began: now,
            before,
        })
    }

    /// A try was right, or nothing was looked at: it does not count.
    pub fn take_back(&self, tried: &Try<K>) {
        let mut all = self.lock();
        let Some(failed) = all.get_mut(&tried.key) else {
            return;
        };
        failed.times = failed.times.saturating_sub(1);
        if failed.last == tried.began {
            failed.last = tried.before;
        }
        if failed.times == 0 {
            all.remove(&tried.key);
        }
    }

    /// Somebody is in: what failed before is forgotten.
    pub fn succeeded(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Failed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<K: Eq + Hash + Clone>(all: &mut HashMap<K, Failed>, key: &K, now: Timestamp) {
    if all.len() < MOST || all.contains_key(key) {
        return;
    }
    all.retain(|_, failed| now.since(failed.last) < FORGOTTEN_US);
    let oldest = all.iter().min_by_key(|(_, failed)| failed.last);
    if let Some(oldest) = oldest.map(|(key, _)| key.clone())
        && all.len() >= MOST
    {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn each_failure_doubles_the_wait() {
        let attempts = Attempts::new(3);
        let mut now = 1_000;
        let mut waits = Vec::new();
        for _ in 0..14 {
            assert!(attempts.begin("anna", at(now)).is_ok());
            let wait = match attempts.begin("anna", at(now)) {
                Ok(tried) => {
                    attempts.take_back(&tried);
                    0
                }
                Err(Wait(seconds)) => seconds,
            };
            now += i64::try_from(wait).unwrap();
            waits.push(wait);
        }
        assert_eq!(waits[..6], [0, 0, 0, 2, 4, 8]);
        assert_eq!(waits[13], 900, "{waits:?}");
        assert!(attempts.begin("ivan", at(now)).is_ok());
        attempts.succeeded(&"anna");
        for _ in 0..4 {
            assert!(attempts.begin("anna", at(now)).is_ok());
        }
        assert_eq!(attempts.begin("anna", at(now)), Err(Wait(2)));
    }

    #[test]
    fn of_many_at_once_no_more_get_through_than_one_after_another() {
        let attempts = Attempts::new(3);
        let through = (0..32).filter(|_| attempts.begin("anna", at(5)).is_ok());
        assert_eq!(through.count(), 4);
    }

    #[test]
    fn what_is_taken_back_costs_nothing() {
        let attempts = Attempts::new(1);
        for _ in 0..40 {
            let tried = attempts.begin("anna", at(5)).unwrap();
            attempts.take_back(&tried);
        }
        assert!(attempts.lock().is_empty());
        for _ in 0..2 {
            assert!(attempts.begin("anna", at(10)).is_ok());
        }
        let right = attempts.begin("anna", at(12)).unwrap();
        attempts.take_back(&right);
        let next = attempts.begin("anna", at(12));
        assert!(next.is_ok(), "the wait runs from what failed");
    }

    #[test]
    fn an_hour_later_all_is_forgotten() {
        let attempts = Attempts::new(3);
        for _ in 0..4 {
            assert!(attempts.begin(1, at(0)).is_ok());
        }
        assert_eq!(attempts.begin(1, at(0)), Err(Wait(2)));
        for _ in 0..4 {
            assert!(attempts.begin(1, at(3_600)).is_ok());
        }
    }

    #[test]
    fn there_is_a_bound() {
        let attempts = Attempts::new(3);
        for key in 0..=MOST {
            let second = i64::try_from(key / 100).unwrap();
            assert!(attempts.begin(key, at(second)).is_ok());
        }
        assert_eq!(attempts.lock().len(), MOST);
    }

    #[test]
    fn hosts_of_one_network_are_one() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
    }
}
