use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::event::{Field, Position};
use crate::sigma::{Comparison, Condition, CorrelationKind, Operator};
use crate::track::earth::{country, speed};
use crate::track::stable_hash;
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
        evidence: Packed::of(&evidence(time, position)),
    };
    state
        .take(&plan.correlations[0], plan, &client(name), sample, counts)
        .map(|fire| fire.finding)
}

proptest! {
    #[test]
    fn windows_count_like_a_scan_over_all_events(
        steps in prop::collection::vec((0i64..20, 0u64..6), 1..150),
        distinct: bool,
        threshold in 1u32..6,
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
            prop_assert_eq!(finding.is_some(), observed >= u64::from(threshold));
            if let Some(Finding { reason: Reason::Correlation { observed: told, .. }, .. }) = finding {
                prop_assert!((told - observed as f64).abs() < 1e-9);
            }
            state.expire(Timestamp::from_seconds(now));
        }
    }
}

proptest! {
    #[test]
    fn a_journey_is_as_fast_as_the_fastest_to_this_country(
        steps in prop::collection::vec((0_i64..20_000, 0_usize..4), 1..80),
        cut in 0_usize..80,
    ) {
        const HOURS: i64 = 12 * 3_600;
        let spec = CorrelationSpec {
            kind: CorrelationKind::TravelSpeed { field: Field::Country },
            condition: Condition(vec![Comparison { op: Operator::Gt, value: 700.0 }]),
            ..correlation(1, false, 1, HOURS)
        };
        let plan = plan_of(spec, config::Track::default());
        let mut state = Correlation::new(&plan.correlations[0], &plan);
        let mut whole = Correlation::new(&plan.correlations[0], &plan);
        let mut counts = TrackCounts::default();
        let mut seen: Vec<(i64, u64)> = Vec::new();
        let mut now = 0;
        for (index, (step, at)) in steps.into_iter().enumerate() {
            if index == cut {
                let mut again = Correlation::new(&plan.correlations[0], &plan);
                again.restore(state.store());
                state = again;
            }
            now += step;
            let here = country(["RU", "KZ", "VN", "BR"][at]).unwrap();
            let journeys = seen.iter().filter(|(time, from)| *from != here && now - time < HOURS);
            let fastest = journeys.map(|(time, from)| speed(*from, here, (now - time) * 1_000_000)).fold(0.0, f64::max);
            seen.push((now, here));
            let finding = take(&mut state, &plan, "a", now, here, &mut counts);
            prop_assert_eq!(finding.is_some(), fastest > 700.0);
            // Not only whether, but all that is said of it is the same without the cut.
            prop_assert_eq!(&finding, &take(&mut whole, &plan, "a", now, here, &mut counts));
            if let Some(Finding { reason: Reason::Correlation { observed, .. }, .. }) = finding {
                prop_assert!((observed - fastest).abs() < 1e-6);
            }
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
        evidence: Packed::of(&evidence(time, position)),
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
fn a_full_window_of_values_drops_its_oldest_and_says_so() {
    let settings = config::Track {
        max_window: 4,
        ..config::Track::default()
    };
    let spec = CorrelationSpec {
        kind: CorrelationKind::ValuePercentile {
            field: Field::Status,
            percentile: 50.0,
        },
        ..correlation(1, false, 8, 1_000)
    };
    let plan = plan_of(spec, settings);
    let mut state = Correlation::new(&plan.correlations[0], &plan);
    let mut counts = TrackCounts::default();
    for seconds in 0..9 {
        take(&mut state, &plan, "a", seconds, 7, &mut counts);
    }
    assert_eq!(counts.evicted_entries, 5);
    let finding = (9..12)
        .find_map(|at| take(&mut state, &plan, "a", at, 9, &mut counts))
        .unwrap();
    assert!(
        matches!(finding.notes[0], Note::WindowFull { .. }),
        "{:?}",
        finding.notes
    );
}

#[test]
fn a_window_of_too_many_events_is_summed_up_and_says_so() {
    const KEPT: usize = 200;
    let settings = config::Track {
        max_window: KEPT,
        ..config::Track::default()
    };
    for (kind, expected, tolerance) in [
        (CorrelationKind::EventCount, 6_000.0, 0.02),
        (
            CorrelationKind::ValueCount {
                fields: vec![Field::Path],
            },
            3_000.0,
            0.1,
        ),
        (
            CorrelationKind::ValueSum {
                field: Field::Status,
            },
            6_000.0 * 1_500.0,
            0.02,
        ),
        (
            CorrelationKind::ValueAvg {
                field: Field::Status,
            },
            1_500.0,
            0.02,
        ),
        (CorrelationKind::Temporal, 2.0, 0.01),
    ] {
        let spec = CorrelationSpec {
            kind: kind.clone(),
            members: 2,
            condition: Condition::at_least(1.0),
            ..correlation(1, false, 1, 600)
        };
        let plan = plan_of(spec, settings.clone());
        let mut state = Correlation::new(&plan.correlations[0], &plan);
        let mut counts = TrackCounts::default();
        let (mut last, mut told) = (None, 0);
        for event in 0..20_000_u64 {
            let value = match kind {
                CorrelationKind::ValueCount { .. } => {
                    stable_hash(&[&(event % 3_000).to_be_bytes()])
                }
                CorrelationKind::Temporal => 1 + event % 2,
                _ => event % 3_001,
            };
            // Ten a second: a window holds 6,000.
            let time = Timestamp::from_micros(i64::try_from(event).unwrap() * 100_000);
            let position = Position {
                partition: 0,
                offset: 0,
                stamped: None,
            };
            let sample = Sample {
                time,
                value: Some(value),
                evidence: Packed::of(&evidence(time, position)),
            };
            if event == 10_000 {
                let stored = postcard::to_allocvec(&state.store()).unwrap();
                state = Correlation::new(&plan.correlations[0], &plan);
                state.restore(postcard::from_bytes(&stored).unwrap());
            }
            last = state.take(
                &plan.correlations[0],
                &plan,
                &client("a"),
                sample,
                &mut counts,
            );
            told += last.as_ref().map_or(0, |fire| fire.finding.count);
        }
        let finding = last.unwrap().finding;
        let Reason::Correlation { observed, .. } = finding.reason else {
            panic!("a correlation")
        };
        assert!(
            (observed / expected - 1.0).abs() < tolerance,
            "{kind:?} {observed}"
        );
        assert_eq!(told, 20_000, "every event is counted once");
        assert!(
            matches!(finding.notes[0], Note::SummedUp),
            "{:?}",
            finding.notes
        );
        assert_eq!(counts.evicted_entries, 0);
    }
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
    assert_eq!(finding.notes[0], Note::Late { events: 1 });
}

/// A plan with one correlation of a kind over `members` rules.
fn plan_of_kind(kind: CorrelationKind, members: usize, condition: Condition) -> Plan {
    let spec = CorrelationSpec {
        kind,
        members,
        condition,
        ..correlation(1, false, 1, 60)
    };
    plan_of(spec, config::Track::default())
}

/// What a kind sees of the events of a window, oldest first, from its definition.
fn naive(kind: &CorrelationKind, members: usize, window: &[u64]) -> f64 {
    let distinct = window.iter().collect::<BTreeSet<_>>().len() as f64;
    let sum = window.iter().sum::<u64>() as f64;
    let mut sorted = window.to_vec();
    sorted.sort_unstable();
    match kind {
        CorrelationKind::EventCount => window.len() as f64,
        CorrelationKind::ValueCount { .. } => distinct,
        CorrelationKind::Absence | CorrelationKind::AbsenceOrdered => {
            unreachable!("what does not come is in no window")
        }
        CorrelationKind::ValueSum { .. } => sum,
        CorrelationKind::ValueAvg { .. } => sum / window.len() as f64,
        CorrelationKind::ValuePercentile { .. } => {
            let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            u64::midpoint(low, high) as f64 + if (low + high) % 2 == 1 { 0.5 } else { 0.0 }
        }
        CorrelationKind::ValueShare { .. } => {
            let newest = window.last().unwrap();
            let same = window.iter().filter(|value| *value == newest).count() as f64;
            same * 100.0 / window.len() as f64
        }
        CorrelationKind::TravelSpeed { .. } => {
            unreachable!("it needs times, and has a test of its own")
        }
        CorrelationKind::Temporal => {
            let seen = window.iter().fold(0, |seen, value| seen | value);
            (0..members)
                .filter(|member| seen >> member & 1 == 1)
                .count() as f64
        }
        CorrelationKind::TemporalOrdered => {
            // The longest run of the first rules that is a subsequence of the events.
            let mut reached = 0;
            for value in window {
                reached += usize::from(reached < members && value >> reached & 1 == 1);
            }
            reached as f64
        }
    }
}

proptest! {
    #[test]
    fn every_kind_sees_what_its_definition_says(
        steps in prop::collection::vec((0_i64..25, 1_u64..8), 1..120),
        kind in prop::sample::select(vec![
            CorrelationKind::EventCount,
            CorrelationKind::ValueCount { fields: vec![Field::Path, Field::Query] },
            CorrelationKind::Temporal,
            CorrelationKind::TemporalOrdered,
            CorrelationKind::ValueSum { field: Field::Status },
            CorrelationKind::ValueAvg { field: Field::Status },
            CorrelationKind::ValuePercentile { field: Field::Status, percentile: 50.0 },
            CorrelationKind::ValueShare { field: Field::Path },
        ]),
        op in prop::sample::select(vec![Operator::Lt, Operator::Lte, Operator::Gt, Operator::Gte, Operator::Eq, Operator::Neq]),
        bound in 0_u32..6,
        cut in 0_usize..120,
    ) {
        let condition = Condition(vec![Comparison { op, value: f64::from(bound) }]);
        let plan = plan_of_kind(kind.clone(), 3, condition.clone());
        let mut state = Correlation::new(&plan.correlations[0], &plan);
        let mut counts = TrackCounts::default();
        let mut seen: Vec<(i64, u64)> = Vec::new();
        let mut now = 0;
        for (index, (step, value)) in steps.into_iter().enumerate() {
            if index == cut {
                // What was stored and taken up again goes on as it was.
                let mut again = Correlation::new(&plan.correlations[0], &plan);
                again.restore(state.store());
                state = again;
            }
            now += step;
            seen.push((now, value));
            let window: Vec<u64> = seen.iter().filter(|(at, _)| *at > now - 60).map(|(_, value)| *value).collect();
            let expected = naive(&kind, 3, &window);
            let finding = take(&mut state, &plan, "a", now, value, &mut counts);
            prop_assert_eq!(finding.is_some(), condition.holds(expected), "{:?} {}", window, expected);
            if let Some(Finding { reason: Reason::Correlation { observed, .. }, .. }) = finding {
                prop_assert!((observed - expected).abs() < 1e-9, "{} {}", observed, expected);
            }
        }
    }
}
