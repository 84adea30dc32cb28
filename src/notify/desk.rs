//! The notifier itself, wherever its alerts come from and its ledger lies: policy, letters, sending.

use std::sync::Arc;

use tokio::task::{JoinSet, spawn_blocking};
use tracing::{info, warn};

use super::about::{About, Known};
use super::mail::{
    Bulletin, BundleKind, Drawn, Mail, render, render_bundle, render_daily, render_incident,
};
use super::outbox::{Landing, Outbox};
use super::policy::{Bundle, Decision, Policy};
use super::settings::Settings;
use super::transport::Transport;
use super::{Entry, Extras, Key, NotifyError, Outcomes, SendError, Stage, State, daily};
use crate::alert::{Alert, Background, Kin};
use crate::config;
use crate::event::Timestamp;
use crate::incident::{Incident, Reminder};
use crate::triage::{self, Closing, Unacknowledged, Untold};

/// Decides, writes and sends. The caller feeds it alerts and time, writes the entries that it hands out to the ledger
/// and tells it when they are acknowledged.
pub(crate) struct Desk {
    settings: Arc<Settings>,
    transport: Arc<Transport>,
    outcomes: Arc<Outcomes>,
    policy: Policy,
    outbox: Outbox,
    extras: Extras,
    flying: JoinSet<(u64, Result<(), SendError>)>,
}

/// A letter that is over: `entry` goes to the ledger, then `number` to [`Desk::acknowledged`].
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) number: u64,
    pub(crate) entry: Entry,
}

/// What was decided about an alert.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// Must be in the ledger before the offset may be committed.
    pub(crate) held: Vec<Entry>,
    /// Mails to be written with [`Desk::write`]: to which reader, about what.
    mails: Vec<(usize, Stage)>,
    /// How the alert had been closed, where it shows more since.
    closing: Option<Closing>,
}

/// What a desk is made of; checked and read once, shared by every desk of a process.
#[derive(Clone)]
pub(crate) struct Office {
    settings: Arc<Settings>,
    transport: Arc<Transport>,
    extras: Extras,
    pub(crate) outcomes: Arc<Outcomes>,
}

impl Office {
    /// What mails have beyond their words is in `extras`.
    pub(crate) fn new(
        mail: &config::Mail,
        extras: Extras,
        outcomes: Arc<Outcomes>,
    ) -> Result<Self, NotifyError> {
        Ok(Office {
            extras,
            settings: Arc::new(Settings::new(mail)?),
            transport: Arc::new(Transport::new(&mail.directory, &mail.smtp)?),
            outcomes,
        })
    }

    /// A desk that knows nothing yet; give it the ledger's entries, oldest first.
    pub(crate) fn open(&self) -> Desk {
        Desk {
            policy: Policy::new(self.settings.limits, self.settings.readers.clone()),
            outbox: Outbox::new(self.settings.give_up),
            settings: Arc::clone(&self.settings),
            transport: Arc::clone(&self.transport),
            outcomes: Arc::clone(&self.outcomes),
            extras: self.extras.clone(),
            flying: JoinSet::new(),
        }
    }
}

impl Desk {
    /// Takes an entry of the ledger in.
    pub(crate) fn restore(&mut self, entry: &Entry) {
        self.policy.restore(entry, &self.outcomes);
    }

    /// Decides about an alert; what people decided of it before stands in `known`.
    pub(crate) fn decide(
        &mut self,
        alert: &Alert,
        known: &triage::Decided,
        now: Timestamp,
    ) -> Decided {
        self.outcomes.alerts.count();
        match known.untold(alert) {
            Some(Untold::Closed) => {
                self.outcomes.closed.count();
                return Decided::default();
            }
            Some(Untold::Narrowed(narrowing)) => {
                self.outcomes.narrowed.count();
                info!(alert = %alert.id, since = %narrowing.alert, "nobody is told: the like was called false");
                return Decided::default();
            }
            None => {}
        }
        let closing = known.reopened(alert).copied();
        let decisions = match &closing {
            Some(closing) => {
                let policy = &mut self.policy;
                policy.decide_reopened(alert, closing, now, &self.outcomes)
            }
            None => self.policy.decide(alert, now, &self.outcomes),
        };
        let mut decided = Decided {
            closing,
            ..Decided::default()
        };
        for decision in decisions {
            match decision {
                Decision::Hold(entry) => decided.held.push(entry),
                Decision::Mail { reader, stage } => decided.mails.push((reader, stage)),
            }
        }
        decided
    }

    /// Puts the mails about an alert into the outbox, with its picture if that is there within two seconds.
    pub(crate) async fn write(
        &mut self,
        alert: &Alert,
        decided: &Decided,
        offset: i64,
        now: Timestamp,
    ) {
        if decided.mails.is_empty() {
            return;
        }
        let Background { series, kin } = match &mut self.extras.backgrounds {
            Some(backgrounds) => backgrounds.of(alert, now, &self.outcomes).await,
            None => Background::default(),
        };
        let drawn = match series {
            // Drawing does not panic; were it to, the mail would go without.
            Some(series) => spawn_blocking(move || Drawn::of(series)).await.ok(),
            None => None,
        };
        for (reader, stage) in &decided.mails {
            let known = Known {
                course: drawn.as_ref(),
                kin: &kin,
                closing: decided.closing,
            };
            self.post_alert(alert, known, (*reader, *stage), Some(offset), now);
        }
    }

