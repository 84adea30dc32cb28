//! An entity that two shards weigh at once: a person through two integrations.

use std::collections::BTreeSet;

use super::*;
use crate::random::Random;
use crate::track::{Note, shard_of};

/// They live in different shards.
const INTEGRATIONS: [&str; 2] = ["resident-app", "staff-app"];
/// The hour of the first event, since the epoch, and how many hours later somebody is odd.
const HOUR: i64 = 490_000;
const LAST: i64 = 24 * 4;

fn watched() -> Arc<Plan> {
    let mut settings = config::Track::default();
    settings.behaviour.enabled = true;
    settings.behaviour.false_alarms_per_day = 20.0;
    Arc::new(Plan::new(Vec::new(), Vec::new(), settings))
}

fn call(hour: i64, second: u32, integration: &'static str, who: (u32, &str)) -> Event<'static> {
    let (person, record) = who;
    Event {
        time: Timestamp::from_seconds((HOUR + hour) * 3_600 + i64::from(second)),
        integration: Some(integration.into()),
        client_id: Some("app".into()),
        subject: Some(format!("person-{person}").into()),
        operation: Some("GET /v1/residents/{id}".into()),
        resource_id: Some(record.to_owned().into()),
        status: Some(200),
        ..Event::default()
    }
}

/// Forty people of one app who look at records of their own, through both integrations alike; in the last hour one looks at as many of others.
fn history() -> Vec<Vec<Event<'static>>> {
    let mut randoms = INTEGRATIONS.map(|_| Random::new(4));
    let of_hour = |hour: i64| {
        let mut events = Vec::new();
        for (integration, random) in INTEGRATIONS.into_iter().zip(&mut randoms) {
            for (nth, person) in (0..).zip((0..40).flat_map(|person| [person; 4])) {
                let is_odd = (hour, person) == (LAST, 7);
                let owner = if is_odd { 20 + nth % 4 } else { person };
                let record = format!("{owner}-{}", random.below(3));
                let second = random.below(3_600);
                events.push(call(hour, second, integration, (person, &record)));
            }
        }
        events.sort_by_key(|event| event.time);
        events
    };
    let mut hours: Vec<Vec<Event<'static>>> = (0..=LAST).map(of_hour).collect();
    // What closes the last hour.
    hours.push(vec![call(LAST + 1, 60, INTEGRATIONS[0], (0, "0-0"))]);
    hours
}

