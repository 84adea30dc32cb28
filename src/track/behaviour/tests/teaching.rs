//! What an hour is taken for, and what of it is learned.

use super::*;
use crate::track::{LeftOut, Pile};

#[test]
fn the_local_hour_is_that_in_which_an_hour_begins() {
    // Moscow, UTC, half hours to the east and to the west, and less than one.
    let offsets = [180, 0, 330, 345, -210, -30];
    let hours = offsets.map(|offset| local_hour(100, offset));
    assert_eq!(hours, [103, 100, 105, 105, 96, 99]);
    assert_eq!(local_hour(1, -180), 0, "there is nothing before the epoch");
}

#[test]
fn hours_that_were_confirmed_teach_nothing() {
    let attack = |hour: u32, client: u32| {
        let is_attack = client == 7 && (30..33).contains(&hour);
        is_attack.then(|| Sums::of_calls(58, 300))
    };
    let mut left_out = LeftOut::default();
    let time = |hour: u32| Timestamp::from_micros(i64::from(HOUR + hour) * HOUR_US);
    let entity = Entity {
        kind: EntityKind::Client,
        value: "client-7".into(),
    };
    left_out.add(entity.clone(), time(30), time(33).plus_micros(-1));
    // Of another kind, and in hours in which it did nothing.
    let kind = EntityKind::Subject;
    left_out.add(
        Entity {
            kind,
            ..entity.clone()
        },
        time(0),
        time(60),
    );
    left_out.add(entity, time(80), time(90));
    let learned = |keep: &mut dyn FnMut(&mut Pile<Conduct>)| {
        let (plan, mut behaviour) = (plan(), Behaviour::new(&plan()));
        for hour in 0..60 {
            let mut conducts = of_hour(hour, attack).into_iter().collect();
            keep(&mut conducts);
            close(&mut behaviour, &plan, conducts.into_iter().collect());
        }
        behaviour.learned().to_bytes()
    };
    let with = learned(&mut |_| {});
    let without = learned(&mut |conducts| left_out.take_from(conducts));
    let is_of_attack = |it: &Conduct| {
        let hours = HOUR + 30..HOUR + 33;
        it.who.value == "client-7" && hours.contains(&it.hour)
    };
    let never = learned(&mut |conducts| conducts.retain_mut(|it| !is_of_attack(it)));
    assert!(without == never && without != with);
    assert_eq!(left_out.met(), 3);
}
