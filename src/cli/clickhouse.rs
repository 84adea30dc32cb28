//! `gatewatch clickhouse`: the embedded ClickHouse server in the foreground.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Secret;
use crate::store::embedded::{self, DISK_KEY, Server};

/// Arguments of `gatewatch clickhouse`. The passwords and the disk's key come from the environment alone, so that no list
/// of processes shows them.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder of the data, the server's configuration and its log.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Port of the HTTP interface on 127.0.0.1.
    #[arg(long, value_name = "PORT", default_value_t = 8123)]
    pub http: u16,
    /// Port of the native interface on 127.0.0.1.
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub tcp: u16,
    /// The library libchdb.so of the npm package @chdb/lib-linux-x64-gnu.
    #[arg(long, value_name = "FILE", env = "GATEWATCH_CHDB")]
    pub library: PathBuf,
    /// More server configuration, such as `remote_servers`: an XML file with one <clickhouse> element.
    #[arg(long, value_name = "FILE")]
    pub extra: Option<PathBuf>,
}

/// Runs the server until SIGTERM or Ctrl-C, printing one line when it is ready.
///
/// # Errors
/// When a key or password is absent, the server cannot start, or it ends by itself.
pub fn run(args: Args) -> anyhow::Result<()> {
    let disk_key = secret_of(DISK_KEY)?;
    embedded::check_disk_key(Some(disk_key.expose()))?;
    let server = Server {
        data: args.data,
        http: args.http,
        tcp: args.tcp,
        library: args.library,
        password: secret_of("GATEWATCH_CLICKHOUSE_PASSWORD")?,
        analyst_password: secret_of("GATEWATCH_ANALYST_PASSWORD")?,
        extra: args.extra,
    };
    let ready = || {
        println!(
            "ready: http://127.0.0.1:{} (native port {})",
            server.http, server.tcp
        );
        // A reader that is gone does not matter.
        let _ = std::io::stdout().flush();
    };
    embedded::serve(&server, disk_key.expose(), ready, listen_for_stop)?;
    Ok(())
}

/// The secret in the environment variable `name`, or in the file that `name_FILE` names.
fn secret_of(name: &'static str) -> anyhow::Result<Secret> {
    let value = std::env::var(name).map(Secret::new).unwrap_or_default();
    let file = std::env::var_os(format!("{name}_FILE")).map(PathBuf::from);
    value
        .resolve(file.as_deref(), name)
        .with_context(|| format!("cannot get {name}"))
}

/// A channel that gets a message when the process is told to stop. Returns once it listens.
fn listen_for_stop() -> std::io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        // The receiver is gone only when the process is about to end.
        let _ = sender.send(());
    });
    Ok(receiver)
}
