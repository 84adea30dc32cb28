//! Hours of entities that teach nothing, since a person said that what was found there is so: what an attacker did is not to be usual.

use std::collections::{BTreeMap, BTreeSet};

use super::conduct::{Conduct, Who};
use super::sums::HOUR_US;
use crate::event::Timestamp;
use crate::track::{Entity, Pile};

/// Hours of entities that are left out, and which of them were met.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// First and last hour of each stretch.
    stretches: BTreeMap<Who, Vec<(u32, u32)>>,
    met: BTreeSet<(Who, u32)>,
}

impl LeftOut {
    /// Leaves out what an entity did from the hour of `first` to that of `last`, among whomever.
    pub fn add(&mut self, entity: Entity, first: Timestamp, last: Timestamp) {
        let hour = |time: Timestamp| u32::try_from(time.micros().div_euclid(HOUR_US)).unwrap_or(0);
        let Entity { kind, value } = entity;
        let stretches = self.stretches.entry(Who { kind, value }).or_default();
        stretches.push((hour(first), hour(last)));
    }

    /// Takes what is left out of what a block showed.
    pub(crate) fn take_from(&mut self, conducts: &mut Pile<Conduct>) {
        if self.stretches.is_empty() {
            return;
        }
        let (stretches, met) = (&self.stretches, &mut self.met);
        conducts.retain_mut(|Conduct { who, hour, .. }| {
            let mut of_it = stretches.get(who).into_iter().flatten();
            let is_left_out = of_it.any(|(first, last)| (*first..=*last).contains(hour));
            if is_left_out {
                met.insert((who.clone(), *hour));
            }
            !is_left_out
        });
    }

    /// How many hours of entities were met and left out.
    #[must_use]
    pub fn met(&self) -> usize {
        self.met.len()
    }
}
