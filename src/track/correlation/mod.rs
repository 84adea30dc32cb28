//! Correlations over exact sliding windows of event time.
//!
//! Matches come in the order of their turns. A window of one group holds the events of (t − timespan, t], t being the
//! newest. The condition is looked at with every event:
//! - when it becomes true, a finding is made that counts the events of the window which no earlier finding counted;
//! - while it stays true, every further event makes a finding of one event. It has the id of the first as long as both fall
//!   into one merge bucket, so it only lets the alert's counter grow, and the final count is exact. Alerts are published
//!   once a block at most and mailed once, so this is no flood;
//! - when an event finds it false again, the next time that it holds counts as becoming true.
//!
//! A condition such as `lt` is looked at with each event too: where no event comes, nothing is found.

mod panes;
mod ranks;
mod values;
mod window;

use std::borrow::Cow;
use std::collections::VecDeque;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::plan::{CorrelationSpec, share};
use super::{Entity, Finding, Lru, Note, Packed, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use crate::sigma::{Condition, CorrelationKind};
pub(crate) use window::StoredWindow;
use window::{Limits, Window};

/// Events of a group that are kept whole, to be shown when it fires: the newest ones; see [`shown`].
const SAMPLES: usize = 5;

/// Most events that a window keeps one by one for the sake of a high threshold: with what is known of their values no more than 64 KiB a group.
const MOST_EXACT: usize = 1_750;
/// The same of a percentile, whose numbers stand in order besides.
const MOST_RANKED: usize = 1_000;

/// The state of one correlation in one shard.
pub(crate) struct Correlation {
    groups: Lru<Entity, Group>,
    limits: Limits,
}

struct Group {
    window: Window,
    /// Whether the condition held at the newest event.
    holds: bool,
    /// Events that came too late to be counted, since the last finding.
    late: u32,
    samples: VecDeque<Packed>,
}

/// A condition that holds.
pub(crate) struct Fire {
    /// What is told.
    pub(crate) finding: Finding,
    /// Whether it did not hold with the event before.
    pub(crate) begins: bool,
}

/// One event of one group.
pub(crate) struct Sample {
    pub(crate) time: Timestamp,
    /// What is looked at, see [`super::CorrelationKey::value`].
    pub(crate) value: Option<u64>,
    pub(crate) evidence: Packed,
}

impl Correlation {
    /// The empty state of a correlation.
    pub(crate) fn new(spec: &CorrelationSpec, plan: &Plan) -> Self {
        Correlation {
            groups: Lru::new(share(plan.settings.max_groups)),
            limits: Limits {
                timespan_us: spec.timespan_us.max(1),
                entries: entries(spec, plan.settings.max_window),
                kind: spec.kind.clone(),
                members: spec.members,
            },
        }
    }

    /// Takes an event that is in time. Says so when the condition holds.
    pub(crate) fn take(
        &mut self,
        spec: &CorrelationSpec,
        plan: &Plan,
        entity: &Entity,
        sample: Sample,
        counts: &mut TrackCounts,
    ) -> Option<Fire> {
        if self.limits.kind != CorrelationKind::EventCount && sample.value.is_none() {
            return None;
        }
        let time = sample.time;
        let begin = time.plus_micros(-self.limits.timespan_us);
        if self.is_before_the_first(spec, entity, &sample, begin) {
            return None;
        }
        let limits = &self.limits;
        let (group, evicted) = self.groups.touch(entity, || Group::new(limits));
        counts.evicted_groups += u64::from(evicted.is_some_and(|(_, old)| old.is_live(begin)));
        if !group.is_live(begin) {
            // As if it had been forgotten: whether it already was depends on where blocks end.
            *group = Group::new(limits);
        }
        counts.evicted_entries += group.window.push(time, sample.value.unwrap_or(0), limits);
        let observed = group.window.observed(limits);
        group.show(sample.evidence, begin, shown(&spec.condition, observed));
        if !spec.condition.holds(observed) {
            group.holds = false;
            return None;
        }
        Some(group.fire(spec, plan, entity, (time, observed)))
    }

    /// Whether an event of an ordered correlation comes while nothing of its group is in the window, and is not of the first rule: it
    /// can be behind nothing, so no group has to be kept for it.
    fn is_before_the_first(
        &mut self,
        spec: &CorrelationSpec,
        entity: &Entity,
        sample: &Sample,
        begin: Timestamp,
    ) -> bool {
        self.limits.kind == CorrelationKind::TemporalOrdered
            && sample.value.is_some_and(|members| members & 1 == 0)
            && !spec.condition.holds(0.0)
            && self
                .groups
                .peek_mut(entity)
                .is_none_or(|group| !group.is_live(begin))
    }

    /// Notes an event that came too late for its window.
    pub(crate) fn take_late(&mut self, entity: &Entity) {
        if let Some(group) = self.groups.peek_mut(entity) {
            group.late = group.late.saturating_add(1);
        }
    }

    /// Forgets groups whose windows are empty when the watermark stands at `watermark`.
    pub(crate) fn expire(&mut self, watermark: Timestamp) {
        while let Some((_, group)) = self.groups.oldest() {
            // Turns only grow, so the least recently touched group has the oldest newest event.
            if group.window.newest().plus_micros(self.limits.timespan_us) > watermark {
                break;
            }
            self.groups.pop_oldest();
        }
    }

    /// How many groups have a window.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Everything worth keeping, least recently touched first.
    pub(crate) fn store(&self) -> Vec<StoredGroup<'_>> {
        self.groups
            .iter()
            .map(|(entity, group)| StoredGroup {
                entity: Cow::Borrowed(entity),
                window: group.window.store(),
                holds: group.holds,
                late: group.late,
                samples: Cow::Borrowed(&group.samples),
            })
            .collect()
    }

    /// Takes stored groups up again.
    pub(crate) fn restore(&mut self, groups: Vec<StoredGroup<'_>>) {
        for stored in groups {
            let limits = &self.limits;
            let (group, _) = self.groups.touch(&stored.entity, || Group::new(limits));
            group.window = Window::restore(stored.window, limits);
            group.holds = stored.holds;
            group.late = stored.late;
            group.samples = stored.samples.into_owned();
        }
    }
}

