//! What was done in an hour, in sums that can be joined, and the features that these make.

use serde::{Deserialize, Serialize};

use super::hashed::Marks;
use crate::event::Event;
use crate::track::Turn;
use crate::track::matching::reaches;

/// Microseconds of an hour.
pub(super) const HOUR_US: i64 = 3_600_000_000;

/// Counts, and sets as bits: a bit for each remainder of a hash, so that sets join in any order (linear counting: Whang, Vander-Zanden and
/// Taylor, "A linear-time probabilistic counting algorithm for database applications", 1990).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) calls: u32,
    refused: u32,
    missing: u32,
    failed: u32,
    /// Calls that came to what they asked for: neither refused nor for what is not there.
    pub(super) reached: u32,
    writes: u32,
    records: u64,
    bytes: u64,
    /// Microseconds, and of how many calls.
    duration: u64,
    timed: u32,
    minutes: u64,
    operations: u64,
    addresses: u64,
    agents: u64,
    resources: [u64; 4],
    /// The shares of its records that are of other clients and of other persons; known when the hour is over, so nothing of it is stored.
    #[serde(skip)]
    pub(super) foreign: [f64; 2],
    /// How surprising its most surprising step is, in bits, and how even its gaps are; known when the hour is over.
    #[serde(skip)]
    pub(super) order: f64,
    #[serde(skip)]
    pub(super) evenness: f64,
}

/// A feature of an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature {
    /// How people read it.
    pub(super) name: &'static str,
    of: fn(&Sums) -> f64,
}

/// What the order of calls is called; a finding also says which step it was.
pub(super) const ORDER: &str = "bits of surprise in the order of calls";

/// In this order in every row.
pub(super) const FEATURES: [Feature; 18] = [
    feature("calls an hour", |sums| f64::from(sums.calls)),
    feature("minutes with calls", |sums| ones(&[sums.minutes])),
    feature("calls in a busy minute", |sums| {
        f64::from(sums.calls) / ones(&[sums.minutes]).max(1.0)
    }),
    feature("different records an hour", |sums| {
        distinct(&sums.resources)
    }),
    feature("records of others an hour", |sums| {
        sums.foreign[0] * distinct(&sums.resources)
    }),
    feature("records of other persons an hour", |sums| {
        sums.foreign[1] * distinct(&sums.resources)
    }),
    feature("different operations an hour", |sums| {
        distinct(&[sums.operations])
    }),
    feature("different addresses an hour", |sums| {
        distinct(&[sums.addresses])
    }),
    feature("different user agents an hour", |sums| {
        distinct(&[sums.agents])
    }),
    feature("refused calls an hour", |sums| f64::from(sums.refused)),
    feature("calls for what is not there", |sums| {
        f64::from(sums.missing)
    }),
    feature("failed calls an hour", |sums| f64::from(sums.failed)),
    feature("changes an hour", |sums| f64::from(sums.writes)),
    feature("records answered an hour", |sums| large(sums.records)),
    feature("bytes answered a call", |sums| {
        large(sums.bytes) / f64::from(sums.calls.max(1))
    }),
    feature("milliseconds a call", |sums| {
        large(sums.duration) / 1_000.0 / f64::from(sums.timed.max(1))
    }),
    feature(ORDER, |sums| sums.order),
    feature("evenness of the gaps between calls", |sums| sums.evenness),
];

const fn feature(name: &'static str, of: fn(&Sums) -> f64) -> Feature {
    Feature { name, of }
}

