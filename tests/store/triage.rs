//! What people do to alerts, as it is kept, and as analysts and the notifier see it.

use gatewatch::alert::Alert;
use gatewatch::event::Timestamp;
use gatewatch::response::{Target, blocked};
use gatewatch::sigma::Level;
use gatewatch::store::{AlertFilter, AuditFilter, AuditRow, Delivery, Store, alert_rows};
use gatewatch::track::{EntityKind, Reason};
use gatewatch::triage::{Action, Closing, Deed, Narrowing, Seen, Verdict, state};
use uuid::Uuid;

use super::people::alert;
use super::server::Server;

pub(super) fn numbered(number: u128, revision: u64, count: u64) -> Alert {
    Alert {
        id: Uuid::from_u128(number),
        ..alert(revision, count)
    }
}

pub(super) async fn insert(store: &Store, alert: &Alert) {
    let rows = alert_rows(std::slice::from_ref(alert)).unwrap();
    let token = format!("alerts/{}/{}", alert.id, alert.revision);
    store.insert(&token, &rows).await.unwrap();
}

pub(super) fn action(alert: &Alert, second: i64, deed: Deed) -> Action {
    Action {
        alert: alert.id,
        time: Timestamp::from_seconds(1_800_000_000 + second),
        actor: "Анна 'DPO' Петрова".to_owned(),
        deed,
        comment: "so it is; DROP TABLE alerts \\".to_owned(),
        seen: Seen::of(alert),
    }
}

