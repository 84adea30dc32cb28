//! What a shard tells of itself: how far it is, what it knows, what it gave up.

use std::collections::BTreeMap;

use super::queue::Queue;
use super::sources::Progress;
use super::{Fit, Learned, Shard, TrackCounts};
use crate::event::Timestamp;

impl Shard {
    /// Every event whose turn comes before this instant has been taken.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// How far each partition was applied.
    #[must_use]
    pub fn progress(&self) -> &BTreeMap<i32, Progress> {
        self.sources.progress()
    }

    /// What it did and gave up so far.
    #[must_use]
    pub fn counts(&self) -> &TrackCounts {
        &self.counts
    }

    /// Matches that wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(Queue::len).sum()
    }

    /// Clients whose baseline is kept.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.baseline.clients()
    }

    /// Entities whose behaviour is known, of each integration.
    #[must_use]
    pub fn behaving(&self) -> usize {
        self.behaviour.entities()
    }

    /// Whether the calibration of behaviour still fits.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.behaviour.fit()
    }

    /// Of each like whose behaviour is still being learned, so that nothing is told of it: until when.
    pub fn learning(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.behaviour.learning()
    }

    /// What is known of behaviour now, for a model.
    #[must_use]
    pub fn learned(&self) -> Learned {
        self.behaviour.learned()
    }

    /// Gateways and operations that are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watch.names()
    }

    /// Series of watched numbers.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// Whether anything but offsets and watermark changed since the last snapshot.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }
}
