//! Scenarios: attacks and harmless twins, each a YAML file in `scenarios/REQUIREMENT/`.
//!
//! A file says who does what and when; how a request looks is made by a small fixed set of generators ([`Request`]).

mod catalogue;
mod change;
mod load;
mod plan;
mod request;
mod span;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::random::{Random, splitmix, stable_hash};

#[cfg(test)]
pub(crate) use catalogue::FILES;
pub use catalogue::built_in;
pub use change::{Becomes, Change, Of};
pub(crate) use change::{Changes, Ordinary};
pub use load::{ScenarioError, folder, parse};
pub(crate) use plan::{Actor, Cast, Step, plan};
pub(crate) use request::{Frame, write};
pub use span::{Offset, Span};

/// What an alert can name: kinds that are stored in clear. Personal ids are pseudonyms in alerts, so no scenario is known by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// An OAuth client.
    Client,
    /// A network address.
    Address,
    /// A gateway.
    Gateway,
    /// An integration.
    Integration,
}

/// How hard an attack is to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// One look at its events shows it.
    #[default]
    Easy,
    /// Low and slow, spread, or within limits.
    Hard,
}

/// Whom an alert must name to have found a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelEntity {
    /// What it is.
    pub kind: LabelKind,
    /// The client id, the address, or the name.
    pub value: String,
}

/// One attack or one harmless twin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique, kebab-case.
    pub name: String,
    /// Id of the requirement that it breaks, or seems to: `sec-07`.
    pub requirement: String,
    /// One line for people.
    pub title: String,
    /// `false` for a harmless twin: an alert on it is a false alarm.
    pub attack: bool,
    /// How hard an attack is to see.
    #[serde(default)]
    pub difficulty: Difficulty,
    /// Whether statistics have to find it with all rules off: nothing in it is forbidden as such, only unusual for whoever does it.
    #[serde(default)]
    pub statistical: bool,
    /// The attack that a twin equals but for its cause.
    #[serde(default)]
    pub twin_of: Option<String>,
    /// Whom the alert must name.
    pub entity: LabelEntity,
    /// Who else an alert on it may name: those whom it takes along.
    #[serde(default)]
    pub also: Vec<LabelEntity>,
    /// Rule families that may find it; empty for any.
    #[serde(default)]
    pub families: Vec<String>,
    /// What happens besides ordinary traffic.
    #[serde(default)]
    pub timeline: Vec<Phase>,
    /// What becomes of ordinary traffic.
    #[serde(default)]
    pub ordinary: Vec<Change>,
}

impl Scenario {
    /// What the seed decides for all parts alike, from 0 to 1: where they begin between two places.
    pub(super) fn draw(&self, seed: u64) -> f64 {
        Random::new(splitmix(splitmix(seed) ^ stable_hash(&self.name))).unit()
    }
}

/// A part of a scenario: one caller, one kind of request, spread over a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// When it begins in the simulated span.
    pub start: Offset,
    /// How long it lasts.
    pub duration: Span,
    /// How many requests, spread evenly with jitter.
    pub events: u32,
    /// Who asks.
    pub caller: Caller,
    /// What is asked.
    pub request: Request,
    /// What is different from an ordinary request.
    #[serde(default)]
    pub fields: Fields,
}

/// Who asks: a client of the ordinary population, or a stranger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// Client id. One of the population keeps its address, agent and tokens unless they are given here.
    pub client: Option<String>,
    /// Peer address; a stranger must have one.
    pub address: Option<IpAddr>,
    /// So many callers take turns: the clients of the population that follow this one in its class, or the addresses that follow.
    #[serde(default = "one")]
    pub spread: u32,
    /// User agent.
    pub user_agent: Option<String>,
    /// Country of the address.
    pub country: Option<String>,
}

/// What is asked. Texts may hold `{n}`, `{hex}`, `{uuid}`, `{plate}`, `{phone}`, `{email}`, made anew for each request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What the client ordinarily asks; only for clients of the population.
    Usual(Usual),
    /// An attack string in a query value or at the end of the path.
    Inject(Inject),
    /// Paths that may not be there.
    Probe(Probe),
    /// Attempts at the token endpoint.
    Login(Login),
    /// One resource after the other.
    Walk(Walk),
    /// The same call each time.
    Call(Call),
}

/// Parameters of [`Request::Usual`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usual {
    /// Only operations of this route.
    pub route: Option<String>,
}

/// How an attack string is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Percent-encoded once.
    #[default]
    Percent,
    /// Percent-encoded twice.
    Double,
    /// As it is.
    None,
}

/// Parameters of [`Request::Inject`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query parameter that carries the payload; without it the payload is the last part of the path.
    pub parameter: Option<String>,
    /// How the payload is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Attack strings, one a request, in turn.
    pub payloads: Vec<String>,
}

/// Parameters of [`Request::Probe`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Paths, one a request, in turn.
    pub paths: Vec<String>,
}

/// Parameters of [`Request::Login`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// How many different subjects are tried.
    pub subjects: u32,
}

/// In which order resources are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Each id is the one before and `step`.
    #[default]
    Ascending,
    /// The same ids, mixed.
    Mixed,
}

/// Parameters of [`Request::Walk`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Route template with `{id}`.
    pub route: String,
    /// Type of the resource.
    pub resource_type: String,
    /// First id.
    pub first: u32,
    /// Distance to the next one.
    #[serde(default = "one")]
    pub step: u32,
    /// In which order.
    #[serde(default)]
    pub order: Order,
}

/// Parameters of [`Request::Call`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query as sent.
    pub query: Option<String>,
}

/// Fields that differ from an ordinary request; those that are absent stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// Statuses, one a request, in turn.
    pub status: Vec<u16>,
    /// The token.
    pub token: Option<TokenFields>,
    /// The webhook.
    pub webhook: Option<WebhookFields>,
    /// Any other field of a record by its name there. Texts may hold `{…}` as requests do; `null` takes the field away.
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// What is different about the token.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenFields {
    /// There is none, though one was asked for.
    pub missing: bool,
    /// `alg`.
    pub algorithm: Option<String>,
    /// `kid`; empty for none.
    pub key_id: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// How verification went.
    pub outcome: Option<String>,
    /// From issue to expiry.
    pub life: Option<Span>,
    /// For how long it had been expired when it was used.
    pub expired_for: Option<Span>,
}

/// What is different about the webhook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookFields {
    /// How the signature verified.
    pub signature: Option<String>,
    /// How old the webhook says it is.
    pub age: Option<Span>,
}

fn get() -> String {
    "GET".to_owned()
}

const fn one() -> u32 {
    1
}
