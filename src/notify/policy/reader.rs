//! What one recipient knows, and what is held back for them.

use std::collections::{HashMap, HashSet, VecDeque};

use uuid::Uuid;

use super::{Bundle, Decision, Limits, NAMESPACE, Reader};
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::notify::mail::{BundleKind, Line};
use crate::notify::{Entry, Key, Outcomes, Stage, State};
use crate::sigma::Level;

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
/// Events must be so many times as many for another mail.
const STEP: u64 = 10;

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

/// What a recipient knows of an alert.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Stages told: 1 is `opened`.
    stages: u32,
    count: u64,
    level: Option<Level>,
    backlog: bool,
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
        let is_there = self
            .reader
            .hours
            .as_ref()
            .is_none_or(|hours| hours.hold(now));
        if !self.wants(alert) || !is_there {
            outcomes.unwanted.count();
            return None;
        }
        let old = now.since(alert.last) > limits.max_age;
        let told = self.told.get(&alert.id).copied().unwrap_or_default();
        let Some(stage) = next_stage(&told, alert, old) else {
            outcomes.quiet.count();
            return None;
        };
        self.remember(
            alert.id,
            stage,
            alert.count,
            alert.rule.level,
            limits,
            outcomes,
        );
        if stage == Stage::Backlog {
            outcomes.backlog.count();
            return Some(self.hold(index, BundleKind::Backlog, stage, alert, now));
        }
        let is_quiet = alert.rule.level < Level::Critical && self.is_quiet(now);
        if !is_quiet && self.has_room(alert.rule.level, now, limits) {
            self.mails.push_back(now);
            return Some(Decision::Mail {
                reader: index,
                stage,
            });
        }
        outcomes.held.count();
        Some(self.hold(index, BundleKind::Digest, stage, alert, now))
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
            (Stage::Incident | Stage::Escalated, _) => drop(self.take_reminder(key.subject)),
            (Stage::Test, _) => {}
            (_, State::Held { bundle, kind, line }) => {
                self.remember(
                    key.subject,
                    key.stage,
                    entry.count,
                    entry.level,
                    limits,
                    outcomes,
                );
                self.put_in_bundle(index, *bundle, *kind, line.clone(), *at);
            }
            (Stage::Digest | Stage::Backlog, _) => {
                self.bundles.retain(|bundle| bundle.id != key.subject);
                if key.stage == Stage::Digest {
                    self.last_digest = self.last_digest.max(Some(*at));
                }
            }
            (Stage::Opened | Stage::Grown(_), _) => {
                self.remember(
                    key.subject,
                    key.stage,
                    entry.count,
                    entry.level,
                    limits,
                    outcomes,
                );
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
        let (families, tags) = (&self.reader.families, &self.reader.tags);
        let integrations = &self.reader.integrations;
        let touches = |alert: &Alert| {
            let touched = alert.integrations();
            touched
                .into_iter()
                .any(|it| integrations.iter().any(|name| name == it))
        };
        !alert.shadow
            && alert.rule.level >= Level::from(self.reader.minimum)
            && (families.is_empty() || families.contains(&alert.rule.family))
            && (tags.is_empty() || alert.rule.tags.iter().any(|tag| tags.contains(tag)))
            && (integrations.is_empty() || touches(alert))
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

    fn remember(
        &mut self,
        alert: Uuid,
        stage: Stage,
        count: u64,
        level: Level,
        limits: &Limits,
        outcomes: &Outcomes,
    ) {
        if !self.told.contains_key(&alert) {
            while self.order.len() >= limits.remembered.max(1) {
                if let Some(oldest) = self.order.pop_front() {
                    self.told.remove(&oldest);
                    outcomes.forgotten.count();
                }
            }
            self.order.push_back(alert);
        }
        let told = self.told.entry(alert).or_default();
        match stage {
            Stage::Opened => told.stages = told.stages.max(1),
            Stage::Grown(number) => told.stages = told.stages.max(number.saturating_add(1)),
            _ => told.backlog = true,
        }
        if stage != Stage::Backlog {
            told.count = told.count.max(count);
            told.level = told.level.max(Some(level));
        }
    }

    fn hold(
        &mut self,
        index: usize,
        kind: BundleKind,
        stage: Stage,
        alert: &Alert,
        now: Timestamp,
    ) -> Decision {
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
        let line = Line::of(alert, self.reader.locale);
        self.put_in_bundle(index, bundle, kind, line.clone(), now);
        Decision::Hold(Entry {
            key,
            at: now,
            count: alert.count,
            level: alert.rule.level,
            state: State::Held { bundle, kind, line },
        })
    }

    fn put_in_bundle(
        &mut self,
        index: usize,
        id: Uuid,
        kind: BundleKind,
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
                since: now,
                latest: now,
            });
            self.bundles.len() - 1
        });
        let bundle = &mut self.bundles[place];
        bundle.total += 1;
        bundle.latest = bundle.latest.max(now);
        let at = bundle
            .worst
            .partition_point(|other| (other.level, other.count) >= (line.level, line.count));
        bundle.worst.insert(at, line);
        bundle.worst.truncate(WORST);
    }
}

fn next_stage(told: &Told, alert: &Alert, old: bool) -> Option<Stage> {
    if old {
        // Too old for a mail of its own; one line in one summary is enough, and none if it was told when it was fresh.
        return (!told.backlog && told.stages == 0).then_some(Stage::Backlog);
    }
    if told.stages == 0 {
        return Some(Stage::Opened);
    }
    let grown = alert.count >= told.count.max(1).saturating_mul(STEP);
    let risen = Some(alert.rule.level) > told.level;
    (grown || risen).then_some(Stage::Grown(told.stages))
}
