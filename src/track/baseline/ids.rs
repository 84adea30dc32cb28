//! Requests of one client that stand in the log under one id: which answer belongs to which can no longer be told.
//!
//! A thousand places a shard, one for each remainder of the hash of client and id; whoever comes anew takes the place, unless its id
//! was seen twice already and not long ago. So an id is found again when fewer requests than about the number of places came
//! in between, which costs one look a request and no string.

use serde::{Deserialize, Serialize};

use crate::track::hash::quick_hash;

/// Places of a shard.
const PLACES: usize = 1_024;
/// Minutes in which requests of one id are counted together.
const TOGETHER: u32 = 30;
/// A caller that tries again does so under the same id, but not so often.
const MOST_TRIES: u32 = 10;

/// What a gateway writes when it has no id.
const PLACEHOLDERS: &[&str] = &["", "-", "null", "none", "unknown", "0"];

/// Ids that there is room for as soon as there are several.
const ROOM: usize = 8;

/// Stands for an id in an observation; `None` for what is none.
pub(in crate::track) fn code_of(id: &str) -> Option<u32> {
    let is_none = PLACEHOLDERS
        .iter()
        .any(|none| id.eq_ignore_ascii_case(none));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32 bits of a hash are wanted"
    )]
    let code = quick_hash(id) as u32;
    (!is_none).then_some(code)
}

/// What stands for the ids of some requests; most often of one, which takes no room of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Codes {
    /// Of none.
    #[default]
    None,
    /// Of one request.
    One(u32),
    /// Of several.
    Many(Vec<u32>),
}

impl Codes {
    /// Adds these.
    pub fn extend(&mut self, codes: &[u32]) {
        match (&mut *self, codes) {
            (_, []) => {}
            (Codes::Many(known), more) => known.extend_from_slice(more),
            (Codes::None, [one]) => *self = Codes::One(*one),
            (known, more) => {
                let mut all = Vec::with_capacity(ROOM.max(1 + more.len()));
                all.extend_from_slice(known.as_slice());
                all.extend_from_slice(more);
                *self = Codes::Many(all);
            }
        }
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Codes::None => &[],
            Codes::One(code) => std::slice::from_ref(code),
            Codes::Many(codes) => codes,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [u32] {
        match self {
            Codes::None => &mut [],
            Codes::One(code) => std::slice::from_mut(code),
            Codes::Many(codes) => codes,
        }
    }
}

/// The ids of one shard's clients.
pub(super) struct Ids {
    places: Vec<Place>,
}

/// An id of a client that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    key: u64,
    /// Minute since the epoch in which it came first.
    first: u32,
    count: u32,
}

impl Ids {
    pub(super) fn new() -> Self {
        Ids { places: Vec::new() }
    }

    /// Takes the ids of a client in one minute, in any order. Returns how many requests had one id, when they are too many:
    /// once, and again each time that they have doubled.
    pub(super) fn take(&mut self, client: &str, minute: u32, mut ids: Codes) -> Option<u32> {
        let ids = ids.as_mut_slice();
        if self.places.is_empty() {
            self.places.resize(PLACES, Place::default());
        }
        ids.sort_unstable();
        let hash = quick_hash(client);
        let mut most = None;
        for same in ids.chunk_by(|a, b| a == b) {
            let requests = u32::try_from(same.len()).unwrap_or(u32::MAX);
            let key = hash ^ u64::from(same[0]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            most = most.max(self.count(key, minute, requests));
        }
        most
    }

    fn count(&mut self, key: u64, minute: u32, requests: u32) -> Option<u32> {
        let at = usize::try_from(key >> 32).unwrap_or(0) % PLACES;
        let place = &mut self.places[at];
        let is_over = minute.saturating_sub(place.first) >= TOGETHER;
        if place.key != key || is_over {
            if place.key == key || place.count < 2 || is_over {
                *place = Place {
                    key,
                    first: minute,
                    count: requests,
                };
                return (requests >= MOST_TRIES).then_some(requests);
            }
            return None;
        }
        let before = place.count;
        place.count = before.saturating_add(requests);
        let doubled = |count: u32| (count / MOST_TRIES).checked_ilog2();
        (doubled(place.count) > doubled(before)).then_some(place.count)
    }

    pub(super) fn store(&self) -> StoredIds {
        let taken = self.places.iter().enumerate();
        let taken = taken.filter(|(_, place)| place.count > 0);
        StoredIds(
            taken
                .map(|(at, place)| (u16::try_from(at).unwrap_or(0), *place))
                .collect(),
        )
    }

    pub(super) fn restore(&mut self, stored: StoredIds) {
        self.places = vec![Place::default(); PLACES];
        for (at, place) in stored.0 {
            if let Some(known) = self.places.get_mut(usize::from(at)) {
                *known = place;
            }
        }
    }
}

/// The same in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredIds(Vec<(u16, Place)>);

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(ids: &mut Ids, each: &[&[&str]]) -> Vec<Option<u32>> {
        let taken = (100..).zip(each).map(|(minute, texts)| {
            let mut codes = Codes::default();
            for code in texts.iter().filter_map(|id| code_of(id)) {
                codes.extend(&[code]);
            }
            ids.take("terminal-3", minute, codes)
        });
        taken.collect()
    }

    #[test]
    fn requests_of_one_id_are_told_at_ten_and_when_they_double() {
        let mut ids = Ids::new();
        let others: Vec<String> = (0..40).map(|i| format!("other-{i}")).collect();
        let mut minute: Vec<&str> = others.iter().map(String::as_str).collect();
        minute.extend(["same"; 3]);
        let told = minutes(&mut ids, &[minute.as_slice(); 8]);
        assert_eq!(
            told,
            [None, None, None, Some(12), None, None, Some(21), None]
        );
    }

    #[test]
    fn a_few_tries_and_what_is_no_id_are_nothing() {
        let mut ids = Ids::new();
        assert_eq!(minutes(&mut ids, &[&["same"; 9]]), [None]);
        assert_eq!(minutes(&mut ids, &[&["-"; 50], &[""; 50]]), [None, None]);
        // Nine in each half hour.
        for round in 0..4 {
            let codes = Codes::Many(vec![code_of("again").unwrap(); 9]);
            assert_eq!(ids.take("terminal-3", 200 + round * TOGETHER, codes), None);
        }
    }

    #[test]
    fn what_was_stored_goes_on() {
        let mut ids = Ids::new();
        minutes(&mut ids, &[&["same"; 8]]);
        let stored = postcard::to_allocvec(&ids.store()).unwrap();
        let mut again = Ids::new();
        again.restore(postcard::from_bytes(&stored).unwrap());
        assert_eq!(minutes(&mut again, &[&["same"; 2]]), [Some(10)]);
        assert!(stored.len() < 40, "only places that are taken");
    }
}
