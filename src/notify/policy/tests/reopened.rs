//! Alerts that were closed and show more since.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::triage::{Closing, Decided, Reopened, Seen, Verdict};

/// A closing at that minute by somebody who saw the alert as it is.
fn closing(alert: &Alert, minute: i64) -> Closing {
    Closing {
        time: at(minute),
        verdict: Verdict::Harmless,
        seen: Seen::of(alert),
    }
}

/// The same alert, of which another rule has fired.
fn with_rule(alert: &Alert, rule: u128) -> Alert {
    let mut alert = alert.clone();
    alert.rules.push(Uuid::from_u128(rule));
    alert
}

/// What is decided of a revision by what is known of deeds, as the desk does.
fn decided(
    policy: &mut Policy,
    known: &Decided,
    alert: &Alert,
    now: Timestamp,
    outcomes: &Outcomes,
) -> Vec<Decision> {
    if known.untold(alert).is_some() {
        return Vec::new();
    }
    match known.reopened(alert) {
        Some(closing) => policy.decide_reopened(alert, closing, now, outcomes),
        None => policy.decide(alert, now, outcomes),
    }
}

/// What the ledger has of a decision once it is done.
fn entry(decision: Decision, alert: &Alert, now: Timestamp) -> Entry {
    match decision {
        Decision::Hold(entry) => entry,
        Decision::Mail { stage, .. } => Entry {
            key: Key {
                subject: alert.id,
                stage,
                recipient: RecipientKey::of("soc@example.org"),
            },
            at: now,
            count: alert.count,
            level: alert.rule.level,
            state: State::Sent,
        },
    }
}

fn mail(stage: Stage) -> Vec<Decision> {
    vec![Decision::Mail { reader: 0, stage }]
}

#[test]
fn noise_first_and_the_attack_second_is_told_once_for_each_closing() {
    let outcomes = Outcomes::default();
    let mut policy = one_reader();
    let noise = alert(1, 5, Level::High, at(0));
    let told = policy.decide(&noise, at(0), &outcomes);
    assert_eq!(told, mail(Stage::Opened));
    let closed = closing(&noise, 10);
    let attack = with_rule(&noise, 77);
    assert_eq!(
        policy.decide(&attack, at(11), &outcomes),
        [],
        "of what is open another rule of the same level is no news"
    );
    let tell = |policy: &mut Policy, alert: &Alert, closed: &Closing, minute| {
        policy.decide_reopened(alert, closed, at(minute), &outcomes)
    };
    let reopened = Stage::Reopened(at(10));
    assert_eq!(tell(&mut policy, &attack, &closed, 11), mail(reopened));
    assert_eq!(tell(&mut policy, &attack, &closed, 12), []);
    let third = with_rule(&attack, 78);
    assert_eq!(tell(&mut policy, &third, &closed, 13), [], "once a closing");
    // It goes on from the mail before, and grows as any other does.
    let answers = policy.answers(0, attack.id, reopened, None);
    let stages: Vec<Stage> = answers.iter().map(|key| key.stage).collect();
    assert_eq!(stages, [Stage::Opened]);
    let mut grown = third.clone();
    grown.count = 50;
    let told = tell(&mut policy, &grown, &closed, 14);
    assert_eq!(told, mail(Stage::Grown(1)));
    // Somebody closes it again, and it comes back again, this time with ten times the events.
    let again = closing(&grown, 70);
    let mut flood = grown.clone();
    flood.count = 500;
    let told = tell(&mut policy, &flood, &again, 71);
    assert_eq!(told, mail(Stage::Reopened(at(70))));
    assert_eq!(tell(&mut policy, &flood, &again, 72), []);
}

