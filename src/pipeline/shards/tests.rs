mod homes;

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config;
use crate::event::{Event, Position};
use crate::track::testing::{correlation, matched, plan, rule};
use crate::track::{BlockBuilder, Pile, REQUEST_RATE, Seen};

const PARTITIONS: usize = 3;
const BASE: i64 = 1_772_400_000;

/// One record: seconds after `BASE`, client, which rule matches (2: none), counted value.
type Record = (i64, u8, u32, u64);
type Records = Vec<Vec<Record>>;
/// Which partition goes on by how many records.
type Cuts = Vec<(usize, usize)>;

fn settings() -> config::Track {
    let mut settings = config::Track {
        lateness_s: 30,
        merge_s: 120,
        ..config::Track::default()
    };
    settings.baseline.p_threshold = 0.2;
    settings.baseline.min_requests = 2;
    settings.baseline.min_ratio = 1.0;
    settings.baseline.min_history = 0;
    settings
}

fn small_plan() -> Arc<Plan> {
    let mut plan = plan(settings());
    plan.prior.mean = 0.5;
    plan.prior.dispersion = 0.01;
    Arc::new(plan)
}

/// A tracker and how far it has read.
struct Run<'r> {
    records: &'r Records,
    tracker: Tracker,
    at: Vec<(usize, PartitionClock)>,
    alerts: BTreeMap<Uuid, Alert>,
    /// Plan of the rules that match the records.
    plan: Arc<Plan>,
}

impl<'r> Run<'r> {
    fn new(records: &'r Records, tracker: Tracker) -> Self {
        Run {
            at: vec![(0, tracker.clock()); records.len()],
            records,
            tracker,
            alerts: BTreeMap::new(),
            plan: small_plan(),
        }
        .assigned()
    }

    fn assigned(mut self) -> Self {
        let partitions: Vec<i32> = (0..).take(self.records.len()).collect();
        self.tracker.assign(&partitions);
        self
    }

    fn step(&mut self, partition: usize, records: usize) {
        let (begin, clock) = self.at[partition];
        let end = (begin + records).min(self.records[partition].len());
        let number = i32::try_from(partition).unwrap();
        let mut builder =
            BlockBuilder::new(number, offset(begin), clock, self.tracker.cuts(number));
        for at in begin..end {
            let (seconds, client, rule, value) = self.records[partition][at];
            let position = Position {
                partition: number,
                offset: offset(at),
                stamped: None,
            };
            let client = format!("c{client}");
            let event = Event {
                time: Timestamp::from_seconds(BASE + seconds),
                client_id: Some(client.clone().into()),
                ..Event::default()
            };
            let turn = builder.event(&event, position);
            if rule < 2 {
                for one in matched(rule, position, event.time, turn, &client, value) {
                    builder.matched(one);
                }
            }
        }
        let (mut blocks, clock) = builder.finish(offset(end));
        self.tracker.follow(&self.plan, &mut blocks);
        for block in blocks {
            let alerts = self.tracker.apply(block, &[]);
            self.keep(alerts);
        }
        self.at[partition] = (end, clock);
    }

    fn keep(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            let known = self.alerts.get(&alert.id).map_or(0, |known| known.revision);
            if alert.revision >= known {
                self.alerts.insert(alert.id, alert);
            }
        }
    }

    fn finish(mut self) -> BTreeMap<Uuid, Alert> {
        for partition in 0..self.records.len() {
            self.step(partition, usize::MAX / 2);
        }
        let alerts = self.tracker.finish();
        self.keep(alerts);
        self.alerts
    }
}

/// Offsets have holes, as those of Kafka do.
fn offset(at: usize) -> i64 {
    i64::try_from(at).unwrap() * 3 + 7
}

fn undisturbed(records: &Records) -> BTreeMap<Uuid, Alert> {
    Run::new(records, Tracker::new(small_plan(), 1)).finish()
}

fn records() -> impl Strategy<Value = Records> {
    let record = (
        0i64..20,
        prop::bool::weighted(0.1),
        0u8..4,
        0u32..3,
        0u64..5,
    );
    let partition = prop::collection::vec(record, 0..60).prop_map(|steps| {
        let mut now = 0;
        let mut records = Vec::new();
        for (step, back, client, rule, value) in steps {
            now += step;
            let seconds = if back { now - 4 * step } else { now };
            records.push((seconds, client, rule, value));
        }
        records
    });
    prop::collection::vec(partition, PARTITIONS)
}

