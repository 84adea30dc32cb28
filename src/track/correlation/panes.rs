//! A window with more events than are kept one by one: sums over short spans of time.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::track::sketch::Sketch;

/// Spans that a window is cut into: what leaves it leaves a span at a time.
const PANES: i64 = 32;

/// The sums of a window. What it says of the last timespan may lack the oldest 32nd part of it, never more.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Panes {
    /// Microseconds of a pane.
    width: i64,
    spans: VecDeque<Pane>,
    /// Distinct values of all panes, where they are counted.
    distinct: Option<Sketch>,
    events: u64,
    sum: u128,
    newest: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Pane {
    begin: i64,
    events: u64,
    sum: u128,
    distinct: Option<Sketch>,
}

impl Panes {
    pub(super) fn new(timespan_us: i64, counts_distinct: bool) -> Self {
        Panes {
            width: (timespan_us / PANES).max(1),
            spans: VecDeque::new(),
            distinct: counts_distinct.then(Sketch::new),
            events: 0,
            sum: 0,
            newest: i64::MIN,
        }
    }

    /// Adds an event that is not older than any before, and drops the panes that are not whole in the window any more.
    pub(super) fn push(&mut self, time: i64, value: u64, timespan_us: i64) {
        self.newest = time;
        let begin = time - time.rem_euclid(self.width);
        if self.spans.back().is_none_or(|pane| pane.begin != begin) {
            self.spans.push_back(Pane {
                begin,
                events: 0,
                sum: 0,
                distinct: self.distinct.is_some().then(Sketch::new),
            });
        }
        if let Some(pane) = self.spans.back_mut() {
            pane.events += 1;
            pane.sum += u128::from(value);
            if let Some(distinct) = &mut pane.distinct {
                distinct.add(value);
            }
        }
        self.events += 1;
        self.sum += u128::from(value);
        if let Some(distinct) = &mut self.distinct {
            distinct.add(value);
        }
        self.drop_before(time.saturating_sub(timespan_us));
    }

    fn drop_before(&mut self, begin: i64) {
        let mut dropped = false;
        while let Some(pane) = self.spans.front()
            && pane.begin <= begin
        {
            self.events -= pane.events;
            self.sum -= pane.sum;
            self.spans.pop_front();
            dropped = true;
        }
        if let Some(distinct) = self.distinct.as_mut().filter(|_| dropped) {
            *distinct = Sketch::new();
            for pane in self.spans.iter().filter_map(|pane| pane.distinct.as_ref()) {
                distinct.join(pane);
            }
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let sketches = self.spans.iter().filter(|pane| pane.distinct.is_some());
        self.spans.capacity() * size_of::<Pane>() + (sketches.count() + 1) * Sketch::bytes()
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// About how many distinct values there are.
    pub(super) fn distinct(&self) -> f64 {
        self.distinct
            .as_ref()
            .map_or(0.0, |distinct| distinct.estimate().round())
    }

    pub(super) fn oldest(&self) -> i64 {
        self.spans.front().map_or(i64::MIN, |pane| pane.begin)
    }

    pub(super) fn newest(&self) -> i64 {
        self.newest
    }
}
