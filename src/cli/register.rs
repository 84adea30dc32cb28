//! What the commands share that keep a register in the store (alerts, decisions, incidents): where it is, which entry is meant, who acts.

use std::future::Future;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::config::{self, Config};
use crate::event::Timestamp;
use crate::sigma::RuleSet;
use crate::store::Store;

/// Shortest beginning of an id that names an entry.
const SHORTEST: usize = 4;

/// Where the store is.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

impl Place {
    /// The configuration, and the store that it names.
    pub(super) async fn open(&self) -> anyhow::Result<(Config, Store)> {
        let config = config::load(self.config.as_deref())?;
        let store = Store::connect(&config.store).await?;
        store.check_schema().await?;
        Ok((config, store))
    }

    pub(super) async fn store(&self) -> anyhow::Result<Store> {
        Ok(self.open().await?.1)
    }

    /// The rules in force, and where they are.
    pub(super) fn rules(&self) -> anyhow::Result<(config::Rules, RuleSet)> {
        let settings = super::configuration(self.config.as_deref())?.rules;
        let rules = RuleSet::load(&settings)?;
        Ok((settings, rules))
    }
}

/// Does what takes the store, on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}

/// The beginning of an id, as ids are written.
pub(super) fn beginning(text: &str) -> anyhow::Result<String> {
    if text.len() < SHORTEST {
        bail!("{text:?} is too short: say at least {SHORTEST} characters of the id");
    }
    Ok(text.to_lowercase())
}

/// The one entry whose id begins so. `hint` says where others are to be seen.
pub(super) fn the_one<T>(
    found: impl IntoIterator<Item = T>,
    what: &str,
    beginning: &str,
    hint: &str,
) -> anyhow::Result<T> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry),
        (Some(_), Some(_)) => {
            bail!("several {what}s begin with {beginning:?}: say more of the id")
        }
        (None, _) => bail!("no {what} begins with {beginning:?}: {hint}"),
    }
}

/// A text that says something.
pub(super) fn filled(text: &str, what: &str) -> anyhow::Result<String> {
    let text = text.trim();
    if text.is_empty() {
        bail!("{what} is empty");
    }
    Ok(text.to_owned())
}

/// A time, for an argument.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        format!("`{text}` is not an RFC 3339 time such as 2026-11-01T12:00:00+03:00")
    })
}
