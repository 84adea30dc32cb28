//! Which refusals are put on record: of one who asks and one address of the console at most one a minute, so that whoever repeats them writes no audit full.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::Timestamp;

const MINUTE_US: i64 = 60_000_000;
/// Refusals that are put on record in a minute at most.
const MOST: usize = 1_000;

/// When refusals were put on record last, by who asked and by the route.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(String, &'static str), Timestamp>>);

impl Refusals {
    /// Whether a refusal is to be put on record now; the next one is not, for a minute.
    pub(super) fn is_due(&self, who: &str, route: &'static str, now: Timestamp) -> bool {
        let key = (who.to_owned(), route);
        let mut all = self.lock();
        let is_old = |time: Timestamp| now.since(time) >= MINUTE_US;
        if all.get(&key).is_some_and(|time| !is_old(*time)) {
            return false;
        }
        if all.len() >= MOST {
            all.retain(|_, time| !is_old(*time));
        }
        if all.len() >= MOST {
            return false;
        }
        all.insert(key, now);
        true
    }

    /// It is not on record after all: the next one is to be.
    pub(super) fn forget(&self, who: &str, route: &'static str) {
        self.lock().remove(&(who.to_owned(), route));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, &'static str), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn one_who_asks_again_is_on_record_once_a_minute() {
        let refusals = Refusals::default();
        let due = (0..180).filter(|second| refusals.is_due("anna", "/accounts", at(*second)));
        assert_eq!(due.collect::<Vec<_>>(), [0, 60, 120]);
        assert!(refusals.is_due("anna", "/audit", at(179)));
        assert!(refusals.is_due("ivan", "/accounts", at(179)));
        refusals.forget("ivan", "/accounts");
        assert!(refusals.is_due("ivan", "/accounts", at(179)));
    }

    #[test]
    fn there_is_a_bound() {
        let refusals = Refusals::default();
        let due = (0..2 * MOST).filter(|who| refusals.is_due(&who.to_string(), "/", at(0)));
        assert_eq!(due.count(), MOST);
        assert_eq!(refusals.lock().len(), MOST);
        assert!(refusals.is_due("later", "/", at(60)));
        assert_eq!(refusals.lock().len(), 1);
    }
}
