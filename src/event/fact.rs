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
    /// The time of the event is ahead of the time at which its record was written, by more than a minute.
    ClockAhead = "clock.ahead",
    /// The host is empty, or has characters that no name, address or port has.
    HostMalformed = "host.malformed",
    // From here on: what a contract says.
    /// No contract covers the call.
    ContractNone = "contract.none",
    /// The contract is not in force: not yet, or no longer.
    ContractExpired = "contract.expired",
    /// The partner was off-boarded before the call.
    ContractEnded = "contract.ended",
    /// No acceptance of the integration or of the operation is on record before the call.
    ContractUnaccepted = "contract.unaccepted",
    /// The client is not in the contract.
    CallerUnknown = "caller.unknown",
    /// The gateway is not in the contract.
    CallerGateway = "caller.gateway",
    /// The call comes from a network that is not in the contract.
    CallerNetwork = "caller.network",
    /// The call left by an address that is not in the contract.
    CallerEgress = "caller.egress",
    /// The call comes from a country that is not in the contract.
    CallerCountry = "caller.country",
    /// The contract has operations, and the call is none of them.
    OperationUnknown = "operation.unknown",
    /// TLS is older than the contract's floor, or there was none.
    TlsBelow = "tls.below",
    /// The cipher suite is not in the contract.
    TlsSuite = "tls.suite",
    /// The contract requires a token, and none came.
    TokenRequired = "token.required",
    /// The token's issuer is not in the contract.
    TokenIssuer = "token.issuer",
    /// The token's audience is not in the contract.
    TokenAudience = "token.audience",
    /// The token's algorithm is not in the contract.
    TokenAlgorithm = "token.algorithm",
    /// The token's key is not in the contract.
    TokenKey = "token.key",
    /// The token lives longer than the contract allows.
    TokenLife = "token.life",
    /// The token was issued after the call, by more than the contract's clock skew.
    TokenEarly = "token.early",
    /// The token was got by a grant that is not in the contract.
    GrantDenied = "grant.denied",
    /// The token carries a scope that is not in the contract.
    ScopeDenied = "scope.denied",
    /// The subject has roles, and none of those that the contract gives the operation to.
    RoleDenied = "role.denied",
    /// The contract asks for a second factor, and it was not passed.
    MfaAbsent = "mfa.absent",
    /// A field was sent that is not in the contract.
    FieldSent = "field.sent",
    /// A field was received that is not in the contract.
    FieldReceived = "field.received",
    /// The answer carried more records than the contract allows.
    RecordsMany = "records.many",
    /// The webhook comes from a network that is not in the contract.
    WebhookNetwork = "webhook.network",
    /// The contract asks for signed webhooks, and the signature is missing or wrong.
    WebhookUnsigned = "webhook.unsigned",
    /// The webhook is older than the contract allows.
    WebhookOld = "webhook.old",
    /// A cache answered with something older than the contract allows.
    CacheOld = "cache.old",
    /// The legal basis is not in the contract.
    BasisDenied = "basis.denied",
    /// The call was tried more often than the contract allows.
    RetryMany = "retry.many",
    /// A POST or PATCH was tried again without the idempotency key that the contract asks for.
    RetryUnkeyed = "retry.unkeyed",
    /// Path or query hold personal data of a kind that the contract forbids there.
    UrlPersonal = "url.personal",
    /// The call goes out to a host that is not among the contract's targets.
    WebhookTarget = "webhook.target",
    /// The call was answered by something behind the gateway that is not in the contract.
    UpstreamUnknown = "upstream.unknown",
    /// The client touched a resource that the contract gives to others.
    ResourceForeign = "resource.foreign",
    /// The other side failed, and no cache answered although the contract asks for it.
    CacheAbsent = "cache.absent",
    /// An attestation of the contract has run out, or is not given yet.
    AttestationExpired = "attestation.expired",
}

impl Fact {
    /// Whether it comes of holding the event against a contract.
    #[must_use]
    pub const fn is_of_contract(self) -> bool {
        self as u8 >= Fact::ContractNone as u8
    }

    /// Whether it follows from the record alone, without a contract and without the time at which the record was written.
    #[must_use]
    pub const fn is_of_record(self) -> bool {
        !self.is_of_contract() && !matches!(self, Fact::ClockAhead)
    }

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
