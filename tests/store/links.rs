//! Incidents: which alerts belong together, as it is kept and asked for.

use gatewatch::alert::{Alert, Linker};
use gatewatch::event::{Position, Timestamp};
use gatewatch::store::{AlertFilter, Cursor, Store, Subject, alert_rows};
use gatewatch::track::{EntityKind, Evidence};
use gatewatch::triage::{Action, Deed, Seen, Verdict};
use uuid::Uuid;

use super::people::alert;
use super::server::Server;

/// An alert about an entity, with one sample event of an address and a subject.
fn about(
    id: u128,
    (kind, value): (EntityKind, &str),
    address: &str,
    subject: &str,
    integration: &str,
) -> Alert {
    let mut alert = alert(1, 5);
    alert.id = Uuid::from_u128(id);
    alert.entity.kind = kind;
    alert.entity.value = value.into();
    alert.evidence = vec![Evidence {
        time: alert.first,
        position: Position {
            partition: 0,
            offset: 1,
            stamped: None,
        },
        request_id: "".into(),
        client_address: Some(address.parse().unwrap()),
        client_id: "".into(),
        subject: subject.into(),
        token_id: "".into(),
        integration: integration.into(),
        method: "GET".into(),
        target: "/".into(),
        status: 200,
        user_agent: "".into(),
        hits: vec![],
    }];
    alert
}

async fn insert(store: &Store, alert: &Alert) {
    let rows = alert_rows(std::slice::from_ref(alert)).unwrap();
    let token = format!("alerts/{}/{}", alert.id, alert.revision);
    store.insert(&token, &rows).await.unwrap();
}

/// Links what is stored, as the service does; how many links were new.
async fn link(store: &Store, linker: &mut Linker, at: i64) -> usize {
    // Two at a time: none is passed over.
    let mut behind = Some(Cursor {
        stored: 0,
        id: Uuid::nil(),
    });
    let (mut links, mut seen) = (Vec::new(), 0);
    while let Some(cursor) = behind {
        let (alerts, next) = store.linkable(cursor, 2).await.unwrap();
        links.extend(alerts.iter().flat_map(|alert| linker.take(alert)));
        seen += alerts.len();
        behind = next;
    }
    assert_eq!(seen, listed(store, AlertFilter::default()).await.len());
    assert!(store.clock().await.unwrap() > 1_700_000_000);
    let now = Timestamp::from_seconds(1_800_000_000 + at);
    store.record_links(&links, now).await.unwrap();
    links.len()
}

async fn listed(store: &Store, filter: AlertFilter) -> Vec<u128> {
    let limit = 100;
    let filter = AlertFilter { limit, ..filter };
    let lines = store.list_alerts(&filter).await.unwrap();
    let ids = lines.iter().map(|line| line.id.parse::<Uuid>().unwrap());
    let mut ids: Vec<u128> = ids.map(|id| id.as_u128()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn alerts_of_one_attacker_are_one_incident_until_it_is_dealt_with() {
    let server = Server::start();
    let store = server.store().await;
    let attacker = "203.0.113.7";
    let person = "s_0123456789abcdef";
    let alerts = [
        about(1, (EntityKind::Address, attacker), attacker, "", "faces"),
        about(
            2,
            (EntityKind::Subject, person),
            attacker,
            person,
            "barriers",
        ),
        about(
            3,
            (EntityKind::Address, "192.0.2.1"),
            "192.0.2.1",
            "",
            "faces",
        ),
    ];
    for alert in &alerts {
        insert(&store, alert).await;
    }
    let mut linker = Linker::default();
    assert_eq!(link(&store, &mut linker, 0).await, 2);
    assert_eq!(link(&store, &mut linker, 1).await, 0);
    // Another that begins anew knows what is on record.
    assert_eq!(link(&store, &mut Linker::default(), 2).await, 0);

    let incident = store.incident_of(alerts[1].id).await.unwrap();
    assert_eq!(incident, Some(alerts[0].id));
    assert_eq!(store.incident_of(alerts[2].id).await.unwrap(), None);
    let of_it = || AlertFilter {
        incident,
        ..AlertFilter::default()
    };
    assert_eq!(listed(&store, of_it()).await, [1, 2]);
    let faces = AlertFilter {
        integration: Some("faces".to_owned()),
        ..AlertFilter::default()
    };
    assert_eq!(listed(&store, faces).await, [1, 3]);
    let callers = store.shared_callers(alerts[0].id).await.unwrap();
    let callers: Vec<(&str, u64)> = callers
        .iter()
        .map(|it| (it.caller.as_str(), it.alerts))
        .collect();
    assert_eq!(callers, [("address:203.0.113.7", 2)]);

    let since = Timestamp::from_seconds(0);
    let open = async || store.linked_incidents(false, since, (0, 10)).await.unwrap();
    let found = open().await;
    assert_eq!(found.len(), 1);
    let one = store.linked_incident(alerts[0].id).await.unwrap();
    assert_eq!(one.as_ref(), found.first());
    assert_eq!(store.linked_incident(alerts[2].id).await.unwrap(), None);
    // The view, which analysts ask, says the same.
    let line = &found[0];
    let said = "SELECT concat(toString(incident), ' ', toString(level), ' ', title, ' ', toString(rule), ' ', toString(alerts), ' ', toString(open)) FROM linked_incidents";
    let expected = format!(
        "{} {} {} {} {} {}",
        line.id, line.level, line.title, line.rule, line.alerts, line.open
    );
    assert_eq!(server.ask(said).await.unwrap().trim(), expected);
    let both = store.linked_alerts(alerts[0].id).await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!((found[0].alerts, found[0].open), (2, 2));
    assert_eq!(found[0].integrations, ["barriers", "faces"]);
    let entities = [format!("address:{attacker}"), format!("subject:{person}")];
    assert_eq!(found[0].entities, entities);
    for alert in &alerts[..2] {
        let close = Action {
            alert: alert.id,
            time: Timestamp::from_seconds(1_800_000_000),
            actor: "anna".to_owned(),
            deed: Deed::Close(Verdict::True),
            comment: String::new(),
            seen: Seen::of(alert),
        };
        store.record_action(&close).await.unwrap();
    }
    assert_eq!(open().await, []);
    let all = store.linked_incidents(true, since, (0, 10)).await;
    assert_eq!(all.unwrap()[0].open, 0);

    let kin = store.kin_of(&alerts[1]).await.unwrap();
    let ids: Vec<Uuid> = kin.alerts.iter().map(|alert| alert.id).collect();
    assert_eq!((ids, kin.more), (vec![alerts[0].id], 0));
    assert_eq!(kin.root(&alerts[1]), Some(alerts[0].id));
    let nobodys = store.kin_of(&alerts[2]).await.unwrap();
    assert!(nobodys.alerts.is_empty() && nobodys.root(&alerts[2]).is_none());

    // A bridge between what was apart: all three and it are one.
    let bridge = about(4, (EntityKind::Address, "192.0.2.1"), attacker, "", "faces");
    insert(&store, &bridge).await;
    assert_eq!(link(&store, &mut linker, 3).await, 2);
    assert_eq!(listed(&store, of_it()).await, [1, 2, 3, 4]);

    // Nothing of a person is left of it.
    let subject = Subject::new(vec![person.to_owned()]).unwrap();
    store.erase_subject(&subject).await.unwrap();
    assert_eq!(listed(&store, of_it()).await, [1, 3, 4]);
    let left = "SELECT count() FROM alerts WHERE has(callers, 'subject:s_0123456789abcdef')";
    assert_eq!(server.ask(left).await.unwrap().trim(), "0");
}
