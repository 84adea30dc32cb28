//! `gatewatch console`: the console alone, beside a service that runs elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use crate::console::{Condition, Console};
use crate::contract::Contracts;
use crate::sigma::RuleSet;
use crate::store::Store;
use crate::telemetry;

/// Serves the console alone: what people see and decide in a browser, out of ClickHouse
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch console --config gatewatch.toml\n  \
    GATEWATCH_CONSOLE__KEY_FILE=/run/secrets/console-key gatewatch console\n\n\
    `gatewatch run` serves it too where console.enabled is true. The first account is made with `gatewatch account add`.\n\
    It speaks plain HTTP on console.listen (127.0.0.1:9466): put a proxy with TLS before it where readers are on other hosts. Ctrl-C stops in order.")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

/// Serves until a signal.
///
/// # Errors
/// The configuration is wrong, ClickHouse cannot be reached, or nothing can listen there.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = super::configuration(args.config.as_deref())?;
    telemetry::init_log(&config.log).context("log.filter")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    runtime.block_on(async {
        let store = Arc::new(Store::connect(&config.store).await?);
        store.check_schema().await?;
        let contracts = Arc::new(Contracts::configured(&config.contracts)?);
        let (_rules, rules) = watch::channel(Arc::new(RuleSet::load(&config.rules)?));
        let (stop, stopped) = watch::channel(false);
        let console = Console::configured(&config)?;
        let condition = Box::new(|_| Condition::default());
        let (address, serving) = console
            .listen(store, rules, contracts, condition, stopped)
            .await?;
        info!(%address, "the console is served");
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            info!("stopping in order");
            stop.send_replace(true);
        });
        serving.await.context("the console is not served any more")
    })
}
