//! Which alerts are answered, what ends because of a verdict, and which decisions are known.

use gatewatch::alert::Alert;
use gatewatch::event::Timestamp;
use gatewatch::response::{Decision, Proposal, Standing, Step, Target, What};
use gatewatch::sigma::Level;
use gatewatch::store::{DecisionFilter, DecisionPlace, GoingOn, Store, alert_rows};
use gatewatch::triage::{Action, Deed, Seen, Verdict};
use uuid::Uuid;

use super::people::alert;
use super::server::Server;

/// Approved until the end of the proposal.
const APPROVED: What = What::Approved { until: None };

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
    [What::Proposed(proposal), APPROVED].map(|what| Step {
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
    alerts.iter().map(|it| it.alert.id.as_u128()).collect()
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
    assert_eq!(found.await.unwrap().0[0].alert, grown);
}

/// The alert has had an event then.
async fn goes_on(store: &Store, number: u128, seconds: i64) {
    let grown = Alert {
        revision: 2,
        last: later(seconds),
        ..numbered(number)
    };
    let rows = alert_rows(std::slice::from_ref(&grown)).unwrap();
    let token = format!("alerts/{number}/{seconds}");
    store.insert(&token, &rows).await.unwrap();
}

async fn step(store: &Store, number: u128, seconds: i64, what: What) {
    let step = Step {
        decision: Uuid::from_u128(number << 64),
        time: later(seconds),
        actor: "ana".to_owned(),
        what,
        reason: "she said".to_owned(),
    };
    store.record_decisions(&[step]).await.unwrap();
}

#[tokio::test]
async fn an_alert_that_goes_on_is_known_when_its_block_is_near_its_end() {
    let server = Server::start();
    let store = server.store().await;
    let alerts: Vec<Alert> = (1..=8).map(numbered).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    let going = async |now: i64| -> Vec<GoingOn> {
        let families = ["transport".to_owned()];
        let hour = 3_600_000_000;
        let found = store.alerts_that_go_on(&families, Level::High, hour, later(now));
        let mut found = found.await.unwrap();
        found.sort_by_key(|it| it.alert);
        found
    };
    // In force until an hour from the beginning.
    for number in 1..=7 {
        store.record_decisions(&taken(number)).await.unwrap();
    }
    assert_eq!(going(3_000).await, [], "none has had an event since");
    for number in 1..=8 {
        goes_on(&store, number, 1_200).await;
    }
    step(&store, 2, 1_300, What::Revoked).await;
    act(&store, &alerts[2], later(1_300), Deed::Close(Verdict::True)).await;
    act(
        &store,
        &alerts[3],
        later(1_300),
        Deed::Close(Verdict::False),
    )
    .await;
    // Ten minutes that a person chose, and ten hours.
    for (number, lasts) in [(5, 600), (6, 36_000)] {
        let until = Some(later(1_100 + lasts));
        step(&store, number, 1_100, What::Approved { until }).await;
    }
    let until = later(1_200 + 3_600);
    step(&store, 7, 1_250, What::Renewed { until }).await;
    let of = |number: u128, is_open: bool| GoingOn {
        alert: Uuid::from_u128(number),
        last: later(1_200),
        is_open,
    };
    assert_eq!(going(1_350).await, [], "more than half is left of all");
    assert_eq!(going(1_500).await, [of(5, true)], "of ten minutes not");
    let near = [of(1, true), of(3, false)];
    assert_eq!(
        going(3_000).await,
        near,
        "that of ten minutes would be over"
    );
    assert_eq!(going(3_700).await, near, "they ended, and would not have");
    assert_eq!(going(4_900).await, [], "all would be over, but ten hours");
    assert_eq!(going(30_000).await, [of(6, true)]);
    let families = ["injection".to_owned()];
    let others = store.alerts_that_go_on(&families, Level::High, 3_600_000_000, later(3_000));
    assert_eq!(others.await.unwrap(), []);
}

#[tokio::test]
async fn one_renewal_of_a_round_is_kept_and_each_end_counts() {
    let server = Server::start();
    let store = server.store().await;
    store.record_decisions(&taken(1)).await.unwrap();
    let mark = store.decisions_mark().await.unwrap();
    assert_eq!(store.decisions_mark().await.unwrap(), mark);
    // Two instances renew it, and one of them sees a newer event.
    for (seconds, until) in [(2_000, 5_000), (2_001, 5_001)] {
        let what = What::Renewed {
            until: later(until),
        };
        step(&store, 1, seconds, what).await;
    }
    assert_ne!(store.decisions_mark().await.unwrap(), mark);
    let id = Uuid::from_u128(1 << 64);
    let decision = store.decision(id).await.unwrap().unwrap();
    assert_eq!(decision.renewals().count(), 1);
    assert_eq!(decision.until(), later(5_000));
    assert_eq!(decision.standing(later(4_000)), Standing::Approved);
    let shown = "SELECT last_step, last_actor, toUnixTimestamp(assumeNotNull(until)) - 1800000000, renewed, toUnixTimestamp(last_time) - 1800000000 FROM decisions";
    assert_eq!(
        server.ask(shown).await.unwrap(),
        "approved\tgatewatch\t5000\t1\t1"
    );
    // A verdict is known of what is in force by its renewal alone.
    let alert = numbered(1);
    let rows = alert_rows(std::slice::from_ref(&alert)).unwrap();
    store.insert("alerts/one", &rows).await.unwrap();
    close(&store, &alert, Verdict::False).await;
    let cleared = store.cleared_alerts(later(4_000), None).await.unwrap();
    assert_eq!(cleared.len(), 1);
    step(&store, 1, 4_500, What::Revoked).await;
    let what = What::Approved {
        until: Some(later(9_000)),
    };
    step(&store, 1, 4_600, what).await;
    let decision = store.decision(id).await.unwrap().unwrap();
    assert_eq!(decision.standing(later(4_700)), Standing::Revoked);
    let answer = server.ask(shown).await.unwrap();
    assert!(answer.starts_with("revoked\t"), "{answer}");
    let none = store.decision(Uuid::from_u128(7)).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn what_was_decided_against_is_proposed_again_once_its_alert_was_opened_again() {
    let server = Server::start();
    let store = server.store().await;
    let alerts: Vec<Alert> = (1..=7).map(numbered).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    for number in 1..=5 {
        store.record_decisions(&taken(number)).await.unwrap();
    }
    for number in 1..=4 {
        step(&store, number, 100, What::Revoked).await;
    }
    act(&store, &alerts[0], later(90), Deed::Reopen).await; // before
    act(&store, &alerts[1], later(110), Deed::Reopen).await;
    act(&store, &alerts[2], later(110), Deed::Close(Verdict::False)).await;
    act(&store, &alerts[3], later(110), Deed::Acknowledge).await;
    act(&store, &alerts[4], later(110), Deed::Reopen).await; // in force
    // One that ended years ago.
    let old = taken(7).map(|step| {
        let what = match step.what {
            What::Proposed(proposal) => What::Proposed(Proposal {
                until: Timestamp::from_seconds(1_700_000_000),
                ..proposal
            }),
            what => what,
        };
        Step { what, ..step }
    });
    store.record_decisions(&old).await.unwrap();
    let families = ["transport".to_owned()];
    let rounds = async || -> Vec<(u128, u32)> {
        let after = (later(-60), Uuid::nil());
        let found = store.alerts_to_answer(&families, Level::High, after, None);
        let (found, _) = found.await.unwrap();
        let found = found.iter();
        found.map(|it| (it.alert.id.as_u128(), it.round)).collect()
    };
    assert_eq!(rounds().await, [(2, 1), (6, 0), (7, 1)]);
    // What was closed comes back when it shows ten times as much.
    let grown = Alert {
        revision: 2,
        count: alerts[2].count * 10,
        ..numbered(3)
    };
    let rows = alert_rows(std::slice::from_ref(&grown)).unwrap();
    store.insert("alerts/grown", &rows).await.unwrap();
    assert_eq!(rounds().await, [(2, 1), (3, 1), (6, 0), (7, 1)]);
    // Answered by another decision; revoked, too.
    let [proposed, approved] = taken(2);
    let another = [proposed, approved].map(|step| Step {
        decision: Uuid::from_u128((2 << 64) + 1),
        time: later(120),
        ..step
    });
    store.record_decisions(&another).await.unwrap();
    assert_eq!(rounds().await, [(3, 1), (6, 0), (7, 1)]);
    let revoked = Step {
        time: later(130),
        what: What::Revoked,
        ..another[1].clone()
    };
    store.record_decisions(&[revoked]).await.unwrap();
    assert_eq!(rounds().await, [(3, 1), (6, 0), (7, 1)]);
    act(&store, &alerts[1], later(140), Deed::Reopen).await;
    assert_eq!(rounds().await, [(2, 2), (3, 1), (6, 0), (7, 1)]);
}

/// A block of a value that was proposed then.
fn block(number: u128, seconds: i64, scope: &str, value: &str) -> Step {
    Step {
        decision: Uuid::from_u128(number << 64),
        time: later(seconds),
        actor: "gatewatch".to_owned(),
        what: What::Proposed(Proposal {
            target: Target::parse(scope, value).unwrap(),
            until: later(seconds + 600),
            alert: None,
            family: "transport".to_owned(),
        }),
        reason: "seen".to_owned(),
    }
}

#[tokio::test]
async fn decisions_are_found_by_value_scope_and_standing_a_page_at_a_time() {
    let server = Server::start();
    let store = server.store().await;
    let steps = [
        block(1, 10, "ip", "192.0.2.7"),
        block(2, 20, "range", "192.0.2.0/24"),
        block(3, 30, "client", "Portal-192"),
        // At one look, so at one instant.
        block(5, 40, "ip", "198.51.100.1"),
        block(4, 40, "ip", "198.51.100.2"),
        block(6, 900, "ip", "2001:db8::1"),
    ];
    store.record_decisions(&steps).await.unwrap();
    step(&store, 2, 25, What::Rejected).await;
    step(&store, 3, 35, What::Approved { until: None }).await;
    step(&store, 4, 45, What::Approved { until: None }).await;
    step(&store, 4, 46, What::Revoked).await;
    step(&store, 5, 45, What::Approved { until: None }).await;
    let until = later(5_000);
    step(&store, 5, 300, What::Renewed { until }).await;
    let found = async |filter: DecisionFilter| -> Vec<u128> {
        let found = store.list_decisions(&filter, later(1_000)).await.unwrap();
        found.iter().map(|it| it.id.as_u128() >> 64).collect()
    };
    let all = DecisionFilter {
        limit: 10,
        ..DecisionFilter::default()
    };
    assert_eq!(found(all.clone()).await, [6, 5, 4, 3, 2, 1]);
    for (value, numbers) in [
        ("192", &[3, 2, 1][..]),
        ("PORTAL", &[3]),
        ("::ffff:192.0.2.7", &[1]),
        ("%", &[]),
        ("'; DROP TABLE decision_steps; --", &[]),
    ] {
        let value = value.to_owned();
        let filter = DecisionFilter {
            value,
            ..all.clone()
        };
        assert_eq!(found(filter).await, numbers);
    }
    let scope = DecisionFilter {
        scope: "ip".to_owned(),
        ..all.clone()
    };
    assert_eq!(found(scope).await, [6, 5, 4, 1]);
    for (standing, numbers) in [
        (Standing::Proposed, &[6][..]),
        (Standing::Approved, &[5]),
        (Standing::Rejected, &[2]),
        (Standing::Revoked, &[4]),
        (Standing::Ended, &[3, 1]),
    ] {
        let filter = DecisionFilter {
            standings: vec![standing],
            ..all.clone()
        };
        assert_eq!(found(filter).await, numbers, "{standing:?}");
    }
    let live = DecisionFilter {
        standings: vec![Standing::Proposed, Standing::Approved],
        ..all.clone()
    };
    assert_eq!(found(live).await, [6, 5]);
    assert_eq!(store.waiting_decisions(later(1_000)).await.unwrap(), 1);
    // Page by page, each once, also those of one instant.
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = DecisionFilter {
            before,
            limit: 2,
            ..all.clone()
        };
        let page = store.list_decisions(&page, later(1_000)).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        let place = DecisionPlace::of(last).to_string();
        before = DecisionPlace::parse(&place);
        seen.extend(page.iter().map(|it| it.id.as_u128() >> 64));
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
    // Of one decision all steps are read, by its id or a beginning of it.
    let id = Uuid::from_u128(5 << 64);
    let one = store.decision(id).await.unwrap().unwrap();
    assert_eq!(one.steps.len(), 3);
    assert_eq!(one.until(), until);
    let beginning = "00000000-0000-0005";
    let begun = store.decisions_beginning(beginning).await.unwrap();
    assert_eq!(begun, [one]);
    assert_eq!(store.decisions_beginning("0000").await.unwrap().len(), 2);
}

#[tokio::test]
async fn decisions_about_an_alert_are_found() {
    let server = Server::start();
    let store = server.store().await;
    for number in 1..=2 {
        store.record_decisions(&taken(number)).await.unwrap();
    }
    let about = store.decisions_about(Uuid::from_u128(2)).await.unwrap();
    let ids: Vec<u128> = about.iter().map(|it| it.id.as_u128() >> 64).collect();
    assert_eq!(ids, [2]);
    assert_eq!(about[0].steps.len(), 2);
}
