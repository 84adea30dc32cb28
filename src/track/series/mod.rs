//! Watched numbers: any number of an integration that the configuration names, a value every few minutes, against its own past.
//!
//! What the configuration says is resolved once ([`SeriesSpec`]); blocks carry sums ([`Addend`]) that join in any order. A value is closed by the watermark and goes through
//! [`Stream`], the model that is measured on NAB; how rare its score is among all scores of the series is held against what the operator allows.
//! A count of nothing is a value too, a mean of nothing is none. What was silent for three days begins anew.

mod meta;
mod rarity;
mod seen;
mod spec;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::model::{Signs, Stream};
use super::plan::share;
use super::{Entity, EntityKind, Finding, Note, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
pub(super) use meta::metas;
pub use rarity::ScoreRarity;
pub use seen::Addend;
pub(super) use seen::AddendBuilder;
use seen::MINUTE_US;
use spec::Sums;
pub use spec::{SeriesError, SeriesSpec};

/// Values that may be open, of a series, while a partition lags; what comes in further ones is not watched, and counted.
const MOST_OPEN: usize = 2_880;
/// Minutes of silence after which a series is forgotten.
const FORGOTTEN: u32 = 3 * 1_440;

/// The part of one shard.
pub(super) struct SeriesWatch {
    series: BTreeMap<Name, Series>,
    most: usize,
}

/// What is watched, by its key, and of which integration.
type Name = (u64, CompactString);

/// One series so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Series {
    /// The next value to be closed; none was yet where there is none.
    next: Option<u32>,
    open: BTreeMap<u32, Sums>,
    stream: Stream,
    scores: ScoreRarity,
    /// Minutes of silence.
    silent: u32,
}

impl SeriesWatch {
    pub(super) fn new(plan: &Plan) -> Self {
        SeriesWatch {
            series: BTreeMap::new(),
            most: share(plan.settings.series.max_series),
        }
    }

    /// Adds what a block showed.
    pub(super) fn observe(&mut self, addends: Vec<Addend>, plan: &Plan, counts: &mut TrackCounts) {
        for addend in addends {
            let Some(spec) = plan.series.get(addend.spec as usize) else {
                continue;
            };
            let name = (spec.key, addend.integration);
            if !self.series.contains_key(&name) && self.series.len() >= self.most {
                counts.unwatched += 1;
                continue;
            }
            let series = self.series.entry(name).or_default();
            // One that is closed is counted as the next that is open.
            let slot = addend.slot.max(series.next.unwrap_or(0));
            if series.open.len() >= MOST_OPEN && !series.open.contains_key(&slot) {
                counts.unwatched += 1;
                continue;
            }
            series.open.entry(slot).or_default().join(addend.sums);
        }
    }

    /// When the next value is over.
    pub(super) fn next_end(&self, plan: &Plan) -> Option<Timestamp> {
        let ends = self.series.iter().map(|(name, series)| {
            let minutes = spec_of(plan, name).map_or(0, |spec| spec.minutes);
            series.end(minutes)
        });
        ends.min()
    }

    /// Closes the values that are over at `end`, which is the next. What is found comes in the order of keys and integrations.
    pub(super) fn close(&mut self, end: Timestamp, plan: &Plan, out: &mut Vec<Finding>) {
        self.series.retain(|name, series| {
            // Nothing is watched any more that the configuration does not name.
            let Some(spec) = spec_of(plan, name) else {
                return false;
            };
            if series.end(spec.minutes) > end {
                return true;
            }
            if let Some(odd) = series.close(spec, plan) {
                out.push(finding(plan, spec, &name.1, end, &odd));
            }
            series.silent < FORGOTTEN
        });
    }

    /// How many series are watched.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn store(&self) -> StoredSeries {
        let series = self.series.iter();
        StoredSeries(series.map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    pub(super) fn restore(&mut self, stored: StoredSeries) {
        self.series = stored.0.into_iter().collect();
    }
}

/// What the configuration says of a series; none where it does not name it any more.
fn spec_of<'p>(plan: &'p Plan, name: &Name) -> Option<&'p SeriesSpec> {
    plan.series.iter().find(|spec| spec.key == name.0)
}

/// A value that is unlike what came before.
struct Odd {
    value: f64,
    usual: f64,
    signs: Signs,
    probability: f64,
}

impl Series {
    /// The value that is closed next.
    fn next(&self) -> u32 {
        let first = self.open.keys().next().copied();
        self.next.or(first).unwrap_or(0)
    }

    fn end(&self, minutes: u32) -> Timestamp {
        let end = (i64::from(self.next()) + 1) * i64::from(minutes);
        Timestamp::from_micros(end * MINUTE_US)
    }

    fn close(&mut self, spec: &SeriesSpec, plan: &Plan) -> Option<Odd> {
        let slot = self.next();
        self.next = Some(slot + 1);
        let sums = self.open.remove(&slot);
        self.silent = match sums {
            Some(_) => 0,
            None => self.silent + spec.minutes,
        };
        let value = spec.value(sums.unwrap_or_default())?;
        let usual = self.stream.usual();
        let signs = self.stream.take(value);
        let surprise = self.scores.take(signs.score)?;
        let allowed = plan.settings.series.false_alarms_per_month;
        (surprise >= ScoreRarity::told_from(spec.minutes, allowed)).then(|| Odd {
            value,
            usual,
            signs,
            probability: 10_f64.powf(-surprise),
        })
    }
}

fn finding(
    plan: &Plan,
    spec: &SeriesSpec,
    integration: &CompactString,
    end: Timestamp,
    odd: &Odd,
) -> Finding {
    let entity = Entity {
        kind: EntityKind::Integration,
        value: compact_str::format_compact!("{integration} | {}", spec.name),
    };
    let first = end.plus_micros(-i64::from(spec.minutes) * MINUTE_US);
    let Signs {
        shape,
        volatility,
        level,
        ..
    } = odd.signs;
    let notes = [
        (shape, Note::Course),
        (volatility, Note::Spread),
        (level, Note::Mean),
    ];
    let most = shape.max(volatility).max(level);
    // What is nearly as surprising is told as well.
    let notes = notes.into_iter().filter(|(sign, _)| *sign >= most / 2.0);
    Finding {
        id: finding_id(meta::SERIES, &entity, plan.bucket(first)),
        rule: meta::SERIES,
        entity,
        within: CompactString::default(),
        first,
        last: end.plus_micros(-1),
        count: 1,
        reason: Reason::Baseline {
            metric: spec.words(),
            observed: odd.value,
            expected: odd.usual,
            probability: odd.probability,
            features: Vec::new(),
        },
        evidence: Vec::new(),
        notes: notes.map(|(_, note)| note).collect(),
    }
}

/// The series of one shard in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSeries(Vec<(Name, Series)>);

#[cfg(test)]
mod tests;
