//! Rules that are edited while the service runs: in force as a whole within two seconds, or refused and said; windows go on;
//! silences hold back before counting and are audited; a rule on trial stores and tells nobody.

mod parts;

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use parts::{ClickHouse, Held, Ports, Request, SECRETS, binary, wait_for};

const LIMIT: Duration = Duration::from_mins(1);

const DENIED: &str = "title: Denied\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d01\nname: denied\nlogsource: {category: api_gateway}\n\
                      detection: {s: {status: 403}, condition: s}\nlevel: low\n";
const MANY: &str = "title: Ten denials\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d02\n\
                    correlation: {type: event_count, rules: [denied], group-by: [client_id], timespan: 1h, condition: {gte: 10}}\n\
                    level: high\ngatewatch: {family: denials}\n";
const ADMIN: &str = "title: Admin\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d03\nlogsource: {category: api_gateway}\n\
                     detection: {s: {path|startswith: /admin}, condition: s}\nlevel: high\ngatewatch: {family: admin}\n";
const SILENCE: &str = "title: Load test\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d04\nlogsource: {category: api_gateway}\n\
                       filter: {rules: any, s: {client_id: tester}, condition: not s}\n\
                       gatewatch: {silence: {owner: anna, reason: agreed load test, expires: 2099-01-01}}\n";

struct Scene {
    clickhouse: ClickHouse,
    folder: tempfile::TempDir,
    log: File,
    port: u16,
    events: u64,
    gatewatch: Held,
}

impl Scene {
    fn set() -> Self {
        let clickhouse = ClickHouse::start();
        let folder = tempfile::tempdir().unwrap();
        let port = Ports::take(1).get(0);
        fs::create_dir_all(folder.path().join("rules")).unwrap();
        fs::create_dir_all(folder.path().join("own")).unwrap();
        fs::write(folder.path().join("rules/denied.yml"), DENIED).unwrap();
        fs::write(folder.path().join("rules/many.yml"), MANY).unwrap();
        let config = folder.path().join("gatewatch.toml");
        let text = format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\nown = [{:?}]\n[http]\nlisten = \"127.0.0.1:{port}\"\n\
             [delivery]\nblock_age_ms = 100\n[track]\nlateness_s = 1\nidle_s = 1\n[store.retention]\nevents_days = 3650\nalerts_days = 3650\n",
            clickhouse.url(),
            folder.path().join("rules"),
            folder.path().join("own"),
        );
        fs::write(&config, text).unwrap();
        let path = folder.path().join("access.log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let mut command = Command::new(binary());
        command.args(["run", "--follow", "--config"]).arg(&config);
        command.arg("--file").arg(&path).envs(SECRETS);
        let gatewatch = Held::spawn("gatewatch", &folder.path().join("gatewatch.log"), &command);
        Scene {
            clickhouse,
            folder,
            log,
            port,
            events: 0,
            gatewatch,
        }
    }

    fn edit(&self, file: &str, text: &str) {
        fs::write(self.file(file), text).unwrap();
    }

