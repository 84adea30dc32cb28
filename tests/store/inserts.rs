//! Each row exactly once: tokens, retries, kills, months.

use gatewatch::event::Timestamp;
use gatewatch::store::{DeadLetter, DeadLetterBlock, EventBlock, Sealer, StoredCount, Verdict};

use super::server::{Server, block, event, recent};

const ROLLUPS: &str = "SELECT (SELECT count() FROM events), \
    (SELECT sum(requests) FROM traffic_minute), (SELECT sum(requests) FROM traffic_hour), \
    (SELECT sum(errors) FROM traffic_minute), (SELECT sum(response_bytes) FROM traffic_hour)";

#[tokio::test]
async fn the_same_token_again_adds_nothing_to_events_and_roll_ups() {
    let server = Server::start();
    let store = server.store().await;
    let insert = block(100, 2_000, recent()).finish();
    store
        .insert("c/requests/0/100-2100@1", &insert)
        .await
        .unwrap();
    let once = server.ask(ROLLUPS).await.unwrap();
    assert_eq!(once, "2000\t2000\t2000\t200\t3999000");
    store
        .insert("c/requests/0/100-2100@1", &insert)
        .await
        .unwrap();
    // Other bytes under the same token are the same block as well: that is what a rebuilt block counts on.
    let rebuilt = block(100, 2_000, recent()).finish();
    store
        .insert("c/requests/0/100-2100@1", &rebuilt)
        .await
        .unwrap();
    assert_eq!(server.ask(ROLLUPS).await.unwrap(), once);
    store
        .insert(
            "c/requests/0/2100-4100@2",
            &block(2_100, 2_000, recent()).finish(),
        )
        .await
        .unwrap();
    assert_eq!(
        server.ask(ROLLUPS).await.unwrap(),
        "4000\t4000\t4000\t400\t7998000"
    );
}

#[tokio::test]
async fn values_come_back_as_they_were() {
    let server = Server::start();
    let store = server.store().await;
    let time = recent();
    let mut block = EventBlock::new("requests", 7, "k1");
    let mut odd = event(1, time);
    odd.path = Some("/a\u{0}b\tc'\\\u{1F600}".into());
    odd.status = Some(99_999);
    odd.client_address = Some("2001:db8::1".parse().unwrap());
    odd.token_expires = Some(Timestamp::from_micros(i64::MAX));
    odd.cookie = Some("session=1".into());
    odd.uri = Some("/a?b".into());
    let verdict = Verdict {
        rules: vec!["rule-1", "rule-2"],
        withheld_by: vec!["exception-1"],
    };
    block.push(&odd, &verdict, 5, Some(time));
    block.push(&event(2, time), &Verdict::default(), 6, None);
    store.insert("t", &block.finish()).await.unwrap();
    let row = server
        .ask(&format!(
            "SELECT toUnixTimestamp64Micro(time) = {}, sequence, request_id, hex(path), status, toString(client_address), \
             roles, facts, toUnixTimestamp64Micro(token_expires), key_id, topic, partition, offset, stamped = time, mfa, scopes, egress_address \
             FROM events WHERE offset = 5",
            time.micros()
        ))
        .await
        .unwrap();
    assert_eq!(
        row,
        "1\t1\treq-00000001\t2F6100620963275CF09F9880\t65535\t2001:db8::1\t['concierge','guard']\t['tls.old']\t4294967295000000\tk1\trequests\t7\t5\t1\t\t[]\t::"
    );
    let other = server
        .ask("SELECT client, toUnixTimestamp(stamped) FROM events_recent WHERE offset = 6")
        .await
        .unwrap();
    assert_eq!(other, "192.0.2.2\t0", "what is absent is the epoch");
}

#[tokio::test]
async fn a_killed_server_has_what_it_acknowledged_and_takes_the_rest_again() {
    let mut server = Server::start();
    let store = server.store().await;
    let inserts: Vec<_> = (0..8)
        .map(|index| block(index * 5_000, 5_000, recent()).finish())
        .collect();
    store.insert("t/0", &inserts[0]).await.unwrap();
    for (index, delay_ms) in [2, 10, 25, 50, 100].into_iter().enumerate() {
        // It is on its way when the server dies: whether it came to be there is not known.
        let token = format!("t/{}", index + 1);
        let (on_its_way, insert) = (store.clone(), inserts[index + 1].clone());
        let sent = tokio::spawn(async move { on_its_way.insert(&token, &insert).await });
        tokio::time::sleep(std::time::Duration::from_millis(delay_ms)).await;
        server.kill();
        if let Err(error) = sent.await.unwrap() {
            assert!(error.is_retryable(), "{error}");
        }
        let away = store.insert("t/6", &inserts[6]).await.unwrap_err();
        assert!(away.is_retryable(), "{away}");
        server.restart();
    }
    for (index, insert) in inserts.iter().enumerate() {
        let token = format!("t/{index}");
        store.insert(&token, insert).await.unwrap();
    }
    let rows = server.ask(ROLLUPS).await.unwrap();
    assert!(rows.starts_with("40000\t40000\t40000\t4000\t"), "{rows}");
    let twice = "SELECT count() FROM (SELECT offset FROM events GROUP BY topic, partition, offset HAVING count() > 1)";
    assert_eq!(server.ask(twice).await.unwrap(), "0");
}

