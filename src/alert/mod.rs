//! Alert: findings of one rule family and entity, merged, for a person.

mod callers;
mod kin;
mod links;
mod merge;
pub mod ocsf;
pub mod own;
mod picks;
#[cfg(test)]
pub(crate) mod samples;
mod series;
mod severity;

pub use callers::Caller;
pub use kin::{Background, Kin};
pub use links::{APART_US, Link, Linkable, Linker, MOST_ALERTS};
pub use merge::Merger;
#[cfg(test)]
pub(crate) use picks::literal;
pub(crate) use picks::{condition, instant, picks};
pub(crate) use series::Course;
pub use series::{Counted, Series};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Timestamp;
use crate::sigma::RuleMeta;
use crate::track::{Entity, Evidence, Feature, Note, Reason, notes_or_words};

/// Findings of one rule family and entity (weighed within one place), merged. A later revision replaces an earlier one of the same id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// UUID v5 of (rule family, entity, bucket of the first finding, and within what the entity was weighed).
    pub id: Uuid,
    /// Grows with every finding merged; a replay gives the same revisions again.
    pub revision: u64,
    /// The rule with the highest level among the findings; its words are the alert's.
    pub rule: RuleMeta,
    /// Whether its rules are on trial: it is stored, and nobody is told.
    #[serde(default)]
    pub shadow: bool,
    /// Ids of all rules whose findings were merged, in order of first firing.
    pub rules: Vec<Uuid>,
    /// Whom it is about.
    pub entity: Entity,
    /// First event.
    pub first: Timestamp,
    /// Newest event.
    pub last: Timestamp,
    /// Events behind it.
    pub count: u64,
    /// Findings merged.
    pub findings: u64,
    /// Why the alert's rule fired first.
    pub reason: Reason,
    /// Sample events, oldest first, at most ten.
    pub evidence: Vec<Evidence>,
    /// What was approximated or lost, in words.
    #[serde(deserialize_with = "notes_or_words")]
    pub notes: Vec<Note>,
}

impl Alert {
    /// The features that stand out, where statistics raised it.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        match &self.reason {
            Reason::Baseline { features, .. } => features,
            _ => &[],
        }
    }

    /// Notes that none of its features says already.
    pub fn other_notes(&self) -> impl Iterator<Item = &Note> {
        let features = self.features();
        let notes = self.notes.iter();
        notes.filter(move |note| !matches!(note, Note::Feature(it) if features.contains(it)))
    }
}
