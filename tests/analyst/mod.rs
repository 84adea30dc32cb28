//! Three simulated days that end with yesterday, with planted attacks, as the service stores them, and what people did then.

pub mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gatewatch::event::Timestamp;
use serde_json::Value;

use crate::parts::{ClickHouse, Held, Ports, Request, SECRETS, binary};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const LIMIT: Duration = Duration::from_mins(3);
const DAY_US: i64 = 86_400_000_000;
const DATABASE: &str = "gatewatch";
/// Records that no decoder takes.
pub const BROKEN: u64 = 20;

/// The store after these days.
pub struct Day {
    clickhouse: ClickHouse,
    folder: tempfile::TempDir,
    /// Midnight after the last of the days: today's.
    end: Timestamp,
}

/// A question of the guide and its query.
pub struct Question {
    /// The heading.
    pub title: String,
    /// The query as a reader copies it.
    pub sql: String,
}

/// Every question of the guide, in its order.
pub fn questions() -> Vec<Question> {
    let page = include_str!("../../docs/analyst-guide.md");
    let sections = page.split("\n## ").skip(1);
    let questions: Vec<Question> = sections
        .map(|section| {
            let (title, rest) = section.split_once('\n').expect("a heading is a line");
            let mut blocks = rest.split("```sql\n").skip(1);
            let block = blocks.next().unwrap_or_else(|| panic!("{title}: no query"));
            assert!(blocks.next().is_none(), "{title}: two queries");
            let (sql, _) = block.split_once("```").expect("a block ends");
            Question {
                title: title.to_owned(),
                sql: sql.trim().trim_end_matches(';').to_owned(),
            }
        })
        .collect();
    let blocks = page.matches("```sql\n").count();
    assert_eq!(
        blocks,
        questions.len(),
        "every query stands under a question"
    );
    questions
}

impl Day {
    /// Simulates, stores, and does what people would.
    pub fn stored() -> Day {
        let day = Day {
            clickhouse: ClickHouse::start(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            end: today(),
        };
        day.write_configuration();
        day.fill();
        day.act();
        day
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("gatewatch.toml")
    }

    fn records(&self) -> PathBuf {
        self.folder.path().join("days.ndjson")
    }

    fn write_configuration(&self) {
        let own = self.folder.path().join("own");
        std::fs::create_dir(&own).expect("a folder can be made");
        std::fs::write(own.join("exception.yml"), EXCEPTION).expect("it can be written");
        let keys = self.folder.path().join("bouncers");
        std::fs::write(&keys, "proxy 00112233445566778899aabbccddeeff\n")
            .expect("it can be written");
        let ports = Ports::take(2);
        let text = format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = \"{ROOT}/rules\"\nown = [{own:?}]\n[contracts]\nfolder = \"{ROOT}/contracts\"\n\
             [http]\nlisten = \"127.0.0.1:{}\"\n[response]\nenabled = true\nkeys_file = {keys:?}\nlisten = \"127.0.0.1:{}\"\n",
            self.clickhouse.url(),
            ports.get(0),
            ports.get(1),
        );
        std::fs::write(self.config(), text).expect("it can be written");
    }

    fn fill(&self) {
        let start = self.end.plus_micros(-3 * DAY_US);
        let simulated = Command::new(binary())
            .args([
                "simulate", "--seed", "9", "--span", "3d", "--events", "60000",
            ])
            .args(["--start", &start.to_string()])
            .args(["--broken", &BROKEN.to_string()])
            .args(["--scenarios", &format!("{ROOT}/tests/analyst/scenarios")])
            .arg("--output")
            .arg(self.records())
            .status();
        assert!(simulated.expect("the binary runs").success());
        let mut run = Command::new(binary());
        run.args(["run", "--config"])
            .arg(self.config())
            .arg("--file")
            .arg(self.records())
            .envs(SECRETS);
        let log = self.folder.path().join("gatewatch.log");
        let mut held = Held::spawn("gatewatch", &log, &run);
        let status = held.wait(LIMIT).expect("the file ends");
        assert!(status.success(), "{}", held.said());
    }