#[test]
fn what_a_revision_did_not_tell_the_store_tells_once() {
    let outcomes = Outcomes::default();
    let mut day = reader("day@example.org", MinimumLevel::Low);
    // The samples begin at 10:00 UTC.
    day.hours = Hours::parse("11:00-19:00", &jiff::tz::TimeZone::UTC);
    let mut few = reader("few@example.org", MinimumLevel::Critical);
    few.families = vec!["enumeration".to_owned()];
    let readers = vec![day, reader("soc@example.org", MinimumLevel::Low), few];
    let mut policy = Policy::new(limits(), readers);
    let noise = alert(1, 5, Level::High, at(0));
    let attack = with_rule(&noise, 77);
    let reopened = Reopened {
        closing: closing(&noise, 10),
        alert: attack.clone(),
    };
    let stage = Stage::Reopened(at(10));
    let told = |reader| Decision::Mail { reader, stage };
    assert_eq!(policy.reopen(&reopened, at(20), &outcomes), [told(1)]);
    let by_revision = policy.decide_reopened(&attack, &reopened.closing, at(21), &outcomes);
    assert_eq!(by_revision, []);
    assert_eq!(policy.reopen(&reopened, at(22), &outcomes), []);
    assert_eq!(
        policy.reopen(&reopened, at(60), &outcomes),
        [told(0)],
        "whose hours begin"
    );
    assert_eq!(policy.reopen(&reopened, at(61), &outcomes), []);
}

#[test]
fn what_is_reopened_keeps_to_quiet_hours_limits_and_age() {
    let outcomes = Outcomes::default();
    let mut sleeper = reader("soc@example.org", MinimumLevel::Low);
    sleeper.quiet = Hours::parse("09:30-12:00", &jiff::tz::TimeZone::UTC);
    let mut policy = Policy::new(limits(), vec![sleeper]);
    let noise = alert(1, 5, Level::High, at(0));
    let attack = with_rule(&noise, 77);
    let closed = closing(&noise, 10);
    let held = policy.decide_reopened(&attack, &closed, at(11), &outcomes);
    let [Decision::Hold(entry)] = &held[..] else {
        panic!("it is quiet: {held:?}");
    };
    let State::Held { line, kind, .. } = &entry.state else {
        panic!("{entry:?}");
    };
    assert_eq!(*kind, BundleKind::Digest);
    assert!(
        line.text.starts_with("reopened (another rule): "),
        "{line:?}"
    );
    assert_eq!(policy.due(at(120))[0].total, 1);

    let mut policy = one_reader();
    let mut mails = 0;
    for id in 0..10 {
        let noise = alert(id, 5, Level::High, at(0));
        let attack = with_rule(&noise, 77);
        let told = policy.decide_reopened(&attack, &closing(&noise, 10), at(11), &outcomes);
        mails += usize::from(matches!(told[..], [Decision::Mail { .. }]));
    }
    assert_eq!((mails, policy.due(at(12))[0].total), (3, 7));

    // After a week without a notifier it is one line of what piled up.
    let mut policy = one_reader();
    let late = at(60 * 24 * 7);
    for _ in 0..2 {
        policy.decide_reopened(&attack, &closed, late, &outcomes);
    }
    let due = policy.due(late.plus_micros(MINUTE));
    assert_eq!((due[0].kind, due[0].total), (BundleKind::Backlog, 1));
}

/// What happens to an alert.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It goes on by so many events, and maybe by another rule; with `late`, whoever tells of it does not know yet that it was closed, and hears of it by the store.
    On {
        id: u128,
        events: u64,
        rule: bool,
        late: bool,
    },
    /// Somebody closes it.
    Close { id: u128 },
}

fn step() -> impl Strategy<Value = Step> {
    let on = (0_u128..4, 1_u64..200, any::<bool>(), any::<bool>()).prop_map(
        |(id, events, rule, late)| Step::On {
            id,
            events,
            rule,
            late,
        },
    );
    prop_oneof![3 => on, 1 => (0_u128..4).prop_map(|id| Step::Close { id })]
}

/// Everything there is while steps are gone through.
struct World {
    alerts: BTreeMap<u128, Alert>,
    known: Decided,
    policy: Policy,
    ledger: Vec<Entry>,
    revisions: Vec<Alert>,
    outcomes: Outcomes,
    /// Closings after which an alert stood reopened.
    undone: BTreeSet<(Uuid, Timestamp)>,
}

