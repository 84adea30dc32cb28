//! The command line: a file a command, each with its arguments and what they do.

pub mod account;
pub mod alert;
pub mod backtest;
pub mod check;
pub mod clickhouse;
mod confirmed;
pub mod console;
pub mod contract;
pub mod decision;
pub mod hunt;
pub mod incident;
mod key_files;
pub mod migrate;
pub mod model;
mod past;
mod records;
mod register;
pub mod replay;
pub mod report;
pub mod rule;
pub mod run;
pub mod score;
pub mod simulate;
pub mod subject;
mod terminal;
pub mod train;
pub mod verify;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config};
use crate::contract::Contracts;
use crate::pipeline::service::ServiceError;
use crate::source::kafka::KafkaProblem;
use crate::store::StoreError;

/// Watches an API gateway: stores its requests, finds attacks, mails the people who must know.
#[derive(Debug, Parser)]
#[command(
    name = "gatewatch",
    version,
    after_help = "Exit codes: 0 done, 1 findings or a failed check where asked for, 2 wrong use or configuration, 3 a part is unreachable."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Args),
    Check(check::Args),
    Clickhouse(clickhouse::Args),
    Migrate(migrate::Args),
    Replay(replay::Args),
    Backtest(backtest::Args),
    Hunt(hunt::Args),
    Train(train::Args),
    Model(model::Args),
    Simulate(simulate::Args),
    Score(score::Args),
    Rule(rule::Args),
    Contract(contract::Args),
    Report(report::Args),
    Subject(subject::Args),
    Incident(incident::Args),
    Alert(alert::Args),
    Decision(decision::Args),
    Console(console::Args),
    Account(account::Args),
    Verify(verify::Args),
}

/// Reads the configuration with what its contracts give to the rules: rules of their own, and lists as placeholders where the
/// configuration has none of the name itself.
///
/// # Errors
/// The configuration or a contract is wrong, or events are kept longer than a contract allows.
pub(crate) fn configuration(path: Option<&Path>) -> anyhow::Result<Config> {
    let mut config = config::load(path)?;
    let contracts = Contracts::configured(&config.contracts)?;
    for (name, values) in contracts.lists() {
        let placeholders = &mut config.rules.placeholders;
        placeholders
            .entry(name)
            .or_insert(config::Placeholder::Values(values));
    }
    config.rules.generated = contracts
        .rules()
        .into_iter()
        .map(|rules| {
            (
                format!("contract of {}", rules.integration).into(),
                rules.text,
            )
        })
        .collect();
    let days = config.store.retention.events_days;
    for document in contracts.documents() {
        let most = document.retention.map(|span| span.micros / DAY_US);
        if let Some(most) = most.filter(|most| i64::from(days) > *most) {
            anyhow::bail!(
                "store.retention.events_days is {days}, but the contract of {} lets events be kept for {most} days at most: shorten the \
                 retention or have the contract changed",
                document.integration
            );
        }
    }
    Ok(config)
}

const DAY_US: i64 = 86_400_000_000;

/// Runs the command; the code is the process's.
///
/// # Errors
/// What went wrong; [`exit_code`] knows which code that is.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => run::run(args)?,
        Command::Check(args) => check::run(&args)?,
        Command::Clickhouse(args) => clickhouse::run(args)?,
        Command::Migrate(args) => migrate::run(&args)?,
        Command::Replay(args) => return replay::run(&args),
        Command::Backtest(args) => return backtest::run(&args),
        Command::Hunt(args) => return hunt::run(&args),
        Command::Train(args) => return train::run(&args),
        Command::Model(args) => model::run(&args)?,
        Command::Simulate(args) => return simulate::run(&args),
        Command::Score(args) => return score::run(&args),
        Command::Rule(args) => return rule::run(&args),
        Command::Contract(args) => return contract::run(&args),
        Command::Report(args) => report::run(&args)?,
        Command::Subject(args) => return subject::run(&args),
        Command::Incident(args) => return incident::run(&args),
        Command::Alert(args) => return alert::run(&args),
        Command::Decision(args) => decision::run(&args)?,
        Command::Console(args) => console::run(&args)?,
        Command::Account(args) => account::run(&args)?,
        Command::Verify(args) => return verify::run(&args),
    }
    Ok(ExitCode::SUCCESS)
}

/// 1 when something was found, else 0.
fn verdict(found: bool) -> ExitCode {
    ExitCode::from(u8::from(found))
}

/// 3 when a part is unreachable, else 2.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let unreachable = error
        .downcast_ref::<ServiceError>()
        .is_some_and(ServiceError::is_unreachable)
        || error
            .downcast_ref::<KafkaProblem>()
            .is_some_and(KafkaProblem::is_retryable)
        || error
            .downcast_ref::<StoreError>()
            .is_some_and(StoreError::is_retryable);
    ExitCode::from(if unreachable { 3 } else { 2 })
}
