mod made_up;
mod teaching;

use super::sums::Sums;
use super::traits::{Dimension, Traits};
use super::*;
use crate::config;
use crate::event::{Event, Position};
use crate::random::Random;
use crate::track::{EntityKind, Turn};
use std::sync::Arc;

const HOUR: u32 = 490_000;

fn plan() -> Plan {
    Plan::new(Vec::new(), Vec::new(), config::Track::default())
}

fn conduct(hour: u32, name: &str, sums: Sums) -> Conduct {
    Conduct {
        like: Like::Callers("faces".into()),
        who: Who {
            kind: EntityKind::Client,
            value: name.into(),
        },
        hour,
        deeds: Box::new(Deeds::of(sums)),
        texts: Vec::new(),
    }
}

/// Sixty clients of different habits for so many hours; what was found.
fn days(
    behaviour: &mut Behaviour,
    plan: &Plan,
    hours: std::ops::Range<u32>,
    disturb: impl Fn(u32, u32) -> Option<Sums>,
) -> Vec<Finding> {
    let each = hours.flat_map(|hour| close(behaviour, plan, of_hour(hour, &disturb)));
    each.collect()
}

fn of_hour(hour: u32, disturb: impl Fn(u32, u32) -> Option<Sums>) -> Vec<Conduct> {
    // The same noise, however the run is cut.
    let mut random = Random::new(hour.into());
    let conducts = (0..60).map(|client| {
        let calls = 5 + client % 17 + random.below(12);
        let ordinary = Sums::of_calls(calls, calls / 3 + random.below(3));
        let sums = disturb(hour, client).unwrap_or(ordinary);
        conduct(HOUR + hour, &format!("client-{client}"), sums)
    });
    conducts.collect()
}

/// Takes what was done in an hour and closes it; what was found.
fn close(behaviour: &mut Behaviour, plan: &Plan, conducts: Vec<Conduct>) -> Vec<Finding> {
    let (mut counts, mut out) = (TrackCounts::default(), Vec::new());
    let active = active_in(&conducts);
    behaviour.observe(conducts, &active, &mut counts);
    behaviour.close(plan, &mut counts, &mut out);
    out
}

#[test]
fn a_client_that_reads_far_more_records_than_ever_is_found_and_little_else() {
    let plan = plan();
    let mut behaviour = Behaviour::new(&self::plan());
    let quiet = days(&mut behaviour, &plan, 0..24 * 6, |_, _| None);
    // A third of a finding a day is allowed here.
    assert!(quiet.len() <= 4, "{} in six days", quiet.len());
    let found = days(&mut behaviour, &plan, 24 * 6..24 * 6 + 3, |_, client| {
        (client == 7).then(|| Sums::of_calls(20, 300))
    });
    assert!(
        found.iter().any(|it| it.entity.value == "client-7"),
        "{found:?}"
    );
    let finding = found
        .iter()
        .find(|it| it.entity.value == "client-7")
        .unwrap();
    let Reason::Baseline {
        metric,
        observed,
        expected,
        probability,
        features,
    } = &finding.reason
    else {
        panic!("a baseline");
    };
    assert_eq!(metric, "different records an hour");
    assert!(
        *observed > 200.0 && *expected < 20.0 && *probability < 1e-3,
        "{finding:?}"
    );
    let told: Vec<&str> = features.iter().map(|it| it.metric.as_str()).collect();
    assert_eq!(told[0], "different records an hour", "{told:?}");
    assert!((2..=MOST_FEATURES).contains(&told.len()), "{told:?}");
    for feature in features {
        let Feature { probability, .. } = feature;
        assert!(*probability > 0.0 && *probability <= 1.0, "{feature:?}");
    }
    let first = &features[0];
    assert!(first.probability < 0.01, "{first:?}");
    assert_eq!((first.observed, first.expected), (*observed, *expected));
    // What others than the first say stands in the notes too.
    assert!(
        finding.notes.contains(&Note::Feature(features[1].clone())),
        "{finding:?}"
    );
    assert!(
        !finding.notes.contains(&Note::Feature(first.clone())),
        "{finding:?}"
    );
}

#[test]
fn whoever_has_no_past_and_is_odd_in_no_single_number_is_told_by_its_amounts_together() {
    use config::BehaviourScore::{Amounts, Change, News};
    let found = |scores: &[config::BehaviourScore]| {
        let mut settings = config::Track::default();
        settings.behaviour.false_alarms_per_day = 20.0;
        settings.behaviour.scores = scores.to_vec();
        let plan = Plan::new(Vec::new(), Vec::new(), settings);
        let mut behaviour = Behaviour::new(&plan);
        days(&mut behaviour, &plan, 0..24 * 6, |_, _| None);
        // Others have five calls too, and thirteen records, but these only with thirty calls.
        let mut conducts = of_hour(24 * 6, |_, _| None);
        let newcomer = Sums::of_calls(5, 13);
        conducts.push(conduct(HOUR + 24 * 6, "newcomer", newcomer));
        let found = close(&mut behaviour, &plan, conducts);
        found.iter().any(|it| it.entity.value == "newcomer")
    };
    assert!(found(&[Amounts, Change, News]));
    assert!(!found(&[Change, News]));
}

