//! Labels: what was planted, for whoever judges the alerts.

use serde::{Deserialize, Serialize};

use super::{Difficulty, LabelEntity};
use crate::event::Timestamp;

/// One planted scenario. A labels file has one a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Name of the scenario.
    pub name: String,
    /// `false` for a harmless twin.
    pub attack: bool,
    /// How hard an attack is to see; a twin has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<Difficulty>,
    /// Whether statistics have to find it with all rules off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub statistical: bool,
    /// The attack that a twin equals but for its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin_of: Option<String>,
    /// Id of the requirement: `sec-07`.
    pub requirement: String,
    /// Whom an alert must name.
    pub entity: LabelEntity,
    /// Who else takes part: an alert that names one of them is about this scenario too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<LabelEntity>,
    /// Rule families that may find it; empty for any.
    #[serde(default)]
    pub families: Vec<String>,
    /// Event time of its first event.
    pub first: Timestamp,
    /// Event time of its last event.
    pub last: Timestamp,
    /// How many events were planted.
    pub events: u64,
    /// Wall-clock time at which its first event was sent; absent when nobody watched the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_first: Option<Timestamp>,
}

impl Label {
    /// Notes one more event of it.
    pub(super) fn note(&mut self, time: Timestamp) {
        if self.events == 0 {
            (self.first, self.last) = (time, time);
        }
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.events += 1;
    }
}
