//! What one recipient knows, and what is held back for them.

use std::collections::{HashMap, HashSet, VecDeque};

use uuid::Uuid;

use super::told::Told;
use super::{Bundle, Decision, Limits, NAMESPACE, Reader};
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::notify::mail::{BundleKind, Line};
use crate::notify::{Entry, Key, Outcomes, Stage, State};
use crate::sigma::Level;
use crate::triage::{Closing, Unacknowledged};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// A summary waits so long for more of the same.
const SETTLE: i64 = 60 * SECOND;
/// A backlog summary waits no longer, even if old alerts keep coming.
const BACKLOG_AT_MOST: i64 = 30 * 60 * SECOND;
/// Reminders of incidents that are remembered: an incident has 34 at most.
const REMINDERS: usize = 65_536;
/// Lines that a summary shows.
const WORST: usize = 10;

#[derive(Debug)]
pub(super) struct ReaderState {
    pub(super) reader: Reader,
    /// Id of the last daily mail that was decided.
    pub(super) daily: Option<Uuid>,
    /// Ids of the reminders of incidents that were decided.
    reminded: HashSet<Uuid>,
    /// The same, newest last, for forgetting the oldest.
    reminders: VecDeque<Uuid>,
    told: HashMap<Uuid, Told>,
    /// Alerts in the order they came, for forgetting the oldest.
    order: VecDeque<Uuid>,
    /// When mails were decided or went out, newest last, at most twice the limit.
    mails: VecDeque<Timestamp>,
    last_digest: Option<Timestamp>,
    bundles: Vec<Bundle>,
}

/// What is told: an alert, on which occasion, and how it had been closed where it was reopened.
#[derive(Clone, Copy)]
struct News<'n> {
    alert: &'n Alert,
    stage: Stage,
    closing: Option<&'n Closing>,
}

impl ReaderState {
    pub(super) fn new(reader: Reader) -> Self {
        ReaderState {
            reader,
            daily: None,
            reminded: HashSet::new(),
            reminders: VecDeque::new(),
            told: HashMap::new(),
            order: VecDeque::new(),
            mails: VecDeque::new(),
            last_digest: None,
            bundles: Vec::new(),
        }
    }

    pub(super) fn decide(
        &mut self,
        index: usize,
        alert: &Alert,
        now: Timestamp,
        limits: &Limits,
        outcomes: &Outcomes,
    ) -> Option<Decision> {
        if !self.wants(alert) || !self.is_there(now) {
            outcomes.unwanted.count();
            return None;
        }
        let told = self.told.get(&alert.id).copied().unwrap_or_default();
        let Some(stage) = told.next_stage(alert, is_old(alert, now, limits)) else {
            outcomes.quiet.count();
            return None;
        };
        let news = News {
            alert,
            stage,
            closing: None,
        };
        Some(self.tell(index, news, now, limits, outcomes))
    }

    /// What is to be said of an alert that was closed and shows more since; `None` where that was said, and where the recipient is not told of it now.
    pub(super) fn reopen(
        &mut self,
        index: usize,
        (alert, closing): (&Alert, &Closing),
        now: Timestamp,
        limits: &Limits,
        outcomes: &Outcomes,
    ) -> Option<Decision> {
        let told = self.told.get(&alert.id);
        let is_told = told.is_some_and(|told| told.reopened >= Some(closing.time));
        if is_told || !self.wants(alert) || !self.is_there(now) {
            return None;
        }
        let news = News {
            alert,
            stage: Stage::Reopened(closing.time),
            closing: Some(closing),
        };
        Some(self.tell(index, news, now, limits, outcomes))
    }

    /// What is to be said of an alert that nobody acknowledged; outside the hours of the recipient it waits for them.
    pub(super) fn escalate(
        &mut self,
        index: usize,
        waiting: &Unacknowledged,
        now: Timestamp,
        limits: &Limits,
        outcomes: &Outcomes,
    ) -> Option<Decision> {
        let alert = &waiting.alert;
        let told = self.told.get(&alert.id).copied().unwrap_or_default();
        let is_told = told.escalated_at.is_some_and(|at| at >= waiting.since);
        // Its level is that of escalation: who wants few mails is told of what others leave undone.
        if is_told || !self.concerns(alert) || !self.is_there(now) {
            return None;
        }
        let news = News {
            alert,
            stage: Stage::Escalated(told.escalated),
            closing: None,
        };
        self.know(news, now, limits, outcomes);
        Some(self.mail_or_hold(index, news, now, limits, outcomes))
    }

    /// A mail or a line of a digest; of an alert that is too old for either, a line of the backlog.
    fn tell(
        &mut self,
        index: usize,
        news: News<'_>,
        now: Timestamp,
        limits: &Limits,
        outcomes: &Outcomes,
    ) -> Decision {
        self.know(news, now, limits, outcomes);
        if is_old(news.alert, now, limits) {
            outcomes.backlog.count();
            return self.hold(index, BundleKind::Backlog, news, now);
        }
        self.mail_or_hold(index, news, now, limits, outcomes)
    }

