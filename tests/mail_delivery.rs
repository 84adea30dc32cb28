//! The notifier over a real broker and a real mail server: two instances, one ended in the middle, no alert unsaid.

mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatewatch::alert::{Alert, ocsf};
use gatewatch::config::{Mail, Smtp};
use gatewatch::event::Timestamp;
use gatewatch::notify::{self, NotifyError, Outcomes, Topics};
use gatewatch::sigma::{Level, RuleMeta};
use gatewatch::track::{Entity, EntityKind, Reason};
use parts::{Kafka, Mailpit, Mode, Record};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

const ALERTS: u64 = 200;
const LIMIT: Duration = Duration::from_mins(1);

fn alert(id: u64) -> Alert {
    let since = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is after 1970");
    let now = Timestamp::from_seconds(i64::try_from(since.as_secs()).expect("it is before 2262"));
    let rule = Uuid::from_u128(0xa1);
    Alert {
        id: Uuid::from_u128(u128::from(id)),
        revision: 1,
        rule: RuleMeta {
            id: rule,
            title: "Injection".to_owned(),
            title_ru: None,
            description: String::new(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "web".to_owned(),
            level: Level::High,
            tags: vec![],
            false_positives: vec![],
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        rules: vec![rule],
        entity: Entity {
            kind: EntityKind::Client,
            value: "mobile-app".into(),
        },
        first: now,
        last: now,
        count: 1,
        findings: 1,
        reason: Reason::Pattern { hits: vec![] },
        evidence: vec![],
        notes: vec![],
        shadow: false,
    }
}

struct Instance {
    stop: watch::Sender<bool>,
    outcomes: Arc<Outcomes>,
    task: JoinHandle<Result<(), NotifyError>>,
}

fn start(kafka: &Kafka, mail: &Mail) -> Instance {
    let (stop, stopping) = watch::channel(false);
    let (_, daily) = watch::channel(gatewatch::notify::mail::Bulletin::default());
    let outcomes = Arc::new(Outcomes::default());
    let client = kafka.client();
    let topics = Topics {
        session_timeout_ms: 6_000,
        ..Topics::default()
    };
    let (mail, counted) = (mail.clone(), Arc::clone(&outcomes));
    let task = tokio::spawn(async move {
        notify::run(
            client,
            topics,
            &mail,
            daily,
            notify::Extras::default(),
            stopping,
            counted,
        )
        .await
    });
    Instance {
        stop,
        outcomes,
        task,
    }
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LIMIT, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_takes_over_and_every_alert_is_mailed() {
    let (kafka, server) = (Kafka::start(Mode::Plain), Mailpit::start());
    let topics = Topics::default();
    kafka.create_topic(&topics.alerts, 1, &[]);
    kafka.create_topic(&topics.mailed, 1, &[("cleanup.policy", "compact")]);
    let mail = Mail {
        enabled: true,
        from: "gatewatch@example.org".to_owned(),
        daily_at: String::new(),
        hourly_limit: 10_000,
        recipients: serde_json::from_str(r#"[{"address": "soc@example.org"}]"#).expect("JSON"),
        smtp: Smtp {
            port: server.smtp_port(),
            user: Mailpit::USER.to_owned(),
            password: gatewatch::config::Secret::new(Mailpit::PASSWORD),
            ca_file: server.ca(),
            ..Smtp::default()
        },
        ..Mail::default()
    };
    let first = start(&kafka, &mail);
    let records: Vec<Vec<u8>> = (0..ALERTS)
        .map(|id| ocsf::encode(&alert(id)).expect("it is exact"))
        .collect();
    kafka.produce(
        &topics.alerts,
        records.iter().map(|record| Record {
            partition: Some(0),
            key: b"",
            value: record,
            timestamp: None,
        }),
    );
    until("the first mails", || server.count() > 20).await;
    let second = start(&kafka, &mail);
    // Dropped wherever it is, as by a crash: nothing is landed or committed any more.
    first.task.abort();
    until("the rest", || distinct(&server).len() as u64 == ALERTS).await;
    until("the second to have taken its part", || {
        second.outcomes.sent.get() > 0
    })
    .await;
    second.stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(10), second.task).await;
    ended
        .expect("it stops in time")
        .expect("it does not panic")
        .expect("it ends well");

    let twice: Vec<_> = distinct(&server)
        .into_iter()
        .filter(|(_, times)| *times > 1)
        .collect();
    assert!(
        twice.len() <= 1 && twice.iter().all(|(_, times)| *times == 2),
        "{twice:?}"
    );

    let third = start(&kafka, &mail);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(
        (third.outcomes.alerts.get(), third.outcomes.sent.get()),
        (0, 0),
        "all is committed"
    );
    third.stop.send_replace(true);
    drop(first.stop);
    assert_eq!(first.outcomes.refused.get(), 0);
}

/// Message-IDs and how often each arrived.
fn distinct(server: &Mailpit) -> BTreeMap<String, u32> {
    let mut seen = BTreeMap::new();
    for mail in server.mails() {
        let id = mail["MessageID"]
            .as_str()
            .expect("every mail has one")
            .to_owned();
        *seen.entry(id).or_default() += 1;
    }
    seen
}