#[tokio::test]
async fn a_block_over_two_months_is_one_part_a_month() {
    let server = Server::start();
    let store = server.store().await;
    let month_end = Timestamp::parse_rfc3339("2099-03-31T23:59:50Z").unwrap();
    let insert = block(0, 2_000, month_end).finish();
    for _ in 0..2 {
        store.insert("t", &insert).await.unwrap();
    }
    let parts = server
        .ask("SELECT partition, sum(rows), count() FROM system.parts WHERE database = 'gatewatch' AND table = 'events' AND active GROUP BY partition ORDER BY partition")
        .await
        .unwrap();
    assert_eq!(parts, "209903\t1000\t1\n209904\t1000\t1");
    assert_eq!(
        server
            .ask("SELECT sum(requests) FROM traffic_minute")
            .await
            .unwrap(),
        "2000"
    );
}

#[tokio::test]
async fn a_large_block_stays_one_part_so_its_token_is_one() {
    let server = Server::start();
    let store = server.store().await;
    let insert = block(0, 300_000, recent()).finish();
    store.insert("t", &insert).await.unwrap();
    server.ask("SYSTEM FLUSH LOGS").await.unwrap();
    let written = server
        .ask("SELECT count() FROM system.parts WHERE database = 'gatewatch' AND table = 'events' AND level = 0")
        .await
        .unwrap();
    assert_eq!(written, "1");
    store.insert("t", &insert).await.unwrap();
    assert!(
        server
            .ask(ROLLUPS)
            .await
            .unwrap()
            .starts_with("300000\t300000\t300000\t")
    );
}

#[tokio::test]
async fn recovery_learns_which_offsets_are_stored() {
    let server = Server::start();
    let store = server.store().await;
    let sealer = Sealer::from_config(&server.config()).unwrap();
    let mut events = EventBlock::new("requests", 0, "k1");
    for offset in [10, 11, 14] {
        events.push(&event(1, recent()), &Verdict::default(), offset, None);
    }
    let mut letters = DeadLetterBlock::new(&sealer, "requests", 0);
    letters
        .push(&DeadLetter {
            offset: 12,
            stamped: Some(recent()),
            reason: "not_json",
            detail: "at byte 3",
            raw: b"{\"a\xff",
            beginning: "{",
        })
        .unwrap();
    store.insert("e", &events.finish()).await.unwrap();
    store.insert("d", &letters.finish()).await.unwrap();
    assert_eq!(
        store.stored_offsets("requests", 0, 10, 20).await.unwrap(),
        [10, 11, 12, 14]
    );
    assert_eq!(
        store.stored_offsets("requests", 0, 11, 14).await.unwrap(),
        [11, 12]
    );
    assert!(
        store
            .stored_offsets("requests", 1, 0, 20)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.count_range("requests", 0, 10, 20).await.unwrap(),
        StoredCount {
            events: 3,
            dead_letters: 1
        }
    );
    assert_eq!(store.last_offset("requests", 0).await.unwrap(), Some(14));
    assert_eq!(store.last_offset("other", 0).await.unwrap(), None);
}

#[tokio::test]
async fn records_of_a_partners_log_are_rows_and_no_traffic() {
    let server = Server::start();
    let store = server.store().await;
    let mut block = EventBlock::new("requests", 0, "k1");
    for offset in 0_i64..10 {
        let mut event = event(offset.unsigned_abs(), recent());
        event.observer = (offset % 3 == 0).then(|| "partner".into());
        block.push(&event, &Verdict::default(), offset, None);
    }
    store.insert("t/0", &block.finish()).await.unwrap();
    let seen = "SELECT (SELECT count() FROM events WHERE observer = 'partner'), (SELECT sum(requests) FROM traffic_minute), \
                (SELECT sum(request_bytes) FROM traffic_minute) = (SELECT sum(request_bytes) FROM events WHERE observer = '')";
    assert_eq!(server.ask(seen).await.unwrap(), "4\t6\t1");
}
