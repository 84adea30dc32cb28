use uuid::Uuid;

use super::book::Delta;
use super::*;
use crate::alert::samples;
use crate::event::Timestamp;

const HOUR: i64 = 3_600_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_micros(1_000 * HOUR + hours * HOUR)
}

/// Approved until the end of the proposal.
const APPROVED: What = What::Approved { until: None };

fn target(text: &str) -> Target {
    Target::parse("range", text).unwrap()
}

fn decision(number: u128, blocks: &str, until: i64, then: &[(i64, What)]) -> Decision {
    let step = |hours: i64, what: What| Step {
        decision: Uuid::from_u128(number << 80),
        time: at(hours),
        actor: "ana".to_owned(),
        what,
        reason: "scan".to_owned(),
    };
    let proposal = Proposal {
        target: target(blocks),
        until: at(until),
        alert: None,
        family: "discovery".to_owned(),
    };
    let mut steps = vec![step(0, What::Proposed(proposal))];
    steps.extend(then.iter().map(|(hours, what)| step(*hours, what.clone())));
    Decision::of(steps).remove(0)
}

fn then(decision: &mut Decision, hours: i64, what: What) {
    let first = decision.steps[0].clone();
    let time = at(hours);
    decision.steps.push(Step {
        time,
        what,
        ..first
    });
}

fn values(published: &[std::sync::Arc<Published>]) -> Vec<String> {
    published.iter().map(|it| it.target.value()).collect()
}

#[test]
fn a_decision_is_in_force_from_approval_to_its_end_or_revocation() {
    let stands =
        |then: &[(i64, What)], now: i64| decision(1, "192.0.2.7", 4, then).standing(at(now));
    let approved = (1, APPROVED);
    assert_eq!(stands(&[], 1), Standing::Proposed);
    assert_eq!(stands(&[], 4), Standing::Ended);
    assert_eq!(
        stands(std::slice::from_ref(&approved), 3),
        Standing::Approved
    );
    assert_eq!(stands(std::slice::from_ref(&approved), 4), Standing::Ended);
    assert_eq!(
        stands(&[(1, What::Rejected), (2, APPROVED)], 3),
        Standing::Rejected
    );
    let revoked = [approved.clone(), (2, What::Revoked), (3, APPROVED)];
    assert_eq!(stands(&revoked, 3), Standing::Revoked);
    assert_eq!(
        stands(&[(1, What::Revoked), (2, APPROVED)], 3),
        Standing::Approved
    );
}

#[test]
fn targets_come_back_by_scope_and_value() {
    for (scope, value, kept) in [
        ("ip", "192.0.2.7", "192.0.2.7"),
        ("range", "192.0.2.77/24", "192.0.2.0/24"),
        ("ip", "2001:db8::1", "2001:db8::1"),
        ("range", "2001:db8::/32", "2001:db8::/32"),
        ("ip", "::ffff:192.0.2.7", "192.0.2.7"),
        ("range", "::ffff:192.0.2.77/120", "192.0.2.0/24"),
        ("range", "::ffff:0:0/90", "::ffc0:0:0/90"),
        ("client", "parking", "parking"),
        ("subject", "p_x", "p_x"),
        ("token", "p_y", "p_y"),
    ] {
        let target = Target::parse(scope, value).unwrap();
        assert_eq!((target.scope(), target.value().as_str()), (scope, kept));
    }
    for (scope, value) in [
        ("ip", "no address"),
        ("ip", ""),
        ("country", "RU"),
        ("range", "10.0.0.0/33"),
    ] {
        assert_eq!(Target::parse(scope, value), None, "{scope} {value}");
    }
}

#[test]
fn an_alert_of_a_group_is_answered_by_its_caller() {
    let mut alert = samples::correlation();
    alert.entity.kind = EntityKind::Address;
    alert.entity.value = "203.0.113.7 | okhttp/4.12".into();
    assert_eq!(Target::of(&alert), Some(target("203.0.113.7")));
    alert.entity.kind = EntityKind::Client;
    alert.entity.value = "mobile-app | p_x".into();
    let client = Target::of(&alert).unwrap();
    assert_eq!(client, Target::Client("mobile-app".into()));
    let allowed = AllowList::parse(&["client:mobile-app".to_owned()]).unwrap();
    assert!(allowed.covers(&client));
    alert.entity.value = "some-idempotency-key".into();
    assert_eq!(Target::of(&alert), None);
    assert_eq!(proposal(&alert, 0, HOUR, at(0)), None);
}

