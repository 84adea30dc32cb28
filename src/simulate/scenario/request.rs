//! The generators: how a request of a scenario looks.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::{Actor, Encoding, Fields, Inject, Login, Order, Phase, Request, TokenFields, Walk};
use crate::event::Timestamp;
use crate::random::{Random, splitmix};
use crate::simulate::line::uuid_into;
use crate::simulate::operation::{Habit, Operation, READ, TOKEN, WRITE};
use crate::simulate::record::{Record, ResourceId, Target, Token};
use crate::simulate::traffic::{Draft, Fate, ISSUER, Scratch, compose, draft, prepare};

static READING: Operation = READ;
static WRITING: Operation = WRITE;
static GETTING_TOKEN: Operation = TOKEN;

/// What a request of a scenario is made from.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) phase: &'a Phase,
    pub(crate) actor: &'a Actor,
    /// When the exchange ends.
    pub(crate) done: Timestamp,
    /// Number within the phase, from 0.
    pub(crate) number: u32,
    /// The gateway that it goes through, and its running number there.
    pub(crate) gateway: &'static str,
    pub(crate) sequence: u64,
}

/// Texts made for one request.
#[derive(Debug, Default)]
struct Texts {
    path: String,
    query: String,
    subject: String,
}

/// Appends one request of a scenario and gives its event time.
pub(crate) fn write(
    frame: &Frame<'_>,
    random: &mut Random,
    scratch: &mut Scratch,
    buffer: &mut Vec<u8>,
) -> Timestamp {
    let (phase, client) = (frame.phase, &frame.actor.client);
    let fields = &phase.fields;
    let rolled = roll(frame, random);
    prepare(client, &rolled, scratch);
    let texts = texts(frame, random);
    let mut record = compose(client, &rolled, frame.sequence, scratch);
    record.gateway = frame.gateway;
    if !frame.actor.known {
        estrange(&mut record, frame.actor.named);
    }
    if let Some(agent) = &phase.caller.user_agent {
        record.user_agent = Some(agent);
    }
    if let Some(country) = &phase.caller.country {
        record.country = Some(country);
    }
    ask(&mut record, &phase.request, &texts);
    change(&mut record, frame, fields);
    let (begin, time) = (buffer.len(), record.time);
    record.write(buffer);
    if !fields.others.is_empty() {
        change_written(buffer, begin, &fields.others, frame.number, random);
    }
    time
}

/// Rolls the exchange that the request is built on.
fn roll(frame: &Frame<'_>, random: &mut Random) -> Draft {
    let client = &frame.actor.client;
    let operation = match &frame.phase.request {
        Request::Usual(usual) => {
            // Only a client with operations gets here: the plan has made sure.
            let mut rolled = draft(client, frame.done, 0, random);
            for _ in 0..64 {
                let fits = match &usual.route {
                    Some(route) => rolled.operation.route == route,
                    None => rolled.operation.habit != Habit::TokenEndpoint,
                };
                if fits && rolled.fate == Fate::Done {
                    break;
                }
                rolled = draft(client, frame.done, 0, random);
            }
            return rolled;
        }
        Request::Login(_) => &GETTING_TOKEN,
        Request::Call(call) if call.method != "GET" => &WRITING,
        _ => &READING,
    };
    let duration_us = 3_000 + random.below(40_000);
    Draft {
        time: frame.done.plus_micros(-i64::from(duration_us)),
        operation,
        request_id: random.bits(),
        attempt: 1,
        resource: match &frame.phase.request {
            Request::Walk(walk) => Some(ResourceId::Number(walked(walk, frame))),
            _ => None,
        },
        fate: Fate::Done,
        duration_us,
        bits: random.bits(),
    }
}

