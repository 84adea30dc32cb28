//! Test cases that rules carry, run: single events through the rule engine, sequences through a tracker.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::{BlockBuilder, Fired, PartitionClock, Plan, SHARDS, Shard, match_of, settle, split};
use crate::config;
use crate::event::{Event, Position, Timestamp};
use crate::sigma::{RuleSet, Scratch, TestEvent};

/// Decodes and enriches one native JSON event and hands it on; `Err` says what is wrong with the event.
pub type Prepare<'p> = dyn FnMut(&str, &mut dyn FnMut(&Event<'_>)) -> Result<(), String> + 'p;

/// A test case that did not come out as the rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule file.
    pub path: PathBuf,
    /// Line of the test case in it, from 1; of the rule when the rule carries no such case.
    pub line: u32,
    /// Title of the rule.
    pub rule: String,
    /// What went wrong.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            path,
            line,
            rule,
            reason,
        } = self;
        write!(f, "{}:{line}: `{rule}`: {reason}", path.display())
    }
}

/// How many cases were run, and those that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Cases run.
    pub cases: usize,
    /// Cases that failed, and rules that lack a positive or a negative case, in the order of the rule set.
    pub failures: Vec<Failure>,
}

/// Runs every test case of the set. A rule without a positive and a negative case fails, unless it only feeds correlations.
pub fn run(rules: &RuleSet, prepare: &mut Prepare<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    single_events(rules, prepare, &mut outcome);
    sequences(rules, prepare, &mut outcome);
    outcome
}

fn single_events(rules: &RuleSet, prepare: &mut Prepare<'_>, outcome: &mut Outcome) {
    let mut scratch = rules.scratch();
    for (index, rule) in rules.rules().iter().enumerate() {
        let mut report = Report::new(outcome, &rule.source.path, &rule.meta.title);
        let tests = &rule.tests;
        if rule.alerts && (tests.matching.is_empty() || tests.not_matching.is_empty()) {
            report.fail(
                rule.source.line,
                "it needs a case that matches and one that does not",
            );
        }
        for (cases, expected) in [(&tests.matching, true), (&tests.not_matching, false)] {
            for case in cases {
                let matched = matches(rules, index, case, &mut scratch, prepare);
                report.case(case.line, expected, "matches", matched);
            }
        }
    }
}

fn sequences(rules: &RuleSet, prepare: &mut Prepare<'_>, outcome: &mut Outcome) {
    for correlation in rules.correlations() {
        let source = &correlation.source;
        let mut report = Report::new(outcome, &source.path, &correlation.meta.title);
        let tests = &correlation.tests;
        if correlation.alerts && (tests.matching.is_empty() || tests.not_matching.is_empty()) {
            report.fail(
                source.line,
                "it needs a sequence that fires and one that does not",
            );
        }
        for (cases, expected) in [(&tests.matching, true), (&tests.not_matching, false)] {
            for case in cases {
                let line = case.first().map_or(source.line, |event| event.line);
                let id = correlation.meta.id;
                let fired = findings(rules, case, true, prepare)
                    .map(|fired| fired.iter().any(|fired| fired.meta.id == id));
                report.case(line, expected, "fires", fired);
            }
        }
    }
}

struct Report<'o> {
    outcome: &'o mut Outcome,
    path: &'o PathBuf,
    rule: &'o str,
}

impl<'o> Report<'o> {
    fn new(outcome: &'o mut Outcome, path: &'o PathBuf, rule: &'o str) -> Self {
        Report {
            outcome,
            path,
            rule,
        }
    }

    fn case(&mut self, line: u32, expected: bool, verb: &str, result: Result<bool, String>) {
        self.outcome.cases += 1;
        match result {
            Ok(seen) if seen == expected => {}
            Ok(true) => self.fail(
                line,
                &format!("it {verb}, and the case says that it does not"),
            ),
            Ok(false) => self.fail(
                line,
                &format!("it does not do what the case says: it never {verb}"),
            ),
            Err(reason) => self.fail(line, &format!("the event of the case is bad: {reason}")),
        }
    }

    fn fail(&mut self, line: u32, reason: &str) {
        self.outcome.failures.push(Failure {
            path: self.path.clone(),
            line,
            rule: self.rule.to_owned(),
            reason: reason.to_owned(),
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
    prepare(&case.json, &mut |event| {
        matched = rules
            .matches(event, scratch)
            .iter()
            .any(|rule| *rule as usize == index);
    })?;
    Ok(matched)
}

/// The findings of a sequence of events, taken as one partition that then ends. With `inner` also those of correlations that
/// only feed others.
fn findings(
    rules: &RuleSet,
    case: &[TestEvent],
    inner: bool,
    prepare: &mut Prepare<'_>,
) -> Result<Vec<Fired>, String> {
    let settings = config::Track::default();
    let mut plan = Plan::of(rules, settings);
    for correlation in &mut plan.correlations {
        correlation.alerts |= inner;
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
        prepare(&test.json, &mut |event| {
            let turn = builder.event(event, position);
            for rule in rules.matches(event, &mut scratch) {
                builder.matched(match_of(rules, *rule, event, position, turn, Vec::new()));
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
    let mut ids: Vec<Uuid> = findings(rules, events, false, prepare)?
        .iter()
        .map(|fired| fired.meta.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests;