async fn listed(store: &Store, filter: AlertFilter) -> Vec<(String, String)> {
    let limit = filter.limit.max(100);
    let lines = store
        .list_alerts(&AlertFilter { limit, ..filter })
        .await
        .unwrap();
    let mut lines: Vec<(String, String)> = lines
        .into_iter()
        .map(|line| (line.id, line.state))
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_view_says_of_every_alert_what_its_actions_say() {
    let server = Server::start();
    let store = server.store().await;
    let assign = || Deed::Assign {
        to: "boris".to_owned(),
    };
    let close = Deed::Close;
    let histories: Vec<Vec<Deed>> = vec![
        vec![],
        vec![Deed::Comment],
        vec![Deed::Acknowledge, Deed::Comment],
        vec![Deed::Acknowledge, assign()],
        vec![assign(), Deed::Assign { to: String::new() }],
        vec![assign(), close(Verdict::True)],
        vec![close(Verdict::False), Deed::Comment],
        vec![close(Verdict::Harmless)],
        vec![close(Verdict::Harmless), Deed::Reopen],
        vec![close(Verdict::True), Deed::Reopen, assign(), Deed::Comment],
    ];
    // Each as it was seen, with as much as is no more, with more events, another rule, a higher level.
    let grown: [fn(&mut Alert); 5] = [
        |_| {},
        |alert| alert.count = 299,
        |alert| alert.count = 300,
        |alert| alert.rules.push(Uuid::from_u128(77)),
        |alert| alert.rule.level = Level::Critical,
    ];
    let mut expected = Vec::new();
    for (at, deeds) in histories.iter().enumerate() {
        for (way, grow) in grown.iter().enumerate() {
            let mut alert = numbered((at * 10 + way + 1) as u128, 1, 30);
            insert(&store, &alert).await;
            let mut actions = Vec::new();
            for (second, deed) in (0..).zip(deeds) {
                actions.push(action(&alert, second, deed.clone()));
                // The same again is the same.
                for _ in 0..2 {
                    store
                        .record_action(&actions[actions.len() - 1])
                        .await
                        .unwrap();
                }
            }
            alert.revision = 2;
            grow(&mut alert);
            insert(&store, &alert).await;
            assert_eq!(store.actions_of(alert.id).await.unwrap(), actions);
            let stands = state(&actions, Seen::of(&alert)).name().to_owned();
            expected.push((alert.id.to_string(), stands));
        }
    }
    expected.sort();
    assert_eq!(listed(&store, AlertFilter::default()).await, expected);
    let only = AlertFilter {
        states: vec!["closed_false", "in_work"],
        least: Some(Level::High),
        family: Some(alert(1, 1).rule.family),
        entities: vec![alert(1, 1).entity.value.to_string()],
        since: Some(alert(1, 1).last.plus_micros(-3_600_000_000)),
        limit: 100,
        ..AlertFilter::default()
    };
    expected.retain(|(_, state)| ["closed_false", "in_work"].contains(&state.as_str()));
    assert!(expected.len() > 5);
    assert_eq!(listed(&store, only).await, expected);
}

#[tokio::test]
async fn an_entity_has_its_own_alerts_those_of_several_and_those_that_show_it() {
    let server = Server::start();
    let store = server.store().await;
    let about = |id: u128, kind: EntityKind, value: &str| {
        let mut alert = numbered(id, 1, 5);
        alert.entity.kind = kind;
        alert.entity.value = value.into();
        alert
    };
    let alerts = [
        about(1, EntityKind::Client, "admin"),
        about(2, EntityKind::Subject, "admin"),
        about(3, EntityKind::Client, "admin | curl"),
        about(4, EntityKind::Client, "administrator"),
        about(5, EntityKind::Operation, r"GET /a\|b | 404"),
    ];
    for alert in &alerts {
        insert(&store, alert).await;
    }
    let ids = async |kind: Option<EntityKind>, value: &str| {
        let filter = AlertFilter {
            about: Some((kind, value.to_owned())),
            ..AlertFilter::default()
        };
        let lines = listed(&store, filter).await;
        let ids = lines.iter().map(|(id, _)| id.parse::<Uuid>().unwrap());
        ids.map(|id| id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(ids(Some(EntityKind::Client), "admin").await, [1, 3]);
    assert_eq!(ids(Some(EntityKind::Subject), "admin").await, [2]);
    assert_eq!(ids(None, "admin").await, [1, 2, 3]);
    assert_eq!(ids(Some(EntityKind::Operation), "GET /a|b").await, [5]);
    server
        .ask("ALTER TABLE alerts UPDATE callers = ['client:administrator', 'subject:p_1'] WHERE entity = 'administrator' SETTINGS mutations_sync = 1")
        .await
        .unwrap();
    assert_eq!(ids(Some(EntityKind::Subject), "p_1").await, [4]);
    assert_eq!(ids(None, "p_1").await, [4]);
}

#[tokio::test]
async fn a_list_is_of_one_level_a_requirement_a_time_or_a_title_in_another_language() {
    let server = Server::start();
    let store = server.store().await;
    let high = numbered(1, 1, 5);
    let mut critical = numbered(2, 1, 5);
    critical.rule.level = Level::Critical;
    critical.rule.tags = vec!["requirement.aut-06".to_owned()];
    for alert in [&high, &critical] {
        insert(&store, alert).await;
    }
    let count = async |filter: AlertFilter| listed(&store, filter).await.len();
    let all = AlertFilter::default();
    let least = AlertFilter {
        least: Some(Level::High),
        ..all.clone()
    };
    assert_eq!(count(least).await, 2);
    let only = AlertFilter {
        level: Some(Level::High),
        ..all.clone()
    };
    assert_eq!(count(only).await, 1);
    let tag = AlertFilter {
        tag: Some("requirement.sec-01".to_owned()),
        ..all.clone()
    };
    assert_eq!(count(tag).await, 1);
    let before = AlertFilter {
        until: Some(high.first),
        ..all.clone()
    };
    assert_eq!(count(before).await, 0);
    let words = AlertFilter {
        text: Some("старый".to_owned()),
        ..all.clone()
    };
    assert_eq!(count(words.clone()).await, 0);
    let titled = vec![high.rule.id.to_string()];
    assert_eq!(count(AlertFilter { titled, ..words }).await, 2);
}

#[tokio::test]
async fn what_a_rule_on_trial_would_have_alerted_is_counted_for_it() {
    let server = Server::start();
    let store = server.store().await;
    let mut on_trial = numbered(1, 1, 5);
    on_trial.shadow = true;
    on_trial.rule.id = Uuid::from_u128(9);
    let live = numbered(2, 1, 5);
    for alert in [&on_trial, &live] {
        insert(&store, alert).await;
    }
    let close = action(&live, 0, Deed::Close(Verdict::True));
    store.record_action(&close).await.unwrap();
    let since = live.first.plus_micros(-1);
    let mut outcomes = store.rule_outcomes(since).await.unwrap();
    outcomes.sort_by(|a, b| a.rule.cmp(&b.rule));
    let counts: Vec<(u64, u64)> = outcomes
        .iter()
        .map(|it| (it.alerts, it.called_true))
        .collect();
    assert_eq!(outcomes[1].rule, on_trial.rule.id.to_string());
    assert_eq!(counts, [(1, 1), (1, 0)]);
}

#[tokio::test]
async fn the_audit_has_deeds_on_alerts_and_decisions_too() {
    let server = Server::start();
    let store = server.store().await;
    let alert = numbered(1, 1, 5);
    insert(&store, &alert).await;
    let close = action(&alert, 1, Deed::Close(Verdict::True));
    store.record_action(&close).await.unwrap();
    let assign = action(
        &alert,
        2,
        Deed::Assign {
            to: "boris".to_owned(),
        },
    );
    store.record_action(&assign).await.unwrap();
    let now = Timestamp::from_seconds(1_800_000_010);
    let target = Target::parse("ip", "192.0.2.1").unwrap();
    let steps = blocked(target, 60_000_000, "boris", "a scan", now);
    store.record_decisions(&steps).await.unwrap();
    let account = AuditRow {
        time: Timestamp::from_seconds(1_800_000_005),
        actor: "root".to_owned(),
        action: "added",
        object_kind: "account".to_owned(),
        object: "anna".to_owned(),
        title: "account anna added".to_owned(),
        detail: "{\"role\":\"analyst\",\"address\":\"192.0.2.7\",\"reason\":\"add\"}".to_owned(),
        before: 0,
    };
    store.record_changes(&[account]).await.unwrap();
    let lines = async |filter: AuditFilter| {
        let limit = filter.limit.max(1);
        let filter = AuditFilter { limit, ..filter };
        let lines = store.audit_lines(&filter).await.unwrap();
        let lines = lines
            .iter()
            .map(|it| format!("{} {}: {}", it.object_kind, it.action, it.title));
        lines.collect::<Vec<String>>()
    };
    let all = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    let expected = [
        "decision approved: a scan",
        "decision proposed: a scan",
        "account added: account anna added",
        "alert assign: boris: so it is; DROP TABLE alerts \\",
        "alert close: so it is; DROP TABLE alerts \\",
    ];
    let mut found = lines(all.clone()).await;
    found[..2].sort();
    assert_eq!(found, expected);
    let second = AuditFilter {
        offset: 3,
        limit: 1,
        ..all.clone()
    };
    assert_eq!(lines(second).await, expected[3..4]);
    let of_one = AuditFilter {
        actor: "ПЕТРОВА".to_owned(),
        action: "close".to_owned(),
        ..all.clone()
    };
    assert_eq!(lines(of_one).await, expected[4..]);
    let of_alerts = AuditFilter {
        kind: "alert".to_owned(),
        ..all.clone()
    };
    assert_eq!(lines(of_alerts).await, expected[3..]);
    let between = AuditFilter {
        since: Some(Timestamp::from_seconds(1_800_000_005)),
        until: Some(now),
        ..all.clone()
    };
    assert_eq!(lines(between.clone()).await, expected[2..3]);
    let line = store.audit_lines(&between).await.unwrap().remove(0);
    assert_eq!(
        [line.role, line.address, line.reason],
        ["analyst", "192.0.2.7", "add"]
    );
    let of_accounts = AuditFilter {
        only: &["account", "person"],
        ..all.clone()
    };
    assert_eq!(lines(of_accounts).await, expected[2..3]);
    let of_nothing = AuditFilter {
        kind: "alert".to_owned(),
        only: &["account", "person"],
        ..all
    };
    assert!(lines(of_nothing).await.is_empty());
}

#[tokio::test]
async fn a_password_that_was_reset_is_told_from_a_second_factor_that_was_taken_away() {
    let server = Server::start();
    let store = server.store().await;
    let row = |second, action, title: &str| AuditRow {
        time: Timestamp::from_seconds(1_800_000_000 + second),
        actor: "root".to_owned(),
        action,
        object_kind: "account".to_owned(),
        object: "anna".to_owned(),
        title: title.to_owned(),
        detail: "no JSON".to_owned(),
        before: second,
    };
    let rows = [
        row(1, "reset", "password of anna reset"),
        // As it was called once.
        row(2, "reset", "second factor of anna taken away"),
        row(3, "factor_reset", "second factor of anna taken away"),
    ];
    store.record_changes(&rows).await.unwrap();
    let actions = async |action: &str| {
        let filter = AuditFilter {
            action: action.to_owned(),
            limit: 10,
            ..AuditFilter::default()
        };
        let lines = store.audit_lines(&filter).await.unwrap();
        let lines = lines.into_iter().map(|it| it.action);
        lines.collect::<Vec<String>>()
    };
    assert_eq!(actions("").await, ["factor_reset", "factor_reset", "reset"]);
    assert_eq!(actions("factor_reset").await.len(), 2);
}

#[tokio::test]
async fn messages_of_the_webhook_are_part_of_what_became_of_an_alert() {
    let server = Server::start();
    let store = server.store().await;
    let alert = Uuid::from_u128(1);
    for (second, stage, outcome) in [(2, "critical/1", "refused"), (1, "high/0", "sent")] {
        let delivery = Delivery {
            alert,
            stage: stage.to_owned(),
            time: Timestamp::from_seconds(1_800_000_000 + second),
            outcome,
            status: 200,
            attempts: 1,
        };
        store.record_delivery(&delivery).await.unwrap();
    }
    let lines = store.deliveries_of(alert).await.unwrap();
    let told: Vec<(&str, &str)> = lines
        .iter()
        .map(|it| (it.level.as_str(), it.outcome.as_str()))
        .collect();
    assert_eq!(told, [("high", "sent"), ("critical", "refused")]);
    assert_eq!(store.deliveries_of(Uuid::from_u128(2)).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_called_false_narrows_until_it_is_opened_again() {
    let server = Server::start();
    let store = server.store().await;
    let mut odd = numbered(1, 1, 30);
    odd.rule.family = "behaviour".to_owned();
    odd.reason = Reason::Baseline {
        metric: "calls an hour".to_owned(),
        observed: 90.0,
        expected: 4.0,
        probability: 1.25e-4,
        features: Vec::new(),
    };
    let of_a_rule = numbered(2, 1, 30);
    for alert in [&odd, &of_a_rule] {
        insert(&store, alert).await;
        let close = action(alert, 0, Deed::Close(Verdict::False));
        store.record_action(&close).await.unwrap();
    }
    let decided = store.decided().await.unwrap();
    let time = Timestamp::from_seconds(1_800_000_000);
    let narrowing = Narrowing::of(&odd, "Анна 'DPO' Петрова", time).unwrap();
    assert_eq!(decided.narrowings, [narrowing]);
    assert_eq!(decided.closed.len(), 2);
    let closing = Closing {
        time,
        verdict: Verdict::False,
        seen: Seen::of(&odd),
    };
    assert_eq!(decided.closed[&odd.id], closing);
    let view = "SELECT entity, metric, probability, actor FROM alert_narrowings";
    let shown = server.ask(view).await.unwrap();
    assert!(shown.contains("calls an hour\t0.000125"), "{shown}");
    let reopen = action(&odd, 1, Deed::Reopen);
    store.record_action(&reopen).await.unwrap();
    let decided = store.decided().await.unwrap();
    assert!(decided.narrowings.is_empty() && decided.closed.len() == 1);
    assert_eq!(server.ask(view).await.unwrap(), "");
    let found = store
        .alerts_beginning("00000000-0000-0000-0000-00000000000")
        .await;
    assert_eq!(found.unwrap().len(), 2);
    let found = store.alerts_beginning(&odd.id.to_string()).await.unwrap();
    assert_eq!(found, [odd]);
}

#[tokio::test]
async fn only_what_nobody_touched_for_long_enough_is_escalated() {
    let server = Server::start();
    let store = server.store().await;
    let untouched = numbered(1, 1, 30);
    let (touched, reopened) = (numbered(2, 1, 30), numbered(3, 1, 30));
    for alert in [&untouched, &touched, &reopened] {
        insert(&store, alert).await;
    }
    let acknowledged = action(&touched, 0, Deed::Acknowledge);
    store.record_action(&acknowledged).await.unwrap();
    for (second, deed) in [(0, Deed::Close(Verdict::True)), (600, Deed::Reopen)] {
        let action = action(&reopened, second, deed);
        store.record_action(&action).await.unwrap();
    }
    let ids = |minutes: i64| {
        let (store, first) = (store.clone(), untouched.first);
        async move {
            let before = if minutes == 0 {
                first
            } else {
                Timestamp::from_seconds(1_800_000_000 + minutes * 60)
            };
            let alerts = store
                .unacknowledged(Level::Low, before, first)
                .await
                .unwrap();
            let mut ids: Vec<(u128, i64)> = alerts
                .iter()
                .map(|it| (it.alert.id.as_u128(), it.since.since(first)))
                .collect();
            ids.sort_unstable();
            ids
        }
    };
    let opened = Timestamp::from_seconds(1_800_000_600).since(untouched.first);
    assert_eq!(
        ids(0).await,
        [(1, 0)],
        "the one that was reopened has its time from then on"
    );
    assert_eq!(ids(11).await, [(1, 0), (3, opened)]);
    let nothing = store
        .unacknowledged(Level::Critical, untouched.last, untouched.first)
        .await;
    assert!(
        nothing
            .unwrap()
            .iter()
            .all(|it| it.alert.rule.level == Level::Critical)
    );
}

#[tokio::test]
async fn many_of_one_level_do_not_hide_another_from_escalation() {
    let server = Server::start();
    let store = server.store().await;
    let at = numbered(1, 1, 30).last;
    let mut alerts: Vec<Alert> = (1..=521).map(|number| numbered(number, 1, 30)).collect();
    for alert in &mut alerts {
        (alert.first, alert.last) = (at, at);
        alert.rule.level = Level::Critical;
    }
    alerts[520].rule.level = Level::High;
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/many", &rows).await.unwrap();
    let found = store.unacknowledged(Level::High, at, at).await.unwrap();
    let high = found.iter().find(|it| it.alert.rule.level == Level::High);
    assert_eq!((found.len(), high.is_some()), (501, true));
}

#[tokio::test]
async fn what_was_closed_as_true_is_known_by_its_family_and_time() {
    let server = Server::start();
    let store = server.store().await;
    let at = numbered(1, 1, 30).last;
    let mut alerts: Vec<Alert> = (1..=7).map(|number| numbered(number, 1, 30)).collect();
    let mut closed = Vec::new();
    for alert in &mut alerts {
        (alert.first, alert.last) = (at.plus_micros(-7_200_000_000), at);
        alert.rule.family = "behaviour".to_owned();
        closed.push(Deed::Close(Verdict::True));
    }
    closed[1] = Deed::Close(Verdict::False);
    alerts[2].rule.family = "rate".to_owned();
    alerts[3].first = at.plus_micros(1);
    alerts[3].last = at.plus_micros(3_600_000_000);
    alerts[4].shadow = true;
    closed[5] = Deed::Acknowledge;
    for (alert, deed) in alerts.iter().zip(closed) {
        insert(&store, alert).await;
        let action = action(alert, 0, deed);
        store.record_action(&action).await.unwrap();
    }
    let reopened = action(&alerts[6], 1, Deed::Reopen);
    store.record_action(&reopened).await.unwrap();
    let confirmed = async |since: Timestamp, until: Timestamp| {
        let found = store.confirmed("behaviour", (since, until)).await;
        found.unwrap()
    };
    let after = at.plus_micros(1);
    // The one begins right after the other ends.
    assert_eq!(confirmed(at, after).await, [alerts[0].clone()]);
    assert_eq!(
        confirmed(after, after.plus_micros(1)).await,
        [alerts[3].clone()]
    );
    let both = [alerts[3].clone(), alerts[0].clone()];
    assert_eq!(confirmed(at, after.plus_micros(1)).await, both);
    let before = at.plus_micros(-7_200_000_000);
    assert!(confirmed(before.plus_micros(-1), before).await.is_empty());
}
