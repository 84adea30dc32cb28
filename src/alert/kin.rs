//! What is known around an alert: its course, and other alerts of the same callers.

use uuid::Uuid;

use super::{Alert, Series};

/// Other alerts, within a day, that are about a caller of an alert or show the caller that it is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kin {
    /// The oldest of them, oldest first.
    pub alerts: Vec<Alert>,
    /// How many there are beside these.
    pub more: u64,
}

impl Kin {
    /// The oldest, where it is older than the alert: what is told of the alert goes on from there.
    #[must_use]
    pub fn root(&self, of: &Alert) -> Option<Uuid> {
        let oldest = self.alerts.first()?;
        ((oldest.first, oldest.id) < (of.first, of.id)).then_some(oldest.id)
    }
}

/// What is known around an alert; nothing where it could not be had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Background {
    /// Its course; `None` where a count says nothing of it.
    pub series: Option<Series>,
    /// Others of the same callers.
    pub kin: Kin,
}
