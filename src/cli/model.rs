//! `gatewatch model …`: the models of behaviour, and which of them is in use.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;

use super::terminal::{self, grouped};
use crate::config::{self, Config};
use crate::pipeline::models::Models;

/// Lists models of behaviour, shows one, puts one in use, rolls back to the one before
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch model list\n  \
    gatewatch model show 20261129-5c0e91aa\n  \
    gatewatch model use 20261129-5c0e91aa\n  \
    gatewatch model roll-back\n\n\
    `gatewatch train` makes models. A running service takes up another one within a second.\n\
    Exit codes: 0 done, 2 no such model, or one that is damaged or of another version of gatewatch.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(Place),
    /// Shows the card of a version
    Show(Named),
    /// Puts a version in use
    Use(Named),
    /// Puts the version in use that was before this one
    RollBack(Place),
}

/// Lists the versions; the one in use has an arrow
#[derive(Debug, clap::Args)]
struct Place {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

/// Takes one version
#[derive(Debug, clap::Args)]
struct Named {
    #[command(flatten)]
    place: Place,
    /// Its name
    version: String,
}

impl Place {
    fn models(&self) -> anyhow::Result<Models> {
        let config = config::load(self.config.as_deref())?;
        folder(&config)
    }
}

/// The folder of models that a configuration names, whether or not behaviour is watched.
pub(super) fn folder(config: &Config) -> anyhow::Result<Models> {
    let folder = &config.track.behaviour.models;
    if folder.as_os_str().is_empty() {
        bail!("track.behaviour.models is empty: it names the folder of models");
    }
    Ok(Models::new(folder))
}

/// Runs the command.
///
/// # Errors
/// There is no such model, or it does not fit; or a file cannot be read or written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::List(place) => list(&place.models()?)?,
        Command::Show(named) => terminal::say(&named.place.models()?.card(&named.version)?)?,
        Command::Use(named) => {
            named.place.models()?.put_in_use(&named.version)?;
            eprintln!("{} is in use", named.version);
        }
        Command::RollBack(place) => {
            let version = place.models()?.roll_back()?;
            eprintln!("{version} is in use again");
        }
    }
    Ok(())
}

fn list(models: &Models) -> anyhow::Result<()> {
    let current = models.current()?;
    let mut text = String::new();
    for version in models.versions()? {
        let mark = if current.as_deref() == Some(&version) {
            "→"
        } else {
            " "
        };
        let says = match models.read(&version) {
            Ok(learned) => {
                let likes = learned.likes();
                let entities = likes.iter().map(|like| like.entities as u64).sum();
                format!("{} entities of {} kinds", grouped(entities), likes.len())
            }
            Err(problem) => problem.to_string(),
        };
        // Writing into a string does not fail.
        let _ = writeln!(text, "{mark} {version}  {says}");
    }
    terminal::say(&text)?;
    Ok(())
}