    /// Remembers that it is told.
    fn know(&mut self, news: News<'_>, now: Timestamp, limits: &Limits, outcomes: &Outcomes) {
        let News { alert, stage, .. } = news;
        self.told_of(alert.id, limits, outcomes)
            .take(stage, now, alert.count, alert.rule.level);
    }

    /// A mail of its own, or a line of a digest where it is quiet or there were enough.
    fn mail_or_hold(
        &mut self,
        index: usize,
        news: News<'_>,
        now: Timestamp,
        limits: &Limits,
        outcomes: &Outcomes,
    ) -> Decision {
        let News { alert, stage, .. } = news;
        let is_quiet = alert.rule.level < Level::Critical && self.is_quiet(now);
        if is_quiet || !self.has_room(alert.rule.level, now, limits) {
            outcomes.held.count();
            return self.hold(index, BundleKind::Digest, news, now);
        }
        self.mails.push_back(now);
        self.told_of(alert.id, limits, outcomes).mails.push(stage);
        Decision::Mail {
            reader: index,
            stage,
        }
    }

    /// The mails that one about an alert goes on from.
    pub(super) fn answers(&self, alert: Uuid, stage: Stage, root: Option<Uuid>) -> Vec<Key> {
        let mails = |alert: Uuid| {
            let told = self.told.get(&alert);
            told.map(|told| told.mails).unwrap_or_default()
        };
        let own = mails(alert);
        let of_root = root.and_then(|root| Some((root, mails(root).first?)));
        let of_alert = [own.first, own.before].into_iter().flatten();
        let of_alert = of_alert.filter(|before| *before != stage);
        let mut answers: Vec<Key> = of_root
            .into_iter()
            .chain(of_alert.map(|before| (alert, before)))
            .map(|(subject, stage)| Key {
                subject,
                stage,
                recipient: self.reader.key,
            })
            .collect();
        answers.dedup();
        answers
    }

    pub(super) fn restore(
        &mut self,
        index: usize,
        entry: &Entry,
        limits: &Limits,
        outcomes: &Outcomes,
    ) {
        let Entry { key, at, state, .. } = entry;
        match (key.stage, state) {
            (Stage::Daily, _) => self.daily = Some(key.subject),
            (Stage::Incident, _) => drop(self.take_reminder(key.subject)),
            (Stage::Test, _) => {}
            (_, State::Held { bundle, kind, line }) => {
                self.told_of(key.subject, limits, outcomes).take(
                    key.stage,
                    *at,
                    entry.count,
                    entry.level,
                );
                self.put_in_bundle(index, (*bundle, *kind), key.subject, line.clone(), *at);
            }
            (Stage::Digest | Stage::Backlog, _) => {
                self.bundles.retain(|bundle| bundle.id != key.subject);
                if key.stage == Stage::Digest {
                    self.last_digest = self.last_digest.max(Some(*at));
                }
            }
            (Stage::Opened | Stage::Grown(_) | Stage::Escalated(_) | Stage::Reopened(_), _) => {
                let told = self.told_of(key.subject, limits, outcomes);
                told.take(key.stage, *at, entry.count, entry.level);
                if *state == State::Sent {
                    told.mails.push(key.stage);
                }
                self.mails.push_back(*at);
                while self.mails.len() > self.hourly(limits).saturating_mul(2) {
                    self.mails.pop_front();
                }
            }
        }
    }

    /// Whether a reminder is still to be sent; remembered as decided.
    pub(super) fn take_reminder(&mut self, id: Uuid) -> bool {
        if !self.reminded.insert(id) {
            return false;
        }
        self.reminders.push_back(id);
        if self.reminders.len() > REMINDERS
            && let Some(oldest) = self.reminders.pop_front()
        {
            self.reminded.remove(&oldest);
        }
        true
    }

    pub(super) fn due(&mut self, now: Timestamp, interval: i64) -> Vec<Bundle> {
        if !self.is_there(now) {
            return Vec::new();
        }
        let last_digest = self.last_digest;
        let is_quiet = self.is_quiet(now);
        let due: Vec<Bundle> = self
            .bundles
            .extract_if(.., |bundle| match bundle.kind {
                BundleKind::Digest => {
                    !is_quiet
                        && now.since(bundle.since) >= SETTLE
                        && last_digest.is_none_or(|last| now.since(last) >= interval)
                }
                BundleKind::Backlog => {
                    now.since(bundle.latest) >= SETTLE || now.since(bundle.since) >= BACKLOG_AT_MOST
                }
            })
            .collect();
        if due.iter().any(|bundle| bundle.kind == BundleKind::Digest) {
            self.last_digest = Some(now);
        }
        due
    }

