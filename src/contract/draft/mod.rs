//! A contract proposed from observed traffic: whatever answered calls had, with the number of calls as evidence behind each line.
//!
//! It is a beginning for people. What was observed is not what was agreed, and an attack of the past would be in it; rare values are
//! marked for that.

mod rhythm;
mod seen;
mod text;

use std::collections::BTreeMap;

use self::rhythm::Rhythm;
use self::seen::{Addresses, Rates, Spread, Tally};
use super::load::{METHODS, template_fault};
use super::paths::Paths;
use crate::event::{Event, Text, Timestamp};

/// Most operations that are proposed; of further ones the number is said.
const MOST_OPERATIONS: usize = 500;

/// What was seen of one integration.
#[derive(Debug)]
pub struct Draft {
    integration: String,
    paths: Vec<String>,
    calls: u64,
    answered: u64,
    first: Timestamp,
    last: Timestamp,
    hosts: Tally,
    clients: Tally,
    gateways: Tally,
    networks: Addresses,
    egress: Addresses,
    countries: Tally,
    tls: Tally,
    suites: Tally,
    tokens: Tokens,
    operations: BTreeMap<String, Operation>,
    /// Calls of operations beyond the most.
    further: u64,
    webhooks: Webhooks,
    cache_age: Spread,
    bases: Tally,
    rates: Rates,
}

#[derive(Debug, Default)]
struct Tokens {
    present: u64,
    missing: u64,
    issuers: Tally,
    audiences: Tally,
    algorithms: Tally,
    keys: Tally,
    life: Spread,
    /// How far tokens were issued ahead of their use.
    early: Spread,
    grants: Tally,
    scopes: Tally,
}

#[derive(Debug, Default)]
struct Operation {
    calls: u64,
    answered: u64,
    roles: Tally,
    with_factor: u64,
    sent: Tally,
    received: Tally,
    records: Spread,
    rhythm: Rhythm,
}

#[derive(Debug, Default)]
struct Webhooks {
    networks: Addresses,
    calls: u64,
    valid: u64,
    age: Spread,
}

impl Draft {
    /// Of the calls that the log gives this name, and of those without any name that lie below one of these paths.
    #[must_use]
    pub fn new(integration: &str, paths: &[String]) -> Self {
        Draft {
            integration: integration.to_owned(),
            paths: paths.to_vec(),
            calls: 0,
            answered: 0,
            first: Timestamp::from_micros(i64::MAX),
            last: Timestamp::MIN,
            hosts: Tally::default(),
            clients: Tally::default(),
            gateways: Tally::default(),
            networks: Addresses::default(),
            egress: Addresses::default(),
            countries: Tally::default(),
            tls: Tally::default(),
            suites: Tally::default(),
            tokens: Tokens::default(),
            operations: BTreeMap::new(),
            further: 0,
            webhooks: Webhooks::default(),
            cache_age: Spread::default(),
            bases: Tally::default(),
            rates: Rates::default(),
        }
    }

    /// How many calls were of the integration.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Takes an enriched event; says whether it is one of the integration.
    pub fn observe(&mut self, event: &Event<'_>) -> bool {
        if !self.is_of_it(event) {
            return false;
        }
        self.calls += 1;
        self.first = self.first.min(event.time);
        self.last = self.last.max(event.time);
        let answered = event.status.is_some_and(|status| status < 400);
        self.operation(event, answered);
        // Who was refused is nobody to be allowed.
        if answered {
            self.answered += 1;
            self.rates.add(event.client_id.as_ref(), event.time);
            self.caller(event);
            self.tokens.observe(event);
            self.webhooks.observe(event);
            if let Some(age) = event.cache_age_s {
                self.cache_age.add(age);
            }
        }
        true
    }

    fn is_of_it(&self, event: &Event<'_>) -> bool {
        if let Some(name) = &event.integration {
            return name.as_str() == self.integration;
        }
        let path = event.path_decoded.as_ref().or(event.path.as_ref());
        path.is_some_and(|path| {
            let below = |begin: &String| super::compile::is_below(path, begin);
            self.paths.iter().any(below)
        })
    }

    fn caller(&mut self, event: &Event<'_>) {
        self.hosts.add(event.host.as_ref());
        self.clients.add(event.client_id.as_ref());
        self.gateways.add(event.gateway.as_ref());
        self.countries.add(event.country.as_ref());
        self.tls.add(event.tls_version.as_ref());
        self.suites.add(event.tls_cipher.as_ref());
        self.bases.add(event.legal_basis.as_ref());
        if event.direction.as_deref() == Some("outbound") {
            self.egress.add(event.egress_address);
        } else if !super::assess::is_webhook(event) {
            self.networks.add(event.client_address);
        }
    }

    fn operation(&mut self, event: &Event<'_>, answered: bool) {
        let (Some(method), Some(route)) = (&event.method, &event.route) else {
            return;
        };
        let name = format!("{method} {route}");
        if !self.operations.contains_key(&name) && self.operations.len() >= MOST_OPERATIONS {
            self.further += 1;
            return;
        }
        let operation = self.operations.entry(name).or_default();
        operation.calls += 1;
        if !answered {
            return;
        }
        operation.answered += 1;
        operation.roles.add_all(&event.roles);
        operation.sent.add_all(&event.fields_sent);
        operation.received.add_all(&event.fields_received);
        operation
            .rhythm
            .add(event.time, event.record_count.unwrap_or(0));
        if let Some(count) = event.record_count {
            operation.records.add(count);
        }
        let passed = |factor: &Text<'_>| !super::assess::NO_FACTOR.contains(&factor.as_str());
        operation.with_factor += u64::from(event.mfa.as_ref().is_some_and(passed));
    }

    /// The operations that a contract can name, and how many it cannot or need not.
    fn proposed(&self) -> (Vec<(&str, &Operation)>, usize) {
        let mut paths = Paths::new();
        let mut proposed = Vec::new();
        for (name, operation) in &self.operations {
            let Some((method, template)) = name.split_once(' ') else {
                continue;
            };
            let fits = operation.answered > 0
                && METHODS.contains(&method)
                && template_fault(template).is_none()
                && paths.insert(method, template, proposed.len()).is_none();
            if fits {
                proposed.push((name.as_str(), operation));
            }
        }
        let left_out = self.operations.len() - proposed.len();
        (proposed, left_out)
    }
}

impl Tokens {
    fn observe(&mut self, event: &Event<'_>) {
        match event.token_outcome.as_deref() {
            Some("missing") => self.missing += 1,
            Some(_) => self.present += 1,
            None => {}
        }
        self.issuers.add(event.token_issuer.as_ref());
        self.audiences.add(event.token_audience.as_ref());
        self.algorithms.add(event.token_algorithm.as_ref());
        self.keys.add(event.token_key_id.as_ref());
        self.grants.add(event.grant.as_ref());
        self.scopes.add_all(&event.scopes);
        if let (Some(issued), Some(expires)) = (event.token_issued, event.token_expires) {
            self.life.add(seconds(expires.since(issued)));
            self.early.add(seconds(issued.since(event.time)));
        }
    }
}

impl Webhooks {
    fn observe(&mut self, event: &Event<'_>) {
        if !super::assess::is_webhook(event) {
            return;
        }
        self.calls += 1;
        self.networks.add(event.client_address);
        self.valid += u64::from(event.webhook_signature.as_deref() == Some("valid"));
        if let Some(written) = event.webhook_time {
            self.age.add(seconds(event.time.since(written)));
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests;
