//! An embedded ClickHouse for one test: started on free ports, killed or stopped, gone with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gatewatch::config;
use gatewatch::event::{Event, Fact, Timestamp};
use gatewatch::store::{EventBlock, Store, Verdict};
use tempfile::TempDir;

use crate::ports::Ports;

pub const DISK_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const LETTER_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

pub struct Server {
    child: Child,
    folder: TempDir,
    secrets: TempDir,
    ports: Ports,
    pub http: u16,
    extra: Option<PathBuf>,
}

impl Server {
    /// Starts a server on an empty folder and waits until it is ready.
    pub fn start() -> Server {
        Server::start_with(None, Ports::take(2))
    }

    /// On the first of these ports for HTTP and the second for the native protocol.
    pub fn start_with(extra: Option<&Path>, ports: Ports) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(folder.path(), &ports, extra);
        Server {
            child,
            folder,
            secrets: tempfile::tempdir().unwrap(),
            http: ports.get(0),
            ports,
            extra: extra.map(Path::to_owned),
        }
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again on the same folder and ports.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), &self.ports, self.extra.as_deref());
    }

    /// SIGTERM, and how it ended. Clients close their unused connections meanwhile: the server waits for them, but not for long.
    pub async fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not stop");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn config(&self) -> config::Store {
        config::Store {
            url: format!("http://127.0.0.1:{}", self.http),
            password_file: Some(self.secret("password", "writer-password")),
            dead_letter_key_file: Some(self.secret("letter-key", LETTER_KEY)),
            ..config::Store::default()
        }
    }

    /// A file with a secret, not below the server's data.
    pub fn secret(&self, name: &str, value: &str) -> PathBuf {
        let path = self.secrets.path().join(name);
        std::fs::write(&path, value).unwrap();
        path
    }

    /// A store on migrated tables.
    pub async fn store(&self) -> Store {
        let store = Store::connect(&self.config()).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// Runs a statement as the writer; the answer, or what the server says against it.
    pub async fn ask(&self, sql: &str) -> Result<String, String> {
        self.ask_as("gatewatch", "writer-password", sql).await
    }

    pub async fn ask_as(&self, user: &str, password: &str, sql: &str) -> Result<String, String> {
        let client = clickhouse::Client::default()
            .with_url(format!("http://127.0.0.1:{}", self.http))
            .with_user(user)
            .with_password(password)
            .with_database("gatewatch")
            .with_setting("async_insert", "0");
        let mut cursor = client
            .query_raw(sql)
            .fetch_bytes("TSV")
            .map_err(|error| error.to_string())?;
        let bytes = cursor.collect().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command of the embedded server without a key; tests add what they are about.
pub fn command(data: &Path, ports: &Ports) -> Command {
    let [http, tcp] = [0, 1].map(|index| ports.get(index).to_string());
    let library = std::env::var_os("GATEWATCH_CHDB").expect(
        "GATEWATCH_CHDB must name libchdb.so of the npm package @chdb/lib-linux-x64-gnu@26.7.3-stable.1",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewatch"));
    command
        .arg("clickhouse")
        .args(["--data".as_ref(), data])
        .args(["--http", &http, "--tcp", &tcp])
        .args(["--library".as_ref(), library.as_os_str()])
        .env_remove("GATEWATCH_DISK_KEY")
        .env_remove("GATEWATCH_DISK_KEY_FILE")
        .env("GATEWATCH_CLICKHOUSE_PASSWORD", "writer-password")
        .env("GATEWATCH_ANALYST_PASSWORD", "analyst-password")
        .stdin(Stdio::null());
    command
}

fn spawn(data: &Path, ports: &Ports, extra: Option<&Path>) -> Child {
    let mut command = command(data, ports);
    if let Some(extra) = extra {
        command.args(["--extra".as_ref(), extra]);
    }
    let mut child = command
        .env("GATEWATCH_DISK_KEY", DISK_KEY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.is_ok_and(|line| line.starts_with("ready: ")));
    if !ready {
        let _ = child.kill();
        let status = child.wait();
        panic!("the embedded server did not start: {status:?}");
    }
    // Goes on reading, so that a full pipe never stops the server.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// An event that differs by `number` in what differs in real traffic.
pub fn event(number: u64, time: Timestamp) -> Event<'static> {
    let mut event = Event {
        time,
        gateway: Some("gw-1".into()),
        sequence: Some(number),
        request_id: Some(format!("req-{number:08}").into()),
        integration: Some("barrier".into()),
        operation: Some("GET /residents/{id}".into()),
        method: Some("GET".into()),
        path: Some(format!("/residents/{number}").into()),
        status: Some(if number.is_multiple_of(10) { 503 } else { 200 }),
        request_bytes: Some(100),
        response_bytes: Some(1_000 + number),
        duration_us: Some(1_500),
        client_address: Some([192, 0, 2, (number % 250) as u8].into()),
        client_id: Some(format!("client-{}", number % 7).into()),
        roles: vec!["concierge".into(), "guard".into()],
        token_expires: Some(time.plus_micros(3_600_000_000)),
        ..Event::default()
    };
    event.facts.insert(Fact::TlsOld);
    event
}

/// `rows` events at offsets from `begin`, ten milliseconds apart from `start`.
pub fn block(begin: i64, rows: u64, start: Timestamp) -> EventBlock {
    let mut block = EventBlock::new("requests", 0, "k1");
    for number in 0..rows {
        let time = start.plus_micros(number as i64 * 10_000);
        let place = begin + number as i64;
        block.push(&event(number, time), &Verdict::default(), place, Some(time));
    }
    block
}

/// A time whose rows no retention takes during the test, an hour or more before its day is over: partitions are days.
pub fn recent() -> Timestamp {
    const HOUR_US: i64 = 3_600_000_000;
    let now = jiff::Timestamp::now().as_microsecond();
    let hour_ago = Timestamp::from_micros(now - HOUR_US).floor_to(60_000_000);
    let last_hour = hour_ago.floor_to(24 * HOUR_US).plus_micros(23 * HOUR_US);
    hour_ago.min(last_hour)
}