/// A block of each list of events.
fn blocks(plan: &Plan, lists: &[Vec<Event<'static>>]) -> Vec<TrackBlock> {
    let mut clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
    let (mut blocks, mut offset) = (Vec::new(), 0);
    for events in lists {
        let mut builder = BlockBuilder::new(0, offset, clock, &[]).for_plan(plan);
        for event in events {
            let position = Position {
                partition: 0,
                offset,
                stamped: None,
            };
            offset += 1;
            builder.event(event, position);
        }
        let (more, after) = builder.finish(offset);
        clock = after;
        blocks.extend(more);
    }
    blocks
}

/// Each revision that the shards of the service tell.
fn served(plan: &Arc<Plan>, blocks: Vec<TrackBlock>) -> Vec<Alert> {
    let mut tracker = Tracker::new(Arc::clone(plan), 2);
    tracker.assign(&[0]);
    let mut told: Vec<Alert> = Vec::new();
    for block in blocks {
        told.extend(tracker.apply(block, &[]));
    }
    told.extend(tracker.finish());
    told
}

/// The same by one merger for all shards, as `replay` and `backtest` have it.
fn replayed(plan: &Arc<Plan>, blocks: Vec<TrackBlock>) -> Vec<Alert> {
    let mut shards: Vec<(Shard, Vec<Fired>)> = (0..SHARDS)
        .map(|_| (Shard::new(Arc::clone(plan)), Vec::new()))
        .collect();
    let mut merger = Merger::of(plan, plan.open_alerts_a_shard() * SHARDS);
    let mut told = Vec::new();
    for block in blocks {
        for ((shard, fired), part) in shards.iter_mut().zip(split(block, plan)) {
            shard.apply(part, &[], fired);
        }
        merge(&mut shards, &mut merger, &mut told);
    }
    for (shard, fired) in &mut shards {
        shard.finish(fired);
    }
    merge(&mut shards, &mut merger, &mut told);
    told
}

fn merge(shards: &mut [(Shard, Vec<Fired>)], merger: &mut Merger, told: &mut Vec<Alert>) {
    let fired = shards.iter_mut().flat_map(|(_, fired)| fired.drain(..));
    let mut found: Vec<Fired> = fired.collect();
    found.sort_by_key(|fired| fired.turn);
    for fired in found {
        merger.merge(fired.finding, &fired.meta, fired.turn);
    }
    told.extend(merger.changed());
    let watermark = shards.iter().map(|(shard, _)| shard.watermark()).min();
    merger.expire(watermark.unwrap_or(Timestamp::MIN));
}

/// Through what an alert of behaviour says that it was.
fn through(alert: &Alert) -> Option<&str> {
    alert.notes.iter().find_map(|note| match note {
        Note::Through { integration } => Some(integration.as_str()),
        _ => None,
    })
}

fn of_behaviour(told: &[Alert]) -> BTreeMap<Uuid, &Alert> {
    let alerts = told.iter().filter(|it| it.rule.family == "behaviour");
    alerts.map(|alert| (alert.id, alert)).collect()
}

#[test]
fn who_is_odd_through_two_integrations_at_once_has_two_alerts_and_replay_the_same() {
    assert_ne!(shard_of(INTEGRATIONS[0]), shard_of(INTEGRATIONS[1]));
    let plan = watched();
    let blocks = blocks(&plan, &history());
    let told = served(&plan, blocks.clone());
    // No two shards speak under one id: each revision of it is told once.
    let mut revisions = BTreeSet::new();
    for alert in &told {
        assert!(revisions.insert((alert.id, alert.revision)), "{alert:?}");
    }
    let alerts = of_behaviour(&told);
    let odd: Vec<&&Alert> = alerts
        .values()
        .filter(|it| it.entity.value == "person-7")
        .filter(|it| it.last >= Timestamp::from_seconds((HOUR + LAST) * 3_600))
        .collect();
    let integrations: BTreeSet<Option<&str>> = odd.iter().map(|it| through(it)).collect();
    let both = INTEGRATIONS.map(Some);
    assert_eq!(integrations, BTreeSet::from(both), "{odd:?}");
    assert_eq!(odd.len(), 2, "{odd:?}");

    let told = replayed(&plan, blocks);
    let again = of_behaviour(&told);
    let revisions = |alerts: &BTreeMap<Uuid, &Alert>| -> Vec<(Uuid, u64, u64)> {
        let alerts = alerts.values();
        let each = alerts.map(|alert| (alert.id, alert.revision, alert.findings));
        each.collect()
    };
    assert_eq!(revisions(&again), revisions(&alerts));
}

#[test]
fn who_was_active_changes_every_shard() {
    let plan = watched();
    let mut tracker = Tracker::new(Arc::clone(&plan), 1);
    tracker.assign(&[0]);
    let hours = [
        vec![call(0, 10, INTEGRATIONS[0], (1, "1-1"))],
        vec![call(0, 20, INTEGRATIONS[0], (2, "2-2"))],
    ];
    let mut blocks = blocks(&plan, &hours).into_iter();
    tracker.apply(blocks.next().unwrap(), &[]);
    let before = tracker.snapshots();
    assert!((0..SHARDS).all(|shard| !tracker.is_dirty(shard)));
    tracker.apply(blocks.next().unwrap(), &[]);
    let dirty: Vec<bool> = (0..SHARDS).map(|shard| tracker.is_dirty(shard)).collect();
    let after = tracker.snapshots();
    for (shard, is_dirty) in dirty.into_iter().enumerate() {
        let is_changed = before[shard].state.state != after[shard].state.state;
        assert!(
            is_changed && is_dirty,
            "shard {shard}: {is_changed} {is_dirty}"
        );
    }
}
