//! Facts: short stable names of what is so about an event. Enrich sets them, rules judge them.

use std::fmt;

macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// One fact. Its name is stable: rules, stored rows and reports carry it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Fact { $($(#[doc = $doc])+ $variant),+ }

        impl Fact {
            /// Every fact, in the order of its bit in a [`FactSet`].
            pub const ALL: &'static [Fact] = &[$(Fact::$variant),+];

            /// The stable name, `family.what`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Fact::$variant => $name),+ }
            }

            /// What the fact says, for the reference.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Fact::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

facts! {
    /// The call came over plain HTTP.
    TlsNone = "tls.none",
    /// TLS 1.0, TLS 1.1 or SSL.
    TlsOld = "tls.old",
    /// A cipher suite without forward secrecy or authentication, or one with RC4, DES, 3DES, NULL, EXPORT or MD5.
    TlsWeakSuite = "tls.weak_suite",
    /// libinjection takes a value of path, query, user agent or referer for SQL, or what is left when its disguise is undone.
    AttackSqli = "attack.sqli",
    /// libinjection takes a value of path, query, user agent or referer for script, or what is left when its disguise is undone.
    AttackXss = "attack.xss",
    /// The path or query needed more than one round of percent-decoding.
    EncodingRepeated = "encoding.repeated",
    /// The path or query has a percent sequence that is not one, an overlong form or a NUL.
    EncodingBroken = "encoding.broken",
    /// A value is base64 of a text that is more than letters, digits and separators.
    EncodingBase64 = "encoding.base64",
    /// The values that are not plain were too long or too many for all of their normal forms.
    PayloadCut = "payload.cut",
    /// The path climbs with `..` segments, before or after decoding.
    PathTraversal = "path.traversal",
    /// The query or path holds an e-mail address.
    PersonalEmail = "personal.email",
    /// The query or path holds a telephone number.
    PersonalPhone = "personal.phone",
    /// The query or path holds a vehicle plate.
    PersonalPlate = "personal.plate",
    /// The query or path holds a payment card number that passes the Luhn check.
    PersonalCard = "personal.card",
    /// The query or path holds a passport number beside a word that names it.
    PersonalPassport = "personal.passport",
    /// A token was used after its expiry.
    TokenExpired = "token.expired",
    /// The token says `alg: none`.
    TokenUnsigned = "token.unsigned",
    /// The token lives longer than a day.
    TokenOverlong = "token.overlong",
    /// The call carried no token, and was answered 2xx.
    TokenAbsent = "token.absent",
    /// The method is none that is registered with IANA or in use.
    MethodUnknown = "method.unknown",
    /// The version of HTTP has a number that was never published.
    VersionUnknown = "version.unknown",
    /// The path is a whole address with a scheme, as a proxy is asked.
    TargetAbsolute = "target.absolute",
    /// The host is empty, or has characters that no name, address or port has.
    HostMalformed = "host.malformed",
}

impl Fact {
    /// The fact of this name, or `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Fact> {
        Fact::ALL.iter().copied().find(|fact| fact.name() == name)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The facts of one event, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FactSet(u64);

const _: () = assert!(Fact::ALL.len() <= 64, "a fact needs a bit");

impl FactSet {
    /// Sets a fact.
    pub const fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u8;
    }

    /// Whether the fact is set.
    #[must_use]
    pub const fn contains(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u8) != 0
    }

    /// Whether any fact is set in both.
    #[must_use]
    pub const fn intersects(self, other: FactSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no fact is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The facts that are set, in the order of [`Fact::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Fact> {
        Fact::ALL
            .iter()
            .copied()
            .filter(move |fact| self.contains(*fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for fact in Fact::ALL {
            assert_eq!(Fact::from_name(fact.name()), Some(*fact));
        }
    }
}
