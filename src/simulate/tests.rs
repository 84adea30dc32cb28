//! The generator as others use it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::scenario::{self, LabelKind};
use super::{Generator, Label, Meta, Scenario, Settings, Shapes, Span, built_in, folder, parse};
use crate::event::{Event, Timestamp, schema};

const DAY: i64 = 86_400_000_000;

fn settings(events: u64) -> Settings {
    Settings {
        seed: 42,
        start: Timestamp::parse_rfc3339("2026-03-01T21:00:00Z").unwrap(),
        span_us: DAY,
        quiet_us: 0,
        events,
        clients: None,
        broken: 0,
        scenarios: additions(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    }
}

/// The scenarios that add to ordinary traffic; those that change it are tested on their own.
fn additions() -> Vec<Scenario> {
    let mut scenarios = built_in().unwrap();
    scenarios.retain(|scenario| scenario.ordinary.is_empty());
    scenarios
}

/// A day of which a scenario changes two hours.
fn changed(of: &str, becomes: &str) -> (Vec<Event<'static>>, Label) {
    let text = format!(
        "name: changed\nrequirement: sec-05\ntitle: x\nattack: true\nentity: {{kind: gateway, value: gw-msk-1}}\nordinary:\n  \
         - {{start: 12h, duration: 2h, of: {of}, becomes: {becomes}}}\n"
    );
    let mut settings = settings(60_000);
    settings.scenarios = vec![parse(Path::new("changed.yaml"), &text).unwrap()];
    let (from, mut events) = (settings.start, Vec::new());
    let labels = each(settings, |_, _, record| {
        let event: Event = serde_json::from_slice(record).unwrap();
        let hours = event.time.since(from) / 3_600_000_000;
        if (12..14).contains(&hours) {
            events.push(event.into_owned());
        }
    });
    let [label] = &labels[..] else {
        panic!("one label: {labels:?}")
    };
    (events, label.clone())
}

/// Calls the closure with each record.
fn each(settings: Settings, mut take: impl FnMut(Meta, &str, &[u8])) -> Vec<Label> {
    let mut generator = Generator::new(settings).unwrap();
    let mut buffer = Vec::new();
    while let Some(meta) = generator.next_into(&mut buffer) {
        take(meta, generator.key(), &buffer);
        buffer.clear();
    }
    generator.labels().map(|(_, label)| label.clone()).collect()
}

fn bytes(seed: u64) -> Vec<u8> {
    let mut all = Vec::new();
    let mut settings = settings(20_000);
    settings.seed = seed;
    settings.broken = 20;
    each(settings, |_, _, record| {
        all.extend_from_slice(record);
        all.push(b'\n');
    });
    all
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = bytes(1);
    assert!(first == bytes(1));
    assert!(first != bytes(2));
}

#[test]
fn every_record_is_an_event_and_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema::json_schema()).unwrap();
    let mut count = 0_u64;
    each(settings(12_000), |meta, _, record| {
        count += 1;
        let event: Event = serde_json::from_slice(record).unwrap();
        assert_eq!(event.time.micros() / 1_000, meta.time.micros() / 1_000);
        let value: serde_json::Value = serde_json::from_slice(record).unwrap();
        assert!(validator.is_valid(&value), "{value}");
        let keys = value.as_object().unwrap().keys();
        for key in keys {
            assert!(
                crate::event::Field::from_name(key).is_some(),
                "{key} is no field"
            );
        }
    });
    assert_eq!(count, 12_000);
}

#[test]
fn records_are_as_long_as_a_gateway_writes_them() {
    let (mut total, mut count) = (0, 0);
    let mut settings = settings(200_000);
    settings.scenarios.clear();
    each(settings, |_, _, record| {
        total += record.len();
        count += 1;
    });
    let mean = total / count;
    assert!((600..=740).contains(&mean), "mean record: {mean} bytes");
}

