//! Ordinary traffic: what one client does at one instant, with the noise that every gateway sees.

use std::fmt::Write;

use super::line::time_into;
use super::operation::{Habit, Naming, Operation, TOKEN};
use super::population::Client;
use super::record::{HOST, Record, ResourceId, Target, Token, Webhook, present};
use crate::event::Timestamp;
use crate::random::{Random, splitmix};

/// The gateway instances; a client keeps to one.
pub(crate) const GATEWAYS: [&str; 2] = ["gw-msk-1", "gw-msk-2"];
const PARTNER_HOST: &str = "hooks.barrier-operator.example";
pub(crate) const ISSUER: &str = "https://id.propdev.example";
const KEYS: [&str; 2] = ["es-2026a", "es-2026b"];
/// Longest exchange: events of a partition are out of order by no more.
pub(crate) const LONGEST_US: u32 = 1_800_000;

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// 2xx.
    Done,
    /// The resource is not there: 404.
    Missing,
    /// The token ran out, or the secret was mistyped: 401.
    Refused,
    /// Over a limit: 429.
    Limited,
    /// The upstream failed: 502 or 504. The client tries again.
    Failed,
}

/// What was rolled for one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    /// When the request came.
    pub(crate) time: Timestamp,
    pub(crate) operation: &'static Operation,
    pub(crate) request_id: u64,
    pub(crate) attempt: u32,
    pub(crate) resource: Option<ResourceId>,
    pub(crate) fate: Fate,
    pub(crate) duration_us: u32,
    /// More random bits, for the details.
    pub(crate) bits: u64,
}

/// Strings that a record borrows while it is written.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    query: String,
    subject: String,
    device: String,
    bytes: Vec<u8>,
}

impl Scratch {
    /// Adds a parameter to the query.
    pub(crate) fn add_parameter(&mut self, name: &str, value: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        let _ = write!(self.query, "{name}={value}");
    }
}

/// Rolls one exchange of a client that ends at `done`; `failing` calls of 12,000 fail.
pub(crate) fn draft(client: &Client, done: Timestamp, failing: u32, random: &mut Random) -> Draft {
    let operation = choose(client.class.operations, random);
    let bits = random.bits();
    let fate = fate(operation, failing, random);
    let duration_us = duration(operation, fate, random);
    Draft {
        time: done.plus_micros(-i64::from(duration_us)),
        operation,
        request_id: random.bits(),
        attempt: 1,
        resource: resource(client, operation, bits, random),
        fate,
        duration_us,
        bits,
    }
}

