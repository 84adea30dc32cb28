//! Track: what needs memory. Shards of entities, each with its correlations, baselines and alerts in the making.

mod block;
mod finding;

pub use block::{CorrelationKey, Match, Observation, TrackBlock};
pub use finding::{Entity, EntityKind, Evidence, Finding, PatternHit, Reason};