/// The id of this step of a walk. Mixed order visits each id once: a multiplication by a number prime to the count.
fn walked(walk: &Walk, frame: &Frame<'_>) -> u64 {
    let count = u64::from(frame.phase.events);
    let number = u64::from(frame.number);
    let place = match walk.order {
        Order::Ascending => number,
        Order::Mixed => {
            let stride = (count * 5 / 8..=count)
                .find(|n| gcd(*n, count) == 1)
                .unwrap_or(1);
            number * stride % count
        }
    };
    u64::from(walk.first) + u64::from(walk.step) * place
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn texts(frame: &Frame<'_>, random: &mut Random) -> Texts {
    let mut texts = Texts::default();
    let number = frame.number;
    let nth = |list: &[String]| list[number as usize % list.len()].clone();
    match &frame.phase.request {
        Request::Usual(_) | Request::Walk(_) => {}
        Request::Inject(inject) => {
            let payload = fill(&nth(&inject.payloads), number, random);
            place(inject, &payload, &mut texts);
        }
        Request::Probe(probe) => texts.path = fill(&nth(&probe.paths), number, random),
        Request::Login(Login { subjects }) => {
            let _ = write!(
                texts.subject,
                "resident-{}",
                20_000 + random.below(*subjects)
            );
        }
        Request::Call(call) => {
            texts.path = fill(&call.path, number, random);
            if let Some(query) = &call.query {
                texts.query = fill(query, number, random);
            }
        }
    }
    texts
}

fn place(inject: &Inject, payload: &str, texts: &mut Texts) {
    texts.path.clone_from(&inject.path);
    let target = match &inject.parameter {
        Some(parameter) => {
            texts.query.push_str(parameter);
            texts.query.push('=');
            &mut texts.query
        }
        None => &mut texts.path,
    };
    match inject.encoding {
        Encoding::None => target.push_str(payload),
        Encoding::Percent => percent(payload, target),
        Encoding::Double => {
            let mut once = String::new();
            percent(payload, &mut once);
            percent(&once, target);
        }
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn percent(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// Puts a new value in the place of each known word in braces; other braces stay.
fn fill(text: &str, number: u32, random: &mut Random) -> String {
    const PLATE_LETTERS: &[u8; 12] = b"ABEKMHOPCTYX";
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        match &rest[1..close] {
            "n" => drop(write!(filled, "{}", number + 1)),
            "hex" => drop(write!(filled, "{:016x}", random.bits())),
            "uuid" => {
                let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
                let mut bytes = Vec::with_capacity(36);
                uuid_into(&mut bytes, bits);
                filled.extend(bytes.into_iter().map(char::from));
            }
            "plate" => {
                let mut letter = || char::from(*random.pick(PLATE_LETTERS));
                let (a, b, c) = (letter(), letter(), letter());
                let digits = 100 + random.below(900);
                let _ = write!(filled, "{a}{digits}{b}{c}77");
            }
            "phone" => drop(write!(filled, "%2B7916{:07}", random.below(10_000_000))),
            "email" => drop(write!(
                filled,
                "resident{}%40example.net",
                random.below(90_000)
            )),
            _ => {
                filled.push('{');
                rest = &rest[1..];
                continue;
            }
        }
        rest = &rest[close + 1..];
    }
    filled.push_str(rest);
    filled
}

/// Takes away what a stranger has not.
fn estrange(record: &mut Record<'_>, named: bool) {
    record.integration = None;
    record.subject = None;
    record.roles = &[];
    record.token = None;
    record.waf_verdict = Some("pass");
    if !named {
        record.client_id = None;
    }
}

fn ask<'a>(record: &mut Record<'a>, request: &'a Request, texts: &'a Texts) {
    match request {
        Request::Usual(_) => return,
        Request::Inject(inject) => record.method = &inject.method,
        Request::Probe(probe) => {
            record.method = &probe.method;
            record.status = 404;
        }
        Request::Login(_) => {
            record.status = 401;
            record.decision = Some("deny");
            record.grant = Some("password");
            record.subject = Some(&texts.subject);
            return;
        }
        Request::Call(call) => record.method = &call.method,
        Request::Walk(walk) => {
            let Target::Route(_, id) = record.target else {
                return;
            };
            record.method = &walk.method;
            record.target = Target::Route(&walk.route, id);
            record.resource_type = Some(&walk.resource_type);
            record.record_count = Some(1);
            record.fields_received = &["name", "flat"];
            return;
        }
    }
    record.target = Target::Path(&texts.path);
    record.query = (!texts.query.is_empty()).then_some(texts.query.as_str());
}

fn change<'a>(record: &mut Record<'a>, frame: &Frame<'_>, fields: &'a Fields) {
    if !fields.status.is_empty() {
        record.status = fields.status[frame.number as usize % fields.status.len()];
        record.decision = Some(match record.status {
            401 | 403 => "deny",
            429 => "limit",
            _ => "allow",
        });
    }
    if let Some(token) = &fields.token {
        change_token(record, frame, token);
    }
    if let (Some(webhook), Some(wanted)) = (&mut record.webhook, &fields.webhook) {
        webhook.signature = wanted.signature.as_deref().unwrap_or(webhook.signature);
        if let Some(age) = wanted.age {
            webhook.time = record.time.plus_micros(-age.micros());
        }
    }
}

/// Puts other values into a record that is written already; what it borrows from could not hold them.
fn change_written(
    written: &mut Vec<u8>,
    begin: usize,
    others: &BTreeMap<String, Value>,
    number: u32,
    random: &mut Random,
) {
    let mut record: Map<String, Value> =
        serde_json::from_slice(&written[begin..]).expect("a record is a JSON object");
    if others.get("scheme").is_some_and(|scheme| scheme == "http") {
        record.remove("tls_version");
        record.remove("tls_cipher");
    }
    for (name, value) in others {
        if value.is_null() {
            record.remove(name);
        } else {
            record.insert(name.clone(), filled(value, number, random));
        }
    }
    written.truncate(begin);
    serde_json::to_writer(written, &record).expect("a map is written into memory");
}

fn filled(value: &Value, number: u32, random: &mut Random) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, number, random)),
        Value::Array(list) => list
            .iter()
            .map(|value| filled(value, number, random))
            .collect(),
        other => other.clone(),
    }
}