#[test]
fn events_of_a_partition_are_out_of_order_by_less_than_two_seconds() {
    let mut newest: BTreeMap<u64, Timestamp> = BTreeMap::new();
    each(settings(30_000), |meta, _, _| {
        let newest = newest.entry(meta.key_hash % 8).or_insert(meta.time);
        assert!(newest.since(meta.time) < 2_000_000);
        *newest = (*newest).max(meta.time);
    });
    assert_eq!(newest.len(), 8);
}

#[test]
fn traffic_follows_the_hours_of_the_day() {
    let mut hours = [0_u32; 24];
    let mut settings = settings(100_000);
    settings.scenarios.clear();
    let start = settings.start;
    each(settings, |meta, _, _| {
        let hour = meta.time.since(start).max(0) / 3_600_000_000;
        hours[usize::try_from(hour).unwrap()] += 1;
    });
    // The span begins at midnight, Moscow time.
    assert!(hours[18] > 2 * hours[3], "{hours:?}");
    assert!(hours[8] > 2 * hours[4], "{hours:?}");
}

#[test]
fn a_clients_key_leads_to_one_partition() {
    let mut partitions: BTreeMap<String, u64> = BTreeMap::new();
    each(settings(20_000), |meta, key, _| {
        let known = partitions.entry(key.to_owned()).or_insert(meta.key_hash);
        assert_eq!(*known, meta.key_hash, "{key}");
    });
    assert!(partitions.len() > 150);
}

#[test]
fn sequences_of_a_gateway_have_no_gap() {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    each(settings(20_000), |_, _, record| {
        let event: Event = serde_json::from_slice(record).unwrap();
        let sequence = event.sequence.unwrap();
        let before = last.insert(event.gateway.unwrap().to_string(), sequence);
        assert!(before.is_none_or(|before| sequence == before + 1));
    });
    assert_eq!(last.len(), 2);
}

#[test]
fn labels_say_what_was_planted() {
    let mut planted: BTreeMap<usize, u64> = BTreeMap::new();
    let scenarios = additions();
    let labels = each(settings(20_000), |meta, _, _| {
        if let Some(index) = meta.scenario {
            *planted.entry(index).or_default() += 1;
        }
    });
    assert_eq!(labels.len(), scenarios.len());
    for (index, (label, scenario)) in labels.iter().zip(&scenarios).enumerate() {
        let events: u32 = scenario.timeline.iter().map(|phase| phase.events).sum();
        assert_eq!(label.events, u64::from(events), "{}", label.name);
        assert_eq!(planted[&index], label.events);
        assert!(label.first < label.last);
        let line = serde_json::to_string(label).unwrap();
        assert_eq!(&serde_json::from_str::<Label>(&line).unwrap(), label);
    }
}

#[test]
fn broken_records_count_and_cannot_be_decoded() {
    let mut broken = 0;
    let mut count = 0;
    let mut settings = settings(20_000);
    settings.broken = 21;
    each(settings, |_, _, record| {
        count += 1;
        assert!(!record.is_empty() && !record.contains(&b'\n'));
        let decoded: Result<Event, _> = serde_json::from_slice(record);
        // Deep nesting stands under a key that serde skips; a decoder that bounds depth refuses it.
        broken += u32::from(decoded.is_err() || record.len() > 8_000);
    });
    assert_eq!((count, broken), (20_000, 21));
}

#[test]
fn the_files_are_those_that_the_binary_brings_along() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let names = |scenarios: Vec<super::Scenario>| -> BTreeSet<String> {
        scenarios
            .into_iter()
            .map(|scenario| scenario.name)
            .collect()
    };
    assert_eq!(names(folder(&root).unwrap()), names(built_in().unwrap()));
    for (path, text) in scenario::FILES {
        let scenario = parse(Path::new(path), text).unwrap();
        assert_eq!(
            *path,
            format!("{}/{}.yaml", scenario.requirement, scenario.name)
        );
    }
}

