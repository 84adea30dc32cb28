//! The list of incidents: what is found among the first alerts is what all of them give.

use gatewatch::alert::{Alert, Link};
use gatewatch::event::Timestamp;
use gatewatch::sigma::Level;
use gatewatch::store::{Store, alert_rows};
use uuid::Uuid;

use super::people::alert;
use super::server::Server;

const LEVELS: [Level; 5] = [
    Level::Informational,
    Level::Low,
    Level::Medium,
    Level::High,
    Level::Critical,
];
const START: i64 = 1_800_000_000;
const INCIDENTS: u128 = 200;
/// Alerts of an incident.
const ALERTS: u128 = 3;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

fn alert_id(incident: u128, number: u128) -> Uuid {
    Uuid::from_u128(incident * ALERTS + number + 1)
}

/// One of the alerts of an incident; of the first incident one is critical and the oldest of all, another the newest of all.
fn of_incident(incident: u128, number: u128) -> Alert {
    let (level, second) = match (incident, number) {
        (0, 0) => (4, 0),
        (0, 1) => (0, 5_000),
        _ => (
            (incident * 7 + incident / 5 + number * 3) % 5,
            1_000 + (incident * 37 + number * 101) % 3_000,
        ),
    };
    let time = at(second as i64);
    let mut alert = Alert {
        id: alert_id(incident, number),
        first: time,
        last: time,
        ..alert(1, 5)
    };
    alert.rule.level = LEVELS[level as usize];
    alert
}

/// Whether somebody closed it: each fourth, and all of each tenth incident.
fn is_closed(incident: u128, number: u128) -> bool {
    incident > 0 && ((incident + number).is_multiple_of(4) || incident % 10 == 9)
}

fn link(incident: u128, number: u128, into: u128) -> Link {
    Link {
        alert: alert_id(incident, number),
        incident: alert_id(into, 0),
    }
}

async fn fill(server: &Server, store: &Store) {
    let all = || (0..INCIDENTS).flat_map(|it| (0..ALERTS).map(move |number| (it, number)));
    let alerts: Vec<Alert> = all().map(|(it, number)| of_incident(it, number)).collect();
    let rows = alert_rows(&alerts).unwrap();
    store.insert("alerts/all", &rows).await.unwrap();
    let links: Vec<Link> = all().map(|(it, number)| link(it, number, it)).collect();
    store.record_links(&links, at(0)).await.unwrap();
    // One incident takes another in.
    let joined: Vec<Link> = (0..ALERTS).map(|number| link(7, number, 6)).collect();
    store.record_links(&joined, at(1)).await.unwrap();
    let closed = all().filter(|(it, number)| is_closed(*it, *number));
    let closed: Vec<String> = closed
        .map(|(it, number)| format!("'{}'", alert_id(it, number)))
        .collect();
    let close = format!(
        "INSERT INTO alert_actions (alert_id, time, actor, action, count, level, rules) \
         SELECT id, now64(6), 'ana', 'close', count, level, length(rules) FROM alerts WHERE id IN ({})",
        closed.join(", ")
    );
    server.ask(&close).await.unwrap();
    // One that was closed shows ten times as many events since.
    let grown = Alert {
        revision: 2,
        count: 50,
        ..of_incident(9, 1)
    };
    let rows = alert_rows(std::slice::from_ref(&grown)).unwrap();
    store.insert("alerts/grown", &rows).await.unwrap();
}

/// Asks for ranges of the list, and the view for the same; how many lines there were.
async fn compared(server: &Server, store: &Store, since: i64, ranges: &[(u32, u32)]) -> usize {
    let since = at(since);
    let mut lines = 0;
    for is_all in [false, true] {
        for (offset, limit) in ranges {
            let found = store.linked_incidents(is_all, since, (*offset, *limit));
            let found: Vec<String> = found.await.unwrap().into_iter().map(|it| it.id).collect();
            let view = format!(
                "SELECT it.incident FROM linked_incidents AS it WHERE ({is_all} OR it.open > 0) AND it.last >= fromUnixTimestamp64Micro({}) \
                 ORDER BY it.open > 0 DESC, it.level DESC, it.last DESC, it.incident LIMIT {limit} OFFSET {offset}",
                since.micros()
            );
            let view = server.ask(&view).await.unwrap();
            let expected: Vec<&str> = view.lines().collect();
            assert_eq!(found, expected, "{is_all} {since} {offset} {limit}");
            lines += found.len();
        }
    }
    lines
}