fn choose(operations: &'static [Operation], random: &mut Random) -> &'static Operation {
    let total = operations.iter().map(|operation| operation.weight).sum();
    let mut left = random.below(total);
    for operation in operations {
        if left < operation.weight {
            return operation;
        }
        left -= operation.weight;
    }
    // Only for a class without operations, and there is none; a token request fits everyone.
    &TOKEN_OPERATION
}

static TOKEN_OPERATION: Operation = TOKEN;

fn fate(operation: &Operation, failing: u32, random: &mut Random) -> Fate {
    let roll = random.below(12_000);
    let named = matches!(operation.naming, Naming::Resident | Naming::Uuid);
    match roll {
        0..2 => Fate::Limited,
        2..32 => Fate::Refused,
        32..82 if operation.habit == Habit::TokenEndpoint => Fate::Refused,
        32..132 if named => Fate::Missing,
        _ if roll >= 12_000 - failing => Fate::Failed,
        _ => Fate::Done,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, clamped
fn duration(operation: &Operation, fate: Fate, random: &mut Random) -> u32 {
    let unit = random.unit();
    let factor = match fate {
        Fate::Failed => return 1_200_000 + random.below(LONGEST_US - 1_200_000),
        Fate::Refused | Fate::Limited => 0.1 + 0.1 * unit,
        Fate::Missing | Fate::Done if random.one_in(300) => 8.0 + 8.0 * unit,
        Fate::Missing | Fate::Done => 0.6 + 1.6 * unit * unit,
    };
    (f64::from(operation.typical_us) * factor).clamp(200.0, f64::from(LONGEST_US)) as u32
}

fn resource(
    client: &Client,
    operation: &Operation,
    bits: u64,
    random: &mut Random,
) -> Option<ResourceId> {
    match operation.naming {
        Naming::None => None,
        Naming::Own => Some(ResourceId::Number(1_000 + client.trait_bits % 9_000)),
        Naming::Resident => {
            let complex = (client.number - 1) / client.class.per_complex.max(1);
            let resident = 10_000 + complex * 400 + random.below(400);
            Some(ResourceId::Number(u64::from(resident)))
        }
        Naming::Uuid => {
            let high = u128::from(bits) << 64;
            Some(ResourceId::Uuid(high | u128::from(random.bits())))
        }
    }
}

/// Writes the strings of an exchange into the scratch space.
pub(crate) fn prepare(client: &Client, draft: &Draft, scratch: &mut Scratch) {
    let class = client.class;
    scratch.query.clear();
    match draft.operation.habit {
        Habit::Paged => {
            let _ = write!(scratch.query, "page={}&size=20", 1 + draft.bits % 12);
        }
        Habit::Since => {
            scratch.bytes.clear();
            time_into(
                &mut scratch.bytes,
                draft.time.plus_micros(-900_000_000).floor_to(60_000_000),
            );
            scratch.query.push_str("since=");
            for &byte in &scratch.bytes {
                match byte {
                    b':' => scratch.query.push_str("%3A"),
                    _ => scratch.query.push(char::from(byte)),
                }
            }
            let _ = write!(scratch.query, "&limit={}", draft.operation.records);
        }
        _ => {}
    }
    scratch.subject.clear();
    scratch.device.clear();
    if class.device {
        let _ = write!(scratch.device, "{}-{}", class.prefix, client.number);
    } else if class.per_complex == 0 && class.subjects == 1 {
        let _ = write!(scratch.subject, "svc-{}", class.prefix);
    } else {
        let person = splitmix(client.trait_bits) % 90_000 + draft.bits % u64::from(class.subjects);
        let _ = write!(scratch.subject, "{}-{person}", class.roles[0]);
    }
}

/// The record of an exchange. `prepare` must have filled the scratch space for it.
pub(crate) fn compose<'a>(
    client: &'a Client,
    draft: &Draft,
    sequence: u64,
    scratch: &'a Scratch,
) -> Record<'a> {
    let (class, operation) = (client.class, draft.operation);
    let mut record = Record {
        time: draft.time,
        gateway: GATEWAYS[gateway_of(client)],
        sequence,
        request_id: draft.request_id,
        direction: if class.outbound {
            "outbound"
        } else {
            "inbound"
        },
        integration: Some(class.integration),
        method: operation.method,
        host: if class.outbound { PARTNER_HOST } else { HOST },
        target: Target::Route(operation.route, draft.resource),
        query: present(&scratch.query),
        status: status(draft),
        duration_us: draft.duration_us,
        attempt: draft.attempt,
        client_address: &client.address,
        country: class.country,
        user_agent: Some(client.agent),
        client_id: Some(&client.id),
        tls: Some(client.tls),
        subject: present(&scratch.subject),
        mfa: class.mfa,
        decision: Some(match draft.fate {
            Fate::Refused => "deny",
            Fate::Limited => "limit",
            _ => "allow",
        }),
        resource_type: operation.resource_type,
        fields_sent: operation.fields_sent,
        webhook: webhook(draft),
        device_id: present(&scratch.device),
        outcome: recognition(draft),
        ..Record::bare()
    };
    authorise(&mut record, client, draft);
    answer(&mut record, client, draft);
    record
}

/// Roles, scopes and token, as far as the operation asks for them.
fn authorise<'a>(record: &mut Record<'a>, client: &'a Client, draft: &Draft) {
    let class = client.class;
    let asks_token = draft.operation.habit == Habit::TokenEndpoint;
    if asks_token || !class.device {
        record.grant = Some(class.grant);
    }
    if asks_token {
        return;
    }
    record.roles = class.roles;
    if !class.device {
        record.scopes = class.scopes;
    }
    record.token = Some(token(client, draft));
}

