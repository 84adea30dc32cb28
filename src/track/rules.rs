//! From a rule set to what the tracker needs of it.

use std::sync::Arc;

use super::plan::{CorrelationSpec, Plan, RulePlan};
use super::{
    CorrelationKey, Goes, Looks, Match, Packed, PatternHit, Turn, entity_of, evidence_of,
    stable_hash,
};
use crate::config;
use crate::event::{Event, Position};
use crate::sigma::{CorrelationKind, Feed, MemberSource, RuleSet};

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
            .zip(contents(rules))
            .map(|(correlation, content)| CorrelationSpec {
                meta: Arc::new(correlation.meta.clone()),
                kind: correlation.kind.clone(),
                members: correlation.members.len(),
                timespan_us: correlation.timespan_us,
                condition: correlation.condition.clone(),
                alerts: correlation.alerts,
                level: correlation.level,
                content,
            })
            .collect();
        Plan::new(plans, correlations, settings)
    }
}

/// The content of a correlation: its own and that of everything that feeds it.
fn contents(rules: &RuleSet) -> Vec<u64> {
    let correlations = rules.correlations();
    let mut contents = vec![0_u64; correlations.len()];
    let mut order: Vec<usize> = (0..correlations.len()).collect();
    order.sort_by_key(|index| correlations[*index].level);
    for index in order {
        let correlation = &correlations[index];
        let own = correlation.source.content.to_be_bytes();
        let fed: Vec<[u8; 8]> = correlation
            .members
            .iter()
            .map(|member| match member.source {
                MemberSource::Rule(rule) => rules.rules()[rule as usize].source.content,
                MemberSource::Correlation(inner) => contents[inner as usize],
            })
            .map(u64::to_be_bytes)
            .collect();
        let parts: Vec<&[u8]> = std::iter::once(&own)
            .chain(&fed)
            .map(<[u8; 8]>::as_slice)
            .collect();
        contents[index] = stable_hash(&parts);
    }
    contents
}

/// The matches of one event, for the tracker. What people see of it is packed once for all rules that only count.
pub struct Matches<'e> {
    rules: &'e RuleSet,
    event: &'e Event<'e>,
    position: Position,
    turn: Turn,
    looks: Looks<'e>,
    /// The event without patterns, once it was wanted.
    plain: Option<Packed>,
}

impl<'e> Matches<'e> {
    /// Of an event, which must be redacted already: entity, groups and evidence are shown to people. `turn` is what
    /// [`super::BlockBuilder::event`] said of it.
    #[must_use]
    pub fn of(rules: &'e RuleSet, event: &'e Event<'e>, position: Position, turn: Turn) -> Self {
        Matches {
            rules,
            event,
            position,
            turn,
            looks: Looks::at(event),
            plain: None,
        }
    }

    /// The matches of a rule: one for each correlation that it feeds and whose group-by fields the event has, and one that is a
    /// finding of its own, where it is to be. `hits` are what [`RuleSet::explain`] said of it.
    ///
    /// # Panics
    /// When `rule` is no index of a rule in the set.
    pub fn by(&mut self, rule: u32, hits: &[PatternHit], mut take: impl FnMut(Match)) {
        let matched = &self.rules.rules()[rule as usize];
        let (event, position, turn) = (self.event, self.position, self.turn);
        let keys = keys_of(self.rules, &matched.feeds, &mut self.looks).map(Goes::Correlation);
        let own = matched
            .alerts
            .then(|| Goes::Finding(entity_of(matched.meta.entity, event)));
        let mut evidence = None;
        for goes in keys.chain(own) {
            let evidence = evidence.get_or_insert_with(|| {
                let pack = || evidence_of(event, position, hits);
                if hits.is_empty() {
                    self.plain.get_or_insert_with(pack).clone()
                } else {
                    pack()
                }
            });
            take(Match {
                rule,
                offset: position.offset,
                time: event.time,
                due: turn.due,
                late: turn.late,
                goes,
                evidence: evidence.clone(),
            });
        }
    }
}

/// Where an event falls in the correlations that its match feeds, and in those that they feed.
fn keys_of<'r>(
    rules: &'r RuleSet,
    feeds: &'r [Feed],
    looks: &'r mut Looks<'_>,
) -> impl Iterator<Item = CorrelationKey> + 'r {
    feeds.iter().filter_map(move |feed| {
        let correlation = rules.correlations().get(feed.correlation as usize)?;
        let member = correlation.members.get(feed.member as usize)?;
        let value = looks.value(&correlation.kind, feed.member);
        if value.is_none() && correlation.kind != CorrelationKind::EventCount {
            return None; // it lacks what is looked at
        }
        Some(CorrelationKey {
            correlation: feed.correlation,
            group: looks.group(&member.group_by)?,
            value,
            above: above(rules, &correlation.feeds, looks),
        })
    })
}

fn above(rules: &RuleSet, feeds: &[Feed], looks: &mut Looks<'_>) -> Box<[CorrelationKey]> {
    keys_of(rules, feeds, looks).collect()
}
