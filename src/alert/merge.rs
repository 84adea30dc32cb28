//! Merging: findings of one rule family and entity become one alert, with a counter. An entity that is weighed in several
//! places at once, such as a person through two integrations, has an alert for each.
//!
//! An alert grows until no finding came for the width of a merge bucket, by the turns of the findings (event time, see
//! [`crate::track::Shard`]). The next one opens another alert, whose id comes from the bucket of its own first finding. Since
//! turns never fall within a shard, a replay gives the same alerts with the same revisions.

mod open;
mod stored;

use std::sync::Arc;

use compact_str::CompactString;
use uuid::Uuid;

use super::Alert;
use crate::alert::severity;
use crate::event::Timestamp;
use crate::sigma::RuleMeta;
use crate::track::{Entity, Expectations, Finding, Lru, Plan, alert_id};
use open::Open;

/// Family, entity and within what it was weighed; what rules on trial find is kept apart.
///
/// Findings of one key all come from one shard, or two shards would raise one id: those of an entity that several shards weigh say within what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    family: CompactString,
    shadow: bool,
    entity: Entity,
    within: CompactString,
}

impl Key {
    /// The id of an alert whose first finding fell into this bucket.
    fn alert_id(&self, bucket: Timestamp) -> Uuid {
        let id = |family: &str| alert_id(family, &self.entity, &self.within, bucket);
        if self.shadow {
            id(&format!("{}/shadow", self.family))
        } else {
            id(&self.family)
        }
    }
}

/// The alerts of one shard that may still grow.
pub struct Merger {
    open: Lru<Key, Open>,
    width_us: i64,
    /// Changed alerts that were closed before they were asked for.
    closed: Vec<Alert>,
    /// Turn of the newest finding of all alerts that had to be closed for want of room.
    evicted_until: Timestamp,
    evicted: u64,
    /// What is at stake where.
    expectations: Arc<Expectations>,
}

impl Merger {
    /// An empty merger. `width_us` is the width of a merge bucket in microseconds; `most` bounds the open alerts.
    #[must_use]
    pub fn new(width_us: i64, most: usize) -> Self {
        Merger {
            open: Lru::new(most),
            width_us: width_us.max(1),
            closed: Vec::new(),
            evicted_until: Timestamp::MIN,
            evicted: 0,
            expectations: Arc::default(),
        }
    }

    /// An empty merger as a plan wants it, for so many open alerts.
    #[must_use]
    pub fn of(plan: &Plan, most: usize) -> Self {
        Merger {
            expectations: Arc::clone(plan.expectations()),
            ..Merger::new(plan.merge_us(), most)
        }
    }

    /// Merges a finding whose turn was at `turn` (never before an earlier one's). Returns the id of the alert that it changed.
    pub fn merge(&mut self, finding: Finding, meta: &Arc<RuleMeta>, turn: Timestamp) -> Uuid {
        let key = Key {
            family: CompactString::from(meta.family.as_str()),
            shadow: meta.shadow,
            entity: finding.entity.clone(),
            within: finding.within.clone(),
        };
        let bucket = turn.floor_to(self.width_us);
        let revision = self.first_revision(bucket, turn);
        let mut stale = None;
        let (open, evicted) = self.open.touch(&key, || {
            Open::new(key.alert_id(bucket), revision, meta, &finding, turn)
        });
        if turn.since(open.turn) > self.width_us {
            let id = key.alert_id(bucket);
            let fresh = Open::new(id, revision, meta, &finding, turn);
            stale = Some(std::mem::replace(open, fresh));
        }
        open.add(finding, meta, turn);
        let id = open.id;
        if let Some(stale) = stale {
            self.close(&key, &stale);
        }
        if let Some((gone, mut open)) = evicted {
            // One that could not have grown any more is no loss.
            if turn.since(open.turn) <= self.width_us {
                self.evicted += 1;
                self.evicted_until = self.evicted_until.max(open.turn);
                open.cut_short();
            }
            self.close(&gone, &open);
        }
        id
    }

    /// Closes the alerts that cannot grow any more when every finding before `watermark` was merged.
    pub fn expire(&mut self, watermark: Timestamp) {
        while let Some((_, open)) = self.open.oldest() {
            if watermark.since(open.turn) <= self.width_us {
                break;
            }
            if let Some((key, open)) = self.open.pop_oldest() {
                self.close(&key, &open);
            }
        }
    }

    /// The alerts that changed since this was last asked, in the order of their ids.
    pub fn changed(&mut self) -> Vec<Alert> {
        let mut changed = std::mem::take(&mut self.closed);
        for (key, open) in self.open.iter_mut().filter(|(_, open)| open.changed) {
            open.changed = false;
            changed.push(open.alert(key));
        }
        for alert in &mut changed {
            severity::weigh(alert, &self.expectations);
        }
        changed.sort_unstable_by_key(|alert| (alert.id, alert.revision));
        changed
    }

    /// How many alerts may still grow.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many alerts were closed early for want of room.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn close(&mut self, key: &Key, open: &Open) {
        if open.changed {
            self.closed.push(open.alert(key));
        }
    }

    /// The revision before the first finding's. Zero, unless an alert of the same bucket may have been closed for want of room: then
    /// the microseconds into the bucket, so that the same id never falls back to a revision that it had.
    fn first_revision(&self, bucket: Timestamp, turn: Timestamp) -> u64 {
        if self.evicted_until < bucket {
            return 0;
        }
        u64::try_from(turn.since(bucket)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
