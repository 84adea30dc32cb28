//! What one recipient knows of one alert, and what would be news to them.

use uuid::Uuid;

use crate::alert::Alert;
use crate::event::Timestamp;
use crate::notify::Stage;
use crate::sigma::Level;

/// Events must be so many times as many for another mail.
const STEP: u64 = 10;

/// What a recipient knows of an alert.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Stages told: 1 is `opened`.
    pub(super) stages: u32,
    pub(super) count: u64,
    pub(super) level: Option<Level>,
    pub(super) backlog: bool,
    /// How often it was escalated, and when last.
    pub(super) escalated: u32,
    pub(super) escalated_at: Option<Timestamp>,
    /// The newest closing after which it was told that it was reopened.
    pub(super) reopened: Option<Timestamp>,
    /// The summary that tells of it next, or did last.
    pub(super) bundle: Option<Uuid>,
    pub(super) mails: Mails,
}

/// The mails of their own that a recipient got about an alert.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mails {
    pub(super) first: Option<Stage>,
    pub(super) before: Option<Stage>,
    pub(super) last: Option<Stage>,
}

impl Told {
    /// Takes in that so much was told, by mail or in a summary.
    pub(super) fn take(&mut self, stage: Stage, at: Timestamp, count: u64, level: Level) {
        match stage {
            Stage::Opened => self.stages = self.stages.max(1),
            Stage::Grown(number) => self.stages = self.stages.max(number.saturating_add(1)),
            Stage::Escalated(number) => {
                self.escalated = self.escalated.max(number.saturating_add(1));
                self.escalated_at = self.escalated_at.max(Some(at));
                return;
            }
            Stage::Reopened(closed) => {
                self.reopened = self.reopened.max(Some(closed));
                self.stages = self.stages.max(1);
            }
            _ => {
                self.backlog = true;
                return;
            }
        }
        self.count = self.count.max(count);
        self.level = self.level.max(Some(level));
    }

    /// What is to be said of an alert next; `None` where that is nothing.
    pub(super) fn next_stage(&self, alert: &Alert, old: bool) -> Option<Stage> {
        if old {
            // Too old for a mail of its own; one line in one summary is enough, and none if it was told when it was fresh.
            return (!self.backlog && self.stages == 0).then_some(Stage::Backlog);
        }
        if self.stages == 0 {
            return Some(Stage::Opened);
        }
        let grown = alert.count >= self.count.max(1).saturating_mul(STEP);
        let risen = Some(alert.rule.level) > self.level;
        (grown || risen).then_some(Stage::Grown(self.stages))
    }
}

impl Mails {
    pub(super) fn push(&mut self, stage: Stage) {
        self.first.get_or_insert(stage);
        self.before = self.last;
        self.last = Some(stage);
    }
}
