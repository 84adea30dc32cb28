//! `gatewatch contract diff`: what a change newly allows or forbids.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

use super::{Output, load, verdict};
use crate::cli::terminal::{self, Paint};
use crate::contract::{Change, Document, Effect, diff};

/// Shows what a change of a contract newly allows or forbids
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch contract diff signed.yaml proposed.yaml\n  \
    gatewatch contract diff --fail-on-allows signed.yaml proposed.yaml\n\n\
    Each list, limit and demand is compared by itself: `allows` means that calls pass it which did not pass before.")]
pub(super) struct Args {
    /// The contract as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The contract as it is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Exit with 1 when something is newly allowed
    #[arg(long)]
    fail_on_allows: bool,
    /// How the changes are printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Compares and prints.
///
/// # Errors
/// A contract is wrong or cannot be read.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let changes = diff(&only(&args.old)?, &only(&args.new)?);
    match args.output {
        Output::Json => terminal::say_json(&changes)?,
        Output::Text => terminal::say(&text(&changes, Paint::of_stdout()))?,
    }
    let allows = changes.iter().any(|change| change.effect == Effect::Allows);
    Ok(verdict(args.fail_on_allows && allows))
}

fn only(path: &Path) -> anyhow::Result<Document> {
    let contracts = load(path)?;
    let mut documents = contracts.documents();
    match (documents.next(), documents.next()) {
        (Some(document), None) => Ok(document.clone()),
        _ => bail!("{}: name the file of one contract", path.display()),
    }
}

fn text(changes: &[Change], paint: Paint) -> String {
    if changes.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut text = String::new();
    for change in changes {
        let effect = match change.effect {
            Effect::Allows => paint.warn("+ allows "),
            Effect::Forbids => paint.good("- forbids"),
            Effect::Says => paint.faint("~ says   "),
        };
        let (place, what) = (
            terminal::escaped(&change.place),
            terminal::escaped(&change.what),
        );
        let _ = writeln!(text, "{effect}  {}  {what}", paint.bold(&place));
    }
    text
}
