//! Chained correlations: what one finds is an event of another, whose group may live in another shard.
//!
//! All shards are taken to the same watermark level by level. When level 1 is released, level 0 of every shard has been, so
//! every event that comes before the watermark is there, and the order of a level is that of its events, as everywhere.

use super::split::{Target, Turn, Waiting};
use super::{CorrelationKey, Fired, Plan, Shard, shard_of_hash};

/// An event of a correlation that another one found.
pub(crate) struct Chained {
    pub(crate) turn: Turn,
    pub(crate) waiting: Waiting,
}

impl Chained {
    /// The event that made a correlation fire, as an event of one that it feeds.
    pub(crate) fn new(turn: Turn, event: &Waiting, key: &CorrelationKey) -> Self {
        Chained {
            turn: Turn {
                target: Target::group(key.correlation, &key.group),
                ..turn
            },
            waiting: Waiting {
                time: event.time,
                late: event.late,
                entity: key.group.clone(),
                value: key.value,
                rule: event.rule,
                evidence: event.evidence.clone(),
                above: key.above.clone(),
            },
        }
    }
}

/// Hands on what the correlations of all shards found, level by level. To be called with every shard, in order, after each
/// of them was applied, ticked or finished; the findings of a shard are in the order of their turns afterwards.
pub fn settle(plan: &Plan, shards: &mut [(&mut Shard, &mut Vec<Fired>)]) {
    if plan.levels() == 0 {
        return;
    }
    for level in 1..=plan.levels() {
        let chained: Vec<Chained> = shards
            .iter_mut()
            .flat_map(|(shard, _)| shard.take_chained())
            .collect();
        for event in chained {
            if let Target::Group { group, .. } = event.turn.target
                && let Some((shard, _)) = shards.get_mut(shard_of_hash(group))
            {
                shard.chain(event);
            }
        }
        for (shard, found) in &mut *shards {
            shard.release_level(level, found);
        }
    }
    for (_, found) in shards {
        found.sort_by_key(|fired| fired.turn);
    }
}

#[cfg(test)]
mod tests;
