//! `gatewatch run`: the service.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use crate::config::SourceKind;
use crate::pipeline::service;
use crate::telemetry;

/// Runs the service: reads the gateway's log, stores it, finds attacks, mails the people who must know.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch run --config gatewatch.toml\n  \
    gatewatch run --config gatewatch.toml --file access.log          one file, without Kafka\n  \
    gatewatch run --config gatewatch.toml --file 2015.log --first-event-at 2026-11-01T00:00:00Z\n  \
    zcat old.log.gz | gatewatch run --config gatewatch.toml --file -  standard input\n\n\
    Ctrl-C or SIGTERM stops in order: blocks are finished, offsets and state are kept.")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Read this file instead of what the configuration says; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Move the times of an old log: its first event comes to this time (RFC 3339), the others move with it
    #[arg(
        long,
        requires = "file",
        conflicts_with = "follow",
        value_name = "TIME"
    )]
    first_event_at: Option<String>,
    /// Follow the file: wait for more and go along with rotation
    #[arg(long, requires = "file")]
    follow: bool,
}

/// Runs until a signal or the end of a finite source, and ends the process then.
///
/// # Errors
/// The configuration is wrong, or a part does not answer at the start.
pub fn run(args: Args) -> anyhow::Result<()> {
    let mut config = super::configuration(args.config.as_deref())?;
    if let Some(file) = args.file {
        config.source.kind = if file.as_os_str() == "-" {
            SourceKind::Stdin
        } else {
            SourceKind::File
        };
        config.source.path = Some(file);
        config.source.follow = args.follow;
        config.source.first_event_at = args.first_event_at.or(config.source.first_event_at);
    }
    telemetry::init_log(&config.log).context("log.filter")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let result = runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            info!("stopping in order; a second signal ends at once");
            stop.send_replace(true);
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            std::process::exit(130);
        });
        anyhow::Ok(Box::pin(service::run(config, stopped)).await?)
    });
    // Standard input may block a thread for ever; it holds nothing that matters.
    runtime.shutdown_background();
    result?;
    leave()
}

/// Ends the process with code 0, without what C libraries left to be done at its end.
///
/// Threads of librdkafka, which ends its clients in the background, may still run then, and what OpenSSL takes away at the end of a
/// process is what they use: a double free was seen after everything had been done.
fn leave() -> ! {
    // Nobody is left to be told.
    drop(std::io::stdout().flush());
    drop(std::io::stderr().flush());
    #[expect(
        unsafe_code,
        reason = "the standard library always runs those handlers"
    )]
    // SAFETY: takes a number and does not come back.
    unsafe {
        libc::_exit(0)
    }
}
