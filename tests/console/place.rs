//! A service with its console, mails and accounts, and records of ten attackers.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use gatewatch::access::Role;
use gatewatch::event::Timestamp;

use crate::parts::{ClickHouse, Held, Mailpit, Ports, Request, SECRETS, binary, wait_for};
pub use crate::visitor::{FIRST, PASSWORD};

pub const LIMIT: Duration = Duration::from_mins(3);
/// Attackers whose alerts are mailed one by one.
pub const ATTACKERS: usize = 10;
/// What would run if it were taken for markup.
pub const HOSTILE: &str = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>";
/// What a spreadsheet would reckon if it were taken for a formula.
pub const FORMULAS: [&str; 4] = ["=SUM(1,2)", "+SUM(1,2)", "-SUM(1,2)", "@SUM(1,2)"];
/// The same behind what some spreadsheet begins a cell at.
pub const INSIDE: &str = "x;=1+1";

/// Everything runs until it is dropped.
pub struct Place {
    pub clickhouse: ClickHouse,
    pub mailpit: Mailpit,
    pub folder: tempfile::TempDir,
    pub ports: Ports,
    service: Option<Held>,
}

impl Place {
    /// Starts the parts, the service and its accounts; each role has one of its name.
    pub fn start(extra: &str) -> Place {
        let mut place = Place {
            clickhouse: ClickHouse::start(),
            mailpit: Mailpit::start(),
            folder: tempfile::tempdir().unwrap(),
            ports: Ports::take(2),
            service: None,
        };
        std::fs::write(place.path("gatewatch.toml"), place.config(extra)).unwrap();
        let records = place.day_before() + &records();
        std::fs::write(place.path("records.ndjson"), records).unwrap();
        let migrated = place.command(&["migrate"]).output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        for role in Role::ALL {
            place.add_account(role);
        }
        let file = place.path("records.ndjson");
        let file = file.to_str().unwrap();
        let command = place.command(&["run", "--follow", "--file", file]);
        let log = place.path("gatewatch.log");
        place.service = Some(Held::spawn("gatewatch", &log, &command));
        wait_for("the console", LIMIT, || {
            let reply = Request::get(place.port(), "/sign-in").send().ok()?;
            (reply.status == 200).then_some(())
        });
        place
    }

    pub fn port(&self) -> u16 {
        self.ports.get(1)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, extra: &str) -> String {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\n[contracts]\nfolder = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [console]\nenabled = true\nlisten = \"127.0.0.1:{}\"\n\
             [response]\nenabled = false\nallow = [\"203.0.113.250\"]\n\
             [mail]\nenabled = true\nfrom = \"gatewatch@example.org\"\ntime_zone = \"Europe/Moscow\"\nconsole_url = \"{}\"\nhourly_limit = 100\ndaily_at = \"\"\n\
             recipients = [{{ address = \"soc@example.org\", locale = \"ru\" }}, {{ address = \"noc@example.org\", locale = \"en\" }}]\n\
             [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"starttls\"\nuser = \"{}\"\nca_file = {:?}\n{extra}",
            self.clickhouse.url(),
            // As the page of an alert says it: from where the tests run.
            "rules",
            root.join("contracts"),
            self.ports.get(0),
            self.port(),
            self.url(),
            self.mailpit.smtp_port(),
            Mailpit::USER,
            self.mailpit.ca(),
        )
    }

    /// The day before, as the simulator has it, with three attacks: pages have something to show.
    fn day_before(&self) -> String {
        let start = Timestamp::from_micros(now() - 86_400_000_000).to_string();
        let arguments = [
            "simulate",
            "--output",
            "-",
            "--start",
            &start,
            "--span",
            "23h",
            "--events",
            "6000",
            "--seed",
            "7",
            "--only",
            "credential-stuffing,walked-residents,unsigned-token",
        ];
        let output = self.command(&arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs gatewatch with the configuration of the place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).envs(SECRETS);
        command.env("GATEWATCH_CONFIG", self.path("gatewatch.toml"));
        command.env("GATEWATCH_MAIL__SMTP__PASSWORD", Mailpit::PASSWORD);
        command.env("GATEWATCH_CONSOLE__KEY", "ab".repeat(32));
        command
    }

    fn add_account(&self, role: Role) {
        let arguments = [
            "account",
            "add",
            role.name(),
            "--role",
            role.name(),
            "--by",
            "test",
            "--password-stdin",
        ];
        let mut child = self
            .command(&arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(FIRST.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains(": added as"),
            "{said}"
        );
    }

    /// One value out of ClickHouse.
    pub fn ask(&self, sql: &str) -> String {
        let answer = self.clickhouse.ask_in("gatewatch", sql).expect(sql);
        answer.trim().to_owned()
    }

    /// Waits until alerts are linked; the incident of most of them.
    pub fn incident(&self) -> String {
        wait_for("an incident", LIMIT, || {
            let id = self.ask("SELECT toString(incident) FROM linked_incidents ORDER BY alerts DESC, incident LIMIT 1");
            (!id.is_empty()).then_some(id)
        })
    }

    /// Waits until the alerts of all attackers are stored; their ids.
    pub fn alerts(&self) -> Vec<String> {
        wait_for("the alerts", LIMIT, || {
            let ids = self.ask("SELECT toString(id) FROM alerts_latest WHERE entity LIKE '198.51.100.%' ORDER BY entity, level DESC LIMIT 1 BY entity");
            let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
            (ids.len() >= ATTACKERS).then_some(ids)
        })
    }
}

