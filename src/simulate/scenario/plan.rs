//! From a scenario's timeline to single requests with their times and callers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use compact_str::CompactString;

use super::{Caller, LabelEntity, LabelKind, Request, Scenario};
use crate::event::Timestamp;
use crate::random::{Random, splitmix, stable_hash};
use crate::simulate::SimulateError;
use crate::simulate::class::STRANGER;
use crate::simulate::population::{Client, Population};

/// Who makes the requests of one phase.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) client: Client,
    /// It is one of the ordinary population, so it has a token of its own.
    pub(crate) known: bool,
    /// Its client id is logged.
    pub(crate) named: bool,
}

/// The actors of a scenario: of each phase, those who take turns.
pub(crate) type Cast = Vec<Vec<Actor>>;

/// One request to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    /// When its exchange ends.
    pub(crate) time: Timestamp,
    pub(crate) scenario: u32,
    pub(crate) phase: u32,
    /// Number within the phase, from 0.
    pub(crate) number: u32,
}

/// All steps of all scenarios in the order of their times, the actors of each scenario's phases, and whom else alerts may name.
///
/// # Errors
/// When a scenario does not fit the span, or asks for the habits of a client that the population has not.
#[allow(clippy::type_complexity)] // three lists side by side, taken apart at once by the only caller
pub(crate) fn plan(
    scenarios: &[Scenario],
    population: &Population,
    seed: u64,
    start: Timestamp,
    span_us: i64,
) -> Result<(Vec<Step>, Vec<Cast>, Vec<Vec<LabelEntity>>), SimulateError> {
    let mut steps = Vec::new();
    let mut actors = Vec::new();
    let mut others = Vec::new();
    for (index, scenario) in (0_u32..).zip(scenarios) {
        let mut random = Random::new(splitmix(seed ^ stable_hash(&scenario.name)));
        let draw = scenario.draw(seed);
        let mut cast = Vec::new();
        for (number, phase) in (0_u32..).zip(&scenario.timeline) {
            let begin = phase.start.micros(span_us, draw);
            if begin + phase.duration.micros() > span_us {
                return Err(SimulateError::DoesNotFit {
                    name: scenario.name.clone(),
                    needs_s: (begin + phase.duration.micros()) / 1_000_000 + 1,
                    span_s: span_us / 1_000_000,
                });
            }
            let begin = start.plus_micros(begin);
            spread(
                begin,
                phase.duration.micros(),
                phase.events,
                &mut random,
                |time, event| {
                    steps.push(Step {
                        time,
                        scenario: index,
                        phase: number,
                        number: event,
                    });
                },
            );
            let actors: Vec<Actor> = (0..phase.caller.spread)
                .map(|nth| actor(&phase.caller, nth, population))
                .collect();
            check_habits(&scenario.name, &phase.request, &actors[0])?;
            cast.push(actors);
        }
        others.push(also(scenario, &cast));
        actors.push(cast);
    }
    steps.sort_unstable();
    Ok((steps, actors, others))
}

/// `usual` needs a client of the population, and a route that its class has.
fn check_habits(name: &str, request: &Request, actor: &Actor) -> Result<(), SimulateError> {
    let Request::Usual(usual) = request else {
        return Ok(());
    };
    let has = |route: &String| {
        let operations = actor.client.class.operations;
        operations.iter().any(|operation| operation.route == route)
    };
    if actor.known && usual.route.as_ref().is_none_or(has) {
        return Ok(());
    }
    Err(SimulateError::NoHabits {
        name: name.to_owned(),
        client: actor.client.id.to_string(),
        route: usual.route.clone(),
    })
}

/// Evenly spread times with jitter, growing.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // a part of a bounded duration
fn spread(
    begin: Timestamp,
    duration_us: i64,
    events: u32,
    random: &mut Random,
    mut put: impl FnMut(Timestamp, u32),
) {
    let gap = duration_us / i64::from(events);
    for event in 0..events {
        let within = (random.unit() * gap as f64) as i64;
        put(begin.plus_micros(gap * i64::from(event) + within), event);
    }
}

/// The `nth` of those who take turns.
fn actor(caller: &Caller, nth: u32, population: &Population) -> Actor {
    let found = caller
        .client
        .as_deref()
        .and_then(|id| population.following(id, nth));
    let known = found.is_some();
    let mut client = found.cloned().unwrap_or_else(|| {
        let id = caller.client.clone().unwrap_or_default();
        let key = if id.is_empty() {
            caller.address.map(|a| a.to_string()).unwrap_or_default()
        } else {
            id.clone()
        };
        let key_hash = stable_hash(&key);
        Client {
            class: &STRANGER,
            number: 1,
            id: CompactString::from(id),
            address: CompactString::default(),
            agent: STRANGER.agents[0],
            tls: ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
            key_hash,
            trait_bits: splitmix(key_hash),
        }
    });
    if let Some(address) = caller.address {
        // A client that comes from elsewhere comes from this one address, a crowd of them or of strangers from those that follow.
        let address = following(address, nth);
        client.address = compact_str::format_compact!("{address}");
        if client.id.is_empty() {
            client.key_hash = stable_hash(&client.address);
            client.trait_bits = splitmix(client.key_hash);
        }
    }
    if client.address.is_empty() {
        // A client that the population lacks, and the file gives it no address: one of RFC 5737.
        client.address = compact_str::format_compact!("192.0.2.{}", 1 + client.trait_bits % 250);
    }
    Actor {
        client,
        known,
        named: caller.client.is_some(),
    }
}

/// The address so many behind this one.
fn following(address: IpAddr, nth: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(address.to_bits().wrapping_add(nth)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(address.to_bits().wrapping_add(nth.into())).into(),
    }
}

/// Clients and addresses of the callers and whose ordinary calls are changed, without the entity itself.
fn also(scenario: &Scenario, cast: &[Vec<Actor>]) -> Vec<LabelEntity> {
    let mut entities: BTreeSet<LabelEntity> = scenario.also.iter().cloned().collect();
    for actor in cast.iter().flatten() {
        entities.insert(LabelEntity {
            kind: LabelKind::Address,
            value: actor.client.address.to_string(),
        });
        if actor.named {
            entities.insert(LabelEntity {
                kind: LabelKind::Client,
                value: actor.client.id.to_string(),
            });
        }
    }
    let mut of = |kind, value: &Option<String>| {
        let value = value.clone();
        entities.extend(value.map(|value| LabelEntity { kind, value }));
    };
    for change in &scenario.ordinary {
        of(LabelKind::Client, &change.of.client);
        of(LabelKind::Gateway, &change.of.gateway);
        of(LabelKind::Integration, &change.of.integration);
    }
    entities.remove(&scenario.entity);
    entities.into_iter().collect()
}
