//! Matches that wait for their turn.
//!
//! What orders them stands apart from what they carry: a heap moves a few words about, and the rest stays where it was put.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

use super::Plan;
use super::split::{Target, Turn, Waiting};
use crate::event::Timestamp;

/// Matches of one level: 0 for rules and correlations of rules.
pub(super) struct Queue {
    order: BinaryHeap<Reverse<Place>>,
    held: Slab<Waiting>,
    arrivals: u64,
    /// Every turn before was taken.
    pub(super) released: Timestamp,
}

/// Where a match stands in the order. Of one turn, whatever came first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    turn: Turn,
    arrival: u64,
    slot: usize,
}

impl Queue {
    /// An empty queue of which every turn before `released` was taken.
    pub(super) fn new(released: Timestamp) -> Self {
        Queue {
            order: BinaryHeap::new(),
            held: Slab::new(),
            arrivals: 0,
            released,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn push(&mut self, turn: Turn, waiting: Waiting) {
        self.arrivals += 1;
        let place = Place {
            turn,
            arrival: self.arrivals,
            slot: self.held.insert(waiting),
        };
        self.order.push(Reverse(place));
    }

    /// When the first one is due.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.order.peek().map(|Reverse(place)| place.turn.due)
    }

    /// Takes out the first one. Several rules of one correlation that match an event come as one event of it.
    pub(super) fn pop(&mut self, plan: &Plan) -> Option<(Turn, Waiting)> {
        let (turn, mut waiting) = self.pop_one()?;
        if let Target::Group { correlation, .. } = turn.target {
            let kind = &plan.correlations[correlation as usize].kind;
            while self.order.peek().is_some_and(|next| next.0.turn == turn) {
                if let Some((_, other)) = self.pop_one() {
                    waiting.join(&other, kind);
                }
            }
        }
        Some((turn, waiting))
    }

    fn pop_one(&mut self) -> Option<(Turn, Waiting)> {
        let Reverse(place) = self.order.pop()?;
        Some((place.turn, self.held.remove(place.slot)))
    }

    /// Everything in it, in order.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&Turn, &Waiting)> {
        let mut places: Vec<&Place> = self.order.iter().map(|Reverse(place)| place).collect();
        places.sort_unstable();
        places
            .into_iter()
            .map(|place| (&place.turn, &self.held[place.slot]))
    }

    /// Everything in it, in order.
    pub(super) fn into_sorted(mut self) -> impl Iterator<Item = (Turn, Waiting)> {
        std::iter::from_fn(move || self.pop_one())
    }
}
