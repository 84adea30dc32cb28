use std::sync::Arc;

use super::*;
use crate::config::{self, WatchedSeries};
use crate::event::{Event, Position};
use crate::random::Random;
use crate::track::{BlockBuilder, PartitionClock};

const START: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

fn plan(watched: Vec<WatchedSeries>) -> Plan {
    let mut settings = config::Track::default();
    settings.series.watched = watched;
    let specs = SeriesSpec::all(&settings.series).unwrap();
    Plan::new(Vec::new(), Vec::new(), settings).with_series(Arc::from(specs))
}

fn calls() -> WatchedSeries {
    WatchedSeries {
        name: "entries".to_owned(),
        ..WatchedSeries::default()
    }
}

/// The addends of a value of five minutes with so many calls.
fn addends(plan: &Plan, slot: i64, calls: u32) -> Vec<Addend> {
    let clock = PartitionClock::new(Timestamp::MIN, 30_000_000);
    let mut builder = BlockBuilder::new(0, 0, clock, &[]).for_plan(plan);
    for call in 0..i64::from(calls) {
        let event = Event {
            time: Timestamp::from_seconds(START + slot * 300 + call * 300 / i64::from(calls)),
            integration: Some("parking".into()),
            ..Event::default()
        };
        let position = Position {
            partition: 0,
            offset: call,
            stamped: None,
        };
        builder.event(&event, position);
    }
    let (mut blocks, _) = builder.finish(i64::from(calls));
    blocks.remove(0).addends
}

fn close_until(watch: &mut SeriesWatch, plan: &Plan, slot: i64) -> Vec<Finding> {
    let (mut out, until) = (Vec::new(), Timestamp::from_seconds(START + slot * 300));
    while let Some(end) = watch.next_end(plan).filter(|end| *end <= until) {
        watch.close(end, plan, &mut out);
    }
    out
}

/// A month of values around so many calls by the hour of the day; what is told of values from `from` on.
fn told(
    watch: &mut SeriesWatch,
    plan: &Plan,
    slots: std::ops::Range<i64>,
    seed: u64,
) -> Vec<Finding> {
    let (mut random, mut counts, mut out) = (Random::new(seed), TrackCounts::default(), Vec::new());
    for slot in slots {
        let day = f64::from(u32::try_from(slot % 288).unwrap()) / 288.0 * std::f64::consts::TAU;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some dozen"
        )]
        let calls = (60.0 - 30.0 * day.cos() + 12.0 * (random.unit() + random.unit() - 1.0)) as u32;
        watch.observe(addends(plan, slot, calls), plan, &mut counts);
        out.extend(close_until(watch, plan, slot));
    }
    assert_eq!(counts, TrackCounts::default());
    out
}

#[test]
fn a_spike_a_drop_and_silence_are_told_and_an_ordinary_month_is_not() {
    let plan = plan(vec![calls()]);
    let mut watch = SeriesWatch::new(&plan);
    let ordinary = told(&mut watch, &plan, 0..14 * 288, 4);
    assert!(ordinary.len() <= 2, "{} in two weeks", ordinary.len());
    let stored = postcard::to_allocvec(&watch.store()).unwrap();
    let again = || {
        let mut watch = SeriesWatch::new(&plan);
        watch.restore(postcard::from_bytes(&stored).unwrap());
        watch
    };
    let mut counts = TrackCounts::default();
    // Noon of the fifteenth day, when some ninety calls come.
    let noon = 14 * 288 + 144;
    for (what, calls) in [("spike", 900), ("drop", 3), ("silence", 0)] {
        let mut watch = again();
        told(&mut watch, &plan, 14 * 288..noon, 5);
        let mut found = Vec::new();
        for slot in noon..noon + 6 {
            watch.observe(addends(&plan, slot, calls), &plan, &mut counts);
            found.extend(close_until(&mut watch, &plan, slot));
        }
        found.extend(close_until(&mut watch, &plan, noon + 6));
        let Some(first) = found.first() else {
            panic!("the {what} was not told");
        };
        assert_eq!(first.entity.value, "parking | entries");
        let Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            ..
        } = &first.reason
        else {
            panic!("{:?}", first.reason)
        };
        assert_eq!(metric, "entries (calls in 5 min)");
        assert!((observed - f64::from(calls)).abs() < 1e-9 && (30.0..120.0).contains(expected));
        assert!(*probability < 1.0 / 8_640.0 && !first.notes.is_empty());
    }
}

#[test]
fn it_goes_on_from_a_snapshot_as_if_nothing_had_happened() {
    let plan = plan(vec![calls()]);
    let mut one = SeriesWatch::new(&plan);
    told(&mut one, &plan, 0..700, 4);
    let mut other = SeriesWatch::new(&plan);
    let stored = postcard::to_allocvec(&one.store()).unwrap();
    other.restore(postcard::from_bytes(&stored).unwrap());
    let (one_found, other_found) = (
        told(&mut one, &plan, 700..1_000, 6),
        told(&mut other, &plan, 700..1_000, 6),
    );
    assert_eq!(one_found, other_found);
    let bytes = |watch: &SeriesWatch| postcard::to_allocvec(&watch.store()).unwrap();
    assert_eq!(bytes(&one), bytes(&other));
}

#[test]
fn it_is_bounded_and_what_is_silent_or_named_no_more_goes() {
    let mut plan = plan(vec![calls()]);
    plan.settings.series.max_series = 1;
    let mut watch = SeriesWatch::new(&plan);
    let mut counts = TrackCounts::default();
    watch.observe(addends(&plan, 0, 3), &plan, &mut counts);
    let mut other = addends(&plan, 0, 3);
    other[0].integration = "biometrics".into();
    watch.observe(other, &plan, &mut counts);
    assert_eq!((watch.len(), counts.unwatched), (1, 1));
    close_until(&mut watch, &plan, 288 * 3);
    assert_eq!(watch.len(), 1);
    close_until(&mut watch, &plan, 288 * 4);
    assert_eq!(watch.len(), 0, "three days of silence");
    watch.observe(addends(&plan, 288 * 4, 3), &plan, &mut counts);
    let unnamed = self::plan(Vec::new());
    close_until(&mut watch, &unnamed, 288 * 4);
    assert_eq!(watch.len(), 0);
}

#[test]
fn values_of_a_block_are_sums_of_their_minutes_and_integration() {
    let plan = plan(vec![
        calls(),
        WatchedSeries {
            name: "of others".to_owned(),
            integrations: vec!["biometrics".to_owned()],
            ..WatchedSeries::default()
        },
    ]);
    let addends = addends(&plan, 7, 40);
    assert_eq!(addends.len(), 1);
    assert_eq!((addends[0].spec, &*addends[0].integration), (0, "parking"));
    assert_eq!(i64::from(addends[0].slot), START / 300 + 7);
    assert_eq!(plan.series[0].value(addends[0].sums), Some(40.0));
}