impl World {
    fn new() -> Self {
        World {
            alerts: BTreeMap::new(),
            known: Decided::default(),
            policy: one_reader(),
            ledger: Vec::new(),
            revisions: Vec::new(),
            outcomes: Outcomes::default(),
            undone: BTreeSet::new(),
        }
    }

    fn close(&mut self, id: u128, index: usize) {
        if let Some(alert) = self.alerts.get(&id) {
            let time = at(0).plus_micros(i64::try_from(index).unwrap());
            let closing = Closing {
                time,
                ..closing(alert, 0)
            };
            self.known.closed.insert(alert.id, closing);
        }
    }

    fn grow(&mut self, id: u128, events: u64, rule: bool) -> Alert {
        let alert = self
            .alerts
            .entry(id)
            .or_insert_with(|| alert(id, 0, Level::High, at(0)));
        alert.count += events;
        if rule {
            alert.rules.push(Uuid::from_u128(alert.count.into()));
        }
        if let Some(closing) = self.known.reopened(alert) {
            self.undone.insert((alert.id, closing.time));
        }
        alert.clone()
    }

    /// What is said of a revision, and then by the store.
    fn say(&mut self, alert: &Alert, late: bool) -> Vec<Decision> {
        let nothing = Decided::default();
        let known = if late { &nothing } else { &self.known };
        let outcomes = &self.outcomes;
        let mut said = decided(&mut self.policy, known, alert, at(0), outcomes);
        if let Some(reopened) = self.known.reopening(alert.clone()) {
            said.extend(self.policy.reopen(&reopened, at(0), outcomes));
        }
        said
    }

    /// Killed before what was decided was done; started again, it reads the last revisions again.
    fn kill(&mut self, alert: &Alert, late: bool) {
        self.say(alert, late);
        self.policy = one_reader();
        for entry in &self.ledger {
            self.policy.restore(entry, &self.outcomes);
        }
        let done = self.revisions.len().saturating_sub(3);
        let again = self.revisions[done..].to_vec();
        for earlier in &again {
            assert_eq!(self.say(earlier, false), [], "done before the kill");
        }
    }
}

/// Goes through the steps, killed where `kills` say so. Gives the keys in the order they were done, and the closings that what came undid.
fn run(steps: &[Step], kills: &[usize]) -> (Vec<Key>, BTreeSet<(Uuid, Timestamp)>) {
    let mut world = World::new();
    for (index, step) in steps.iter().enumerate() {
        let (id, events, rule, late) = match *step {
            Step::Close { id } => {
                world.close(id, index);
                continue;
            }
            Step::On {
                id,
                events,
                rule,
                late,
            } => (id, events, rule, late),
        };
        let alert = world.grow(id, events, rule);
        if kills.contains(&index) {
            world.kill(&alert, late);
        }
        let said = world.say(&alert, late);
        let done = said.into_iter().map(|it| entry(it, &alert, at(0)));
        world.ledger.extend(done);
        world.revisions.push(alert);
    }
    let keys = world.ledger.iter().map(|entry| entry.key).collect();
    (keys, world.undone)
}

proptest! {
    #[test]
    fn each_closing_that_is_undone_is_told_once_whatever_is_killed_and_whoever_knows_late(
        steps in proptest::collection::vec(step(), 1..60),
        kills in proptest::collection::vec(0_usize..60, 0..5),
    ) {
        let (undisturbed, undone) = run(&steps, &[]);
        let (killed, _) = run(&steps, &kills);
        prop_assert_eq!(&killed, &undisturbed);
        let unique: BTreeSet<Key> = undisturbed.iter().copied().collect();
        prop_assert_eq!(unique.len(), undisturbed.len());
        let told: BTreeSet<(Uuid, Timestamp)> = undisturbed
            .iter()
            .filter_map(|key| match key.stage {
                Stage::Reopened(closed) => Some((key.subject, closed)),
                _ => None,
            })
            .collect();
        prop_assert_eq!(told, undone);
    }
}
