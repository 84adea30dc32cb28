//! `gatewatch contract check`: whether contracts are well formed, and what history would have breached.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::history::History;
use super::{Output, load, verdict};
use crate::cli::terminal::{self, Paint};
use crate::contract::requirement_of;
use crate::event::{Event, Fact, Timestamp};

/// Calls that are named for each breach.
const EXAMPLES: usize = 3;
/// Longest text from a log, in characters.
const SHOWN: usize = 60;

/// Checks contracts, and what history would have breached: a dry run before they are signed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch contract check contracts\n  \
    gatewatch contract check contracts/barrier-operator.yaml --from monday.log.gz tuesday.log.gz\n  \
    gatewatch contract check contracts --from clickhouse --since 2026-11-01T00:00:00Z\n  \
    gatewatch contract check contracts --from access.log --output json | jq '.breaches[] | select(.answered > 0)'\n\n\
    A call that was answered breaches more than one that was refused: a control was missing.")]
pub(super) struct Args {
    /// A contract, or a folder of them
    #[arg(value_name = "CONTRACTS")]
    contracts: PathBuf,
    #[command(flatten)]
    history: History,
    /// How the breaches are printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What history says of the contracts.
#[derive(Debug, Default, Serialize)]
struct Report {
    contracts: usize,
    events: u64,
    rejected: u64,
    /// Calls under a contract.
    held: u64,
    breaches: Vec<Breach>,
}

/// One fact against one contract.
#[derive(Debug, Serialize)]
struct Breach {
    integration: String,
    fact: &'static str,
    requirement: &'static str,
    says: &'static str,
    /// Calls that were let through.
    answered: u64,
    /// Calls that were refused or failed.
    refused: u64,
    first: Timestamp,
    last: Timestamp,
    examples: Vec<Example>,
}

/// A call.
#[derive(Debug, Serialize)]
struct Example {
    /// Number of the record, over all files, from 0.
    record: u64,
    request_id: String,
    operation: String,
}

/// Checks and prints.
///
/// # Errors
/// A contract is wrong or a file cannot be read.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let contracts = load(&args.contracts)?;
    let mut report = Report {
        contracts: contracts.len(),
        ..Report::default()
    };
    if args.history.is_wanted() {
        let mut breaches: BTreeMap<(String, Fact), Breach> = BTreeMap::new();
        let held = &mut report.held;
        let names: Vec<String> = contracts
            .documents()
            .map(|document| document.integration.clone())
            .collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let counts = args.history.read(contracts, &known, |event, record| {
            let name = event.integration.as_deref().unwrap_or_default();
            if known.contains(&name) {
                *held += 1;
                note(&mut breaches, name, event, record);
            }
        })?;
        report.breaches = breaches.into_values().collect();
        report
            .breaches
            .sort_by(|a, b| (&a.integration, a.requirement).cmp(&(&b.integration, b.requirement)));
        (report.events, report.rejected) = (counts.events, counts.rejected);
    }
    match args.output {
        Output::Json => terminal::say_json(&report)?,
        Output::Text => {
            terminal::say(&text(&report, args.history.is_wanted(), Paint::of_stdout()))?;
        }
    }
    Ok(verdict(!report.breaches.is_empty()))
}

fn note(
    breaches: &mut BTreeMap<(String, Fact), Breach>,
    name: &str,
    event: &Event<'_>,
    record: u64,
) {
    for fact in event.facts.iter() {
        let Some(requirement) = requirement_of(fact) else {
            continue; // it is of no contract
        };
        let breach = breaches
            .entry((name.to_owned(), fact))
            .or_insert_with(|| Breach {
                integration: name.to_owned(),
                fact: fact.name(),
                requirement,
                says: fact.doc().trim(),
                answered: 0,
                refused: 0,
                first: event.time,
                last: event.time,
                examples: Vec::new(),
            });
        let answered = event.status.is_some_and(|status| status < 400);
        breach.answered += u64::from(answered);
        breach.refused += u64::from(!answered);
        breach.first = breach.first.min(event.time);
        breach.last = breach.last.max(event.time);
        if breach.examples.len() < EXAMPLES {
            let shown = |text: Option<&str>| terminal::cut(text.unwrap_or_default(), SHOWN);
            breach.examples.push(Example {
                record,
                request_id: shown(event.request_id.as_deref()),
                // The route, never the path: a path may hold what must not be shown.
                operation: shown(event.operation.as_deref()),
            });
        }
    }
}

fn text(report: &Report, with_history: bool, paint: Paint) -> String {
    let word = if report.contracts == 1 {
        "contract"
    } else {
        "contracts"
    };
    let mut text = format!("{} {word}: ok\n", report.contracts);
    if !with_history {
        return text;
    }
    let _ = writeln!(
        text,
        "{} of {} events are under a contract, {} records were no events",
        terminal::grouped(report.held),
        terminal::grouped(report.events),
        terminal::grouped(report.rejected),
    );
    let mut integration = "";
    for breach in &report.breaches {
        if breach.integration != integration {
            integration = &breach.integration;
            let name = terminal::escaped(integration);
            let _ = writeln!(text, "\n{}", paint.bold(&name));
        }
        let answered = format!("{:>9} answered", terminal::grouped(breach.answered));
        let answered = if breach.answered > 0 {
            paint.bad(&answered)
        } else {
            answered
        };
        let _ = writeln!(
            text,
            "  {}  {:20} {answered} {:>9} refused  {}",
            breach.requirement,
            breach.fact,
            terminal::grouped(breach.refused),
            breach.says,
        );
        for example in &breach.examples {
            let line = format!(
                "          record {}, {} {}",
                example.record, example.operation, example.request_id
            );
            let _ = writeln!(text, "{}", paint.faint(line.trim_end()));
        }
    }
    if report.breaches.is_empty() {
        text.push_str("nothing would have been a breach\n");
    }
    text
}
