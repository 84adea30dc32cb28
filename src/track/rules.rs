//! From a rule set to what the tracker needs of it.

use std::sync::Arc;

use super::plan::{CorrelationSpec, Plan, RulePlan};
use super::{
    CorrelationKey, Match, PatternHit, Turn, entity_of, evidence_of, group_of, stable_hash,
    value_of,
};
use crate::config;
use crate::event::{Event, Position};
use crate::sigma::{Correlation, CorrelationKind, RuleSet};

impl Plan {
    /// The plan of a rule set.
    #[must_use]
    pub fn of(rules: &RuleSet, settings: config::Track) -> Self {
        let plans: Vec<RulePlan> = rules
            .rules()
            .iter()
            .map(|rule| RulePlan {
                meta: Arc::new(rule.meta.clone()),
                alerts: rule.alerts,
                content: rule.source.content,
            })
            .collect();
        let correlations = rules
            .correlations()
            .iter()
            .map(|correlation| spec(correlation, &plans))
            .collect();
        Plan::new(plans, correlations, settings)
    }
}

fn spec(correlation: &Correlation, rules: &[RulePlan]) -> CorrelationSpec {
    let own = correlation.source.content.to_be_bytes();
    let fed: Vec<[u8; 8]> = correlation
        .rules
        .iter()
        .filter_map(|rule| rules.get(*rule as usize))
        .map(|rule| rule.content.to_be_bytes())
        .collect();
    let parts: Vec<&[u8]> = std::iter::once(&own)
        .chain(&fed)
        .map(<[u8; 8]>::as_slice)
        .collect();
    CorrelationSpec {
        meta: Arc::new(correlation.meta.clone()),
        distinct: match correlation.kind {
            CorrelationKind::EventCount => None,
            CorrelationKind::ValueCount { field } => Some(field.name().to_owned()),
        },
        timespan_us: correlation.timespan_us,
        threshold: correlation.condition.least(),
        content: stable_hash(&parts),
    }
}

/// A match for the tracker. `event` must be redacted already: entity, groups and evidence are shown to people.
///
/// `turn` is what [`super::BlockBuilder::event`] said of the event, `hits` what [`RuleSet::explain`] said of the match.
///
/// # Panics
/// When `rule` is no index of a rule in the set.
#[must_use]
pub fn match_of(
    rules: &RuleSet,
    rule: u32,
    event: &Event<'_>,
    position: Position,
    turn: Turn,
    hits: Vec<PatternHit>,
) -> Match {
    let matched = &rules.rules()[rule as usize];
    let keys = matched
        .feeds
        .iter()
        .filter_map(|index| {
            let correlation = rules.correlations().get(*index as usize)?;
            Some(CorrelationKey {
                correlation: *index,
                group: group_of(&correlation.group_by, event)?,
                value: match correlation.kind {
                    CorrelationKind::EventCount => None,
                    CorrelationKind::ValueCount { field } => value_of(field, event),
                },
            })
        })
        .collect();
    Match {
        rule,
        position,
        time: event.time,
        due: turn.due,
        late: turn.late,
        entity: entity_of(matched.meta.entity, event),
        keys,
        evidence: evidence_of(event, position, hits),
    }
}
