//! A block cut into what each shard needs of it.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use foldhash::fast::FixedState;

use super::behaviour::{Active, active_in};
use super::{
    Addend, Conduct, CorrelationKey, Entity, Goes, Observation, Packed, Pile, Plan, SHARDS, Seen,
    TrackBlock, shard_of, shard_of_hash, stable_hash, watch,
};
use crate::event::Timestamp;
use crate::sigma::CorrelationKind;

/// One shard's part of a block. Every shard gets the range and the newest time, whether or not anything in it is its own.
#[derive(Debug)]
pub struct ShardPart {
    pub(crate) partition: i32,
    pub(crate) begin: i64,
    pub(crate) end: i64,
    pub(crate) newest: Timestamp,
    pub(crate) waiting: Pile<(Turn, Waiting)>,
    pub(crate) observations: Pile<Observation>,
    pub(crate) conducts: Pile<Conduct>,
    /// Who did something in each hour, also where it is another shard's.
    pub(crate) active: Arc<Active>,
    pub(crate) addends: Vec<Addend>,
    pub(crate) seen: Seen,
}

/// The place of a match in the one order in which all are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub(crate) due: Timestamp,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) target: Target,
}

/// Which detector takes it. An event that several rules of one correlation match is one event of it, unless it falls into
/// another group for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A finding of its own, by index of the rule.
    Rule(u32),
    /// A group of a correlation.
    Group {
        /// Index of the correlation.
        correlation: u32,
        /// Stable hash of the group's value, which its shard follows from.
        group: u64,
    },
}

impl Target {
    pub(crate) fn group(correlation: u32, group: &Entity) -> Self {
        Target::Group {
            correlation,
            group: stable_hash(&[group.value.as_bytes()]),
        }
    }
}

/// A match that waits for its turn.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) time: Timestamp,
    pub(crate) late: bool,
    /// Entity of the finding, or group of the correlation.
    pub(crate) entity: Entity,
    pub(crate) value: Option<u64>,
    /// Index of the rule that matched.
    pub(crate) rule: u32,
    pub(crate) evidence: Packed,
    /// Where it goes when the correlation fires.
    pub(crate) above: Box<[CorrelationKey]>,
}

impl Waiting {
    /// The same event by another rule of the same correlation: what the rules say is joined where they are told apart.
    pub(crate) fn join(&mut self, other: &Waiting, kind: &CorrelationKind) {
        if kind.is_temporal() || kind.is_absence() {
            let bits = |waiting: &Waiting| waiting.value.unwrap_or(0);
            self.value = Some(bits(self) | bits(other));
        }
    }
}

/// Cuts a block into one part a shard, in the order of the shards. Matches of unknown indices are left out.
#[must_use]
pub fn split(block: TrackBlock, plan: &Plan) -> Vec<ShardPart> {
    let active = Arc::new(active_in(block.conducts.iter()));
    let mut parts: Vec<ShardPart> = (0..SHARDS)
        .map(|_| ShardPart {
            partition: block.partition,
            begin: block.begin,
            end: block.end,
            newest: block.newest,
            waiting: Pile::default(),
            observations: Pile::default(),
            conducts: Pile::default(),
            active: Arc::clone(&active),
            addends: Vec::new(),
            seen: Seen::default(),
        })
        .collect();
    // Matches of one event mostly go to groups of one value.
    let mut hashed = (CompactString::default(), stable_hash(&[b""]));
    for matched in block.matches {
        let Some(rule) = plan.rules.get(matched.rule as usize) else {
            continue;
        };
        let (target, home, entity, value, above) = match matched.goes {
            Goes::Finding(entity) if rule.alerts => {
                let home = shard_of(&entity.value);
                let none = Box::default();
                (Target::Rule(matched.rule), home, entity, None, none)
            }
            Goes::Correlation(key) if (key.correlation as usize) < plan.correlations.len() => {
                if hashed.0 != key.group.value {
                    let hash = stable_hash(&[key.group.value.as_bytes()]);
                    hashed = (key.group.value.clone(), hash);
                }
                let group = hashed.1;
                let target = Target::Group {
                    correlation: key.correlation,
                    group,
                };
                let home = shard_of_hash(group);
                (target, home, key.group, key.value, key.above)
            }
            _ => continue,
        };
        let turn = Turn {
            due: matched.due,
            partition: block.partition,
            offset: matched.offset,
            target,
        };
        let waiting = Waiting {
            time: matched.time,
            late: matched.late,
            value,
            rule: matched.rule,
            evidence: matched.evidence,
            entity,
            above,
        };
        parts[home].waiting.push((turn, waiting));
    }
    for observation in block.observations {
        parts[shard_of(&observation.client)]
            .observations
            .push(observation);
    }
    // Like stays with like, so that they can be held against one another.
    let mut homes: HashMap<CompactString, usize, FixedState> = HashMap::default();
    for conduct in block.conducts {
        let name = conduct.like.home();
        let home = homes.get(name).copied().unwrap_or_else(|| {
            let home = shard_of(name);
            homes.insert(name.into(), home);
            home
        });
        parts[home].conducts.push(conduct);
    }
    for addend in block.addends {
        parts[shard_of(&addend.integration)].addends.push(addend);
    }
    watch::split(block.seen, plan, |shard, part| parts[shard].seen.push(part));
    parts
}

/// An entity with a short value, for the baseline: a client, or its address where the log names no client.
pub(crate) fn client_entity(client: &CompactString) -> Entity {
    let kind = if client.parse::<std::net::IpAddr>().is_ok() {
        super::EntityKind::Address
    } else {
        super::EntityKind::Client
    };
    Entity {
        kind,
        value: client.clone(),
    }
}
