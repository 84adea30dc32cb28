//! What each shard gets of what a block showed.

use super::seen::{GatewayMinute, LevelMinute, OperationMinute, RunMinute, Seen};
use crate::track::{Plan, shard_of};

/// What each shard gets of a block, in the order of the shards.
pub(in crate::track) fn split(seen: Seen, plan: &Plan, mut hand: impl FnMut(usize, Part)) {
    let Seen {
        gateways,
        operations,
        levels,
        runs,
    } = seen;
    for one in gateways {
        hand(shard_of(&one.gateway), Part::Gateway(one));
    }
    for one in operations {
        // With their integration: what it does as a whole is told once.
        hand(shard_of(whole_of(&one.operation)), Part::Operation(one));
    }
    for one in levels {
        if let Some(spec) = plan.expectations.levels().get(one.level as usize) {
            hand(shard_of(&spec.integration), Part::Level(one));
        }
    }
    for one in runs {
        if let Some(spec) = plan.expectations.schedules().get(one.schedule as usize) {
            hand(shard_of(&spec.integration), Part::Run(one));
        }
    }
}

/// The integration of an operation, or itself.
pub(super) fn whole_of(name: &str) -> &str {
    name.split_once(" | ")
        .map_or(name, |(integration, _)| integration)
}

/// One of the things seen.
pub(in crate::track) enum Part {
    Gateway(GatewayMinute),
    Operation(OperationMinute),
    Level(LevelMinute),
    Run(RunMinute),
}

impl Seen {
    pub(in crate::track) fn push(&mut self, part: Part) {
        match part {
            Part::Gateway(one) => self.gateways.push(one),
            Part::Operation(one) => self.operations.push(one),
            Part::Level(one) => self.levels.push(one),
            Part::Run(one) => self.runs.push(one),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.gateways.len() + self.operations.len() + self.levels.len() + self.runs.len()
    }
}
