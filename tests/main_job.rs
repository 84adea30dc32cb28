//! The main job on real parts: Kafka, decode, rules, ClickHouse, alert, mail.

#[path = "dashboards/mod.rs"]
mod dashboards;
mod parts;
mod prometheus;
mod service;

use std::time::Duration;

use dashboards::Source;
use gatewatch::telemetry::metric;
use parts::{ClickHouse, Kafka, Mailpit, Mode, Record, wait_for};
use prometheus::Scrape;
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

/// What a short run without trouble has nothing of.
const RARE: &[&str] = &[
    metric::CALIBRATION,
    metric::DECISIONS,
    metric::OFFSETS_LOST,
    metric::PAUSES,
    metric::RETRIES,
    metric::SNAPSHOT_SECONDS,
    metric::WITHHELD,
    r#"outcome="repair""#,
];

/// Prometheus answers every panel about metrics out of two scrapes, each of which stands for two minutes.
fn assert_metrics_show(before: String, after: String) {
    let (interval, half, end) = (15, 120, 240);
    let steps = |from: i64, to: i64| (from..to).step_by(15);
    let scrapes = [
        Scrape::new("gatewatch:9464", before, steps(0, half)),
        Scrape::new("gatewatch:9464", after, steps(half, end + interval)),
    ];
    let panels: Vec<dashboards::Query> = dashboards::dashboards()
        .iter()
        .flat_map(dashboards::Dashboard::queries)
        .filter(|panel| panel.source == Source::Prometheus)
        .collect();
    let queries: Vec<prometheus::Query> = panels
        .iter()
        .map(|panel| prometheus::Query {
            expr: panel.text.replace("$__rate_interval", "1m"),
            start: half / 2,
            end,
            step: interval,
        })
        .collect();
    let answers = prometheus::ask(&scrapes, &queries);
    for (panel, answer) in panels.iter().zip(answers) {
        let place = &panel.place;
        let series = answer.unwrap_or_else(|error| panic!("{place}: {error}: {}", panel.text));
        let is_rare = RARE.iter().any(|rare| panel.text.contains(rare));
        assert!(is_rare || !series.is_empty(), "{place} is empty");
        if panel.text == "sum(rate(gatewatch_records_read_total[$__rate_interval]))" {
            let read = |(_, value): &(f64, String)| value.parse::<f64>().unwrap() > 0.0;
            assert!(series[0].values.iter().any(read), "{place}: {series:?}");
        }
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

/// Into two partitions by turns.
fn produce(kafka: &Kafka, records: &[Vec<u8>]) {
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
}

#[test]
fn requests_are_stored_and_an_attack_is_mailed() {
    let kafka = Kafka::start(Mode::Plain);
    let clickhouse = ClickHouse::start();
    let mailpit = Mailpit::start();
    kafka.create_topic("requests", 3, &[]);
    let records = records();
    produce(&kafka, &records);
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
    for (partition, read) in [(0, 154), (1, 153), (2, 0)] {
        let line = format!("gatewatch_records_read_total{{partition=\"{partition}\"}} {read}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    produce(&kafka, &records[..20]);
    let later = wait_for("metrics of more events", Duration::from_mins(1), || {
        let later = service.get(0, "/metrics")?;
        later
            .contains("gatewatch_events_stored_total 325")
            .then_some(later)
    });
    assert_metrics_show(metrics, later);
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