impl Group {
    fn new(limits: &Limits) -> Self {
        Group {
            window: Window::new(limits),
            holds: false,
            late: 0,
            samples: VecDeque::with_capacity(1),
        }
    }

    /// Whether anything of it is in the window that begins behind `begin`.
    fn is_live(&self, begin: Timestamp) -> bool {
        self.window.newest() > begin
    }

    /// Keeps an event to be shown, and of those before it the newest, so many in all.
    fn show(&mut self, evidence: Packed, begin: Timestamp, most: usize) {
        while self.samples.len() >= most
            || self
                .samples
                .front()
                .is_some_and(|oldest| oldest.time() <= begin)
        {
            self.samples.pop_front();
        }
        self.samples.push_back(evidence);
    }

    fn fire(
        &mut self,
        spec: &CorrelationSpec,
        plan: &Plan,
        entity: &Entity,
        (time, observed): (Timestamp, f64),
    ) -> Fire {
        let begins = !self.holds;
        self.holds = true;
        let shown = if begins { SAMPLES } else { 1 };
        let skipped = self.samples.len().saturating_sub(shown);
        let finding = Finding {
            id: finding_id(spec.meta.id, entity, plan.bucket(time)),
            rule: spec.meta.id,
            entity: entity.clone(),
            within: CompactString::default(),
            first: self.window.oldest(),
            last: time,
            reason: Reason::Correlation {
                measure: spec.kind.clone(),
                observed,
                condition: spec.condition.clone(),
                window_s: u64::try_from(spec.timespan_us / 1_000_000).unwrap_or(0),
            },
            count: self.window.take_unreported(),
            evidence: self
                .samples
                .iter()
                .skip(skipped)
                .filter_map(Packed::unpacked)
                .collect(),
            notes: self.notes(),
        };
        Fire { finding, begins }
    }

    fn notes(&mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        let late = std::mem::take(&mut self.late);
        if late > 0 {
            notes.push(Note::Late { events: late });
        }
        let evicted = self.window.take_evicted();
        if evicted > 0 {
            notes.push(Note::WindowFull { left_out: evicted });
        }
        if self.window.is_summed_up() {
            notes.push(Note::SummedUp);
        }
        notes
    }
}

/// How many events of a group are kept to be shown. Most groups never fire, so those that are not half way there keep one.
fn shown(condition: &Condition, observed: f64) -> usize {
    if condition.holds(observed) || observed * 2.0 >= condition.greatest() {
        SAMPLES
    } else {
        1
    }
}

/// The events that a window keeps one by one.
fn entries(spec: &CorrelationSpec, most: usize) -> usize {
    let most = most.max(needed(spec)).max(1);
    match spec.kind {
        CorrelationKind::ValuePercentile { .. } => most.min(MOST_RANKED),
        _ => most,
    }
}

/// The events that a window has to keep one by one for the condition to be exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count in a rule is a whole number from 0, and a float that is too large saturates"
)]
fn needed(spec: &CorrelationSpec) -> usize {
    match spec.kind {
        CorrelationKind::EventCount | CorrelationKind::ValueCount { .. } => {
            (spec.condition.greatest() as usize)
                .saturating_add(1)
                .min(MOST_EXACT)
        }
        _ => 1,
    }
}

/// One group of a correlation in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredGroup<'a> {
    entity: Cow<'a, Entity>,
    window: StoredWindow<'a>,
    holds: bool,
    late: u32,
    samples: Cow<'a, VecDeque<Packed>>,
}

#[cfg(test)]
mod tests;