#[test]
fn it_goes_on_from_a_snapshot_as_if_nothing_had_happened() {
    let plan = plan();
    let disturb =
        |hour: u32, client: u32| (hour % 31 == 30 && client == 5).then(|| Sums::of_calls(58, 150));
    let mut whole = Behaviour::new(&self::plan());
    let all = days(&mut whole, &plan, 0..100, disturb);
    let mut first = Behaviour::new(&self::plan());
    let mut found = days(&mut first, &plan, 0..61, disturb);
    let stored = postcard::to_allocvec(&first.store()).unwrap();
    let mut second = Behaviour::new(&self::plan());
    second.restore(postcard::from_bytes(&stored).unwrap(), &plan);
    found.extend(days(&mut second, &plan, 61..100, disturb));
    assert_eq!(found, all);
    let states = [&whole, &second].map(|it| postcard::to_allocvec(&it.store()).unwrap());
    assert!(states[0] == states[1], "the state is the same");
}

#[test]
fn what_befalls_many_at_once_is_not_told_of_each() {
    let plan = plan();
    let mut behaviour = Behaviour::new(&self::plan());
    days(&mut behaviour, &plan, 0..24 * 4, |_, _| None);
    let found = days(&mut behaviour, &plan, 24 * 4..24 * 4 + 1, |_, client| {
        (client < 20).then(|| Sums::of_calls(60, 400))
    });
    let mut causes: BTreeMap<&str, usize> = BTreeMap::default();
    for finding in &found {
        let Reason::Baseline { metric, .. } = &finding.reason else {
            panic!("a baseline");
        };
        *causes.entry(metric).or_default() += 1;
    }
    assert!(causes.values().all(|told| *told <= 3), "{causes:?}");
    assert!(found.len() >= 3 && found.len() <= 9, "{causes:?}");
    let notes = &found.last().unwrap().notes;
    assert!(
        notes.iter().any(|note| matches!(note, Note::AsOdd { .. })),
        "{notes:?}"
    );
}

#[test]
fn a_release_that_callers_take_up_one_after_the_other_is_told_a_few_times_a_day() {
    let mut settings = config::Track::default();
    settings.behaviour.false_alarms_per_day = 20.0;
    let plan = Plan::new(Vec::new(), Vec::new(), settings);
    let mut behaviour = Behaviour::new(&plan);
    let mut told = Vec::new();
    for hour in 0..24 * 8 {
        let mut conducts = of_hour(hour, |_, _| None);
        for (client, conduct) in conducts.iter_mut().enumerate() {
            let is_new = hour >= 24 * 6 + u32::try_from(client).unwrap();
            let agent = if is_new { "the next" } else { "the usual" };
            conduct.deeds.traits = Traits::of(Dimension::Agent, &[agent]);
        }
        let found = close(&mut behaviour, &plan, conducts);
        let news = found.iter().filter(|it| {
            matches!(&it.reason, Reason::Baseline { metric, .. } if metric.contains("user agent"))
        });
        told.extend(news.map(|_| hour));
    }
    assert!(told.iter().all(|hour| *hour >= 24 * 6), "{told:?}");
    let of_day = |day: u32| told.iter().filter(|hour| **hour / 24 == day).count();
    assert!((1..=3).contains(&of_day(6)) && of_day(7) <= 3, "{told:?}");
}

#[test]
fn nothing_is_told_while_little_is_known_and_what_is_late_counts_in_the_open_hour() {
    let plan = plan();
    let mut behaviour = Behaviour::new(&self::plan());
    let found = days(&mut behaviour, &plan, 0..24, |hour, client| {
        (hour == 20 && client == 1).then(|| Sums::of_calls(60, 400))
    });
    assert!(found.is_empty());
    let mut counts = TrackCounts::default();
    let late = vec![conduct(HOUR, "client-1", Sums::of_calls(3, 1))];
    let active = active_in(&late);
    behaviour.observe(late, &active, &mut counts);
    let end = behaviour.next_end().unwrap().micros();
    assert_eq!(end, i64::from(HOUR + 25) * HOUR_US);
}

