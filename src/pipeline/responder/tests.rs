use super::*;
use crate::response::Proposal;

/// Approved until the end of the proposal.
const APPROVED: What = What::Approved { until: None };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

/// A decision about the alert of the same number, with what was done then by whom.
fn decision(number: u128, then: &[(i64, &str, What)]) -> Decision {
    let id = Uuid::from_u128(number);
    let step = |seconds: i64, actor: &str, what: What| Step {
        decision: id,
        time: at(seconds),
        actor: actor.to_owned(),
        what,
        reason: "scan".to_owned(),
    };
    let proposal = Proposal {
        target: Target::parse("ip", "192.0.2.7").unwrap(),
        until: at(3_600),
        alert: Some(id),
        family: "discovery".to_owned(),
    };
    let mut steps = vec![step(0, "gatewatch", What::Proposed(proposal))];
    steps.extend(
        then.iter()
            .map(|(at, by, what)| step(*at, by, what.clone())),
    );
    Decision::of(steps).remove(0)
}

#[test]
fn what_an_alert_did_by_itself_ends_when_a_person_calls_it_false() {
    let mut decisions = [
        decision(1, &[(0, AUTOMATIC, APPROVED)]),
        decision(2, &[]),
        decision(3, &[(5, "ana", APPROVED)]),
        decision(4, &[(0, AUTOMATIC, APPROVED)]), // nobody closed its alert
        decision(5, &[(20, AUTOMATIC, APPROVED)]), // answered after it was closed and came back
    ];
    let cleared: Vec<Cleared> = [1, 2, 3, 5]
        .map(|number| Cleared {
            alert: Uuid::from_u128(number),
            verdict: "false".to_owned(),
            by: "boris".to_owned(),
            time: at(10),
        })
        .to_vec();
    let steps = withdraw(&mut decisions, &cleared, at(30));
    let done: Vec<_> = steps
        .iter()
        .map(|it| (it.decision.as_u128(), it.what.name(), it.time))
        .collect();
    assert_eq!(done, [(1, "revoked", at(10)), (2, "rejected", at(10))]);
    assert!(steps[0].reason.contains("false by boris"), "{steps:?}");
    let stand = decisions.each_ref().map(|it| it.standing(at(30)).name());
    let in_force = "approved";
    assert_eq!(
        stand,
        ["revoked", "rejected", in_force, in_force, in_force],
        "and are published so at once"
    );
    assert_eq!(withdraw(&mut decisions, &cleared, at(32)), []);
}

/// Response that proposes and takes for families, with an allow-list.
fn responder(automatic: &[&str], allow: &[&str]) -> Responder {
    let families = |names: &[&str]| -> Vec<String> {
        let names = names.iter();
        names.map(|&name| name.to_owned()).collect()
    };
    Responder {
        settings: config::Response {
            propose: families(&["discovery"]),
            automatic: families(automatic),
            minutes: 60,
            ..config::Response::default()
        },
        keys: Keys::default(),
        allow: AllowList::parse(&families(allow)).unwrap(),
    }
}

/// Alerts that had an event then.
fn going(numbers: &[u128], last: i64, is_open: bool) -> Vec<GoingOn> {
    let numbers = numbers.iter();
    let going = numbers.map(|number| GoingOn {
        alert: Uuid::from_u128(*number),
        last: at(last),
        is_open,
    });
    going.collect()
}

#[test]
fn what_is_in_force_is_renewed_while_its_alert_goes_on() {
    let make = || {
        [
            decision(1, &[(0, AUTOMATIC, APPROVED)]),
            decision(2, &[(5, "ana", APPROVED)]),
            decision(3, &[]),
            decision(4, &[(5, "ana", What::Rejected)]),
            decision(5, &[(0, AUTOMATIC, APPROVED), (9, "ana", What::Revoked)]),
            decision(6, &[(0, AUTOMATIC, APPROVED)]), // its alert is quiet
        ]
    };
    let goes_on = going(&[1, 2, 3, 4, 5], 2_400, true);
    let numbers = |steps: &[Step]| -> Vec<u128> {
        let numbers = steps.iter().map(|it| it.decision.as_u128());
        numbers.collect()
    };
    let mut decisions = make();
    let ours = responder(&["discovery"], &[]);
    let steps = ours.renewals(&mut decisions, &goes_on, at(2_700));
    assert_eq!(numbers(&steps), [1, 2, 3]);
    let until = at(2_400 + 3_600);
    assert_eq!(decisions[0].until(), until, "and is published so at once");
    assert_eq!(steps[0].what, What::Renewed { until });
    assert_eq!(ours.renewals(&mut decisions, &goes_on, at(2_702)), []);
    // A proposal does not wait longer once its alert was closed, though as true.
    let closed = going(&[1, 2, 3], 2_400, false);
    let steps = ours.renewals(&mut make(), &closed, at(2_700));
    assert_eq!(numbers(&steps), [1, 2]);
    // What the configuration took it does not renew when it would not take it any more.
    let steps = responder(&[], &[]).renewals(&mut make(), &goes_on, at(2_700));
    assert_eq!(numbers(&steps), [2, 3]);
    // The allow-list always wins.
    let allowing = responder(&["discovery"], &["192.0.2.0/24"]);
    assert_eq!(allowing.renewals(&mut make(), &goes_on, at(2_700)), []);
}

#[test]
fn a_verdict_ends_also_what_was_renewed_after_it() {
    let renewed = What::Renewed { until: at(9_000) };
    let mut decisions = [decision(
        1,
        &[(0, AUTOMATIC, APPROVED), (12, "gatewatch", renewed)],
    )];
    let cleared = [Cleared {
        alert: Uuid::from_u128(1),
        verdict: "false".to_owned(),
        by: "boris".to_owned(),
        time: at(10),
    }];
    let steps = withdraw(&mut decisions, &cleared, at(30));
    assert_eq!(steps[0].what, What::Revoked);
    assert_eq!(decisions[0].standing(at(30)), Standing::Revoked);
}
