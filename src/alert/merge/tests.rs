use super::*;
use crate::config;
use crate::event::Position;
use crate::sigma::{Condition, CorrelationKind, Level};
use crate::track::testing::{client, evidence, meta};
use crate::track::{Feature, Note, Plan, Reason, finding_id};

const WIDTH: i64 = 100_000_000;

fn finding(rule: u128, name: &str, seconds: i64) -> Finding {
    let time = Timestamp::from_seconds(seconds);
    let position = Position {
        partition: 0,
        offset: seconds,
        stamped: None,
    };
    let entity = client(name);
    Finding {
        id: finding_id(Uuid::from_u128(rule), &entity, time),
        rule: Uuid::from_u128(rule),
        entity,
        within: CompactString::default(),
        first: time,
        last: time,
        count: 1,
        reason: Reason::Correlation {
            measure: CorrelationKind::EventCount,
            observed: f64::from(u32::try_from(rule).unwrap()),
            condition: Condition::at_least(1.0),
            window_s: 60,
        },
        evidence: vec![evidence(time, position)],
        notes: Vec::new(),
    }
}

fn merge(merger: &mut Merger, rule: u128, level: Level, name: &str, seconds: i64) -> Uuid {
    let meta = meta(rule, "injection", level);
    merger.merge(
        finding(rule, name, seconds),
        &meta,
        Timestamp::from_seconds(seconds),
    )
}

#[test]
fn findings_of_one_family_and_entity_are_one_alert_with_a_counter() {
    let mut merger = Merger::new(WIDTH, 10);
    let first = merge(&mut merger, 1, Level::Low, "a", 10);
    let second = merge(&mut merger, 2, Level::High, "a", 20);
    let third = merge(&mut merger, 1, Level::Low, "a", 110);
    assert_eq!((first, first), (second, third));
    assert_ne!(first, merge(&mut merger, 1, Level::Low, "b", 110));
    let changed = merger.changed();
    let alert = changed.iter().find(|alert| alert.id == first).unwrap();
    assert_eq!((alert.count, alert.findings, alert.revision), (3, 3, 3));
    assert_eq!((alert.first.seconds(), alert.last.seconds()), (10, 110));
    assert_eq!(
        alert.rule.id,
        Uuid::from_u128(2),
        "the highest level speaks"
    );
    assert!(
        matches!(alert.reason, Reason::Correlation { observed, .. } if observed > 1.5),
        "with its own reason"
    );
    assert_eq!(alert.rules, [Uuid::from_u128(1), Uuid::from_u128(2)]);
    assert!(merger.changed().is_empty());
}

#[test]
fn an_alert_closes_when_no_finding_came_for_the_width_of_a_bucket() {
    let mut merger = Merger::new(WIDTH, 10);
    let first = merge(&mut merger, 1, Level::Low, "a", 10);
    assert_eq!(first, merge(&mut merger, 1, Level::Low, "a", 110));
    let next = merge(&mut merger, 1, Level::Low, "a", 211);
    assert_ne!(first, next);
    let changed = merger.changed();
    let counts: Vec<_> = [first, next]
        .map(|id| changed.iter().find(|alert| alert.id == id).unwrap())
        .map(|alert| (alert.count, alert.revision))
        .into();
    assert_eq!(counts, [(2, 2), (1, 1)], "the closed one is told too");
    merger.expire(Timestamp::from_seconds(311));
    assert_eq!(merger.open(), 1);
    merger.expire(Timestamp::from_seconds(312));
    assert_eq!(merger.open(), 0);
}

#[test]
fn evidence_keeps_the_first_five_and_the_last_five() {
    let mut merger = Merger::new(WIDTH, 10);
    for seconds in 0..30 {
        merge(&mut merger, 1, Level::Low, "a", seconds);
    }
    let alert = merger.changed().remove(0);
    let kept: Vec<i64> = alert
        .evidence
        .iter()
        .map(|event| event.time.seconds())
        .collect();
    assert_eq!(kept, [0, 1, 2, 3, 4, 25, 26, 27, 28, 29]);
}

#[test]
fn for_want_of_room_the_least_recent_alert_closes_and_its_id_never_falls_back() {
    let mut merger = Merger::new(WIDTH, 2);
    let first = merge(&mut merger, 1, Level::Low, "a", 10);
    merge(&mut merger, 1, Level::Low, "b", 11);
    merge(&mut merger, 1, Level::Low, "c", 12);
    let told = merger.changed();
    let closed = told.iter().find(|alert| alert.id == first).unwrap();
    assert!(closed.notes[0] == Note::ClosedEarly, "{:?}", closed.notes);
    assert_eq!(merger.evicted(), 1);
    assert_eq!(
        merge(&mut merger, 1, Level::Low, "a", 13),
        first,
        "same bucket, same id"
    );
    let again = merger.changed();
    let again = again.iter().find(|alert| alert.id == first).unwrap();
    assert!(again.revision > closed.revision);
}

