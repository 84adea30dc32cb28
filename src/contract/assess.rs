//! Where an event keeps out of its contract, fact by fact.

use super::compile::{Contract, Contracts, Operation, Recognised};
use super::document::{
    Acceptance, Attestation, Callers, Personal, Retries, Tenant, Tokens, Transport, Webhooks,
};
use super::words::{Name, Network, TlsVersion};
use crate::event::{Event, Fact, Text};

/// Second factors that were not passed.
pub(super) const NO_FACTOR: [&str; 3] = ["none", "prompted", "failed"];

/// The requirement that a fact of a contract is about; `None` for other facts.
#[must_use]
pub const fn requirement_of(fact: Fact) -> Option<&'static str> {
    Some(match fact {
        Fact::TlsBelow | Fact::TlsSuite => "SEC-01",
        Fact::ContractNone | Fact::CallerUnknown | Fact::CallerGateway | Fact::ContractEnded => {
            "SEC-03"
        }
        Fact::OperationUnknown | Fact::RoleDenied => "SEC-04",
        Fact::CallerCountry | Fact::BasisDenied => "SEC-09",
        Fact::FieldSent | Fact::FieldReceived | Fact::RecordsMany | Fact::UrlPersonal => "SEC-10",
        Fact::TokenRequired | Fact::GrantDenied | Fact::ScopeDenied => "AUT-01",
        Fact::TokenLife | Fact::TokenEarly => "AUT-02",
        Fact::TokenIssuer | Fact::TokenAudience | Fact::TokenAlgorithm | Fact::TokenKey => "AUT-03",
        Fact::CallerNetwork | Fact::CallerEgress => "AUT-05",
        Fact::MfaAbsent => "AUT-06",
        Fact::WebhookNetwork | Fact::WebhookUnsigned | Fact::WebhookOld | Fact::WebhookTarget => {
            "INT-04"
        }
        Fact::RetryMany | Fact::RetryUnkeyed => "INT-05",
        Fact::AttestationExpired | Fact::UpstreamUnknown => "SEC-02",
        Fact::ResourceForeign => "INT-02",
        Fact::CacheOld | Fact::CacheAbsent => "INT-06",
        Fact::ContractExpired | Fact::ContractUnaccepted => "INT-07",
        _ => return None,
    })
}

impl Contracts {
    /// Sets the facts of a contract. `recognised` is what [`Contracts::recognise`] said of the event; without a contract that is the fact.
    pub fn assess(&self, recognised: Option<Recognised>, event: &mut Event<'_>) {
        let Some(recognised) = recognised else {
            if !self.is_empty() {
                event.facts.insert(Fact::ContractNone);
            }
            return;
        };
        let (contract, operation) = self.of_event(recognised);
        let mut facts = Facts(event);
        validity(contract, operation, &mut facts);
        callers(&contract.document.callers, &mut facts);
        transport(&contract.document.transport, &mut facts);
        tokens(&contract.document.tokens, &mut facts);
        match operation {
            Some(operation) => of_operation(operation, &mut facts),
            None => facts.set(Fact::OperationUnknown, !contract.operations.is_empty()),
        }
        webhooks(&contract.document.webhooks, &mut facts);
        cache_and_basis(contract, operation, &mut facts);
        tenants(&contract.document.tenants, &mut facts);
        retries(&contract.document.retries, operation, &mut facts);
        urls(&contract.document.forbidden_in_urls, &mut facts);
    }
}

/// An event whose facts are set.
struct Facts<'e, 'a>(&'e mut Event<'a>);

impl Facts<'_, '_> {
    fn set(&mut self, fact: Fact, so: bool) {
        if so {
            self.0.facts.insert(fact);
        }
    }
}

fn validity(contract: &Contract, operation: Option<&Operation>, facts: &mut Facts<'_, '_>) {
    let valid = &contract.document.valid;
    let now = facts.0.time.micros();
    let in_force = valid.from.begins() <= now && now < valid.until.ends();
    facts.set(Fact::ContractExpired, !in_force);
    let ended = valid.ended.is_some_and(|day| day.ends() <= now);
    facts.set(Fact::ContractEnded, ended);
    let is_accepted = |acceptance: &Option<Acceptance>| {
        acceptance
            .as_ref()
            .is_some_and(|done| done.on.begins() <= now)
    };
    let accepted = match operation {
        Some(Operation { document, .. }) if document.acceptance.is_some() => {
            is_accepted(&document.acceptance)
        }
        _ => is_accepted(&contract.document.acceptance),
    };
    facts.set(Fact::ContractUnaccepted, !accepted);
    let counts = |it: &Attestation| it.on.begins() <= now && now < it.until.ends();
    let run_out = !contract.document.attestations.iter().all(counts);
    facts.set(Fact::AttestationExpired, run_out);
}