impl Feature {
    pub(super) fn of(self, sums: &Sums) -> f64 {
        (self.of)(sums)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measure, not a count")]
fn large(number: u64) -> f64 {
    number as f64
}

fn ones(bits: &[u64]) -> f64 {
    f64::from(bits.iter().map(|word| word.count_ones()).sum::<u32>())
}

/// How many different values set these bits, about; at most where all but half a bit are set.
#[expect(clippy::cast_precision_loss, reason = "a few hundred bits")]
fn distinct(bits: &[u64]) -> f64 {
    let places = (bits.len() * 64) as f64;
    let free = (places - ones(bits)).max(0.5);
    -places * (free / places).ln()
}

impl Sums {
    pub(super) fn take(&mut self, event: &Event<'_>, turn: Turn, marks: &Marks) {
        self.calls = self.calls.saturating_add(1);
        let status = event.status.unwrap_or(0);
        let count =
            |counted: &mut u32, is_so: bool| *counted = counted.saturating_add(is_so.into());
        count(&mut self.refused, matches!(status, 401 | 403 | 429));
        count(&mut self.missing, matches!(status, 404 | 410));
        count(&mut self.failed, status >= 500);
        count(&mut self.reached, reaches(event));
        let method = event.method.as_deref().unwrap_or_default();
        let is_change = matches!(method, "POST" | "PUT" | "PATCH" | "DELETE");
        count(&mut self.writes, is_change);
        self.records = self.records.saturating_add(event.record_count.unwrap_or(0));
        self.bytes = self.bytes.saturating_add(event.response_bytes.unwrap_or(0));
        if let Some(duration) = event.duration_us {
            self.duration = self.duration.saturating_add(duration);
            self.timed = self.timed.saturating_add(1);
        }
        let minute = turn.due.micros().rem_euclid(HOUR_US) / 60_000_000;
        self.minutes |= 1 << minute;
        set(&mut [&mut self.operations], marks.operation);
        set(&mut [&mut self.agents], marks.agent);
        set(&mut [&mut self.addresses], marks.address);
        set(&mut self.resources.each_mut(), marks.record);
    }

    pub(super) fn join(&mut self, other: &Sums) {
        let Sums {
            calls,
            refused,
            missing,
            failed,
            reached,
            writes,
            records,
            bytes,
            duration,
            timed,
            minutes,
            operations,
            addresses,
            agents,
            resources,
            foreign: _,
            order: _,
            evenness: _,
        } = other;
        for (known, more) in [
            (&mut self.calls, calls),
            (&mut self.refused, refused),
            (&mut self.missing, missing),
            (&mut self.failed, failed),
            (&mut self.reached, reached),
            (&mut self.writes, writes),
            (&mut self.timed, timed),
        ] {
            *known = known.saturating_add(*more);
        }
        for (known, more) in [
            (&mut self.records, records),
            (&mut self.bytes, bytes),
            (&mut self.duration, duration),
        ] {
            *known = known.saturating_add(*more);
        }
        self.minutes |= minutes;
        self.operations |= operations;
        self.addresses |= addresses;
        self.agents |= agents;
        for (known, more) in self.resources.iter_mut().zip(resources) {
            *known |= more;
        }
    }
}

/// Sets the bit of a value by its hash.
fn set(words: &mut [&mut u64], hash: Option<u64>) {
    let Some(hash) = hash else { return };
    let word = usize::try_from(hash >> 32).unwrap_or(0) % words.len();
    *words[word] |= 1 << (hash & 63);
}

#[cfg(test)]
impl Sums {
    /// So many calls in as many minutes, each of another record.
    pub(super) fn of_calls(calls: u32, records: u32) -> Sums {
        let mut sums = Sums {
            calls,
            bytes: u64::from(calls) * 2_000,
            duration: u64::from(calls) * 20_000,
            timed: calls,
            reached: calls,
            operations: 3,
            addresses: 1,
            agents: 1,
            minutes: u64::MAX >> (64 - calls.clamp(1, 60)),
            ..Sums::default()
        };
        for record in 0..records {
            let hash = crate::track::hash::quick_hash_of(&record.to_be_bytes());
            set(&mut sums.resources.each_mut(), Some(hash));
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_join_as_if_seen_at_once() {
        let (a, b) = (Sums::of_calls(10, 10), Sums::of_calls(7, 30));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.join(&b);
        ba.join(&a);
        assert_eq!(ab, ba);
        assert_eq!(ab.calls, 17);
    }

    #[test]
    fn different_values_are_counted_about_right_up_to_some_hundred() {
        for records in [0, 1, 10, 100, 400] {
            let counted = distinct(&Sums::of_calls(1, records).resources);
            let records = f64::from(records);
            assert!(
                (counted - records).abs() <= 0.15 * records + 0.5,
                "{records}: {counted}"
            );
        }
        assert!(distinct(&[u64::MAX]).is_finite());
    }
}
