//! What tracking costs with everything on: events a second on one core, memory an entity, the pause of a snapshot.
//!
//! Records of a hundred thousand live clients and persons of the simulator, long-tailed; rules, contracts and behaviour as a service has them: a week in which each comes some
//! six times a day, so that nearly every event is somebody else's, then hours of a busy gateway. Decoding and matching are not timed; events come to the tracker fresh from them, as
//! in the service. Time is that of the thread on its core, so that others on the machine count as little as may be.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatewatch::config::{Config, Secret};
use gatewatch::event::{Event, Position, Timestamp};
use gatewatch::pipeline::detection::{ActiveRules, Detection, Outcome};
use gatewatch::pipeline::shards::Tracker;
use gatewatch::sigma::{PatternHit, RuleSet};
use gatewatch::simulate::{Generator, Settings, Shapes};
use gatewatch::track::{BlockBuilder, Matches, PartitionClock};

use crate::figure;

/// Of these about a hundred thousand call in a day.
const CLIENTS: u32 = 170_000;
const EVENTS_A_DAY: u64 = 600_000;
const DAYS: u64 = 7;
/// Of the busy hours, the first of which is not timed: 667 calls a second.
const EVENTS_AN_HOUR: u64 = 2_400_000;
const BUSY_HOURS: i64 = 3;
/// Events that are decoded before the tracker gets them: few enough to be near at hand still.
const CHUNK: usize = 256;
/// Rows of a block in that week: of a gateway that calls so seldom they come by age, and are smaller still.
const ROWS: usize = 10_000;
/// Snapshots of which the middle one counts.
const ROUNDS: usize = 5;
const DAY_US: i64 = 86_400_000_000;

