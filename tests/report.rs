//! The report of a fixed day, from a file through the service and ClickHouse to the page: reviewed snapshots.

mod parts;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use parts::{ClickHouse, Held, Ports, SECRETS, binary};
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const LIMIT: Duration = Duration::from_mins(2);
/// Its own scenarios, so that new ones elsewhere do not change the day.
const SCENARIOS: [(&str, &str); 2] = [
    (
        "plates",
        "name: plates-in-urls\nrequirement: sec-10\ntitle: Plates in queries\nattack: true\nentity: {kind: client, value: barrier-operator}\n\
         timeline:\n  - start: 40%\n    duration: 20m\n    events: 12\n    caller: {client: barrier-operator}\n    \
         request: {call: {path: /v1/plates, query: \"plate={plate}\"}}\n    fields: {status: [200], fields_received: [plate, until, owner]}\n",
    ),
    (
        "elsewhere",
        "name: from-elsewhere\nrequirement: aut-05\ntitle: The partner's client from another network\nattack: true\nentity: {kind: client, value: barrier-operator}\n\
         timeline:\n  - start: 60%\n    duration: 20m\n    events: 7\n    caller: {client: barrier-operator, address: 203.0.113.77}\n    \
         request: {usual: {route: /v1/plates}}\n    fields: {status: [403]}\n",
    ),
];

struct Day {
    clickhouse: ClickHouse,
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Day {
    /// A simulated day, detected and stored.
    fn stored() -> Day {
        let clickhouse = ClickHouse::start();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("gatewatch.toml");
        let root = Path::new(ROOT);
        let text = format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\n[contracts]\nfolder = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [store.retention]\nevents_days = 360\nalerts_days = 3650\n[decode]\nmax_age_days = 360\n",
            clickhouse.url(),
            root.join("rules"),
            root.join("contracts"),
            Ports::take(1).get(0),
        );
        std::fs::write(&config, text).unwrap();
        let day = Day {
            clickhouse,
            folder,
            config,
        };
        day.fill();
        day
    }

    fn fill(&self) {
        let scenarios = self.folder.path().join("scenarios");
        std::fs::create_dir(&scenarios).unwrap();
        for (name, text) in SCENARIOS {
            std::fs::write(scenarios.join(format!("{name}.yaml")), text).unwrap();
        }
        let file = self.folder.path().join("day.ndjson");
        let made = Command::new(binary())
            .args(["simulate", "--seed", "9", "--start", "2026-10-04T21:00:00Z"])
            .args(["--events", "40000", "--output"])
            .arg(&file)
            .arg("--scenarios")
            .arg(&scenarios)
            .status()
            .unwrap();
        assert!(made.success());
        let mut run = Command::new(binary());
        run.args(["run", "--config"])
            .arg(&self.config)
            .arg("--file")
            .arg(&file)
            .envs(SECRETS);
        let log = self.folder.path().join("gatewatch.log");
        let mut held = Held::spawn("gatewatch", &log, &run);
        let status = held.wait(LIMIT).expect("the file ends");
        assert!(status.success(), "{}", held.said());
    }

    fn report(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .args(["report", "--config"])
            .arg(&self.config)
            .args(["--integration", "barrier-operator"])
            .args([
                "--from",
                "2026-10-04T21:00:00Z",
                "--to",
                "2026-10-05T21:00:00Z",
            ])
            .args(arguments)
            .envs(SECRETS)
            .output()
            .unwrap()
    }
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The page without the time at which it was made.
fn page(output: &Output, made: &str) -> String {
    let page = text(output);
    let (before, rest) = page.split_once(made).expect("when it was made");
    let (_, after) = rest.split_once("</tr>").expect("a row of the table");
    format!("{before}{made}</th><td>then</td></tr>{after}")
        .replace("<h2>", "\n<h2>")
        .replace("<tr>", "\n<tr>")
}

#[test]
fn a_fixed_day_gives_the_reviewed_report() {
    let day = Day::stored();
    let report: Value = serde_json::from_str(&text(&day.report(&["--format", "json"]))).unwrap();
    let lines = report["requirements"].as_array().unwrap();
    assert_eq!(lines.len(), 24);
    let line = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap();
    let verdict = |id: &str| line(id)["verdict"].as_str().unwrap();
    assert_eq!(verdict("SEC-10"), "breached");
    assert_eq!(verdict("SEC-01"), "kept");
    assert_eq!(verdict("SEC-02"), "attested");
    let check = |id: &str, fact: &str| {
        let checks = line(id)["checks"].as_array().unwrap();
        checks.iter().find(|check| check["fact"] == fact).unwrap()
    };
    let urls = check("SEC-10", "url.personal");
    assert_eq!(
        (&urls["allowed"], &urls["refused"]),
        (&12.into(), &0.into())
    );
    assert_eq!(urls["samples"].as_array().unwrap().len(), 3);
    assert!(!urls["rules"].as_array().unwrap().is_empty(), "{urls}");
    let networks = check("AUT-05", "caller.network");
    assert_eq!(
        (&networks["allowed"], &networks["refused"]),
        (&0.into(), &7.into())
    );
    // The statement that is shown finds the same calls.
    let sql = format!("SELECT count() FROM ({})", urls["query"].as_str().unwrap());
    let again = day.clickhouse.ask_in("gatewatch", &sql).unwrap();
    assert_eq!(again, "12");

    insta::assert_snapshot!("english", page(&day.report(&[]), "Made"));
    let russian = day.report(&["--locale", "ru"]);
    insta::assert_snapshot!("russian", page(&russian, "Составлен"));
}

#[test]
fn an_integration_without_a_contract_is_told_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gatewatch.toml");
    let contracts = Path::new(ROOT).join("contracts");
    std::fs::write(&config, format!("[contracts]\nfolder = {contracts:?}\n")).unwrap();
    let output = Command::new(binary())
        .args(["report", "--integration", "plates", "--config"])
        .arg(&config)
        .envs(SECRETS)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("no contract is named `plates`; there are: administration, barrier-operator, barriers, concierge"),
        "{error}"
    );
}
