//! Browsers that signed in before: a cookie says so, and their tries are counted apart (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). So whoever
//! knows a name and tries passwords elsewhere keeps nobody out who was in before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Account, Vault, random};
use crate::event::Timestamp;

const PURPOSE: &str = "device";
/// A browser is known for so many seconds after it signed in.
pub const KNOWN_SECONDS: i64 = 90 * 86_400;

/// A browser from which somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Random; what its tries are counted by.
    pub id: String,
    /// Until when it is known; whole seconds.
    until: Timestamp,
}

impl Device {
    /// One that signs in now.
    #[must_use]
    pub fn new(now: Timestamp) -> Device {
        Device {
            id: URL_SAFE_NO_PAD.encode(random::<16>()),
            until: Timestamp::from_seconds(now.seconds() + KNOWN_SECONDS),
        }
    }

    /// What the browser keeps, for this account as long as its password stays.
    #[must_use]
    pub fn cookie(&self, vault: &Vault, account: &Account) -> String {
        let until = self.until.seconds().to_string();
        let proof = vault.sign(
            PURPOSE,
            &[&account.name, &account.password, &self.id, &until],
        );
        format!("{}.{until}.{proof}", self.id)
    }

    /// The browser that shows this; `None` where it was given for another account or another password, or is too old.
    #[must_use]
    pub fn read(vault: &Vault, account: &Account, shown: &str, now: Timestamp) -> Option<Device> {
        let (id, rest) = shown.split_once('.')?;
        let (until, proof) = rest.split_once('.')?;
        let texts = [account.name.as_str(), &account.password, id, until];
        let is_signed = vault.is_signed(PURPOSE, &texts, proof);
        let device = Device {
            id: id.to_owned(),
            until: Timestamp::from_seconds(until.parse().ok()?),
        };
        (is_signed && now <= device.until).then_some(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn account(name: &str, password: &str) -> Account {
        Account::new(name.into(), Role::Analyst, password.into(), "b", at(0))
    }

    #[test]
    fn a_browser_is_known_for_its_account_and_password_until_its_time_is_over() {
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let anna = account("anna", "hash");
        let device = Device::new(at(10));
        let cookie = device.cookie(&vault, &anna);
        let read = |account: &Account, shown: &str, now| Device::read(&vault, account, shown, now);
        let last = at(10 + KNOWN_SECONDS);
        assert_eq!(read(&anna, &cookie, last), Some(device.clone()));
        assert_eq!(read(&anna, &cookie, last.plus_micros(1)), None);
        assert_eq!(read(&account("ivan", "hash"), &cookie, at(11)), None);
        assert_eq!(read(&account("anna", "other"), &cookie, at(11)), None);
        let later = cookie.replacen(
            &last.seconds().to_string(),
            &(last.seconds() + 1).to_string(),
            1,
        );
        for forged in [&*later, &format!("x{cookie}"), "", "..", "a.b.c"] {
            assert_eq!(read(&anna, forged, at(11)), None, "{forged}");
        }
        let other = Vault::new(&"cd".repeat(32)).unwrap();
        assert_eq!(Device::read(&other, &anna, &cookie, at(11)), None);
        assert_ne!(Device::new(at(10)), device, "each is counted apart");
    }
}