    fn post_alert(
        &mut self,
        alert: &Alert,
        known: Known<'_>,
        (reader, stage): (usize, Stage),
        offset: Option<i64>,
        now: Timestamp,
    ) {
        let locale = self.settings.readers[reader].locale;
        let mut context = self.settings.context.clone();
        context.kin = known.kin.clone();
        context.written = Some(now);
        // What an alert that was told as reopened goes on with is told as of any other.
        if matches!(stage, Stage::Reopened(_)) {
            context.closing = known.closing;
        }
        if let Some(links) = &self.extras.links {
            let address = self.settings.addresses[reader].to_string();
            context.acknowledge = links.acknowledge(&context.console_url, alert, &address);
        }
        let mail = render(alert, known.course, stage, locale, &context);
        let about = About {
            subject: alert.id,
            stage,
            count: alert.count,
            level: alert.rule.level,
            answers: self
                .policy
                .answers(reader, alert.id, stage, known.kin.root(alert)),
        };
        self.post(reader, &about, &mail, offset, now);
    }

    /// Puts what is due by the clock into the outbox: summaries, what was reopened, what nobody acknowledged, reminders of incidents, the daily mail. What is held back for a summary is to be
    /// written to the ledger.
    pub(crate) fn tick(&mut self, bulletin: &Bulletin, now: Timestamp) -> Vec<Entry> {
        for bundle in self.policy.due(now) {
            self.post_bundle(&bundle, now);
        }
        self.remind(&bulletin.incidents, now);
        let mut held = self.reopen(bulletin, now);
        held.extend(self.escalate(&bulletin.unacknowledged, now));
        self.post_daily(bulletin, now);
        held
    }

    fn post_daily(&mut self, bulletin: &Bulletin, now: Timestamp) {
        let due = self
            .settings
            .daily_at
            .and_then(|at| daily::due(&self.settings.context.zone, at, now));
        let (Some(id), Some(counts)) = (due, &bulletin.daily) else {
            return;
        };
        if !daily::is_fresh(counts, now) {
            return;
        }
        let settings = Arc::clone(&self.settings);
        for &reader in &settings.daily {
            if self.policy.take_daily(reader, id) {
                let mail = render_daily(counts, settings.readers[reader].locale, &settings.context);
                self.post(reader, &About::besides(id, Stage::Daily), &mail, None, now);
            }
        }
    }

    /// Tells of alerts that were reopened what their revisions did not: one may have come before the closing was known, or outside the hours of a reader. What of it waits for
    /// a summary.
    fn reopen(&mut self, bulletin: &Bulletin, now: Timestamp) -> Vec<Entry> {
        let closed = &bulletin.decided.closed;
        let mut held = Vec::new();
        for reopened in &bulletin.reopened {
            // It was looked up some seconds ago: somebody may be at work on it by now.
            if closed.get(&reopened.alert.id) != Some(&reopened.closing) {
                continue;
            }
            let known = Known {
                course: None,
                kin: &Kin::default(),
                closing: Some(reopened.closing),
            };
            for decision in self.policy.reopen(reopened, now, &self.outcomes) {
                match decision {
                    Decision::Mail { reader, stage } => {
                        self.post_alert(&reopened.alert, known, (reader, stage), None, now);
                    }
                    Decision::Hold(entry) => held.push(entry),
                }
            }
        }
        held
    }

    /// Tells those who are there for it of alerts that nobody acknowledged; what of it waits for a summary.
    fn escalate(&mut self, alerts: &[Unacknowledged], now: Timestamp) -> Vec<Entry> {
        let settings = Arc::clone(&self.settings);
        let nothing = Known {
            course: None,
            kin: &Kin::default(),
            closing: None,
        };
        let mut held = Vec::new();
        for waiting in alerts {
            for &reader in &settings.escalation {
                match self.policy.escalate(reader, waiting, now, &self.outcomes) {
                    Some(Decision::Mail { reader, stage }) => {
                        self.post_alert(&waiting.alert, nothing, (reader, stage), None, now);
                    }
                    Some(Decision::Hold(entry)) => held.push(entry),
                    None => {}
                }
            }
        }
        held
    }

    fn remind(&mut self, incidents: &[Incident], now: Timestamp) {
        let settings = Arc::clone(&self.settings);
        let due: Vec<(&Incident, Reminder)> = incidents
            .iter()
            .flat_map(|incident| {
                let reminders = incident.reminders(now).into_iter();
                reminders.map(move |reminder| (incident, reminder))
            })
            .collect();
        // While the server is away hours pass, duties are done and incidents closed.
        self.outbox.withdraw(|entry| {
            entry.key.stage == Stage::Incident
                && due
                    .iter()
                    .all(|(_, reminder)| reminder.id != entry.key.subject)
        });
        for (incident, reminder) in due {
            for &reader in &settings.incidents {
                if self.policy.take_reminder(reader, reminder.id) {
                    let locale = settings.readers[reader].locale;
                    let mail = render_incident(incident, reminder, now, locale, &settings.context);
                    let about = About::besides(reminder.id, Stage::Incident);
                    self.post(reader, &about, &mail, None, now);
                }
            }
        }
    }

