//! `gatewatch score`: alerts against the labels of a simulation.

mod alerts;
mod table;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::simulate::score::{Judge, Score, score};
use crate::simulate::{Label, Span};
use crate::track::is_statistical;

/// Longest line that is read; an alert has bounded evidence.
const LONGEST_LINE: u64 = 4 << 20;

/// Compares alerts with the labels that `simulate` wrote.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Labels, a JSON object a line
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Alerts, a JSON object a line (plain or OCSF); `-` for standard input
    #[arg(long, value_name = "FILE")]
    alerts: PathBuf,
    /// How far outside a scenario's time an alert on it may be
    #[arg(long, value_name = "SPAN", default_value = "15m")]
    slack: Span,
    /// Judge what statistics find alone: only their alerts, only scenarios tagged `statistical`, whatever the requirement
    #[arg(long)]
    statistics: bool,
    /// More false alarms than this are a failure
    #[arg(long, value_name = "N")]
    max_false_alarms: Option<usize>,
    /// Write JSON in place of a table
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit code 0 when every attack was found, 1 when one was missed or there were too many false alarms.
///
/// # Errors
/// When a file cannot be read or is not what it should be.
pub fn run(args: &Args) -> Result<ExitCode> {
    let labels = labels(&args.labels)?;
    let mut claims = alerts::read(lines(&args.alerts)?)
        .with_context(|| format!("alerts: {}", args.alerts.display()))?;
    let judge = if args.statistics {
        claims.retain(|claim| is_statistical(&claim.family));
        Judge::ByStatistics
    } else {
        Judge::ByRequirement
    };
    let score = score(&labels, &claims, args.slack.micros(), judge);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &score)?;
        writeln!(out)?;
    } else {
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        out.write_all(table::render(&score, colours).as_bytes())?;
    }
    Ok(verdict(&score, args.max_false_alarms))
}

fn verdict(score: &Score, most: Option<usize>) -> ExitCode {
    let missed = score.missed().next().is_some();
    let too_many = most.is_some_and(|most| score.false_alarms.len() > most);
    ExitCode::from(u8::from(missed || too_many))
}

fn lines(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn labels(path: &Path) -> Result<Vec<Label>> {
    let mut labels = Vec::new();
    each_line(lines(path)?, |number, line| {
        let label = serde_json::from_str(line).map_err(|error| {
            anyhow::anyhow!("{}: line {number} is no label: {error}", path.display())
        })?;
        labels.push(label);
        Ok(())
    })?;
    anyhow::ensure!(!labels.is_empty(), "{} holds no label", path.display());
    Ok(labels)
}

/// Calls the closure with each line that is not empty and its number from 1. Lines are bounded.
pub(super) fn each_line(
    mut reader: Box<dyn BufRead>,
    mut take: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let read = io::Read::take(&mut reader, LONGEST_LINE)
            .read_line(&mut line)
            .with_context(|| format!("line {number}"))?;
        if read == 0 {
            break;
        }
        anyhow::ensure!(
            u64::try_from(read)? < LONGEST_LINE || line.ends_with('\n'),
            "line {number} is longer than {LONGEST_LINE} bytes"
        );
        if !line.trim().is_empty() {
            take(number, &line)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
