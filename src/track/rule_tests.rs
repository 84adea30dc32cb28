//! Test cases that rules carry, run: single events through the rule engine, sequences through a tracker.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::{BlockBuilder, Fired, Matches, PartitionClock, Plan, SHARDS, Shard, settle, split};
use crate::config;
use crate::event::{Event, Position, Timestamp};
use crate::sigma::{RuleMeta, RuleSet, RuleSource, RuleTests, Scratch, TestEvent};

/// Decodes, enriches and completes one event of a case and hands it on; `Err` says what is wrong with the event.
pub type Prepare<'p> = dyn FnMut(&TestEvent, &mut dyn FnMut(&Event<'_>)) -> Result<(), String> + 'p;

/// What is wrong with a test case, or with a rule for want of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The rule has neither a case that matches nor one that does not.
    NoCases,
    /// The rule has no case that matches.
    NoMatch,
    /// The rule has no case that does not match.
    NoMismatch,
    /// An event of the case is none.
    BadEvent(String),
    /// It has to match and does not.
    Silent,
    /// It must not match and does.
    Matches,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wrong::NoCases => {
                "it has no cases: write `match` and `no_match` under `gatewatch: tests:`"
            }
            Wrong::NoMatch => {
                "it has no case that matches: write one under `gatewatch: tests: match:`"
            }
            Wrong::NoMismatch => {
                "it has no case that does not match: write one under `gatewatch: tests: no_match:`"
            }
            Wrong::BadEvent(why) => return write!(f, "an event of the case is none: {why}"),
            Wrong::Silent => "this has to match, and does not",
            Wrong::Matches => "this must not match, and does",
        })
    }
}

/// A test case that did not come out as the rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Id of the rule or correlation.
    pub id: Uuid,
    /// Its title.
    pub rule: String,
    /// Its file.
    pub path: PathBuf,
    /// Line of the case in it, from 1; of the rule when that lacks cases.
    pub line: u32,
    /// Which case: whether it has to match, and its number among those; `None` when the rule lacks cases.
    pub case: Option<(bool, usize)>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            path,
            line,
            rule,
            wrong,
            ..
        } = self;
        write!(f, "{}:{line}: `{rule}`: {wrong}", path.display())
    }
}

/// How many cases were run, and those that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rules looked at.
    pub rules: usize,
    /// Correlations looked at.
    pub correlations: usize,
    /// Cases run.
    pub cases: usize,
    /// What failed: rules, then correlations, in the order of the set.
    pub failures: Vec<Failure>,
}

/// Runs the test cases of those rules and correlations whose ids are `wanted`. One without a positive and a negative case fails, unless it
/// only feeds correlations.
pub fn run(rules: &RuleSet, wanted: impl Fn(Uuid) -> bool, prepare: &mut Prepare<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut scratch = rules.scratch();
    for (index, rule) in rules.rules().iter().enumerate() {
        if wanted(rule.meta.id) {
            outcome.rules += 1;
            let mut report = Report::new(&mut outcome, &rule.source, &rule.meta);
            report.cases(&rule.tests, rule.alerts, |case| {
                let matched = matches(rules, index, case, &mut scratch, prepare);
                (Some(case.line), matched)
            });
        }
    }
    for correlation in rules.correlations() {
        let id = correlation.meta.id;
        if wanted(id) {
            outcome.correlations += 1;
            let mut report = Report::new(&mut outcome, &correlation.source, &correlation.meta);
            report.cases(&correlation.tests, correlation.alerts, |case| {
                let fired = findings(rules, case, prepare)
                    .map(|fired| fired.iter().any(|fired| fired.meta.id == id));
                (case.first().map(|event| event.line), fired)
            });
        }
    }
    outcome
}

/// What the cases of one rule come to.
struct Report<'o> {
    outcome: &'o mut Outcome,
    source: &'o RuleSource,
    meta: &'o RuleMeta,
}

impl<'o> Report<'o> {
    fn new(outcome: &'o mut Outcome, source: &'o RuleSource, meta: &'o RuleMeta) -> Self {
        Report {
            outcome,
            source,
            meta,
        }
    }

