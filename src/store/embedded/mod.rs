//! The embedded ClickHouse: the real server out of the library `libchdb.so`, in a process of its own.
//!
//! `files` writes the server's configuration, `engine` calls the library, this file ties them together. The server runs
//! in the process of `gatewatch clickhouse` and nowhere else: a crash or a memory blow-up must not take the detector along.

mod engine;
mod files;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::config::Secret;

/// Variable that holds the key of the encrypted disk: 64 hexadecimal digits.
pub const DISK_KEY: &str = "GATEWATCH_DISK_KEY";

/// The server is ready within a second on existing data; a slow disk and a long recovery get this long.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// How long running queries get to end after the order to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What the server is started with.
#[derive(Clone, Debug)]
pub struct Server {
    /// Folder of the data, the configuration and the log; made with mode 0700 when it is not there.
    pub data: PathBuf,
    /// Port of the HTTP interface on 127.0.0.1.
    pub http: u16,
    /// Port of the native interface on 127.0.0.1.
    pub tcp: u16,
    /// The library.
    pub library: PathBuf,
    /// Password of `gatewatch`, the user that migrates and writes.
    pub password: Secret,
    /// Password of `analyst`, who only reads; without one there is no such user.
    pub analyst_password: Secret,
    /// More configuration, such as `remote_servers`; an XML file that is merged into the server's.
    pub extra: Option<PathBuf>,
}

/// Why the server did not start or did not end well.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The key of the disk is absent or is not a key.
    #[error(
        "the embedded ClickHouse only stores on an AES-256 disk, and {DISK_KEY} {problem}; make a key with `openssl rand -hex 32`, keep it away from the data, and set {DISK_KEY} or {DISK_KEY}_FILE"
    )]
    DiskKey {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No password for the writer.
    #[error(
        "no password for the user `gatewatch`; set GATEWATCH_CLICKHOUSE_PASSWORD or GATEWATCH_CLICKHOUSE_PASSWORD_FILE"
    )]
    NoPassword,
    /// A file of the configuration cannot be written or read.
    #[error("cannot prepare {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The extra configuration is not what it should be.
    #[error("{path} must hold one <clickhouse> element: {problem}")]
    Extra {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The library cannot be loaded.
    #[error(
        "cannot load {path}: {reason}; it is `package/libchdb.so` of the npm package @chdb/lib-linux-x64-gnu (glibc, x86-64 with AVX2)"
    )]
    Library {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The server ended by itself.
    #[error("the server ended: {0}")]
    Ended(String),
    /// The server does not answer.
    #[error("the server did not answer on port {0} in time; see server.log in its folder")]
    NotReady(u16),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// The server could not be told to stop, or did not obey.
    #[error("the server did not stop in order: {0}")]
    NotStopped(String),
}

/// Checks a key of the encrypted disk: 64 hexadecimal digits.
///
/// # Errors
/// When it is absent or something else.
pub fn check_disk_key(key: Option<&str>) -> Result<(), EmbeddedError> {
    let problem = match key {
        None | Some("") => "is not set",
        Some(key) if key.len() != 64 => "is not 64 digits long",
        Some(key) if !key.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            "has characters that are not hexadecimal digits"
        }
        Some(_) => return Ok(()),
    };
    Err(EmbeddedError::DiskKey { problem })
}

/// Runs the server until `stop` says so, calling `ready` once it answers. Blocks.
///
/// # Errors
/// When the server cannot start, ends by itself or does not end in order. The caller then ends the process: the library
/// cannot be unloaded.
pub fn serve(
    server: &Server,
    disk_key: &str,
    ready: impl FnOnce(),
    stop: impl FnOnce() -> std::io::Result<mpsc::Receiver<()>>,
) -> Result<(), EmbeddedError> {
    check_disk_key(Some(disk_key))?;
    if server.password.is_empty() {
        return Err(EmbeddedError::NoPassword);
    }
    let data = files::write(server)?;
    let engine = engine::Engine::load(&server.library, disk_key)?;
    let (ended_sender, ended) = mpsc::channel();
    let arguments = arguments(server, &data);
    std::thread::Builder::new()
        .name("clickhouse".to_owned())
        .stack_size(16 * 1024 * 1024)
        .spawn(move || {
            // The receiver is gone only when the process is about to end.
            let _ = ended_sender.send(engine.run(&arguments));
        })
        .map_err(|source| EmbeddedError::File {
            path: data.clone(),
            source,
        })?;
    wait_until_ready(server, &ended)?;
    // The library sets signal handlers while it starts; ours come after it and replace them.
    let stop = stop().map_err(EmbeddedError::Signals)?;
    ready();
    wait_until_told(&stop, &ended)?;
    stop_in_order(server, &ended)
}