fn change_token<'a>(record: &mut Record<'a>, frame: &Frame<'_>, wanted: &'a TokenFields) {
    if wanted.missing {
        record.token = None;
        record.token_outcome = Some("missing");
        record.scopes = &[];
        return;
    }
    let time = record.time;
    // A stranger that shows a token has one made up for it.
    let token = record.token.get_or_insert_with(|| Token {
        algorithm: "ES256",
        key_id: "es-2026a",
        issuer: ISSUER,
        audience: "gateway",
        id: splitmix(frame.actor.client.trait_bits),
        issued: time.plus_micros(-60_000_000),
        expires: time.plus_micros(540_000_000),
        outcome: "valid",
    });
    token.algorithm = wanted.algorithm.as_deref().unwrap_or(token.algorithm);
    token.key_id = wanted.key_id.as_deref().unwrap_or(token.key_id);
    token.issuer = wanted.issuer.as_deref().unwrap_or(token.issuer);
    token.outcome = wanted.outcome.as_deref().unwrap_or(token.outcome);
    let mut life = token.expires.since(token.issued);
    if let Some(wanted) = wanted.life {
        life = wanted.micros();
        token.expires = token.issued.plus_micros(life);
    }
    if let Some(expired_for) = wanted.expired_for {
        token.expires = time.plus_micros(-expired_for.micros());
        token.issued = token.expires.plus_micros(-life);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_in_braces_are_filled_and_others_stay() {
        let mut random = Random::new(1);
        assert_eq!(
            fill("/a/{n}?x={{7*7}}${jndi:x}", 4, &mut random),
            "/a/5?x={{7*7}}${jndi:x}"
        );
        assert_eq!(fill("{uuid}", 0, &mut random).len(), 36);
        assert!(fill("{plate}", 0, &mut random).ends_with("77"));
        assert_eq!(fill("open { brace", 0, &mut random), "open { brace");
    }

    #[test]
    fn payloads_are_encoded_as_told() {
        let mut once = String::new();
        percent("' OR 1=1", &mut once);
        assert_eq!(once, "%27%20OR%201%3D1");
        let mut twice = String::new();
        percent(&once, &mut twice);
        assert_eq!(twice, "%2527%2520OR%25201%253D1");
    }
}