/// The wall clock, in microseconds.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_micros()).unwrap()
}

/// A quarter of an hour of plain calls, each attacker's attack, a call whose every field is hostile, and calls of programs that are called like formulas.
fn records() -> String {
    let now = now();
    let mut text = String::new();
    let mut push = |seconds: i64, path: &str, address: &str, agent: &str, subject: &str| {
        let time = Timestamp::from_micros(now - 1_000_000 * seconds);
        let record = serde_json::json!({
            "time": time.to_string(), "gateway": "edge-1", "method": "GET", "scheme": "https", "host": "api.example.org", "path": path,
            "status": 404, "client_address": address, "user_agent": agent, "referer": agent, "subject": subject, "client_id": if subject == "anna" { "portal" } else { "" },
            "request_id": format!("r-{seconds}"), "duration_us": 1_500,
        });
        writeln!(text, "{record}").unwrap();
    };
    for minute in (1..15).rev() {
        push(
            minute * 60 + 30,
            "/v1/residents/17",
            "192.0.2.10",
            "portal/1.0",
            "anna",
        );
    }
    for attacker in 0..ATTACKERS {
        let seconds = 300 - i64::try_from(attacker).unwrap() * 10;
        let address = format!("198.51.100.{}", attacker + 1);
        push(
            seconds,
            "/download/../../../../etc/passwd",
            &address,
            "curl/8.0",
            "",
        );
    }
    let path = format!("/v1/{HOSTILE}/../../../etc/passwd");
    push(150, &path, "203.0.113.66", HOSTILE, HOSTILE);
    for (at, formula) in (0..).zip(FORMULAS.into_iter().chain([INSIDE])) {
        push(140 - at, "/v1/residents/17", "203.0.113.67", formula, "");
    }
    // The last one lets the others have their turn.
    push(-60, "/v1/residents/18", "192.0.2.10", "portal/1.0", "anna");
    text
}

/// A name and the address of every kind of page, for somebody who may see all of them.
pub fn pages(alert: &str, incident: &str) -> Vec<(&'static str, String)> {
    vec![
        ("overview", "/".to_owned()),
        ("alerts", "/alerts?state=all".to_owned()),
        ("alert", format!("/alerts/{alert}")),
        ("incidents", "/incidents?state=all".to_owned()),
        ("incident", format!("/incidents/{incident}")),
        (
            "entity",
            "/entities/address/198.51.100.1?hours=6".to_owned(),
        ),
        ("events", "/events?q=status%3E%3D400".to_owned()),
        ("events-wrong", "/events?q=nofield%3D1".to_owned()),
        ("integrations", "/integrations".to_owned()),
        ("integration", "/integrations/barriers".to_owned()),
        ("decisions", "/decisions".to_owned()),
        ("sources", "/sources".to_owned()),
        ("rules", "/rules".to_owned()),
        ("accounts", "/accounts".to_owned()),
        ("audit", "/audit".to_owned()),
        ("account", "/account".to_owned()),
        ("password", "/account/password".to_owned()),
        ("second-factor-anew", "/account/second-factor".to_owned()),
        (
            "missing",
            "/alerts/00000000-0000-0000-0000-000000000000".to_owned(),
        ),
    ]
}