/// Events of an afternoon as a block each for so many, from two partitions that take turns.
fn cut(events: &[Vec<(i64, Event<'static>)>; 2], size: usize) -> Vec<u8> {
    let mut behaviour = Behaviour::new(&self::plan());
    let mut counts = TrackCounts::default();
    let mut blocks: Vec<(usize, i32, Vec<Conduct>)> = Vec::new();
    for (partition, events) in (0..).zip(events) {
        for (nth, block) in events
            .chunks(size + usize::try_from(partition).unwrap())
            .enumerate()
        {
            let mut builder = ConductBuilder::default();
            for (offset, event) in block {
                let turn = Turn {
                    due: event.time,
                    late: false,
                };
                let position = Position {
                    partition,
                    offset: *offset,
                    stamped: None,
                };
                builder.take(event, turn, position);
            }
            blocks.push((nth, partition, builder.finish().into_iter().collect()));
        }
    }
    blocks.sort_by_key(|(nth, partition, _)| (*nth, *partition));
    for (_, _, conducts) in blocks {
        let active = active_in(&conducts);
        behaviour.observe(conducts, &active, &mut counts);
    }
    postcard::to_allocvec(&behaviour.store()).unwrap()
}

#[test]
fn blocks_may_be_cut_anywhere() {
    let mut random = Random::new(9);
    let mut events: [Vec<(i64, Event<'static>)>; 2] = Default::default();
    for offset in 0..3_000 {
        let client = random.below(40);
        // Out of order by some seconds, over two hours.
        let second = offset * 2 + i64::from(random.below(30));
        let version = random.below(3);
        events[(client % 2) as usize].push((
            offset,
            Event {
                time: Timestamp::from_seconds(i64::from(HOUR) * 3_600 + second),
                integration: Some("faces".into()),
                client_id: Some(format!("client-{client}").into()),
                operation: Some(format!("GET /v1/{}", random.below(3)).into()),
                user_agent: Some(format!("okhttp/4.{version}").into()),
                query: Some(["a=1&b='x", "b=2&a=3", "c=--"][version as usize].into()),
                resource_id: Some(format!("p_{}", random.below(300)).into()),
                client_address: Some(
                    std::net::Ipv4Addr::from(0xcb00_7100 + random.below(600)).into(),
                ),
                status: Some(200 + u64::from(random.below(3))),
                ..Event::default()
            },
        ));
    }
    let whole = cut(&events, 10_000);
    for size in [1, 7, 100, 999] {
        assert!(cut(&events, size) == whole, "blocks of {size}");
    }
}

#[test]
fn a_shard_begins_from_a_model_and_finds_at_once_what_is_unlike_it() {
    let plan = plan();
    let mut taught = Behaviour::new(&plan);
    days(&mut taught, &plan, 0..24 * 6, |_, _| None);
    let bytes = taught.learned().to_bytes();
    assert_eq!(bytes, taught.learned().to_bytes(), "the same is the same");
    let learned = Learned::from_bytes(&bytes).unwrap();
    assert_eq!(learned, taught.learned());
    let likes = learned.likes();
    assert_eq!((likes.len(), likes[0].entities), (1, 60));
    let knowing = self::plan().with_learned(Some(Arc::new(learned)));
    let attack = |_: u32, client: u32| (client == 7).then(|| Sums::of_calls(20, 300));
    let told = |behaviour: &mut Behaviour, plan: &Plan, hours: std::ops::Range<u32>| {
        let found = days(behaviour, plan, hours, attack);
        found.iter().any(|it| it.entity.value == "client-7")
    };
    let hours = 24 * 7..24 * 7 + 2;
    assert!(told(&mut Behaviour::new(&knowing), &knowing, hours.clone()));
    assert!(!told(&mut Behaviour::new(&plan), &plan, hours.clone()));
    // What a snapshot knows that grew without the model gives way to it; what grew from it goes on.
    let mut young = Behaviour::new(&plan);
    days(&mut young, &plan, 24 * 6..24 * 6 + 3, |_, _| None);
    let stored = postcard::to_allocvec(&young.store()).unwrap();
    let restored = |plan: &Plan, stored: &[u8]| {
        let mut behaviour = Behaviour::new(plan);
        behaviour.restore(postcard::from_bytes(stored).unwrap(), plan);
        behaviour
    };
    assert!(told(
        &mut restored(&knowing, &stored),
        &knowing,
        hours.clone()
    ));
    let mut grown = Behaviour::new(&knowing);
    days(&mut grown, &knowing, 24 * 6..24 * 7, |_, _| None);
    let stored = postcard::to_allocvec(&grown.store()).unwrap();
    let again = restored(&knowing, &stored);
    assert!(postcard::to_allocvec(&again.store()).unwrap() == stored);
    // While it runs, as by a reload.
    young.adopt(&knowing);
    assert!(told(&mut young, &knowing, hours));
}

/// What a person does in an hour: seconds of calls and their operations.
type Visit = Vec<(u32, u32)>;

/// Forty people who sign in, list and open several times an hour, at random; what was found of those who do otherwise.
fn visits(disturb: impl Fn(u32, u32, Visit) -> Visit) -> Vec<Finding> {
    const NAMES: [&str; 4] = ["", "sign in", "list", "open"];
    let plan = plan();
    let (mut behaviour, mut counts) = (Behaviour::new(&plan), TrackCounts::default());
    let (mut found, mut random) = (Vec::new(), Random::new(8));
    for hour in 0..24 * 6 {
        let people = (0..40).map(|person| {
            let mut visit = Visit::new();
            for turn in 0..4 + person % 3 {
                let begin = turn * 500 + random.below(300);
                let (list, open) = (5 + random.below(40), 60 + random.below(60));
                visit.extend([(begin, 1), (begin + list, 2), (begin + open, 3)]);
            }
            let sums = Sums::of_calls(12, 4);
            let mut conduct = conduct(HOUR + hour, &format!("person-{person}"), sums);
            for (second, operation) in disturb(hour, person, visit) {
                conduct.deeds.steps.add(second * 1_000_000, operation);
            }
            let texts = NAMES.iter().zip(0..).skip(1);
            conduct.texts = texts.map(|(name, code)| (code, (*name).into())).collect();
            conduct
        });
        let people: Vec<Conduct> = people.collect();
        let active = active_in(&people);
        behaviour.observe(people, &active, &mut counts);
        behaviour.close(&plan, &mut counts, &mut found);
    }
    found
}

/// The metric and the notes of what was found of a person.
fn of_person<'f>(found: &'f [Finding], person: &str) -> Option<(&'f str, &'f [Note])> {
    let finding = found.iter().find(|it| it.entity.value == person)?;
    let Reason::Baseline { metric, .. } = &finding.reason else {
        panic!("a baseline");
    };
    Some((metric, &finding.notes))
}

#[test]
fn who_leaves_a_step_out_is_found_although_each_operation_is_usual() {
    let found = visits(|hour, person, mut visit| {
        if (hour, person) == (24 * 5, 7) {
            visit.remove(4); // the list of the second turn
        }
        visit
    });
    let (metric, notes) = of_person(&found, "person-7").expect("it is found");
    assert_eq!(metric, sums::ORDER);
    let note = notes.iter().find(|note| matches!(note, Note::Step(_)));
    let note = note.unwrap_or_else(|| panic!("{notes:?}")).to_string();
    assert!(note.contains("sign in came open, 0 of ") && note.contains("usually list"));
    // Three a day are allowed.
    assert!(found.len() <= 15, "{} in six days", found.len());
}

#[test]
fn who_calls_by_a_clock_and_never_did_is_found_and_who_always_did_is_not() {
    let found = visits(|hour, person, visit| {
        let is_robot = person == 3 || (person == 7 && hour >= 24 * 5);
        if !is_robot {
            return visit;
        }
        (0..12).map(|call| (call * 290 + 7, 1 + call % 3)).collect()
    });
    let (metric, _) = of_person(&found, "person-7").expect("it is found");
    assert_eq!(metric, "evenness of the gaps between calls");
    let always = found.iter().filter(|it| it.entity.value == "person-3");
    assert!(always.count() <= 1, "{found:?}");
}

/// Forty people of one app, who look at records of their own; on the last hour one looks at as many of others.
#[test]
fn of_people_who_share_a_client_the_one_that_reads_records_of_others_is_found() {
    let plan = plan();
    let (mut behaviour, mut counts) = (Behaviour::new(&plan), TrackCounts::default());
    let (mut found, mut random) = (Vec::new(), Random::new(4));
    let last = 24 * 4;
    for hour in 0..=last {
        let mut builder = ConductBuilder::default();
        for (offset, person) in (0..40).flat_map(|person| [person; 4]).enumerate() {
            let owner = if (hour, person) == (last, 7) {
                20 + offset % 4
            } else {
                person
            };
            let event = Event {
                time: Timestamp::from_seconds(i64::from(HOUR + hour) * 3_600),
                integration: Some("resident-app".into()),
                client_id: Some("app".into()),
                subject: Some(format!("person-{person}").into()),
                operation: Some("GET /v1/residents/{id}".into()),
                resource_id: Some(format!("{owner}-{}", random.below(3)).into()),
                status: Some(200),
                ..Event::default()
            };
            let position = Position {
                partition: 0,
                offset: i64::try_from(offset).unwrap(),
                stamped: None,
            };
            let turn = Turn {
                due: event
                    .time
                    .plus_micros(i64::from(random.below(3_600)) * 1_000_000),
                late: false,
            };
            builder.take(&event, turn, position);
        }
        let conducts = builder.finish();
        let active = active_in(conducts.iter());
        behaviour.observe(conducts, &active, &mut counts);
        behaviour.close(&plan, &mut counts, &mut found);
    }
    let (metric, _) = of_person(&found, "person-7").expect("it is found");
    assert_eq!(metric, "records of other persons an hour");
}