fn retries(retries: &Retries, operation: Option<&Operation>, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let attempt = event.attempt.unwrap_or(1);
    let many = retries.attempts.is_some_and(|most| attempt > most);
    let is_unsafe = matches!(event.method.as_deref(), Some("POST" | "PATCH"));
    let keyed = event
        .idempotency_key
        .as_ref()
        .is_some_and(|key| !key.is_empty());
    let idempotent = operation.is_some_and(|operation| operation.document.idempotent);
    let unkeyed = retries.idempotency_key && attempt > 1 && is_unsafe && !keyed && !idempotent;
    facts.set(Fact::RetryMany, many);
    facts.set(Fact::RetryUnkeyed, unkeyed);
}

fn urls(forbidden: &[Personal], facts: &mut Facts<'_, '_>) {
    let found = forbidden.iter().any(|kind| {
        let fact = match kind {
            Personal::Plate => Fact::PersonalPlate,
            Personal::Phone => Fact::PersonalPhone,
            Personal::Email => Fact::PersonalEmail,
            Personal::Passport => Fact::PersonalPassport,
            Personal::Card => Fact::PersonalCard,
        };
        facts.0.facts.contains(fact)
    });
    facts.set(Fact::UrlPersonal, found);
}

fn callers(callers: &Callers, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let client = is_outside(&callers.clients, event.client_id.as_ref());
    let gateway = is_outside(&callers.gateways, event.gateway.as_ref());
    let is_outbound = event.direction.as_deref() == Some("outbound");
    let is_away = |networks: &[Network], address: Option<std::net::IpAddr>| {
        address.is_some_and(|address| {
            !networks.is_empty() && !networks.iter().any(|network| network.contains(address))
        })
    };
    // A webhook comes from the partner, by networks of its own.
    let is_webhook = is_webhook(event);
    let network = !is_outbound && !is_webhook && is_away(&callers.networks, event.client_address);
    let egress = is_outbound && is_away(&callers.egress, event.egress_address);
    let country = event.country.as_deref().is_some_and(|country| {
        let known = &callers.countries;
        !known.is_empty()
            && !known
                .iter()
                .any(|known| known.eq_ignore_ascii_case(country))
    });
    facts.set(Fact::CallerUnknown, client);
    facts.set(Fact::CallerGateway, gateway);
    facts.set(Fact::CallerNetwork, network);
    facts.set(Fact::CallerEgress, egress);
    facts.set(Fact::CallerCountry, country);
}

fn transport(transport: &Transport, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let version = event.tls_version.as_deref().and_then(TlsVersion::of_log);
    let is_below = match (transport.tls, version) {
        (Some(floor), Some(version)) => version < floor,
        // Plain HTTP is below every floor.
        (Some(_), None) => event.scheme.as_deref() == Some("http"),
        (None, _) => false,
    };
    let suite = is_outside(&transport.suites, event.tls_cipher.as_ref());
    let upstream = event
        .upstream_address
        .as_deref()
        .and_then(address_of)
        .is_some_and(|address| {
            let known = &transport.upstreams;
            !known.is_empty() && !known.iter().any(|network| network.contains(address))
        });
    facts.set(Fact::TlsBelow, is_below);
    facts.set(Fact::TlsSuite, suite);
    facts.set(Fact::UpstreamUnknown, upstream);
}

/// The address in `10.60.0.11:8443`, `[2001:db8::1]:443` or an address alone; `None` for a name.
fn address_of(text: &str) -> Option<std::net::IpAddr> {
    let with_port: Result<std::net::SocketAddr, _> = text.parse();
    with_port
        .map(|socket| socket.ip())
        .ok()
        .or_else(|| text.parse().ok())
}

fn tokens(tokens: &Tokens, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let missing = tokens.required && event.token_outcome.as_deref() == Some("missing");
    let issuer = is_outside(&tokens.issuers, event.token_issuer.as_ref());
    let audience = is_outside(&tokens.audiences, event.token_audience.as_ref());
    let algorithm = is_outside(&tokens.algorithms, event.token_algorithm.as_ref());
    let key = is_outside(&tokens.keys, event.token_key_id.as_ref());
    let grant = is_outside(&tokens.grants, event.grant.as_ref());
    let scope = any_outside(&tokens.scopes, &event.scopes);
    let life = match (tokens.longest_life, event.token_issued, event.token_expires) {
        (Some(longest), Some(issued), Some(expires)) => expires.since(issued) > longest.micros,
        _ => false,
    };
    let early = match (tokens.clock_skew, event.token_issued) {
        (Some(skew), Some(issued)) => issued.since(event.time) > skew.micros,
        _ => false,
    };
    for (fact, so) in [
        (Fact::TokenRequired, missing),
        (Fact::TokenIssuer, issuer),
        (Fact::TokenAudience, audience),
        (Fact::TokenAlgorithm, algorithm),
        (Fact::TokenKey, key),
        (Fact::TokenLife, life),
        (Fact::TokenEarly, early),
        (Fact::GrantDenied, grant),
        (Fact::ScopeDenied, scope),
    ] {
        facts.set(fact, so);
    }
}

