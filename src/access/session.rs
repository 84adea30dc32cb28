//! Sessions and tokens: that somebody has signed in.

use super::{Account, Permission, Role};
use crate::event::Timestamp;

/// How somebody is let in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A cookie of a browser, from which the second factor is still missing.
    Half,
    /// A cookie of a browser.
    Whole,
    /// A token of a program, which only reads.
    Reader,
    /// A token of a program, which may do what its account may.
    Program,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Half, Kind::Whole, Kind::Reader, Kind::Program];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Half => "half",
            Kind::Whole => "whole",
            Kind::Reader => "reader",
            Kind::Program => "program",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is a token rather than a cookie.
    #[must_use]
    pub const fn is_token(self) -> bool {
        matches!(self, Kind::Reader | Kind::Program)
    }
}

/// A session or a token. A later revision replaces an earlier one of the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Hash of what the browser or program shows.
    pub id: String,
    /// Name of the account.
    pub account: String,
    /// What it is.
    pub kind: Kind,
    /// What it is called, of a token.
    pub title: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Whether it was ended before.
    pub ended: bool,
    /// Address from which it began.
    pub address: String,
    /// Program with which it began.
    pub agent: String,
}

/// What a session is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// For nothing.
    Over,
    /// The second factor has to be shown first.
    SecondFactor,
    /// The password has to be changed first.
    Password,
    /// A second factor has to be set up first.
    Enrolment,
    /// For what the role may.
    Whole,
}

impl Session {
    /// What it is good for.
    #[must_use]
    pub fn standing(&self, account: &Account, now: Timestamp) -> Standing {
        let is_over = self.ended
            || self.until <= now
            || account.disabled
            || self.account != account.name
            || self.started < account.sessions_since;
        if is_over {
            return Standing::Over;
        }
        match self.kind {
            Kind::Half => Standing::SecondFactor,
            Kind::Whole if account.must_change => Standing::Password,
            Kind::Whole if account.role.needs_second_factor() && !account.has_second_factor() => {
                Standing::Enrolment
            }
            Kind::Whole | Kind::Reader | Kind::Program => Standing::Whole,
        }
    }

    /// Whether it may do this for an account of that role.
    #[must_use]
    pub fn may(&self, role: Role, permission: Permission) -> bool {
        let reads = matches!(permission, Permission::View | Permission::Search);
        // What a program holds lies in a file somewhere: neither accounts nor persons are for it.
        let is_for_people = matches!(
            permission,
            Permission::Administer | Permission::Reveal | Permission::Audit
        );
        role.may(permission)
            && match self.kind {
                Kind::Half => false,
                Kind::Whole => true,
                Kind::Reader => reads,
                Kind::Program => !is_for_people,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(kind: Kind) -> Session {
        Session {
            id: "i".into(),
            account: "anna".into(),
            kind,
            title: String::new(),
            started: Timestamp::from_seconds(100),
            until: Timestamp::from_seconds(200),
            ended: false,
            address: String::new(),
            agent: String::new(),
        }
    }

    fn account(role: Role) -> Account {
        let mut account = Account::new(
            "anna".into(),
            role,
            "h".into(),
            "b",
            Timestamp::from_seconds(50),
        );
        account.must_change = false;
        account
    }

    #[test]
    fn a_session_ends_in_five_ways() {
        let (session, account) = (session(Kind::Whole), account(Role::Analyst));
        let now = Timestamp::from_seconds(150);
        assert_eq!(session.standing(&account, now), Standing::Whole);
        let later = Timestamp::from_seconds(200);
        assert_eq!(session.standing(&account, later), Standing::Over);
        let mut ended = session.clone();
        ended.ended = true;
        assert_eq!(ended.standing(&account, now), Standing::Over);
        let mut disabled = account.clone();
        disabled.disabled = true;
        assert_eq!(session.standing(&disabled, now), Standing::Over);
        let mut signed_out = account.clone();
        signed_out.sessions_since = now;
        assert_eq!(session.standing(&signed_out, now), Standing::Over);
        let mut other = account;
        other.name = "ivan".into();
        assert_eq!(session.standing(&other, now), Standing::Over);
    }

    #[test]
    fn what_is_missing_comes_first() {
        let now = Timestamp::from_seconds(150);
        let half = session(Kind::Half);
        assert_eq!(
            half.standing(&account(Role::Viewer), now),
            Standing::SecondFactor
        );
        assert!(!half.may(Role::Administrator, Permission::View));
        let whole = session(Kind::Whole);
        let administrator = account(Role::Administrator);
        assert_eq!(whole.standing(&administrator, now), Standing::Enrolment);
        let mut fresh = administrator.clone();
        fresh.must_change = true;
        assert_eq!(whole.standing(&fresh, now), Standing::Password);
        let mut enrolled = administrator;
        enrolled.second_factor = "sealed".into();
        assert_eq!(whole.standing(&enrolled, now), Standing::Whole);
    }

    #[test]
    fn programs_do_less_than_people() {
        let role = Role::Administrator;
        assert!(session(Kind::Reader).may(role, Permission::Search));
        assert!(!session(Kind::Reader).may(role, Permission::Triage));
        assert!(session(Kind::Program).may(role, Permission::Triage));
        assert!(!session(Kind::Program).may(role, Permission::Administer));
        assert!(!session(Kind::Program).may(role, Permission::Audit));
        assert!(!session(Kind::Program).may(Role::Viewer, Permission::Triage));
    }
}
