//! One exchange as the simulator sees it, and how it is written down as native JSON.

use super::line::{Line, decimal_into, hex_into, uuid_into};
use crate::event::Timestamp;

/// The gateway's own host name.
pub(crate) const HOST: &str = "api.propdev.example";

/// Id of a resource in a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceId {
    /// A number, as residents and barriers have.
    Number(u64),
    /// A UUID, as passes and templates have.
    Uuid(u128),
}

impl ResourceId {
    fn write(self, buffer: &mut Vec<u8>) {
        match self {
            ResourceId::Number(number) => decimal_into(buffer, number),
            ResourceId::Uuid(bits) => uuid_into(buffer, bits),
        }
    }
}

/// What the gateway logs of an access token. An opaque one, which the issuer is asked about, has no algorithm and
/// shows nothing but its id and how the question was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) algorithm: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) id: u64,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) outcome: &'a str,
}

/// What the gateway logs of a webhook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Webhook<'a> {
    pub(crate) id: u64,
    pub(crate) signature: &'a str,
    pub(crate) time: Timestamp,
}

/// Where a request went: the route with its id, or a path that fits no route.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// A route template, whose `{id}` is the resource's.
    Route(&'a str, Option<ResourceId>),
    /// A path as sent.
    Path(&'a str),
}

/// One exchange. Fields are those of [`crate::event::Event`]; `None` and empty mean that the log does not show it.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names)] // the names are those of the event
pub(crate) struct Record<'a> {
    pub(crate) time: Timestamp,
    pub(crate) gateway: &'a str,
    pub(crate) sequence: u64,
    /// Who wrote it down, where that is not the gateway.
    pub(crate) observer: Option<&'a str>,
    pub(crate) request_id: u64,
    pub(crate) direction: &'a str,
    pub(crate) integration: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) scheme: &'a str,
    pub(crate) host: &'a str,
    pub(crate) target: Target<'a>,
    pub(crate) query: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) request_bytes: u32,
    pub(crate) response_bytes: u32,
    pub(crate) duration_us: u32,
    pub(crate) upstream_us: Option<u32>,
    pub(crate) attempt: u32,
    pub(crate) idempotency_key: Option<u64>,
    pub(crate) cache_status: Option<&'a str>,
    pub(crate) cache_age_s: Option<u64>,
    pub(crate) client_address: &'a str,
    pub(crate) forwarded_for: Option<&'a str>,
    pub(crate) country: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) client_id: Option<&'a str>,
    /// Version and suite.
    pub(crate) tls: Option<(&'a str, &'a str)>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) roles: &'a [&'a str],
    pub(crate) scopes: &'a [&'a str],
    pub(crate) grant: Option<&'a str>,
    pub(crate) mfa: Option<&'a str>,
    pub(crate) token: Option<Token<'a>>,
    /// Set without a token when a token was asked for: `missing`.
    pub(crate) token_outcome: Option<&'a str>,
    pub(crate) decision: Option<&'a str>,
    pub(crate) resource_type: Option<&'a str>,
    pub(crate) record_count: Option<u32>,
    pub(crate) fields_sent: &'a [&'a str],
    pub(crate) fields_received: &'a [&'a str],
    /// One that came with a release.
    pub(crate) one_more_field: Option<&'a str>,
    pub(crate) webhook: Option<Webhook<'a>>,
    pub(crate) upstream_address: Option<&'a str>,
    pub(crate) egress_address: Option<&'a str>,
    pub(crate) waf_verdict: Option<&'a str>,
    pub(crate) device_id: Option<&'a str>,
    pub(crate) outcome: Option<&'a str>,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) legal_basis: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
}

impl Record<'static> {
    /// A reading call of nobody; what the others are made from.
    pub(crate) const fn bare() -> Self {
        Record {
            time: Timestamp::MIN,
            gateway: "",
            sequence: 0,
            observer: None,
            request_id: 0,
            direction: "inbound",
            integration: None,
            method: "GET",
            scheme: "https",
            host: HOST,
            target: Target::Path("/"),
            query: None,
            status: 200,
            request_bytes: 0,
            response_bytes: 0,
            duration_us: 0,
            upstream_us: None,
            attempt: 1,
            idempotency_key: None,
            cache_status: None,
            cache_age_s: None,
            client_address: "",
            forwarded_for: None,
            country: None,
            user_agent: None,
            client_id: None,
            tls: None,
            subject: None,
            roles: &[],
            scopes: &[],
            grant: None,
            mfa: None,
            token: None,
            token_outcome: None,
            decision: None,
            resource_type: None,
            record_count: None,
            fields_sent: &[],
            fields_received: &[],
            one_more_field: None,
            webhook: None,
            upstream_address: None,
            egress_address: None,
            waf_verdict: None,
            device_id: None,
            outcome: None,
            purpose: None,
            legal_basis: None,
            error: None,
        }
    }
}