    pub(super) fn flush(&mut self) -> Vec<Bundle> {
        std::mem::take(&mut self.bundles)
    }

    fn wants(&self, alert: &Alert) -> bool {
        alert.rule.level >= Level::from(self.reader.minimum) && self.concerns(alert)
    }

    /// Whether it is theirs, whatever its level.
    fn concerns(&self, alert: &Alert) -> bool {
        let (families, tags) = (&self.reader.families, &self.reader.tags);
        let integrations = &self.reader.integrations;
        let touches = |alert: &Alert| {
            let touched = alert.integrations();
            touched
                .into_iter()
                .any(|it| integrations.iter().any(|name| name == it))
        };
        !alert.shadow
            && (families.is_empty() || families.contains(&alert.rule.family))
            && (tags.is_empty() || alert.rule.tags.iter().any(|tag| tags.contains(tag)))
            && (integrations.is_empty() || touches(alert))
    }

    fn is_there(&self, now: Timestamp) -> bool {
        let hours = self.reader.hours.as_ref();
        hours.is_none_or(|hours| hours.hold(now))
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let quiet = self.reader.quiet.as_ref();
        quiet.is_some_and(|hours| hours.hold(now))
    }

    fn hourly(&self, limits: &Limits) -> usize {
        self.reader.hourly.unwrap_or(limits.hourly)
    }

    /// Whether one more mail may go out within the hour. A critical alert may use the limit a second time.
    fn has_room(&mut self, level: Level, now: Timestamp, limits: &Limits) -> bool {
        while self.mails.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.mails.pop_front();
        }
        let limit = match level {
            Level::Critical => self.hourly(limits).saturating_mul(2),
            _ => self.hourly(limits),
        };
        self.mails.len() < limit
    }

    /// What is known of an alert; the oldest is forgotten where there are too many.
    fn told_of(&mut self, alert: Uuid, limits: &Limits, outcomes: &Outcomes) -> &mut Told {
        if !self.told.contains_key(&alert) {
            while self.order.len() >= limits.remembered.max(1) {
                if let Some(oldest) = self.order.pop_front() {
                    self.told.remove(&oldest);
                    outcomes.forgotten.count();
                }
            }
            self.order.push_back(alert);
        }
        self.told.entry(alert).or_default()
    }

    fn hold(&mut self, index: usize, kind: BundleKind, news: News<'_>, now: Timestamp) -> Decision {
        let News {
            alert,
            stage,
            closing,
        } = news;
        let key = Key {
            subject: alert.id,
            stage,
            recipient: self.reader.key,
        };
        let open = self.bundles.iter().find(|bundle| bundle.kind == kind);
        // Named after the first that it holds, so that deciding again after a kill gives the same summary.
        let bundle = match open {
            Some(bundle) => bundle.id,
            None => Uuid::new_v5(&NAMESPACE, key.to_string().as_bytes()),
        };
        let locale = self.reader.locale;
        let line = match (stage, closing) {
            (_, Some(closing)) => Line::reopened(alert, closing, locale),
            (Stage::Escalated(_), None) => Line::escalated(alert, locale),
            _ => Line::of(alert, locale),
        };
        self.put_in_bundle(index, (bundle, kind), alert.id, line.clone(), now);
        Decision::Hold(Entry {
            key,
            at: now,
            count: alert.count,
            level: alert.rule.level,
            state: State::Held { bundle, kind, line },
        })
    }

    /// Of an alert that is in it already, its line is replaced by what is told last.
    fn put_in_bundle(
        &mut self,
        index: usize,
        (id, kind): (Uuid, BundleKind),
        alert: Uuid,
        line: Line,
        now: Timestamp,
    ) {
        let place = self.bundles.iter().position(|bundle| bundle.id == id);
        let place = place.unwrap_or_else(|| {
            self.bundles.push(Bundle {
                reader: index,
                id,
                kind,
                total: 0,
                worst: Vec::new(),
                whose: Vec::new(),
                since: now,
                latest: now,
            });
            self.bundles.len() - 1
        });
        let told = self.told.get_mut(&alert);
        let is_in_it = told.is_some_and(|told| told.bundle.replace(id) == Some(id));
        let bundle = &mut self.bundles[place];
        bundle.total += u64::from(!is_in_it);
        bundle.latest = bundle.latest.max(now);
        if let Some(at) = bundle.whose.iter().position(|other| *other == alert) {
            bundle.whose.remove(at);
            bundle.worst.remove(at);
        }
        let at = bundle
            .worst
            .partition_point(|other| (other.level, other.count) >= (line.level, line.count));
        bundle.worst.insert(at, line);
        bundle.whose.insert(at, alert);
        bundle.worst.truncate(WORST);
        bundle.whose.truncate(WORST);
    }
}

/// Whether it is backlog.
fn is_old(alert: &Alert, now: Timestamp, limits: &Limits) -> bool {
    now.since(alert.last) > limits.max_age
}
