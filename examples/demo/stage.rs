//! What the demo plays on: the parts, gatewatch itself, and the traffic.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::metrics::Metrics;
use crate::parts::{ClickHouse, Held, Kafka, Mailpit, Mode, Ports, Request, binary};
use crate::{SPAN, config};

/// Topic with the gateway's log.
pub const TOPIC: &str = "gateway.requests";
const PARTITIONS: i32 = 4;
/// Everything random in the traffic follows from it.
const SEED: &str = "7";
/// Seconds of a day, and when one begins in Moscow, in seconds after midnight UTC.
const DAY_S: i64 = 86_400;
const MIDNIGHT_S: i64 = 21 * 3_600;
/// Records sent that nobody can read.
pub const BROKEN: u64 = 48;

/// All that runs.
pub struct Stage {
    traffic: Option<Held>,
    gatewatch: Held,
    pub mailpit: Mailpit,
    pub clickhouse: ClickHouse,
    pub kafka: Kafka,
    folder: TempDir,
    config: PathBuf,
    ports: Ports,
}

/// Figures of a moment.
pub struct Live {
    /// Event time up to which everything is known, in seconds since 1970; 0 before the first.
    pub watermark: u64,
    /// Events stored.
    pub stored: u64,
    /// Dead letters stored.
    pub dead_lettered: u64,
    /// Records sent and not yet stored.
    pub lag: u64,
    /// Mails at the mail server.
    pub mails: u64,
}

impl Stage {
    /// Starts the parts, all at once, and gatewatch on them.
    pub fn set() -> Self {
        let (kafka, clickhouse, mailpit) = thread::scope(|scope| {
            let kafka = scope.spawn(|| {
                let kafka = Kafka::start(Mode::Plain);
                kafka.create_topic(TOPIC, PARTITIONS, &[]);
                kafka
            });
            let clickhouse = scope.spawn(ClickHouse::start);
            let mailpit = scope.spawn(Mailpit::start);
            (joined(kafka), joined(clickhouse), joined(mailpit))
        });
        let folder =
            TempDir::with_prefix("gatewatch-demo-").expect("a temporary folder can be made");
        let ports = Ports::take(2);
        let (http, console) = (ports.get(0), ports.get(1));
        let config = config::write(folder.path(), &kafka, &clickhouse, &mailpit, http, console);
        let mut command = Command::new(binary());
        command.arg("run").arg("--config").arg(&config);
        let mut gatewatch =
            Held::spawn("gatewatch", &folder.path().join("gatewatch.log"), &command);
        gatewatch.wait_until("ready", Duration::from_mins(1), || {
            let reply = Request::get(http, "/readyz").send().ok()?;
            // The listener is up before the tables are made and the partitions are held; an active instance has both.
            (reply.status == 200 && reply.body.contains("\"active\"")).then_some(())
        });
        Self {
            traffic: None,
            gatewatch,
            mailpit,
            clickhouse,
            kafka,
            folder,
            config,
            ports,
        }
    }

    /// Lets the traffic begin.
    pub fn play(&mut self, seconds: u64) {
        let mut command = Command::new(binary());
        command
            .arg("simulate")
            .args(["--kafka", &self.kafka.bootstrap(), "--topic", TOPIC])
            .args([
                "--seed",
                SEED,
                "--start",
                &start().to_string(),
                "--span",
                SPAN,
                "--seconds",
                &seconds.to_string(),
            ])
            .args(["--broken", &BROKEN.to_string()])
            .arg("--labels")
            .arg(self.labels());
        self.traffic = Some(Held::spawn(
            "the simulator",
            &self.folder.path().join("simulate.log"),
            &command,
        ));
    }

    /// The file that says what was planted; whole once the traffic has ended.
    pub fn labels(&self) -> PathBuf {
        self.folder.path().join("labels.jsonl")
    }

    /// Whether all traffic was sent.
    ///
    /// # Panics
    /// When the simulator or gatewatch failed.
    pub fn traffic_ended(&mut self) -> bool {
        if let Some(status) = self.gatewatch.ended() {
            panic!(
                "gatewatch ended ({status}):\n{}",
                self.gatewatch.last_words()
            );
        }
        let traffic = self.traffic.as_mut().expect("the play has begun");
        traffic.ended().is_some_and(|status| {
            assert!(
                status.success(),
                "the simulator failed ({status}):\n{}",
                traffic.last_words()
            );
            true
        })
    }

    /// Whether the store has every record that was sent, in one table or the other.
    pub fn all_stored(&self) -> bool {
        let stored = self.clickhouse.number("SELECT (SELECT count() FROM gatewatch.events) + (SELECT count() FROM gatewatch.dead_letters)");
        stored >= self.kafka.count(TOPIC)
    }

    /// Figures of this moment.
    pub fn live(&self) -> Live {
        let text = Request::get(self.http_port(), "/metrics")
            .send()
            .map(|reply| reply.body)
            .unwrap_or_default();
        let metrics = Metrics::parse(&text);
        Live {
            watermark: metrics.largest("gatewatch_watermark_seconds"),
            stored: metrics.sum("gatewatch_events_stored_total"),
            dead_lettered: metrics.sum("gatewatch_dead_letters_total"),
            lag: metrics.sum("gatewatch_lag_records"),
            mails: self.mailpit.count(),
        }
    }

    /// Where gatewatch's own health and metrics are.
    pub fn http_port(&self) -> u16 {
        self.ports.get(0)
    }

    /// Where its console is.
    pub fn console_port(&self) -> u16 {
        self.ports.get(1)
    }

    /// The file that configures it.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where the log of gatewatch is.
    pub fn log(&self) -> PathBuf {
        fs::canonicalize(self.gatewatch.log()).unwrap_or_default()
    }
}

impl Drop for Stage {
    /// Who writes stops before who is written to, and all stop before the first folder is removed, which can take a while.
    fn drop(&mut self) {
        if let Some(traffic) = &mut self.traffic {
            traffic.stop();
        }
        self.gatewatch.stop();
        self.mailpit.process().stop();
        self.clickhouse.process().stop();
        self.kafka.process().stop();
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// The newest day of Moscow that is over: scenarios plant what belongs into the night, and what is harmless by day, so many minutes after midnight.
fn start() -> jiff::Timestamp {
    let over = jiff::Timestamp::now().as_second() - DAY_S - MIDNIGHT_S;
    let midnight = over.div_euclid(DAY_S) * DAY_S + MIDNIGHT_S;
    jiff::Timestamp::from_second(midnight).expect("a day of our time")
}
