use super::*;
use crate::sigma::RuleMeta;
use crate::track::EntityKind;

fn alert(id: u128, metric: &str, probability: f64, count: u64) -> Alert {
    Alert {
        id: Uuid::from_u128(id),
        revision: 1,
        rule: RuleMeta {
            id: Uuid::from_u128(9),
            title: "Behaviour".to_owned(),
            title_ru: None,
            description: String::new(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "behaviour".to_owned(),
            level: Level::Medium,
            tags: Vec::new(),
            false_positives: Vec::new(),
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        shadow: false,
        rules: vec![Uuid::from_u128(9)],
        entity: Entity {
            kind: EntityKind::Client,
            value: "parking".into(),
        },
        first: Timestamp::from_seconds(1),
        last: Timestamp::from_seconds(2),
        count,
        findings: 1,
        reason: Reason::Baseline {
            metric: metric.to_owned(),
            observed: 90.0,
            expected: 4.0,
            probability,
            features: Vec::new(),
        },
        evidence: Vec::new(),
        notes: Vec::new(),
    }
}

fn action(deed: Deed, seen: Seen) -> Action {
    Action {
        alert: Uuid::from_u128(1),
        time: Timestamp::from_seconds(10),
        actor: "ana".to_owned(),
        deed,
        comment: String::new(),
        seen,
    }
}

fn closed_as_false(alert: &Alert) -> Closing {
    Closing {
        time: Timestamp::from_seconds(10),
        verdict: Verdict::False,
        seen: Seen::of(alert),
    }
}

#[test]
fn an_alert_is_reopened_by_what_nobody_saw_and_whoever_tells_of_it_knows_how_it_was_closed() {
    let noise = alert(1, "calls an hour", 1e-4, 30);
    let closing = closed_as_false(&noise);
    let mut decided = Decided {
        closed: HashMap::from([(noise.id, closing)]),
        ..Decided::default()
    };
    assert_eq!(decided.reopened(&noise), None);
    let mut attack = noise.clone();
    attack.rules.push(Uuid::from_u128(10));
    let expected = Beyond {
        rules: true,
        ..Beyond::default()
    };
    assert_eq!(Seen::of(&attack).beyond(closing.seen), expected);
    let reopened = Reopened {
        alert: attack.clone(),
        closing,
    };
    assert_eq!(decided.reopening(attack.clone()), Some(reopened));
    attack.rule.level = Level::High;
    attack.count = 300;
    let expected = Beyond {
        rules: true,
        level: true,
        events: true,
    };
    assert_eq!(Seen::of(&attack).beyond(closing.seen), expected);
    // The like of another was called false: it is reopened, and nobody is told.
    let other = alert(2, "calls an hour", 1e-4, 30);
    decided.narrowings = Narrowing::of(&other, "ana", closing.time)
        .into_iter()
        .collect();
    assert_eq!(decided.reopened(&attack), Some(&closing));
    assert_eq!(decided.reopening(attack), None);
    assert_eq!(decided.reopening(other), None, "it was not closed");
}

#[test]
fn a_state_is_that_of_the_last_deed_and_more_evidence_opens_what_was_closed() {
    let seen = Seen {
        count: 30,
        level: Level::Medium,
        rules: 1,
    };
    let mut actions = Vec::new();
    let mut stands = |deed: Deed, now: Seen| {
        actions.push(action(deed, seen));
        state(&actions, now)
    };
    assert_eq!(stands(Deed::Comment, seen), State::New);
    assert_eq!(stands(Deed::Acknowledge, seen), State::Acknowledged);
    let to = "boris".to_owned();
    assert_eq!(stands(Deed::Assign { to }, seen), State::InWork);
    let to = String::new();
    assert_eq!(stands(Deed::Assign { to }, seen), State::Acknowledged);
    let closed = State::Closed(Verdict::Harmless);
    assert_eq!(stands(Deed::Close(Verdict::Harmless), seen), closed);
    assert_eq!(stands(Deed::Comment, Seen { count: 299, ..seen }), closed);
    for more in [
        Seen { count: 300, ..seen },
        Seen {
            level: Level::High,
            ..seen
        },
        Seen { rules: 2, ..seen },
    ] {
        assert_eq!(stands(Deed::Comment, more), State::Reopened);
    }
    assert_eq!(stands(Deed::Reopen, seen), State::Reopened);
    assert_eq!(state(&[], seen), State::New);
}

#[test]
fn a_deed_fits_only_where_it_takes_nothing_back() {
    let assign = || Deed::Assign {
        to: "boris".to_owned(),
    };
    for state in State::ALL {
        let open = state.is_open();
        assert_eq!(Deed::Reopen.fits(state), !open, "{state:?}");
        assert_eq!(assign().fits(state), open, "{state:?}");
        assert_eq!(Deed::Close(Verdict::False).fits(state), open, "{state:?}");
        let is_seen = open && state != State::InWork;
        assert_eq!(Deed::Acknowledge.fits(state), is_seen, "{state:?}");
        assert!(Deed::Comment.fits(state), "{state:?}");
    }
}

#[test]
fn a_deed_builds_on_what_was_seen_and_comes_behind_it() {
    let seen = Seen {
        count: 1,
        level: Level::Low,
        rules: 1,
    };
    let at = |second: i64, deed: Deed| Action {
        time: Timestamp::from_seconds(second),
        ..action(deed, seen)
    };
    assert_eq!(Basis::of(&[]), Basis::default());
    assert_eq!(Basis::of(&[at(5, Deed::Comment)]), Basis::default());
    let actions = [
        at(5, Deed::Acknowledge),
        at(7, Deed::Close(Verdict::True)),
        at(9, Deed::Comment),
    ];
    let basis = Basis::of(&actions);
    assert_eq!(basis.to_string(), "7000000");
    assert_eq!(Basis::parse("7000000"), Some(basis));
    assert_eq!(Basis::parse("seven"), None);
    assert_eq!(Basis::of(&actions[..1]).missed(&actions), [&actions[1]]);
    assert!(basis.missed(&actions).is_empty());
    let (early, late) = (Timestamp::from_seconds(6), Timestamp::from_seconds(8));
    assert_eq!(basis.after(late), late);
    assert_eq!(basis.after(early), Timestamp::from_micros(7_000_001));
}

#[test]
fn a_deed_comes_back_by_its_name() {
    let to = "boris".to_owned();
    for deed in [
        Deed::Acknowledge,
        Deed::Assign { to },
        Deed::Comment,
        Deed::Close(Verdict::True),
        Deed::Close(Verdict::False),
        Deed::Close(Verdict::Harmless),
        Deed::Reopen,
    ] {
        assert_eq!(Deed::of(deed.name(), "boris"), Some(deed));
    }
    assert_eq!(Deed::of("forget", ""), None);
}

#[test]
fn what_was_called_false_is_told_again_when_it_is_ten_times_rarer_or_of_another_feature_or_entity()
{
    let called_false = alert(1, "calls an hour", 1e-4, 5);
    let narrowing = Narrowing::of(&called_false, "ana", Timestamp::from_seconds(10)).unwrap();
    let decided = Decided {
        closed: HashMap::from([(called_false.id, closed_as_false(&called_false))]),
        narrowings: vec![narrowing.clone()],
    };
    assert_eq!(decided.untold(&called_false), Some(Untold::Closed));
    let grown = alert(1, "calls an hour", 1e-4, 50);
    assert_eq!(decided.untold(&grown), None, "its own evidence reopens it");
    let alike = alert(2, "calls an hour", 2e-5, 5);
    assert_eq!(decided.untold(&alike), Some(Untold::Narrowed(&narrowing)));
    assert_eq!(decided.untold(&alert(2, "calls an hour", 0.9e-5, 5)), None);
    assert_eq!(
        decided.untold(&alert(2, "refused calls an hour", 1e-4, 5)),
        None
    );
    let mut other = alike.clone();
    other.entity.value = "biometrics".into();
    assert_eq!(decided.untold(&other), None);
    let mut of_a_rule = alike;
    of_a_rule.rule.family = "injection".to_owned();
    assert_eq!(decided.untold(&of_a_rule), None);
    assert_eq!(Narrowing::of(&of_a_rule, "ana", Timestamp::MIN), None);
}