#[test]
fn open_alerts_survive_a_snapshot() {
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    let mut merger = Merger::new(plan.merge_us(), 10);
    for seconds in 0..20 {
        merge(&mut merger, 1, Level::Low, "a", seconds);
        merge(&mut merger, 2, Level::High, "b", seconds);
    }
    merger.changed();
    let mut restored = Merger::restore(&plan, &merger.snapshot()).unwrap();
    assert!(restored.changed().is_empty());
    for merger in [&mut merger, &mut restored] {
        merge(merger, 1, Level::Low, "a", 30);
        merge(merger, 1, Level::Low, "b", 31);
    }
    let (expected, found) = (merger.changed(), restored.changed());
    assert_eq!(expected, found);
    assert_eq!(found.len(), 2);
}

#[test]
fn an_entity_that_is_weighed_in_two_places_has_an_alert_for_each_also_after_a_snapshot() {
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    let mut merger = Merger::new(plan.merge_us(), 10);
    let meta = meta(1, "behaviour", Level::Medium);
    let odd = |within: &str, seconds| Finding {
        within: within.into(),
        ..finding(1, "a", seconds)
    };
    let mut ids = Vec::new();
    for within in ["", "faces", "plates"] {
        let turn = Timestamp::from_seconds(10);
        ids.push(merger.merge(odd(within, 10), &meta, turn));
    }
    let alerts = merger.changed();
    assert_eq!(alerts.len(), 3, "{alerts:?}");
    assert!(alerts.iter().all(|alert| alert.findings == 1));
    assert_eq!(
        ids[0],
        alert_id("behaviour", &client("a"), "", Timestamp::from_seconds(0))
    );
    let mut restored = Merger::restore(&plan, &merger.snapshot()).unwrap();
    let more = restored.merge(odd("faces", 20), &meta, Timestamp::from_seconds(20));
    assert_eq!(more, ids[1]);
    let grown = restored.changed();
    assert_eq!((grown.len(), grown[0].findings), (1, 2));
}

#[test]
fn the_features_of_a_finding_survive_a_snapshot() {
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    let mut merger = Merger::new(plan.merge_us(), 10);
    let mut odd = finding(1, "a", 10);
    let feature = Feature {
        metric: "hours with a new network".to_owned(),
        value: "198.51.100.0/24".to_owned(),
        observed: 1.0,
        expected: 0.01,
        probability: 0.002,
    };
    let reason = |features| Reason::Baseline {
        metric: "calls an hour".to_owned(),
        observed: 9.0,
        expected: 1.0,
        probability: 1e-6,
        features,
    };
    odd.reason = reason(vec![feature.clone(), feature]);
    let mut plain = finding(2, "b", 10);
    plain.reason = reason(Vec::new());
    let meta = meta(1, "behaviour", Level::Low);
    for finding in [odd.clone(), plain.clone()] {
        merger.merge(finding, &meta, Timestamp::from_seconds(10));
    }
    merger.changed();
    let mut restored = Merger::restore(&plan, &merger.snapshot()).unwrap();
    for name in ["a", "b"] {
        let more = finding(1, name, 20);
        restored.merge(more, &meta, Timestamp::from_seconds(20));
    }
    let alerts = restored.changed();
    let reasons: Vec<&Reason> = alerts.iter().map(|alert| &alert.reason).collect();
    assert!(reasons.contains(&&odd.reason), "{reasons:?}");
    assert!(reasons.contains(&&plain.reason), "{reasons:?}");
}

#[test]
fn a_broken_snapshot_is_refused() {
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    let mut bytes = Merger::new(WIDTH, 2).snapshot();
    bytes.pop();
    assert!(Merger::restore(&plan, &bytes).is_err());
    assert!(Merger::restore(&plan, &[]).is_err());
}

#[test]
fn the_oddest_of_what_is_unusual_is_what_an_alert_tells() {
    let mut merger = Merger::new(WIDTH, 10);
    let meta = meta(1, "behaviour", Level::Medium);
    for (seconds, name, probability) in [
        (10, "calls", 1e-5),
        (20, "records", 1e-12),
        (30, "bytes", 1e-6),
    ] {
        let reason = Reason::Baseline {
            metric: name.to_owned(),
            observed: 1.0,
            expected: 0.0,
            probability,
            features: Vec::new(),
        };
        let found = Finding {
            reason,
            ..finding(1, "a", seconds)
        };
        merger.merge(found, &meta, Timestamp::from_seconds(seconds));
    }
    let alert = merger.changed().remove(0);
    let Reason::Baseline { metric, .. } = &alert.reason else {
        panic!("{:?}", alert.reason)
    };
    assert_eq!((metric.as_str(), alert.findings), ("records", 3));
}
