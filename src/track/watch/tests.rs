//! The watch as a shard runs it: the same findings however blocks are cut, partitions interleave and shards are restored.

use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::{
    BlockBuilder, Expectations, Fired, PartitionClock, Plan, SHARDS, Shard, TrackBlock, split,
};
use super::seen::{GatewayMinute, OperationMinute};
use super::*;
use crate::config;
use crate::event::{Event, Position};

fn plan() -> Arc<Plan> {
    let level = LevelSpec {
        integration: "plates".into(),
        operations: Vec::new(),
        promise: Promise::Availability { share: 0.99 },
    };
    let traffic = LevelSpec {
        promise: Promise::Traffic {
            calls: 3,
            minutes: 10,
        },
        ..level.clone()
    };
    let schedule = ScheduleSpec {
        integration: "plates".into(),
        name: "runs".into(),
        operations: vec!["GET /runs".into()],
        every: 30,
        offset: 0,
        tolerance: 5,
        lasts: None,
        least_records: None,
        most_records: Some(50),
        most_deletions: None,
    };
    let promised = Expectations::new(vec![level, traffic], vec![schedule]);
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    Arc::new(plan.with_expectations(Arc::new(promised)))
}

/// One record: its second, gateway, number, whether it failed, whether it is of a run.
#[derive(Clone, Copy, Debug)]
struct One {
    second: i64,
    gateway: &'static str,
    number: u64,
    failed: bool,
    run: bool,
}

fn event(one: &One) -> Event<'static> {
    Event {
        time: Timestamp::from_seconds(one.second),
        gateway: Some(one.gateway.into()),
        sequence: Some(one.number),
        integration: Some("plates".into()),
        operation: Some(if one.run { "GET /runs" } else { "GET /v1" }.into()),
        status: Some(if one.failed { 502 } else { 200 }),
        duration_us: Some(20_000 + one.number % 7 * 1_000),
        record_count: Some(u64::from(one.run)),
        ..Event::default()
    }
}

/// Runs records of two partitions, in blocks of so many, taking the partitions in turn or one far ahead of the other.
fn run(plan: &Arc<Plan>, partitions: &[Vec<One>; 2], block: usize, ahead: usize) -> Vec<String> {
    let mut blocks: [Vec<TrackBlock>; 2] = [Vec::new(), Vec::new()];
    for (number, records) in partitions.iter().enumerate() {
        let partition = i32::try_from(number).unwrap();
        let mut clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
        for (at, chunk) in records.chunks(block.max(1)).enumerate() {
            let begin = i64::try_from(at * block.max(1)).unwrap();
            let builder = BlockBuilder::new(partition, begin, clock, &[]);
            let mut builder = builder.for_plan(plan);
            for (offset, one) in (begin..).zip(chunk) {
                let position = Position {
                    partition,
                    offset,
                    stamped: None,
                };
                builder.event(&event(one), position);
            }
            let (done, next) = builder.finish(begin + i64::try_from(chunk.len()).unwrap());
            clock = next;
            blocks[number].extend(done);
        }
    }
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::new(Arc::clone(plan))).collect();
    for shard in &mut shards {
        shard.assign(&[0, 1]);
    }
    let mut out: Vec<Fired> = Vec::new();
    let [first, second] = blocks;
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut lead = ahead;
    loop {
        let taken = if lead > 0 {
            lead -= 1;
            first.next().or_else(|| second.next())
        } else {
            lead = usize::from(ahead > 0);
            second.next().or_else(|| first.next())
        };
        let Some(block) = taken else { break };
        for (shard, part) in shards.iter_mut().zip(split(block, plan)) {
            shard.apply(part, &[], &mut out);
            let snapshot = shard.snapshot();
            *shard = Shard::restore(Arc::clone(plan), &snapshot).unwrap();
            shard.assign(&[0, 1]);
        }
    }
    for shard in &mut shards {
        shard.finish(&mut out);
    }
    let mut found: Vec<String> = out
        .iter()
        .map(|fired| format!("{:?}", (fired.turn, &fired.finding)))
        .collect();
    found.sort();
    found
}

/// Three hours of two gateways, of which one loses records, fails and falls silent.
fn records(seed: u64) -> [Vec<One>; 2] {
    let mut partitions = [Vec::new(), Vec::new()];
    let mut numbers = [1_000_u64, 700_000];
    let mut random = seed;
    for second in (0..10_800_i64).step_by(3) {
        for (at, gateway) in ["gw-1", "gw-2"].into_iter().enumerate() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let minute = second / 60;
            if gateway == "gw-2" && minute >= 150 {
                continue;
            }
            numbers[at] += 1;
            if gateway == "gw-1" && minute == 40 && (random >> 40).is_multiple_of(4) {
                continue;
            }
            let one = One {
                second,
                gateway,
                number: numbers[at],
                failed: (100..140).contains(&minute),
                run: minute % 30 < 2 && minute / 30 != 3,
            };
            partitions[usize::from(random >> 50 & 1 == 1)].push(one);
        }
    }
    partitions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn findings_do_not_depend_on_blocks_and_interleaving(
        seed: u64,
        block in 20_usize..3_000,
        ahead in 0_usize..30,
    ) {
        let (plan, records) = (plan(), records(seed));
        let whole = run(&plan, &records, 100_000, 0);
        prop_assert!(whole.len() > 5, "{}", whole.len());
        prop_assert_eq!(run(&plan, &records, block, ahead), whole);
    }
}

