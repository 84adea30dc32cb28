//! Deeds that build on what was seen: of two at once one is on record.

use gatewatch::alert::Alert;
use gatewatch::store::AlertFilter;
use gatewatch::triage::{Action, Basis, Deed, Verdict};
use uuid::Uuid;

use super::server::Server;
use super::triage::{action, insert, numbered};

#[tokio::test]
async fn of_deeds_that_build_on_the_same_the_first_is_on_record() {
    let server = Server::start();
    let store = server.store().await;
    let alerts = [1, 2, 3].map(|number| numbered(number, 1, 5));
    let ids = alerts.each_ref().map(|it| it.id);
    for alert in &alerts {
        insert(&store, alert).await;
    }
    let upon = |alert: &Alert, second: i64, deed: Deed, basis: Basis| {
        vec![(action(alert, second, deed), basis)]
    };
    let nothing = Basis::default();
    let close = Deed::Close;
    let first = upon(&alerts[0], 1, close(Verdict::True), nothing);
    let late = upon(&alerts[0], 2, close(Verdict::False), nothing);
    assert_eq!(store.record_upon(&first).await.unwrap(), [ids[0]]);
    assert!(store.record_upon(&late).await.unwrap().is_empty());
    assert!(store.record_upon(&[]).await.unwrap().is_empty());
    let comments = [3, 4].map(|second| upon(&alerts[0], second, Deed::Comment, nothing));
    for comment in &comments {
        assert_eq!(store.record_upon(comment).await.unwrap(), [ids[0]]);
    }
    // What builds on what is there is taken.
    let actions = store.actions_of(ids[0]).await.unwrap();
    assert_eq!(actions.len(), 3);
    let reopen = upon(&alerts[0], 5, Deed::Reopen, Basis::of(&actions));
    assert_eq!(store.record_upon(&reopen).await.unwrap(), [ids[0]]);
    // Several are one insert.
    let several: Vec<(Action, Basis)> = alerts[1..]
        .iter()
        .map(|alert| (action(alert, 6, Deed::Acknowledge), nothing))
        .collect();
    assert_eq!(store.record_upon(&several).await.unwrap(), ids[1..]);
    let all = store.actions_of_all(&ids).await.unwrap();
    assert_eq!(all[&ids[0]].len(), 4);
    assert_eq!(all[&ids[2]], [several[1].0.clone()]);
    let unknown = Uuid::from_u128(99);
    let mut found = store
        .alerts_by_ids(&[ids[2], unknown, ids[0]])
        .await
        .unwrap();
    found.sort_by_key(|alert| alert.id);
    assert_eq!(found, [alerts[0].clone(), alerts[2].clone()]);
    // The list says what a deed builds on.
    let lines = store
        .list_alerts(&AlertFilter {
            limit: 10,
            ..AlertFilter::default()
        })
        .await
        .unwrap();
    for line in lines {
        let id: Uuid = line.id.parse().unwrap();
        let actions = store.actions_of(id).await.unwrap();
        assert_eq!(Basis::from_micros(line.changed), Basis::of(&actions));
    }
    let untouched = numbered(4, 1, 5);
    insert(&store, &untouched).await;
    let only = AlertFilter {
        states: vec!["new"],
        limit: 10,
        ..AlertFilter::default()
    };
    let lines = store.list_alerts(&only).await.unwrap();
    assert_eq!((lines.len(), lines[0].changed), (1, 0));
}