fn of_operation(operation: &Operation, facts: &mut Facts<'_, '_>) {
    let asked = &operation.document;
    let event = &*facts.0;
    let role = !asked.roles.is_empty()
        && !event.roles.is_empty()
        && !event.roles.iter().any(|role| is_one_of(&asked.roles, role));
    let mfa = asked.mfa
        && event
            .mfa
            .as_deref()
            .is_some_and(|factor| NO_FACTOR.contains(&factor));
    let is_extra = |allowed: &Option<Vec<Name>>, seen: &[Text<'_>]| {
        allowed
            .as_ref()
            .is_some_and(|allowed| seen.iter().any(|field| !is_one_of(allowed, field)))
    };
    let sent = is_extra(&asked.sends, &event.fields_sent);
    let received = is_extra(&asked.receives, &event.fields_received);
    let many = match (asked.records, event.record_count) {
        (Some(most), Some(count)) => count > most,
        _ => false,
    };
    facts.set(Fact::RoleDenied, role);
    facts.set(Fact::MfaAbsent, mfa);
    facts.set(Fact::FieldSent, sent);
    facts.set(Fact::FieldReceived, received);
    facts.set(Fact::RecordsMany, many);
}

/// Whether the event is a webhook that came in; those that we send are calls of ours.
pub(super) fn is_webhook(event: &Event<'_>) -> bool {
    event.direction.as_deref() != Some("outbound")
        && (event.webhook_id.is_some() || event.webhook_signature.is_some())
}

fn webhooks(webhooks: &Webhooks, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    if !is_webhook(event) {
        let targets = &webhooks.targets;
        let is_away = event.direction.as_deref() == Some("outbound")
            && !targets.is_empty()
            && event
                .host
                .as_deref()
                .is_some_and(|host| !targets.iter().any(|target| target == host));
        facts.set(Fact::WebhookTarget, is_away);
        return;
    }
    let networks = &webhooks.networks;
    let network = !networks.is_empty()
        && event
            .client_address
            .is_some_and(|address| !networks.iter().any(|known| known.contains(address)));
    let unsigned = webhooks.signed && event.webhook_signature.as_deref() != Some("valid");
    let old = match (webhooks.longest_age, event.webhook_time) {
        (Some(longest), Some(written)) => event.time.since(written) > longest.micros,
        _ => false,
    };
    facts.set(Fact::WebhookNetwork, network);
    facts.set(Fact::WebhookUnsigned, unsigned);
    facts.set(Fact::WebhookOld, old);
}

/// A client that has resources of a type has no others of it.
fn tenants(tenants: &[Tenant], facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let (Some(client), Some(kind), Some(id)) =
        (&event.client_id, &event.resource_type, &event.resource_id)
    else {
        return;
    };
    let mut is_foreign = false;
    for tenant in tenants {
        if let Some(ids) = tenant.resources.get(kind.as_str())
            && is_one_of(&tenant.clients, client)
        {
            if ids.iter().any(|ids| ids.has(id)) {
                return;
            }
            is_foreign = true;
        }
    }
    facts.set(Fact::ResourceForeign, is_foreign);
}

fn cache_and_basis(contract: &Contract, operation: Option<&Operation>, facts: &mut Facts<'_, '_>) {
    let event = &*facts.0;
    let is_failed = event.status.is_some_and(|status| status >= 500);
    let absent = is_failed && operation.is_some_and(|operation| operation.falls_back);
    let is_answered = matches!(event.cache_status.as_deref(), Some("hit" | "stale"));
    let longest = contract.document.cache.longest_age;
    let old = match (longest, event.cache_age_s) {
        (Some(longest), Some(age)) if is_answered => {
            u64::try_from(longest.micros / 1_000_000).is_ok_and(|longest| age > longest)
        }
        _ => false,
    };
    let known = &contract.document.legal_basis;
    let basis = event
        .legal_basis
        .as_deref()
        .is_some_and(|basis| !known.is_empty() && !known.iter().any(|known| known == basis));
    facts.set(Fact::CacheOld, old);
    facts.set(Fact::CacheAbsent, absent);
    facts.set(Fact::BasisDenied, basis);
}

fn is_one_of(known: &[Name], value: &str) -> bool {
    known.iter().any(|known| known.is(value))
}

/// Whether there is a list and a value, and the value is not on the list.
fn is_outside(known: &[Name], value: Option<&Text<'_>>) -> bool {
    value.is_some_and(|value| !known.is_empty() && !is_one_of(known, value))
}

fn any_outside(known: &[Name], values: &[Text<'_>]) -> bool {
    !known.is_empty() && values.iter().any(|value| !is_one_of(known, value))
}
