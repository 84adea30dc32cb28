//! A personal-data incident from the alert to the closed record: clocks, mails, notice, audit.

mod parts;
mod service;

use std::time::Duration;

use parts::{ClickHouse, Kafka, Mailpit, Mode, Record, wait_for};
use service::Service;

const LIMIT: Duration = Duration::from_mins(1);

/// The time so many seconds ago.
fn ago(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    now.saturating_sub(jiff::SignedDuration::from_secs(seconds))
        .expect("a near time")
        .to_string()
}

/// Somebody reads residents by an injection: ten calls are answered, two refused.
fn records() -> Vec<Vec<u8>> {
    let record = |at: i64| {
        let status = if at < 2 { 403 } else { 200 };
        format!(
            r#"{{"time":"{}","gateway":"gw-1","request_id":"r-{at}","method":"GET","host":"api.propdev.example","path":"/v1/residents","query":"q=1%27%20UNION%20SELECT%20phone%20FROM%20residents--%20-","status":{status},"client_id":"crm","client_address":"198.51.100.17","country":"RU","subject":"user-{}","resource_type":"resident","resource_id":"res-{at}","record_count":20,"fields_received":["name","phone"]}}"#,
            ago(60 - at),
            at % 3
        )
        .into_bytes()
    };
    (0..12).map(record).collect()
}

/// A service that stored the attack and raised its alert.
struct Case {
    service: Service,
    clickhouse: ClickHouse,
    mailpit: Mailpit,
    _kafka: Kafka,
}

impl Case {
    fn new() -> Case {
        let kafka = Kafka::start(Mode::Plain);
        let clickhouse = ClickHouse::start();
        let mailpit = Mailpit::start();
        kafka.create_topic("requests", 1, &[]);
        let records = records();
        kafka.produce(
            "requests",
            records.iter().map(|payload| Record {
                partition: Some(0),
                key: b"",
                value: payload,
                timestamp: None,
            }),
        );
        let settings = "[track]\nidle_s = 2\n";
        let service = Service::new("requests", &kafka, &clickhouse, settings).with_mail(&mailpit);
        Case {
            service,
            clickhouse,
            mailpit,
            _kafka: kafka,
        }
    }

    fn alert(&self) -> String {
        let sql =
            "SELECT toString(id) FROM alerts WHERE family = 'injection' AND entity = 'crm' LIMIT 1";
        let id = wait_for("the alert", LIMIT, || {
            let found = self.clickhouse.ask_in(&self.service.database(), sql);
            found.ok().filter(|id| id.len() == 36)
        });
        let raised = format!("SELECT count() FROM {{db}}.alert_detections WHERE alert = '{id}'");
        assert_eq!(self.number(&raised), 1);
        id
    }

    fn ask(&self, sql: &str) {
        let sql = sql.replace("{db}", &self.service.database());
        self.clickhouse.ask(&sql).expect("the statement is good");
    }

    fn number(&self, sql: &str) -> u64 {
        self.service.number(&self.clickhouse, sql)
    }

    /// Runs `gatewatch incident …`, which ends with `code` and says `expected`.
    fn says(&self, arguments: &[&str], code: i32, expected: &str) -> String {
        let arguments = [&["incident"], arguments].concat();
        let (ended, said) = self.service.command(&arguments);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
        said
    }

    /// Mails whose subject holds this.
    fn mails(&self, subject: &str) -> usize {
        let mails = self.mailpit.mails();
        let subjects = mails.iter().filter_map(|mail| mail["Subject"].as_str());
        subjects.filter(|text| text.contains(subject)).count()
    }

    fn wait_for_mail(&self, subject: &str) {
        wait_for(subject, LIMIT, || (self.mails(subject) == 1).then_some(()));
    }

