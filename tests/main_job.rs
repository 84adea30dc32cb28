//! The main job on real parts: Kafka, decode, rules, ClickHouse, alert, mail.

#[path = "dashboards/mod.rs"]
mod dashboards;
mod parts;
mod service;

use std::time::Duration;

use parts::{ClickHouse, Kafka, Mailpit, Mode, Record, wait_for};
use service::Service;

/// The time so many seconds ago: panels show the last day.
fn ago(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    now.saturating_sub(jiff::SignedDuration::from_secs(seconds))
        .expect("a near time")
        .to_string()
}

/// Every panel's query runs on what was stored, and the ones about traffic show it.
fn assert_panels_show(service: &Service, clickhouse: &ClickHouse) {
    let mut shown = Vec::new();
    for dashboard in dashboards::dashboards() {
        let all = dashboard.run(|sql| clickhouse.ask_in(&service.database(), sql));
        let with_rows = all.into_iter().filter(|panel| !panel.answer.is_empty());
        shown.extend(with_rows.map(|panel| panel.place));
    }
    println!("panels with rows: {shown:?}");
    for name in [
        "overview: Requests by status class",
        "storage: Dead letters",
    ] {
        assert!(shown.iter().any(|place| place == name), "{name} is empty");
    }
}

/// The hash chain holds what was stored, and a change of it shows.
fn assert_sealed(service: &Service, clickhouse: &ClickHouse) {
    wait_for("the hash chain", Duration::from_mins(1), || {
        let links = service.number(clickhouse, "SELECT count() FROM {db}.chain");
        (links > 2).then_some(())
    });
    let (code, text) = service.command(&["verify"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    let change = "ALTER TABLE events UPDATE status = 404 WHERE request_id LIKE 'r-%' SETTINGS mutations_sync = 2";
    clickhouse.ask_in(&service.database(), change).unwrap();
    let (code, text) = service.command(&["verify"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("rows were changed"), "{text}");
}

/// Ordinary requests of one client, a burst of injections from one address, and records that are none.
fn records() -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = (0..300)
        .map(|i| {
            format!(
                r#"{{"time":"{}","gateway":"gw-1","sequence":{i},"request_id":"r-{i}","method":"GET","scheme":"https","host":"api.propdevelopment.test","path":"/residents/{}","status":200,"client_id":"concierge","client_address":"10.0.0.7","tls_version":"TLSv1.3","user_agent":"concierge/1.4"}}"#,
                ago(1_000 - i),
                i % 7,
            )
            .into_bytes()
        })
        .collect();
    for i in 0..5 {
        records.push(
            format!(
                r#"{{"time":"{}","gateway":"gw-1","request_id":"attack-{i}","method":"GET","scheme":"https","host":"api.propdevelopment.test","path":"/plates","query":"q=1%27%20UNION%20SELECT%20login,password%20FROM%20users--%20-","status":200,"client_address":"203.0.113.66","user_agent":"Mozilla/5.0"}}"#,
                ago(700 - i),
            )
            .into_bytes(),
        );
    }
    records.push(b"not json at all".to_vec());
    records.push(vec![0xff, 0xfe, b'{']);
    records
}

#[test]
fn requests_are_stored_and_an_attack_is_mailed() {
    let kafka = Kafka::start(Mode::Plain);
    let clickhouse = ClickHouse::start();
    let mailpit = Mailpit::start();
    kafka.create_topic("requests", 2, &[]);
    let records = records();
    let payloads = records.iter().enumerate();
    kafka.produce(
        "requests",
        payloads.map(|(i, payload)| Record {
            partition: Some(i32::try_from(i % 2).unwrap()),
            key: b"",
            value: payload,
            timestamp: None,
        }),
    );
    let service = Service::new(
        "requests",
        &kafka,
        &clickhouse,
        "[decode]\nmax_age_days = 3650\n[track]\nidle_s = 2\n",
    )
    .with_mail(&mailpit);
    let this_hour = jiff::Timestamp::now().strftime("%H:00").to_string();
    let mut gatewatch = service.start(0, &[("GATEWATCH_MAIL__DAILY_AT", &this_hour)]);

    service.wait_until_stored(&clickhouse, records.len() as u64, Duration::from_mins(1));
    service.assert_exactly_once(&clickhouse, records.len() as u64);
    assert_eq!(
        service.number(&clickhouse, "SELECT count() FROM {db}.dead_letters"),
        2
    );
    wait_for("the alert in its table", Duration::from_mins(1), || {
        let injections = service
            .alerts(&clickhouse)
            .into_iter()
            .filter(|alert| alert.contains("203.0.113.66"));
        (injections.count() > 0).then_some(())
    });
    let mail = wait_for("the mail", Duration::from_mins(1), || {
        mailpit
            .mails()
            .into_iter()
            .find(|mail| mail.to_string().contains("203.0.113.66"))
    });
    println!("mail: {}", mail["Subject"]);
    wait_for("the daily mail", Duration::from_mins(1), || {
        let mails = mailpit.mails();
        mails
            .iter()
            .any(|mail| mail["Subject"].to_string().contains("За сутки"))
            .then_some(())
    });
    assert_panels_show(&service, &clickhouse);
    let metrics = service.get(0, "/metrics").unwrap();
    assert!(
        metrics.contains("gatewatch_events_stored_total 305"),
        "{metrics}"
    );
    assert!(
        metrics.contains("gatewatch_rule_samples_total{rule="),
        "{metrics}"
    );
    assert!(
        service
            .get(0, "/readyz")
            .unwrap()
            .contains("\"ready\":true")
    );

    assert_sealed(&service, &clickhouse);
    let status = gatewatch.stop();
    assert!(
        status.is_some_and(|status| status.success()),
        "{}",
        gatewatch.said()
    );
}
