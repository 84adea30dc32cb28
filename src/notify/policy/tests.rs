//! The policy, step by step and under restarts at any instant.

mod escalation;
mod midnight;
mod reopened;

use proptest::prelude::*;

use super::*;
use crate::notify::mail::samples;
use crate::notify::{Key, State};
use crate::sigma::Level;

const MINUTE: i64 = 60_000_000;

fn limits() -> Limits {
    Limits {
        max_age: 360 * MINUTE,
        hourly: 3,
        digest: 30 * MINUTE,
        remembered: 1_000,
    }
}

fn reader(address: &str, minimum: MinimumLevel) -> Reader {
    Reader {
        key: RecipientKey::of(address),
        locale: Locale::En,
        minimum,
        families: vec![],
        integrations: vec![],
        tags: vec![],
        hours: None,
        quiet: None,
        hourly: None,
    }
}

fn one_reader() -> Policy {
    Policy::new(limits(), vec![reader("soc@example.org", MinimumLevel::Low)])
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(samples::START + minute * 60)
}

fn alert(id: u128, count: u64, level: Level, last: Timestamp) -> Alert {
    let mut alert = samples::correlation();
    alert.id = Uuid::from_u128(id);
    alert.count = count;
    alert.rule.level = level;
    alert.last = last;
    alert
}

/// Stages mailed for one alert revision.
fn mailed(policy: &mut Policy, alert: &Alert, now: Timestamp) -> Vec<Stage> {
    policy
        .decide(alert, now, &Outcomes::default())
        .into_iter()
        .filter_map(|decision| match decision {
            Decision::Mail { stage, .. } => Some(stage),
            Decision::Hold(_) => None,
        })
        .collect()
}

#[test]
fn an_alert_is_told_once_and_again_only_when_it_grew_tenfold_or_its_level_rose() {
    let mut policy = one_reader();
    let mut tell = |count, level| mailed(&mut policy, &alert(1, count, level, at(0)), at(0));
    assert_eq!(tell(5, Level::Medium), [Stage::Opened]);
    assert_eq!(tell(49, Level::Medium), []);
    assert_eq!(tell(50, Level::Medium), [Stage::Grown(1)]);
    assert_eq!(tell(51, Level::High), [Stage::Grown(2)]);
    assert_eq!(tell(60, Level::High), []);
    assert_eq!(
        tell(5, Level::Medium),
        [],
        "a replay of an earlier revision"
    );
}

#[test]
fn each_recipient_has_a_least_level_and_families() {
    let mut narrow = reader("web@example.org", MinimumLevel::Informational);
    narrow.families = vec!["other".to_owned()];
    let readers = vec![reader("soc@example.org", MinimumLevel::High), narrow];
    let mut policy = Policy::new(limits(), readers);
    assert_eq!(
        mailed(&mut policy, &alert(1, 5, Level::Medium, at(0)), at(0)),
        []
    );
    let told = policy.decide(
        &alert(1, 6, Level::High, at(0)),
        at(0),
        &Outcomes::default(),
    );
    let expected = Decision::Mail {
        reader: 0,
        stage: Stage::Opened,
    };
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_beyond_the_limit_waits_for_one_digest() {
    let mut policy = one_reader();
    let outcomes = Outcomes::default();
    let mut mails = 0;
    for id in 0..44_u64 {
        let alert = alert(u128::from(id), 10 + id, Level::Medium, at(0));
        mails += mailed(&mut policy, &alert, at(0)).len();
    }
    assert_eq!(mails, 3);
    assert!(policy.due(at(0)).is_empty(), "it waits a minute for more");
    let due = policy.due(at(1));
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].kind, due[0].total), (BundleKind::Digest, 41));
    let counts: Vec<u64> = due[0].worst.iter().map(|line| line.count).collect();
    assert_eq!(counts, (44..54).rev().collect::<Vec<_>>());

    policy.decide(&alert(99, 1, Level::Medium, at(2)), at(2), &outcomes);
    assert!(policy.due(at(20)).is_empty(), "one digest in half an hour");
    assert_eq!(policy.due(at(31))[0].total, 1);
    assert_eq!(
        mailed(&mut policy, &alert(100, 1, Level::Medium, at(61)), at(61)),
        [Stage::Opened]
    );
}

#[test]
fn a_critical_alert_gets_through_a_flood_of_small_ones() {
    let mut policy = one_reader();
    for id in 0..10 {
        mailed(&mut policy, &alert(id, 1, Level::Medium, at(0)), at(0));
    }
    assert_eq!(
        mailed(&mut policy, &alert(50, 1, Level::Critical, at(0)), at(0)),
        [Stage::Opened]
    );
    let more =
        (51..60).map(|id| mailed(&mut policy, &alert(id, 1, Level::Critical, at(0)), at(0)).len());
    assert_eq!(more.sum::<usize>(), 2, "but not without an end");
}