    /// Runs the cases; `run` says where one stands, and whether it matched.
    fn cases<C>(
        &mut self,
        tests: &RuleTests<C>,
        alerts: bool,
        mut run: impl FnMut(&C) -> (Option<u32>, Result<bool, String>),
    ) {
        let lacks = match (tests.matching.is_empty(), tests.not_matching.is_empty()) {
            (true, true) => Some(Wrong::NoCases),
            (true, false) => Some(Wrong::NoMatch),
            (false, true) => Some(Wrong::NoMismatch),
            (false, false) => None,
        };
        // What only feeds correlations is tested by theirs.
        if let Some(wrong) = lacks.filter(|_| alerts) {
            self.fail(None, None, wrong);
        }
        for (cases, expected) in [(&tests.matching, true), (&tests.not_matching, false)] {
            for (number, case) in cases.iter().enumerate() {
                self.outcome.cases += 1;
                let (line, matched) = run(case);
                let wrong = match matched {
                    Ok(matched) if matched == expected => continue,
                    Ok(true) => Wrong::Matches,
                    Ok(false) => Wrong::Silent,
                    Err(why) => Wrong::BadEvent(why),
                };
                self.fail(line, Some((expected, number)), wrong);
            }
        }
    }

    fn fail(&mut self, line: Option<u32>, case: Option<(bool, usize)>, wrong: Wrong) {
        self.outcome.failures.push(Failure {
            id: self.meta.id,
            rule: self.meta.title.clone(),
            path: self.source.path.clone(),
            line: line.unwrap_or(self.source.line),
            case,
            wrong,
        });
    }
}

fn matches(
    rules: &RuleSet,
    index: usize,
    case: &TestEvent,
    scratch: &mut Scratch,
    prepare: &mut Prepare<'_>,
) -> Result<bool, String> {
    let mut matched = false;
    prepare(case, &mut |event| {
        matched = rules
            .matches(event, scratch)
            .iter()
            .any(|rule| *rule as usize == index);
    })?;
    Ok(matched)
}

/// The findings of a sequence of events, taken as one partition that then ends, also of correlations that only feed others.
fn findings(
    rules: &RuleSet,
    case: &[TestEvent],
    prepare: &mut Prepare<'_>,
) -> Result<Vec<Fired>, String> {
    let settings = config::Track::default();
    let mut plan = Plan::of(rules, settings);
    for correlation in &mut plan.correlations {
        correlation.alerts = true;
    }
    let plan = Arc::new(plan);
    let clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
    let mut builder = BlockBuilder::new(0, 0, clock, &[]);
    let mut scratch = rules.scratch();
    for (offset, test) in (0i64..).zip(case) {
        let position = Position {
            partition: 0,
            offset,
            stamped: None,
        };
        prepare(test, &mut |event| {
            let turn = builder.event(event, position);
            let mut matches = Matches::of(rules, event, position, turn);
            for rule in rules.matches(event, &mut scratch) {
                matches.by(*rule, &[], |matched| builder.matched(matched));
            }
        })
        .map_err(|reason| format!("line {}: {reason}", test.line))?;
    }
    let (blocks, _) = builder.finish(case.len().try_into().unwrap_or(i64::MAX));
    let mut shards: Vec<(Shard, Vec<Fired>)> = (0..SHARDS)
        .map(|_| (Shard::new(Arc::clone(&plan)), Vec::new()))
        .collect();
    for block in blocks {
        for ((shard, fired), part) in shards.iter_mut().zip(split(block, &plan)) {
            shard.apply(part, &[], fired);
        }
    }
    for (shard, fired) in &mut shards {
        shard.finish(fired);
    }
    let mut places: Vec<_> = shards
        .iter_mut()
        .map(|(shard, fired)| (shard, fired))
        .collect();
    settle(&plan, &mut places);
    let fired = shards.into_iter().flat_map(|(_, fired)| fired).collect();
    Ok(fired)
}

/// The id of every rule and correlation that fires on a sequence of events; for rule authors.
///
/// # Errors
/// What is wrong with the first bad event.
pub fn fires(
    rules: &RuleSet,
    events: &[TestEvent],
    prepare: &mut Prepare<'_>,
) -> Result<Vec<Uuid>, String> {
    let mut ids: Vec<Uuid> = findings(rules, events, prepare)?
        .iter()
        .map(|fired| fired.meta.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests;
