//! Searches over stored events: a list that goes on, and what a question of a person may take.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::{Duration, Instant};

use gatewatch::config::{self, Bounds};
use gatewatch::event::Timestamp;
use gatewatch::store::{Search, Spot, Store, StoredEvent};

use super::server::{Server, block, recent};

const SECOND_US: i64 = 1_000_000;
/// Events in different months are never of one part.
const APART_US: i64 = 31 * 86_400 * SECOND_US;

fn all(from: Timestamp, until: Timestamp, limit: u32) -> Search {
    Search {
        criteria: Vec::new(),
        from,
        until,
        behind: None,
        limit,
    }
}

fn bounds(seconds: u32) -> Bounds {
    Bounds {
        seconds: NonZeroU32::new(seconds).unwrap(),
        memory_bytes: NonZeroU64::new(1_000_000_000).unwrap(),
        threads: NonZeroU32::new(1).unwrap(),
        ..Bounds::default()
    }
}

#[tokio::test]
async fn a_list_goes_on_behind_its_last_event_whatever_comes_meanwhile() {
    let server = Server::start();
    let store = server.store().await;
    let start = recent();
    // Eight of each of three times, in two topics and partitions.
    let rows = format!(
        "INSERT INTO events (time, gateway, topic, partition, offset) SELECT fromUnixTimestamp64Micro(toInt64({} + 1000000 * (number % 3)), 'UTC'), \
         'gw', ['a', 'b'][1 + intDiv(number, 3) % 2], intDiv(number, 6) % 2, number FROM numbers(24)",
        start.micros()
    );
    server.ask(&rows).await.unwrap();
    let until = start.plus_micros(10 * SECOND_US);
    let whole = store.search(&all(start, until, 100)).await.unwrap();
    assert_eq!(whole.len(), 24);
    let (mut found, mut behind) = (Vec::<StoredEvent>::new(), None);
    for newer in 100..110 {
        let search = Search {
            behind,
            ..all(start, until, 5)
        };
        let page = store.search(&search).await.unwrap();
        let counted = store.count(&search).await.unwrap();
        assert_eq!(counted, 24 + newer - 100, "the whole search is counted");
        behind = page.last().map(Spot::of);
        found.extend(page);
        if behind.is_none() {
            break;
        }
        let row = format!(
            "INSERT INTO events (time, gateway, topic, partition, offset) SELECT fromUnixTimestamp64Micro(toInt64({}), 'UTC'), 'gw', 'a', 0, {newer}",
            start.plus_micros(5 * SECOND_US).micros()
        );
        server.ask(&row).await.unwrap();
    }
    assert_eq!(found, whole);
    let nowhere = Search {
        behind: Spot::named("9223372036854775807.0.0.a"),
        ..all(start, start.plus_micros(3 * SECOND_US), 100)
    };
    assert_eq!(store.search(&nowhere).await.unwrap(), whole);
}

#[tokio::test]
async fn a_question_says_what_it_may_take_and_an_insert_goes_before_it() {
    let server = Server::start();
    let store = server.store().await.bounded(&bounds(7));
    let start = recent();
    store
        .insert("t", &block(0, 10, start).finish())
        .await
        .unwrap();
    let search = all(start, start.plus_micros(SECOND_US), 100);
    assert_eq!(store.count(&search).await.unwrap(), 10);
    server.ask("SYSTEM FLUSH LOGS").await.unwrap();
    let settings = async |query: &str| {
        let sql = format!(
            "SELECT arrayStringConcat(arrayMap(name -> Settings[name], ['readonly', 'max_execution_time', 'max_memory_usage', 'max_threads', 'priority', \
             'cancel_http_readonly_queries_on_client_close']), ' ') FROM system.query_log WHERE type = 'QueryFinish' AND startsWith(query, '{query}') LIMIT 1"
        );
        server.ask(&sql).await.unwrap()
    };
    let question = settings("SELECT count() FROM events AS event").await;
    assert_eq!(question, "2 7 1000000000 1 10 1");
    // What has no value is not set.
    let insert = settings("INSERT INTO events").await;
    assert_eq!(insert.split_whitespace().collect::<Vec<_>>(), ["1"]);
}

/// A store whose events take their time: nine of them, three a part, most of a second each.
async fn slow(server: &Server, now: Timestamp) -> Store {
    server.store().await;
    let rows = format!(
        "INSERT INTO events (time, gateway, topic, partition, offset) SELECT fromUnixTimestamp64Micro(toInt64({} - {APART_US} * intDiv(number, 3)), 'UTC'), \
         'gw', 'a', 0, number FROM numbers(9)",
        now.micros()
    );
    server.ask(&rows).await.unwrap();
    for sql in [
        "CREATE DATABASE gatewatch_slow",
        "CREATE VIEW gatewatch_slow.events AS SELECT * FROM gatewatch.events WHERE sleepEachRow(0.9) = 0",
    ] {
        server.ask(sql).await.unwrap();
    }
    let config = config::Store {
        database: "gatewatch_slow".to_owned(),
        ..server.config()
    };
    Store::connect(&config).await.unwrap()
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_ended_by_the_server() {
    let server = Server::start();
    let now = recent();
    let store = slow(&server, now).await.bounded(&bounds(1));
    let search = all(now.plus_micros(-1), now.plus_micros(SECOND_US), 100);
    let error = store.search(&search).await.unwrap_err();
    assert!(error.is_too_much(), "{error}");
    assert!(error.to_string().contains("TIMEOUT_EXCEEDED"), "{error}");
}

#[tokio::test]
async fn a_question_ends_when_nobody_waits_for_it() {
    let server = Server::start();
    let now = recent();
    let store = slow(&server, now).await.bounded(&bounds(60));
    let from = now.plus_micros(-3 * APART_US);
    let search = all(from, now.plus_micros(SECOND_US), 100);
    let begin = Instant::now();
    let left = tokio::time::timeout(Duration::from_secs(1), store.search(&search)).await;
    assert!(left.is_err(), "it would take eight seconds: {left:?}");
    let running = "SELECT count() FROM system.processes WHERE startsWith(query, 'SELECT toUnixTimestamp64Micro(event.time)')";
    while server.ask(running).await.unwrap() != "0" {
        // Each of its parts takes nearly three seconds; it looks who waits between them.
        assert!(begin.elapsed() < Duration::from_secs(7), "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
