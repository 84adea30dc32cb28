//! The account: what was sent, what became of it, and which of the planted attacks were found.

use std::fs;

use gatewatch::simulate::Label;
use gatewatch::simulate::score::{FalseAlarm, Judge, Outcome, Score, score};
use serde::Serialize;
use serde_json::Value;

use crate::alerts::{Seen, Watch};
use crate::console;
use crate::stage::{BROKEN, Stage, TOPIC};

/// How much longer than its scenario an alert may be, in microseconds: findings of a quarter of an hour merge.
const SLACK_US: i64 = 15 * 60 * 1_000_000;
/// One attack in so many may be missed: some are hard on purpose.
const MISSED_ONE_IN: usize = 8;
/// The least number of different planted attacks that make a demo.
const FEWEST: usize = 6;

/// Every figure from the part that holds the thing.
pub struct Account {
    /// The topic's offsets, by Kafka.
    pub sent: u64,
    /// Rows of events, by `ClickHouse`.
    pub stored: u64,
    /// Rows of dead letters, by `ClickHouse`.
    pub dead_lettered: u64,
    /// Alerts, by `ClickHouse`.
    pub alerts: u64,
    /// Mails, by the mail server.
    pub mails: u64,
    /// Alerts that no planted attack explains.
    pub false_alarms: Vec<FalseAlarm>,
    /// The planted attacks.
    pub scenarios: Vec<Scenario>,
    /// The 95th percentile of what the overview of the console takes, in milliseconds, or what is wrong with it.
    pub overview: Result<f64, String>,
}

/// A planted attack and what became of it.
pub struct Scenario {
    pub outcome: Outcome,
    /// Subject of the first mail about it.
    pub subject: Option<String>,
}

impl Account {
    /// Asks every part.
    pub fn take(stage: &Stage, watch: &Watch) -> Self {
        let labels = labels(stage);
        let seen: Vec<&Seen> = watch.all().collect();
        let claims: Vec<_> = seen.iter().map(|seen| seen.claim()).collect();
        let Score {
            scenarios,
            false_alarms,
            ..
        } = score(&labels, &claims, SLACK_US, Judge::default());
        let mails = stage.mailpit.mails();
        let scenarios = scenarios
            .into_iter()
            .filter(|outcome| outcome.attack)
            .map(|outcome| {
                let alone = labels
                    .iter()
                    .filter(|label| label.name == outcome.name)
                    .cloned()
                    .collect::<Vec<_>>();
                let subject = subject(&alone, &seen, &mails);
                Scenario { outcome, subject }
            })
            .collect();
        let count = |table: &str| {
            stage
                .clickhouse
                .number(&format!("SELECT count() FROM gatewatch.{table}"))
        };
        Self {
            sent: stage.kafka.count(TOPIC),
            stored: count("events"),
            dead_lettered: count("dead_letters"),
            alerts: count("alerts FINAL"),
            mails: stage.mailpit.count(),
            false_alarms,
            scenarios,
            overview: console::overview_p95(stage),
        }
    }

    /// Planted attacks that were found.
    pub fn found(&self) -> usize {
        self.scenarios
            .iter()
            .filter(|scenario| scenario.outcome.found)
            .count()
    }

    /// What did not come out, in words; empty when all did.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.sent != self.stored + self.dead_lettered {
            failures.push(format!(
                "{} records were sent, but {} are stored and {} dead-lettered",
                self.sent, self.stored, self.dead_lettered
            ));
        }
        if self.dead_lettered != BROKEN {
            failures.push(format!(
                "{BROKEN} records were broken, but {} are dead-lettered",
                self.dead_lettered
            ));
        }
        if self.scenarios.len() < FEWEST {
            failures.push(format!(
                "only {} attacks were planted",
                self.scenarios.len()
            ));
        }
        let mut lacking = |what: &str, lacks: &dyn Fn(&Scenario) -> bool| {
            let names: Vec<&str> = self
                .scenarios
                .iter()
                .filter(|scenario| lacks(scenario))
                .map(|scenario| scenario.outcome.name.as_str())
                .collect();
            if !names.is_empty() {
                failures.push(format!("{what}: {}", names.join(", ")));
            }
        };
        let missed = self.scenarios.len() - self.found();
        if missed * MISSED_ONE_IN > self.scenarios.len() {
            lacking("not found", &|scenario| !scenario.outcome.found);
        }
        lacking("found, but nobody got a mail", &|scenario| {
            scenario.outcome.found && scenario.subject.is_none()
        });
        if let Err(wrong) = &self.overview {
            failures.push(format!("the console: {wrong}"));
        }
        failures
    }

    /// The summary that is kept.
    pub fn summary(&self) -> Summary {
        let line = |scenario: &Scenario| Line {
            name: scenario.outcome.name.clone(),
            found: scenario.outcome.found,
            seconds: scenario.outcome.wall_seconds,
        };
        Summary {
            sent: self.sent,
            stored: self.stored,
            dead_lettered: self.dead_lettered,
            alerts: self.alerts,
            false_alarms: self.false_alarms.len(),
            mails: self.mails,
            console_overview_p95_ms: self.overview.as_ref().ok().copied(),
            scenarios: self.scenarios.iter().map(line).collect(),
        }
    }
}

/// What `summary.json` holds.
#[derive(Serialize)]
pub struct Summary {
    sent: u64,
    stored: u64,
    dead_lettered: u64,
    alerts: u64,
    false_alarms: usize,
    mails: u64,
    console_overview_p95_ms: Option<f64>,
    scenarios: Vec<Line>,
}

/// A planted attack in it; `seconds` of the wall clock from its first request to its alert.
#[derive(Serialize)]
struct Line {
    name: String,
    found: bool,
    seconds: Option<f64>,
}

fn labels(stage: &Stage) -> Vec<Label> {
    let text = fs::read_to_string(stage.labels()).expect("the simulator wrote what it planted");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a label a line"))
        .collect()
}

/// The subject of the oldest mail about an alert that found the planted attack. A mail's id begins with its alert's.
fn subject(label: &[Label], seen: &[&Seen], mails: &[Value]) -> Option<String> {
    let about: Vec<String> = seen
        .iter()
        .map(|seen| seen.claim())
        .filter(|claim| {
            score(
                label,
                std::slice::from_ref(claim),
                SLACK_US,
                Judge::default(),
            )
            .scenarios
            .iter()
            .any(|outcome| outcome.found)
        })
        .map(|claim| claim.id)
        .collect();
    let mut newest_first = mails.iter().filter(|mail| {
        mail["MessageID"]
            .as_str()
            .is_some_and(|id| about.iter().any(|alert| id.starts_with(alert.as_str())))
    });
    newest_first
        .next_back()
        .and_then(|mail| mail["Subject"].as_str())
        .map(str::to_owned)
}
