//! A sliding window of one group: times in order, and what the correlation looks at in them.
//!
//! Every event is put in once and taken out once, so the cost of an event does not grow with the window (but by the
//! logarithm of its length for a percentile). A window of more events than may be kept one by one is summed up by
//! [`Panes`], and says so.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::panes::Panes;
use super::ranks::Ranks;
use super::values::Values;
use crate::event::Timestamp;
use crate::sigma::CorrelationKind;
use crate::track::earth::speed;

/// What a correlation asks of its windows.
pub(super) struct Limits {
    /// Width in microseconds.
    pub(super) timespan_us: i64,
    /// Most events, hence most distinct values too, that a window keeps one by one.
    pub(super) entries: usize,
    /// What it looks at.
    pub(super) kind: CorrelationKind,
    /// How many rules and correlations feed it.
    pub(super) members: usize,
}

/// The events of (newest − timespan, newest].
///
/// Most groups have one event or two, so what few windows need lies behind a pointer.
pub(super) struct Window {
    /// Ascending in time.
    events: VecDeque<Event>,
    state: State,
    /// In place of the events once there were too many, until the window is empty.
    panes: Option<Box<Panes>>,
    /// How many of the newest events no finding has counted.
    unreported: u32,
    /// Events that were in the window and had to go, since the last finding.
    evicted: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Event {
    /// Microseconds.
    pub(super) time: i64,
    /// 0 where events have none.
    pub(super) value: u64,
}

/// What is known of the values in the window.
enum State {
    /// Nothing: events are counted.
    Events,
    /// How many distinct values there are, while they are few enough to look through.
    Few(u32),
    /// How many events have each value.
    Counts(Box<Values>),
    Sum(Box<u128>),
    Ranks(Box<Ranks>),
    /// When each rule matched last.
    Matched(Box<[i64]>),
    Journey(Box<Journey>),
    /// When the latest run of rules in order began, for each length of such a run.
    Ordered(Box<[i64]>),
}

/// When somebody was seen last in each country, the newest at the end.
#[derive(Default)]
struct Journey(Vec<(u64, i64)>);

impl Journey {
    fn add(&mut self, country: u64, time: i64) {
        self.0.retain(|(known, _)| *known != country);
        if self.0.len() >= FEW {
            self.0.remove(0);
        }
        self.0.push((country, time));
    }

    /// The greatest speed at which they came to the newest from one where they were after `begin`.
    fn fastest_since(&self, begin: i64) -> f64 {
        let Some((here, now)) = self.0.last().copied() else {
            return 0.0;
        };
        let others = self.0.iter().filter(|(_, time)| *time > begin);
        let speeds = others.map(|(from, time)| speed(*from, here, now - time));
        speeds.fold(0.0, f64::max)
    }
}

/// Most values that are looked through one by one.
const FEW: usize = 16;

/// Stands for "never".
const NEVER: i64 = i64::MIN;

impl State {
    fn new(limits: &Limits) -> Self {
        let never = || vec![NEVER; limits.members].into_boxed_slice();
        match &limits.kind {
            CorrelationKind::EventCount
            | CorrelationKind::Absence
            | CorrelationKind::AbsenceOrdered => State::Events,
            CorrelationKind::ValueCount { .. } | CorrelationKind::ValueShare { .. } => {
                State::Few(0)
            }
            CorrelationKind::TravelSpeed { .. } => State::Journey(Box::default()),
            CorrelationKind::ValueSum { .. } | CorrelationKind::ValueAvg { .. } => {
                State::Sum(Box::new(0))
            }
            CorrelationKind::ValuePercentile { percentile, .. } => {
                State::Ranks(Box::new(Ranks::new(*percentile)))
            }
            CorrelationKind::Temporal => State::Matched(never()),
            CorrelationKind::TemporalOrdered => State::Ordered(never()),
        }
    }

    fn add(&mut self, value: u64, time: i64) {
        match self {
            State::Events | State::Few(_) | State::Counts(_) => {}
            State::Sum(sum) => **sum += u128::from(value),
            State::Ranks(ranks) => ranks.add(value),
            State::Journey(journey) => journey.add(value, time),
            State::Matched(times) => {
                for (member, last) in times.iter_mut().enumerate() {
                    if value >> member & 1 == 1 {
                        *last = time;
                    }
                }
            }
            // From the longest run down, so that one event is not two steps of a run.
            State::Ordered(begins) => {
                for member in (0..begins.len()).rev() {
                    if value >> member & 1 == 1 {
                        begins[member] = match member.checked_sub(1) {
                            None => time,
                            Some(before) => begins[member].max(begins[before]),
                        };
                    }
                }
            }
        }
    }

    fn remove(&mut self, value: u64) {
        match self {
            State::Sum(sum) => **sum -= u128::from(value),
            State::Ranks(ranks) => ranks.remove(value),
            State::Events
            | State::Few(_)
            | State::Counts(_)
            | State::Journey(_)
            | State::Matched(_)
            | State::Ordered(_) => {}
        }
    }
}

impl Window {
    pub(super) fn new(limits: &Limits) -> Self {
        Window {
            events: VecDeque::with_capacity(1),
            state: State::new(limits),
            panes: None,
            unreported: 0,
            evicted: 0,
        }
    }

