//! A sliding window of one group: times in order, and what the correlation looks at in them.
//!
//! Every event is put in once and taken out once, so the cost of an event does not grow with the window (but by the
//! logarithm of its length for a percentile). A window of more events than may be kept one by one is summed up by
//! [`Panes`], and says so.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::panes::Panes;
use super::ranks::Ranks;
use crate::event::Timestamp;
use crate::sigma::CorrelationKind;

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
pub(super) struct Window {
    /// Microseconds, ascending.
    times: VecDeque<i64>,
    /// The value of each event, in the order of `times`; empty where events have none.
    values: VecDeque<u64>,
    state: State,
    /// In place of all of these once there were too many events, until the window is empty.
    panes: Option<Box<Panes>>,
    /// How many of the newest events no finding has counted.
    unreported: u64,
    /// Events that were in the window and had to go, since the last finding.
    evicted: u64,
}

/// What is known of the values in the window.
enum State {
    /// Nothing: events are counted.
    Events,
    /// How many events have each value. Never iterated.
    Counts(HashMap<u64, u32, FixedState>),
    Sum(u128),
    Ranks(Box<Ranks>),
    /// When each rule matched last.
    Matched(Box<[i64]>),
    /// When the latest run of rules in order began, for each length of such a run.
    Ordered(Box<[i64]>),
}

/// Stands for "never".
const NEVER: i64 = i64::MIN;

impl State {
    fn new(limits: &Limits) -> Self {
        let never = || vec![NEVER; limits.members].into_boxed_slice();
        match &limits.kind {
            CorrelationKind::EventCount => State::Events,
            CorrelationKind::ValueCount { .. } | CorrelationKind::ValueShare { .. } => {
                State::Counts(HashMap::default())
            }
            CorrelationKind::ValueSum { .. } | CorrelationKind::ValueAvg { .. } => State::Sum(0),
            CorrelationKind::ValuePercentile { percentile, .. } => {
                State::Ranks(Box::new(Ranks::new(*percentile)))
            }
            CorrelationKind::Temporal => State::Matched(never()),
            CorrelationKind::TemporalOrdered => State::Ordered(never()),
        }
    }

    /// Whether what leaves the window has to be taken out by its value.
    fn keeps_values(&self) -> bool {
        matches!(self, State::Counts(_) | State::Sum(_) | State::Ranks(_))
    }

    fn add(&mut self, value: u64, time: i64) {
        match self {
            State::Events => {}
            State::Counts(counts) => *counts.entry(value).or_insert(0) += 1,
            State::Sum(sum) => *sum += u128::from(value),
            State::Ranks(ranks) => ranks.add(value),
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
            State::Counts(counts) => {
                if let Some(count) = counts.get_mut(&value) {
                    *count -= 1;
                    if *count == 0 {
                        counts.remove(&value);
                    }
                }
            }
            State::Sum(sum) => *sum -= u128::from(value),
            State::Ranks(ranks) => ranks.remove(value),
            State::Events | State::Matched(_) | State::Ordered(_) => {}
        }
    }
}

