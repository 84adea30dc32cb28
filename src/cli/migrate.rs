//! `gatewatch migrate`: makes or updates the tables in ClickHouse.

use std::path::PathBuf;

use anyhow::Context;

use crate::config::{self, Store as Settings};
use crate::store::Store;

/// Makes or updates the tables in ClickHouse; `run` does the same at its start
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  gatewatch migrate --config gatewatch.toml")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

/// Brings the tables to what this build expects, and says what was done.
///
/// # Errors
/// When ClickHouse cannot be reached, refuses, or holds tables that do not fit.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = config::load(args.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(migrate(&config.store))
}

async fn migrate(config: &Settings) -> anyhow::Result<()> {
    let store = Store::connect(config).await?;
    let applied = store.migrate().await?;
    store.check_schema().await?;
    if applied.is_empty() {
        println!("the tables in {} are up to date", config.database);
    }
    for name in applied {
        println!("applied {name}");
    }
    Ok(())
}