#[tokio::test]
async fn what_is_found_among_the_first_alerts_is_what_all_give() {
    let server = Server::start();
    let store = server.store().await;
    fill(&server, &store).await;
    let ranges = [
        (0, 1),
        (0, 3),
        (3, 3),
        (6, 10),
        (0, 20),
        (20, 17),
        (0, 50),
        (160, 50),
    ];
    assert!(compared(&server, &store, 0, &ranges).await > 250);
    assert!(compared(&server, &store, 3_500, &ranges).await > 50);
}

/// Of 40,000 alerts, two an incident, each hundredth is of a high level and a third is closed.
#[tokio::test]
async fn a_few_bad_ones_are_found_among_many() {
    let server = Server::start();
    let store = server.store().await;
    let rows = alert_rows(&[of_incident(0, 0)]).unwrap();
    store.insert("alerts/one", &rows).await.unwrap();
    for sql in [
        "INSERT INTO alerts (id, revision, rule, rules, title, family, level, shadow, tags, entity_kind, entity, first, last, count, findings, reason, json, callers) \
         SELECT toUUID(concat('00000000-0000-0000-0001-', leftPad(toString(number), 12, '0'))), revision, rule, rules, title, family, if(number % 100 = 0, 3, 1), 0, tags, \
         entity_kind, entity, first, addSeconds(last, cityHash64(number) % 2000000), count, findings, reason, json, callers \
         FROM numbers(40000) AS n CROSS JOIN (SELECT * FROM alerts FINAL LIMIT 1) AS alert",
        "INSERT INTO alert_links (alert, incident, time) \
         SELECT toUUID(concat('00000000-0000-0000-0001-', leftPad(toString(number), 12, '0'))), \
         toUUID(concat('00000000-0000-0000-0001-', leftPad(toString(number - number % 2), 12, '0'))), now64(6) FROM numbers(40000)",
        "INSERT INTO alert_actions (alert_id, time, actor, action, count, level, rules) \
         SELECT id, now64(6), 'ana', 'close', count, level, length(rules) FROM alerts WHERE cityHash64(id) % 3 = 0",
    ] {
        server.ask(sql).await.unwrap();
    }
    let ranges = [(0, 3), (0, 20), (20, 2), (390, 20)];
    assert_eq!(compared(&server, &store, 0, &ranges).await, 90);
}

#[tokio::test]
async fn an_incident_stands_by_its_open_alerts_and_by_its_newest_one() {
    let server = Server::start();
    let store = server.store().await;
    fill(&server, &store).await;
    let always = Timestamp::from_seconds(0);
    let first = store.linked_incidents(false, always, (0, 1)).await.unwrap();
    // Its one critical alert is older than those of all others, and its newest alert is newer.
    assert_eq!(first[0].id, alert_id(0, 0).to_string());
    assert_eq!((first[0].level.as_str(), first[0].open), ("critical", 3));
    let all = store
        .linked_incidents(true, always, (0, 300))
        .await
        .unwrap();
    let line = |incident: u128| {
        let id = alert_id(incident, 0).to_string();
        let line = all.iter().find(|line| line.id == id);
        line.map(|line| (line.alerts, line.open))
    };
    assert_eq!(line(6), Some((6, 4)), "it took another in");
    assert_eq!(line(7), None);
    assert_eq!(line(9), Some((3, 1)), "one of it is open again");
    assert_eq!(line(19), Some((3, 0)));
    // Its newest alert is closed, and it is listed by that all the same.
    let second = alert_id(2, 0).to_string();
    let second = all.iter().find(|line| line.id == second).unwrap();
    assert!(is_closed(2, 2));
    assert_eq!(
        (second.open, second.last),
        (2, of_incident(2, 2).last.micros())
    );
}
