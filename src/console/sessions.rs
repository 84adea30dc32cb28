//! Sessions as this process knows them: read again after a few seconds, so that one that was ended elsewhere ends here too.
//!
//! When one was used last is put on record now and then: one that was idle for too long is over whichever instance is asked, and after a start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::access::{Account, Session};
use crate::event::Timestamp;
use crate::store::{Store, StoreError};

/// After so long a session and its account are read again.
const FRESH_US: i64 = 5_000_000;
/// A use is put on record when so small a part of the idle time went by since the last one that was.
const PART: i64 = 60;
/// Sessions that are known at most; the one that was used longest ago is forgotten first, and read again when it comes.
const MOST: usize = 10_000;

/// What this process knows of sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    idle_us: i64,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    session: Session,
    account: Account,
    read: Timestamp,
    used: Timestamp,
    /// The newest use that is on record.
    recorded: Timestamp,
}

impl Sessions {
    pub(super) fn new(idle_us: i64) -> Sessions {
        Sessions {
            idle_us,
            known: Mutex::default(),
        }
    }

    /// The session of an id with its account; `None` when there is none, or nothing was asked for with it for too long. `is_use`: whether it is asked for now.
    pub(super) async fn find(
        &self,
        store: &Store,
        id: &str,
        is_use: bool,
        now: Timestamp,
    ) -> Result<Option<(Session, Account)>, StoreError> {
        let known = match self.fresh(id, now) {
            Some(known) => Some(known),
            None => self.read(store, id, now).await?,
        };
        let Some(known) = known.filter(|known| !self.is_idle(known, now)) else {
            return Ok(None);
        };
        if is_use && self.touch(id, now) {
            store.record_use(id, now).await?;
        }
        Ok(Some((known.session, known.account)))
    }

    fn fresh(&self, id: &str, now: Timestamp) -> Option<Known> {
        let known = self.lock().get(id).cloned();
        known.filter(|known| now.since(known.read) < FRESH_US)
    }

    async fn read(
        &self,
        store: &Store,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Known>, StoreError> {
        let Some(session) = store.session(id).await? else {
            self.forget(id);
            return Ok(None);
        };
        let Some(account) = store.account(&session.account).await? else {
            self.forget(id);
            return Ok(None);
        };
        let recorded = store.last_use(id).await?.max(session.started);
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(id) {
            let oldest = all.iter().min_by_key(|(_, known)| known.used);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                all.remove(&oldest);
            }
        }
        let known = Known {
            session,
            account,
            read: now,
            used: all.get(id).map_or(recorded, |it| it.used.max(recorded)),
            recorded,
        };
        all.insert(id.to_owned(), known.clone());
        Ok(Some(known))
    }

    /// Tokens are never idle.
    fn is_idle(&self, known: &Known, now: Timestamp) -> bool {
        !known.session.kind.is_token() && now.since(known.used) > self.idle_us
    }

    /// Notes a use; whether it is to be put on record.
    fn touch(&self, id: &str, now: Timestamp) -> bool {
        let mut all = self.lock();
        let Some(known) = all.get_mut(id) else {
            return false;
        };
        known.used = known.used.max(now);
        let is_due =
            !known.session.kind.is_token() && now.since(known.recorded) >= self.idle_us / PART;
        if is_due {
            // Others that ask at the same time leave it to this one.
            known.recorded = now;
        }
        is_due
    }

    /// Reads a session again when it comes next.
    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Reads all sessions of an account again.
    pub(super) fn forget_account(&self, account: &str) {
        self.lock().retain(|_, known| known.account.name != account);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Kind, Role};

    const HOUR: i64 = 3_600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn sessions(kind: Kind) -> Sessions {
        let sessions = Sessions::new(HOUR * 1_000_000);
        let known = Known {
            session: Session {
                id: "i".into(),
                account: "anna".into(),
                kind,
                title: String::new(),
                started: at(0),
                until: at(10 * HOUR),
                ended: false,
                address: String::new(),
                agent: String::new(),
            },
            account: Account::new("anna".into(), Role::Viewer, "h".into(), "b", at(0)),
            read: at(0),
            used: at(0),
            recorded: at(0),
        };
        sessions.lock().insert("i".into(), known);
        sessions
    }

    fn is_idle(sessions: &Sessions, second: i64) -> bool {
        let known = sessions.lock()["i"].clone();
        sessions.is_idle(&known, at(second))
    }

    #[test]
    fn a_session_is_idle_without_use_and_a_token_never() {
        let browser = sessions(Kind::Whole);
        assert!(!is_idle(&browser, HOUR) && is_idle(&browser, HOUR + 1));
        browser.touch("i", at(HOUR));
        assert!(!is_idle(&browser, 2 * HOUR) && is_idle(&browser, 2 * HOUR + 1));
        assert!(!is_idle(&sessions(Kind::Program), 100 * HOUR));
    }

    #[test]
    fn a_use_is_put_on_record_once_a_minute_of_an_idle_hour() {
        let browser = sessions(Kind::Whole);
        let due = (1..=180).filter(|second| browser.touch("i", at(*second)));
        assert_eq!(due.collect::<Vec<_>>(), [60, 120, 180]);
        assert!(!sessions(Kind::Reader).touch("i", at(HOUR)));
    }
}