#[test]
fn networks_that_nobody_means_are_too_wide() {
    for (blocks, is_too_wide) in [
        ("0.0.0.0/0", true),
        ("10.0.0.0/7", true),
        ("10.0.0.0/8", false),
        ("198.51.100.7", false),
        ("::/0", true),
        ("2001::/31", true),
        ("2001:db8::/32", false),
        // All of IPv4, as IPv6 writes it, and more.
        ("::ffff:0:0/96", true),
        ("::/64", true),
    ] {
        assert_eq!(target(blocks).is_too_wide(), is_too_wide, "{blocks}");
    }
    assert!(!Target::Client("portal".into()).is_too_wide());
}

#[test]
fn the_allow_list_always_wins() {
    let entries = ["10.0.0.0/8", "192.0.2.7", "client:parking"].map(str::to_owned);
    let list = AllowList::parse(&entries).unwrap();
    for (blocks, is_allowed) in [
        ("10.1.2.3", true),
        ("192.0.2.7", true),
        ("192.0.2.0/24", true), // it holds the address
        ("::ffff:10.1.2.3", true),
        ("::ffff:10.1.2.0/120", true),
        ("::ffff:192.0.2.8", false),
        ("0.0.0.0/0", true),
        ("192.0.2.8", false),
        ("2001:db8::1", false),
    ] {
        assert_eq!(list.covers(&target(blocks)), is_allowed, "{blocks}");
    }
    assert!(list.covers(&Target::Client("parking".into())));
    assert!(!list.covers(&Target::Subject("parking".into())));
    let wrong = AllowList::parse(&["parking".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(
        wrong.contains("parking") && wrong.contains("client:ID"),
        "{wrong}"
    );

    let mut book = Book::new(list);
    let approved = [(1, APPROVED)];
    let decisions = [
        decision(1, "192.0.2.0/24", 9, &approved),
        decision(2, "198.51.100.1", 9, &approved),
    ];
    book.update(&decisions, at(2));
    assert_eq!(book.held_back(), 1);
    assert_eq!(
        values(&book.pull("edge", true, at(2)).new),
        ["198.51.100.1"]
    );
}

#[test]
fn a_reader_is_told_all_at_its_start_and_then_what_changed() {
    let approved = (1, APPROVED);
    let mut decisions = vec![
        decision(1, "192.0.2.1", 5, std::slice::from_ref(&approved)),
        decision(2, "192.0.2.2", 9, std::slice::from_ref(&approved)),
        decision(3, "192.0.2.3", 9, &[]),
        decision(5, "192.0.2.5", 4, &[]), // nobody decides
    ];
    let mut book = Book::default();
    book.update(&decisions, at(2));
    let told = |delta: Delta| (values(&delta.new), values(&delta.deleted));
    let nothing = (Vec::<String>::new(), Vec::<String>::new());
    let all = vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()];
    assert_eq!(told(book.pull("edge", true, at(2))), (all.clone(), vec![]));
    assert_eq!(told(book.pull("edge", false, at(2))), nothing);
    // One ends by itself, without another look at the store; one is approved.
    then(&mut decisions[2], 3, APPROVED);
    assert_eq!(
        told(book.pull("edge", false, at(6))),
        (vec![], vec!["192.0.2.1".to_owned()])
    );
    book.update(&decisions, at(6));
    let gone = vec!["192.0.2.1".to_owned()];
    assert_eq!(
        told(book.pull("edge", false, at(6))),
        (vec!["192.0.2.3".to_owned()], gone.clone())
    );
    // Another reader, of whom nothing is known, gets all that is in force and hears of what went lately.
    let (new, deleted) = told(book.pull("other", false, at(6)));
    assert_eq!((new.len(), deleted), (2, gone.clone()));
    // What is blocked for another reason as well stays blocked.
    then(&mut decisions[1], 7, What::Revoked);
    decisions.push(decision(4, "192.0.2.2", 9, &[approved]));
    book.update(&decisions, at(7));
    assert_eq!(
        told(book.pull("edge", false, at(7))),
        (vec!["192.0.2.2".to_owned()], gone)
    );
    assert!(book.active(at(7)).all(|it| it.number < 1 << 52));
}

fn minutes(count: i64) -> Timestamp {
    at(0).plus_micros(count * HOUR / 60)
}

/// What renews a decision of four hours whose alert had its newest event then.
fn renewed(decision: &Decision, newest: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let step = renewal(decision, newest, 4 * HOUR, now)?;
    assert_eq!((step.decision, step.time), (decision.id, now));
    step.what.until()
}

#[test]
fn a_decision_is_renewed_from_the_newest_event_when_its_end_is_near() {
    let mut block = decision(1, "192.0.2.7", 4, &[(0, APPROVED)]);
    assert_eq!(renewed(&block, at(1), at(1)), None, "three hours are left");
    assert_eq!(renewed(&block, at(0), at(3)), None, "nothing has happened");
    let step = renewal(&block, at(2), 4 * HOUR, at(3)).unwrap();
    let again = renewal(&block, at(3), 4 * HOUR, at(3)).unwrap();
    assert_eq!(step.reason, again.reason, "one round, whoever sees more");
    assert_eq!(step.what, What::Renewed { until: at(6) });
    block.steps.push(step);
    assert_eq!(
        (block.until(), block.standing(at(5))),
        (at(6), Standing::Approved)
    );
    assert_eq!(renewed(&block, at(3), at(3)), None, "three hours are left");
    // It ended while nobody looked, and the attack went on.
    assert_eq!(block.standing(at(7)), Standing::Ended);
    let step = renewal(&block, at(6), 4 * HOUR, at(7)).unwrap();
    assert!(step.reason.ends_with("renewal 2"), "{}", step.reason);
    block.steps.push(step);
    assert_eq!(
        (block.until(), block.standing(at(7))),
        (at(10), Standing::Approved)
    );
    assert_eq!(block.renewals().count(), 2);
    assert_eq!(block.last_deed().unwrap().what, APPROVED);
    assert_eq!(renewed(&block, at(6), at(11)), None, "that is over, too");
}

#[test]
fn what_was_decided_against_is_not_renewed_and_what_waits_goes_on_waiting() {
    for against in [
        &[(1, What::Rejected)][..],
        &[(1, APPROVED), (2, What::Revoked)],
    ] {
        let block = decision(1, "192.0.2.7", 4, against);
        assert_eq!(renewed(&block, at(3), at(3)), None, "{against:?}");
    }
    let mut block = decision(1, "192.0.2.7", 4, &[(1, APPROVED), (2, What::Revoked)]);
    then(&mut block, 3, What::Renewed { until: at(8) });
    assert_eq!(block.standing(at(5)), Standing::Revoked, "whoever was late");
    let mut waits = decision(2, "192.0.2.8", 4, &[]);
    then(&mut waits, 3, What::Renewed { until: at(7) });
    assert_eq!(waits.standing(at(6)), Standing::Proposed);
    assert_eq!(renewed(&waits, at(6), at(6)), Some(at(10)));
}

#[test]
fn who_approves_says_for_how_long_from_then_on() {
    let mut late = decision(1, "192.0.2.7", 4, &[]);
    let hour = |from: i64| What::Approved {
        until: Some(at(from + 1)),
    };
    assert_eq!(late.standing(at(9)), Standing::Ended);
    assert!(late.takes(&hour(9), at(9)), "nobody has decided");
    assert!(!late.takes(&What::Rejected, at(9)));
    then(&mut late, 9, hour(9));
    assert_eq!(
        (late.standing(at(9)), late.until()),
        (Standing::Approved, at(10))
    );
    assert!(late.takes(&What::Revoked, at(9)) && !late.takes(&hour(9), at(9)));
    assert_eq!(late.standing(at(10)), Standing::Ended);
    // As long as they said, however long the configuration has it.
    assert_eq!(renewed(&late, at(10), at(10)), Some(at(11)));
    let rejected = decision(2, "192.0.2.8", 4, &[(1, What::Rejected)]);
    assert!(!rejected.takes(&hour(9), at(9)));
}

#[test]
fn a_backlog_does_not_renew_at_every_look() {
    // The newest event is three hours old, so an hour is left each time.
    let mut block = decision(1, "192.0.2.7", 1, &[(0, APPROVED)]);
    for minute in 0..=240 {
        let (now, newest) = (minutes(minute), minutes(minute - 180));
        let step = renewal(&block, newest, 4 * HOUR, now);
        block.steps.extend(step);
        assert_eq!(block.standing(now), Standing::Approved, "{minute}");
    }
    assert_eq!(block.renewals().count(), 16);
}

#[test]
fn an_alert_that_was_opened_again_proposes_another_decision() {
    let alert = samples::correlation();
    let id = |round: u32, now: i64| {
        let step = proposal(&alert, round, HOUR, at(now)).unwrap();
        step.decision
    };
    assert_eq!(id(0, 1), id(0, 2));
    assert_eq!(id(1, 1), id(1, 2));
    assert_ne!(id(0, 1), id(1, 1));
    assert_ne!(id(1, 1), id(2, 1));
}

#[test]
fn a_reader_hears_of_what_went_from_whichever_instance_it_asks() {
    let (mut one, mut other) = (Book::default(), Book::default());
    let mut decisions = vec![decision(1, "192.0.2.1", 9, &[(0, APPROVED)])];
    other.update(&[], minutes(0));
    assert_eq!(other.pull("edge", false, minutes(0)), Delta::default());
    one.update(&decisions, minutes(1));
    let told = one.pull("edge", false, minutes(1));
    assert_eq!(values(&told.new), ["192.0.2.1"]);
    // Revoked, by somebody whose clock is behind, before the reader asks the other.
    then(&mut decisions[0], 0, What::Revoked);
    for book in [&mut one, &mut other] {
        book.update(&decisions, minutes(2));
    }
    let told = other.pull("edge", false, minutes(2));
    assert_eq!(
        (told.new, values(&told.deleted)),
        (vec![], vec!["192.0.2.1".to_owned()])
    );
    // An answer that got lost is given again for an hour.
    for minute in [3, 4, 63] {
        let told = one.pull("edge", false, minutes(minute));
        assert_eq!(values(&told.deleted), ["192.0.2.1"], "{minute}");
    }
    one.update(&decisions, minutes(63));
    assert_eq!(one.pull("edge", false, minutes(64)), Delta::default());
}

#[test]
fn what_is_new_is_told_again_for_an_hour() {
    let mut book = Book::default();
    book.update(&[decision(1, "192.0.2.1", 9, &[(0, APPROVED)])], minutes(1));
    for minute in [1, 2, 59, 70] {
        let told = book.pull("edge", false, minutes(minute));
        assert_eq!(values(&told.new), ["192.0.2.1"], "{minute}");
    }
    assert_eq!(book.pull("edge", false, minutes(71)), Delta::default());
}

#[test]
fn a_renewal_is_told_and_told_again_when_the_earlier_end_has_passed() {
    let mut decisions = vec![decision(1, "192.0.2.1", 4, &[(0, APPROVED)])];
    let mut book = Book::default();
    book.update(&decisions, minutes(110));
    let ends = |book: &mut Book, minute: i64| -> Vec<Timestamp> {
        let told = book.pull("edge", false, minutes(minute));
        assert_eq!(told.deleted, [], "{minute}");
        told.new.iter().map(|it| it.until).collect()
    };
    assert_eq!(ends(&mut book, 110), [at(4)]);
    assert_eq!(ends(&mut book, 111), []);
    then(&mut decisions[0], 2, What::Renewed { until: at(6) });
    book.update(&decisions, at(2));
    assert_eq!(ends(&mut book, 120), [at(6)]);
    assert_eq!(ends(&mut book, 200), [at(6)], "as all that is new");
    assert_eq!(ends(&mut book, 210), []);
    // Who lets it go when it was told to, and takes no later end of what it has.
    assert_eq!(ends(&mut book, 241), [at(6)]);
    assert_eq!(ends(&mut book, 302), [at(6)]);
    assert_eq!(ends(&mut book, 303), []);
}
