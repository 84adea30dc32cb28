//! A gatewatch service for tests: its configuration on real parts, its process, what it stored.

#![allow(dead_code, reason = "each test takes a part of it")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::parts::{ClickHouse, Held, Kafka, Mailpit, Ports, Request, SECRETS, binary, wait_for};

/// One configuration of the service: a topic, a group and a database of its own.
pub struct Service {
    folder: TempDir,
    ports: Ports,
    /// Topic, group prefix and database are made of it.
    pub name: String,
    config: String,
    /// Settings by the environment, for every instance.
    environment: Vec<(&'static str, String)>,
    /// Where `events`, `dead_letters` and the roll-ups are read.
    rows: String,
}

impl Service {
    /// On these parts; `extra` is TOML that comes behind.
    pub fn new(name: &str, kafka: &Kafka, clickhouse: &ClickHouse, extra: &str) -> Self {
        Self::on_topic(name, name, kafka, clickhouse, extra)
    }

    /// The same on a topic that others read too.
    pub fn on_topic(
        name: &str,
        topic: &str,
        kafka: &Kafka,
        clickhouse: &ClickHouse,
        extra: &str,
    ) -> Self {
        let folder =
            TempDir::with_prefix("gatewatch-service-").expect("a temporary folder can be made");
        let ports = Ports::take(2);
        let mut config = String::new();
        let rules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules");
        write!(
            config,
            "[kafka]\nbrokers = \"{brokers}\"\ntopic = \"{topic}\"\ngroup = \"{name}\"\nsession_timeout_ms = 6000\n\
             alerts_topic = \"{name}.alerts\"\ndead_letters_topic = \"{name}.dead\"\nmailed_topic = \"{name}.mailed\"\n\
             control_topic = \"{name}.control\"\n\
             [store]\nurl = \"{url}\"\ndatabase = \"{database}\"\ndurable = false\n[store.retention]\nevents_days = 3650\ndead_letters_days = 3650\nalerts_days = 3650\ntraffic_minute_days = 3650\ntraffic_hour_days = 3650\n\
             [rules]\nfolder = {rules:?}\n{extra}\n",
            brokers = kafka.bootstrap(),
            url = clickhouse.url(),
            database = database(name),
        )
        .expect("a string takes everything");
        Service {
            folder,
            ports,
            name: name.to_owned(),
            config,
            environment: Vec::new(),
            rows: database(name),
        }
    }

    /// Spreads the rows over these shards; the service's own server must be the first of them.
    pub fn on_shards(mut self, shards: &[ClickHouse; 2]) -> Self {
        self.environment
            .push(("GATEWATCH_STORE__CLUSTER", ClickHouse::CLUSTER.to_owned()));
        self.rows = format!("{}_cluster", database(&self.name));
        for shard in shards {
            self.migrate_at(&shard.url());
        }
        self
    }

    /// The database of its tables.
    pub fn database(&self) -> String {
        database(&self.name)
    }

    /// Makes the tables and starts nothing.
    pub fn migrate(&self) {
        self.run_migrate(&[]);
    }

    fn migrate_at(&self, url: &str) {
        self.run_migrate(&[("GATEWATCH_STORE__URL", url)]);
    }

