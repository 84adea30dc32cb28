//! How many events of a window have each value.
//!
//! The values stand in the window's events alone: here are the numbers of events, so a value takes eight bytes. Windows of
//! hundreds of groups are looked at in turn, and the time goes into fetching them from memory.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::window::Event;

/// The values of a window's events. Never iterated.
#[derive(Default)]
pub(super) struct Values {
    seen: HashTable<Seen>,
    /// Number of the oldest event in the window; numbers wrap.
    first: u32,
}

/// One value.
struct Seen {
    /// Number of the newest event that has it.
    newest: u32,
    /// How many events have it.
    count: u32,
}

impl Values {
    /// The values of these events.
    pub(super) fn of(events: &VecDeque<Event>) -> Self {
        let mut values = Values::default();
        for at in 0..events.len() {
            values.add(events, at);
        }
        values
    }

    /// Counts the event at `at`; those behind it are not counted yet.
    pub(super) fn add(&mut self, events: &VecDeque<Event>, at: usize) {
        let first = self.first;
        let value = events[at].value;
        let number = first.wrapping_add(u32::try_from(at).unwrap_or(u32::MAX));
        let is_value = |seen: &Seen| value_of(events, first, seen) == value;
        if let Some(seen) = self.seen.find_mut(hash(value), is_value) {
            seen.newest = number;
            seen.count += 1;
            return;
        }
        let seen = Seen {
            newest: number,
            count: 1,
        };
        self.seen.insert_unique(hash(value), seen, |seen| {
            hash(value_of(events, first, seen))
        });
    }

    /// Takes the oldest event off, which is still among `events`.
    pub(super) fn remove_oldest(&mut self, events: &VecDeque<Event>) {
        let Some(oldest) = events.front() else {
            return;
        };
        let first = self.first;
        let is_value = |seen: &Seen| value_of(events, first, seen) == oldest.value;
        if let Ok(mut place) = self.seen.find_entry(hash(oldest.value), is_value) {
            place.get_mut().count -= 1;
            if place.get().count == 0 {
                place.remove();
            }
        }
        self.first = first.wrapping_add(1);
    }

    /// How many different values there are.
    pub(super) fn distinct(&self) -> usize {
        self.seen.len()
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.seen.allocation_size()
    }

    /// How many events have this value.
    pub(super) fn count(&self, events: &VecDeque<Event>, value: u64) -> u32 {
        let is_value = |seen: &Seen| value_of(events, self.first, seen) == value;
        let seen = self.seen.find(hash(value), is_value);
        seen.map_or(0, |seen| seen.count)
    }
}

fn value_of(events: &VecDeque<Event>, first: u32, seen: &Seen) -> u64 {
    events[seen.newest.wrapping_sub(first) as usize].value
}

fn hash(value: u64) -> u64 {
    FixedState::default().hash_one(value)
}
