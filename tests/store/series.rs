//! The course of an alert's entity, as the server counts it.

use gatewatch::alert::{Alert, Counted, Series};
use gatewatch::event::{Event, Field, Timestamp};
use gatewatch::sigma::{Condition, CorrelationKind};
use gatewatch::store::{EventBlock, Store, Verdict};
use gatewatch::track::{EntityKind, Reason};

use super::people::alert;
use super::server::{Server, event, recent};

const HOUR: i64 = 3_600_000_000;

/// So many hours: in each a client calls once more than in the one before, every call a minute after another, every third is refused;
/// another client calls too.
async fn hours(store: &Store, end: Timestamp, hours: i64) {
    let mut block = EventBlock::new("requests", 0, "k1");
    let mut offset = 0;
    for hour in 0..hours {
        let begin = end.plus_micros((hour - hours) * HOUR);
        for call in 0..=hour {
            let time = begin.plus_micros(call * 60_000_000);
            let odd = Event {
                client_id: Some("it's ?".into()),
                status: Some(if call % 3 == 2 { 403 } else { 200 }),
                method: Some(if call == 0 { "POST" } else { "GET" }.into()),
                resource_id: (call > 0).then(|| format!("res-{}", call % 4).into()),
                record_count: Some(10),
                response_bytes: Some(500),
                duration_us: Some(2_500),
                ..event(u64::try_from(offset).unwrap(), time)
            };
            let other = event(u64::try_from(offset).unwrap(), time);
            for event in [odd, other] {
                block.push(&event, &Verdict::default(), offset, Some(time));
                offset += 1;
            }
        }
    }
    store.insert("hours", &block.finish()).await.unwrap();
}

fn odd(metric: &str, end: Timestamp, observed: f64) -> Alert {
    let mut odd = alert(1, 9);
    "behaviour".clone_into(&mut odd.rule.family);
    odd.rule.entity = None;
    odd.entity.kind = EntityKind::Client;
    odd.entity.value = "it's ?".into();
    odd.first = end.plus_micros(-HOUR);
    odd.last = end.plus_micros(-1);
    odd.reason = Reason::Baseline {
        metric: metric.to_owned(),
        observed,
        expected: 2.0,
        probability: 1e-6,
        features: Vec::new(),
    };
    odd
}

async fn series(store: &Store, alert: &Alert) -> Series {
    let found = store.series_of(alert).await.unwrap();
    found.unwrap_or_else(|| panic!("a series for {:?}", alert.reason))
}

#[tokio::test]
async fn every_metric_is_counted_of_the_entity_alone_in_each_hour() {
    let server = Server::start();
    let store = server.store().await;
    let end = recent().floor_to(HOUR);
    hours(&store, end, 6).await;
    // Of the six calls in the last hour, and what is there in the first, with its one.
    for (metric, last, first) in [
        ("calls an hour", 6.0, 1.0),
        ("minutes with calls", 6.0, 1.0),
        ("calls in a busy minute", 1.0, 1.0),
        ("different records an hour", 4.0, 0.0),
        ("records of others an hour", 4.0, 0.0),
        ("different operations an hour", 1.0, 1.0),
        ("different addresses an hour", 6.0, 1.0),
        ("different user agents an hour", 0.0, 0.0),
        ("refused calls an hour", 2.0, 0.0),
        ("calls for what is not there", 0.0, 0.0),
        ("failed calls an hour", 0.0, 0.0),
        ("changes an hour", 1.0, 1.0),
        ("records answered an hour", 60.0, 10.0),
        ("bytes answered a call", 500.0, 500.0),
        ("milliseconds a call", 2.5, 2.5),
        ("hours with a new network", 6.0, 1.0),
    ] {
        let odd = odd(metric, end, last);
        if last == 0.0 {
            // Nothing of it was ever there.
            assert_eq!(store.series_of(&odd).await.unwrap(), None, "{metric}");
            continue;
        }
        let series = series(&store, &odd).await;
        let (from, until) = (series.values[42], series.values[47]);
        assert!((until - last).abs() < 1e-9, "{metric}: {until}");
        assert!((from - first).abs() < 1e-9, "{metric}: {from}");
        assert!(
            series.values[..42].iter().all(|value| *value == 0.0),
            "{metric}"
        );
        assert_eq!((series.values.len(), series.marked.clone()), (48, 47..48));
        assert_eq!(
            (series.begin(48), series.expected),
            (end, Some(2.0)),
            "{metric}"
        );
    }
}

#[tokio::test]
async fn a_correlation_is_counted_by_the_minute_and_a_pattern_not_at_all() {
    let server = Server::start();
    let store = server.store().await;
    let end = recent().floor_to(HOUR);
    hours(&store, end, 2).await;
    let mut found = odd("", end, 0.0);
    found.last = end.plus_micros(-HOUR + 60_000_000);
    found.reason = Reason::Correlation {
        measure: CorrelationKind::ValueCount {
            fields: vec![Field::ResourceId],
        },
        observed: 2.0,
        condition: Condition::at_least(2.0),
        window_s: 300,
    };
    let course = series(&store, &found).await;
    assert_eq!(course.counted, Counted::Different(Field::ResourceId));
    assert_eq!((course.minutes, course.expected), (1, None));
    assert_eq!((course.values[46], course.values[47]), (0.0, 1.0));
    assert_eq!(course.marked, 46..48);
    found.reason = Reason::Pattern { hits: vec![] };
    assert_eq!(store.series_of(&found).await.unwrap(), None);
}

#[tokio::test]
async fn a_watched_number_and_an_operation_are_those_of_their_integration() {
    let server = Server::start();
    let store = server.store().await;
    let end = recent().floor_to(HOUR);
    hours(&store, end, 3).await;
    let mut watched = odd("x (mean of record_count in 30 min)", end, 10.0);
    "series".clone_into(&mut watched.rule.family);
    watched.entity.kind = EntityKind::Integration;
    watched.entity.value = "barrier | x".into();
    let course = series(&store, &watched).await;
    assert_eq!(
        (course.minutes, course.counted),
        (30, Counted::Mean(Field::RecordCount))
    );
    assert_eq!((course.values[46], course.expected), (10.0, Some(2.0)));
    let mut operation = odd("calls an hour", end, 6.0);
    operation.entity.kind = EntityKind::Integration;
    operation.entity.value = "barrier | GET /residents/{id}".into();
    assert_eq!(series(&store, &operation).await.values.last(), Some(&6.0));
    operation.entity.value = "barrier | GET /plates".into();
    assert_eq!(store.series_of(&operation).await.unwrap(), None);
}
