//! A `ClickHouse` server: the embedded one, as `gatewatch clickhouse` runs it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Held, Ports, Request, binary, fetched};

/// A running server on an encrypted disk of its own.
#[derive(Debug)]
pub struct ClickHouse {
    process: Held,
    folder: TempDir,
    ports: Ports,
}

impl ClickHouse {
    /// Who writes.
    pub const USER: &'static str = "gatewatch";
    /// The password of `USER`.
    pub const PASSWORD: &'static str = "store-secret";
    /// Who only reads.
    pub const ANALYST: &'static str = "analyst";
    /// The password of `ANALYST`.
    pub const ANALYST_PASSWORD: &'static str = "analyst-secret";
    /// The key of the disk: 64 hex digits, of no worth outside tests.
    pub const DISK_KEY: &'static str =
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    /// Name of the cluster that [`ClickHouse::start_shards`] makes.
    pub const CLUSTER: &'static str = "pair";

    /// Starts an empty one; no table exists.
    pub fn start() -> Self {
        let (folder, ports) = place();
        Self::start_in(folder, ports)
    }

    /// Starts two empty ones that are the shards of one cluster.
    pub fn start_shards() -> [Self; 2] {
        let places = [place(), place()];
        let shard = |(_, ports): &(TempDir, Ports)| {
            format!(
                "<shard><replica><host>127.0.0.1</host><port>{}</port><user>{}</user><password>{}</password></replica></shard>",
                ports.get(1),
                Self::USER,
                Self::PASSWORD
            )
        };
        let shards = shard(&places[0]) + &shard(&places[1]);
        let name = Self::CLUSTER;
        let cluster = format!(
            "<clickhouse><remote_servers><{name}>{shards}</{name}></remote_servers></clickhouse>"
        );
        places.map(|(folder, ports)| {
            std::fs::write(folder.path().join(CLUSTER_FILE), &cluster)
                .expect("the cluster can be written down");
            Self::start_in(folder, ports)
        })
    }

    fn start_in(folder: TempDir, ports: Ports) -> Self {
        let process = run(&folder, &ports);
        Self {
            process,
            folder,
            ports,
        }
    }

    /// Where HTTP is spoken.
    pub fn http_port(&self) -> u16 {
        self.ports.get(0)
    }

    /// Where the native protocol is spoken.
    pub fn tcp_port(&self) -> u16 {
        self.ports.get(1)
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port())
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Held {
        &mut self.process
    }

    /// Starts it again on the same ports and data; it must have been stopped or killed.
    pub fn start_again(&mut self) {
        self.process = run(&self.folder, &self.ports);
    }

    /// Asks as `USER`; the answer as text, `TabSeparated` unless the query says otherwise.
    ///
    /// # Errors
    /// What the server says against it, or that it does not answer.
    pub fn ask(&self, sql: &str) -> Result<String, String> {
        self.ask_in("default", sql)
    }

    /// The same where tables without a database are those of `database`.
    ///
    /// # Errors
    /// What the server says against it, or that it does not answer.
    pub fn ask_in(&self, database: &str, sql: &str) -> Result<String, String> {
        let path = format!("/?database={database}");
        let reply = Request::with_body("POST", self.http_port(), &path, sql)
            .header("X-ClickHouse-User", Self::USER)
            .header("X-ClickHouse-Key", Self::PASSWORD)
            .send()
            .map_err(|error| error.to_string())?;
        if reply.status == 200 {
            Ok(reply.body.trim_end().to_owned())
        } else {
            Err(reply.body)
        }
    }

    /// Asks for one number.
    pub fn number(&self, sql: &str) -> u64 {
        let answer = self
            .ask(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        answer
            .parse()
            .unwrap_or_else(|_| panic!("{sql}: {answer:?} is no number"))
    }
}

/// Configuration of the cluster, where there is one.
const CLUSTER_FILE: &str = "cluster.xml";

fn place() -> (TempDir, Ports) {
    let folder = TempDir::with_prefix("gatewatch-clickhouse-");
    (
        folder.expect("a temporary folder can be made"),
        Ports::take(2),
    )
}

fn run(folder: &TempDir, ports: &Ports) -> Held {
    let cluster = folder.path().join(CLUSTER_FILE);
    let mut command = Command::new(binary());
    command
        .arg("clickhouse")
        .arg("--data")
        .arg(folder.path().join("data"))
        .args(["--http", &ports.get(0).to_string()])
        .args(["--tcp", &ports.get(1).to_string()])
        .arg("--library")
        .arg(fetched("GATEWATCH_CHDB", "chdb-26.7.3-stable.1/libchdb.so"))
        .env("GATEWATCH_DISK_KEY", ClickHouse::DISK_KEY)
        .env("GATEWATCH_CLICKHOUSE_PASSWORD", ClickHouse::PASSWORD)
        .env("GATEWATCH_ANALYST_PASSWORD", ClickHouse::ANALYST_PASSWORD);
    if cluster.exists() {
        command.arg("--extra").arg(cluster);
    }
    let mut process = Held::spawn("ClickHouse", &folder.path().join("log"), &command);
    process.wait_until("ready", Duration::from_mins(1), || {
        let reply = Request::get(ports.get(0), "/ping").send().ok()?;
        std::net::TcpStream::connect(("127.0.0.1", ports.get(1))).ok()?;
        (reply.status == 200).then_some(())
    });
    process
}
