//! The rules in force, and what they say of one event. Replaced as a whole; a block is matched by one set.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use metrics::{Counter, counter};

use crate::event::Event;
use crate::sigma::{self, PatternHit, RuleSet};
use crate::store::Verdict;
use crate::telemetry::metric;
use crate::track::Plan;

/// One event of so many tells what a rule costs.
const SAMPLED: usize = 64;

/// A rule set with what follows from it.
pub struct ActiveRules {
    rules: Arc<RuleSet>,
    plan: Arc<Plan>,
    /// Of each rule, in the order of the rules.
    counters: Vec<RuleCounters>,
    /// Of each exception: matches that it held back.
    withheld: Vec<Counter>,
    /// Ids of rules and exceptions, as they stand in stored rows.
    rule_ids: Vec<String>,
    exception_ids: Vec<String>,
}

/// What is counted of a rule.
struct RuleCounters {
    matches: Counter,
    samples: Counter,
    nanoseconds: Counter,
    /// The same since these rules are in force: how often it was timed, and how long that took.
    timed: (AtomicU64, AtomicU64),
}

impl RuleCounters {
    fn new(id: &str) -> Self {
        let rule = id.to_owned();
        RuleCounters {
            matches: counter!(metric::MATCHES, "rule" => rule.clone()),
            samples: counter!(metric::RULE_SAMPLES, "rule" => rule.clone()),
            nanoseconds: counter!(metric::RULE_NANOSECONDS, "rule" => rule),
            timed: Default::default(),
        }
    }
}

/// Memory that a worker uses again for each record.
pub struct Scratch {
    sigma: sigma::Scratch,
    matched: Vec<u32>,
    hits: Vec<(u32, Vec<PatternHit>)>,
    /// Rules whose match an exception held back, and the exception.
    withheld: Vec<(u32, u32)>,
    /// Events so far.
    events: usize,
}

impl ActiveRules {
    /// The rules with their plan. The recorder of metrics has to be there.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, plan: Plan) -> Self {
        let rule_ids: Vec<String> = rules
            .rules()
            .iter()
            .map(|rule| rule.meta.id.to_string())
            .collect();
        let exception_ids: Vec<String> = rules
            .exceptions()
            .iter()
            .map(|exception| exception.id.to_string())
            .collect();
        ActiveRules {
            plan: Arc::new(plan),
            counters: rule_ids.iter().map(|id| RuleCounters::new(id)).collect(),
            withheld: exception_ids
                .iter()
                .map(|id| counter!(metric::WITHHELD, "exception" => id.clone()))
                .collect(),
            rule_ids,
            exception_ids,
            rules,
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The same to hand on.
    #[must_use]
    pub fn rule_set(&self) -> Arc<RuleSet> {
        Arc::clone(&self.rules)
    }

    /// What the tracker knows of them.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Nanoseconds that each rule's condition takes on one event, by its id; of those that were timed.
    #[must_use]
    pub fn costs(&self) -> HashMap<String, u64> {
        let timed = self.rule_ids.iter().zip(&self.counters);
        let costs = timed.filter_map(|(id, counters)| {
            let (times, took) = &counters.timed;
            let times = times.load(Ordering::Relaxed);
            Some((id.clone(), took.load(Ordering::Relaxed).checked_div(times)?))
        });
        costs.collect()
    }

    /// Memory for one worker; it serves for later rules too.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        Scratch {
            sigma: self.rules.scratch(),
            matched: Vec::new(),
            hits: Vec::new(),
            withheld: Vec::new(),
            events: 0,
        }
    }

    /// Says which rules match an event, and which of these matches are held back. `event` is not redacted yet.
    pub(super) fn judge(&self, event: &Event<'_>, scratch: &mut Scratch) {
        let Scratch { sigma, matched, .. } = scratch;
        matched.clear();
        matched.extend_from_slice(self.rules.matches(event, sigma));
        let of_partner = event.is_of_partner();
        matched.retain(|rule| self.rules.rules()[*rule as usize].of_partner == of_partner);
        for &rule in &*matched {
            if let Some(exception) = self.rules.withheld_by(rule, event, sigma) {
                scratch.withheld.push((rule, exception));
                continue;
            }
            // What only feeds correlations is counted; its patterns are shown to nobody.
            let hits = if self.plan.rules[rule as usize].alerts {
                self.rules.explain(rule, event, sigma)
            } else {
                Vec::new()
            };
            scratch.hits.push((rule, hits));
        }
        self.sample_cost(event, scratch);
    }

    /// Counts what was said of the last event.
    pub(super) fn count(&self, scratch: &Scratch) {
        for (rule, _) in &scratch.hits {
            self.counters[*rule as usize].matches.increment(1);
        }
        for (_, exception) in &scratch.withheld {
            self.withheld[*exception as usize].increment(1);
        }
    }

    /// What was said of the last event, for its row.
    pub(super) fn verdict<'s>(&'s self, scratch: &'s Scratch) -> Verdict<'s> {
        let rule = |rule: &u32| self.rule_ids[*rule as usize].as_str();
        let exception = |exception: &u32| self.exception_ids[*exception as usize].as_str();
        let mut withheld_by: Vec<&str> = Vec::new();
        for (_, at) in &scratch.withheld {
            if !withheld_by.contains(&exception(at)) {
                withheld_by.push(exception(at));
            }
        }
        Verdict {
            rules: scratch.matched.iter().map(rule).collect(),
            withheld_by,
        }
    }

    /// Times one rule on one event of [`SAMPLED`], the rules in turn.
    fn sample_cost(&self, event: &Event<'_>, scratch: &mut Scratch) {
        scratch.events = scratch.events.wrapping_add(1);
        if !scratch.events.is_multiple_of(SAMPLED) || self.counters.is_empty() {
            return;
        }
        let index = scratch.events / SAMPLED % self.counters.len();
        let begin = Instant::now();
        let rule = u32::try_from(index).expect("rules are counted in 32 bits");
        std::hint::black_box(self.rules.matches_alone(rule, event, &mut scratch.sigma));
        let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counters[index].nanoseconds.increment(took);
        self.counters[index].samples.increment(1);
    }
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.matched.clear();
        self.hits.clear();
        self.withheld.clear();
    }

    /// All rules that matched the last event, with the patterns that held; or the exception that holds the match back.
    pub fn matches(&self) -> impl Iterator<Item = (u32, &[PatternHit], Option<u32>)> {
        let hits = self
            .hits
            .iter()
            .map(|(rule, hits)| (*rule, hits.as_slice(), None));
        let withheld = self.withheld.iter();
        let withheld = withheld.map(|(rule, at)| (*rule, [].as_slice(), Some(*at)));
        hits.chain(withheld)
    }

    /// The rules that matched the last event and were not held back, with the patterns that held.
    pub fn take_hits(&mut self) -> impl Iterator<Item = (u32, Vec<PatternHit>)> + '_ {
        self.hits.drain(..)
    }
}
