//! What the tracker does in a second: correlations with small and large windows, the baseline, and its memory.
//!
//! `cargo bench --bench track`. One thread, one shard's work in all; no decoding, no rules. Corpus: made here, printed.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use compact_str::format_compact;
use gatewatch::config;
use gatewatch::event::{Field, Position, Timestamp};
use gatewatch::pipeline::shards::Tracker;
use gatewatch::sigma::{Condition, CorrelationKind, Level, RuleMeta};
use gatewatch::track::{
    Codes, CorrelationKey, CorrelationSpec, Entity, EntityKind, Evidence, Goes, Match, Observation,
    Packed, Pile, Plan, RulePlan, Seen, TrackBlock,
};
use uuid::Uuid;

const EVENTS: usize = 600_000;
/// Groups of the correlations that are timed.
const GROUPS: usize = 500;
/// Groups that are alive at once where memory is measured.
const LIVE_GROUPS: usize = 1_000_000;
const BLOCK: usize = 10_000;
const CLIENTS: usize = 100_000;
const MINUTES: i64 = 6;
const BEGIN: i64 = 1_772_400_000;

fn main() {
    // First, while the allocator has no freed memory to give: what is resident afterwards is the baseline's.
    baseline();
    live_groups();
    for (name, distinct) in [("event_count", false), ("value_count", true)] {
        let small = correlation(distinct, 40);
        let large = correlation(distinct, 1_000);
        println!("figure {name}_40_per_group_events_per_second {small:.0} events/s");
        println!("figure {name}_1000_per_group_events_per_second {large:.0} events/s");
        println!("figure {name}_1000_vs_40 {:.2} ratio", large / small);
    }
}

fn meta(number: u128) -> Arc<RuleMeta> {
    Arc::new(RuleMeta {
        id: Uuid::from_u128(number),
        title: "bench".to_owned(),
        title_ru: None,
        description: String::new(),
        description_ru: None,
        false_positives_ru: Vec::new(),
        family: "bench".to_owned(),
        level: Level::Low,
        tags: Vec::new(),
        false_positives: Vec::new(),
        advice: None,
        advice_ru: None,
        entity: None,
        shadow: false,
    })
}

fn plan(distinct: bool, timespan_us: i64, max_groups: usize) -> Arc<Plan> {
    let rule = RulePlan {
        meta: meta(1),
        alerts: false,
        content: 0,
    };
    let correlation = CorrelationSpec {
        meta: meta(2),
        kind: if distinct {
            CorrelationKind::ValueCount {
                fields: vec![Field::Path],
            }
        } else {
            CorrelationKind::EventCount
        },
        members: 1,
        timespan_us,
        // Never met.
        condition: Condition::at_least(1_000_000.0),
        alerts: true,
        level: 0,
        content: 0,
    };
    Arc::new(Plan::new(
        vec![rule],
        vec![correlation],
        config::Track {
            max_groups,
            ..config::Track::default()
        },
    ))
}

/// Bytes that a million groups of a `value_count` take, each with one event.
fn live_groups() {
    let plan = plan(true, 86_400_000_000, LIVE_GROUPS * 2);
    let mut tracker = Tracker::new(plan, 1);
    let before = resident_bytes();
    for first in (0..LIVE_GROUPS).step_by(BLOCK) {
        let matches = (first..first + BLOCK)
            .map(|at| matched(at, LIVE_GROUPS, 0))
            .collect();
        tracker.apply(block(first, matches), &[]);
    }
    black_box(tracker.tick(&[0]));
    let bytes = resident_bytes().saturating_sub(before);
    println!(
        "figure million_groups_mib {:.0} MiB",
        bytes as f64 / 1_048_576.0
    );
    assert_eq!(tracker.counts().evicted_groups, 0);
}

/// Events a second with so many events in the window of each of the groups; the condition is never met.
///
/// Events come at the same rate whatever the window, and windows are as long as it takes. Otherwise the matches that wait for the
/// watermark would differ too, and not only the windows.
fn correlation(distinct: bool, per_group: usize) -> f64 {
    const EVERY_US: i64 = 600;
    let step_us = EVERY_US * offset(GROUPS);
    let plan = plan(distinct, step_us * offset(per_group), 100_000);
    let groups = GROUPS;
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let mut tracker = Tracker::new(Arc::clone(&plan), 1);
        let blocks = blocks(groups, step_us);
        let begin = Instant::now();
        for block in blocks {
            black_box(tracker.apply(block, &[]));
        }
        black_box(tracker.finish());
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of events far below 2^52"
        )]
        let rate = EVENTS as f64 / begin.elapsed().as_secs_f64();
        best = best.max(rate);
    }
    best
}