#[test]
fn a_backlog_is_one_summary_and_an_alert_that_goes_on_is_told_as_new() {
    let mut policy = one_reader();
    let now = at(60 * 24 * 7);
    for id in 0..1_000 {
        assert_eq!(
            mailed(&mut policy, &alert(id % 500, 1, Level::High, at(0)), now),
            []
        );
    }
    assert!(policy.due(now).is_empty());
    let due = policy.due(now.plus_micros(MINUTE));
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].kind, due[0].total), (BundleKind::Backlog, 500));
    assert!(policy.due(now.plus_micros(10 * MINUTE)).is_empty());
    assert_eq!(
        mailed(&mut policy, &alert(7, 2, Level::High, now), now),
        [Stage::Opened]
    );
}

#[test]
fn the_oldest_alert_is_forgotten_when_too_many_are_known() {
    let mut policy = one_reader();
    policy.limits.remembered = 2;
    let outcomes = Outcomes::default();
    for id in 0..3 {
        policy.decide(&alert(id, 1, Level::High, at(0)), at(0), &outcomes);
    }
    assert_eq!(outcomes.forgotten.get(), 1);
}

#[test]
fn a_daily_mail_is_taken_once() {
    let mut policy = one_reader();
    let id = Uuid::from_u128(1);
    assert!(policy.take_daily(0, id));
    assert!(!policy.take_daily(0, id));
    assert!(policy.take_daily(0, Uuid::from_u128(2)));
    assert!(!policy.take_daily(9, id));
}

/// Runs revisions through a policy whose every deed goes to a ledger; it is killed where `kills` say so, rebuilt from the
/// ledger, and reads again from the revision that was not yet done. Gives the keys in the order they were done.
fn run(revisions: &[(u128, u64, Level)], kills: &[usize]) -> Vec<Key> {
    let mut ledger: Vec<Entry> = Vec::new();
    let mut policy = one_reader();
    let outcomes = Outcomes::default();
    let key = RecipientKey::of("soc@example.org");
    for (index, &(id, count, level)) in revisions.iter().enumerate() {
        let alert = alert(id, count, level, at(0));
        if kills.contains(&index) {
            // Decided, not done: the kill comes before the server took it.
            policy.decide(&alert, at(0), &outcomes);
            policy = one_reader();
            for entry in &ledger {
                policy.restore(entry, &outcomes);
            }
            for &(id, count, level) in &revisions[index.saturating_sub(3)..index] {
                let again = self::alert(id, count, level, at(0));
                assert_eq!(
                    policy.decide(&again, at(0), &outcomes),
                    [],
                    "done before the kill"
                );
            }
        }
        for decision in policy.decide(&alert, at(0), &outcomes) {
            ledger.push(match decision {
                Decision::Hold(entry) => entry,
                Decision::Mail { stage, .. } => Entry {
                    key: Key {
                        subject: alert.id,
                        stage,
                        recipient: key,
                    },
                    at: at(0),
                    count,
                    level,
                    state: State::Sent,
                },
            });
        }
    }
    ledger.iter().map(|entry| entry.key).collect()
}

proptest! {
    #[test]
    fn kills_and_replays_change_nothing_and_repeat_nothing(
        revisions in proptest::collection::vec((0_u128..6, 1_u64..5_000, 0_usize..4), 1..60),
        kills in proptest::collection::vec(0_usize..60, 0..5),
    ) {
        let levels = [Level::Low, Level::Medium, Level::High, Level::Critical];
        let revisions: Vec<_> = revisions.into_iter().map(|(id, count, level)| (id, count, levels[level])).collect();
        let undisturbed = run(&revisions, &[]);
        prop_assert_eq!(&run(&revisions, &kills), &undisturbed);
        let mut unique = undisturbed.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), undisturbed.len());
    }
}

#[test]
fn a_summary_cut_off_by_a_kill_keeps_its_id_and_is_not_sent_again_once_done() {
    let outcomes = Outcomes::default();
    let mut policy = one_reader();
    let held: Vec<Entry> = (0..8)
        .flat_map(|id| policy.decide(&alert(id, 1, Level::High, at(0)), at(0), &outcomes))
        .filter_map(|decision| match decision {
            Decision::Hold(entry) => Some(entry),
            Decision::Mail { .. } => None,
        })
        .collect();
    let sent = policy.due(at(1)).remove(0);

    let mut restored = one_reader();
    for entry in &held {
        restored.restore(entry, &outcomes);
    }
    assert_eq!(restored.due(at(1)), std::slice::from_ref(&sent));

    let done = Entry {
        key: Key {
            subject: sent.id,
            stage: Stage::Digest,
            recipient: held[0].key.recipient,
        },
        at: at(1),
        count: 0,
        level: Level::High,
        state: State::Sent,
    };
    let mut restored = one_reader();
    for entry in held.iter().chain([&done]) {
        restored.restore(entry, &outcomes);
    }
    assert_eq!(restored.due(at(40)), []);
}

