//! A sliding window of one group: times in order, and for distinct counts how often each value is in it.
//!
//! Every event is put in once and taken out once, so the cost of an event does not grow with the window.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// What a correlation asks of its windows.
pub(super) struct Limits {
    /// Width in microseconds.
    pub(super) timespan_us: i64,
    /// Most events in a window, hence most distinct values too.
    pub(super) entries: usize,
    /// Whether distinct values are counted.
    pub(super) distinct: bool,
}

/// The events of (newest − timespan, newest].
pub(super) struct Window {
    /// Microseconds, ascending.
    times: VecDeque<i64>,
    /// Only when values are counted.
    values: Option<Values>,
    /// How many of the newest events no finding has counted.
    unreported: usize,
    /// Events that were in the window and had to go, since the last finding.
    evicted: u64,
}

struct Values {
    /// The value of each event, in the order of `times`.
    each: VecDeque<u64>,
    /// How many events of the window have the value. Never iterated.
    counts: HashMap<u64, u32, FixedState>,
}

impl Window {
    pub(super) fn new(limits: &Limits) -> Self {
        Window {
            times: VecDeque::new(),
            values: limits.distinct.then(|| Values {
                each: VecDeque::new(),
                counts: HashMap::default(),
            }),
            unreported: 0,
            evicted: 0,
        }
    }

    /// Adds an event that is not older than any before, and drops what is out of the window then.
    /// Returns how many events that still belonged in it had to go for want of room.
    pub(super) fn push(&mut self, time: Timestamp, value: u64, limits: &Limits) -> u64 {
        self.times.push_back(time.micros());
        if let Some(values) = &mut self.values {
            values.each.push_back(value);
            *values.counts.entry(value).or_insert(0) += 1;
        }
        self.unreported += 1;
        let begin = time.micros().saturating_sub(limits.timespan_us);
        while self.times.front().is_some_and(|oldest| *oldest <= begin) {
            self.pop();
        }
        let mut evicted = 0;
        while self.times.len() > limits.entries {
            self.pop();
            evicted += 1;
        }
        self.evicted += evicted;
        evicted
    }

    /// Events or distinct values in the window.
    pub(super) fn observed(&self) -> u64 {
        self.values
            .as_ref()
            .map_or(self.times.len(), |values| values.counts.len()) as u64
    }

    pub(super) fn oldest(&self) -> Timestamp {
        Timestamp::from_micros(self.times.front().copied().unwrap_or(i64::MIN))
    }

    pub(super) fn newest(&self) -> Timestamp {
        Timestamp::from_micros(self.times.back().copied().unwrap_or(i64::MIN))
    }

    /// How many events no finding has counted; from now on all are.
    pub(super) fn take_unreported(&mut self) -> u64 {
        std::mem::take(&mut self.unreported) as u64
    }

    /// How many events had to go since this was last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn pop(&mut self) {
        self.times.pop_front();
        // The unreported events are the newest ones.
        self.unreported = self.unreported.min(self.times.len());
        let Some(values) = &mut self.values else {
            return;
        };
        let Some(value) = values.each.pop_front() else {
            return;
        };
        if let Some(count) = values.counts.get_mut(&value) {
            *count -= 1;
            if *count == 0 {
                values.counts.remove(&value);
            }
        }
    }

    pub(super) fn store(&self) -> StoredWindow {
        StoredWindow {
            times: self.times.iter().copied().collect(),
            values: self
                .values
                .as_ref()
                .map(|values| values.each.iter().copied().collect()),
            unreported: self.unreported,
            evicted: self.evicted,
        }
    }

    /// A stored window; counts are made anew from the values, so they cannot disagree with them.
    pub(super) fn restore(stored: StoredWindow, limits: &Limits) -> Self {
        let mut window = Window::new(limits);
        if let Some(values) = &mut window.values {
            for value in stored
                .values
                .unwrap_or_default()
                .into_iter()
                .take(stored.times.len())
            {
                values.each.push_back(value);
                *values.counts.entry(value).or_insert(0) += 1;
            }
        }
        window.unreported = stored.unreported.min(stored.times.len());
        window.times = stored.times.into();
        window.evicted = stored.evicted;
        while window.times.len() > limits.entries {
            window.pop();
        }
        window
    }
}

/// A window in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredWindow {
    times: Vec<i64>,
    values: Option<Vec<u64>>,
    unreported: usize,
    evicted: u64,
}
