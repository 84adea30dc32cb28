//! Accounts of the console.

use thiserror::Error;

use super::{Permission, Role, mark};
use crate::event::Timestamp;

/// Longest name of an account.
const LONGEST: usize = 64;

/// Somebody who may sign in. A later revision replaces an earlier one of the same name.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// What they sign in with.
    pub name: String,
    /// Grows with every change, in microseconds of its time.
    pub revision: u64,
    /// Who changed it last.
    pub by: String,
    /// What they are.
    pub role: Role,
    /// Hash of the password, in PHC form.
    pub password: String,
    /// Whether the password has to be changed before anything else.
    pub must_change: bool,
    /// Secret of the second factor, sealed; empty where there is none.
    pub second_factor: String,
    /// Hashes of recovery codes that were not used.
    pub recovery: Vec<String>,
    /// Whether nobody gets in with it any more.
    pub disabled: bool,
    /// Sessions that began before are over.
    pub sessions_since: Timestamp,
    /// Random with every change, so that two that are made at once are told apart.
    pub mark: String,
}

/// Neither hash nor secret is shown.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("revision", &self.revision)
            .field("role", &self.role)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// Why a text is no name of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a name is 1 to {LONGEST} letters, digits and `.`, `-`, `_`, `@`, and begins with a letter or digit"
)]
pub struct NameError;

/// A name as it is kept: in small letters.
///
/// # Errors
/// The text is no name.
pub fn name(text: &str) -> Result<String, NameError> {
    let name = text.trim().to_lowercase();
    let is_plain = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_' | '@');
    let begins = name.chars().next().is_some_and(char::is_alphanumeric);
    if begins && name.chars().count() <= LONGEST && name.chars().all(is_plain) {
        Ok(name)
    } else {
        Err(NameError)
    }
}

impl Account {
    /// A new one, whose password is to be changed at first sign-in.
    #[must_use]
    pub fn new(name: String, role: Role, password: String, by: &str, now: Timestamp) -> Account {
        Account {
            name,
            revision: revision(now),
            by: by.to_owned(),
            role,
            password,
            must_change: true,
            second_factor: String::new(),
            recovery: Vec::new(),
            disabled: false,
            sessions_since: now,
            mark: mark(),
        }
    }

    /// Whether a second factor is set up.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        !self.second_factor.is_empty()
    }

    /// Whether somebody gets in with it who may do this.
    #[must_use]
    pub fn is_let(&self, permission: Permission) -> bool {
        !self.disabled && self.role.may(permission)
    }

    /// When a session that begins now begins: never before what ended the earlier ones, which a host may have said whose clock is ahead.
    #[must_use]
    pub fn session_start(&self, now: Timestamp) -> Timestamp {
        now.max(self.sessions_since)
    }

    /// The next revision, by somebody.
    #[must_use]
    pub fn changed(&self, by: &str, now: Timestamp) -> Account {
        Account {
            revision: revision(now).max(self.revision + 1),
            by: by.to_owned(),
            mark: mark(),
            ..self.clone()
        }
    }
}

fn revision(now: Timestamp) -> u64 {
    u64::try_from(now.micros()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_in_small_letters() {
        assert_eq!(name(" Анна.Петрова "), Ok("анна.петрова".to_owned()));
        assert_eq!(name("a@b.example"), Ok("a@b.example".to_owned()));
        for wrong in ["", " ", "-a", "a b", "a<b", "a\nb", &"a".repeat(65)] {
            assert_eq!(name(wrong), Err(NameError), "{wrong:?}");
        }
    }

    #[test]
    fn with_a_disabled_account_nobody_may_anything() {
        let now = Timestamp::from_seconds(10);
        let mut account = Account::new("a".into(), Role::Analyst, "h".into(), "b", now);
        assert!(account.is_let(Permission::Triage));
        assert!(!account.is_let(Permission::Administer));
        account.disabled = true;
        assert!(!account.is_let(Permission::Triage));
    }

    #[test]
    fn a_change_is_always_later() {
        let now = Timestamp::from_seconds(10);
        let account = Account::new("a".into(), Role::Viewer, "h".into(), "b", now);
        let changed = account.changed("c", Timestamp::from_seconds(5));
        assert!(changed.revision > account.revision);
        let at_once = account.changed("c", Timestamp::from_seconds(5));
        assert_ne!(changed, at_once, "each is told from the other");
        let shown = format!("{account:?}");
        assert!(!shown.contains("\"h\""), "{shown}");
    }

    #[test]
    fn a_session_begins_after_what_ended_the_earlier_ones() {
        let at = Timestamp::from_seconds;
        let account = Account::new("a".into(), Role::Viewer, "h".into(), "b", at(40));
        assert_eq!(account.session_start(at(10)), at(40), "its clock is behind");
        assert_eq!(account.session_start(at(50)), at(50));
    }
}