/// An event, and the rules that matched it.
type Matched = (Event<'static>, Position, Vec<(u32, Vec<PatternHit>)>);

pub fn measure() {
    let detection = detection();
    let active = detection.active();
    let before = resident_bytes();
    let mut tracking = Tracking::new(&active);
    let last_day = week()
        .start
        .plus_micros(DAY_US * i64::try_from(DAYS - 1).expect("a week"));
    tracking.run(&detection, week(), last_day, ROWS);
    let held = resident_bytes().saturating_sub(before);
    let entities = tracking.tracker.clients();
    println!(
        "{entities} clients and {} entities with behaviour after {DAYS} days",
        tracking.tracker.behaving()
    );
    figure(
        "track_sparse_events_per_second_core",
        tracking.rate(),
        "events/s",
    );
    let bytes = held as f64 / entities.max(1) as f64;
    figure("state_bytes_per_entity", bytes, "bytes");
    snapshots(&mut tracking.tracker, &tracking.ran);
    let first_hour_over = busy().start.plus_micros(DAY_US / 24);
    // As large as a service makes them when there is much to read.
    let rows = Config::default().delivery.block_rows;
    tracking.run(&detection, busy(), first_hour_over, rows);
    figure("track_events_per_second_core", tracking.rate(), "events/s");
}

/// What tracks, and how long it took.
struct Tracking {
    active: Arc<ActiveRules>,
    tracker: Tracker,
    clock: PartitionClock,
    /// The open block, with the events in it.
    block: Option<(BlockBuilder, usize)>,
    next: i64,
    ran: Ran,
    events: u64,
    /// Building blocks, and all.
    busy: [Duration; 2],
}

impl Tracking {
    fn new(active: &Arc<ActiveRules>) -> Self {
        let plan = active.plan();
        Tracking {
            tracker: Tracker::new(Arc::clone(plan), 1),
            clock: PartitionClock::new(Timestamp::MIN, plan.lateness_us()),
            active: Arc::clone(active),
            block: None,
            next: 0,
            ran: Ran(Instant::now()),
            events: 0,
            busy: [Duration::ZERO; 2],
        }
    }

    /// Tracks what is simulated in blocks of so many rows, and times what comes after `begin`.
    fn run(&mut self, detection: &Detection, settings: Settings, begin: Timestamp, rows: usize) {
        (self.events, self.busy) = (0, [Duration::ZERO; 2]);
        let active = Arc::clone(&self.active);
        let next = each_chunk(detection, &active, settings, self.next, |time, chunk| {
            let started = self.ran.time();
            self.build(&chunk);
            let building = self.ran.since(started);
            let end = chunk[chunk.len() - 1].1.offset + 1;
            drop(chunk);
            let started = self.ran.time();
            if self.block.as_ref().is_some_and(|(_, held)| *held >= rows) {
                self.apply(end);
            }
            if time >= begin {
                self.events += CHUNK as u64;
                self.busy[0] += building;
                self.busy[1] += building + self.ran.since(started);
            }
        });
        self.next = next;
        println!(
            "of {:.2} s for {} events {:.2} s went into building blocks; {} matches so far",
            self.busy[1].as_secs_f64(),
            self.events,
            self.busy[0].as_secs_f64(),
            self.tracker.counts().released
        );
    }

    fn build(&mut self, chunk: &[Matched]) {
        let plan = self.active.plan();
        let (builder, held) = self.block.get_or_insert_with(|| {
            let builder = BlockBuilder::new(0, chunk[0].1.offset, self.clock, &[]);
            (builder.for_plan(plan), 0)
        });
        for (event, position, hits) in chunk {
            let turn = builder.event(event, *position);
            let mut matches = Matches::of(self.active.rules(), event, *position, turn);
            for (rule, hits) in hits {
                matches.by(*rule, hits, |matched| builder.matched(matched));
            }
        }
        *held += chunk.len();
    }

    fn apply(&mut self, end: i64) {
        let Some((builder, _)) = self.block.take() else {
            return;
        };
        let (blocks, clock) = builder.finish(end);
        self.clock = clock;
        for block in blocks {
            black_box(self.tracker.apply(block, &[]));
        }
    }

    fn rate(&self) -> f64 {
        self.events as f64 / self.busy[1].as_secs_f64()
    }
}

/// While a snapshot is made no block is applied; that it is stored is waited for by none.
fn snapshots(tracker: &mut Tracker, ran: &Ran) {
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

fn week() -> Settings {
    Settings {
        seed: 7,
        start: Timestamp::parse_rfc3339("2026-03-01T21:00:00Z").expect("a time"),
        span_us: DAY_US * i64::try_from(DAYS).expect("a week"),
        quiet_us: 0,
        events: EVENTS_A_DAY * DAYS,
        clients: Some(CLIENTS),
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    }
}

/// Hours after that week, from ten in the morning on.
fn busy() -> Settings {
    let week = week();
    Settings {
        start: week.start.plus_micros(week.span_us + DAY_US / 24 * 10),
        span_us: DAY_US / 24 * BUSY_HOURS,
        events: EVENTS_AN_HOUR * u64::try_from(BUSY_HOURS).expect("hours"),
        ..week
    }
}

/// Chunks of what is simulated, with the time at which each ends; offsets go on from `offset`. Gives the next one.
fn each_chunk(
    detection: &Detection,
    active: &ActiveRules,
    settings: Settings,
    mut offset: i64,
    mut take: impl FnMut(Timestamp, Vec<Matched>),
) -> i64 {
    let mut generator = Generator::new(settings).expect("the span is sound");
    let mut scratch = active.scratch();
    let (mut record, mut chunk) = (Vec::new(), Vec::with_capacity(CHUNK));
    while let Some(meta) = generator.next_into(&mut record) {
        let position = Position {
            partition: 0,
            offset,
            stamped: None,
        };
        offset += 1;
        let processed = detection.process(active, record.trim_ascii_end(), None, &mut scratch);
        if let Outcome::Event(event) = processed {
            let event = event.into_owned();
            chunk.push((event, position, scratch.take_hits().collect()));
        }
        record.clear();
        if chunk.len() == CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            take(meta.time, full);
        }
    }
    offset
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none. The allocator's slack counts, as it does in operation.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
