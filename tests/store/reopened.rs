//! Alerts that were closed and show more since: who tells people of them, by mail and by the webhook, finds each once for each closing.

use gatewatch::alert::Alert;
use gatewatch::event::Timestamp;
use gatewatch::sigma::Level;
use gatewatch::store::{Delivery, Store, tells_reopened};
use gatewatch::triage::{Deed, Verdict};
use uuid::Uuid;

use super::server::Server;
use super::triage::{action, insert, numbered};

/// What the webhook is to tell of all alerts, as number of the alert and stage.
async fn to_send(store: &Store) -> Vec<(u128, String)> {
    let since = numbered(1, 1, 1).first.plus_micros(-3_600_000_000);
    let waiting = store.alerts_to_send(&[], Level::Low, since).await.unwrap();
    let mut waiting: Vec<(u128, String)> = waiting
        .into_iter()
        .map(|(id, stage)| (id.as_u128(), stage))
        .collect();
    waiting.sort();
    waiting
}

/// Puts on record that the webhook took all that waits.
async fn send(store: &Store) -> Vec<(u128, String)> {
    let sent = to_send(store).await;
    for (at, (id, stage)) in (0..).zip(&sent) {
        let delivery = Delivery {
            alert: Uuid::from_u128(*id),
            stage: stage.clone(),
            time: Timestamp::from_seconds(1_800_001_000 + at),
            outcome: "sent",
            status: 204,
            attempts: 1,
        };
        store.record_delivery(&delivery).await.unwrap();
    }
    assert_eq!(to_send(store).await, [], "what was sent does not wait");
    sent
}

/// The stage of an alert that was closed at that second.
fn reopened(reach: &str, second: i64) -> String {
    let closed = Timestamp::from_seconds(1_800_000_000 + second).micros();
    format!("{reach}/reopened-{closed}")
}

#[tokio::test]
async fn the_webhook_is_told_once_of_each_closing_that_what_came_since_undid() {
    let server = Server::start();
    let store = server.store().await;
    let mut alert = numbered(1, 1, 30);
    let level = alert.rule.level.name();
    let (tens, hundreds) = (format!("{level}/1"), format!("{level}/2"));
    let grow = async |alert: &mut Alert, count: u64, rule: Option<u128>| {
        alert.revision += 1;
        alert.count = count;
        alert.rules.extend(rule.map(Uuid::from_u128));
        insert(&store, alert).await;
    };
    insert(&store, &alert).await;
    assert_eq!(send(&store).await, [(1, tens.clone())]);
    let close = action(&alert, 10, Deed::Close(Verdict::False));
    store.record_action(&close).await.unwrap();
    grow(&mut alert, 31, None).await;
    assert_eq!(to_send(&store).await, [], "more of the same");
    // The level is what it was, and so is the power of ten.
    grow(&mut alert, 32, Some(77)).await;
    let sent = send(&store).await;
    assert_eq!(sent, [(1, reopened(&tens, 10))]);
    assert!(tells_reopened(&sent[0].1) && !tells_reopened(&tens));
    grow(&mut alert, 33, Some(78)).await;
    assert_eq!(to_send(&store).await, [], "it was told of this closing");
    grow(&mut alert, 130, None).await;
    assert_eq!(send(&store).await, [(1, reopened(&hundreds, 10))]);
    // What was told stays told, however the alert stands after that.
    let acknowledge = action(&alert, 20, Deed::Acknowledge);
    store.record_action(&acknowledge).await.unwrap();
    assert_eq!(to_send(&store).await, []);
    let close = action(&alert, 30, Deed::Close(Verdict::True));
    store.record_action(&close).await.unwrap();
    grow(&mut alert, 131, Some(79)).await;
    assert_eq!(send(&store).await, [(1, reopened(&hundreds, 30))]);
    // One that a person opened again is no news to those whom it was told.
    let close = action(&alert, 40, Deed::Close(Verdict::Harmless));
    store.record_action(&close).await.unwrap();
    let open = action(&alert, 50, Deed::Reopen);
    store.record_action(&open).await.unwrap();
    assert_eq!(to_send(&store).await, []);
}

#[tokio::test]
async fn those_who_mail_know_of_alerts_that_stand_reopened_by_what_came() {
    let server = Server::start();
    let store = server.store().await;
    let mut alerts: Vec<Alert> = (1..=5).map(|number| numbered(number, 1, 30)).collect();
    for alert in &alerts {
        insert(&store, alert).await;
    }
    let deeds: [&[Deed]; 5] = [
        &[Deed::Close(Verdict::False)],
        &[Deed::Close(Verdict::False), Deed::Comment],
        &[Deed::Close(Verdict::True), Deed::Acknowledge],
        &[Deed::Close(Verdict::True), Deed::Reopen],
        &[],
    ];
    for (alert, deeds) in alerts.iter().zip(deeds) {
        for (second, deed) in (0..).zip(deeds) {
            let action = action(alert, second, deed.clone());
            store.record_action(&action).await.unwrap();
        }
    }
    // All but the first show another rule since.
    for alert in &mut alerts[1..] {
        alert.revision = 2;
        alert.rules.push(Uuid::from_u128(77));
        insert(&store, alert).await;
    }
    let last = alerts[1].last;
    assert_eq!(store.reopened(last).await.unwrap(), [alerts[1].clone()]);
    assert_eq!(store.reopened(last.plus_micros(1)).await.unwrap(), []);
    // What is known of deeds says the same of it, and when it was closed.
    let decided = store.decided().await.unwrap();
    let closing = decided.reopened(&alerts[1]).unwrap();
    assert_eq!(closing.time, Timestamp::from_seconds(1_800_000_000));
    assert_eq!(closing.verdict, Verdict::False);
    for other in [0, 2, 3, 4] {
        assert_eq!(decided.reopened(&alerts[other]), None, "{other}");
    }
}