fn blocks(groups: usize, step_us: i64) -> Vec<TrackBlock> {
    let mut blocks = Vec::new();
    for first in (0..EVENTS).step_by(BLOCK) {
        let matches = (first..first + BLOCK)
            .map(|at| matched(at, groups, step_us))
            .collect();
        blocks.push(block(first, matches));
    }
    blocks
}

fn block(first: usize, matches: Pile<Match>) -> TrackBlock {
    let newest = matches.last().expect("blocks are not empty").time;
    TrackBlock {
        partition: 0,
        begin: offset(first),
        end: offset(first + BLOCK),
        newest,
        matches,
        observations: Pile::default(),
        conducts: Pile::default(),
        addends: Vec::new(),
        seen: Seen::default(),
    }
}

fn offset(at: usize) -> i64 {
    i64::try_from(at).expect("small")
}

fn matched(at: usize, groups: usize, step_us: i64) -> Match {
    let time = Timestamp::from_seconds(BEGIN)
        .plus_micros(offset(at / groups) * step_us + offset(at % groups));
    let entity = Entity {
        kind: EntityKind::Client,
        value: format_compact!("client-{}", at % groups),
    };
    let position = Position {
        partition: 0,
        offset: offset(at),
        stamped: None,
    };
    Match {
        rule: 0,
        offset: position.offset,
        time,
        due: time,
        late: false,
        goes: Goes::Correlation(CorrelationKey {
            correlation: 0,
            group: entity.clone(),
            value: Some((at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            above: Box::default(),
        }),
        evidence: Packed::of(&Evidence {
            time,
            position,
            request_id: format_compact!("{at:032x}"),
            client_address: None,
            client_id: entity.value.clone(),
            subject: "".into(),
            token_id: "".into(),
            integration: "".into(),
            method: "GET".into(),
            target: "/residents/{id}/vehicles?page=1&size=100".into(),
            status: 403,
            user_agent: "okhttp/4.12.0".into(),
            hits: Vec::new(),
        }),
    }
}

/// Observations a second when 100,000 clients are active in every minute, and bytes a client.
fn baseline() {
    let plan = plan(false, 300_000_000, 100_000);
    let mut tracker = Tracker::new(plan, 1);
    let before = resident_bytes();
    let (mut seconds, mut observations) = (0.0, 0u32);
    for minute in 0..MINUTES {
        for first in (0..CLIENTS).step_by(BLOCK) {
            let block = activity(minute, first);
            observations += u32::try_from(block.observations.len()).expect("small");
            let begin = Instant::now();
            black_box(tracker.apply(block, &[]));
            seconds += begin.elapsed().as_secs_f64();
        }
    }
    let begin = Instant::now();
    black_box(tracker.finish());
    seconds += begin.elapsed().as_secs_f64();
    assert_eq!(tracker.clients(), CLIENTS);
    println!(
        "figure track_baseline_observations_per_second {:.0} observations/s",
        f64::from(observations) / seconds
    );
    let held = resident_bytes().saturating_sub(before);
    println!(
        "figure track_baseline_bytes_per_client {} bytes",
        held / CLIENTS
    );
    let begin = Instant::now();
    let stored: usize = (0..gatewatch::track::SHARDS)
        .filter_map(|shard| tracker.snapshot(shard))
        .map(|snapshot| snapshot.state.state.len())
        .sum();
    println!(
        "figure track_snapshot_seconds {:.3} s",
        begin.elapsed().as_secs_f64()
    );
    println!(
        "figure track_snapshot_bytes_per_client {} bytes",
        stored / CLIENTS
    );
}

fn activity(minute: i64, first: usize) -> TrackBlock {
    let start = Timestamp::from_seconds(BEGIN + 60 * minute);
    let begin = minute * offset(CLIENTS) + offset(first);
    TrackBlock {
        partition: 0,
        begin,
        end: begin + offset(BLOCK),
        newest: start.plus_micros(59_000_000),
        matches: Pile::default(),
        observations: (first..first + BLOCK)
            .map(|client| Observation {
                client: format_compact!("client-{client:012}"),
                minute: start,
                count: 1 + u32::try_from(client % 40).expect("small"),
                late: 0,
                ids: Codes::One(u32::try_from(client).expect("small")),
            })
            .collect(),
        conducts: Pile::default(),
        addends: Vec::new(),
        seen: Seen::default(),
    }
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none. The allocator's slack counts, as it does in operation.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