#[test]
fn what_is_wrong_is_found_and_nothing_else() {
    let found = run(&plan(), &records(7), 500, 0);
    let count = |text: &str| found.iter().filter(|it| it.contains(text)).count();
    assert_eq!(count("RecordsMissing"), 1, "{found:#?}");
    assert_eq!(
        count("RunMissed"),
        2,
        "one that did not come, one that failed"
    );
    assert_eq!(count("measure: Records,"), 1, "gw-2 falls silent");
    assert!(count("BurnRate") > 0);
    assert_eq!(
        count("NumbersRepeated") + count("Calls") + count("RunDoubled"),
        0
    );
}

#[test]
fn names_are_bounded_and_counted() {
    let plan = plan();
    let mut watch = Watch::new();
    let mut counts = TrackCounts::default();
    let mut seen = Seen::default();
    for name in 0..watch.most + 7 {
        seen.gateways.push(GatewayMinute {
            gateway: compact_str::format_compact!("gw-{name}"),
            minute: 100,
            records: 1,
            numbers: vec![(1, 1)],
            repeated: 0,
        });
    }
    watch.observe(seen, &plan, Timestamp::MIN, &mut counts);
    let mut out = Vec::new();
    let now = Timestamp::from_seconds(6_100);
    watch.close(&plan, now, &mut counts, &mut out);
    assert_eq!((watch.names(), counts.unwatched), (watch.most, 7));
}

#[test]
fn a_long_time_without_anything_is_not_gone_through() {
    let plan = plan();
    let mut watch = Watch::new();
    let mut counts = TrackCounts::default();
    let minute = |minute: u32| Seen {
        gateways: vec![GatewayMinute {
            gateway: "gw".into(),
            minute,
            records: 1,
            numbers: Vec::new(),
            repeated: 0,
        }],
        ..Seen::default()
    };
    watch.observe(minute(100), &plan, Timestamp::MIN, &mut counts);
    watch.observe(minute(9_000_000), &plan, Timestamp::MIN, &mut counts);
    let seen = Timestamp::from_seconds(9_000_000 * 60);
    let mut closed = 0;
    while watch.next_end().is_some_and(|end| end <= seen) {
        watch.close(&plan, seen, &mut counts, &mut Vec::new());
        closed += 1;
    }
    assert!(closed < 5_000, "{closed}");
}

#[test]
fn a_block_of_many_days_is_watched_whole_and_a_lagging_one_within_bounds() {
    let plan = plan();
    let of = |from: u32, count: u32| Seen {
        gateways: (from..from + count)
            .map(|minute| GatewayMinute {
                gateway: "gw".into(),
                minute,
                records: 1,
                numbers: Vec::new(),
                repeated: 0,
            })
            .collect(),
        ..Seen::default()
    };
    let most = u32::try_from(MOST_OPEN).unwrap();
    let mut counts = TrackCounts::default();
    let mut watch = Watch::new();
    let end = Timestamp::from_seconds(60 * i64::from(100 + 3 * most - 10));
    watch.observe(of(100, 3 * most), &plan, end, &mut counts);
    assert_eq!(counts.unwatched, 0);
    // What lags behind stays open, up to the bound.
    let mut watch = Watch::new();
    watch.observe(of(100, 3 * most), &plan, Timestamp::MIN, &mut counts);
    assert_eq!(counts.unwatched, u64::from(2 * most));
}

