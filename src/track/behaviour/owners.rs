//! Whose records are read: a record that others used before, and this caller never did, is one of others (broken object level authorisation, OWASP API1).
//!
//! Callers are clients, and persons besides: where all people of an app share one client, no record is of another client; where a desk has several people, their
//! records are those of the desk.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::track::Lru;
use crate::track::packed::Fixed;

/// Records of an entity in an hour that are looked at, and how many most hours have.
const MOST: usize = 32;
const USUAL: usize = 2;
/// Callers of a record that are remembered; a record of as many is nobody's own.
const CALLERS: usize = 4;
/// Records of an integration whose callers are known.
const RECORDS: usize = 65_536;

/// Records of an hour, each with the client and the person who called for it: hashes, ascending. Of too many those of the smallest hashes, whatever the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Records(
    #[serde(with = "crate::track::packed::list")] SmallVec<[(u32, [u32; 2]); USUAL]>,
);

/// Who called for each record: clients, and persons.
pub(super) struct Owners(Lru<u32, [Callers; 2]>);

/// The newest callers first; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Callers([u32; CALLERS]);

impl Fixed for Callers {
    const BYTES: usize = <[u32; CALLERS]>::BYTES;

    fn put(&self, to: &mut [u8]) {
        self.0.put(to);
    }

    fn get(from: &[u8]) -> Self {
        Callers(Fixed::get(from))
    }
}

impl Records {
    /// Adds a call for a record by a client and a person: the hashes of all three.
    pub(super) fn take(&mut self, record: u64, client: u64, person: u64) {
        let callers = [client, person].map(|it| short(it).max(1));
        self.add((short(record), callers));
    }

    fn add(&mut self, call: (u32, [u32; 2])) {
        if let Err(at) = self.0.binary_search(&call)
            && at < MOST
        {
            self.0.insert(at, call);
            self.0.truncate(MOST);
        }
    }

    pub(super) fn join(&mut self, other: &Records) {
        for call in &other.0 {
            self.add(*call);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "some bits of a hash")]
fn short(hash: u64) -> u32 {
    hash as u32
}

impl Owners {
    pub(super) fn new() -> Owners {
        Owners(Lru::new(RECORDS))
    }

    /// The share of these records that are known to be of other clients alone, and of other persons.
    pub(super) fn foreign(&mut self, records: &Records) -> [f64; 2] {
        let mut foreign = [0.0; 2];
        for (record, callers) in &records.0 {
            let Some(known) = self.0.peek_mut(record) else {
                continue;
            };
            for ((foreign, Callers(known)), caller) in foreign.iter_mut().zip(known).zip(callers) {
                // In the last place stands somebody only where there are many.
                let is_shared = known[CALLERS - 1] != 0;
                *foreign += f64::from(u8::from(!is_shared && !known.contains(caller)));
            }
        }
        foreign.map(|foreign| foreign / (records.0.len().max(1) as f64))
    }

    pub(super) fn learn(&mut self, records: &Records) {
        for (record, callers) in &records.0 {
            let (known, _) = self.0.touch(record, Default::default);
            for (Callers(known), caller) in known.iter_mut().zip(callers) {
                let place = known.iter().position(|it| it == caller);
                known[..=place.unwrap_or(CALLERS - 1)].rotate_right(1);
                known[0] = *caller;
            }
        }
    }

    pub(super) fn store(&self) -> Vec<(u32, [Callers; 2])> {
        self.0
            .iter()
            .map(|(record, callers)| (*record, *callers))
            .collect()
    }

    pub(super) fn restore(stored: Vec<(u32, [Callers; 2])>) -> Owners {
        let mut owners = Owners::new();
        for (record, callers) in stored {
            owners.0.touch(&record, || callers);
        }
        owners
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::hash::quick_hash;

    fn of(caller: &str, records: std::ops::Range<u32>) -> Records {
        let mut all = Records::default();
        for record in records {
            all.take(
                quick_hash(&format!("record-{record}")),
                quick_hash(caller),
                quick_hash(&format!("person of {caller}")),
            );
        }
        all
    }

    #[test]
    fn records_of_others_are_told_from_own_new_and_shared_ones() {
        let mut owners = Owners::new();
        owners.learn(&of("desk-1", 0..10));
        owners.learn(&of("desk-2", 100..110));
        let share = |owners: &mut Owners, records: &Records| {
            let [of_clients, of_persons] = owners.foreign(records);
            assert!((of_clients - of_persons).abs() < 1e-9);
            of_clients
        };
        assert!(share(&mut owners, &of("desk-1", 0..10)) < 1e-9);
        assert!(
            share(&mut owners, &of("desk-1", 500..510)) < 1e-9,
            "nobody's"
        );
        assert!((share(&mut owners, &of("desk-1", 100..110)) - 1.0).abs() < 1e-9);
        for caller in 3..6 {
            owners.learn(&of(&format!("desk-{caller}"), 100..110));
        }
        assert!(
            share(&mut owners, &of("desk-1", 100..110)) < 1e-9,
            "everybody's"
        );
    }

    #[test]
    fn people_who_share_a_client_have_records_of_their_own() {
        let mut owners = Owners::new();
        let own = |person: &str, record: u64| {
            let mut records = Records::default();
            records.take(record, quick_hash("app"), quick_hash(person));
            records
        };
        for record in 0..20 {
            owners.learn(&own(&format!("person-{record}"), record));
        }
        assert!(
            owners
                .foreign(&own("person-3", 3))
                .iter()
                .all(|it| *it < 1e-9)
        );
        let [of_clients, of_persons] = owners.foreign(&own("person-3", 4));
        assert!(of_clients < 1e-9 && of_persons > 0.99);
    }

    #[test]
    fn of_too_many_the_same_are_kept_in_any_order_and_what_was_stored_goes_on() {
        let (mut ab, mut ba) = (of("a", 0..100), of("b", 50..150));
        let a = ab.clone();
        ab.join(&ba.clone());
        ba.join(&a);
        assert_eq!(ab, ba);
        assert_eq!(ab.0.len(), MOST);
        let mut owners = Owners::new();
        owners.learn(&ab);
        let mut again = Owners::restore(owners.store());
        assert_eq!(again.store(), owners.store());
        let shares = [&mut again, &mut owners].map(|it| it.foreign(&ab));
        assert!(
            shares[0]
                .iter()
                .zip(shares[1])
                .all(|(a, b)| (a - b).abs() < 1e-9)
        );
    }
}