    /// Adds an event that is not older than any before, and drops what is out of the window then.
    /// Returns how many events that still belonged in it had to go for want of room.
    pub(super) fn push(&mut self, time: Timestamp, value: u64, limits: &Limits) -> u64 {
        let time = time.micros();
        if let Some(panes) = &mut self.panes {
            if limits.kind.is_temporal() {
                self.state.add(value, time);
            }
            panes.push(time, value, limits.timespan_us);
            let events = saturated(panes.events());
            self.unreported = self.unreported.saturating_add(1).min(events);
            return 0;
        }
        let known = self.events.len();
        self.add(time, value);
        let kept = saturated((self.events.len() - known) as u64);
        self.unreported = self.unreported.saturating_add(kept).max(1);
        let begin = time.saturating_sub(limits.timespan_us);
        while self
            .events
            .front()
            .is_some_and(|oldest| oldest.time <= begin)
        {
            self.pop();
        }
        self.bound(limits)
    }

    /// Keeps to the number of events that may be kept one by one; how many had to go.
    fn bound(&mut self, limits: &Limits) -> u64 {
        let more = self.events.len().saturating_sub(limits.entries);
        if more == 0 {
            return 0;
        }
        if can_be_summed_up(&limits.kind) {
            self.sum_up(limits);
            return 0;
        }
        (0..more).for_each(|_| self.pop());
        self.evicted = self.evicted.saturating_add(saturated(more as u64));
        more as u64
    }

    /// From here on sums over short spans stand for the events.
    fn sum_up(&mut self, limits: &Limits) {
        let distinct = matches!(limits.kind, CorrelationKind::ValueCount { .. });
        let mut panes = Panes::new(limits.timespan_us, distinct);
        for event in std::mem::take(&mut self.events) {
            panes.push(event.time, event.value, limits.timespan_us);
        }
        if !limits.kind.is_temporal() {
            self.state = State::Events;
        }
        self.panes = Some(Box::new(panes));
    }

    /// Whether what it says is approximate.
    pub(super) fn is_summed_up(&self) -> bool {
        self.panes.is_some()
    }

    fn add(&mut self, time: i64, value: u64) {
        if let State::Few(distinct) = &mut self.state {
            *distinct += u32::from(!holds(&self.events, value));
        }
        // Of a stay only its end is kept, and counted once, however many calls it has.
        if let (State::Journey(journey), Some(newest)) = (&mut self.state, self.events.back_mut())
            && newest.value == value
        {
            newest.time = time;
            journey.add(value, time);
            return;
        }
        self.events.push_back(Event { time, value });
        match &mut self.state {
            State::Counts(values) => values.add(&self.events, self.events.len() - 1),
            State::Few(_) if self.events.len() > FEW => {
                self.state = State::Counts(Box::new(Values::of(&self.events)));
            }
            state => state.add(value, time),
        }
    }

    /// What the correlation looks at, with the newest event in the window.
    pub(super) fn observed(&self, limits: &Limits) -> f64 {
        let events = match &self.panes {
            Some(panes) => panes.events() as f64,
            None => self.events.len() as f64,
        };
        let sum = match (&self.panes, &self.state) {
            (Some(panes), _) => panes.sum(),
            (None, State::Sum(sum)) => **sum,
            (None, _) => 0,
        };
        let begin = self.newest().micros().saturating_sub(limits.timespan_us);
        match (&limits.kind, &self.state) {
            (CorrelationKind::EventCount, _) => events,
            (CorrelationKind::ValueSum { .. }, _) => sum as f64,
            (CorrelationKind::ValueAvg { .. }, _) => sum as f64 / events.max(1.0),
            (CorrelationKind::ValueShare { .. }, State::Counts(counts)) => {
                let newest = self.events.back();
                let same = newest.map_or(0, |event| counts.count(&self.events, event.value));
                f64::from(same) * 100.0 / events.max(1.0)
            }
            (CorrelationKind::ValueShare { .. }, State::Few(_)) => {
                let newest = self.events.back().map(|event| event.value);
                let same = self
                    .events
                    .iter()
                    .filter(|event| Some(event.value) == newest);
                same.count() as f64 * 100.0 / events.max(1.0)
            }
            (_, State::Journey(journey)) => journey.fastest_since(begin),
            (_, State::Few(distinct)) => f64::from(*distinct),
            (_, State::Counts(counts)) => counts.distinct() as f64,
            (_, State::Ranks(ranks)) => ranks.value().unwrap_or(0.0),
            (_, State::Matched(times)) => times.iter().filter(|time| **time > begin).count() as f64,
            (_, State::Ordered(begins)) => {
                begins.iter().take_while(|time| **time > begin).count() as f64
            }
            (_, State::Events | State::Sum(_)) => {
                self.panes.as_deref().map_or(0.0, Panes::distinct)
            }
        }
    }

