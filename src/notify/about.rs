//! What a letter is about, and what is known around it when it is written.

use uuid::Uuid;

use super::mail::Drawn;
use super::{Key, Stage};
use crate::alert::Kin;
use crate::sigma::Level;
use crate::triage::Closing;

/// What a letter is about, for its key and its entry.
pub(super) struct About {
    pub(super) subject: Uuid,
    pub(super) stage: Stage,
    pub(super) count: u64,
    pub(super) level: Level,
    /// The letters that it goes on from.
    pub(super) answers: Vec<Key>,
}

/// What is known around an alert when its mails are written.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) course: Option<&'k Drawn>,
    pub(super) kin: &'k Kin,
    pub(super) closing: Option<Closing>,
}

impl About {
    /// A letter that is not about one alert.
    pub(super) fn besides(subject: Uuid, stage: Stage) -> Self {
        About {
            subject,
            stage,
            count: 0,
            level: Level::Informational,
            answers: Vec::new(),
        }
    }
}
