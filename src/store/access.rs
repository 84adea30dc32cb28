//! Accounts, sessions and tokens of the console, and searches that people keep: the newest revision counts.

use clickhouse::Row;
use serde::Deserialize;
use tracing::warn;

use super::StoreError;
use super::block::Insert;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::access::{Account, Kind, Permission, Role, Session, mark};
use crate::event::Timestamp;

const ACCOUNT_COLUMNS: &[(&str, Wire)] = &[
    ("name", Wire::Text),
    ("revision", Wire::U64),
    ("actor", Wire::Text),
    ("role", Wire::Text),
    ("password", Wire::Text),
    ("must_change", Wire::U8),
    ("second_factor", Wire::Text),
    ("recovery", Wire::Texts),
    ("disabled", Wire::U8),
    ("sessions_since", Wire::Time),
    ("mark", Wire::Text),
];

const SESSION_COLUMNS: &[(&str, Wire)] = &[
    ("id", Wire::Text),
    ("revision", Wire::U64),
    ("account", Wire::Text),
    ("kind", Wire::Text),
    ("title", Wire::Text),
    ("started", Wire::Time),
    ("until", Wire::Time),
    ("ended", Wire::U8),
    ("address", Wire::Text),
    ("agent", Wire::Text),
];

const USE_COLUMNS: &[(&str, Wire)] = &[("id", Wire::Text), ("used", Wire::Time)];

const CODE_COLUMNS: &[(&str, Wire)] = &[
    ("account", Wire::Text),
    ("step", Wire::U64),
    ("time", Wire::Time),
    ("mark", Wire::Text),
];

const SEARCH_COLUMNS: &[(&str, Wire)] = &[
    ("account", Wire::Text),
    ("name", Wire::Text),
    ("revision", Wire::U64),
    ("query", Wire::Text),
    ("removed", Wire::U8),
];

const ACCOUNT: &str = "SELECT name, revision, actor, toString(role) AS role, password, must_change, second_factor, recovery, disabled, \
                       toUnixTimestamp64Micro(sessions_since) AS since, mark FROM accounts FINAL";
const SESSION: &str = "SELECT id, account, toString(kind) AS kind, title, toUnixTimestamp64Micro(session.started) AS started, \
                       toUnixTimestamp64Micro(session.until) AS until, ended, address, agent FROM sessions AS session FINAL";

/// Sessions of one account that are shown at most.
const MOST_SESSIONS: usize = 200;
/// How often an account is given its right back that others change meanwhile.
const ATTEMPTS: u32 = 10;
/// Searches that one account keeps at most.
const MOST_SEARCHES: usize = 100;

#[derive(Row, Deserialize)]
struct AccountRow {
    name: String,
    revision: u64,
    actor: String,
    role: String,
    password: String,
    must_change: u8,
    second_factor: String,
    recovery: Vec<String>,
    disabled: u8,
    since: i64,
    mark: String,
}

#[derive(Row, Deserialize)]
struct SessionRow {
    id: String,
    account: String,
    kind: String,
    title: String,
    started: i64,
    until: i64,
    ended: u8,
    address: String,
    agent: String,
}

/// A search that somebody keeps.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct SavedSearch {
    /// What it is called.
    pub name: String,
    /// The search as the address of the page has it.
    pub query: String,
}