    pub(super) fn oldest(&self) -> Timestamp {
        let oldest = match &self.panes {
            Some(panes) => panes.oldest(),
            None => self.events.front().map_or(NEVER, |event| event.time),
        };
        Timestamp::from_micros(oldest)
    }

    pub(super) fn newest(&self) -> Timestamp {
        let newest = match &self.panes {
            Some(panes) => panes.newest(),
            None => self.events.back().map_or(NEVER, |event| event.time),
        };
        Timestamp::from_micros(newest)
    }

    /// How many events no finding has counted; from now on all are.
    pub(super) fn take_unreported(&mut self) -> u64 {
        std::mem::take(&mut self.unreported).into()
    }

    /// How many events had to go since this was last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted).into()
    }

    fn pop(&mut self) {
        if let State::Counts(values) = &mut self.state {
            values.remove_oldest(&self.events);
        }
        let Some(event) = self.events.pop_front() else {
            return;
        };
        // The unreported events are the newest ones.
        self.unreported = self.unreported.min(saturated(self.events.len() as u64));
        if let State::Few(distinct) = &mut self.state {
            *distinct -= u32::from(!holds(&self.events, event.value));
        }
        self.state.remove(event.value);
    }

    pub(super) fn store(&self) -> StoredWindow<'_> {
        StoredWindow {
            events: Cow::Borrowed(&self.events),
            marks: match &self.state {
                State::Matched(marks) | State::Ordered(marks) => Cow::Borrowed(marks),
                _ => Cow::Borrowed(&[]),
            },
            panes: self.panes.as_ref().map(Cow::Borrowed),
            unreported: self.unreported,
            evicted: self.evicted,
        }
    }

    /// A stored window; what is known of its values is made anew from them, so it cannot disagree with them.
    pub(super) fn restore(stored: StoredWindow<'_>, limits: &Limits) -> Self {
        let mut window = Window::new(limits);
        for event in stored.events.iter() {
            window.add(event.time, event.value);
        }
        if let State::Matched(marks) | State::Ordered(marks) = &mut window.state {
            for (mark, stored) in marks.iter_mut().zip(stored.marks.iter()) {
                *mark = *stored;
            }
        }
        if let Some(panes) = stored.panes {
            window.panes = Some(panes.into_owned());
            if !limits.kind.is_temporal() {
                window.state = State::Events;
            }
        }
        let events = match &window.panes {
            Some(panes) => panes.events(),
            None => window.events.len() as u64,
        };
        window.unreported = stored.unreported.min(saturated(events));
        window.evicted = stored.evicted;
        window.bound(limits);
        window
    }
}

fn holds(events: &VecDeque<Event>, value: u64) -> bool {
    events.iter().any(|event| event.value == value)
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether sums over spans of time say what is asked. A percentile and a share need each value.
fn can_be_summed_up(kind: &CorrelationKind) -> bool {
    !matches!(
        kind,
        CorrelationKind::ValuePercentile { .. }
            | CorrelationKind::ValueShare { .. }
            | CorrelationKind::TravelSpeed { .. }
    )
}

/// A window in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredWindow<'a> {
    events: Cow<'a, VecDeque<Event>>,
    marks: Cow<'a, [i64]>,
    panes: Option<Cow<'a, Box<Panes>>>,
    unreported: u32,
    evicted: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::event::Field;
    use crate::track::correlation::{MOST_EXACT, MOST_RANKED};

    impl Window {
        /// Bytes on the heap, about.
        fn bytes(&self) -> usize {
            let events = self.events.capacity() * size_of::<Event>();
            let state = match &self.state {
                State::Counts(values) => values.bytes(),
                // A number and its count in a tree that is half full at worst.
                State::Ranks(_) => self.events.len() * 2 * size_of::<(u64, u32)>(),
                _ => 0,
            };
            events + state + self.panes.as_deref().map_or(0, Panes::bytes)
        }
    }

    #[test]
    fn no_group_takes_more_than_64_kib() {
        let counts = CorrelationKind::ValueCount {
            fields: vec![Field::Path],
        };
        let ranks = CorrelationKind::ValuePercentile {
            field: Field::DurationUs,
            percentile: 95.0,
        };
        let usual = config::Track::default().max_window;
        assert!(usual <= MOST_EXACT);
        for (kind, entries) in [
            (CorrelationKind::EventCount, MOST_EXACT),
            (counts, MOST_EXACT),
            (ranks, MOST_RANKED),
        ] {
            let limits = Limits {
                timespan_us: 86_400_000_000,
                entries,
                kind,
                members: 1,
            };
            let mut window = Window::new(&limits);
            let mut most = 0;
            for event in 0..100_000_u32 {
                let time = Timestamp::from_micros(i64::from(event) * 1_000_000);
                let value = crate::random::splitmix(event.into());
                window.push(time, value, &limits);
                most = most.max(window.bytes());
            }
            assert!(most <= 64 * 1_024, "{:?}: {most}", limits.kind);
        }
    }
}
