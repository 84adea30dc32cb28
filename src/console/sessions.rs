//! Sessions as this process knows them: read again after a few seconds, so that one that was ended elsewhere ends here too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::access::{Account, Session};
use crate::event::Timestamp;
use crate::store::{Store, StoreError};

/// After so long a session and its account are read again.
const FRESH_US: i64 = 5_000_000;
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
}

impl Sessions {
    pub(super) fn new(idle_us: i64) -> Sessions {
        Sessions {
            idle_us,
            known: Mutex::default(),
        }
    }

    /// The session of an id with its account; `None` when there is none, or nothing was asked for with it for too long.
    pub(super) async fn find(
        &self,
        store: &Store,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<(Session, Account)>, StoreError> {
        let known = self.lock().get(id).cloned();
        if let Some(known) = known {
            let is_idle = !known.session.kind.is_token() && now.since(known.used) > self.idle_us;
            if is_idle {
                return Ok(None);
            }
            if now.since(known.read) < FRESH_US {
                self.touch(id, now);
                return Ok(Some((known.session, known.account)));
            }
        }
        let Some(session) = store.session(id).await? else {
            self.forget(id);
            return Ok(None);
        };
        let Some(account) = store.account(&session.account).await? else {
            self.forget(id);
            return Ok(None);
        };
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(id) {
            let oldest = all.iter().min_by_key(|(_, known)| known.used);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                all.remove(&oldest);
            }
        }
        let known = Known {
            session: session.clone(),
            account: account.clone(),
            read: now,
            used: now,
        };
        all.insert(id.to_owned(), known);
        Ok(Some((session, account)))
    }

    /// Reads a session again when it comes next.
    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Reads all sessions of an account again.
    pub(super) fn forget_account(&self, account: &str) {
        self.lock().retain(|_, known| known.account.name != account);
    }

    fn touch(&self, id: &str, now: Timestamp) {
        if let Some(known) = self.lock().get_mut(id) {
            known.used = now;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
