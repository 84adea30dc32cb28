//! What analysts may do, what they see, and what the detector saves.

use std::collections::BTreeMap;
use std::time::Duration;

use gatewatch::alert::Alert;
use gatewatch::config;
use gatewatch::sigma::{Level, RuleMeta};
use gatewatch::store::{
    DayGap, DeadLetter, DeadLetterBlock, EventBlock, Sealer, Snapshot, Store, alert_rows,
};
use gatewatch::track::{Entity, EntityKind, Reason};
use uuid::Uuid;

use super::server::{Server, block, event, recent};

#[tokio::test]
async fn an_analyst_reads_and_does_nothing_else() {
    let server = Server::start();
    let store = server.store().await;
    store
        .insert("t", &block(0, 10, recent()).finish())
        .await
        .unwrap();
    let may = async |sql: &str| server.ask_as("analyst", "analyst-password", sql).await;
    for (sql, answer) in [
        ("SELECT count() FROM events", "10"),
        ("SELECT count() FROM events_recent", "10"),
        (
            "SELECT any(client) LIKE '192.0.2.%' FROM events_recent",
            "1",
        ),
        (
            "SELECT sum(requests), sum(errors) FROM traffic_by_minute",
            "10\t1",
        ),
        // 1,500 µs, kept with an error below 0.4 %.
        (
            "SELECT round(any(duration_us)[1]) FROM traffic_by_hour",
            "1496",
        ),
        ("SELECT count() FROM alerts_latest", "0"),
        ("SELECT count() FROM alert_narrowings", "0"),
    ] {
        assert_eq!(may(sql).await.as_deref(), Ok(answer), "{sql}");
    }
    for sql in [
        "INSERT INTO alert_actions (actor) VALUES ('me')",
        "CREATE TABLE gatewatch.mine (a String) ENGINE = Memory",
        "ALTER TABLE events DELETE WHERE 1",
        "DROP TABLE events",
        "TRUNCATE TABLE events",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'gatewatch', 'events')",
        "SELECT 1 INTO OUTFILE '/tmp/gatewatch-outfile'",
        "SELECT data FROM snapshots",
        "SELECT 1 SETTINGS max_memory_usage = 20000000000",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_bytes_before_external_sort = 1",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
    ] {
        assert!(may(sql).await.is_err(), "{sql}");
    }
    let nobody = server
        .ask_as("default", "", "SELECT count() FROM events")
        .await;
    assert!(nobody.is_err(), "the server's own user sees nothing");
}

