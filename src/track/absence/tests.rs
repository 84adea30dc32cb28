//! Waits against a plain scan over all events, and through snapshots.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::{client, correlation, evidence, rule};
use super::super::{
    BlockBuilder, CorrelationKey, Fired, Goes, Match, Packed, PartitionClock, SHARDS, Shard,
    ShardSnapshot, split,
};
use super::*;
use crate::config;
use crate::event::{Event, Position};

const SPAN: i64 = 60;

/// Rule 0 says what happens and rule 1 what answers it.
fn plan(kind: CorrelationKind) -> Arc<Plan> {
    let mut spec = correlation(11, false, 1, SPAN);
    (spec.kind, spec.members) = (kind, 2);
    let settings = config::Track {
        lateness_s: 1,
        ..config::Track::default()
    };
    let rules = vec![rule(1, false), rule(2, false)];
    Arc::new(Plan::new(rules, vec![spec], settings))
}

/// Seconds, what matched (0 happens, 1 answers, 2 neither), and the group.
type Seen = (i64, u32, &'static str);

/// Applies events in blocks that end at the cuts, through a snapshot at each.
fn run(plan: &Arc<Plan>, seen: &[Seen], cuts: &[usize]) -> Vec<(String, i64)> {
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::new(Arc::clone(plan))).collect();
    let mut clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
    let mut out: Vec<Fired> = Vec::new();
    let mut begin = 0;
    for end in cuts.iter().copied().chain([seen.len()]) {
        if end <= begin {
            continue;
        }
        let mut builder = BlockBuilder::new(0, at(begin), clock, &[]);
        for (offset, one) in seen.iter().enumerate().take(end).skip(begin) {
            add(&mut builder, offset, *one);
        }
        let (blocks, next) = builder.finish(at(end));
        clock = next;
        for block in blocks {
            for (shard, part) in shards.iter_mut().zip(split(block, plan)) {
                shard.apply(part, &[], &mut out);
            }
        }
        for shard in &mut shards {
            let snapshot: ShardSnapshot = shard.snapshot();
            *shard = Shard::restore(Arc::clone(plan), &snapshot).unwrap();
        }
        begin = end;
    }
    for shard in &mut shards {
        shard.finish(&mut out);
    }
    let mut found: Vec<(String, i64)> = out
        .iter()
        .map(|fired| {
            let first = fired.finding.first.seconds();
            assert_eq!(fired.finding.last.seconds(), first + SPAN);
            (fired.finding.entity.value.to_string(), first)
        })
        .collect();
    found.sort();
    found
}

fn add(builder: &mut BlockBuilder, offset: usize, (seconds, member, group): Seen) {
    let position = Position {
        partition: 0,
        offset: at(offset),
        stamped: None,
    };
    let time = Timestamp::from_seconds(seconds);
    let event = Event {
        time,
        ..Event::default()
    };
    let turn = builder.event(&event, position);
    if member > 1 {
        return;
    }
    builder.matched(Match {
        rule: member,
        offset: position.offset,
        time,
        due: turn.due,
        late: turn.late,
        goes: Goes::Correlation(CorrelationKey {
            correlation: 0,
            group: client(group),
            value: Some(1 << member),
            above: Box::default(),
        }),
        evidence: Packed::of(&evidence(time, position)),
    });
}

fn at(index: usize) -> i64 {
    i64::try_from(index).unwrap()
}

/// The plain way: everything that happened, was old enough at the end, and has no answer near it.
fn scan(kind: &CorrelationKind, seen: &[Seen]) -> Vec<(String, i64)> {
    let newest = seen.iter().map(|one| one.0).max().unwrap_or(0);
    let mut found = Vec::new();
    for (place, (seconds, _, group)) in seen.iter().enumerate().filter(|(_, one)| one.1 == 0) {
        let is_answer = |(other, one): (usize, &Seen)| {
            let after = one.0 - seconds;
            let follows = after > 0 || after == 0 && other > place;
            let is_near = match kind {
                CorrelationKind::Absence => (-SPAN..=SPAN).contains(&after),
                _ => follows && after <= SPAN,
            };
            one.1 == 1 && one.2 == *group && is_near
        };
        if newest > seconds + SPAN && !seen.iter().enumerate().any(is_answer) {
            found.push(((*group).to_owned(), *seconds));
        }
    }
    found.sort();
    found
}

proptest! {
    #[test]
    fn waits_end_as_a_scan_says_however_blocks_are_cut(
        steps in prop::collection::vec((0_i64..40, 0_u32..3, 0_usize..3), 1..80),
        cuts in prop::collection::vec(0_usize..80, 0..5),
        ordered: bool,
    ) {
        let kind = if ordered { CorrelationKind::AbsenceOrdered } else { CorrelationKind::Absence };
        let mut now = 1_000;
        let seen: Vec<Seen> = steps
            .into_iter()
            .map(|(step, member, group)| {
                now += step;
                (now, member, ["a", "b", "c"][group])
            })
            .collect();
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < seen.len()).collect();
        cuts.sort_unstable();
        prop_assert_eq!(run(&plan(kind.clone()), &seen, &cuts), scan(&kind, &seen));
    }
}

#[test]
fn the_end_of_the_log_is_no_absence() {
    let plan = plan(CorrelationKind::AbsenceOrdered);
    let unanswered = [(0, 0, "a"), (SPAN, 2, "a")];
    assert!(run(&plan, &unanswered, &[]).is_empty());
    let later = [(0, 0, "a"), (SPAN + 1, 2, "a")];
    assert_eq!(run(&plan, &later, &[]), [("a".to_owned(), 0)]);
}

#[test]
fn many_of_one_group_are_counted_and_groups_are_bounded() {
    let plan = plan(CorrelationKind::AbsenceOrdered);
    let mut seen: Vec<Seen> = (0..40).map(|second| (second, 0, "a")).collect();
    seen.push((500, 2, "a"));
    let found = run(&plan, &seen, &[7]);
    assert_eq!(found.len(), MOST_WAITS);
    let mut absences = Absences::new(&plan);
    absences.most = 2;
    let mut counts = TrackCounts::default();
    for (at, name) in (0..).zip(["a", "b", "c"]) {
        let time = Timestamp::from_seconds(at);
        let position = Position {
            partition: 0,
            offset: at,
            stamped: None,
        };
        let turn = Turn {
            due: time,
            partition: 0,
            offset: at,
            target: Target::group(0, &client(name)),
        };
        let waiting = Waiting {
            time,
            late: false,
            entity: client(name),
            value: Some(1),
            rule: 0,
            evidence: Packed::of(&evidence(time, position)),
            above: Box::default(),
        };
        let limits = (&*plan, &plan.correlations[0]);
        absences.take(0, limits, turn, waiting, &mut counts);
    }
    assert_eq!((absences.groups.len(), counts.evicted_groups), (2, 1));
    assert_eq!(absences.next().unwrap().seconds(), 1 + SPAN);
}
