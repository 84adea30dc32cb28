//! `gatewatch subject …`: all of one person, for those who answer for personal data.

mod act;
mod erase;
mod in_kafka;
mod who;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use self::who::Who;
use super::terminal;
use crate::config;
use crate::enrich::Alias;
use crate::store::Store;

/// Finds, hands out and erases all that is stored of one person
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch subject pseudonym --config gatewatch.toml -  # the identifier comes on standard input, and shows in no list of processes\n  \
    gatewatch subject export --config gatewatch.toml --output person.ndjson -\n  \
    gatewatch subject erase --config gatewatch.toml -  # says what would go\n  \
    gatewatch subject erase --config gatewatch.toml --yes --by 'Anna Petrova, DPO' --basis 'request of 2026-11-20' --act act.html -\n\n\
    Exit codes: 0 done, 1 something is left, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pseudonym(PseudonymArgs),
    Export(ExportArgs),
    Erase(erase::Args),
}

/// Prints the pseudonyms of an identifier: what events, alerts and mails show in its place
#[derive(Debug, clap::Args)]
struct PseudonymArgs {
    #[command(flatten)]
    who: Who,
}

/// Writes all that is stored of a person, a JSON object a line
#[derive(Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    who: Who,
    /// File to write; standard output without it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Wrong keys, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match &args.command {
        Command::Pseudonym(args) => pseudonym(args),
        Command::Export(args) => runtime.block_on(export(args)),
        Command::Erase(args) => runtime.block_on(erase::run(args)),
    }
}

fn pseudonym(args: &PseudonymArgs) -> anyhow::Result<ExitCode> {
    let config = config::load(args.who.config.as_deref())?;
    let identifier = args.who.identifier()?;
    let mut text = String::new();
    for alias in args.who.pseudonyms(&config, &identifier)? {
        let Alias {
            key,
            field,
            pseudonym,
        } = alias;
        let _ = writeln!(text, "{key}\t{}\t{pseudonym}", field.name());
    }
    terminal::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let config = config::load(args.who.config.as_deref())?;
    let store = Store::connect(&config.store).await?;
    store.check_schema().await?;
    let subject = args.who.find(&config, &store).await?;
    let mut text = String::new();
    let mut rows = 0_u64;
    store
        .export_subject(&subject, |table, row| {
            rows += 1;
            let _ = writeln!(text, "{{\"table\":\"{table}\",\"row\":{row}}}");
        })
        .await?;
    match &args.output {
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => terminal::say(&text)?,
    }
    eprintln!("{rows} rows");
    if subject.unopened > 0 {
        eprintln!(
            "{} dead letters are sealed with keys that are not at hand: give them with --letter-key NAME=FILE",
            subject.unopened
        );
    }
    Ok(ExitCode::SUCCESS)
}