/// Operations of a minute: their calls, and how many failed.
type Operations = Vec<(&'static str, u32, u32)>;

/// Of what a detector tells, and in which minute first; the watch is now and then stored and restored.
fn told(
    detector: Uuid,
    minutes: u32,
    called: &dyn Fn(u32) -> Operations,
) -> Vec<(u32, CompactString)> {
    let (plan, mut counts) = (plan(), TrackCounts::default());
    let mut watch = Watch::new();
    let mut told: Vec<(u32, CompactString)> = Vec::new();
    for minute in 0..minutes {
        let mut seen = Seen::default();
        for (name, calls, failed) in called(minute) {
            let whole = Some(whole_of(name)).filter(|whole| *whole != name);
            let names = whole.into_iter().chain([name]);
            seen.operations.extend(names.map(|name| OperationMinute {
                operation: name.into(),
                minute,
                calls,
                failed,
                reached: calls,
                durations: Vec::new(),
            }));
        }
        watch.observe(seen, &plan, Timestamp::MIN, &mut counts);
        let mut out = Vec::new();
        let end = Timestamp::from_seconds(60 * i64::from(minute + 1));
        watch.close(&plan, end, &mut counts, &mut out);
        for finding in out.into_iter().filter(|it| it.rule == detector) {
            let name = finding.entity.value;
            if told.iter().all(|(_, known)| *known != name) {
                told.push((minute, name));
            }
        }
        if minute.is_multiple_of(7) {
            let stored = postcard::to_allocvec(&watch.store()).unwrap();
            watch = Watch::new();
            watch.restore(postcard::from_bytes(&stored).unwrap());
        }
    }
    told
}

const BUSY: &str = "plates | GET /busy";
const LESS: &str = "plates | GET /less";
const RARE: &str = "plates | GET /rare";

/// Of what it is told that calls fail, where of a hundred so many fail after ten hours.
fn told_failing(failing: &dyn Fn(u32, &str) -> u32) -> Vec<(u32, String)> {
    let operations = [(BUSY, 20), (LESS, 10), (RARE, 1)];
    let called = |minute| -> Operations {
        let all = operations.into_iter();
        all.map(|(name, calls)| match minute {
            0..600 => (name, calls, 0),
            _ => (name, calls, calls * failing(minute - 600, name) / 100),
        })
        .collect()
    };
    let told = told(meta::FAILING, 800, &called).into_iter();
    told.map(|(minute, name)| (minute - 600, name.into()))
        .collect()
}

fn each(told: &[(u32, &str)]) -> Vec<(u32, String)> {
    told.iter()
        .map(|(minute, name)| (*minute, (*name).to_owned()))
        .collect()
}

#[test]
fn an_integration_that_fails_is_told_alone_and_so_is_the_only_operation_that_fails() {
    let all = |minute: u32, _: &str| if minute < 40 { 100 } else { 0 };
    assert_eq!(told_failing(&all), each(&[(4, "plates")]));
    let busy = |minute: u32, name: &str| u32::from(name == BUSY) * all(minute, name);
    assert_eq!(told_failing(&busy), each(&[(4, BUSY)]));
    let rare = |minute: u32, name: &str| u32::from(name == RARE) * all(minute, name);
    assert_eq!(told_failing(&rare), each(&[(9, RARE)]));
    // Five calls of one are too few to tell it, but not to say that the other does not fail alone.
    let both = |minute: u32, name: &str| u32::from(name != LESS) * all(minute, name);
    assert_eq!(told_failing(&both), each(&[(4, "plates")]));
}

#[test]
fn an_integration_is_told_where_no_operation_explains_half_of_what_fails() {
    let first = |nameless: u32| {
        let called = |minute| -> Operations {
            let failed = |calls| if minute < 600 { 0 } else { calls };
            let rare = (RARE, 1, failed(1));
            vec![("plates", 6, failed(nameless)), (BUSY, 1, 0), rare]
        };
        told(meta::FAILING, 700, &called)
    };
    assert_eq!(first(6), [(604, "plates".into())]);
    // What surely fails is the integration, and what of it is the operation.
    assert_eq!(first(1), [(604, RARE.into())]);
}

#[test]
fn what_follows_is_the_same_trouble_unless_another_operation_begins_to_fail() {
    // A fifth of its calls are a tenth of all only three minutes later.
    let partly = |_: u32, name: &str| u32::from(name == BUSY) * 20;
    assert_eq!(told_failing(&partly), each(&[(4, BUSY)]));
    let another = |minute: u32, name: &str| match name {
        BUSY => 100,
        LESS if minute >= 20 => 100,
        _ => 0,
    };
    let expected = each(&[(4, BUSY), (24, "plates")]);
    assert_eq!(told_failing(&another), expected);
    // One that goes on alone is told an hour after the integration was the last time.
    let goes_on = |minute: u32, name: &str| if minute < 20 || name == RARE { 100 } else { 0 };
    assert_eq!(told_failing(&goes_on), each(&[(4, "plates"), (88, RARE)]));
}

#[test]
fn silence_of_an_integration_is_told_once_whatever_stands_between_it_and_its_operations() {
    const SILENT: u32 = 14 * 1_440 + 60;
    let called = |minute| -> Operations {
        let backup = ("plates backup", 20, 0);
        if minute < SILENT {
            vec![(BUSY, 20, 0), backup]
        } else {
            vec![backup]
        }
    };
    let told = told(meta::FALL, SILENT + 60, &called);
    let names: Vec<&str> = told.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["plates"]);
}

#[test]
fn a_name_that_nobody_came_to_takes_no_place() {
    let seen = |minute: u32, names: std::ops::Range<u32>, reached: u32| {
        let operations = names.map(|at| OperationMinute {
            operation: format!("faces | GET /{at}").into(),
            minute,
            calls: 1,
            failed: 0,
            reached,
            durations: Vec::new(),
        });
        Seen {
            operations: operations.collect(),
            ..Seen::default()
        }
    };
    let (plan, mut counts, mut out) = (plan(), TrackCounts::default(), Vec::new());
    let mut watch = Watch::new();
    let end = Timestamp::from_seconds(600);
    for (minute, names, reached) in [(0, 0..50_000, 0), (1, 0..3, 1), (2, 0..50_000, 0)] {
        watch.observe(
            seen(minute, names, reached),
            &plan,
            Timestamp::MIN,
            &mut counts,
        );
        watch.close(&plan, end, &mut counts, &mut out);
    }
    assert_eq!((watch.operations.len(), counts.unwatched), (3, 0));
}
