//! Links that let in for one thing: in a mail, to say that somebody has seen its alert.

use uuid::Uuid;

use super::Vault;
use crate::event::Timestamp;

const PURPOSE: &str = "acknowledge";

/// A link that acknowledges one alert in the name of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The alert.
    pub alert: Uuid,
    /// In whose name: the address that the mail went to.
    pub who: String,
    /// Until when it is good; whole seconds.
    pub until: Timestamp,
}

impl Acknowledgement {
    /// What it says and its signature, as the query of an address.
    #[must_use]
    pub fn query(&self, vault: &Vault) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs(vault) {
            query.append_pair(name, &value);
        }
        query.finish()
    }

    /// The same, name by name.
    #[must_use]
    pub fn pairs(&self, vault: &Vault) -> [(&'static str, String); 4] {
        let (alert, until) = (self.alert.to_string(), self.until.seconds().to_string());
        let proof = vault.sign(PURPOSE, &[&alert, &self.who, &until]);
        [
            ("alert", alert),
            ("who", self.who.clone()),
            ("until", until),
            ("proof", proof),
        ]
    }

    /// Reads one; `None` where its signature does not hold or its time is over.
    #[must_use]
    pub fn read<'q>(
        vault: &Vault,
        get: impl Fn(&str) -> &'q str,
        now: Timestamp,
    ) -> Option<Acknowledgement> {
        let (alert, who, until) = (get("alert"), get("who"), get("until"));
        let is_signed = vault.is_signed(PURPOSE, &[alert, who, until], get("proof"));
        let link = Acknowledgement {
            alert: alert.parse().ok()?,
            who: who.to_owned(),
            until: Timestamp::from_seconds(until.parse().ok()?),
        };
        (is_signed && now <= link.until).then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_what_it_says_until_it_ends() {
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let link = Acknowledgement {
            alert: Uuid::from_u128(7),
            who: "soc@example.org".into(),
            until: Timestamp::from_seconds(100),
        };
        let pairs = link.pairs(&vault);
        let get = |changed: &'static str, to: &'static str| {
            let pairs = pairs.clone();
            let get = move |name: &str| -> &'static str {
                if name == changed {
                    return to;
                }
                let value = pairs.iter().find(|(key, _)| *key == name);
                value.map_or("", |(_, value)| value.clone().leak())
            };
            Acknowledgement::read(&vault, get, Timestamp::from_seconds(100))
        };
        assert_eq!(get("", ""), Some(link.clone()));
        assert_eq!(get("who", "boss@example.org"), None);
        assert_eq!(get("until", "200"), None);
        assert_eq!(get("proof", ""), None);
        assert_eq!(get("alert", "x"), None);
        let late = Acknowledgement::read(
            &vault,
            |name| {
                let value = pairs.iter().find(|(key, _)| *key == name);
                value.map_or("", |(_, value)| value.as_str())
            },
            Timestamp::from_seconds(101),
        );
        assert_eq!(late, None);
        assert!(
            link.query(&vault)
                .contains("who=soc%40example.org&until=100&proof=")
        );
    }
}