#[test]
fn attacks_have_twins_and_no_two_scenarios_share_an_entity_at_a_time() {
    let scenarios = built_in().unwrap();
    let attacks = scenarios.iter().filter(|scenario| scenario.attack).count();
    assert!(attacks >= 10 && scenarios.len() - attacks >= 10);
    let slack = Span::from_seconds(15 * 60).micros();
    let mut times: BTreeMap<_, Vec<(i64, i64, &str, bool)>> = BTreeMap::new();
    for scenario in &scenarios {
        let phases = scenario.timeline.iter().map(|it| (it.start, it.duration));
        let changes = scenario.ordinary.iter().map(|it| (it.start, it.duration));
        let spans = phases.chain(changes).map(|(start, duration)| {
            let (first, last) = (start.micros(DAY, 0.0), start.micros(DAY, 1.0));
            (first, last + duration.micros())
        });
        let begin = spans.clone().map(|(begin, _)| begin).min().unwrap();
        let end = spans.map(|(_, end)| end).max().unwrap();
        let others = times.entry(&scenario.entity).or_default();
        for (other_begin, other_end, name, attack) in &*others {
            let apart = end + slack < *other_begin || other_end + slack < begin;
            // An alert on either of two twins is a false alarm, whichever it is about.
            let harmless = !scenario.attack && !attack;
            assert!(apart || harmless, "{} and {name} at once", scenario.name);
        }
        others.push((begin, end, &scenario.name, scenario.attack));
        let twin = scenarios.iter().any(|other| {
            other.requirement == scenario.requirement && other.attack != scenario.attack
        });
        assert!(twin, "{} has no twin", scenario.name);
    }
}

#[test]
fn an_event_of_a_scenario_bears_its_entity() {
    let scenarios = additions();
    let mut borne = BTreeSet::new();
    each(settings(20_000), |meta, _, record| {
        let Some(index) = meta.scenario else { return };
        let event: Event = serde_json::from_slice(record).unwrap();
        let entity = &scenarios[index].entity;
        let value = match entity.kind {
            LabelKind::Client => event.client_id.map(|id| id.to_string()),
            LabelKind::Address => event.client_address.map(|address| address.to_string()),
            LabelKind::Gateway | LabelKind::Integration => Some(entity.value.clone()),
        };
        if value.as_ref() == Some(&entity.value) {
            borne.insert(index);
        }
    });
    for (index, scenario) in scenarios.iter().enumerate() {
        assert!(borne.contains(&index), "{}", scenario.name);
    }
}

#[test]
fn records_that_are_lost_leave_gaps_and_calls_that_are_unsent_leave_none() {
    let gap = |events: &[Event<'_>]| {
        let numbers: Vec<u64> = events
            .iter()
            .filter(|event| event.gateway.as_deref() == Some("gw-msk-1"))
            .filter_map(|event| event.sequence)
            .collect();
        numbers.windows(2).any(|pair| pair[1] != pair[0] + 1)
    };
    let lost = changed("{gateway: gw-msk-1, route: /v1/plates/check}", "lost");
    assert!(gap(&lost.0) && lost.1.events > 500, "{:?}", lost.1);
    let unsent = changed("{gateway: gw-msk-1, route: /v1/plates/check}", "unsent");
    assert!(!gap(&unsent.0) && unsent.1.events > 500);
    let silent = changed("{gateway: gw-msk-1}", "unsent");
    assert!(
        silent
            .0
            .iter()
            .all(|event| event.gateway.as_deref() == Some("gw-msk-2"))
    );
}