fn arguments(server: &Server, data: &Path) -> Vec<String> {
    let data = data.display();
    [
        "clickhouse".to_owned(),
        format!("--path={data}"),
        format!("--config-file={data}/config.xml"),
        format!("--http_port={}", server.http),
        format!("--tcp_port={}", server.tcp),
        "--listen_host=127.0.0.1".to_owned(),
        // The level in the configuration is not heeded here.
        "--log-level=fatal".to_owned(),
        // The last statement has no end; it keeps the server up until it is killed.
        "--query=SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(1) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1".to_owned(),
    ]
    .into()
}

type Ended = mpsc::Receiver<Result<(), String>>;

fn wait_until_ready(server: &Server, ended: &Ended) -> Result<(), EmbeddedError> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        match ended.recv_timeout(Duration::from_millis(50)) {
            Ok(outcome) => return Err(end_of(outcome)),
            Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if http::answers(server.http) {
            return Ok(());
        }
    }
    Err(EmbeddedError::NotReady(server.http))
}

fn wait_until_told(stop: &mpsc::Receiver<()>, ended: &Ended) -> Result<(), EmbeddedError> {
    loop {
        match ended.try_recv() {
            Ok(outcome) => return Err(end_of(outcome)),
            Err(TryRecvError::Disconnected) => return Err(lost()),
            Err(TryRecvError::Empty) => {}
        }
        match stop.recv_timeout(Duration::from_millis(100)) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn stop_in_order(server: &Server, ended: &Ended) -> Result<(), EmbeddedError> {
    // What still runs would be cut off anyway; a cancelled insert is sent again by its client. The statement that keeps the
    // server up is the only one without a user name.
    let told = [
        "KILL QUERY WHERE user != '' ASYNC",
        "KILL QUERY WHERE user = '' ASYNC",
    ]
    .map(|sql| http::execute(server.http, &server.password, sql));
    // "Query was cancelled" is the good end here. The server may end before it has answered, so its answers only tell why it did not.
    if ended.recv_timeout(STOP_WITHIN).is_ok() {
        return Ok(());
    }
    let refused = told
        .into_iter()
        .filter_map(Result::err)
        .fold(String::new(), |text, error| format!("{text}; {error}"));
    Err(EmbeddedError::NotStopped(format!(
        "still running after {} s{refused}",
        STOP_WITHIN.as_secs()
    )))
}

fn end_of(outcome: Result<(), String>) -> EmbeddedError {
    EmbeddedError::Ended(
        outcome
            .err()
            .unwrap_or_else(|| "without an error".to_owned()),
    )
}

fn lost() -> EmbeddedError {
    EmbeddedError::Ended("its thread is gone".to_owned())
}

/// Two requests over a plain loopback connection; not worth an HTTP client and a runtime.
mod http {
    use std::io::{self, Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{Ipv4Addr, Secret};

    pub(super) fn answers(port: u16) -> bool {
        request(port, "GET /ping HTTP/1.0\r\n\r\n", Duration::from_secs(1))
            .is_ok_and(|answer| answer.starts_with("HTTP/1.0 200"))
    }

    pub(super) fn execute(port: u16, password: &Secret, sql: &str) -> io::Result<()> {
        let credentials = STANDARD.encode(format!("gatewatch:{}", password.expose()));
        let request_text = format!(
            "POST / HTTP/1.0\r\nAuthorization: Basic {credentials}\r\nContent-Length: {}\r\n\r\n{sql}",
            sql.len()
        );
        let answer = request(port, &request_text, super::STOP_WITHIN)?;
        if answer.starts_with("HTTP/1.0 200") {
            return Ok(());
        }
        let line = answer.lines().last().unwrap_or("no answer");
        Err(io::Error::other(line.chars().take(300).collect::<String>()))
    }

    fn request(port: u16, text: &str, timeout: Duration) -> io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(text.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_good_key_it_refuses_with_a_hint() {
        for key in [None, Some(""), Some("abc"), Some(&*"g".repeat(64))] {
            let error = check_disk_key(key).unwrap_err().to_string();
            assert!(error.contains("openssl rand -hex 32"), "{error}");
        }
        assert!(check_disk_key(Some(&"0f".repeat(32))).is_ok());
    }
}
