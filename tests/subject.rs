//! All of one person: handed out, erased, proven, and the hash chain still fits.

mod parts;
mod service;

use std::time::Duration;

use parts::{ClickHouse, Kafka, Mode, Record, wait_for};
use service::Service;

/// The person, as a gateway logs them.
const WHO: &str = "resident-40017";

/// The time so many seconds ago.
fn ago(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    now.saturating_sub(jiff::SignedDuration::from_secs(seconds))
        .expect("a near time")
        .to_string()
}

fn record(seconds: i64, subject: &str, query: &str) -> Vec<u8> {
    format!(
        r#"{{"time":"{}","gateway":"gw-1","request_id":"r-{seconds}","method":"GET","host":"api.propdev.example","path":"/v1/me/passes","query":"{query}","status":200,"client_id":"app-0017","client_address":"198.51.100.17","subject":"{subject}"}}"#,
        ago(seconds)
    )
    .into_bytes()
}

/// Calls of the person, some of them attacks, those of others, and a record that cannot be read and names the person.
fn records() -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = (0..40).map(|i| record(900 - i, WHO, "page=1")).collect();
    records.extend((0..60).map(|i| record(800 - i, &format!("resident-{}", 50_000 + i), "page=1")));
    for i in 0..5 {
        // An attack on their record: the alert shows where it went.
        let attack = record(700 - i, WHO, "q=1%27%20UNION%20SELECT%20a%20FROM%20b--%20-");
        let text = String::from_utf8(attack).expect("JSON is text");
        let path = format!(r#""path":"/v1/residents/{WHO}","resource_id":"{WHO}""#);
        let attack = text.replace(r#""path":"/v1/me/passes""#, &path);
        records.push(attack.into_bytes());
    }
    records.push(format!("{{\"broken\": \"{WHO}\"").into_bytes());
    records.push(b"{\"broken\": \"resident-400171\"".to_vec());
    records
}

/// Erases and is killed when the events are gone, while snapshots and the links of the chain are as before.
fn erase_half_way(service: &Service, clickhouse: &ClickHouse, erase: &[&str]) {
    service.execute(clickhouse, "SYSTEM STOP MERGES {db}.snapshots");
    let mut begun = service.begin(erase);
    wait_for("the events to go", Duration::from_mins(1), || {
        (service.number(clickhouse, "SELECT count() FROM {db}.events") == 60).then_some(())
    });
    begun.kill9();
    service.execute(clickhouse, "SYSTEM START MERGES {db}.snapshots");
    let (code, verified) = service.command(&["verify"]);
    assert_eq!(code, Some(1), "{verified}");
    let (code, said) = service.command(&["subject", "erase", WHO]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is not finished"), "{said}");
}

/// Erases, the second time to its end.
fn erase(service: &Service, clickhouse: &ClickHouse, pseudonym: &str) {
    let number = |sql: &str| service.number(clickhouse, sql);
    let folder = tempfile::tempdir().unwrap();
    let act = folder.path().join("act.html");
    let act_path = act.display().to_string();
    let erase = [
        "subject",
        "erase",
        WHO,
        "--yes",
        "--by",
        "Anna Petrova, DPO",
        "--basis",
        "request of 2026-11-20",
        "--act",
        &act_path,
    ];
    erase_half_way(service, clickhouse, &erase);

    let (code, said) = service.command(&erase);
    assert_eq!(code, Some(0), "{said}");
    for (lies, kept) in [
        ("requests/0: 46 records", "kept until 20"),
        ("requests.alerts: ", "kept "),
    ] {
        let line = said.lines().find(|line| line.contains(lies));
        let line = line.expect("what lies in Kafka");
        assert!(line.contains(kept), "{line}");
    }
    assert_eq!(number("SELECT count() FROM {db}.events"), 60);
    assert_eq!(number("SELECT count() FROM {db}.dead_letters"), 1);
    for table in ["alerts", "snapshots"] {
        let column = if table == "alerts" { "json" } else { "data" };
        let sql = format!(
            "SELECT count() FROM {{db}}.{table} WHERE position({column}, '{pseudonym}') > 0"
        );
        assert_eq!(number(&sql), 0, "{table}");
    }
    let page = std::fs::read_to_string(&act).unwrap();
    assert!(
        page.contains("записи журнала запросов: 45") && page.contains("ничего не найдено"),
        "{page}"
    );
    assert!(!page.contains(WHO) && !page.contains(pseudonym));
    let audited =
        "SELECT count() FROM {db}.audit WHERE action = 'erased' AND actor = 'Anna Petrova, DPO'";
    assert_eq!(number(audited), 1);
    let (_, said) = service.command(&["subject", "erase", WHO]);
    assert!(!said.contains("is not finished"), "{said}");
}

#[test]
fn a_person_is_handed_out_and_erased_also_after_a_kill_and_nobody_else() {
    let kafka = Kafka::start(Mode::Plain);
    let clickhouse = ClickHouse::start();
    kafka.create_topic("requests", 1, &[("retention.ms", "604800000")]);
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
    let service = Service::new(
        "requests",
        &kafka,
        &clickhouse,
        "[track]\nidle_s = 2\n[delivery]\nsnapshot_seconds = 1\n",
    );
    let mut gatewatch = service.start(0, &[]);
    service.wait_until_stored(&clickhouse, records.len() as u64, Duration::from_mins(1));
    let number = |sql: &str| service.number(&clickhouse, sql);
    wait_for("the alert in its table", Duration::from_mins(1), || {
        (number("SELECT count() FROM {db}.alerts") > 0).then_some(())
    });
    wait_for("the hash chain", Duration::from_mins(1), || {
        let sealed = "SELECT count() FROM {db}.chain WHERE content LIKE '%\"table\":\"events\"%' AND content LIKE '%\"rows\":105%'";
        (number(sealed) > 0).then_some(())
    });
    assert!(gatewatch.stop().is_some_and(|status| status.success()));

    let (code, pseudonyms) = service.command(&["subject", "pseudonym", WHO]);
    assert_eq!(code, Some(0), "{pseudonyms}");
    let pseudonym = pseudonyms
        .lines()
        .find_map(|line| line.split_once("subject\t"))
        .expect("the pseudonym of a subject")
        .1
        .to_owned();
    assert!(pseudonym.starts_with("p_"));

    let (code, exported) = service.command(&["subject", "export", WHO]);
    assert_eq!(code, Some(0), "{exported}");
    let of = |table: &str| {
        let begins = format!("{{\"table\":\"{table}\"");
        exported
            .lines()
            .filter(|line| line.starts_with(&begins))
            .count()
    };
    assert_eq!((of("events"), of("dead_letters")), (45, 1), "{exported}");
    assert!(of("alerts") >= 1, "{exported}");

    // Without --yes nothing goes.
    let (code, said) = service.command(&["subject", "erase", WHO]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(number("SELECT count() FROM {db}.events"), 105);

    erase(&service, &clickhouse, &pseudonym);

    let (code, verified) = service.command(&["verify"]);
    assert_eq!(code, Some(0), "{verified}");
    assert!(verified.contains("45 rows erased by act"), "{verified}");
    // What goes without an act still shows.
    let delete =
        "ALTER TABLE events DELETE WHERE subject != '' AND offset < 45 SETTINGS mutations_sync = 2";
    clickhouse.ask_in(&service.database(), delete).unwrap();
    let (code, verified) = service.command(&["verify"]);
    assert_eq!(code, Some(1), "{verified}");
}
