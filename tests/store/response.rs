//! Which alerts are answered, what ends because of a verdict, and which decisions are known.

use gatewatch::alert::Alert;
use gatewatch::event::Timestamp;
use gatewatch::response::{Decision, Proposal, Standing, Step, Target, What};
use gatewatch::sigma::Level;
use gatewatch::store::{Store, alert_rows};
use gatewatch::triage::{Action, Deed, Seen, Verdict};
use uuid::Uuid;

use super::people::alert;
use super::server::Server;

fn numbered(number: u128) -> Alert {
    Alert {
        id: Uuid::from_u128(number),
        first: later(0),
        last: later(0),
        ..alert(1, 30)
    }
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

async fn close(store: &Store, alert: &Alert, verdict: Verdict) {
    act(store, alert, later(60), Deed::Close(verdict)).await;
}

async fn act(store: &Store, alert: &Alert, time: Timestamp, deed: Deed) {
    let action = Action {
        alert: alert.id,
        time,
        actor: "boris".to_owned(),
        deed,
        comment: "load test".to_owned(),
        seen: Seen::of(alert),
    };
    store.record_action(&action).await.unwrap();
}

/// The steps of a block that an alert proposed and the configuration took.
fn taken(number: u128) -> [Step; 2] {
    let proposal = Proposal {
        target: Target::parse("client", "client-1").unwrap(),
        until: later(3_600),
        alert: Some(Uuid::from_u128(number)),
        family: "transport".to_owned(),
    };
    [What::Proposed(proposal), What::Approved].map(|what| Step {
        decision: Uuid::from_u128(number << 64),
        time: later(1),
        actor: "gatewatch".to_owned(),
        what,
        reason: "seen".to_owned(),
    })
}

/// Ids of alerts to answer, all at once.
async fn answered(store: &Store, after: (Timestamp, Uuid), since: Option<u32>) -> Vec<u128> {
    let families = ["transport".to_owned()];
    let found = store.alerts_to_answer(&families, Level::High, after, since);
    let (alerts, next) = found.await.unwrap();
    assert_eq!(next, None);
    alerts.iter().map(|it| it.id.as_u128()).collect()
}

#[tokio::test]
async fn only_open_alerts_that_were_not_answered_are() {
    let server = Server::start();
    let store = server.store().await;
    let alerts: Vec<Alert> = (1..=6).map(numbered).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    close(&store, &alerts[1], Verdict::False).await;
    close(&store, &alerts[2], Verdict::Harmless).await;
    close(&store, &alerts[3], Verdict::True).await;
    store.record_decisions(&taken(5)).await.unwrap();
    let ids = async |after: (Timestamp, Uuid)| -> Vec<u128> { answered(&store, after, None).await };
    assert_eq!(ids((later(-60), Uuid::nil())).await, [1, 6]);
    assert_eq!(ids((later(0), Uuid::from_u128(1))).await, [6]);
    assert!(ids((later(1), Uuid::nil())).await.is_empty());
}

#[tokio::test]
async fn who_closed_as_false_what_had_somebody_blocked_is_known() {
    let server = Server::start();
    let store = server.store().await;
    let alerts: Vec<Alert> = (1..=4).map(numbered).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    for number in 1..=3 {
        store.record_decisions(&taken(number)).await.unwrap();
    }
    let verdicts = [
        Verdict::False,
        Verdict::Harmless,
        Verdict::True,
        Verdict::False,
    ];
    for (alert, verdict) in alerts.iter().zip(verdicts) {
        close(&store, alert, verdict).await;
    }
    let mut cleared = store.cleared_alerts(later(120), None).await.unwrap();
    cleared.sort_by_key(|it| it.alert);
    let said: Vec<_> = cleared
        .iter()
        .map(|it| {
            (
                it.alert.as_u128(),
                it.verdict.as_str(),
                it.by.as_str(),
                it.time,
            )
        })
        .collect();
    let at = later(60);
    assert_eq!(
        said,
        [(1, "false", "boris", at), (2, "harmless", "boris", at)]
    );
    let over = store.cleared_alerts(later(3_601), None).await.unwrap();
    assert!(over.is_empty(), "what was to be blocked is over");
    let decisions: Vec<Decision> = store.decisions(later(120)).await.unwrap();
    let stand: Vec<Standing> = decisions.iter().map(|it| it.standing(later(120))).collect();
    assert_eq!(stand, [Standing::Approved; 3]);
}

#[tokio::test]
async fn what_is_new_of_an_alert_is_a_revision_or_a_deed() {
    let server = Server::start();
    let store = server.store().await;
    let alerts: Vec<Alert> = (1..=4).map(numbered).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    let clock = store.clock().await.unwrap();
    let hours = |count: i64| Timestamp::from_seconds(i64::from(clock) + count * 3_600);
    // Since an hour from now there is nothing but deeds of then.
    let (lately, then) = (Some(clock - 60), Some(clock + 3_600));
    for number in 3..=4 {
        store.record_decisions(&taken(number)).await.unwrap();
    }
    for alert in &alerts[1..3] {
        act(&store, alert, hours(-2), Deed::Close(Verdict::False)).await;
    }
    act(&store, &alerts[1], hours(2), Deed::Reopen).await;
    act(&store, &alerts[3], hours(2), Deed::Close(Verdict::False)).await;
    let after = (later(-60), Uuid::nil());
    for (since, to_answer, cleared) in [
        (None, &[1, 2][..], &[3, 4][..]),
        (lately, &[1, 2], &[3, 4]),
        (then, &[2], &[4]),
        (Some(clock + 4 * 3_600), &[], &[]),
    ] {
        assert_eq!(answered(&store, after, since).await, to_answer, "{since:?}");
        let found = store.cleared_alerts(later(120), since).await.unwrap();
        let mut found: Vec<u128> = found.iter().map(|it| it.alert.as_u128()).collect();
        found.sort_unstable();
        assert_eq!(found, cleared, "{since:?}");
    }
    // What is read of an alert is its newest revision.
    let grown = Alert {
        revision: 2,
        count: 31,
        ..numbered(1)
    };
    let rows = alert_rows(std::slice::from_ref(&grown)).unwrap();
    store.insert("alerts/grown", &rows).await.unwrap();
    let families = ["transport".to_owned()];
    let found = store.alerts_to_answer(&families, Level::High, after, lately);
    assert_eq!(found.await.unwrap().0[0], grown);
}
