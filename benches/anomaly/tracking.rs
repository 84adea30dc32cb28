//! What tracking costs with everything on: events a second on one core, memory an entity, the pause of a snapshot.
//!
//! Records of a hundred thousand live clients and persons of the simulator, long-tailed; rules, contracts and behaviour as a service has them. Decoding and matching
//! are not timed. Time is that of the thread on its core, so that others on the machine count as little as may be.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatewatch::config::{Config, Secret};
use gatewatch::event::{Event, Position, Timestamp};
use gatewatch::pipeline::detection::{Detection, Outcome};
use gatewatch::pipeline::shards::Tracker;
use gatewatch::sigma::{PatternHit, RuleSet};
use gatewatch::simulate::{Generator, Settings, Shapes};
use gatewatch::track::{BlockBuilder, Matches, PartitionClock};

use crate::figure;

/// Of these about a hundred thousand call in a day.
const CLIENTS: u32 = 170_000;
const EVENTS_A_DAY: u64 = 600_000;
const DAYS: u64 = 7;
const BLOCK: usize = 10_000;
/// Snapshots of which the middle one counts.
const ROUNDS: usize = 5;
const DAY_US: i64 = 86_400_000_000;

/// An event, and the rules that matched it.
type Matched = (Event<'static>, Position, Vec<(u32, Vec<PatternHit>)>);

pub fn measure() {
    let detection = detection();
    let active = detection.active();
    let plan = active.plan();
    let before = resident_bytes();
    let mut tracker = Tracker::new(Arc::clone(plan), 1);
    let mut clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
    let (mut events, mut busy, mut last_day) = (0_u64, Duration::ZERO, (0_u64, Duration::ZERO));
    let mut building = Duration::ZERO;
    let ran = Ran(Instant::now());
    each_block(&detection, |day, block| {
        let (begin, end) = (block[0].1.offset, block[block.len() - 1].1.offset + 1);
        let started = ran.time();
        let mut builder = BlockBuilder::new(0, begin, clock, &[]).for_plan(plan);
        for (event, position, hits) in &block {
            let turn = builder.event(event, *position);
            let mut matches = Matches::of(active.rules(), event, *position, turn);
            for (rule, hits) in hits {
                matches.by(*rule, hits, |matched| builder.matched(matched));
            }
        }
        let (blocks, next) = builder.finish(end);
        building += ran.since(started);
        clock = next;
        for block in blocks {
            black_box(tracker.apply(block, &[]));
        }
        let took = ran.since(started);
        events += block.len() as u64;
        busy += took;
        if day + 1 == DAYS {
            last_day.0 += block.len() as u64;
            last_day.1 += took;
        }
    });
    println!(
        "building blocks took {:.2} of {:.2} s",
        building.as_secs_f64(),
        busy.as_secs_f64()
    );
    let held = resident_bytes().saturating_sub(before);
    let entities = tracker.clients();
    println!(
        "{events} events of {entities} clients and {} entities with behaviour in {DAYS} days; {:.0} events/s over all",
        tracker.behaving(),
        events as f64 / busy.as_secs_f64()
    );
    let rate = last_day.0 as f64 / last_day.1.as_secs_f64();
    figure("track_events_per_second_core", rate, "events/s");
    let bytes = held as f64 / entities.max(1) as f64;
    figure("state_bytes_per_entity", bytes, "bytes");
    // While it is made no block is applied; that it is stored is waited for by none.
    let mut pauses = [0.0; ROUNDS];
    for pause in &mut pauses {
        let started = ran.time();
        let stored = black_box(tracker.snapshots());
        *pause = ran.since(started).as_secs_f64() * 1e3;
        let bytes: usize = stored.iter().map(|it| it.state.state.len()).sum();
        println!("a snapshot of {} MiB: {pause:.0} ms", bytes >> 20);
    }
    pauses.sort_by(f64::total_cmp);
    figure("snapshot_pause_ms", pauses[ROUNDS / 2], "ms");
}

/// How long this thread has run, from `/proc`; where there is none, how long ago it began.
struct Ran(Instant);

impl Ran {
    fn time(&self) -> Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanoseconds = stat.split(' ').next().and_then(|text| text.parse().ok());
        nanoseconds.map_or_else(|| self.0.elapsed(), Duration::from_nanos)
    }

    fn since(&self, started: Duration) -> Duration {
        self.time().saturating_sub(started)
    }
}

fn detection() -> Detection {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = Config::default();
    config.rules.folder = root.join("rules");
    config.contracts.folder = Some(root.join("contracts"));
    config.track.behaviour.enabled = true;
    config.enrich.pseudonym_key = Secret::new("a key of no meaning, for measurements alone");
    config.store.dead_letter_key = Secret::new("00".repeat(32));
    let rules = RuleSet::load(&config.rules).expect("the catalogue loads");
    Detection::new(&config, Arc::new(rules)).expect("the defaults hold")
}

/// Blocks of events of a week, with the number of their day.
fn each_block(detection: &Detection, mut take: impl FnMut(u64, Vec<Matched>)) {
    let settings = Settings {
        seed: 7,
        start: Timestamp::parse_rfc3339("2026-03-01T21:00:00Z").expect("a time"),
        span_us: DAY_US * i64::try_from(DAYS).expect("a week"),
        quiet_us: 0,
        events: EVENTS_A_DAY * DAYS,
        clients: Some(CLIENTS),
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
    };
    let start = settings.start;
    let mut generator = Generator::new(settings).expect("the span is sound");
    let active = detection.active();
    let mut scratch = active.scratch();
    let (mut record, mut block, mut offset) = (Vec::new(), Vec::with_capacity(BLOCK), 0);
    while let Some(meta) = generator.next_into(&mut record) {
        let position = Position {
            partition: 0,
            offset,
            stamped: None,
        };
        offset += 1;
        let processed = detection.process(&active, record.trim_ascii_end(), None, &mut scratch);
        if let Outcome::Event(event) = processed {
            let event = event.into_owned();
            block.push((event, position, scratch.take_hits().collect()));
        }
        record.clear();
        if block.len() == BLOCK {
            let day = u64::try_from(meta.time.since(start) / DAY_US).unwrap_or(0);
            take(
                day,
                std::mem::replace(&mut block, Vec::with_capacity(BLOCK)),
            );
        }
    }
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none. The allocator's slack counts, as it does in operation.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
