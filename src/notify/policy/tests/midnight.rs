//! Nights: escalation, digests and limits go on over midnight as if there were none.

use super::*;
use crate::triage::Unacknowledged;

fn moscow(time: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("2026-03-{time}:00+03:00")).unwrap()
}

fn hours(text: &str) -> Hours {
    let zone = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
    Hours::parse(text, &zone).unwrap()
}

/// Who is there for what nobody acknowledged, and sleeps at night.
fn sleeper() -> Policy {
    let mut sleeper = reader("soc@example.org", MinimumLevel::Low);
    sleeper.quiet = Some(hours("22:00-07:00"));
    Policy::new(limits(), vec![sleeper])
}

fn since(alert: &Alert, time: &str) -> Unacknowledged {
    Unacknowledged {
        alert: alert.clone(),
        since: moscow(time),
    }
}

#[test]
fn what_is_held_before_midnight_and_escalated_after_it_is_one_line_of_the_morning_digest() {
    let outcomes = Outcomes::default();
    let mut policy = sleeper();
    let quiet = alert(1, 5, Level::High, moscow("01T23:40"));
    let loud = alert(2, 5, Level::Critical, moscow("01T23:50"));
    let held = policy.decide(&quiet, moscow("01T23:40"), &outcomes);
    let [Decision::Hold(held)] = &held[..] else {
        panic!("it is quiet: {held:?}");
    };
    assert_eq!(
        mailed(&mut policy, &loud, moscow("01T23:50")),
        [Stage::Opened]
    );
    assert_eq!(policy.due(moscow("01T23:59")), []);
    assert_eq!(policy.due(moscow("02T00:00")), []);

    // A quarter of an hour later the day is another one.
    let waiting = since(&quiet, "01T23:50");
    let escalated = policy.escalate(0, &waiting, moscow("02T00:05"), &outcomes);
    let Some(Decision::Hold(escalated)) = escalated else {
        panic!("it is quiet: {escalated:?}");
    };
    let stage = |held: &Entry| match &held.state {
        State::Held { bundle, .. } => (held.key.stage, *bundle),
        state => panic!("{state:?}"),
    };
    let (opened, digest) = stage(held);
    assert_eq!(opened, Stage::Opened);
    assert_eq!(stage(&escalated), (Stage::Escalated(0), digest));
    let critical = policy.escalate(0, &since(&loud, "01T23:50"), moscow("02T00:06"), &outcomes);
    let expected = Decision::Mail {
        reader: 0,
        stage: Stage::Escalated(0),
    };
    assert_eq!(critical, Some(expected));
    for time in ["02T00:07", "02T06:59"] {
        assert_eq!(policy.escalate(0, &waiting, moscow(time), &outcomes), None);
        assert_eq!(policy.due(moscow(time)), [], "{time}");
    }

    // Another process that begins in the night tells the same in the morning.
    let mut restored = sleeper();
    for entry in [held, &escalated] {
        restored.restore(entry, &outcomes);
    }
    let again = restored.escalate(0, &waiting, moscow("02T00:30"), &outcomes);
    assert_eq!(again, None);
    let due = policy.due(moscow("02T07:00"));
    assert_eq!(restored.due(moscow("02T07:00")), due);
    let [due] = &due[..] else {
        panic!("one digest: {due:?}");
    };
    assert_eq!((due.id, due.kind), (digest, BundleKind::Digest));
    assert_eq!(
        (due.total, due.worst.len()),
        (1, 1),
        "one alert, told twice"
    );
    assert!(
        due.worst[0]
            .text
            .starts_with("nobody has acknowledged it: "),
        "{due:?}"
    );
    assert_eq!(due.since, moscow("01T23:40"));
    assert_eq!(policy.due(moscow("02T07:01")), []);
}

#[test]
fn the_hour_of_the_limit_and_the_shift_of_a_digest_go_over_midnight() {
    let outcomes = Outcomes::default();
    let mut night = reader("soc@example.org", MinimumLevel::Low);
    night.hours = Some(hours("20:00-08:00"));
    night.hourly = Some(1);
    let mut policy = Policy::new(limits(), vec![night]);
    let tell = |policy: &mut Policy, id, time: &str| {
        let now = moscow(time);
        mailed(policy, &alert(id, 5, Level::High, now), now).len()
    };
    assert_eq!(tell(&mut policy, 1, "01T23:50"), 1);
    assert_eq!(tell(&mut policy, 2, "01T23:55"), 0, "the limit");
    assert_eq!(tell(&mut policy, 3, "02T00:01"), 0, "the same hour");
    let waiting = since(&alert(2, 5, Level::High, moscow("01T23:55")), "01T23:55");
    let escalated = policy.escalate(0, &waiting, moscow("02T00:02"), &outcomes);
    assert!(
        matches!(escalated, Some(Decision::Hold(_))),
        "{escalated:?}"
    );
    let due = policy.due(moscow("02T00:02"));
    assert_eq!((due.len(), due[0].total), (1, 2), "of both days");
    assert_eq!(tell(&mut policy, 4, "02T00:50"), 1, "an hour is over");
    // What is held as the shift ends waits for the next one.
    assert_eq!(tell(&mut policy, 5, "02T07:59"), 1);
    assert_eq!(tell(&mut policy, 6, "02T07:59"), 0);
    assert_eq!(policy.due(moscow("02T08:00")), []);
    assert_eq!(tell(&mut policy, 7, "02T08:01"), 0, "nobody is there");
    let next = policy.due(moscow("02T20:00"));
    assert_eq!((next.len(), next[0].total), (1, 1));
}