#[tokio::test]
async fn the_roles_of_the_documentation_are_valid_statements() {
    let server = Server::start();
    server.store().await;
    let page = include_str!("../../docs/clickhouse.md");
    let (_, rest) = page.split_once("```sql\n").unwrap();
    let (sql, _) = rest.split_once("```").unwrap();
    let statements = sql
        .split(";\n")
        .map(str::trim)
        .filter(|sql| !sql.is_empty());
    for statement in statements {
        // Parsed only: the embedded server takes its users from a file.
        server
            .ask(&format!("EXPLAIN AST {statement}"))
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_clear_error_and_is_not_tried_again() {
    let server = Server::start();
    let config = config::Store {
        password_file: Some(server.secret("wrong", "wrong-secret")),
        ..server.config()
    };
    let error = Store::connect(&config).await.unwrap_err();
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(
        text.contains("store.user") && !text.contains("wrong-secret"),
        "{text}"
    );
}

pub(super) fn alert(revision: u64, count: u64) -> Alert {
    Alert {
        id: Uuid::from_u128(7),
        revision,
        rule: RuleMeta {
            id: Uuid::from_u128(1),
            title: "Old TLS".to_owned(),
            title_ru: Some("Старый TLS".to_owned()),
            description: String::new(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "transport".to_owned(),
            level: Level::High,
            tags: vec!["requirement.sec-01".to_owned()],
            false_positives: Vec::new(),
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        rules: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
        entity: Entity {
            kind: EntityKind::Client,
            value: "client-1".into(),
        },
        first: recent(),
        last: recent(),
        count,
        findings: revision,
        reason: Reason::Pattern { hits: Vec::new() },
        evidence: Vec::new(),
        notes: Vec::new(),
        shadow: false,
    }
}

#[tokio::test]
async fn the_newest_revision_of_an_alert_counts_whatever_came_last() {
    let server = Server::start();
    let store = server.store().await;
    for revision in [1, 3, 2, 3] {
        let rows = alert_rows(&[alert(revision, revision * 10)]).unwrap();
        store
            .insert(&format!("alerts/0/{revision}"), &rows)
            .await
            .unwrap();
    }
    let sql = "SELECT id, revision, count, level, entity_kind, reason, tags, length(rules), state FROM alerts_latest";
    let start = "00000000-0000-0000-0000-000000000007\t3\t30\thigh\tclient\tpattern\t['requirement.sec-01']\t2";
    assert_eq!(server.ask(sql).await.unwrap(), format!("{start}\tnew"));
    server
        .ask("INSERT INTO alert_actions (alert_id, time, actor, action) VALUES (toUUID('00000000-0000-0000-0000-000000000007'), now64(6), 'ana', 'acknowledge')")
        .await
        .unwrap();
    assert_eq!(
        server.ask(sql).await.unwrap(),
        format!("{start}\tacknowledged")
    );
    let json = server
        .ask("SELECT json FROM alerts_latest FORMAT TSVRaw")
        .await;
    let read: Alert = serde_json::from_str(&json.unwrap()).unwrap();
    assert_eq!(read, alert(3, 30));
}

#[tokio::test]
async fn the_last_three_snapshots_of_a_shard_are_kept() {
    let server = Server::start();
    let store = server.store().await;
    let snapshot = |shard: u16, sequence: u64| Snapshot {
        shard,
        sequence,
        offsets: BTreeMap::from([(0, sequence as i64 * 100), (1, 5)]),
        versions: BTreeMap::from([("rules".to_owned(), "abc".to_owned())]),
        data: vec![0, 159, 146, 150, sequence as u8],
    };
    for sequence in 1..=5 {
        let both = [snapshot(3, sequence), snapshot(4, sequence)];
        store.save_snapshots("gatewatch", &both).await.unwrap();
        store.save_snapshots("gatewatch", &both).await.unwrap();
    }
    server.ask("OPTIMIZE TABLE snapshots FINAL").await.unwrap();
    assert_eq!(
        server.ask("SELECT count() FROM snapshots").await.unwrap(),
        "6"
    );
    assert_eq!(
        store.load_snapshots("gatewatch", &[3]).await.unwrap(),
        [snapshot(3, 5), snapshot(3, 4), snapshot(3, 3)]
    );
    assert!(
        store
            .load_snapshots("other", &[3])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_gaps_of_a_day_are_silences_and_losses() {
    const HOUR_US: i64 = 3_600_000_000;
    let server = Server::start();
    let store = server.store().await;
    // A minute or so from now: rows of `dead_letters` are dated when they are stored.
    let until = recent().plus_micros(62 * 60_000_000);
    let since = until.plus_micros(-24 * HOUR_US);
    // A quarter of an hour each: the gateway was silent for two hours in the day, and for longer before it.
    let quarters =
        (0..40 * 4_i64).map(|quarter| since.plus_micros(quarter * HOUR_US / 4 - 16 * HOUR_US));
    let mut events = EventBlock::new("requests", 0, "k1");
    let (begin, end) = (
        since.plus_micros(3 * HOUR_US),
        since.plus_micros(5 * HOUR_US),
    );
    for (offset, time) in quarters
        .filter(|time| !(begin..end).contains(time))
        .enumerate()
    {
        events.push(
            &event(1, time),
            &gatewatch::store::Verdict::default(),
            offset as i64,
            None,
        );
    }
    store.insert("events", &events.finish()).await.unwrap();
    let sealer = Sealer::from_config(&server.config()).unwrap();
    let mut lost = DeadLetterBlock::new(&sealer, "requests", 3);
    lost.push(&DeadLetter {
        offset: 7,
        stamped: None,
        reason: "offsets_lost",
        detail: "offsets 7 to 9",
        raw: b"",
        beginning: "",
    })
    .unwrap();
    store.insert("lost", &lost.finish()).await.unwrap();
    let gaps = store
        .day_gaps(since, until, Duration::from_hours(1))
        .await
        .unwrap();
    let [
        DayGap::Silent {
            gateway,
            since: from,
            until: to,
        },
        DayGap::Lost { source, detail, .. },
    ] = &gaps[..]
    else {
        panic!("{gaps:?}");
    };
    assert_eq!(
        (gateway.as_str(), source.as_str(), detail.as_str()),
        ("gw-1", "requests/3", "offsets 7 to 9")
    );
    assert!(
        from.since(begin).abs() < HOUR_US / 2 && to.since(end).abs() < HOUR_US / 2,
        "{gaps:?}"
    );
    let counts = store.day_counts(since, until).await.unwrap();
    assert_eq!(
        counts.dead_letters, 0,
        "lost records are no dead letters of theirs"
    );
}
