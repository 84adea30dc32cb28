//! A contract as it is written: one YAML file, one integration. The doc comments are what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::words::{Day, Ids, Name, Network, Span, TlsVersion};
use crate::impact::Impact;

/// What an integration may do. Whatever is left out is not checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Name of the integration, as events, alerts and reports carry it: lowercase letters, digits, `-` and `_`.
    #[schemars(extend("pattern" = "^[a-z0-9][a-z0-9_-]{0,63}$"))]
    pub integration: String,
    /// What it is, in one line.
    pub title: String,
    /// Who answers for it.
    pub owner: Owner,
    /// Who is told and asked when something is wrong, on both sides.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// When it is in force.
    pub valid: Validity,
    /// Which calls belong to it.
    pub matches: Matches,
    /// What was tested before go-live. Without it every call is one of an integration that nobody accepted (INT-07).
    #[serde(default)]
    pub acceptance: Option<Acceptance>,
    /// Who calls, and from where.
    #[serde(default)]
    pub callers: Callers,
    /// How the line is secured.
    #[serde(default)]
    pub transport: Transport,
    /// Which tokens are taken.
    #[serde(default)]
    pub tokens: Tokens,
    /// What may be called: method and path, with `{…}` in place of ids, such as `GET /v1/plates/{plate}`. When there is any, every other
    /// call of the integration is unknown.
    #[serde(default)]
    pub operations: BTreeMap<String, Operation>,
    /// The partner's OpenAPI document, for more operations: those that are written above too keep what is said of them there.
    #[serde(default)]
    pub openapi: Option<OpenApi>,
    /// What is asked of webhooks.
    #[serde(default)]
    pub webhooks: Webhooks,
    /// What a cache may answer when the other side is down.
    #[serde(default)]
    pub cache: Cache,
    /// Most calls in a time (SEC-08). Beyond them the gateway has to answer 429.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// The partner's own log as a second source: records with `observer: partner` (INT-01).
    #[serde(default)]
    pub second_source: Option<SecondSource>,
    /// How much of the traffic has to be well (INT-08).
    #[serde(default)]
    pub service_levels: Vec<ServiceLevel>,
    /// How many calls come at least, for an integration that is in use around the clock.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// When synchronisations run (INT-03).
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    /// How failed calls are tried again.
    #[serde(default)]
    pub retries: Retries,
    /// Whose resources are whose: clients that may touch some resources of a type and no others (INT-02).
    #[serde(default)]
    pub tenants: Vec<Tenant>,
    /// Personal data that must not stand in a path or query: `plate`, `phone`, `email`, `passport`, `card`.
    #[serde(default)]
    pub forbidden_in_urls: Vec<Personal>,
    /// How much harm a breach does: alerts that are sure count one level more where it is `high`, others one less where it is `low`.
    #[serde(default)]
    pub impact: Impact,
    /// Longest time for which events may be kept (SEC-09). The service does not start when its own retention is longer.
    #[serde(default)]
    pub retention: Option<Span>,
    /// What the log cannot show, vouched for by somebody.
    #[serde(default)]
    pub attestations: Vec<Attestation>,
    /// Legal bases on which personal data may be processed: `consent`, `contract`, `law`.
    #[serde(default)]
    pub legal_basis: Vec<String>,
}

/// Who answers for an integration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// A person or a team.
    pub name: String,
    /// Where they read mail.
    pub mail: String,
}

/// Someone to be told and asked, on either side.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What for, such as `security`, `operations`, `data protection` or `partner on call`.
    #[serde(rename = "for")]
    pub role: String,
    /// A person or a team.
    pub name: String,
    /// Where they read mail.
    #[serde(default)]
    pub mail: Option<String>,
    /// Where they answer.
    #[serde(default)]
    pub phone: Option<String>,
}

/// When a contract is in force.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// First day.
    pub from: Day,
    /// Last day; then it has to be signed anew.
    pub until: Day,
    /// Last day before the partner was off-boarded, when it was.
    #[serde(default)]
    pub ended: Option<Day>,
}

/// Which calls belong to an integration: those whose log names it, else those of these hosts and paths.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matches {
    /// Hosts that are called, without port.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Beginnings of paths, such as `/v1/plates`: that path and all below it.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The environment, such as `production`, where the log says one.
    #[serde(default)]
    pub environment: Option<String>,
}

