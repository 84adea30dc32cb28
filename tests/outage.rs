//! Parts that fail while gatewatch runs: the second table of `docs/delivery.md`, a test a row.

mod parts;
mod service;

use std::time::Duration;

use parts::{ClickHouse, Held, Kafka, Mailpit, Mode, wait_for};
use service::Service;

const LIMIT: Duration = Duration::from_secs(90);
const EVENTS: u64 = 2_000;
/// A buffer that the second half of the events overfills.
const SETTINGS: &str = "[decode]\nmax_age_days = 3650\n[track]\nlateness_s = 5\nidle_s = 3\n\
                        [delivery]\nblock_rows = 200\noutage_seconds = 2\nbuffer_bytes = 30000\n";

/// A service on parts of its own, which has stored the first half of the events.
struct Scene {
    kafka: Kafka,
    clickhouse: ClickHouse,
    mailpit: Mailpit,
    service: Service,
    gatewatch: Held,
}

impl Scene {
    fn set() -> Self {
        let kafka = Kafka::start(Mode::Plain);
        let clickhouse = ClickHouse::start();
        let mailpit = Mailpit::start();
        kafka.create_topic("outage", 2, &[]);
        let service = Service::new("outage", &kafka, &clickhouse, SETTINGS).with_mail(&mailpit);
        produce(&kafka, 0..EVENTS / 2);
        let gatewatch = service.start(0, &[]);
        service.wait_until_stored(&clickhouse, EVENTS / 2, LIMIT);
        Scene {
            kafka,
            clickhouse,
            mailpit,
            service,
            gatewatch,
        }
    }

    fn produce_the_rest(&self) {
        produce(&self.kafka, EVENTS / 2..EVENTS);
    }

    /// Everything was stored once, the attack was mailed once, and the service stops in order.
    fn assert_whole(mut self) {
        self.service
            .wait_until_stored(&self.clickhouse, EVENTS, LIMIT);
        self.service.assert_exactly_once(&self.clickhouse, EVENTS);
        let about_attack = wait_for("the mail about the attack", LIMIT, || {
            let mails = self.subjects();
            let about = mails
                .into_iter()
                .filter(|subject| subject.contains("203.0.113.66"))
                .count();
            (about > 0).then_some(about)
        });
        assert_eq!(about_attack, 1, "{:?}", self.subjects());
        let status = self.gatewatch.stop();
        assert!(
            status.is_some_and(|status| status.success()),
            "{}",
            self.gatewatch.said()
        );
    }

    fn subjects(&self) -> Vec<String> {
        let mails = self.mailpit.mails();
        mails
            .iter()
            .map(|mail| mail["Subject"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn wait_for_mail(&self, about: &str) {
        wait_for(about, LIMIT, || {
            self.subjects()
                .iter()
                .any(|subject| subject.contains(about))
                .then_some(())
        });
    }
}

/// Traffic of two partitions; an injection comes in the second half.
fn produce(kafka: &Kafka, numbers: std::ops::Range<u64>) {
    let records: Vec<(i32, String)> = numbers
        .map(|i| {
            let (client, query) = match i % 100 {
                7 if i > EVENTS / 2 => ("203.0.113.66", "q=1%27%20UNION%20SELECT%20login,password%20FROM%20users--%20-"),
                _ => ("198.51.100.4", "page=1"),
            };
            let record = format!(
                r#"{{"time":"2026-03-01T10:{:02}:{:02}Z","request_id":"r-{i}","method":"GET","scheme":"https","path":"/plates","query":"{query}","status":200,"client_address":"{client}","tls_version":"TLSv1.3"}}"#,
                i / 60,
                i % 60
            );
            (i32::from(i % 2 == 1), record)
        })
        .collect();
    kafka.produce_to_partitions("outage", &records);
}

#[test]
fn clickhouse_down() {
    let mut scene = Scene::set();
    scene.clickhouse.process().kill9();
    scene.produce_the_rest();
    scene.wait_for_mail("ClickHouse");
    wait_for("partitions that pause", LIMIT, || {
        let metrics = scene.service.get(0, "/metrics")?;
        let pauses = metrics
            .lines()
            .find(|line| line.starts_with("gatewatch_pauses_total "))?;
        (!pauses.ends_with(" 0")).then_some(())
    });
    let readiness = scene.service.get(0, "/readyz").unwrap_or_default();
    assert!(readiness.contains("clickhouse"), "{readiness}");
    scene.clickhouse.start_again();
    wait_for("the outage in the table, with its end", LIMIT, || {
        let over = "SELECT count() FROM {db}.alerts FINAL WHERE family = 'gatewatch' AND entity = 'ClickHouse' AND revision = 2";
        (scene.service.number(&scene.clickhouse, over) == 1).then_some(())
    });
    scene.assert_whole();
}

#[test]
fn broker_restarts() {
    let mut scene = Scene::set();
    scene.kafka.process().stop();
    scene.kafka.start_again();
    scene.produce_the_rest();
    scene.assert_whole();
}

#[test]
fn smtp_refuses() {
    let scene = Scene::set();
    scene.mailpit.refuse("Recipient", 451, 100);
    scene.produce_the_rest();
    scene
        .service
        .wait_until_stored(&scene.clickhouse, EVENTS, LIMIT);
    wait_for("the alert in the table", LIMIT, || {
        (!scene.service.alerts(&scene.clickhouse).is_empty()).then_some(())
    });
    assert_eq!(scene.mailpit.count(), 0);
    wait_for("readyz that names the mail server", LIMIT, || {
        let readiness = scene.service.get(0, "/readyz")?;
        (readiness.contains("mail") && readiness.contains("451")).then_some(())
    });
    wait_for("the outage in the table", LIMIT, || {
        let told = "SELECT count() FROM {db}.alerts FINAL WHERE family = 'gatewatch' AND entity = 'mail server'";
        (scene.service.number(&scene.clickhouse, told) > 0).then_some(())
    });
    scene.mailpit.refuse("Recipient", 451, 0);
    scene.wait_for_mail("mail server");
    scene.assert_whole();
}