    /// Puts all summaries into the outbox, due or not: nothing more will come.
    pub(crate) fn flush(&mut self, now: Timestamp) {
        for bundle in self.policy.flush() {
            self.post_bundle(&bundle, now);
        }
    }

    /// Starts the next letter that may go. One at a time: until its entry is in the ledger no other is sent, or a kill
    /// could repeat more than one.
    pub(crate) fn launch(&mut self, now: Timestamp) {
        if !self.flying.is_empty() {
            return;
        }
        if let Some((number, letter)) = self.outbox.take(now) {
            let transport = Arc::clone(&self.transport);
            self.flying
                .spawn(async move { (number, transport.send(&letter).await) });
        }
    }

    /// Waits for a letter on its way; `None` at once when there is none. Safe to drop while it waits.
    pub(crate) async fn landed(&mut self) -> Option<(u64, Result<(), SendError>)> {
        match self.flying.join_next().await? {
            Ok(landed) => Some(landed),
            Err(error) => {
                // Sending does not panic and is never aborted; were it to, the letter stays and is not sent again blindly.
                warn!(%error, "a letter was lost on its way");
                None
            }
        }
    }

    /// Takes in what became of a letter.
    pub(crate) fn settle(
        &mut self,
        number: u64,
        result: &Result<(), SendError>,
        now: Timestamp,
    ) -> Option<Finished> {
        self.count(result);
        let Landing::Over(entry) = self.outbox.landed(number, result, now)? else {
            return None;
        };
        match entry.state {
            State::Sent => {
                self.outcomes.sent.count();
                if matches!(entry.key.stage, Stage::Digest | Stage::Backlog) {
                    self.outcomes.summaries.count();
                }
                info!(alert = %entry.key.subject, stage = %entry.key.stage, recipient = %entry.key.recipient, "mail sent");
            }
            State::Refused { code } => {
                self.outcomes.refused.count();
                warn!(alert = %entry.key.subject, stage = %entry.key.stage, recipient = %entry.key.recipient, code, "mail refused for good");
            }
            State::GivenUp | State::Held { .. } => {
                self.outcomes.given_up.count();
                warn!(alert = %entry.key.subject, stage = %entry.key.stage, recipient = %entry.key.recipient, "mail given up, put off for too long");
            }
        }
        Some(Finished { number, entry })
    }

    /// The ledger has the entry of this letter.
    pub(crate) fn acknowledged(&mut self, number: u64) {
        self.outbox.done(number);
    }

    /// Whether more alerts may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.outbox.has_room()
    }

    /// Letters that are not done.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Letters on their way right now.
    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// The offset that may be committed when everything before `position` was taken in.
    pub(crate) fn committable(&self, position: i64) -> i64 {
        self.outbox.first_open_offset().unwrap_or(position)
    }

    fn post_bundle(&mut self, bundle: &Bundle, now: Timestamp) {
        let locale = self.settings.readers[bundle.reader].locale;
        let context = &self.settings.context;
        let mail = render_bundle(bundle.kind, bundle.total, &bundle.worst, locale, context);
        let stage = match bundle.kind {
            BundleKind::Digest => Stage::Digest,
            BundleKind::Backlog => Stage::Backlog,
        };
        self.post(
            bundle.reader,
            &About::besides(bundle.id, stage),
            &mail,
            None,
            now,
        );
    }

    fn post(
        &mut self,
        reader: usize,
        about: &About,
        mail: &Mail,
        offset: Option<i64>,
        now: Timestamp,
    ) {
        let key = Key {
            subject: about.subject,
            stage: about.stage,
            recipient: self.settings.readers[reader].key,
        };
        let to = &self.settings.addresses[reader];
        let sender = &self.settings.sender;
        match sender.compose(mail, key, &about.answers, to, now) {
            Ok(letter) => {
                let entry = Entry {
                    key,
                    at: now,
                    count: about.count,
                    level: about.level,
                    state: State::Sent,
                };
                self.outbox.push(letter, entry, offset, now);
            }
            Err(error) => {
                self.outcomes.not_composed.count();
                warn!(alert = %key.subject, stage = %key.stage, %error, "mail could not be composed");
            }
        }
    }

    fn count(&self, result: &Result<(), SendError>) {
        let failure = match result {
            // A server that refuses one mail for good takes others.
            Ok(()) | Err(SendError::Refused { .. }) => None,
            Err(error) => Some(error),
        };
        match failure {
            Some(SendError::Login { .. }) => self.outcomes.login_failed.count(),
            Some(_) => self.outcomes.put_off.count(),
            None => {}
        }
        // An outage is one line of the log and not thousands.
        if self.outcomes.trouble.set(failure)
            && let Some(error) = failure
        {
            warn!(%error, waiting = self.outbox.len(), "mail waits");
        }
    }
}
