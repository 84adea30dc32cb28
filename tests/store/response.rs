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
    let action = Action {
        alert: alert.id,
        time: later(60),
        actor: "boris".to_owned(),
        deed: Deed::Close(verdict),
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
    let families = ["transport".to_owned()];
    let ids = async |after: (Timestamp, Uuid)| -> Vec<u128> {
        let found = store.alerts_to_answer(&families, Level::High, after).await;
        found.unwrap().iter().map(|it| it.id.as_u128()).collect()
    };
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
    let mut cleared = store.cleared_alerts(later(120)).await.unwrap();
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
    let over = store.cleared_alerts(later(3_601)).await.unwrap();
    assert!(over.is_empty(), "what was to be blocked is over");
    let decisions: Vec<Decision> = store.decisions(later(120)).await.unwrap();
    let stand: Vec<Standing> = decisions.iter().map(|it| it.standing(later(120))).collect();
    assert_eq!(stand, [Standing::Approved; 3]);
}
