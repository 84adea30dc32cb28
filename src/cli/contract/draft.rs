//! `gatewatch contract draft`: a contract proposed from observed traffic.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;

use super::history::History;
use crate::cli::terminal;
use crate::contract::{Contracts, Draft};

/// Names of integrations that are told when none fits.
const MOST_NAMES: usize = 20;

/// Proposes a contract from observed traffic, with its evidence as comments
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch contract draft --integration barrier-operator --from monday.log.gz tuesday.log.gz\n  \
    gatewatch contract draft --integration plates --path /v1/plates --quantile 0.999 --from access.log\n  \
    gatewatch contract draft --integration barrier-operator --from clickhouse --since 2026-11-01T00:00:00Z\n\n\
    What was observed is not what was agreed: read each line before it is signed.")]
pub(super) struct Args {
    /// Name of the integration; calls that the log gives this name are its own
    #[arg(long, value_name = "NAME")]
    integration: String,
    /// Beginnings of paths: calls without any name that lie below belong to it too
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Share of the calls that limits of time and size let through
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    quantile: f64,
    #[command(flatten)]
    history: History,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err("a share is above 0 and at most 1, such as 0.999".to_owned())
    }
}

/// Reads and proposes.
///
/// # Errors
/// A file cannot be read, or no call is of the integration.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut draft = Draft::new(&args.integration, &args.paths);
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    if !args.history.is_wanted() {
        bail!("from which traffic? Name logs by --from, or say --from clickhouse");
    }
    let counts = args.history.read(
        Contracts::default(),
        &[args.integration.as_str()],
        |event, _| {
            if draft.observe(event) {
                return;
            }
            let Some(name) = &event.integration else {
                return;
            };
            if let Some(calls) = others.get_mut(name.as_str()) {
                *calls += 1;
            } else if others.len() < MOST_NAMES {
                others.insert(name.as_str().to_owned(), 1);
            }
        },
    )?;
    if draft.calls() == 0 {
        let names: Vec<String> = others.keys().map(|name| terminal::escaped(name)).collect();
        let hint = if names.is_empty() {
            "the log names no integration; say by --path which calls belong to it".to_owned()
        } else {
            format!("the log names {}", names.join(", "))
        };
        bail!(
            "none of {} events is of integration `{}`: {hint}",
            counts.events,
            args.integration
        );
    }
    eprintln!(
        "{} of {} events are of `{}`, {} records were no events",
        draft.calls(),
        counts.events,
        args.integration,
        counts.rejected
    );
    terminal::say(&draft.text(args.quantile))?;
    Ok(ExitCode::SUCCESS)
}