impl Record<'_> {
    /// Appends the record as one JSON object, without a newline.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        let mut line = Line::open(buffer);
        line.time("time", self.time);
        line.maybe("observer", self.observer);
        if self.observer.is_none() {
            line.text("gateway", self.gateway);
            line.number("sequence", self.sequence);
        }
        line.plain("request_id", |buffer| {
            hex_into(buffer, u128::from(self.request_id), 16);
        });
        line.text("direction", self.direction);
        line.maybe("integration", self.integration);
        self.write_request(&mut line);
        self.write_caller(&mut line);
        self.write_token(&mut line);
        self.write_details(&mut line);
        line.close();
    }

    fn write_request(&self, line: &mut Line<'_>) {
        line.text("method", self.method);
        line.text("scheme", self.scheme);
        line.text("host", self.host);
        match self.target {
            Target::Route(route, id) => {
                line.plain("path", |buffer| path_into(buffer, route, id));
                if id.is_some() {
                    line.text("route", route);
                }
            }
            Target::Path(path) => line.text("path", path),
        }
        line.maybe("query", self.query);
        // An exchange of which only the request was logged has none.
        if self.status > 0 {
            line.number("status", u64::from(self.status));
        }
        line.number("request_bytes", u64::from(self.request_bytes));
        line.number("response_bytes", u64::from(self.response_bytes));
        line.number("duration_us", u64::from(self.duration_us));
        if let Some(upstream) = self.upstream_us {
            line.number("upstream_duration_us", u64::from(upstream));
        }
        if self.attempt > 1 {
            line.number("attempt", u64::from(self.attempt));
        }
        if let Some(key) = self.idempotency_key {
            line.plain("idempotency_key", |buffer| {
                hex_into(buffer, u128::from(key), 16);
            });
        }
        line.maybe("cache_status", self.cache_status);
        if let Some(age) = self.cache_age_s {
            line.number("cache_age_s", age);
        }
    }

    fn write_caller(&self, line: &mut Line<'_>) {
        line.text("client_address", self.client_address);
        line.maybe("forwarded_for", self.forwarded_for);
        line.maybe("country", self.country);
        line.maybe("user_agent", self.user_agent);
        line.maybe("client_id", self.client_id);
        if let Some((version, cipher)) = self.tls {
            line.text("tls_version", version);
            line.text("tls_cipher", cipher);
        }
        line.maybe("subject", self.subject);
        line.list("roles", self.roles);
        line.list("scopes", self.scopes);
        line.maybe("grant", self.grant);
        line.maybe("mfa", self.mfa);
    }

    fn write_token(&self, line: &mut Line<'_>) {
        let Some(token) = &self.token else {
            line.maybe("token_outcome", self.token_outcome);
            return;
        };
        line.maybe("token_algorithm", present(token.algorithm));
        line.maybe("token_key_id", present(token.key_id));
        line.maybe("token_issuer", present(token.issuer));
        line.maybe("token_audience", present(token.audience));
        line.plain("token_id", |buffer| {
            hex_into(buffer, u128::from(token.id), 16);
        });
        if !token.algorithm.is_empty() {
            line.millis("token_issued", token.issued);
            line.millis("token_expires", token.expires);
        }
        line.text("token_outcome", token.outcome);
    }

    fn write_details(&self, line: &mut Line<'_>) {
        line.maybe("decision", self.decision);
        line.maybe("resource_type", self.resource_type);
        if let Target::Route(_, Some(id)) = self.target {
            line.plain("resource_id", |buffer| id.write(buffer));
        }
        if let Some(count) = self.record_count {
            line.number("record_count", u64::from(count));
        }
        line.list("fields_sent", self.fields_sent);
        let received = self.fields_received.iter().chain(&self.one_more_field);
        line.list("fields_received", received);
        if let Some(webhook) = &self.webhook {
            line.plain("webhook_id", |buffer| {
                hex_into(buffer, u128::from(webhook.id), 16);
            });
            line.text("webhook_signature", webhook.signature);
            line.millis("webhook_time", webhook.time);
        }
        line.maybe("upstream_address", self.upstream_address);
        line.maybe("egress_address", self.egress_address);
        line.maybe("waf_verdict", self.waf_verdict);
        line.maybe("device_id", self.device_id);
        line.maybe("outcome", self.outcome);
        line.maybe("purpose", self.purpose);
        line.maybe("legal_basis", self.legal_basis);
        line.maybe("error", self.error);
    }
}

/// Text that is not empty.
pub(crate) fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Appends a route with its id put in. Routes are ours or were checked when a scenario was loaded: they need no escape.
fn path_into(buffer: &mut Vec<u8>, route: &str, id: Option<ResourceId>) {
    match (route.split_once("{id}"), id) {
        (Some((before, after)), Some(id)) => {
            buffer.extend_from_slice(before.as_bytes());
            id.write(buffer);
            buffer.extend_from_slice(after.as_bytes());
        }
        _ => buffer.extend_from_slice(route.as_bytes()),
    }
}
