use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::event::Position;
use crate::track::testing::{client, correlation, evidence};

fn plan_of(spec: CorrelationSpec, settings: config::Track) -> Plan {
    Plan::new(Vec::new(), vec![spec], settings)
}

fn take(
    state: &mut Correlation,
    plan: &Plan,
    name: &str,
    seconds: i64,
    value: u64,
    counts: &mut TrackCounts,
) -> Option<Finding> {
    let time = Timestamp::from_seconds(seconds);
    let position = Position {
        partition: 0,
        offset: seconds,
        stamped: None,
    };
    let sample = Sample {
        time,
        value: Some(value),
        evidence: Arc::new(evidence(time, position)),
    };
    state.take(&plan.correlations[0], plan, &client(name), sample, counts)
}

proptest! {
    #[test]
    fn windows_count_like_a_scan_over_all_events(
        steps in prop::collection::vec((0i64..20, 0u64..6), 1..150),
        distinct: bool,
        threshold in 1u64..6,
    ) {
        let plan = plan_of(correlation(1, distinct, threshold, 60), config::Track::default());
        let mut state = Correlation::new(&plan.correlations[0], &plan);
        let mut counts = TrackCounts::default();
        let mut seen: Vec<(i64, u64)> = Vec::new();
        let mut now = 0;
        for (step, value) in steps {
            now += step;
            seen.push((now, value));
            let window: Vec<u64> = seen.iter().filter(|(at, _)| *at > now - 60).map(|(_, value)| *value).collect();
            let observed = if distinct {
                window.iter().collect::<BTreeSet<_>>().len()
            } else {
                window.len()
            } as u64;
            let finding = take(&mut state, &plan, "a", now, value, &mut counts);
            prop_assert_eq!(finding.is_some(), observed >= threshold);
            if let Some(Finding { reason: Reason::Correlation { observed: told, .. }, .. }) = finding {
                prop_assert_eq!(told, observed);
            }
            state.expire(Timestamp::from_seconds(now));
        }
    }
}

#[test]
fn it_fires_once_the_condition_becomes_true_and_then_adds_event_by_event() {
    let plan = plan_of(correlation(1, false, 3, 60), config::Track::default());
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    let mut fire = |seconds| take(&mut state, &plan, "a", seconds, 0, &mut counts);
    assert!(fire(0).is_none());
    assert!(fire(10).is_none());
    let first = fire(20).unwrap();
    assert_eq!(
        (first.count, first.first.seconds(), first.evidence.len()),
        (3, 0, 3)
    );
    let more = fire(30).unwrap();
    assert_eq!((more.id, more.count, more.evidence.len()), (first.id, 1, 1));
    assert!(fire(88).is_none(), "only 30 and 88 are left");
    let again = fire(89).unwrap();
    assert_eq!(again.count, 2, "30 was counted already");
}

#[test]
fn a_match_without_the_counted_value_is_not_counted() {
    let plan = plan_of(correlation(1, true, 1, 60), config::Track::default());
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let time = Timestamp::from_seconds(0);
    let position = Position {
        partition: 0,
        offset: 0,
        stamped: None,
    };
    let sample = Sample {
        time,
        value: None,
        evidence: Arc::new(evidence(time, position)),
    };
    let fired = state.take(
        &plan.correlations[0],
        &plan,
        &client("a"),
        sample,
        &mut TrackCounts::default(),
    );
    assert!(fired.is_none());
}

#[test]
fn a_full_window_drops_its_oldest_and_says_so() {
    let settings = config::Track {
        max_window: 4,
        ..config::Track::default()
    };
    let plan = plan_of(correlation(1, true, 3, 1_000), settings);
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    for seconds in 0..8 {
        take(&mut state, &plan, "a", seconds, 7, &mut counts);
    }
    take(&mut state, &plan, "a", 8, 8, &mut counts);
    let finding = take(&mut state, &plan, "a", 9, 9, &mut counts).unwrap();
    assert_eq!(counts.evicted_entries, 6);
    assert!(finding.notes[0].contains("6 oldest"), "{:?}", finding.notes);
}

#[test]
fn a_threshold_above_the_bound_is_still_reached() {
    let settings = config::Track {
        max_window: 4,
        ..config::Track::default()
    };
    let plan = plan_of(correlation(1, false, 10, 1_000), settings);
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    let fired = (0..10)
        .filter_map(|at| take(&mut state, &plan, "a", at, 0, &mut counts))
        .count();
    assert_eq!(fired, 1);
}

#[test]
fn groups_beyond_the_bound_push_out_the_least_recent() {
    let settings = config::Track {
        max_groups: 128,
        ..config::Track::default()
    };
    let plan = plan_of(correlation(1, false, 2, 1_000), settings);
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    let mut fire = |name, seconds| take(&mut state, &plan, name, seconds, 0, &mut counts).is_some();
    assert!(!fire("a", 0));
    assert!(!fire("b", 1));
    assert!(!fire("c", 2), "two groups a shard: a had to go");
    assert!(fire("b", 3));
    assert!(!fire("a", 4));
    assert_eq!(counts.evicted_groups, 2);
}

#[test]
fn late_events_are_told_with_the_next_finding() {
    let plan = plan_of(correlation(1, false, 2, 60), config::Track::default());
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    take(&mut state, &plan, "a", 0, 0, &mut counts);
    state.take_late(&client("a"));
    state.take_late(&client("unknown"));
    let finding = take(&mut state, &plan, "a", 1, 0, &mut counts).unwrap();
    assert_eq!(finding.count, 2);
    assert!(finding.notes[0].starts_with("1 events came too late"));
}
