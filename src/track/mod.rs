//! Track: what needs memory. Shards of entities, each with its correlations, baselines and matches that wait for their turn.
//!
//! Event time only. For the same records of the same partitions the findings are the same, however the records were cut
//! into blocks, however the partitions interleaved, and however often a shard was restored and replayed in between.
//!
//! The way in: a [`BlockBuilder`] takes the events of one partition in offset order and makes [`TrackBlock`]s, [`split`] cuts
//! one into a [`ShardPart`] a shard, [`Shard::apply`] takes its part. Merging findings into alerts is `alert`'s.

mod absence;
mod adopt;
mod baseline;
mod behaviour;
mod block;
mod build;
mod calendar;
mod chain;
mod clock;
mod correlation;
mod counts;
mod earth;
mod expectation;
mod finding;
mod hash;
mod ids;
mod lru;
mod matching;
pub mod model;
mod note;
mod packed;
mod pile;
mod places;
mod plan;
mod queue;
pub mod rule_tests;
mod rules;
mod series;
mod shard;
mod sketch;
mod snapshot;
mod sources;
mod split;
#[cfg(test)]
pub(crate) mod testing;
mod told;
mod watch;

pub use baseline::ids::Codes;
pub use baseline::{PriorError, REQUEST_RATE};
#[cfg(test)]
pub(crate) use behaviour::features;
pub use behaviour::{Conduct, Fit, Learned, LearnedError, LearnedLike, LeftOut, Requests};
pub use block::{CorrelationKey, Goes, Match, Observation, TrackBlock};
pub use build::BlockBuilder;
pub(crate) use calendar::{Calendar, LocalHour};
pub use chain::settle;
pub use clock::{PartitionClock, Turn};
pub use counts::TrackCounts;
pub(crate) use earth::speed;
pub use expectation::{Expectations, LevelSpec, Promise, ScheduleSpec};
pub use finding::{
    Entity, EntityKind, Evidence, Feature, Finding, MOST_FEATURES, Measure, NEW, Packed,
    PatternHit, Reason, ServiceState,
};
pub(crate) use hash::shard_of_hash;
pub use hash::{SHARDS, shard_of, stable_hash};
pub(crate) use ids::finding_id_within;
pub use ids::{alert_id, finding_id};
pub(crate) use lru::Lru;
pub(crate) use matching::kind_of;
pub use matching::{Looks, entity_of, evidence_of};
pub use note::{Note, NotedStep, UsualStep, notes_or_words, per_cent};
pub use pile::Pile;
pub use places::Places;
pub use plan::{CorrelationSpec, Plan, RulePlan};
pub use rules::Matches;
pub use series::{Addend, ScoreRarity, SeriesError, SeriesSpec};
pub use shard::{Fired, Shard};
pub use snapshot::{SNAPSHOT_FORMAT, ShardSnapshot, SnapshotError};
pub(crate) use snapshot::{seal, unseal};
pub use sources::Progress;
pub use split::{ShardPart, split};
pub use watch::Seen;

/// Whether a family is one of detectors that learn what is usual, and hold to no rule and no contract.
#[must_use]
pub fn is_statistical(family: &str) -> bool {
    ["behaviour", "errors", "rate", "series", "volume"].contains(&family)
}

/// Names of the amounts of an hour that behaviour holds against what is usual.
pub fn behaviour_amounts() -> impl Iterator<Item = &'static str> {
    behaviour::amounts()
}

/// Kinds of values that can be new in an hour.
pub fn behaviour_values() -> impl Iterator<Item = &'static str> {
    behaviour::values()
}

/// What each detector says of itself, for those who list what is looked for.
#[must_use]
pub fn detectors() -> Vec<crate::sigma::RuleMeta> {
    let all = baseline::metas().into_iter().chain(watch::metas());
    let all = all.chain(behaviour::metas()).chain(series::metas());
    all.map(|meta| (*meta).clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::detectors;
    use crate::sigma::OF_DETECTORS;

    #[test]
    fn rules_are_of_no_family_whose_entities_live_elsewhere() {
        // Clients, of the request rate and of shared ids, and gateways live where the entities of rules do.
        let with_rules = ["journal", "rate"];
        let detectors = detectors();
        let families = detectors.iter().map(|meta| meta.family.as_str());
        let families: BTreeSet<&str> = families
            .filter(|family| !with_rules.contains(family))
            .collect();
        assert_eq!(families, BTreeSet::from(OF_DETECTORS));
    }
}
