//! Mails about statistics carry a picture: counted by a real server, sent to a real mail server.

mod parts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gatewatch::alert::Alert;
use gatewatch::config::{self, Mail, Smtp};
use gatewatch::event::{Event, Timestamp};
use gatewatch::notify::{self, Ledger, Outcomes};
use gatewatch::pipeline::background;
use gatewatch::sigma::{Level, RuleMeta};
use gatewatch::store::{EventBlock, Store, Verdict};
use gatewatch::track::{Entity, EntityKind, Feature, Note, Reason};
use parts::{ClickHouse, Mailpit, Request};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

const HOUR: i64 = 3_600_000_000;

fn settings(server: &Mailpit) -> Mail {
    Mail {
        enabled: true,
        from: "gatewatch@example.org".to_owned(),
        daily_at: String::new(),
        recipients: serde_json::from_str(
            r#"[{"address": "soc@example.org", "locale": "ru"}, {"address": "ops@example.org", "locale": "en"}]"#,
        )
        .expect("it is JSON"),
        smtp: Smtp {
            host: "localhost".to_owned(),
            port: server.smtp_port(),
            user: Mailpit::USER.to_owned(),
            password: config::Secret::new(Mailpit::PASSWORD),
            ca_file: server.ca(),
            ..Smtp::default()
        },
        ..Mail::default()
    }
}

/// The end of the last full hour.
fn end() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is after 1970");
    let now = Timestamp::from_seconds(i64::try_from(since.as_secs()).expect("it is before 2262"));
    now.floor_to(HOUR)
}

/// Two days of a client that reads a few records an hour, and in the last hour very many.
async fn store(clickhouse: &ClickHouse) -> Store {
    let config = config::Store {
        url: clickhouse.url(),
        password: config::Secret::new(ClickHouse::PASSWORD),
        ..config::Store::default()
    };
    let store = Store::connect(&config).await.expect("it answers");
    store.migrate().await.expect("tables are made");
    let mut block = EventBlock::new("requests", 0, "k1");
    let mut offset = 0;
    for hour in 0..48_i64 {
        let calls = if hour == 47 { 310 } else { hour * 5 % 9 };
        for call in 0..calls {
            let time = end().plus_micros((hour - 48) * HOUR + call * 10_000_000);
            let event = Event {
                time,
                client_id: Some("mobile-app".into()),
                resource_id: Some(format!("res-{call}").into()),
                status: Some(200),
                ..Event::default()
            };
            block.push(&event, &Verdict::default(), offset, Some(time));
            offset += 1;
        }
    }
    let stored = store.insert("two days", &block.finish()).await;
    stored.expect("they are stored");
    store
}