#[test]
fn ordinary_calls_become_what_a_scenario_says() {
    let of = |route: &str, becomes: &str| {
        let (events, _) = changed(&format!("{{route: {route}}}"), becomes);
        let path = route.to_owned();
        let of_route = move |event: &Event<'_>| event.path.as_deref() == Some(path.as_str());
        let all: Vec<_> = events.into_iter().filter(of_route).collect();
        assert!(all.len() > 50, "{becomes}: {}", all.len());
        all
    };
    let route = "/v1/webhooks/faces";
    let is_failed = |event: &Event<'_>| matches!(event.status, Some(502 | 504));
    let failed = of(route, "failed");
    assert!(failed.iter().all(is_failed));
    assert!(failed.iter().any(|event| event.attempt == Some(3)));
    let abandoned = of(route, "abandoned");
    // One that had failed just before may come again.
    let again = abandoned.iter().filter(|event| event.attempt.is_some());
    assert!(abandoned.iter().all(is_failed) && again.count() < 3);
    assert!(
        of(route, "unanswered")
            .iter()
            .all(|event| event.status.is_none())
    );
    let stale = of(route, "{stale: 3h}");
    assert!(stale.iter().all(|event| event.cache_age_s == Some(10_800)));
    let mean = |events: &[Event<'_>]| {
        let all = events.iter().filter_map(|event| event.duration_us);
        all.sum::<u64>() / events.len() as u64
    };
    assert!(mean(&of(route, "{slow: 6}")) > 3 * mean(&stale));
    let twice = of(route, "mirrored");
    let partners = twice
        .iter()
        .filter(|event| event.observer.is_some())
        .count();
    let refused = twice
        .iter()
        .filter(|event| matches!(event.status, Some(401 | 429)))
        .count();
    assert!(partners * 2 + refused == twice.len() && partners > 50);
    let past = of(route, "bypassed");
    assert!(
        past.iter()
            .all(|event| event.observer.is_some() && event.sequence.is_none())
    );
    let named = of(route, "{misnamed: gw-x}");
    assert!(
        named
            .iter()
            .all(|event| event.gateway.as_deref() == Some("gw-x"))
    );
}

#[test]
fn scenarios_fall_into_what_is_left_of_the_span_after_its_quiet_part() {
    let quiet = Settings {
        span_us: 3 * DAY,
        quiet_us: 2 * DAY,
        ..settings(60_000)
    };
    let begin = quiet.start.plus_micros(quiet.quiet_us);
    let mut generator = Generator::new(quiet).unwrap();
    let (mut buffer, mut before) = (Vec::new(), 0);
    while let Some(meta) = generator.next_into(&mut buffer) {
        before += u64::from(meta.time < begin);
        buffer.clear();
    }
    assert!((30_000..50_000).contains(&before), "{before}");
    assert!(generator.labels().all(|(_, label)| label.first >= begin));
    assert!(generator.labels().count() > 100);
}

#[test]
fn what_does_not_fit_is_an_error_with_a_way_out() {
    let short = Settings {
        span_us: Span::from_seconds(60).micros(),
        ..settings(20_000)
    };
    let error = Generator::new(short).unwrap_err().to_string();
    assert!(
        error.contains("needs") && error.contains("longer span"),
        "{error}"
    );
    let error = Generator::new(settings(10)).unwrap_err().to_string();
    assert!(error.contains("are planted"), "{error}");
    let none = Settings {
        span_us: 0,
        ..settings(20_000)
    };
    assert!(Generator::new(none).is_err());
}

#[test]
fn a_mistake_in_a_scenario_is_shown_at_its_place() {
    let good = scenario::FILES[0].1;
    let error = |from: &str, to: &str| {
        parse(Path::new("a/b.yaml"), &good.replacen(from, to, 1))
            .unwrap_err()
            .to_string()
    };
    let unknown = error("duration:", "durration:");
    assert!(
        unknown.starts_with("a/b.yaml: ") && unknown.contains("durration"),
        "{unknown}"
    );
    assert!(unknown.contains("line"), "{unknown}");
    assert!(error("events: 320", "events: 0").contains("phase 1: events"));
    assert!(error("value: 203.0.113.31", "value: nobody").contains("no phase has a caller"));
    assert!(parse(Path::new("x.yaml"), "- 1").is_err());
}