fn cuts() -> impl Strategy<Value = Cuts> {
    prop::collection::vec((0..PARTITIONS, 1usize..15), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn neither_cuts_nor_interleaving_nor_threads_change_an_alert(records in records(), cuts in cuts()) {
        let mut run = Run::new(&records, Tracker::new(small_plan(), 3));
        for (partition, step) in cuts {
            run.step(partition, step);
        }
        prop_assert_eq!(run.finish(), undisturbed(&records));
    }

    #[test]
    fn restore_and_replay_give_the_alerts_of_an_undisturbed_run(
        records in records(),
        before in cuts(),
        after in cuts(),
        stride in 1usize..5,
    ) {
        let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
        let mut snapshots: BTreeMap<usize, TrackerSnapshot> = BTreeMap::new();
        for (barrier, (partition, step)) in before.into_iter().enumerate() {
            run.step(partition, step);
            for shard in (0..SHARDS).filter(|shard| (shard + barrier) % stride == 0) {
                snapshots.insert(shard, run.tracker.snapshot(shard).unwrap());
            }
        }
        let stored: Vec<TrackerSnapshot> = snapshots
            .into_values()
            .map(|snapshot| postcard::from_bytes(&postcard::to_allocvec(&snapshot).unwrap()).unwrap())
            .collect();
        let tracker = Tracker::restore(small_plan(), 1, &stored).unwrap();
        let mut replay = Run::new(&records, tracker);
        replay.alerts = run.alerts;
        for partition in 0..PARTITIONS {
            if let Some((next, clock)) = replay.tracker.resume(i32::try_from(partition).unwrap()) {
                let at = (0..1_000).find(|at| offset(*at) >= next).unwrap();
                replay.at[partition] = (at, clock);
            }
        }
        for (partition, step) in after {
            replay.step(partition, step);
        }
        prop_assert_eq!(replay.tracker.counts().straddled, 0);
        prop_assert_eq!(replay.finish(), undisturbed(&records));
    }
}

/// The same rules behind others that nothing matches: what an edit leaves of them has other indices.
fn edited(generation: u64) -> Arc<Plan> {
    let mut plan = (*small_plan()).clone();
    for number in 0..u128::from(generation) {
        plan.rules.insert(0, rule(1_000 + number, true));
        plan.correlations
            .insert(0, correlation(2_000 + number, false, 3, 60));
    }
    plan.generation = generation;
    Arc::new(plan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_edit_of_other_rules_changes_no_alert(records in records(), cuts in cuts(), edits in prop::collection::vec(any::<bool>(), 40)) {
        let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
        let mut generation = 0;
        for ((partition, step), edit) in cuts.into_iter().zip(edits) {
            if edit {
                generation += 1;
                run.tracker.follow(&edited(generation), &mut []);
            }
            run.step(partition, step);
        }
        prop_assert_eq!(run.tracker.counts().dropped_on_reload, 0);
        prop_assert_eq!(run.finish(), undisturbed(&records));
    }
}

#[test]
fn an_edited_correlation_starts_empty_and_what_was_matched_before_is_left_out() {
    let records = steady(8);
    let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
    run.step(0, 6);
    run.tracker.tick(&[0]);
    let mut changed = (*small_plan()).clone();
    changed.correlations[0].content = 2;
    changed.rules[0].content = 2;
    changed.generation = 1;
    run.tracker.follow(&Arc::new(changed), &mut []);
    assert_eq!(run.tracker.counts().dropped_on_reload, 1, "one window");
    run.step(0, 2);
    assert_eq!(
        run.tracker.counts().dropped_on_reload,
        3,
        "and a match of a rule and one for a correlation that are others now, from a worker that had the old set"
    );
}

fn steady(records: usize) -> Records {
    let partition = (0i64..)
        .take(records)
        .map(|at| (at * 2, 1, u32::try_from(at % 3).unwrap(), 0))
        .collect();
    vec![partition]
}

#[test]
fn all_three_detectors_raise_alerts_in_the_property_tests_shape() {
    let mut records = steady(300);
    records[0].extend((0..60).map(|at| (640 + at / 4, 1, 2, 0)));
    let alerts = undisturbed(&records);
    let families: std::collections::BTreeSet<&str> = alerts
        .values()
        .map(|alert| alert.rule.family.as_str())
        .collect();
    assert_eq!(
        families.into_iter().collect::<Vec<_>>(),
        ["guessing", "injection", "rate"]
    );
    assert!(alerts.values().any(|alert| alert.rules == [REQUEST_RATE]));
}

#[test]
fn counts_grow_with_every_event_of_an_alert() {
    let alerts = undisturbed(&steady(300));
    let matches: u64 = alerts
        .values()
        .filter(|alert| alert.rule.family == "injection")
        .map(|alert| alert.count)
        .sum();
    assert_eq!(matches, 100);
    let counted: u64 = alerts
        .values()
        .filter(|alert| alert.rule.family == "guessing")
        .map(|alert| alert.count)
        .sum();
    assert_eq!(counted, 100);
}

#[test]
fn an_assigned_partition_holds_the_watermark_until_it_speaks_or_is_idle() {
    let records = vec![steady(60).remove(0), Vec::new()];
    let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
    run.step(0, 60);
    assert!(run.alerts.is_empty());
    assert_eq!(run.tracker.watermark(), Timestamp::MIN.plus_micros(-1));
    assert!(!run.tracker.tick(&[1]).is_empty());
    let before = run.tracker.watermark();
    run.tracker.tick(&[0, 1]);
    assert!(
        run.tracker.watermark() > before,
        "all idle: the newest event is passed"
    );
}

#[test]
fn events_behind_a_watermark_moved_by_idleness_are_counted_and_still_matched() {
    let records = vec![steady(60).remove(0), vec![(0, 2, 0, 0), (1, 2, 1, 0)]];
    let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
    run.step(0, 60);
    run.tracker.tick(&[1]);
    run.step(1, 2);
    let counts = run.tracker.counts();
    assert_eq!((counts.behind_watermark, counts.late_for_window), (3, 0));
    let alerts = run.finish();
    assert!(alerts.values().any(|alert| alert.entity.value == "c2"));
}

#[test]
fn state_of_a_changed_correlation_starts_empty_and_the_rest_goes_on() {
    let records = steady(8);
    let mut run = Run::new(&records, Tracker::new(small_plan(), 1));
    run.step(0, 6);
    run.tracker.tick(&[0]);
    let snapshots: Vec<TrackerSnapshot> = (0..SHARDS)
        .map(|shard| run.tracker.snapshot(shard).unwrap())
        .collect();
    assert!((0..SHARDS).all(|shard| !run.tracker.is_dirty(shard)));
    let mut changed = (*small_plan()).clone();
    changed.correlations[0].content = 2;
    changed.correlations.reverse();
    let tracker = Tracker::restore(Arc::new(changed), 1, &snapshots).unwrap();
    assert_eq!(tracker.counts().dropped_on_restore, 1);
    assert_eq!(tracker.open_alerts(), run.tracker.open_alerts());
}

#[test]
fn a_broken_snapshot_is_refused() {
    let mut run = Run::new(&steady(8), Tracker::new(small_plan(), 1)).tracker;
    let mut snapshot = run.snapshot(3).unwrap();
    snapshot.state.state[9] ^= 1;
    assert!(matches!(
        Tracker::restore(small_plan(), 1, std::slice::from_ref(&snapshot)),
        Err(SnapshotError::Checksum)
    ));
    snapshot.state.format = 99;
    let error = Tracker::restore(small_plan(), 1, &[snapshot])
        .err()
        .unwrap();
    assert!(error.to_string().contains("format 99"));
}

#[test]
fn a_full_reorder_buffer_releases_early_and_counts_it() {
    let mut plan = (*small_plan()).clone();
    plan.settings.max_waiting = 64 * 4;
    let mut tracker = Tracker::new(Arc::new(plan), 1);
    tracker.assign(&[0, 1]);
    let records = steady(300);
    let mut run = Run::new(&records, tracker);
    run.tracker.assign(&[0, 1]);
    run.step(0, 300);
    let counts = run.tracker.counts();
    assert!(counts.forced > 200, "{counts:?}");
    assert!(
        run.alerts
            .values()
            .any(|alert| alert.rule.family == "injection")
    );
}

#[test]
fn a_match_due_at_the_end_of_time_cannot_stop_a_full_shard() {
    let mut plan = (*small_plan()).clone();
    plan.settings.max_waiting = 1;
    let mut tracker = Tracker::new(Arc::new(plan), 1);
    let end = Timestamp::from_micros(i64::MAX);
    let matches = (0..5).flat_map(|offset| {
        let position = Position {
            partition: 0,
            offset,
            stamped: None,
        };
        let turn = crate::track::Turn {
            due: end,
            late: false,
        };
        matched(0, position, end, turn, "c1", 0)
    });
    let block = TrackBlock {
        partition: 0,
        begin: 0,
        end: 5,
        newest: end,
        matches: matches.collect(),
        observations: Pile::default(),
        conducts: Pile::default(),
        addends: Vec::new(),
        seen: Seen::default(),
    };
    let alerts = tracker.apply(block, &[]);
    assert_eq!(alerts[0].count, 4);
}

#[test]
fn snapshots_are_the_same_on_any_number_of_threads() {
    let partition: Vec<Record> = (0..40_u8)
        .map(|at| (at.into(), at % 7, u32::from(at % 3), 1))
        .collect();
    let records = vec![partition; PARTITIONS];
    let of = |threads| {
        let mut run = Run::new(&records, Tracker::new(small_plan(), threads));
        (0..PARTITIONS).for_each(|partition| run.step(partition, 100));
        run.tracker
    };
    let one = of(1).snapshots();
    assert_eq!(one.len(), SHARDS);
    let mut tracker = of(1);
    let each = (0..SHARDS).filter_map(|shard| tracker.snapshot(shard));
    assert_eq!(one, each.collect::<Vec<_>>());
    for threads in [2, 5, SHARDS] {
        assert_eq!(one, of(threads).snapshots(), "{threads}");
    }
}