/// What was tested before go-live.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// Who accepted it.
    pub by: String,
    /// When.
    pub on: Day,
    /// Where the report of load and functional tests lies.
    pub report: String,
}

/// Who calls, and from where.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Callers {
    /// Client ids; a `*` at the end stands for any end.
    #[serde(default)]
    pub clients: Vec<Name>,
    /// Gateways that the calls go through.
    #[serde(default)]
    pub gateways: Vec<Name>,
    /// Networks that inbound calls come from.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Addresses by which outbound calls leave.
    #[serde(default)]
    pub egress: Vec<Network>,
    /// Countries that calls come from, ISO 3166-1 alpha-2.
    #[serde(default)]
    pub countries: Vec<String>,
}

/// How the line is secured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// Oldest version of TLS.
    #[serde(default)]
    pub tls: Option<TlsVersion>,
    /// Cipher suites as the log writes them; a `*` at the end stands for any end, so `GOST*` allows those of GOST.
    #[serde(default)]
    pub suites: Vec<Name>,
    /// Networks of what stands behind the gateway and may answer, such as the encrypted stores.
    #[serde(default)]
    pub upstreams: Vec<Network>,
}

/// Which tokens are taken.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Whether every call needs one.
    #[serde(default)]
    pub required: bool,
    /// Values of `iss`.
    #[serde(default)]
    pub issuers: Vec<Name>,
    /// Values of `aud`.
    #[serde(default)]
    pub audiences: Vec<Name>,
    /// Values of `alg`.
    #[serde(default)]
    pub algorithms: Vec<Name>,
    /// Values of `kid`.
    #[serde(default)]
    pub keys: Vec<Name>,
    /// Longest time from `iat` to `exp`.
    #[serde(default)]
    pub longest_life: Option<Span>,
    /// How far `iat` may lie ahead of the call.
    #[serde(default)]
    pub clock_skew: Option<Span>,
    /// OAuth grants by which a token may have been got.
    #[serde(default)]
    pub grants: Vec<Name>,
    /// Scopes that a token may carry.
    #[serde(default)]
    pub scopes: Vec<Name>,
    /// Whether each call has a token of its own: an id (`jti`) that is accepted twice within a day is a replay.
    #[serde(default)]
    pub one_time: bool,
    /// Whether a refresh token serves once (RFC 9700, 4.14.2): the same one that renews twice within thirty days was stolen, or replayed.
    /// The log must show its id as `token_id` of the call to the token endpoint.
    #[serde(default)]
    pub refresh_rotation: bool,
}

/// The partner's own log, in the topic beside the gateways'. Both sides write the request id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondSource {
    /// Longest time between the records of one call on both sides, to either side.
    pub within: Span,
    /// Which calls the partner logs: those that go out to it, those that come from it, or all.
    #[serde(default)]
    pub calls: Calls,
}

/// Which calls a partner logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Those that go out to it.
    #[default]
    Outbound,
    /// Those that come from it.
    Inbound,
    /// All.
    All,
}

/// A share of calls that has to be well: those that do not fail with 5xx, or with `within_ms` those that do not and are no slower.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceLevel {
    /// Per cent, over thirty days.
    #[schemars(range(min = 50.0, max = 99.9999))]
    pub share: f64,
    /// Longest duration of a good call, milliseconds.
    #[serde(default)]
    pub within_ms: Option<u32>,
    /// Only calls of these operations, as the contract writes them.
    #[serde(default)]
    pub operations: Vec<String>,
}

/// Fewest calls in a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Fewest calls.
    #[schemars(range(min = 1))]
    pub calls: u32,
    /// In any such time, whole minutes, a day at most: windows slide.
    pub within: Span,
}

/// A synchronisation on schedule. A run is a row of calls without a pause of three minutes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name, such as `residents`.
    pub name: String,
    /// Operations of which a run consists, as the contract writes them; all of the integration without it.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Time from one run to the next, whole minutes, counted from midnight UTC.
    pub every: Span,
    /// How long after that a run begins, such as `150m` for 02:30 UTC with `every: 1d`.
    #[serde(default)]
    pub offset: Option<Span>,
    /// How much earlier or later it may begin.
    pub tolerance: Span,
    /// Longest run.
    #[serde(default)]
    pub lasts: Option<Span>,
    /// Records of a run.
    #[serde(default)]
    pub records: Records,
    /// Most deletions of a run.
    #[serde(default)]
    pub deletions: Option<u64>,
}

