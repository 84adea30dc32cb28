//! `gatewatch rule …`: the tools of those who write rules.

mod bench;
mod catalogue;
mod counting;
mod coverage;
mod explain;
mod lint;
mod navigator;
pub mod pages;
mod reasons;
mod set;
mod test;
mod tree;

use std::process::ExitCode;

use clap::Subcommand;

use super::terminal::{self, Output};
use super::verdict;

/// Tests, lints, explains, measures and counts rules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule test rules --only 'SQL injection'\n  \
    gatewatch rule lint rules --deny warnings\n  \
    gatewatch rule explain rules/token/old-api-key.yml event.json\n  \
    gatewatch rule bench --top 20\n  \
    gatewatch rule coverage --format markdown\n\n\
    Exit codes: 0 done, 1 a case failed, a finding that is denied, or an event that does not match, 2 wrong use.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(test::Args),
    Lint(lint::Args),
    Explain(explain::Args),
    Bench(bench::Args),
    Coverage(coverage::Args),
}

/// Runs the command.
///
/// # Errors
/// Rules that do not load, files that cannot be read, arguments that name nothing.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Test(args) => test::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Coverage(args) => coverage::run(args),
    }
}