impl Store {
    /// Puts a new account on record.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        let token = format!("account/{}/{}", account.name, account.revision);
        self.insert(&token, &account_rows(account)).await
    }

    /// Puts a change of an account on record; `false` where somebody changed it since `before` was read, so that nothing is undone unseen.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn change_account(
        &self,
        before: &Account,
        changed: &Account,
    ) -> Result<bool, StoreError> {
        // Whatever follows one revision has one token, so ClickHouse takes the first of two and drops the other.
        let token = format!("account/{}/after/{}", before.name, before.revision);
        self.insert(&token, &account_rows(changed)).await?;
        Ok(self.account(&changed.name).await?.as_ref() == Some(changed))
    }

    /// After a change that took somebody's right to administer accounts: gives it back where nobody else has it, and says whether it did. What else was
    /// changed stays. Two who take it from one another at the same instant both saw that the other has it; whoever looks here last sees both changes.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn keep_administrator(
        &self,
        before: &Account,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let accounts = self.accounts().await?;
            let mut all = accounts.iter();
            let is_administered = all.any(|it| it.is_let(Permission::Administer));
            let stands = accounts.iter().find(|it| it.name == before.name);
            let Some(stands) = stands.filter(|_| !is_administered) else {
                break;
            };
            let restored = Account {
                role: before.role,
                disabled: before.disabled,
                ..stands.changed(by, now)
            };
            if self.change_account(stands, &restored).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An account by its name.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let sql = format!("{ACCOUNT} WHERE name = ?");
        let query = self.client.query(&sql).bind(name);
        let row = query.fetch_optional::<AccountRow>();
        let row = self.within(row, "an account", false).await?;
        Ok(row.and_then(account))
    }

    /// Takes the code of these thirty seconds; `false` when it or a later one was taken before. Of all who show it at once, to whichever instances, one is
    /// told `true`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn take_code(
        &self,
        account: &str,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = self
            .client
            .query("SELECT max(step) FROM second_factor_codes WHERE account = ?")
            .bind(account);
        let newest = query.fetch_one::<u64>();
        if self.within(newest, "the newest code", false).await? >= step {
            return Ok(false);
        }
        let mark = mark();
        let mut rows = Rows::new("second_factor_codes", CODE_COLUMNS);
        rows.push([
            Cell::Text(account),
            Cell::Number(step),
            Cell::Time(Some(now)),
            Cell::Text(&mark),
        ]);
        // Whoever takes a code does it under one token, so ClickHouse keeps the first of several and drops the others.
        let token = format!("code/{account}/{step}");
        self.insert(&token, &rows.finish()).await?;
        let query = self
            .client
            .query("SELECT mark FROM second_factor_codes WHERE account = ? AND step = ?")
            .bind(account)
            .bind(step);
        let kept = query.fetch_all::<String>();
        // None where a later one was taken meanwhile.
        Ok(self.within(kept, "who took a code", false).await? == [mark])
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let sql = format!("{ACCOUNT} ORDER BY name");
        let rows = self.client.query(&sql).fetch_all::<AccountRow>();
        let rows = self.within(rows, "the accounts", false).await?;
        Ok(rows.into_iter().filter_map(account).collect())
    }

    /// From when on sessions of an account have to begin, where all that began before are to end: after now, and after the newest of them, since the host
    /// that began it may have a clock that is ahead.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn end_of_sessions(
        &self,
        account: &str,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let query = self
            .client
            .query("SELECT toUnixTimestamp64Micro(max(started)) FROM sessions WHERE account = ?")
            .bind(account);
        let newest = query.fetch_one::<i64>();
        let newest = self.within(newest, "the newest session", false).await?;
        Ok(now.max(Timestamp::from_micros(newest)).plus_micros(1))
    }

    /// Puts a session on record as it is now.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_session(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Its end comes after its beginning, also where another host ends it whose clock is behind.
        let after = session.started.plus_micros(session.ended.into());
        let revision = u64::try_from(now.max(after).micros()).unwrap_or(0);
        let mut rows = Rows::new("sessions", SESSION_COLUMNS);
        rows.push([
            Cell::Text(&session.id),
            Cell::Number(revision),
            Cell::Text(&session.account),
            Cell::Text(session.kind.name()),
            Cell::Text(&session.title),
            Cell::Time(Some(session.started)),
            Cell::Time(Some(session.until)),
            Cell::Number(session.ended.into()),
            Cell::Text(&session.address),
            Cell::Text(&session.agent),
        ]);
        let token = format!("session/{}/{revision}", session.id);
        self.insert(&token, &rows.finish()).await
    }

    /// A session or token by the hash of what was shown.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let sql = format!("{SESSION} WHERE id = ?");
        let row = self.client.query(&sql).bind(id);
        let row = row.fetch_optional::<SessionRow>();
        let row = self.within(row, "a session", false).await?;
        Ok(row.and_then(session))
    }

    /// Puts on record that something was asked for with a session.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_use(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut rows = Rows::new("session_uses", USE_COLUMNS);
        rows.push([Cell::Text(id), Cell::Time(Some(now))]);
        let token = format!("use/{id}/{}", now.micros());
        self.insert(&token, &rows.finish()).await
    }

    /// When something was last asked for with a session, as far as that is on record; 1970 where it is not.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn last_use(&self, id: &str) -> Result<Timestamp, StoreError> {
        let query = self
            .client
            .query("SELECT toUnixTimestamp64Micro(max(used)) FROM session_uses WHERE id = ?")
            .bind(id);
        let used = query.fetch_one::<i64>();
        let used = self.within(used, "the use of a session", false).await?;
        Ok(Timestamp::from_micros(used))
    }

    /// Sessions and tokens that have not ended, of one account or of all, the newest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn live_sessions(
        &self,
        account: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "{SESSION} WHERE ended = 0 AND session.until > fromUnixTimestamp64Micro(?) AND (account = ? OR ? = '') \
             ORDER BY session.started DESC LIMIT {MOST_SESSIONS}"
        );
        let account = account.unwrap_or_default();
        let query = self.client.query(&sql).bind(now.micros());
        let rows = query.bind(account).bind(account).fetch_all::<SessionRow>();
        let rows = self.within(rows, "the sessions", false).await?;
        Ok(rows.into_iter().filter_map(session).collect())
    }

    /// Keeps or takes away a search of somebody.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn save_search(
        &self,
        account: &str,
        search: &SavedSearch,
        removed: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let revision = u64::try_from(now.micros()).unwrap_or(0);
        let mut rows = Rows::new("saved_searches", SEARCH_COLUMNS);
        rows.push([
            Cell::Text(account),
            Cell::Text(&search.name),
            Cell::Number(revision),
            Cell::Text(&search.query),
            Cell::Number(removed.into()),
        ]);
        let token = format!("search/{account}/{}/{revision}", search.name);
        self.insert(&token, &rows.finish()).await
    }

    /// Searches that somebody keeps, by name.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn saved_searches(&self, account: &str) -> Result<Vec<SavedSearch>, StoreError> {
        let sql = format!(
            "SELECT name, query FROM saved_searches FINAL WHERE account = ? AND removed = 0 ORDER BY name LIMIT {MOST_SEARCHES}"
        );
        let query = self.client.query(&sql).bind(account);
        self.within(query.fetch_all(), "saved searches", false)
            .await
    }
}

