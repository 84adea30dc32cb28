//! Where the rules and correlations of one plan stand in another: by id and content, so what was changed is another.

use std::collections::HashMap;

use uuid::Uuid;

use super::{CorrelationKey, Goes, Plan, TrackBlock};

/// New indices by old ones.
#[derive(Debug)]
pub struct Places {
    rules: Vec<Option<u32>>,
    correlations: Vec<Option<u32>>,
}

impl Places {
    /// Places in `plan` of what is known by id and content, each in the order of the old indices.
    pub(crate) fn in_plan(
        plan: &Plan,
        rules: impl Iterator<Item = (Uuid, u64)>,
        correlations: impl Iterator<Item = (Uuid, u64)>,
    ) -> Self {
        Places {
            rules: places(rules_of(plan), rules),
            correlations: places(correlations_of(plan), correlations),
        }
    }

    /// Places in `new` of what stands in `old`.
    #[must_use]
    pub fn between(old: &Plan, new: &Plan) -> Self {
        Places::in_plan(new, rules_of(old), correlations_of(old))
    }

    pub(crate) fn rule(&self, old: u32) -> Option<u32> {
        *self.rules.get(old as usize)?
    }

    pub(crate) fn correlation(&self, old: u32) -> Option<u32> {
        *self.correlations.get(old as usize)?
    }

    /// Keys of correlations that are still there.
    pub(crate) fn keys(&self, old: Box<[CorrelationKey]>) -> Box<[CorrelationKey]> {
        old.into_iter()
            .filter_map(|key| {
                Some(CorrelationKey {
                    correlation: self.correlation(key.correlation)?,
                    above: self.keys(key.above),
                    ..key
                })
            })
            .collect()
    }

    /// Takes a block over whose matches were made by the old plan. Returns how many matches of rules and correlations that are gone or
    /// changed were left out.
    pub fn take_over(&self, block: &mut TrackBlock) -> u64 {
        let before = block.matches.len();
        block.matches.retain_mut(|matched| {
            let Some(rule) = self.rule(matched.rule) else {
                return false;
            };
            matched.rule = rule;
            match &mut matched.goes {
                Goes::Finding(_) => true,
                Goes::Correlation(key) => {
                    let Some(correlation) = self.correlation(key.correlation) else {
                        return false;
                    };
                    key.correlation = correlation;
                    key.above = self.keys(std::mem::take(&mut key.above));
                    true
                }
            }
        });
        (before - block.matches.len()) as u64
    }
}

fn rules_of(plan: &Plan) -> impl Iterator<Item = (Uuid, u64)> {
    plan.rules.iter().map(|rule| (rule.meta.id, rule.content))
}

fn correlations_of(plan: &Plan) -> impl Iterator<Item = (Uuid, u64)> {
    plan.correlations
        .iter()
        .map(|spec| (spec.meta.id, spec.content))
}

fn places(
    new: impl Iterator<Item = (Uuid, u64)>,
    old: impl Iterator<Item = (Uuid, u64)>,
) -> Vec<Option<u32>> {
    let new: HashMap<(Uuid, u64), u32> = new.zip(0..).collect();
    old.map(|key| new.get(&key).copied()).collect()
}