/// Sizes, what stands behind the gateway, and what the answer was about.
fn answer(record: &mut Record<'_>, client: &Client, draft: &Draft) {
    let (class, operation) = (client.class, draft.operation);
    let done = draft.fate == Fate::Done;
    let spread = u32::try_from(draft.bits % 256).expect("below 256");
    let cache = cache(operation, draft.bits);
    // Devices talk to an edge that answers by itself, as a cache does.
    let behind = !class.device && cache != Some("hit");
    record.cache_status = cache;
    record.request_bytes = operation.request_bytes / 256 * (200 + spread / 2) + spread;
    record.response_bytes = if done {
        operation.response_bytes / 256 * (160 + spread / 2) + spread
    } else {
        150 + spread / 4
    };
    if behind && !matches!(draft.fate, Fate::Refused | Fate::Limited) {
        record.upstream_us = Some(draft.duration_us - draft.duration_us / 8);
    }
    if behind && !class.outbound && draft.fate != Fate::Refused {
        record.upstream_address = Some(UPSTREAMS[(draft.bits >> 8 & 3) as usize]);
    }
    if behind && operation.method == "POST" && operation.resource_type.is_some() {
        record.idempotency_key = Some(splitmix(draft.request_id));
    }
    if done {
        record.fields_received = operation.fields_received;
        record.record_count = (operation.records > 0).then(|| 1 + spread % operation.records);
    }
    if class.outbound {
        record.egress_address = Some("198.51.100.10");
    }
    if class.network.is_none_or(|(first, _)| first != 10) {
        record.waf_verdict = Some("pass");
    }
    if class.prefix == "desk" && operation.naming == Naming::Resident {
        record.purpose = Some(PURPOSES[(draft.bits >> 16 & 3) as usize]);
    }
    if class.prefix == "face-recognition" || class.prefix == "terminal" {
        record.legal_basis = Some("consent");
    }
    record.error = match record.status {
        502 => Some("upstream reset the connection"),
        504 => Some("upstream timed out"),
        _ => None,
    };
}

const UPSTREAMS: [&str; 4] = [
    "10.60.0.11:8443",
    "10.60.0.12:8443",
    "10.60.0.13:8443",
    "10.60.0.14:8443",
];
const PURPOSES: [&str; 4] = ["visit", "delivery", "complaint", "handover"];

/// Which of [`GATEWAYS`] a client keeps to.
pub(crate) fn gateway_of(client: &Client) -> usize {
    usize::from(client.trait_bits >> 20 & 1 == 1)
}

fn status(draft: &Draft) -> u16 {
    match draft.fate {
        Fate::Done if draft.operation.method == "DELETE" => 204,
        Fate::Done if draft.operation.resource_type == Some("passage") => 201,
        Fate::Done if draft.operation.habit == Habit::Webhook => 202,
        Fate::Done => 200,
        Fate::Missing => 404,
        Fate::Refused => 401,
        Fate::Limited => 429,
        Fate::Failed if draft.bits & 1 == 0 => 502,
        Fate::Failed => 504,
    }
}

fn cache(operation: &Operation, bits: u64) -> Option<&'static str> {
    (operation.method == "GET" && operation.naming == Naming::Own).then_some(
        if (bits >> 24).is_multiple_of(4) {
            "miss"
        } else {
            "hit"
        },
    )
}

fn recognition(draft: &Draft) -> Option<&'static str> {
    (draft.operation.habit == Habit::Recognition && draft.fate == Fate::Done).then(|| {
        match draft.bits >> 32 & 63 {
            0..8 => "no_match",
            8 if draft.operation.route.contains("face") => "liveness_failed",
            _ => "match",
        }
    })
}

fn webhook(draft: &Draft) -> Option<Webhook<'static>> {
    (draft.operation.habit == Habit::Webhook).then(|| Webhook {
        // A delivery that is tried again keeps its id.
        id: splitmix(draft.request_id ^ 0x8eb),
        signature: "valid",
        time: draft
            .time
            .plus_micros(-20_000 - i64::from(u32::try_from(draft.bits % 700_000).expect("small"))),
    })
}

/// The token that the client holds at that time. Lives and ids follow from the clock, so nothing is remembered.
fn token<'a>(client: &'a Client, draft: &Draft) -> Token<'a> {
    let life = i64::from(client.class.token_life_s) * 1_000_000;
    let phase = i64::try_from(client.trait_bits % 600).expect("below 600") * 1_000_000;
    let mut issued = draft
        .time
        .plus_micros(-phase)
        .floor_to(life)
        .plus_micros(phase);
    let mut outcome = "valid";
    if draft.fate == Fate::Refused {
        // It used the token before this one a moment too long.
        issued = issued.plus_micros(-life);
        outcome = "expired";
    }
    let id = splitmix(client.trait_bits ^ issued.micros().cast_unsigned());
    if client.class.device {
        return Token {
            algorithm: "",
            key_id: "",
            issuer: "",
            audience: "",
            id,
            issued,
            expires: issued.plus_micros(life),
            outcome,
        };
    }
    Token {
        algorithm: client.class.algorithm,
        key_id: KEYS[usize::from(client.trait_bits & 1 == 1)],
        issuer: ISSUER,
        audience: "gateway",
        id,
        issued,
        expires: issued.plus_micros(life),
        outcome,
    }
}
