//! Who is told what, and when. A pure state machine: time is handed in, the state comes from the ledger's entries.
//!
//! - One mail when an alert opens; another only when its events became ten times as many or its level rose.
//! - A recipient gets at most so many mails an hour; what is beyond is held back and told in a digest. Critical alerts
//!   may use the limit once more, so that a flood of small ones does not hide them.
//! - In quiet hours what is not critical waits for a digest; outside their hours recipients are not told at all, and a digest waits.
//! - An alert that was closed and shows more than was seen then is told again, once for each closing; what holds for others holds for it.
//! - What nobody acknowledged is told under the same limits to those who are there for it, whatever their least level, again when it was opened again.
//! - Alerts whose last event is too old are told in one backlog summary. If such an alert goes on, it is told as new.
//!
//! Whatever was decided is remembered at once, whatever was done is in the ledger; after a restart the alerts from
//! the committed offset on meet the rebuilt state and lead to what is still to be done, under the same keys.

mod hours;
mod reader;
#[cfg(test)]
mod tests;
mod told;

use uuid::Uuid;

use super::mail::{BundleKind, Line};
use super::{Entry, Key, Outcomes, RecipientKey, Stage};
use crate::alert::Alert;
use crate::config::{Locale, MinimumLevel};
use crate::event::Timestamp;
use crate::triage::{Closing, Reopened, Unacknowledged};
pub use hours::Hours;
use reader::ReaderState;

/// Ids of summaries and daily mails are UUID v5 in this namespace.
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x8d2e_6c1b_5f0a_4e7c_9b3d_1a6f_c4e8_7025);

/// The limits that hold for all recipients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// An alert whose last event is older than this is backlog, in microseconds.
    pub max_age: i64,
    /// Mails an hour and recipient.
    pub hourly: usize,
    /// A digest goes out at most once in this time, in microseconds.
    pub digest: i64,
    /// Alerts remembered a recipient.
    pub remembered: usize,
}

/// Who gets mail, without the address.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Stands for the address.
    pub key: RecipientKey,
    /// Language.
    pub locale: Locale,
    /// Least level.
    pub minimum: MinimumLevel,
    /// Only these families; empty: all.
    pub families: Vec<String>,
    /// Only alerts with one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Only alerts that touch one of these integrations; empty: all.
    pub integrations: Vec<String>,
    /// Only in these hours.
    pub hours: Option<Hours>,
    /// In these hours only critical alerts are mailed one by one.
    pub quiet: Option<Hours>,
    /// Mails an hour, where it is not as for all.
    pub hourly: Option<usize>,
}

/// What is to be done about one alert and one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Mail it.
    Mail {
        /// Index of the recipient.
        reader: usize,
        /// The occasion.
        stage: Stage,
    },
    /// Write this entry; a summary will tell of it.
    Hold(Entry),
}

/// A summary that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Index of the recipient.
    pub reader: usize,
    /// Its own id.
    pub id: Uuid,
    /// Digest or backlog.
    pub kind: BundleKind,
    /// Alerts in it; one that was held back twice is one.
    pub total: u64,
    /// The worst of them, worst first, at most ten.
    pub worst: Vec<Line>,
    /// Which alerts these are, in the same order.
    pub whose: Vec<Uuid>,
    /// When the first was held.
    pub since: Timestamp,
    /// When the last was held.
    pub latest: Timestamp,
}

/// The state machine.
#[derive(Debug)]
pub struct Policy {
    limits: Limits,
    readers: Vec<ReaderState>,
}

impl Policy {
    /// A policy that knows of nothing yet.
    #[must_use]
    pub fn new(limits: Limits, readers: Vec<Reader>) -> Self {
        let readers = readers.into_iter().map(ReaderState::new).collect();
        Policy { limits, readers }
    }

    /// The recipients, in the order of their indices.
    pub fn readers(&self) -> impl Iterator<Item = &Reader> {
        self.readers.iter().map(|state| &state.reader)
    }

