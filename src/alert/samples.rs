//! Alerts that tests write mails about.

use uuid::Uuid;

use crate::alert::Alert;
use crate::event::{Field, Position, Timestamp};
use crate::sigma::{Condition, CorrelationKind, Level, RuleMeta};
use crate::track::{Entity, EntityKind, Evidence, Note, PatternHit, Reason};

/// 2026-03-01T10:00:00Z.
pub(crate) const START: i64 = 1_772_359_200;

fn evidence(second: i64, target: &str, status: u16) -> Evidence {
    Evidence {
        time: Timestamp::from_seconds(START + second),
        position: Position {
            partition: 0,
            offset: second,
            stamped: None,
        },
        request_id: "req-1".into(),
        client_address: Some("203.0.113.7".parse().unwrap()),
        client_id: "mobile-app".into(),
        subject: "".into(),
        token_id: "".into(),
        integration: "residents".into(),
        method: "GET".into(),
        target: target.into(),
        status,
        user_agent: "okhttp/4.12".into(),
        hits: vec![],
    }
}

/// A client that walks through residents.
pub(crate) fn correlation() -> Alert {
    Alert {
        id: Uuid::from_u128(0x5f3a_0000_0000_5000_8000_0000_0000_0001),
        revision: 3,
        rule: RuleMeta {
            id: Uuid::from_u128(0xa1),
            title: "One client reads many residents".to_owned(),
            title_ru: Some("Один клиент перебирает жильцов".to_owned()),
            description: "A client asks for residents one after another. That is how a broken object level authorisation is used.".to_owned(),
            description_ru: Some("Клиент запрашивает жильцов одного за другим. Так используют нарушенный контроль доступа к объектам.".to_owned()),
            family: "enumeration".to_owned(),
            level: Level::High,
            tags: vec!["attack.t1213".to_owned(), "owasp.api1".to_owned(), "requirement.sec-06".to_owned(), "requirement.int-02".to_owned()],
            false_positives: vec!["Move-in day of a new building".to_owned()],
            false_positives_ru: vec!["День заселения нового дома".to_owned()],
            advice: Some("Ask the owner of the client whether this is a migration. If not, limit it at the gateway.".to_owned()),
            advice_ru: Some("Спросите владельца клиента, не перенос ли это данных. Если нет, ограничьте его на шлюзе.".to_owned()),
            entity: None,
            shadow: false,
        },
        rules: vec![Uuid::from_u128(0xa1)],
        entity: Entity { kind: EntityKind::Client, value: "mobile-app".into() },
        first: Timestamp::from_seconds(START),
        last: Timestamp::from_seconds(START + 250),
        count: 1_262,
        findings: 3,
        reason: Reason::Correlation {
            measure: CorrelationKind::ValueCount { fields: vec![Field::ResourceId] },
            observed: 52.0,
            condition: Condition::at_least(50.0),
            window_s: 300,
        },
        evidence: vec![evidence(0, "/residents/1041?expand=plates", 200), evidence(5, "/residents/1042?expand=plates", 404)],
        notes: vec![Note::Late { events: 3 }],
        shadow: false,
    }
}

/// A client that calls far more often than it used to.
pub(crate) fn baseline() -> Alert {
    Alert {
        reason: Reason::Baseline {
            metric: "requests a minute".to_owned(),
            observed: 950.0,
            expected: 12.5,
            probability: 3e-12,
            features: Vec::new(),
        },
        ..correlation()
    }
}

/// A record whose every text wants to be something else than text.
pub(crate) fn hostile() -> Alert {
    const EVIL: &str = "</td><script>alert(1)</script>\r\nBcc: victim@example.org\u{202e}\"'&<img src=x onerror=y>\u{0}\u{1b}[2J";
    let mut alert = correlation();
    alert.rule.title = format!("t{EVIL}");
    alert.rule.title_ru = None;
    alert.rule.description = format!("d{EVIL}");
    alert.rule.description_ru = None;
    alert.rule.tags = vec![format!("requirement.{EVIL}"), EVIL.to_owned()];
    alert.rule.false_positives = vec![EVIL.to_owned()];
    alert.rule.false_positives_ru.clear();
    alert.rule.advice = Some(EVIL.to_owned());
    alert.rule.level = Level::Critical;
    alert.rule.family = EVIL.to_owned();
    alert.notes = vec![Note::Text(EVIL.to_owned())];
    alert.entity = Entity {
        kind: EntityKind::Address,
        value: "203.0.113.9".into(),
    };
    let hit = PatternHit {
        field: EVIL.into(),
        pattern: EVIL.into(),
    };
    alert.reason = Reason::Pattern {
        hits: vec![hit.clone()],
    };
    for evidence in &mut alert.evidence {
        evidence.client_id = EVIL.into();
        evidence.method = EVIL.into();
        evidence.target = EVIL.into();
        evidence.user_agent = EVIL.into();
        evidence.hits = vec![hit.clone()];
    }
    alert
}