fn alert(id: u128) -> Alert {
    let feature =
        |metric: &str, value: &str, [observed, expected, probability]: [f64; 3]| Feature {
            metric: metric.to_owned(),
            value: value.to_owned(),
            observed,
            expected,
            probability,
        };
    Alert {
        id: Uuid::from_u128(id),
        revision: 1,
        rule: RuleMeta {
            id: Uuid::from_u128(1),
            title: "Behaviour unlike itself and unlike its like".to_owned(),
            title_ru: Some(
                "Поведение не похоже ни на прежнее, ни на поведение подобных".to_owned(),
            ),
            description: "What a client did in an hour is unlike its own past.".to_owned(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "behaviour".to_owned(),
            level: Level::Medium,
            tags: vec!["requirement.sec-06".to_owned()],
            false_positives: vec![],
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        rules: vec![Uuid::from_u128(1)],
        shadow: false,
        entity: Entity {
            kind: EntityKind::Client,
            value: "mobile-app".into(),
        },
        first: end().plus_micros(-HOUR),
        last: end().plus_micros(-1),
        count: 310,
        findings: 1,
        reason: Reason::Baseline {
            metric: "different records an hour".to_owned(),
            observed: 305.2,
            expected: 4.2,
            probability: 2e-6,
            features: vec![
                feature("different records an hour", "", [305.2, 4.2, 0.001]),
                feature("calls an hour", "", [310.0, 4.1, 0.001]),
                feature(
                    "hours with a new network",
                    "198.51.100.0/24",
                    [1.0, 0.0031, 0.0007],
                ),
            ],
        },
        evidence: vec![],
        notes: vec![Note::Extrapolated { hours: 21_874 }],
    }
}

/// Mails about this alert, with what became of them; all are out when it returns.
async fn mail(alert: Alert, server: &Mailpit, store: &Store) -> Arc<Outcomes> {
    let (alerts, inbox) = mpsc::channel(1);
    let (_bulletin, bulletin) = watch::channel(notify::mail::Bulletin::default());
    let (_open, stop) = watch::channel(false);
    let outcomes = Arc::new(Outcomes::default());
    let courses = background::answer(Arc::new(store.clone()));
    let (settings, counted) = (settings(server), Arc::clone(&outcomes));
    let running = tokio::spawn(async move {
        let extras = notify::Extras {
            backgrounds: Some(courses),
            ..notify::Extras::default()
        };
        notify::run_direct(
            inbox,
            Ledger::Memory,
            &settings,
            bulletin,
            extras,
            stop,
            counted,
        )
        .await
    });
    alerts.send(alert).await.expect("the notifier runs");
    drop(alerts);
    let ended = running.await.expect("it does not panic");
    ended.expect("it ends well");
    outcomes
}

/// The picture of a mail as it travelled, in base64.
fn travelled(server: &Mailpit, id: &str) -> String {
    let path = format!("/api/v1/message/{id}/raw");
    let raw = Request::get(server.http_port(), &path)
        .send()
        .expect("it answers");
    let (_, rest) = raw
        .body
        .split_once("Content-Type: image/png")
        .expect("there is one");
    let (_, rest) = rest.split_once("\r\n\r\n").expect("it has a body");
    let (body, _) = rest.split_once("--related-").expect("it ends");
    body.split_whitespace().collect()
}

/// Its width, height and pixels.
fn pixels(base64: &str) -> (u32, u32, Vec<u8>) {
    let file = BASE64_STANDARD.decode(base64).expect("it is base64");
    assert!(file.len() < 30 * 1_024, "{} bytes", file.len());
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("it is a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
    let info = reader.next_frame(&mut pixels).expect("it is whole");
    (info.width, info.height, pixels)
}

/// With `GATEWATCH_KEEP_MAILS` naming a folder, mails are kept there as pages for people to look at.
fn keep(name: &str, html: &str, content_id: &str, base64: &str) {
    if let Some(folder) = std::env::var_os("GATEWATCH_KEEP_MAILS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.html"));
        let shown = format!("data:image/png;base64,{base64}");
        let page = html.replace(&format!("cid:{content_id}"), &shown);
        std::fs::write(path, page).expect("it can be kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_about_an_odd_hour_shows_the_two_days_before_it() {
    let (mut clickhouse, server) = (ClickHouse::start(), Mailpit::start());
    let store = store(&clickhouse).await;
    let outcomes = mail(alert(1), &server, &store).await;
    assert_eq!((outcomes.sent.get(), outcomes.no_background.get()), (2, 0));
    for (address, said, metric) in [
        (
            "soc@example.org",
            "Разные записи: столбцов 48",
            "часов с новым значением «сеть»",
        ),
        (
            "ops@example.org",
            "Different records: 48 bars",
            "hours with a new network",
        ),
    ] {
        let mails = server.mails();
        let to = |mail: &&serde_json::Value| mail["To"][0]["Address"] == address;
        let id = mails.iter().find(to).expect("it came")["ID"]
            .as_str()
            .expect("it has an id");
        let mail = server.mail(id);
        let inline = &mail["Inline"][0];
        assert_eq!(inline["ContentType"], "image/png", "{mail}");
        let content_id = inline["ContentID"].as_str().expect("it has one");
        let html = mail["HTML"].as_str().expect("HTML");
        assert!(
            html.contains(&format!("<img src=\"cid:{content_id}\"")),
            "{html}"
        );
        assert!(html.contains(&format!("alt=\"{said}")), "{html}");
        let text = mail["Text"].as_str().expect("text");
        assert!(text.contains(said) && text.contains("▂█"), "{text}");
        assert!(
            text.contains(metric) && text.contains("198.51.100.0/24"),
            "{text}"
        );
        let base64 = travelled(&server, id);
        keep(address, html, content_id, &base64);
        let (width, height, pixels) = pixels(&base64);
        assert_eq!((width, height), (1_104, 320));
        // The last bar is the alert's: of another colour than those before.
        let at = |x: usize, y: usize| &pixels[3 * (y * 1_104 + x)..][..3];
        assert_ne!(at(1_068, 100), at(1_046, 100));
    }

    // Without an answer a mail is not held up.
    clickhouse.process().kill9();
    let began = Instant::now();
    let outcomes = mail(alert(2), &server, &store).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!((outcomes.sent.get(), outcomes.no_background.get()), (2, 1));
    let newest = server.mails()[0]["ID"]
        .as_str()
        .expect("it has an id")
        .to_owned();
    let mail = server.mail(&newest);
    let html = mail["HTML"].as_str().expect("HTML");
    assert!(mail["Inline"].as_array().is_none_or(Vec::is_empty));
    assert!(!html.contains("<img"), "{html}");
    assert!(
        html.contains("198.51.100.0/24"),
        "its features are there all the same: {html}"
    );
}