    /// One alert is assigned, one closed as false, and the address of the injections blocked.
    fn act(&self) {
        let alert = |title: &str| {
            let sql = format!(
                "SELECT id FROM alerts_latest WHERE title = '{title}' ORDER BY last LIMIT 1"
            );
            let id = self.ask(&sql).expect("alerts can be read");
            assert!(!id.is_empty(), "no alert says {title}");
            id
        };
        let by = ["--by", "Anna Petrova"];
        let unsigned = alert("Unsigned token was accepted");
        self.command(
            &["alert", "assign", &unsigned, "--to", "Ivan Sidorov"],
            &by,
            &[],
        );
        let factor = alert("Operation that needs a second factor was allowed without it");
        self.command(
            &["alert", "close", &factor, "--as", "false"],
            &by,
            &["the console passed it on, the log has not"],
        );
        let block = [
            "decision",
            "block",
            "ip",
            "203.0.113.21",
            "--minutes",
            "600",
        ];
        self.command(&block, &by, &["injects SQL"]);
    }

    fn command(&self, words: &[&str], by: &[&str], said: &[&str]) {
        let output = Command::new(binary())
            .args(&words[..2])
            .arg("--config")
            .arg(self.config())
            .args(&words[2..])
            .args(by)
            .args(said)
            .envs(SECRETS)
            .output()
            .expect("the binary runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
    }

    /// Asks as the owner of the store.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn ask(&self, sql: &str) -> Result<String, String> {
        self.clickhouse.ask_in(DATABASE, sql)
    }

    /// Asks as an analyst, who has what Grafana has.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn ask_as_analyst(&self, sql: &str) -> Result<String, String> {
        // The answer waits for its end: a limit that is met half-way must not look like an answer.
        let path = format!("/?database={DATABASE}&wait_end_of_query=1");
        let reply = Request::with_body("POST", self.clickhouse.http_port(), &path, sql)
            .header("X-ClickHouse-User", ClickHouse::ANALYST)
            .header("X-ClickHouse-Key", ClickHouse::ANALYST_PASSWORD)
            .send()
            .map_err(|error| error.to_string())?;
        if reply.status == 200 {
            Ok(reply.body.trim_end().to_owned())
        } else {
            Err(reply.body)
        }
    }

    /// The rows that an analyst gets: objects by column.
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let text = self
            .ask_as_analyst(&format!("{sql}\nFORMAT JSONEachRow"))
            .unwrap_or_else(|error| panic!("{error}\n{sql}"));
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a row is JSON"))
            .collect()
    }

    /// Running numbers of yesterday that are not in the file, by gateway: what the simulator took away.
    pub fn lost(&self) -> BTreeMap<String, u64> {
        let since = self.end.plus_micros(-DAY_US).micros();
        let text = std::fs::read(self.records()).expect("the file is readable");
        let mut numbers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(record) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            let time = record["time"].as_str().and_then(|time| time.parse().ok());
            let of_yesterday =
                time.is_some_and(|time: jiff::Timestamp| time.as_microsecond() >= since);
            if let (true, Some(gateway), Some(number)) = (
                of_yesterday,
                record["gateway"].as_str(),
                record["sequence"].as_u64(),
            ) {
                numbers
                    .entry(gateway.to_owned())
                    .or_default()
                    .insert(number);
            }
        }
        let missing = |all: &BTreeSet<u64>| {
            let span = all
                .last()
                .zip(all.first())
                .map_or(0, |(last, first)| last - first + 1);
            span - all.len() as u64
        };
        numbers
            .iter()
            .map(|(gateway, all)| (gateway.clone(), missing(all)))
            .collect()
    }

    /// The pseudonym of an identifier.
    pub fn pseudonym(&self, identifier: &str) -> String {
        let output = Command::new(binary())
            .args(["subject", "pseudonym", "--config"])
            .arg(self.config())
            .arg(identifier)
            .envs(SECRETS)
            .output()
            .expect("the binary runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let found = text.split_whitespace().find(|word| word.starts_with("p_"));
        found.unwrap_or_else(|| panic!("{text}")).to_owned()
    }
}

/// The midnight before now. One that would come while the test runs is waited for: the guide speaks of yesterday.
fn today() -> Timestamp {
    let now = jiff::Timestamp::now().as_microsecond();
    let left = Duration::from_micros((DAY_US - now.rem_euclid(DAY_US)).unsigned_abs());
    if left < LIMIT {
        std::thread::sleep(left);
    }
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()).floor_to(DAY_US)
}

/// Holds back what rules say of plates in queries.
const EXCEPTION: &str = "\
title: Plates in queries until the desks are updated
logsource: {category: api_gateway}
filter:
  rules: any
  test: {client_id: desk-0002, fact: personal.plate}
  condition: not test
gatewatch:
  exception: {owner: a.petrova, reason: 'update is planned, SEC-7', expires: 2100-01-01T00:00:00Z}
";
/// Where the files of the project lie.
pub fn root() -> &'static Path {
    Path::new(ROOT)
}
