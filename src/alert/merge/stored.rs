//! The open alerts of a shard as bytes and back.

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Key, Merger, Open};
use crate::event::Timestamp;
use crate::sigma::{Condition, CorrelationKind, RuleMeta};
use crate::track::{
    Entity, Evidence, Feature, Measure, Note, PatternHit, Plan, Reason, ServiceState,
    SnapshotError, seal, unseal,
};

#[derive(Serialize, Deserialize)]
struct StoredMerger {
    /// What the rules of the alerts said of themselves, each once.
    metas: Vec<RuleMeta>,
    /// Least recently updated first.
    open: Vec<StoredOpen>,
    evicted_until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredOpen {
    family: CompactString,
    shadow: bool,
    entity: Entity,
    within: CompactString,
    id: Uuid,
    revision: u64,
    /// Index into the metas.
    meta: u32,
    rules: Vec<Uuid>,
    first: Timestamp,
    last: Timestamp,
    count: u64,
    findings: u64,
    reason: StoredReason,
    evidence: Vec<Evidence>,
    notes: Vec<Note>,
    turn: Timestamp,
}

/// [`Reason`] as postcard can read it: that one carries its kind inside for JSON, which a format without names cannot.
#[derive(Serialize, Deserialize)]
enum StoredReason {
    Pattern(Vec<PatternHit>),
    Correlation(CorrelationKind, f64, Condition, u64),
    Baseline(String, f64, f64, f64),
    Service(ServiceState),
    Expectation(Measure, f64, f64),
    // Behind the others, so that what was written before there were features can be read.
    Features(String, f64, f64, f64, Vec<Feature>),
}

impl Merger {
    /// The open alerts, for [`Merger::restore`]. Changes that nobody was told of must have been drained before.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut metas: Vec<RuleMeta> = Vec::new();
        let open = self
            .open
            .iter()
            .map(|(key, open)| {
                let known = metas.iter().position(|meta| *meta == *open.meta);
                let meta = known.unwrap_or_else(|| {
                    metas.push((*open.meta).clone());
                    metas.len() - 1
                });
                store(key, open, u32::try_from(meta).unwrap_or(u32::MAX))
            })
            .collect();
        seal(&StoredMerger {
            metas,
            open,
            evicted_until: self.evicted_until,
        })
    }

    /// Open alerts that go on from a snapshot. A rule that still exists speaks in its present words.
    ///
    /// # Errors
    /// When the bytes are broken.
    pub fn restore(plan: &Plan, bytes: &[u8]) -> Result<Merger, SnapshotError> {
        let stored: StoredMerger = unseal(bytes)?;
        let metas: Vec<Arc<RuleMeta>> = stored
            .metas
            .into_iter()
            .map(|meta| {
                plan.meta(meta.id)
                    .map_or_else(|| Arc::new(meta), Arc::clone)
            })
            .collect();
        let mut merger = Merger::of(plan, plan.open_alerts_a_shard());
        merger.evicted_until = stored.evicted_until;
        for stored in stored.open {
            let meta = metas
                .get(stored.meta as usize)
                .ok_or(SnapshotError::Checksum)?;
            let (key, open) = load(stored, meta);
            let (place, evicted) = merger.open.touch(&key, || open);
            place.changed = false;
            merger.evicted += u64::from(evicted.is_some());
        }
        Ok(merger)
    }
}

fn store(key: &Key, open: &Open, meta: u32) -> StoredOpen {
    StoredOpen {
        family: key.family.clone(),
        shadow: key.shadow,
        entity: key.entity.clone(),
        within: key.within.clone(),
        id: open.id,
        revision: open.revision,
        meta,
        rules: open.rules.clone(),
        first: open.first,
        last: open.last,
        count: open.count,
        findings: open.findings,
        reason: store_reason(&open.reason),
        evidence: open.evidence.clone(),
        notes: open.notes.clone(),
        turn: open.turn,
    }
}

fn load(stored: StoredOpen, meta: &Arc<RuleMeta>) -> (Key, Open) {
    let key = Key {
        family: stored.family,
        shadow: stored.shadow,
        entity: stored.entity,
        within: stored.within,
    };
    let open = Open {
        id: stored.id,
        revision: stored.revision,
        meta: Arc::clone(meta),
        rules: stored.rules,
        first: stored.first,
        last: stored.last,
        count: stored.count,
        findings: stored.findings,
        reason: load_reason(stored.reason),
        evidence: stored.evidence,
        notes: stored.notes,
        turn: stored.turn,
        changed: false,
    };
    (key, open)
}

fn store_reason(reason: &Reason) -> StoredReason {
    match reason {
        Reason::Pattern { hits } => StoredReason::Pattern(hits.clone()),
        Reason::Correlation {
            measure,
            observed,
            condition,
            window_s,
        } => StoredReason::Correlation(measure.clone(), *observed, condition.clone(), *window_s),
        Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            features,
        } if features.is_empty() => {
            StoredReason::Baseline(metric.clone(), *observed, *expected, *probability)
        }
        Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            features,
        } => {
            let (metric, features) = (metric.clone(), features.clone());
            StoredReason::Features(metric, *observed, *expected, *probability, features)
        }
        Reason::Expectation {
            measure,
            observed,
            expected,
        } => StoredReason::Expectation(*measure, *observed, *expected),
        Reason::Service { state } => StoredReason::Service(state.clone()),
    }
}

fn load_reason(stored: StoredReason) -> Reason {
    match stored {
        StoredReason::Pattern(hits) => Reason::Pattern { hits },
        StoredReason::Correlation(measure, observed, condition, window_s) => Reason::Correlation {
            measure,
            observed,
            condition,
            window_s,
        },
        StoredReason::Baseline(metric, observed, expected, probability) => Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            features: Vec::new(),
        },
        StoredReason::Features(metric, observed, expected, probability, features) => {
            Reason::Baseline {
                metric,
                observed,
                expected,
                probability,
                features,
            }
        }
        StoredReason::Expectation(measure, observed, expected) => Reason::Expectation {
            measure,
            observed,
            expected,
        },
        StoredReason::Service(state) => Reason::Service { state },
    }
}
