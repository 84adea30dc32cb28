//! Alerts of statistics, the rarest first, with the share of chance down to each.

use gatewatch::alert::Alert;
use gatewatch::store::{AlertFilter, AlertLine, AlertOrder, Store};
use gatewatch::track::Reason;
use gatewatch::triage::{Deed, Verdict};

use super::server::Server;
use super::triage::{action, insert, numbered};

fn odd(number: u128, revision: u64, probability: f64) -> Alert {
    let reason = Reason::Baseline {
        metric: "calls an hour".to_owned(),
        observed: 90.0,
        expected: 4.0,
        probability,
        features: Vec::new(),
    };
    Alert {
        reason,
        ..numbered(number, revision, 5)
    }
}

/// Alerts of rules and of statistics, of which one has become rarer since, and the rarest was closed.
async fn filled(store: &Store) {
    let closed = odd(7, 1, 1e-12);
    for alert in [
        numbered(1, 1, 5),
        odd(2, 1, 0.02),
        odd(3, 1, 0.5),
        odd(3, 2, 0.013),
        odd(4, 1, 0.012),
        odd(5, 1, 1.25e-7),
        numbered(6, 1, 5),
        closed.clone(),
    ] {
        insert(store, &alert).await;
    }
    let close = action(&closed, 0, Deed::Close(Verdict::True));
    store.record_action(&close).await.unwrap();
}

async fn listed(store: &Store, offset: u32, limit: u32) -> Vec<AlertLine> {
    let filter = AlertFilter {
        states: vec!["new", "acknowledged", "in_work", "reopened"],
        order: AlertOrder::Rarest,
        offset,
        limit,
        ..AlertFilter::default()
    };
    store.list_alerts(&filter).await.unwrap()
}

/// The last letter of the id, and the share.
fn shares(lines: &[AlertLine]) -> Vec<(&str, Option<f64>)> {
    lines.iter().map(|it| (&it.id[35..], it.q)).collect()
}

#[tokio::test]
async fn the_rarest_come_first_with_their_share_of_chance_whatever_the_page() {
    let server = Server::start();
    let store = server.store().await;
    assert_eq!(listed(&store, 0, 10).await, []);
    filled(&store).await;
    // Four are open; the second has the share of the third.
    let expected = [
        ("5", Some(1.25e-7 * 4.0)),
        ("4", Some(0.013 / 3.0 * 4.0)),
        ("3", Some(0.013 / 3.0 * 4.0)),
        ("2", Some(0.02)),
    ];
    let all = listed(&store, 0, 10).await;
    let (ranked, rest) = all.split_at(4);
    assert_eq!(shares(ranked), expected);
    let mut rest = shares(rest);
    rest.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(rest, [("1", None), ("6", None)]);
    assert_eq!(ranked[0].probability, Some(1.25e-7));
    for offset in 0..4 {
        let line = listed(&store, offset, 1).await;
        assert_eq!(shares(&line), expected[offset as usize..][..1]);
    }
    let whole = AlertFilter {
        order: AlertOrder::Rarest,
        limit: 1,
        ..AlertFilter::default()
    };
    let first = store.list_alerts(&whole).await.unwrap();
    assert_eq!(shares(&first), [("7", Some(1e-12 * 5.0))]);
    let newest = AlertFilter {
        order: AlertOrder::Newest,
        limit: 10,
        ..whole
    };
    let newest = store.list_alerts(&newest).await.unwrap();
    assert!(newest.len() == 7 && newest.iter().all(|it| it.q.is_none()));
}

#[tokio::test]
async fn what_was_stored_before_the_column_has_its_probability_too() {
    let server = Server::start();
    let store = server.store().await;
    filled(&store).await;
    let before = listed(&store, 0, 10).await;
    for sql in [
        "ALTER TABLE alerts DROP COLUMN probability",
        "ALTER TABLE schema_migrations DELETE WHERE version = 21 SETTINGS mutations_sync = 1",
    ] {
        server.ask(sql).await.unwrap();
    }
    assert_eq!(store.migrate().await.unwrap(), ["0021_probability"]);
    assert_eq!(listed(&store, 0, 10).await, before);
    server
        .ask("ALTER TABLE alerts MATERIALIZE COLUMN probability SETTINGS mutations_sync = 1")
        .await
        .unwrap();
    assert_eq!(listed(&store, 0, 10).await, before);
}
