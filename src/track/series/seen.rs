//! What a block of events shows of watched numbers.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use foldhash::fast::FixedState;

use super::spec::{SeriesSpec, Sums};
use crate::event::Event;
use crate::track::Turn;
use crate::track::matching::bounded;

/// Microseconds of a minute.
pub(super) const MINUTE_US: i64 = 60_000_000;

/// What one block adds to one value of one series.
#[derive(Clone, Debug)]
pub struct Addend {
    pub(crate) integration: CompactString,
    /// Index of what is watched.
    pub(super) spec: u32,
    /// Which value: its minutes since the epoch over the minutes of a value.
    pub(super) slot: u32,
    pub(super) sums: Sums,
}

/// Takes events one by one. Where nothing is watched it costs nothing.
#[derive(Debug, Default)]
pub(crate) struct AddendBuilder {
    specs: Arc<[SeriesSpec]>,
    addends: Vec<Addend>,
    /// What is watched of each integration: which, and where the newest addend of it stands.
    of: HashMap<CompactString, Vec<(u32, Option<usize>)>, FixedState>,
}

impl AddendBuilder {
    pub(crate) fn new(specs: Arc<[SeriesSpec]>) -> Self {
        AddendBuilder {
            specs,
            ..AddendBuilder::default()
        }
    }

    /// Takes an event in its turn. What came late would fall into a value that is over.
    pub(crate) fn take(&mut self, event: &Event<'_>, turn: Turn) {
        if self.specs.is_empty() || turn.late {
            return;
        }
        let (Some(integration), Ok(minute)) = (
            event.integration.as_deref(),
            u32::try_from(turn.due.micros().div_euclid(MINUTE_US)),
        ) else {
            return;
        };
        let integration = &*bounded(integration);
        if !self.of.contains_key(integration) {
            let watched = (0..).zip(&*self.specs);
            let watched = watched.filter(|(_, spec)| spec.is_of_integration(integration));
            let none = watched.map(|(at, _)| (at, None)).collect();
            self.of.insert(integration.into(), none);
        }
        let Some(watched) = self.of.get_mut(integration) else {
            return;
        };
        for (index, newest) in watched {
            let spec = &self.specs[*index as usize];
            let Some(sums) = spec.take(event) else {
                continue;
            };
            let slot = minute / spec.minutes;
            let known = newest.map(|at| &mut self.addends[at]);
            if let Some(known) = known.filter(|known| known.slot == slot) {
                known.sums.join(sums);
                continue;
            }
            *newest = Some(self.addends.len());
            self.addends.push(Addend {
                integration: integration.into(),
                spec: *index,
                slot,
                sums,
            });
        }
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.addends.len() * size_of::<Addend>()
    }

    /// What was seen; from here on a new block.
    pub(crate) fn finish(&mut self) -> Vec<Addend> {
        self.of.clear();
        std::mem::take(&mut self.addends)
    }
}
