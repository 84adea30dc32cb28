//! Roles and what each may do.

use serde::{Deserialize, Serialize};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See traffic, alerts, entities, integrations and rules.
    View,
    /// Search stored events, and take them along as a file.
    Search,
    /// Say what an alert is, and who works on it.
    Triage,
    /// Block and unblock.
    Decide,
    /// See what rules cost, find and hold back.
    Rules,
    /// Find persons by what is known of them, and see who is behind a pseudonym.
    Reveal,
    /// Read the audit: all of it with [`Permission::Administer`], else what concerns persons, searches and accounts.
    Audit,
    /// Accounts, sessions and tokens.
    Administer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Permission; 8] = [
        Permission::View,
        Permission::Search,
        Permission::Triage,
        Permission::Decide,
        Permission::Rules,
        Permission::Reveal,
        Permission::Audit,
        Permission::Administer,
    ];
}

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[clap(rename_all = "snake_case")]
pub enum Role {
    /// Sees what is there
    Viewer,
    /// Works on alerts
    Analyst,
    /// Works on alerts, blocks and unblocks
    Responder,
    /// Writes rules
    RuleAuthor,
    /// Answers for personal data
    DataProtectionOfficer,
    /// Answers for the installation and its accounts
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 6] = [
        Role::Viewer,
        Role::Analyst,
        Role::Responder,
        Role::RuleAuthor,
        Role::DataProtectionOfficer,
        Role::Administrator,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Responder => "responder",
            Role::RuleAuthor => "rule_author",
            Role::DataProtectionOfficer => "data_protection_officer",
            Role::Administrator => "administrator",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it may do this. Who administers accounts reveals no persons, and who reveals persons administers nothing.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission::{Administer, Audit, Decide, Reveal, Rules, Search, Triage, View};
        match self {
            Role::Viewer => matches!(permission, View),
            Role::Analyst => matches!(permission, View | Search | Triage),
            Role::Responder => matches!(permission, View | Search | Triage | Decide),
            Role::RuleAuthor => matches!(permission, View | Search | Triage | Rules),
            Role::DataProtectionOfficer => {
                matches!(permission, View | Search | Reveal | Audit)
            }
            Role::Administrator => {
                matches!(
                    permission,
                    View | Search | Triage | Decide | Rules | Audit | Administer
                )
            }
        }
    }

    /// Whether nobody alone makes an account of it, gives it to one, or resets one that has it. An administrator who could make a second administrator
    /// would confirm what the first proposed.
    #[must_use]
    pub const fn needs_two(self) -> bool {
        self.may(Permission::Administer) || self.may(Permission::Reveal)
    }

    /// Whether nobody gets in as such without a second factor.
    #[must_use]
    pub const fn needs_second_factor(self) -> bool {
        self.may(Permission::Administer) || self.may(Permission::Reveal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert!(role.may(Permission::View));
        }
        assert_eq!(Role::named("root"), None);
    }

    #[test]
    fn nobody_both_administers_and_reveals() {
        for role in Role::ALL {
            assert!(!(role.may(Permission::Administer) && role.may(Permission::Reveal)));
            let is_special = role.may(Permission::Administer) || role.may(Permission::Reveal);
            assert_eq!(role.needs_two(), is_special, "{}", role.name());
            // Who answers for persons sees what was done to them; who works on alerts does not.
            assert_eq!(role.may(Permission::Audit), is_special, "{}", role.name());
        }
        for permission in Permission::ALL {
            assert!(Role::ALL.iter().any(|role| role.may(permission)));
        }
    }
}
