//! What nobody acknowledged, and what mails go on from.

use super::*;
use crate::triage::Unacknowledged;

/// An alert of this level that nobody has acknowledged since a minute.
fn waiting(id: u128, level: Level, since: i64) -> Unacknowledged {
    Unacknowledged {
        alert: alert(id, 5, level, at(since)),
        since: at(since),
    }
}

/// What the ledger has of a mail to the one reader.
fn kept(id: u128, stage: Stage, now: Timestamp, state: State) -> Entry {
    Entry {
        key: Key {
            subject: Uuid::from_u128(id),
            stage,
            recipient: RecipientKey::of("soc@example.org"),
        },
        at: now,
        count: 5,
        level: Level::High,
        state,
    }
}

#[test]
fn what_nobody_acknowledged_is_told_once_and_again_when_it_was_opened_again() {
    let outcomes = Outcomes::default();
    let readers = || vec![reader("soc@example.org", MinimumLevel::Critical)];
    let mut policy = Policy::new(limits(), readers());
    let stage = |decided: &Option<Decision>| match decided {
        Some(Decision::Mail { stage, .. }) => Some(*stage),
        _ => None,
    };
    let first = waiting(1, Level::High, 0);
    let told = policy.escalate(0, &first, at(20), &outcomes);
    assert_eq!(
        stage(&told),
        Some(Stage::Escalated(0)),
        "whatever the level"
    );
    assert_eq!(policy.escalate(0, &first, at(21), &outcomes), None);
    // Another process goes by the ledger.
    let mut policy = Policy::new(limits(), readers());
    let sent = kept(1, Stage::Escalated(0), at(20), State::Sent);
    policy.restore(&sent, &outcomes);
    assert_eq!(policy.escalate(0, &first, at(22), &outcomes), None);
    let again = waiting(1, Level::High, 60);
    let told = policy.escalate(0, &again, at(80), &outcomes);
    assert_eq!(stage(&told), Some(Stage::Escalated(1)));
    assert_eq!(policy.escalate(0, &again, at(81), &outcomes), None);
}

#[test]
fn escalation_keeps_to_the_hours_limits_and_interests_of_its_reader() {
    let outcomes = Outcomes::default();
    let mut head = reader("soc@example.org", MinimumLevel::Critical);
    // The samples begin at 10:00 UTC.
    head.hours = Hours::parse("11:00-19:00", &jiff::tz::TimeZone::UTC);
    head.quiet = Hours::parse("11:00-12:00", &jiff::tz::TimeZone::UTC);
    head.families = vec!["enumeration".to_owned()];
    let mut policy = Policy::new(limits(), vec![head]);
    let mut others = waiting(9, Level::Critical, 0);
    others.alert.rule.family = "injection".to_owned();
    assert_eq!(policy.escalate(0, &others, at(70), &outcomes), None);
    let high = waiting(1, Level::High, 0);
    assert_eq!(
        policy.escalate(0, &high, at(20), &outcomes),
        None,
        "not on duty"
    );
    let held = policy.escalate(0, &high, at(60), &outcomes);
    let Some(Decision::Hold(held)) = held else {
        panic!("it is quiet: {held:?}");
    };
    let State::Held { line, .. } = &held.state else {
        panic!("{held:?}");
    };
    assert!(
        line.text.starts_with("nobody has acknowledged it: "),
        "{line:?}"
    );
    // It comes back from the ledger, in its digest, and is not told again.
    let mut restored = Policy::new(limits(), vec![reader("soc@example.org", MinimumLevel::Low)]);
    restored.restore(&held, &outcomes);
    assert_eq!(restored.escalate(0, &high, at(61), &outcomes), None);
    assert_eq!(restored.due(at(120))[0].total, 1);

    let mut mails = 0;
    for id in 10..60 {
        let told = policy.escalate(0, &waiting(id, Level::Critical, 100), at(130), &outcomes);
        mails += usize::from(matches!(told, Some(Decision::Mail { .. })));
    }
    assert_eq!(mails, 6, "critical ones use the limit twice");
    assert_eq!(
        policy.due(at(131))[0].total,
        45,
        "and the rest is one digest"
    );
}

#[test]
fn a_mail_goes_on_from_those_that_went_out() {
    let outcomes = Outcomes::default();
    let mut policy = one_reader();
    let answers = |policy: &Policy, id: u128, stage: Stage, root: u128| -> Vec<(u128, Stage)> {
        let root = (root > 0).then(|| Uuid::from_u128(root));
        let keys = policy.answers(0, Uuid::from_u128(id), stage, root);
        keys.iter()
            .map(|key| (key.subject.as_u128(), key.stage))
            .collect()
    };
    let tell = |policy: &mut Policy, id: u128, count: u64| {
        let alert = alert(id, count, Level::Medium, at(0));
        policy.decide(&alert, at(0), &outcomes)
    };
    for count in [1, 10, 100] {
        tell(&mut policy, 1, count);
    }
    let (opened, grown) = (Stage::Opened, Stage::Grown(1));
    assert_eq!(
        answers(&policy, 1, Stage::Grown(2), 0),
        [(1, opened), (1, grown)]
    );
    // Beyond the limit: a line of a digest that nothing can answer.
    tell(&mut policy, 2, 1);
    assert_eq!(answers(&policy, 3, opened, 2), []);
    let later = alert(2, 10, Level::Medium, at(61));
    policy.decide(&later, at(61), &outcomes);
    assert_eq!(answers(&policy, 2, grown, 1), [(1, opened)]);
    // The reader of the escalation has had the mail before it; another one has not.
    let escalated = policy.escalate(0, &waiting(2, Level::Medium, 0), at(62), &outcomes);
    assert!(escalated.is_some());
    assert_eq!(answers(&policy, 2, Stage::Escalated(0), 0), [(2, grown)]);
    assert_eq!(answers(&policy, 7, Stage::Escalated(0), 0), []);
    // The ledger knows the same: what was refused did not arrive.
    let mut restored = one_reader();
    let refused = State::Refused { code: 550 };
    restored.restore(&kept(1, opened, at(0), State::Sent), &outcomes);
    restored.restore(&kept(4, opened, at(0), refused), &outcomes);
    assert_eq!(answers(&restored, 1, grown, 4), [(1, opened)]);
    assert_eq!(answers(&restored, 4, grown, 1), [(1, opened)]);
}