    /// Takes an entry of the ledger in, oldest first. Entries of recipients that are no more are passed over.
    pub fn restore(&mut self, entry: &Entry, outcomes: &Outcomes) {
        let limits = self.limits;
        let found = self
            .readers
            .iter_mut()
            .enumerate()
            .find(|(_, state)| state.reader.key == entry.key.recipient);
        if let Some((index, state)) = found {
            state.restore(index, entry, &limits, outcomes);
        }
    }

    /// What is to be said of an alert now.
    pub fn decide(&mut self, alert: &Alert, now: Timestamp, outcomes: &Outcomes) -> Vec<Decision> {
        let limits = self.limits;
        self.readers
            .iter_mut()
            .enumerate()
            .filter_map(|(index, state)| state.decide(index, alert, now, &limits, outcomes))
            .collect()
    }

    /// What is to be said now of an alert that was closed and shows more since: that it was reopened, of this closing once, or what would be said of any other.
    pub fn decide_reopened(
        &mut self,
        alert: &Alert,
        closing: &Closing,
        now: Timestamp,
        outcomes: &Outcomes,
    ) -> Vec<Decision> {
        let limits = self.limits;
        let readers = self.readers.iter_mut().enumerate();
        let decided = readers.filter_map(|(index, state)| {
            let reopened = state.reopen(index, (alert, closing), now, &limits, outcomes);
            reopened.or_else(|| state.decide(index, alert, now, &limits, outcomes))
        });
        decided.collect()
    }

    /// To whom it is still to be said that such an alert was reopened.
    pub fn reopen(
        &mut self,
        reopened: &Reopened,
        now: Timestamp,
        outcomes: &Outcomes,
    ) -> Vec<Decision> {
        let limits = self.limits;
        let news = (&reopened.alert, &reopened.closing);
        let readers = self.readers.iter_mut().enumerate();
        readers
            .filter_map(|(index, state)| state.reopen(index, news, now, &limits, outcomes))
            .collect()
    }

    /// The summaries that are due; they are handed out once.
    pub fn due(&mut self, now: Timestamp) -> Vec<Bundle> {
        let interval = self.limits.digest;
        self.readers
            .iter_mut()
            .flat_map(|state| state.due(now, interval))
            .collect()
    }

    /// All summaries, due or not; they are handed out once.
    pub fn flush(&mut self) -> Vec<Bundle> {
        self.readers
            .iter_mut()
            .flat_map(ReaderState::flush)
            .collect()
    }

    /// What is to be said to a recipient of an alert that nobody acknowledged; once since it began or was opened again.
    pub fn escalate(
        &mut self,
        reader: usize,
        alert: &Unacknowledged,
        now: Timestamp,
        outcomes: &Outcomes,
    ) -> Option<Decision> {
        let limits = self.limits;
        let state = self.readers.get_mut(reader)?;
        state.escalate(reader, alert, now, &limits, outcomes)
    }

    /// The mails to a recipient that one about an alert goes on from: the first about `root`, the first about the alert itself, and the one before. Only what was mailed one
    /// by one: of a digest nobody knows which line is meant.
    #[must_use]
    pub fn answers(
        &self,
        reader: usize,
        alert: Uuid,
        stage: Stage,
        root: Option<Uuid>,
    ) -> Vec<Key> {
        let state = self.readers.get(reader);
        state.map_or_else(Vec::new, |state| state.answers(alert, stage, root))
    }

    /// Whether a reminder of an incident is still to be told to a recipient; remembered as decided.
    pub fn take_reminder(&mut self, reader: usize, id: Uuid) -> bool {
        let state = self.readers.get_mut(reader);
        state.is_some_and(|state| state.take_reminder(id))
    }

    /// Whether the daily mail of this id is still to be sent to a recipient; remembered as decided.
    pub fn take_daily(&mut self, reader: usize, id: Uuid) -> bool {
        self.readers
            .get_mut(reader)
            .is_some_and(|state| state.daily.replace(id) != Some(id))
    }
}
