//! The whole product without Kafka: a file, the embedded ClickHouse, findings in its tables.

mod parts;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use parts::{ClickHouse, Held, Ports, SECRETS, binary, wait_for};

const LIMIT: Duration = Duration::from_mins(1);

/// A rule of its own: how many of the shipped ones match the same is theirs to say.
const CLIMB: &str = "title: Climb\nlogsource: {category: api_gateway}\ndetection: {s: {path|contains: /etc/passwd}, condition: s}\n\
                     level: high\n";

fn lines(from: usize, to: usize) -> String {
    (from..to).fold(String::new(), |mut text, i| {
        let (path, client) = if i % 20 == 9 { ("/a/../../../../etc/passwd", "203.0.113.9") } else { ("/residents", "198.51.100.4") };
        writeln!(
            text,
            r#"{{"time":"2026-11-20T10:{:02}:{:02}Z","request_id":"r-{i}","method":"GET","scheme":"https","path":"{path}","status":200,"client_address":"{client}"}}"#,
            i / 60 % 60,
            i % 60
        )
        .unwrap();
        text
    })
}

struct Runs<'c> {
    clickhouse: &'c ClickHouse,
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl<'c> Runs<'c> {
    fn new(clickhouse: &'c ClickHouse) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("gatewatch.toml");
        let listen = Ports::take(1).get(0);
        let rules = folder.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(rules.join("climb.yml"), CLIMB).unwrap();
        let text = format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = {rules:?}\n[http]\nlisten = \"127.0.0.1:{listen}\"\n[delivery]\nblock_rows = 100\n\
             [store.retention]\nevents_days = 3650\nalerts_days = 3650\ntraffic_minute_days = 3650\n",
            clickhouse.url()
        );
        std::fs::write(&config, text).unwrap();
        Runs {
            clickhouse,
            folder,
            config,
        }
    }

    fn start(&self, file: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Held {
        let mut command = Command::new(binary());
        command
            .args(["run", "--config"])
            .arg(&self.config)
            .arg("--file")
            .arg(file)
            .args(arguments);
        command.envs(SECRETS).envs(environment.iter().copied());
        Held::spawn(
            "gatewatch",
            &self.folder.path().join("gatewatch.log"),
            &command,
        )
    }

    fn number(&self, sql: &str) -> u64 {
        self.clickhouse
            .ask(sql)
            .ok()
            .and_then(|answer| answer.parse().ok())
            .unwrap_or(0)
    }

    fn wait_for_events(&self, count: u64) {
        wait_for(&format!("{count} events"), LIMIT, || {
            (self.number("SELECT count() FROM gatewatch.events") >= count).then_some(())
        });
        assert_eq!(self.number("SELECT count() FROM gatewatch.events"), count);
        assert_eq!(
            self.number("SELECT uniqExact(topic, offset) FROM gatewatch.events"),
            count
        );
    }
}

#[test]
fn a_file_is_stored_once_resumed_after_a_kill_and_followed_through_rotation() {
    let clickhouse = ClickHouse::start();
    let runs = Runs::new(&clickhouse);
    let file = runs.folder.path().join("access.log");
    std::fs::write(&file, lines(0, 1_000)).unwrap();

    // Killed in the middle, between the insert and the shards.
    let mut first = runs.start(&file, &[], &[("GATEWATCH_KILL_AT", "after_insert:4")]);
    assert!(!first.wait(LIMIT).expect("the point is reached").success());
    let mut second = runs.start(&file, &[], &[]);
    assert!(
        second.wait(LIMIT).expect("the file ends").success(),
        "{}",
        second.said()
    );
    runs.wait_for_events(1_000);
    let found = "SELECT max(count) FROM gatewatch.alerts FINAL WHERE entity = '203.0.113.9'";
    assert_eq!(runs.number(found), 50, "each match is counted once");

    // The same again adds nothing.
    let mut again = runs.start(&file, &[], &[]);
    assert!(again.wait(LIMIT).expect("the file ends").success());
    runs.wait_for_events(1_000);
    assert_eq!(
        runs.number("SELECT count() FROM gatewatch.dead_letters"),
        0,
        "no line is taken up in its middle"
    );

    let mut following = runs.start(&file, &["--follow"], &[]);
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    log.write_all(lines(1_000, 1_200).as_bytes()).unwrap();
    runs.wait_for_events(1_200);
    std::fs::rename(&file, runs.folder.path().join("access.log.1")).unwrap();
    std::fs::write(&file, lines(2_000, 2_100)).unwrap();
    runs.wait_for_events(1_300);
    assert!(
        following.stop().is_some_and(|status| status.success()),
        "{}",
        following.said()
    );
}

#[test]
fn the_times_of_an_old_log_are_moved_and_a_restart_moves_them_alike() {
    let clickhouse = ClickHouse::start();
    let runs = Runs::new(&clickhouse);
    let file = runs.folder.path().join("old.log");
    let line = |minute: i32| {
        format!(
            "192.0.2.7 - - [17/May/2015:10:{minute:02}:00 +0000] \"GET /a/{minute} HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n"
        )
    };
    std::fs::write(&file, line(5) + &line(6)).unwrap();
    let moved = ["--first-event-at", "2026-11-01T00:00:00Z"];
    let mut first = runs.start(&file, &moved, &[]);
    assert!(first.wait(LIMIT).unwrap().success(), "{}", first.said());
    std::fs::write(&file, line(5) + &line(6) + &line(9)).unwrap();
    let mut second = runs.start(&file, &moved, &[]);
    assert!(second.wait(LIMIT).unwrap().success(), "{}", second.said());
    let times = clickhouse
        .ask("SELECT groupArray(toString(toDateTime(time, 'UTC'))) FROM (SELECT time FROM gatewatch.events ORDER BY time)")
        .unwrap();
    assert_eq!(
        times,
        "['2026-11-01 00:00:00','2026-11-01 00:01:00','2026-11-01 00:04:00']"
    );
}

#[test]
fn moving_times_of_what_has_no_first_event_is_refused() {
    let output = parts::gatewatch([
        "run",
        "--file",
        "x.log",
        "--follow",
        "--first-event-at",
        "2026-11-01T00:00:00Z",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let clickhouse = ClickHouse::start();
    let runs = Runs::new(&clickhouse);
    let file = runs.folder.path().join("x.log");
    std::fs::write(&file, lines(0, 1)).unwrap();
    let mut wrong = runs.start(&file, &["--first-event-at", "yesterday"], &[]);
    assert_eq!(wrong.wait(LIMIT).unwrap().code(), Some(2));
    assert!(wrong.said().contains("RFC 3339"), "{}", wrong.said());
}