    /// Stores another alert that picks the same calls, and puts both into one incident.
    fn link(&self, alert: &str) {
        let other = "5d0f6a1e-7c3b-4c57-9a43-0a4f6c1d2e01";
        self.ask(&format!(
            "INSERT INTO {{db}}.alerts SELECT * REPLACE(toUUID('{other}') AS id, replaceOne(json, '{alert}', '{other}') AS json) \
             FROM (SELECT * FROM {{db}}.alerts FINAL WHERE id = '{alert}')"
        ));
        assert_eq!(
            self.number(&format!(
                "SELECT count() FROM {{db}}.alerts WHERE id = '{other}'"
            )),
            1
        );
        self.ask(&format!(
            "INSERT INTO {{db}}.alert_links SELECT arrayJoin([toUUID('{alert}'), toUUID('{other}')]), toUUID('{alert}'), now64(6)"
        ));
    }

    /// Declares the alert, with a first clock that runs out soon; the beginning of the incident's id.
    fn declare(&self, alert: &str) -> String {
        self.says(&["declare", alert, "--by", " "], 2, "--by is empty");
        let nobody = "00000000-0000-0000-0000-000000000001";
        self.says(&["declare", nobody, "--by", "A"], 2, "there is no alert");
        self.says(
            &["declare", alert, "--by", "A", "--linked"],
            2,
            "no other alert is linked",
        );
        self.link(alert);
        let detected = ago(24 * 3_600 - 20);
        let by = ["declare", alert, "--by", "Anna Petrova, DPO"];
        let about = ["--category", "contacts", "--detected", &detected];
        let declare = [&by[..], &about, &["--linked"]].concat();
        let said = self.says(&declare, 0, "incident    ");
        for expected in [
            "with        1 linked alert\n",
            "10 answers with 200 records, 3 persons called, 2 refused",
            "resources   resident: 10",
            "fields      name, phone",
            "categories  contacts",
            "countries   RU",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        self.says(&declare, 2, "already");
        let mut lines = said.lines();
        let id = lines.find_map(|line| line.strip_prefix("incident    "));
        id.expect("its id")[..8].to_owned()
    }

    /// Puts on record what became known, takes the notice and says that it was sent.
    fn tell(&self, incident: &str) {
        for (about, text) in [("cause", "украден ключ"), ("measure", "ключ отозван")]
        {
            let said = ["say", incident, "--by", "Anna", "--about", about, text];
            self.says(&said, 0, "");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notice.html").display().to_string();
        self.says(&["notice", incident, "--output", &file], 0, &file);
        let page = std::fs::read_to_string(&file).unwrap();
        for expected in ["украден ключ", "ключ отозван", "contacts", "<td>200</td>"]
        {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        let notified = [
            "notified",
            incident,
            "--by",
            "Anna",
            "--clock",
            "152-fz-24h",
        ];
        let notified = [&notified[..], &["--reference", "RKN 17"]].concat();
        self.says(&notified, 0, "late");
        self.says(&notified, 2, "is done already");
        self.says(&["list"], 0, "(RKN 17)");
    }
}

#[test]
fn an_alert_becomes_an_incident_whose_clocks_are_told_until_the_authority_was() {
    let case = Case::new();
    let mut gatewatch = case.service.start(0, &[]);
    let incident = case.declare(&case.alert());
    case.wait_for_mail("Инцидент с персональными данными");
    case.wait_for_mail("Срок 152-fz-24h истёк");
    case.says(&["list"], 1, "152-fz-24h: ran out 0 h ago");
    case.tell(&incident);

    // Whoever takes over has the ledger and tells nobody twice.
    gatewatch.kill9();
    let mut gatewatch = case.service.start(0, &[]);
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(case.mails("Инцидент с персональными данными"), 1);
    assert_eq!(case.mails("Срок "), 1);

    let close = ["close", &incident, "--by", "Anna", "nothing was copied"];
    case.says(&close, 2, "nobody was told yet");
    case.says(&[&close[..], &["--open-duties"]].concat(), 0, "");
    case.says(&["show", &incident], 0, "nothing was copied");
    case.says(&["show", "ffffffff"], 2, "no incident begins");
    let audited = "SELECT uniqExact(action) FROM {db}.audit WHERE object_kind = 'incident'";
    assert_eq!(case.number(audited), 4);
    let shown = "SELECT count() FROM {db}.incidents WHERE closed AND declared_by = 'Anna Petrova, DPO' AND has(notified, '152-fz-24h')";
    assert_eq!(case.number(shown), 1);
    assert!(gatewatch.stop().is_some_and(|status| status.success()));
}
