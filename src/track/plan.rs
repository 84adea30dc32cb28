//! What the tracker needs to know of the rules and the settings, in the order of the rule set's indices.

use std::sync::Arc;

use uuid::Uuid;

use super::baseline::{self, Prior};
use super::{
    Calendar, Expectations, Learned, SHARDS, SeriesSpec, behaviour, series, stable_hash, watch,
};
use crate::config;
use crate::event::Timestamp;
use crate::sigma::{Condition, CorrelationKind, RuleMeta};

/// A rule, as the tracker sees it.
#[derive(Clone, Debug)]
pub struct RulePlan {
    /// What it says of itself.
    pub meta: Arc<RuleMeta>,
    /// Whether a match is a finding of its own; `false` when it only feeds correlations.
    pub alerts: bool,
    /// Stable hash of its content: a waiting match of a rule that was changed is not taken over.
    pub content: u64,
}

/// A correlation, as the tracker sees it.
#[derive(Clone, Debug)]
pub struct CorrelationSpec {
    /// What it says of itself.
    pub meta: Arc<RuleMeta>,
    /// What it looks at.
    pub kind: CorrelationKind,
    /// How many rules and correlations feed it.
    pub members: usize,
    /// Width of the sliding window in microseconds: events of (newest − width, newest] are in it.
    pub timespan_us: i64,
    /// When it fires.
    pub condition: Condition,
    /// Whether it is a finding of its own when it fires; `false` when it only feeds others.
    pub alerts: bool,
    /// How deep it is chained; what feeds it is of a lower level.
    pub level: u8,
    /// Stable hash of its content and that of the rules that feed it: state of a changed correlation is not taken over.
    pub content: u64,
}

/// Everything that is fixed while a tracker runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rules by index.
    pub rules: Vec<RulePlan>,
    /// Correlations by index.
    pub correlations: Vec<CorrelationSpec>,
    /// Stable hash of all of the above: whether a snapshot was made by the very same rules.
    pub fingerprint: u64,
    /// Which of the rule sets of this process it is; a later one takes the place of an earlier one.
    pub generation: u64,
    pub(crate) settings: config::Track,
    pub(crate) prior: Prior,
    /// Local time, with the holidays of the settings.
    pub(crate) calendar: Calendar,
    /// What the detectors of [`super::baseline`] say of themselves.
    pub(crate) baseline_metas: Vec<Arc<RuleMeta>>,
    /// What contracts promise of the traffic as a whole.
    pub(crate) expectations: Arc<Expectations>,
    /// What was learned of behaviour before, if anything.
    pub(crate) learned: Option<Arc<Learned>>,
    /// Numbers that are watched.
    pub(crate) series: Arc<[SeriesSpec]>,
    /// What the detector of [`super::series`] says of itself.
    pub(crate) series_metas: Vec<Arc<RuleMeta>>,
    /// What the detector of [`super::behaviour`] says of itself.
    pub(crate) behaviour_metas: Vec<Arc<RuleMeta>>,
    /// What the detectors of [`super::watch`] say of themselves.
    pub(crate) watch_metas: Vec<Arc<RuleMeta>>,
}

impl Plan {
    /// A plan of rules and correlations, with the built-in prior of request rates.
    #[must_use]
    pub fn new(
        rules: Vec<RulePlan>,
        correlations: Vec<CorrelationSpec>,
        settings: config::Track,
    ) -> Self {
        let fingerprint = fingerprint(&rules, &correlations);
        Plan {
            rules,
            correlations,
            fingerprint,
            generation: 0,
            calendar: Calendar::of(&settings),
            settings,
            prior: Prior::built_in(),
            baseline_metas: baseline::metas(),
            expectations: Arc::default(),
            learned: None,
            series: Arc::default(),
            series_metas: series::metas(),
            behaviour_metas: behaviour::metas(),
            watch_metas: watch::metas(),
        }
    }

    /// The same with what contracts promise.
    #[must_use]
    pub fn with_expectations(mut self, expectations: Arc<Expectations>) -> Self {
        self.expectations = expectations;
        self
    }

    /// The same with what was learned of behaviour before.
    #[must_use]
    pub fn with_learned(mut self, learned: Option<Arc<Learned>>) -> Self {
        self.learned = learned;
        self
    }

    /// What was learned of behaviour before, if anything.
    #[must_use]
    pub fn learned(&self) -> Option<&Arc<Learned>> {
        self.learned.as_ref()
    }

    /// The same with numbers that are watched.
    #[must_use]
    pub fn with_series(mut self, series: Arc<[SeriesSpec]>) -> Self {
        self.series = series;
        self
    }

    /// What contracts promise of the traffic as a whole.
    #[must_use]
    pub fn expectations(&self) -> &Arc<Expectations> {
        &self.expectations
    }

    /// The lateness in microseconds, as [`super::PartitionClock`] wants it.
    #[must_use]
    pub fn lateness_us(&self) -> i64 {
        i64::from(self.settings.lateness_s) * 1_000_000
    }

    /// Width of a merge bucket in microseconds; at least a second.
    #[must_use]
    pub fn merge_us(&self) -> i64 {
        i64::from(self.settings.merge_s.max(1)) * 1_000_000
    }

    /// The highest level of a correlation: 0 when none is fed by another.
    #[must_use]
    pub fn levels(&self) -> u8 {
        let levels = self.correlations.iter().map(|spec| spec.level);
        levels.max().unwrap_or(0)
    }

    /// How many alerts a shard may keep open.
    #[must_use]
    pub fn open_alerts_a_shard(&self) -> usize {
        share(self.settings.max_open_alerts)
    }

    /// What each rule, correlation and detector says of itself; for a restored alert.
    #[must_use]
    pub fn meta(&self, id: Uuid) -> Option<&Arc<RuleMeta>> {
        self.rules
            .iter()
            .map(|rule| &rule.meta)
            .chain(
                self.correlations
                    .iter()
                    .map(|correlation| &correlation.meta),
            )
            .chain(&self.baseline_metas)
            .chain(&self.behaviour_metas)
            .chain(&self.series_metas)
            .chain(&self.watch_metas)
            .find(|meta| meta.id == id)
    }

    /// The start of the merge bucket that an instant falls in.
    pub(crate) fn bucket(&self, time: Timestamp) -> Timestamp {
        time.floor_to(self.merge_us())
    }
}

/// A shard's share of a bound of the whole process.
pub(crate) fn share(bound: usize) -> usize {
    bound.div_ceil(SHARDS).max(1)
}

fn fingerprint(rules: &[RulePlan], correlations: &[CorrelationSpec]) -> u64 {
    let contents: Vec<[u8; 8]> = rules
        .iter()
        .map(|rule| rule.content)
        .chain(correlations.iter().map(|correlation| correlation.content))
        .map(u64::to_be_bytes)
        .collect();
    let ids = rules
        .iter()
        .map(|rule| &rule.meta.id)
        .chain(correlations.iter().map(|correlation| &correlation.meta.id));
    let parts: Vec<&[u8]> = contents
        .iter()
        .map(<[u8; 8]>::as_slice)
        .chain(ids.map(|id| id.as_bytes().as_slice()))
        .collect();
    stable_hash(&parts)
}
