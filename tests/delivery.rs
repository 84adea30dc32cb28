//! The failure table of `docs/delivery.md`, a test a row: killed at the point named, started again, the promise checked.

mod parts;
mod service;

use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::Duration;

use parts::{ClickHouse, Kafka, Mode, wait_for};
use service::Service;

const PARTITIONS: i32 = 2;
const LIMIT: Duration = Duration::from_secs(90);
/// Small blocks, so that a kill meets the third of several; a watermark that moves soon when the topic ends.
const SETTINGS: &str = "[decode]\nmax_age_days = 3650\n[track]\nlateness_s = 5\nidle_s = 3\n\
                        [delivery]\nblock_rows = 300\nsnapshot_seconds = 1\n";

/// One broker and one server for all tests of this file.
struct Parts {
    kafka: Kafka,
    clickhouse: ClickHouse,
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| Parts {
    kafka: Kafka::start(Mode::Plain),
    clickhouse: ClickHouse::start(),
});

/// Statics are never dropped; the last test to end stops the parts' processes with this process (see `parts::held`).
static RECORDS: OnceLock<Vec<(i32, Vec<u8>)>> = OnceLock::new();

/// What an undisturbed run finds, once for all tests.
static EXPECTED: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Two partitions of traffic with injections, bad signatures and broken records spread over it.
fn records() -> &'static [(i32, Vec<u8>)] {
    RECORDS.get_or_init(|| {
        (0..3_000)
            .map(|i: i32| {
                let time = format!("2026-03-01T10:{:02}:{:02}.{:03}Z", i / 300, i / 5 % 60, i % 5 * 200);
                let (client, path, query) = match i % 50 {
                    7 => ("203.0.113.66", "/plates", "q=1%27%20UNION%20SELECT%20login,password%20FROM%20users--%20-"),
                    19 => ("203.0.113.99", "/files/../../../../etc/passwd", ""),
                    _ => ("198.51.100.4", "/residents/17", "page=1"),
                };
                let record = if i % 101 == 100 {
                    format!("broken {i}")
                } else {
                    format!(
                        r#"{{"time":"{time}","request_id":"r-{i}","method":"GET","scheme":"https","path":"{path}","query":"{query}","status":200,"client_address":"{client}","tls_version":"TLSv1.3"}}"#
                    )
                };
                (i % PARTITIONS, record.into_bytes())
            })
            .collect()
    })
}

fn service(name: &str) -> Service {
    let Parts { kafka, clickhouse } = &*PARTS;
    kafka.create_topic(name, PARTITIONS, &[]);
    kafka.produce_to_partitions(name, records());
    Service::new(name, kafka, clickhouse, SETTINGS)
}

/// The alerts of a run that nothing disturbs.
fn expected() -> Vec<String> {
    let mut expected = EXPECTED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    expected
        .get_or_insert_with(|| {
            let service = service("undisturbed");
            let mut gatewatch = service.start(0, &[]);
            let alerts = finish(&service);
            gatewatch.stop();
            assert!(
                alerts.len() >= 2,
                "the records hold two attacks: {alerts:?}"
            );
            alerts
        })
        .clone()
}

/// Waits until everything is stored and the alerts stand still; checks the rows and gives the alerts.
fn finish(service: &Service) -> Vec<String> {
    let clickhouse = &PARTS.clickhouse;
    let produced = records().len() as u64;
    service.wait_until_stored(clickhouse, produced, LIMIT);
    let alerts = wait_for("alerts that stand still", LIMIT, || {
        let before = service.alerts(clickhouse);
        std::thread::sleep(Duration::from_secs(5));
        (!before.is_empty() && service.alerts(clickhouse) == before).then_some(before)
    });
    service.assert_exactly_once(clickhouse, produced);
    alerts
}

