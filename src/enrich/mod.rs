//! Enrich: what follows from one event alone. Route template, ids, country, decoded path and query, and facts.
//!
//! Contract: deterministic, no memory between events, no judgement: facts say what is so, rules say what is bad. No input
//! panics; the work on one event is linear in its length. [`Redactor`] comes after matching: rules see clear values, what is
//! stored, mailed and logged has pseudonyms.

mod attack;
mod classes;
mod country;
mod facts;
mod payload;
mod percent;
mod person;
mod personal;
mod pseudonym;
mod redact;
mod route;
mod target;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::config::Enrich;
use crate::contract::Contracts;
use crate::event::{Event, Target, Text};

pub use person::{Alias, PERSON_FIELDS, aliases, forms};
pub use pseudonym::{is_pseudonym, is_pseudonymised};
pub use redact::Redactor;

use attack::Attacks;
use country::Countries;

/// Settings that no enricher can be made of.
#[derive(Debug, thiserror::Error)]
pub enum EnrichConfigError {
    /// The country database cannot be used.
    #[error("enrich.country_database {}: {why}; it has to be a MaxMind DB file with countries", file.display())]
    CountryDatabase {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Computes what a log does not say itself. Shared by threads, without locks.
#[derive(Debug)]
pub struct Enricher {
    contracts: Contracts,
    attacks: Attacks,
    countries: Option<Countries>,
}

impl Enricher {
    /// Reads the country database, if one is named.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn new(config: &Enrich) -> Result<Self, EnrichConfigError> {
        let countries = config
            .country_database
            .as_deref()
            .map(Countries::open)
            .transpose()?;
        Ok(Enricher {
            contracts: Contracts::default(),
            attacks: Attacks::new(),
            countries,
        })
    }

    /// The same, and events are held against these contracts.
    #[must_use]
    pub fn with_contracts(self, contracts: Contracts) -> Self {
        Enricher { contracts, ..self }
    }

    /// Completes an event in place. What the log says itself is never overwritten.
    pub fn enrich(&self, event: &mut Event<'_>) {
        // An IPv4 peer of a socket for both is logged as `::ffff:192.0.2.7`: one address has one name.
        event.client_address = event.client_address.map(|address| address.to_canonical());
        set_target(event);
        set_host(event);
        target::inspect(event, &self.attacks);
        let recognised = self.contracts.recognise(event);
        set_route(event);
        if event.country.is_none()
            && let (Some(countries), Some(address)) = (&self.countries, event.client_address)
        {
            event.country = countries.of(address).map(Text::from);
        }
        facts::request(event);
        facts::transport(event);
        facts::token(event);
        self.contracts.assess(recognised, event);
    }
}

impl Enricher {
    /// Computes anew what is never stored: decoded forms and payload. For a stored event, of which all else is known.
    pub fn decode_again(&self, event: &mut Event<'_>) {
        let facts = event.facts;
        target::inspect(event, &self.attacks);
        event.facts = facts;
    }
}

/// Path and query out of the target, when only that is logged.
fn set_target(event: &mut Event<'_>) {
    let (None, Some(uri)) = (&event.path, &event.uri) else {
        return;
    };
    let parts = Target::split(uri);
    let whole = uri.as_cow();
    let path = match parts.path {
        (start, end) if start == end && parts.host.is_some() => Text::from("/"),
        range => Text::slice(whole, range),
    };
    let query = parts.query.map(|range| Text::slice(whole, range));
    let scheme = parts.scheme.map(|range| Text::slice(whole, range));
    let host = parts.host.map(|range| Text::slice(whole, range));
    event.path = Some(path);
    event.query = event.query.take().or(query);
    event.scheme = event.scheme.take().or(scheme);
    event.host = event.host.take().or(host);
}

/// The host without port, in lower case.
fn set_host(event: &mut Event<'_>) {
    let Some(host) = &event.host else { return };
    let end = match host.rfind(':') {
        // `[::1]:443` has a port, `[::1]` and `::1` have none.
        Some(colon) if host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            let before = &host[..colon];
            if before.ends_with(']') || !before.contains(':') {
                colon
            } else {
                host.len()
            }
        }
        _ => host.len(),
    };
    let has_upper = host.bytes().any(|byte| byte.is_ascii_uppercase());
    if has_upper {
        event.host = Some(Text::from(host[..end].to_ascii_lowercase()));
    } else if end < host.len() {
        event.host = Some(Text::slice(host.as_cow(), (0, end)));
    }
}

/// Route template, resource id and operation, each only when the log has none.
fn set_route(event: &mut Event<'_>) {
    if event.route.is_none() || event.resource_id.is_none() {
        let source = event.path_decoded.as_ref().or(event.path.as_ref());
        let Some(path) = source else { return };
        let found = route::template(path);
        let id = found.as_ref().and_then(|found| found.last_id.clone());
        if event.resource_id.is_none()
            && let Some(id) = id
        {
            event.resource_id = Some(Text::slice(path.as_cow(), (id.start, id.end)));
        }
        if event.route.is_none() {
            event.route = Some(found.map_or_else(|| path.clone(), |found| Text::from(found.route)));
        }
    }
    if let (None, Some(method), Some(route)) = (&event.operation, &event.method, &event.route) {
        let mut operation = String::with_capacity(method.len() + 1 + route.len());
        operation.push_str(method);
        operation.push(' ');
        operation.push_str(route);
        event.operation = Some(Text::from(operation));
    }
}
