//! `gatewatch report`: what an integration kept, requirement by requirement, for an auditor.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::{Config, Locale};
use crate::contract::{Contracts, Document};
use crate::event::Timestamp;
use crate::notify::now;
use crate::report::{self, Report};
use crate::sigma::RuleSet;
use crate::store::Store;

const DAY_US: i64 = 86_400_000_000;
/// Days that the report is about when nothing is said.
const DAYS: i64 = 30;

/// Reports what an integration kept, requirement by requirement, with evidence
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch report --config gatewatch.toml --integration barrier-operator > report.html\n  \
    gatewatch report --config gatewatch.toml --integration barrier-operator --from 2026-11-01 --to 2026-12-01 --locale ru --output november.html\n  \
    gatewatch report --config gatewatch.toml --integration barrier-operator --format json | jq '.requirements[] | {id, verdict}'")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Name of the integration, as its contract has it
    #[arg(long, value_name = "NAME")]
    integration: String,
    /// First day or time (UTC): 2026-11-01 or RFC 3339; 30 days before the end by default
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Day or time behind the last (UTC); now by default
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
    /// Language
    #[arg(long, value_enum, default_value_t = Language::En)]
    locale: Language,
    /// HTML for people, JSON for machines
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// File to write; standard output without it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Languages of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    /// Russian
    Ru,
    /// English
    En,
}

/// Forms of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One page that prints well
    Html,
    /// The same as one document
    Json,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&midnight))
        .ok_or_else(|| format!("`{text}` is neither a day such as 2026-11-01 nor RFC 3339"))
}

/// Builds and writes the report.
///
/// # Errors
/// The contract is not there, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = super::configuration(args.config.as_deref())?;
    let contracts = Contracts::configured(&config.contracts)?;
    let contract = contract(&contracts, &args.integration)?;
    let until = args.to.unwrap_or_else(now);
    let from = args
        .from
        .unwrap_or_else(|| until.plus_micros(-DAYS * DAY_US));
    if from >= until {
        bail!("--from {from} is not before --to {until}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(build(&config, contract, (from, until)))?;
    let text = match args.format {
        Format::Html => report::html(
            &report,
            match args.locale {
                Language::Ru => Locale::Ru,
                Language::En => Locale::En,
            },
        ),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    write(args.output.as_deref(), &text)
}

fn contract<'c>(contracts: &'c Contracts, name: &str) -> anyhow::Result<&'c Document> {
    let mut documents = contracts.documents();
    if let Some(found) = documents.find(|document| document.integration == name) {
        return Ok(found);
    }
    let names: Vec<&str> = contracts
        .documents()
        .map(|document| document.integration.as_str())
        .collect();
    if names.is_empty() {
        bail!("there are no contracts: set contracts.folder");
    }
    bail!(
        "no contract is named `{}`; there are: {}",
        super::terminal::escaped(name),
        names.join(", ")
    )
}

async fn build(
    config: &Config,
    contract: &Document,
    period: (Timestamp, Timestamp),
) -> anyhow::Result<Report> {
    let rules = RuleSet::load(&config.rules)?;
    let store = Store::connect(&config.store).await?;
    store.check_schema().await?;
    let days = config.store.retention.events_days;
    Ok(report::build(&store, contract, &rules, days, period, now()).await?)
}

fn write(output: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match output {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
        }
        None => Ok(super::terminal::say(text)?),
    }
}