/// Kills an instance at `point`, starts another, and checks the promise.
fn killed_at(point: &str) {
    let expected = expected();
    let service = service(&point.replace([':', '_'], "-"));
    let mut first = service.start(0, &[("GATEWATCH_KILL_AT", point)]);
    let status = first
        .wait(LIMIT)
        .unwrap_or_else(|| panic!("{point} was not reached: {}", first.said()));
    assert!(
        !status.success(),
        "{point}: the process was to be aborted, but ended by itself: {}",
        first.said()
    );
    let mut second = service.start(0, &[]);
    let mut alerts = finish(&service);
    if alerts != expected {
        // A busy machine stands still for a while, too; what is lost stays lost.
        std::thread::sleep(Duration::from_secs(20));
        alerts = finish(&service);
    }
    let said = second.said();
    second.stop();
    assert_eq!(alerts, expected, "{point}");
    assert!(!said.contains("do not add up"), "{point}: {said}");
}

#[test]
fn killed_before_intent() {
    killed_at("before_intent:4");
}

#[test]
fn killed_after_intent() {
    killed_at("after_intent:4");
}

#[test]
fn killed_between_inserts() {
    killed_at("between_inserts:4");
}

#[test]
fn killed_after_insert() {
    killed_at("after_insert:4");
}

#[test]
fn killed_before_alerts() {
    killed_at("before_alerts:4");
}

#[test]
fn killed_after_alerts() {
    killed_at("after_alerts:4");
}

#[test]
fn killed_after_snapshot() {
    killed_at("after_snapshot:1");
}

#[test]
fn upgraded_after_intent() {
    let expected = expected();
    let service = service("upgraded");
    let mut first = service.start(0, &[("GATEWATCH_KILL_AT", "after_insert:4")]);
    first.wait(LIMIT).expect("the point is reached");
    // Another name of the same key is another fingerprint, as another build would have.
    let mut second = service.start(0, &[("GATEWATCH_ENRICH__PSEUDONYM_KEY_ID", "k2")]);
    let alerts = finish(&service);
    assert!(second.said().contains("repair=true"), "{}", second.said());
    second.stop();
    assert_eq!(alerts, expected);
}

#[test]
fn lost_offsets_are_said() {
    let Parts { clickhouse, .. } = &*PARTS;
    let service = service("lost");
    let mut first = service.start(0, &[]);
    service.wait_until_stored(clickhouse, records().len() as u64, LIMIT);
    first.stop();
    // More records come, and are deleted before anyone reads them.
    let kafka = &PARTS.kafka;
    kafka.produce_to_partitions("lost", records().iter().take(40));
    let ends: Vec<i64> = kafka.offsets("lost").iter().map(|(_, end)| *end).collect();
    kafka.delete_before("lost", &ends);
    kafka.produce_to_partitions("lost", records().iter().take(2));
    let mut second = service.start(0, &[]);
    wait_for("the lost range in dead_letters", LIMIT, || {
        let lost = service.number(
            clickhouse,
            "SELECT count() FROM {db}.dead_letters WHERE reason = 'offsets_lost'",
        );
        (lost == u64::from(PARTITIONS.unsigned_abs())).then_some(())
    });
    wait_for("an alert for each lost range", LIMIT, || {
        (service.own_alerts(clickhouse) == u64::from(PARTITIONS.unsigned_abs())).then_some(())
    });
    service.wait_until_stored(clickhouse, records().len() as u64 + 2 + 2, LIMIT);
    second.stop();
}

#[test]
fn rows_that_do_not_add_up_are_said() {
    let Parts { clickhouse, .. } = &*PARTS;
    let service = service("doubled");
    let mut first = service.start(0, &[("GATEWATCH_KILL_AT", "after_insert:4")]);
    first.wait(LIMIT).expect("the point is reached");
    // Somebody else writes into the table: the last row of each partition is there twice.
    service.execute(
        clickhouse,
        "INSERT INTO {db}.events SELECT * FROM {db}.events ORDER BY partition, offset DESC LIMIT 1 BY partition",
    );
    let mut second = service.start(0, &[]);
    wait_for("an alert about the rows", LIMIT, || {
        (service.own_alerts(clickhouse) > 0).then_some(())
    });
    assert!(second.said().contains("do not add up"), "{}", second.said());
    let readiness = service.get(0, "/readyz").unwrap_or_default();
    assert!(!readiness.contains("\"inconsistencies\":0"), "{readiness}");
    second.stop();
}