fn account_rows(account: &Account) -> Insert {
    let recovery: Vec<&str> = account.recovery.iter().map(String::as_str).collect();
    let mut rows = Rows::new("accounts", ACCOUNT_COLUMNS);
    rows.push([
        Cell::Text(&account.name),
        Cell::Number(account.revision),
        Cell::Text(&account.by),
        Cell::Text(account.role.name()),
        Cell::Text(&account.password),
        Cell::Number(account.must_change.into()),
        Cell::Text(&account.second_factor),
        Cell::Texts(&recovery),
        Cell::Number(account.disabled.into()),
        Cell::Time(Some(account.sessions_since)),
        Cell::Text(&account.mark),
    ]);
    rows.finish()
}

fn account(row: AccountRow) -> Option<Account> {
    let Some(role) = Role::named(&row.role) else {
        warn!(
            role = row.role,
            "an account has a role that this version does not know: nobody gets in with it"
        );
        return None;
    };
    Some(Account {
        name: row.name,
        revision: row.revision,
        by: row.actor,
        role,
        password: row.password,
        must_change: row.must_change != 0,
        second_factor: row.second_factor,
        recovery: row.recovery,
        disabled: row.disabled != 0,
        sessions_since: Timestamp::from_micros(row.since),
        mark: row.mark,
    })
}

fn session(row: SessionRow) -> Option<Session> {
    Some(Session {
        kind: Kind::named(&row.kind)?,
        id: row.id,
        account: row.account,
        title: row.title,
        started: Timestamp::from_micros(row.started),
        until: Timestamp::from_micros(row.until),
        ended: row.ended != 0,
        address: row.address,
        agent: row.agent,
    })
}
