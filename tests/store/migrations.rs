//! Tables: made once, by one or two at once, always as this build expects them.

use std::collections::BTreeMap;

use gatewatch::config::{self, Retention};
use gatewatch::event::{Field, Kind, Timestamp};
use gatewatch::store::{Store, column_of};

use super::server::{Server, block, recent};

#[tokio::test]
async fn migrations_run_twice_and_by_several_at_once() {
    let server = Server::start();
    let store = Store::connect(&server.config()).await.unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(error.to_string().contains("gatewatch migrate"), "{error}");
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let config = server.config();
            tokio::spawn(async move { Store::connect(&config).await?.migrate().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    store.check_schema().await.unwrap();
    assert!(store.migrate().await.unwrap().is_empty());
    // All four raced for the same views: each block must still be counted once.
    store
        .insert("t", &block(0, 100, recent()).finish())
        .await
        .unwrap();
    let counted = server
        .ask("SELECT (SELECT sum(requests) FROM traffic_by_minute), (SELECT sum(requests) FROM traffic_by_hour)")
        .await
        .unwrap();
    assert_eq!(counted, "100\t100");
}

#[tokio::test]
async fn a_changed_or_newer_migration_is_refused() {
    let server = Server::start();
    let store = server.store().await;
    server
        .ask("INSERT INTO schema_migrations (version, name, checksum) VALUES (99, '0099_future', 'x')")
        .await
        .unwrap();
    let error = store.check_schema().await.unwrap_err().to_string();
    assert!(error.contains("newer than this build"), "{error}");
    server
        .ask("INSERT INTO schema_migrations (version, name, checksum) VALUES (1, '0001_events', 'z')")
        .await
        .unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        error
            .to_string()
            .contains("0001_events was applied with other content"),
        "{error}"
    );
}

#[tokio::test]
async fn columns_and_comments_agree_with_the_inventory() {
    let server = Server::start();
    server.store().await;
    let text = server
        .ask("SELECT name, type, comment FROM system.columns WHERE database = 'gatewatch' AND table = 'events' ORDER BY position")
        .await
        .unwrap();
    let mut columns: BTreeMap<&str, (&str, &str)> = text
        .lines()
        .map(|line| {
            let mut cells = line.split('\t');
            let name = cells.next().unwrap();
            (name, (cells.next().unwrap(), cells.next().unwrap_or("")))
        })
        .collect();
    for field in Field::ALL {
        let Some(name) = column_of(*field) else {
            continue;
        };
        let (kind, comment) = columns
            .remove(name)
            .unwrap_or_else(|| panic!("no column {name}"));
        let fits = match field.kind() {
            Kind::Text => matches!(kind, "String" | "LowCardinality(String)"),
            Kind::Number => kind.starts_with("UInt"),
            Kind::Address => kind == "IPv6",
            Kind::Time => kind == "DateTime64(6, \\'UTC\\')",
            Kind::List => kind == "Array(LowCardinality(String))",
        };
        assert!(fits, "{name} is {kind}");
        assert_eq!(comment.replace("\\'", "'"), field.doc().trim());
    }
    let rest: Vec<&str> = columns.keys().copied().collect();
    let of_the_record = ["key_id", "offset", "partition", "rules", "stamped"];
    let expected = [&of_the_record[..], &["topic", "withheld_by"]].concat();
    assert_eq!(rest, expected);
    let bare = server
        .ask("SELECT table || '.' || name FROM system.columns WHERE database = 'gatewatch' AND comment = '' AND table IN (SELECT name FROM system.tables WHERE database = 'gatewatch' AND engine LIKE '%MergeTree')")
        .await
        .unwrap();
    assert_eq!(bare, "", "columns without a comment");
}

#[tokio::test]
async fn retention_and_durability_follow_the_configuration() {
    let server = Server::start();
    let store = server.store().await;
    let day = 86_400_000_000;
    store
        .insert("new", &block(0, 10, recent()).finish())
        .await
        .unwrap();
    let old = Timestamp::from_micros(recent().micros() - 20 * day);
    store
        .insert("old", &block(10, 10, old).finish())
        .await
        .unwrap();
    let engine =
        "SELECT engine_full FROM system.tables WHERE database = 'gatewatch' AND name = 'events'";
    assert!(
        server
            .ask(engine)
            .await
            .unwrap()
            .contains("fsync_after_insert = 1")
    );
    let config = config::Store {
        durable: false,
        retention: Retention {
            events_days: 7,
            ..Retention::default()
        },
        ..server.config()
    };
    Store::connect(&config)
        .await
        .unwrap()
        .migrate()
        .await
        .unwrap();
    let text = server.ask(engine).await.unwrap();
    assert!(
        text.contains("toIntervalDay(7)") && text.contains("fsync_after_insert = 0"),
        "{text}"
    );
    server.ask("OPTIMIZE TABLE events FINAL").await.unwrap();
    let offsets = server
        .ask("SELECT min(offset), max(offset) FROM events")
        .await
        .unwrap();
    assert_eq!(offsets, "0\t9", "the old rows are gone");
}