    fn file(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Appends events, a second apart, and waits until they are stored.
    fn log(&mut self, count: u64, client: &str, path: &str, status: u16) {
        let mut lines = String::new();
        for _ in 0..count {
            let (minute, second) = (self.events / 60, self.events % 60);
            writeln!(
                lines,
                r#"{{"time":"2026-11-20T10:{minute:02}:{second:02}Z","request_id":"r-{}","method":"GET","path":"{path}","status":{status},"client_id":"{client}"}}"#,
                self.events
            )
            .unwrap();
            self.events += 1;
        }
        self.log.write_all(lines.as_bytes()).unwrap();
        let events = self.events;
        wait_for("the events", LIMIT, || {
            (self.number("SELECT count() FROM gatewatch.events") == events).then_some(())
        });
    }

    fn number(&self, sql: &str) -> u64 {
        let answer = self.clickhouse.ask(sql).ok();
        answer.and_then(|answer| answer.parse().ok()).unwrap_or(0)
    }

    fn wait_for_number(&self, sql: &str, number: u64) {
        wait_for(&format!("{number} by {sql}"), LIMIT, || {
            (self.number(sql) == number).then_some(())
        });
    }

    /// Waits until `/metrics` says so.
    fn wait_for_metric(&self, line: &str) -> Duration {
        let begin = Instant::now();
        wait_for(line, LIMIT, || {
            let reply = Request::get(self.port, "/metrics").send().ok()?;
            reply.body.lines().any(|said| said == line).then_some(())
        });
        begin.elapsed()
    }

    fn ready(&self) -> (u16, String) {
        let reply = Request::get(self.port, "/readyz").send().unwrap();
        (reply.status, reply.body)
    }
}

const DENIALS: &str = "SELECT max(count) FROM gatewatch.alerts_latest WHERE family = 'denials'";

#[test]
fn edits_take_effect_while_the_service_runs() {
    let mut scene = Scene::set();
    scene.log(6, "desk", "/admin/users", 403);

    // Another rule comes: it matches at once, and the six denials are still in the window of the first.
    scene.edit("rules/admin.yml", ADMIN);
    let took = scene.wait_for_metric("gatewatch_rules{kind=\"rule\"} 2");
    println!("figure reload_seconds {:.2} s", took.as_secs_f64());
    scene.log(4, "desk", "/admin/users", 403);
    // Windows close by the watermark: a later event moves it.
    scene.log(5, "desk", "/plates", 200);
    scene.wait_for_number(DENIALS, 10);
    let admin = "SELECT max(count) FROM gatewatch.alerts_latest WHERE family = 'admin'";
    scene.wait_for_number(admin, 4);

    // A broken file: said in log, metric and detail; the set before stays in force.
    scene.edit("rules/admin.yml", &ADMIN.replace("startswith", "startwith"));
    scene.wait_for_metric("gatewatch_rules_refused 1");
    let (status, detail) = scene.ready();
    assert_eq!(status, 200, "the set before serves: {detail}");
    assert!(detail.contains("admin.yml:4:"), "{detail}");
    assert!(detail.contains("did you mean `startswith`"), "{detail}");
    let said = scene.gatewatch.said();
    assert!(said.contains("the set before stays in force"), "{said}");
    scene.log(1, "desk", "/admin/users", 403);
    scene.log(5, "desk", "/plates", 200);
    scene.wait_for_number(DENIALS, 11);
    scene.wait_for_number(admin, 5);

    // Mended, and on trial from now on.
    scene.edit(
        "rules/admin.yml",
        &ADMIN.replace("family: admin", "family: admin, shadow: true"),
    );
    scene.wait_for_metric("gatewatch_rules_refused 0");
    assert!(!scene.ready().1.contains("rules_refused"));
    scene.log(3, "crm", "/admin/users", 403);
    scene.log(5, "desk", "/plates", 200);
    let on_trial =
        "SELECT max(count) FROM gatewatch.alerts_shadow WHERE family = 'admin' AND entity = 'crm'";
    scene.wait_for_number(on_trial, 3);
    let told = "SELECT count() FROM gatewatch.alerts_latest WHERE entity = 'crm'";
    assert_eq!(scene.number(told), 0, "nobody is told of a rule on trial");

    // A silence in another folder holds back before anything is counted, and is seen.
    scene.edit("own/load-test.yml", SILENCE);
    scene.wait_for_metric("gatewatch_rules{kind=\"silence\"} 1");
    scene.log(20, "tester", "/plates", 403);
    scene.log(5, "desk", "/plates", 200);
    let held = "SELECT count() FROM gatewatch.events WHERE has(withheld_by, '5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d04')";
    scene.wait_for_number(held, 20);
    let matched = "SELECT count() FROM gatewatch.events WHERE client_id = 'tester' AND has(rules, '5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d01')";
    assert_eq!(scene.number(matched), 20);
    let by_metric =
        "gatewatch_exception_withheld_total{exception=\"5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d04\"} 20";
    scene.wait_for_metric(by_metric);
    let told = "SELECT count() FROM gatewatch.alerts WHERE entity = 'tester'";
    assert_eq!(scene.number(told), 0);

    // It goes, and twenty denials count again.
    fs::remove_file(scene.file("own/load-test.yml")).unwrap();
    scene.wait_for_metric("gatewatch_rules{kind=\"silence\"} 0");
    scene.log(20, "tester", "/plates", 403);
    scene.log(5, "desk", "/plates", 200);
    let told = "SELECT max(count) FROM gatewatch.alerts_latest WHERE entity = 'tester'";
    scene.wait_for_number(told, 20);

    // Everything that changed stands in the audit, once.
    let audit = "SELECT arrayStringConcat(groupArray(concat(object_kind, ' ', action, ' by ', actor)), ', ') FROM \
                 (SELECT * FROM gatewatch.audit WHERE object IN ('5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d03', '5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d04') ORDER BY time)";
    let expected = "rule added by files, rule changed by files, silence added by anna, silence removed by files";
    wait_for("the audit", LIMIT, || {
        (scene.clickhouse.ask(audit).ok()? == expected).then_some(())
    });
    assert!(
        scene
            .gatewatch
            .stop()
            .is_some_and(|status| status.success()),
        "{}",
        scene.gatewatch.said()
    );
}
