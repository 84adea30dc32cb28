//! The logs of CrowdSec's own tests: is the attacker that CrowdSec names also named here, by a rule of the right kind?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::{Catalogue, Found};

/// What of ours answers to a scenario of CrowdSec: `mapping.yml` beside this file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub scenarios: BTreeMap<String, Kind>,
    /// Logs that are not of requests, each with what it is.
    pub not_of_requests: BTreeMap<String, String>,
}

/// What is of the kind of a scenario: rules as `folder/file`, or `folder/*`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// One of these has to name the attacker.
    pub named_by: Vec<String>,
    /// These may say what else the same requests are.
    #[serde(default)]
    pub beside: Vec<String>,
}

/// One line of `scenarios.jsonl`.
#[derive(Debug, Deserialize)]
struct Row {
    test: String,
    log_file: String,
    overflows: Vec<Overflow>,
}

#[derive(Debug, Deserialize)]
struct Overflow {
    sources: Vec<String>,
    scenario: String,
}

/// What became of one log.
#[derive(Debug)]
pub struct Log {
    pub test: String,
    /// What it is when it is not of requests.
    pub not_of_requests: Option<String>,
    pub events: u64,
    pub rejected: u64,
    /// Address and scenarios of each attacker that CrowdSec names.
    pub expected: BTreeMap<String, BTreeSet<String>>,
    /// Attackers that no rule of the right kind names.
    pub missed: BTreeSet<String>,
    /// Rules that name an attacker and are of the right kind.
    pub right: BTreeSet<String>,
    /// Alerts on somebody else, or of another kind.
    pub others: Vec<Found>,
}

impl Log {
    /// Every attacker is named by a rule of the right kind, and nothing else is said.
    pub fn is_named(&self) -> bool {
        self.missed.is_empty() && self.others.is_empty()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.not_of_requests {
            Some(what) => what.as_str(),
            None if self.is_named() => "named",
            None => "NOT NAMED",
        };
        let Log {
            test,
            events,
            rejected,
            ..
        } = self;
        write!(
            f,
            "{test:34} {events:4} events {rejected:3} rejected  {verdict:10}"
        )?;
        if !self.right.is_empty() {
            let right: Vec<&str> = self.right.iter().map(String::as_str).collect();
            write!(f, "  by {}", right.join(", "))?;
        }
        if !self.missed.is_empty() {
            write!(f, "  missed {:?}", self.missed)?;
        }
        for other in &self.others {
            write!(f, "  other: {} on {}", other.rule, other.entity)?;
        }
        Ok(())
    }
}

/// Reads the mapping.
pub fn mapping() -> Mapping {
    serde_saphyr::from_str(include_str!("mapping.yml")).expect("the mapping is as described")
}

/// Replays every log of the folder.
pub fn replay(folder: &Path, catalogue: &Catalogue, mapping: &Mapping) -> Vec<Log> {
    let rows = std::fs::read_to_string(folder.join("scenarios.jsonl")).expect("the data is there");
    rows.lines()
        .map(|line| {
            let row: Row = serde_json::from_str(line).expect("a row is as described");
            let file = folder.join("scenarios").join(&row.test).join(&row.log_file);
            let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
            let replayed = catalogue.replay(&text);
            let mut log = judge(&row, &replayed.found, mapping);
            log.events = replayed.events;
            log.rejected = replayed.rejected;
            log
        })
        .collect()
}

/// Prints what became of each log, and the figure; returns it.
pub fn print(logs: &[Log]) -> usize {
    for log in logs {
        println!("{log}");
    }
    let named = logs
        .iter()
        .filter(|log| log.not_of_requests.is_none() && log.is_named())
        .count();
    println!("figure crowdsec_logs_named {named} count");
    named
}

fn judge(row: &Row, found: &[Found], mapping: &Mapping) -> Log {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for overflow in &row.overflows {
        for source in &overflow.sources {
            expected
                .entry(source.clone())
                .or_default()
                .insert(overflow.scenario.clone());
        }
    }
    let mut log = Log {
        test: row.test.clone(),
        not_of_requests: mapping.not_of_requests.get(&row.test).cloned(),
        events: 0,
        rejected: 0,
        missed: expected.keys().cloned().collect(),
        expected,
        right: BTreeSet::new(),
        others: Vec::new(),
    };
    for one in found {
        let kinds: Vec<&Kind> = one
            .addresses
            .iter()
            .filter_map(|address| log.expected.get(address))
            .flatten()
            .filter_map(|scenario| mapping.scenarios.get(scenario))
            .collect();
        let is_on_attackers = one
            .addresses
            .iter()
            .all(|address| log.expected.contains_key(address));
        let lists = |list: fn(&Kind) -> &Vec<String>| {
            is_on_attackers && kinds.iter().any(|kind| names(list(kind), &one.rule))
        };
        if lists(|kind| &kind.named_by) {
            log.right.insert(one.rule.clone());
            log.missed
                .retain(|address| !one.addresses.contains(address));
        } else if !lists(|kind| &kind.beside) {
            log.others.push(one.clone());
        }
    }
    log
}

/// Whether a list names a rule, itself or by its folder.
fn names(list: &[String], rule: &str) -> bool {
    list.iter().any(|name| match name.strip_suffix("/*") {
        Some(folder) => rule.split('/').next() == Some(folder),
        None => name == rule,
    })
}