#[test]
fn quiet_hours_hold_back_what_is_not_critical_until_they_are_over() {
    let outcomes = Outcomes::default();
    let mut sleeper = reader("soc@example.org", MinimumLevel::Low);
    // The samples begin at 10:00 UTC.
    sleeper.quiet = Hours::parse("09:30-12:00", &jiff::tz::TimeZone::UTC);
    let mut policy = Policy::new(limits(), vec![sleeper]);
    let high = alert(1, 5, Level::High, at(0));
    let held = policy.decide(&high, at(1), &outcomes);
    assert!(matches!(held[..], [Decision::Hold(_)]), "{held:?}");
    let critical = alert(2, 5, Level::Critical, at(0));
    let told = policy.decide(&critical, at(2), &outcomes);
    assert!(matches!(told[..], [Decision::Mail { .. }]), "{told:?}");
    assert!(policy.due(at(119)).is_empty(), "the digest waits");
    let due = policy.due(at(120));
    assert_eq!((due.len(), due[0].total), (1, 1));
}

#[test]
fn who_is_there_for_an_integration_is_told_of_it_alone() {
    let outcomes = Outcomes::default();
    let mut partner = reader("barriers@example.org", MinimumLevel::Low);
    partner.integrations = vec!["barriers".to_owned()];
    let mut policy = Policy::new(limits(), vec![partner]);
    let mut theirs = alert(1, 5, Level::High, at(0));
    theirs.entity.kind = crate::track::EntityKind::Integration;
    theirs.entity.value = "barriers | open".into();
    assert_eq!(policy.decide(&theirs, at(1), &outcomes).len(), 1);
    let mut seen = alert(2, 5, Level::High, at(0));
    seen.evidence[0].integration = "barriers".into();
    assert_eq!(policy.decide(&seen, at(1), &outcomes).len(), 1);
    let other = alert(3, 5, Level::High, at(0));
    assert!(policy.decide(&other, at(1), &outcomes).is_empty());
}

#[test]
fn who_is_off_duty_or_for_other_requirements_is_not_told() {
    let outcomes = Outcomes::default();
    let mut day = reader("day@example.org", MinimumLevel::Low);
    day.hours = Hours::parse("11:00-19:00", &jiff::tz::TimeZone::UTC);
    let mut officer = reader("dpo@example.org", MinimumLevel::Low);
    officer.tags = vec!["requirement.sec-10".to_owned()];
    let mut policy = Policy::new(limits(), vec![day, officer]);
    let mut personal = alert(1, 5, Level::High, at(0));
    personal.rule.tags = vec!["requirement.sec-10".to_owned()];
    let told = policy.decide(&personal, at(1), &outcomes);
    assert_eq!(
        told,
        [Decision::Mail {
            reader: 1,
            stage: Stage::Opened
        }]
    );
    let mut other = alert(2, 5, Level::High, at(0));
    other.rule.tags = vec!["requirement.sec-07".to_owned()];
    assert!(policy.decide(&other, at(1), &outcomes).is_empty());
    let later = policy.decide(&alert(3, 5, Level::High, at(60)), at(61), &outcomes);
    assert_eq!(
        later,
        [Decision::Mail {
            reader: 0,
            stage: Stage::Opened
        }],
        "the shift has begun"
    );
}

#[test]
fn a_recipient_may_have_a_limit_of_their_own() {
    let outcomes = Outcomes::default();
    let mut busy = reader("busy@example.org", MinimumLevel::Low);
    busy.hourly = Some(1);
    let mut policy = Policy::new(limits(), vec![busy]);
    let first = policy.decide(&alert(1, 5, Level::High, at(0)), at(0), &outcomes);
    let second = policy.decide(&alert(2, 5, Level::High, at(0)), at(1), &outcomes);
    assert!(matches!(first[..], [Decision::Mail { .. }]));
    assert!(matches!(second[..], [Decision::Hold(_)]));
}

#[test]
fn a_digest_waits_for_the_hours_of_its_reader() {
    let outcomes = Outcomes::default();
    let mut day = reader("soc@example.org", MinimumLevel::Low);
    day.hours = Hours::parse("09:00-10:30", &jiff::tz::TimeZone::UTC);
    day.hourly = Some(1);
    let mut policy = Policy::new(limits(), vec![day]);
    for id in 0..3 {
        policy.decide(&alert(id, 5, Level::High, at(29)), at(29), &outcomes);
    }
    assert!(policy.due(at(31)).is_empty(), "the shift is over");
    let next_day = at(23 * 60 + 5);
    assert_eq!(policy.due(next_day)[0].total, 2);
}