/// How many records a run carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// At least.
    #[serde(default)]
    pub least: Option<u64>,
    /// At most.
    #[serde(default)]
    pub most: Option<u64>,
}

/// Clients and the resources that are theirs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Client ids; a `*` at the end stands for any end.
    pub clients: Vec<Name>,
    /// Type of resource, as the log has it, and the ids: a whole range such as `10000-10399`, or a name that may end in `*`.
    pub resources: BTreeMap<String, Vec<Ids>>,
}

/// Most calls in a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Whose calls are counted together.
    pub of: LimitOf,
    /// Most calls.
    #[schemars(range(min = 1, max = 100_000))]
    pub requests: u32,
    /// In any such time: windows slide.
    pub within: Span,
    /// Only calls of these operations, as the contract writes them; all of the integration without it.
    #[serde(default)]
    pub operations: Vec<String>,
}

impl Limit {
    /// Whether both count the same calls in the same time, so that the lower one is the limit.
    pub(super) fn counts_like(&self, other: &Limit) -> bool {
        (self.of, self.within, &self.operations) == (other.of, other.within, &other.operations)
    }
}

/// Whose calls a limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitOf {
    /// Those of one client id.
    Client,
    /// Those of one subject.
    Subject,
    /// Those of one address.
    Address,
    /// All of the integration.
    Integration,
}

/// How failed calls are tried again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retries {
    /// Most attempts at one call, the first included.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// Whether a POST or PATCH that is tried again needs an idempotency key.
    #[serde(default)]
    pub idempotency_key: bool,
    /// Longest time after which a failed call is tried again, unless that was its last attempt.
    #[serde(default)]
    pub within: Option<Span>,
}

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// A vehicle plate.
    Plate,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A passport number.
    Passport,
    /// A payment card number.
    Card,
}

/// What the log cannot show, vouched for by somebody.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The requirement, such as `SEC-02`.
    pub requirement: String,
    /// What is so.
    pub says: String,
    /// Who vouches for it.
    pub by: String,
    /// Since when.
    pub on: Day,
    /// Last day on which it counts; then it has to be given anew.
    pub until: Day,
}

/// A partner's OpenAPI document, 3.0 or 3.1.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenApi {
    /// The file, JSON or YAML; a relative path begins at the contract's folder.
    pub file: String,
    /// What stands before each path, in place of the path of the document's first server.
    #[serde(default)]
    pub base: Option<String>,
}

/// One operation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Roles of which the subject has one.
    #[serde(default)]
    pub roles: Vec<Name>,
    /// Whether a second factor has to be passed.
    #[serde(default)]
    pub mfa: bool,
    /// Whether a call that is made twice does no more than once (RFC 9110, section 9.2.2), so that it may be tried again without a key:
    /// asking for a token, a search by POST.
    #[serde(default)]
    pub idempotent: bool,
    /// Names of the fields that may be sent.
    #[serde(default)]
    pub sends: Option<Vec<Name>>,
    /// Names of the fields that may be received.
    #[serde(default)]
    pub receives: Option<Vec<Name>>,
    /// Most records an answer.
    #[serde(default)]
    pub records: Option<u64>,
    /// What was tested before this operation went live, when it did so later than the integration.
    #[serde(default)]
    pub acceptance: Option<Acceptance>,
}

/// What is asked of webhooks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Networks that they come from.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Whether each has to be signed.
    #[serde(default)]
    pub signed: bool,
    /// Longest time from what the webhook says of itself to its arrival.
    #[serde(default)]
    pub longest_age: Option<Span>,
    /// Hosts that our own webhooks go to, without port.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Longest time without any webhook while other calls come.
    #[serde(default)]
    pub longest_silence: Option<Span>,
    /// Changes that a webhook must tell of.
    #[serde(default)]
    pub follow: Option<Follow>,
}

/// Changes that a webhook must tell of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// Operations that change something, as the contract writes them.
    pub operations: Vec<String>,
    /// Longest time until a webhook of the same resource.
    pub within: Span,
}

/// What a cache may answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Oldest answer.
    #[serde(default)]
    pub longest_age: Option<Span>,
    /// Operations, as the contract writes them, that a cache has to answer when the other side fails (INT-06).
    #[serde(default)]
    pub fallback: Vec<String>,
}
