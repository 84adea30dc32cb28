//! `gatewatch contract …`: the tools of those who own an integration.

mod check;
mod diff;
mod draft;
mod history;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::terminal::{self, Output};
use super::verdict;
use crate::contract::{self, Contracts};

/// Proposes, checks and compares contracts of integrations
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch contract draft --integration barrier-operator --from access.log.gz > contracts/barrier-operator.yaml\n  \
    gatewatch contract check contracts\n  \
    gatewatch contract check contracts/barrier-operator.yaml --from access.log.gz\n  \
    gatewatch contract diff signed.yaml proposed.yaml --fail-on-allows\n  \
    gatewatch contract schema > contract-schema.json\n\n\
    Exit codes: 0 done, 1 breaches, or something newly allowed where asked for, 2 wrong use or a wrong contract.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Draft(draft::Args),
    Check(check::Args),
    Diff(diff::Args),
    /// Prints the JSON schema of a contract, for editors and validators
    Schema,
}

/// Runs the command.
///
/// # Errors
/// Contracts that do not load, files that cannot be read.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Draft(args) => draft::run(args),
        Command::Check(args) => check::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Schema => {
            terminal::say_json(&contract::json_schema())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The contracts of a folder, or of one file.
fn load(path: &Path) -> anyhow::Result<Contracts> {
    if path.is_dir() {
        return Ok(Contracts::load(path)?);
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Contracts::from_sources(&[(path.to_owned(), text)])?)
}