    fn run_migrate(&self, environment: &[(&str, &str)]) {
        let path = self.folder.path().join("migrate.toml");
        std::fs::write(&path, &self.config).expect("the configuration can be written");
        let mut command = Command::new(binary());
        command
            .arg("migrate")
            .arg("--config")
            .arg(&path)
            .envs(SECRETS)
            .envs(self.environment.iter().cloned())
            .envs(environment.iter().copied());
        let output = command.output().expect("the binary runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs a short command on the configuration: its code and what it printed.
    pub fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.prepare(arguments).output().expect("the binary runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Starts a command on the configuration that is not waited for.
    pub fn begin(&self, arguments: &[&str]) -> Held {
        let log = self.folder.path().join("begun.log");
        Held::spawn("a command", &log, &self.prepare(arguments))
    }

    fn prepare(&self, arguments: &[&str]) -> Command {
        let path = self.folder.path().join("command.toml");
        std::fs::write(&path, &self.config).expect("the configuration can be written");
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .arg("--config")
            .arg(&path)
            .envs(SECRETS)
            .envs(self.environment.iter().cloned());
        command
    }

    /// Adds the mail section for this server, without the daily mail.
    pub fn with_mail(mut self, mailpit: &Mailpit) -> Self {
        write!(
            self.config,
            "[mail]\nenabled = true\nfrom = \"gatewatch@propdevelopment.test\"\nmax_age_minutes = 2000000\n\
             hourly_limit = 1000\ndaily_at = \"\"\n\
             [[mail.recipients]]\naddress = \"analyst@propdevelopment.test\"\nlocale = \"ru\"\nminimum_level = \"low\"\n\
             [mail.smtp]\nhost = \"localhost\"\nport = {port}\nuser = \"{user}\"\npassword = \"{password}\"\nca_file = {ca:?}\n",
            port = mailpit.smtp_port(),
            user = Mailpit::USER,
            password = Mailpit::PASSWORD,
            ca = mailpit.ca(),
        )
        .expect("a string takes everything");
        self
    }

    /// Starts an instance; a second one takes `number` 1.
    pub fn start(&self, number: u16, environment: &[(&str, &str)]) -> Held {
        let path = self.folder.path().join(format!("gatewatch-{number}.toml"));
        let listen = format!(
            "[http]\nlisten = \"127.0.0.1:{}\"\n",
            self.ports.get(number)
        );
        std::fs::write(&path, format!("{}{listen}", self.config))
            .expect("the configuration can be written");
        let mut command = Command::new(binary());
        command
            .arg("run")
            .arg("--config")
            .arg(&path)
            .envs(SECRETS)
            .envs(self.environment.iter().cloned())
            .envs(environment.iter().copied());
        Held::spawn(
            "gatewatch",
            &self.folder.path().join(format!("gatewatch-{number}.log")),
            &command,
        )
    }

    /// A path of the instance's own listener.
    pub fn get(&self, number: u16, path: &str) -> Option<String> {
        Request::get(self.ports.get(number), path)
            .send()
            .ok()
            .map(|reply| reply.body)
    }

    /// Asks for a number; `{db}` is where the rows are.
    pub fn number(&self, clickhouse: &ClickHouse, sql: &str) -> u64 {
        let sql = sql.replace("{db}", &self.rows);
        clickhouse
            .ask(&sql)
            .ok()
            .and_then(|answer| answer.parse().ok())
            .unwrap_or(0)
    }

    /// Runs a statement; `{db}` is where the rows are.
    pub fn execute(&self, clickhouse: &ClickHouse, sql: &str) {
        let sql = sql.replace("{db}", &self.rows);
        clickhouse.ask(&sql).expect(&sql);
    }

    /// Rows of both tables.
    pub fn stored(&self, clickhouse: &ClickHouse) -> u64 {
        self.number(
            clickhouse,
            "SELECT (SELECT count() FROM {db}.events) + (SELECT count() FROM {db}.dead_letters)",
        )
    }

    /// Waits until so many rows are stored.
    pub fn wait_until_stored(&self, clickhouse: &ClickHouse, rows: u64, limit: Duration) {
        wait_for(&format!("{rows} rows of {}", self.name), limit, || {
            (self.stored(clickhouse) >= rows).then_some(())
        });
    }

    /// Every alert about traffic with its final count: id, rule, entity, first, last, count.
    pub fn alerts(&self, clickhouse: &ClickHouse) -> Vec<String> {
        let sql = "SELECT id, rule, entity, first, last, count FROM {db}.alerts FINAL WHERE family != 'gatewatch' \
                   ORDER BY ALL FORMAT TSV";
        let answer = clickhouse
            .ask(&sql.replace("{db}", &database(&self.name)))
            .expect("the alerts can be read");
        answer.lines().map(str::to_owned).collect()
    }

    /// Alerts that [`Service::with_mail`] asks mails for.
    pub fn mailed_alerts(&self, clickhouse: &ClickHouse) -> u64 {
        let sql = format!(
            "SELECT count() FROM {}.alerts FINAL WHERE level != 'informational'",
            database(&self.name)
        );
        clickhouse.number(&sql)
    }

    /// Alerts about gatewatch itself.
    pub fn own_alerts(&self, clickhouse: &ClickHouse) -> u64 {
        let sql = format!(
            "SELECT count() FROM {}.alerts FINAL WHERE family = 'gatewatch'",
            database(&self.name)
        );
        clickhouse
            .ask(&sql)
            .ok()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0)
    }

    /// What is stored, counted.
    pub fn account(&self, clickhouse: &ClickHouse) -> Account {
        let number = |sql: &str| self.number(clickhouse, sql);
        Account {
            stored: self.stored(clickhouse),
            distinct: number(
                "SELECT uniqExact(partition, offset) FROM (SELECT partition, offset FROM {db}.events UNION ALL \
                 SELECT partition, offset FROM {db}.dead_letters)",
            ),
            events: number("SELECT count() FROM {db}.events"),
            rollups: ["traffic_minute", "traffic_hour"]
                .map(|rollup| number(&format!("SELECT sum(requests) FROM {{db}}.{rollup}"))),
        }
    }

    /// Checks the promise: every offset once, roll-ups that agree with the rows.
    pub fn assert_exactly_once(&self, clickhouse: &ClickHouse, produced: u64) {
        let account = self.account(clickhouse);
        assert_eq!(
            (account.stored, account.distinct),
            (produced, produced),
            "rows and offsets in all"
        );
        // A row is there a moment before the roll-ups that hang on it.
        wait_for("roll-ups that agree", Duration::from_secs(20), || {
            (self.account(clickhouse).rollup_diff() == 0).then_some(())
        });
    }
}

/// What is stored.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Rows of both tables.
    pub stored: u64,
    /// Offsets among them.
    pub distinct: u64,
    /// Rows in `events`.
    pub events: u64,
    /// Requests in the roll-ups by minute and by hour.
    pub rollups: [u64; 2],
}

impl Account {
    /// By how much the roll-ups differ from the rows.
    pub fn rollup_diff(&self) -> u64 {
        self.rollups
            .iter()
            .map(|requests| requests.abs_diff(self.events))
            .sum()
    }
}

fn database(name: &str) -> String {
    format!("gatewatch_{}", name.replace(['.', '-'], "_"))
}
