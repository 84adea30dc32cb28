//! Changes of accounts that two administrators make together: one proposes, another confirms.
//!
//! They are those by which one administrator alone would get into an account that looks persons up, or into a second one that administers and could confirm.

use super::Role;
use crate::event::Timestamp;

/// A proposal is good for so long.
pub const PROPOSAL_US: i64 = 86_400_000_000;

/// What becomes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Add,
    /// It gets another role.
    Role,
    /// It gets a new first password.
    Password,
    /// Its second factor is taken away.
    SecondFactor,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 4] = [
        Change::Add,
        Change::Role,
        Change::Password,
        Change::SecondFactor,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Change::Add => "add",
            Change::Role => "role",
            Change::Password => "reset",
            Change::SecondFactor => "second_factor",
        }
    }

    /// The change of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Change> {
        Change::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether there is a password to be told afterwards.
    #[must_use]
    pub const fn makes_password(self) -> bool {
        matches!(self, Change::Add | Change::Password)
    }
}

/// A change that waits for another administrator.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Random.
    pub id: String,
    /// Name of the account.
    pub account: String,
    /// What becomes of it.
    pub change: Change,
    /// Its role after that.
    pub role: Role,
    /// Revision of the account that it is built on; 0 where there was none.
    pub before: u64,
    /// First half of the new password, sealed; empty where there is none.
    pub half: String,
    /// Who proposed it.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

/// The half of the password is not shown.
impl std::fmt::Debug for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proposal")
            .field("account", &self.account)
            .field("change", &self.change)
            .field("role", &self.role)
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

impl Proposal {
    /// Until when it is good.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.time.plus_micros(PROPOSAL_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for change in Change::ALL {
            assert_eq!(Change::named(change.name()), Some(change));
        }
        assert_eq!(Change::named("disable"), None);
    }

    #[test]
    fn a_half_of_a_password_is_not_shown() {
        let proposal = Proposal {
            id: "i".into(),
            account: "officer".into(),
            change: Change::Password,
            role: Role::DataProtectionOfficer,
            before: 1,
            half: "sealed half".into(),
            by: "anna".into(),
            time: Timestamp::from_seconds(10),
        };
        let shown = format!("{proposal:?}");
        assert!(
            shown.contains("officer") && !shown.contains("sealed"),
            "{shown}"
        );
        assert_eq!(proposal.until(), Timestamp::from_seconds(86_410));
    }
}