impl Window {
    pub(super) fn new(limits: &Limits) -> Self {
        Window {
            times: VecDeque::new(),
            values: VecDeque::new(),
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
        self.unreported += 1;
        if let Some(panes) = &mut self.panes {
            if limits.kind.is_temporal() {
                self.state.add(value, time);
            }
            panes.push(time, value, limits.timespan_us);
            self.unreported = self.unreported.min(panes.events());
            return 0;
        }
        self.add(time, value);
        let begin = time.saturating_sub(limits.timespan_us);
        while self.times.front().is_some_and(|oldest| *oldest <= begin) {
            self.pop();
        }
        if self.times.len() <= limits.entries {
            return 0;
        }
        if can_be_summed_up(&limits.kind) {
            self.sum_up(limits);
            return 0;
        }
        self.pop();
        self.evicted += 1;
        1
    }

    /// From here on sums over short spans stand for the events.
    fn sum_up(&mut self, limits: &Limits) {
        let distinct = matches!(limits.kind, CorrelationKind::ValueCount { .. });
        let mut panes = Panes::new(limits.timespan_us, distinct);
        let mut values = std::mem::take(&mut self.values).into_iter();
        for time in std::mem::take(&mut self.times) {
            panes.push(time, values.next().unwrap_or(0), limits.timespan_us);
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
        self.times.push_back(time);
        if self.state.keeps_values() {
            self.values.push_back(value);
        }
        self.state.add(value, time);
    }

    /// What the correlation looks at, with the newest event in the window.
    pub(super) fn observed(&self, limits: &Limits) -> f64 {
        let events = match &self.panes {
            Some(panes) => panes.events() as f64,
            None => self.times.len() as f64,
        };
        let sum = match (&self.panes, &self.state) {
            (Some(panes), _) => panes.sum(),
            (None, State::Sum(sum)) => *sum,
            (None, _) => 0,
        };
        let begin = self.newest().micros().saturating_sub(limits.timespan_us);
        match (&limits.kind, &self.state) {
            (CorrelationKind::EventCount, _) => events,
            (CorrelationKind::ValueSum { .. }, _) => sum as f64,
            (CorrelationKind::ValueAvg { .. }, _) => sum as f64 / events.max(1.0),
            (CorrelationKind::ValueShare { .. }, State::Counts(counts)) => {
                let newest = self.values.back().and_then(|value| counts.get(value));
                f64::from(newest.copied().unwrap_or(0)) * 100.0 / events.max(1.0)
            }
            (_, State::Counts(counts)) => counts.len() as f64,
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
            None => self.times.front().copied().unwrap_or(NEVER),
        };
        Timestamp::from_micros(oldest)
    }

    pub(super) fn newest(&self) -> Timestamp {
        let newest = match &self.panes {
            Some(panes) => panes.newest(),
            None => self.times.back().copied().unwrap_or(NEVER),
        };
        Timestamp::from_micros(newest)
    }

    /// How many events no finding has counted; from now on all are.
    pub(super) fn take_unreported(&mut self) -> u64 {
        std::mem::take(&mut self.unreported)
    }

    /// How many events had to go since this was last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn pop(&mut self) {
        self.times.pop_front();
        // The unreported events are the newest ones.
        self.unreported = self.unreported.min(self.times.len() as u64);
        if let Some(value) = self.values.pop_front() {
            self.state.remove(value);
        }
    }

    pub(super) fn store(&self) -> StoredWindow {
        StoredWindow {
            times: self.times.iter().copied().collect(),
            values: self.values.iter().copied().collect(),
            marks: match &self.state {
                State::Matched(marks) | State::Ordered(marks) => marks.to_vec(),
                _ => Vec::new(),
            },
            panes: self.panes.clone(),
            unreported: self.unreported,
            evicted: self.evicted,
        }
    }

    /// A stored window; what is known of its values is made anew from them, so it cannot disagree with them.
    pub(super) fn restore(stored: StoredWindow, limits: &Limits) -> Self {
        let mut window = Window::new(limits);
        let mut values = stored.values.into_iter();
        for time in stored.times {
            window.add(time, values.next().unwrap_or(0));
        }
        if let State::Matched(marks) | State::Ordered(marks) = &mut window.state {
            for (mark, stored) in marks.iter_mut().zip(stored.marks) {
                *mark = stored;
            }
        }
        if let Some(panes) = stored.panes {
            window.panes = Some(panes);
            if !limits.kind.is_temporal() {
                window.state = State::Events;
            }
        }
        let events = match &window.panes {
            Some(panes) => panes.events(),
            None => window.times.len() as u64,
        };
        window.unreported = stored.unreported.min(events);
        window.evicted = stored.evicted;
        while window.times.len() > limits.entries {
            window.pop();
        }
        window
    }
}

/// Whether sums over spans of time say what is asked. A percentile and a share need each value.
fn can_be_summed_up(kind: &CorrelationKind) -> bool {
    !matches!(
        kind,
        CorrelationKind::ValuePercentile { .. } | CorrelationKind::ValueShare { .. }
    )
}

/// A window in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredWindow {
    times: Vec<i64>,
    values: Vec<u64>,
    marks: Vec<i64>,
    panes: Option<Box<Panes>>,
    unreported: u64,
    evicted: u64,
}
