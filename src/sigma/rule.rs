//! Rules and correlations as they stand in a rule set.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::logsource::Logsource;
use super::meta::RuleMeta;
use crate::event::{Event, FactSet, Field};

/// Where a rule is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// The file.
    pub path: PathBuf,
    /// Line of the rule's first key, from 1.
    pub line: u32,
    /// Stands for what the rule looks for (detection or correlation, entity): state that was gathered by another content is
    /// not taken over. Titles, tests and comments do not change it. The first eight bytes of a SHA-256.
    pub content: u64,
}

/// A native JSON event of a rule's tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestEvent {
    /// The record, one JSON object.
    pub json: String,
    /// What a contract would say of the event: rules are tested without contracts.
    pub facts: FactSet,
    /// Line in the rule file, from 1.
    pub line: u32,
}

impl TestEvent {
    /// Adds to the event of the record what a contract would say of it.
    pub fn complete(&self, event: &mut Event<'_>) {
        for fact in self.facts.iter() {
            event.facts.insert(fact);
        }
    }
}

/// Tests that a rule carries: `gatewatch.tests`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTests<T> {
    /// Each must match.
    pub matching: Vec<T>,
    /// None may match.
    pub not_matching: Vec<T>,
}

impl<T> Default for RuleTests<T> {
    fn default() -> Self {
        RuleTests {
            matching: Vec::new(),
            not_matching: Vec::new(),
        }
    }
}

/// One Sigma rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it says of itself.
    pub meta: RuleMeta,
    /// Sigma `name`, by which correlations may refer to it.
    pub name: Option<String>,
    /// The correlations that its matches go into.
    pub feeds: Vec<Feed>,
    /// Whether a match is a finding of its own: not when the rule only feeds correlations of which none says `generate: true`.
    pub alerts: bool,
    /// Whether it is about records out of a partner's own log (`logsource: {category: partner_log}`) rather than the gateways'.
    pub of_partner: bool,
    /// The logs that it is about, as filters have to name them.
    pub(crate) logsource: Logsource,
    /// Exceptions that may hold its matches back, by index.
    pub exceptions: Vec<u32>,
    /// Its tests, one event each.
    pub tests: RuleTests<TestEvent>,
    /// Where it is written.
    pub source: RuleSource,
}

/// Where the matches of a rule, or of a correlation, go: a correlation and which of its members it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Index of the correlation.
    pub correlation: u32,
    /// Index into [`Correlation::members`].
    pub member: u32,
}

/// What a correlation looks at in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationKind {
    /// How many events there are.
    EventCount,
    /// How many distinct values, or combinations of values, there are; an event without one of the fields does not count.
    ValueCount {
        /// The fields.
        fields: Vec<Field>,
    },
    /// How many of the rules matched.
    Temporal,
    /// How many of the rules, from the first on, matched one after the other.
    TemporalOrdered,
    /// The sum of a number; an event without it does not count, here and below.
    ValueSum {
        /// The field.
        field: Field,
    },
    /// The mean of a number.
    ValueAvg {
        /// The field.
        field: Field,
    },
    /// A percentile of a number, between the two nearest values where it falls between them.
    ValuePercentile {
        /// The field.
        field: Field,
        /// 0 to 100; the median is 50.
        percentile: f64,
    },
    /// How many per cent of the values are the one that this event has: Sigma's `value_percentile` of a text.
    ValueShare {
        /// The field.
        field: Field,
    },
    /// The least speed in km/h at which somebody must have come to the country of this event from another one of the window: ours.
    TravelSpeed {
        /// The field, a country.
        field: Field,
    },
    /// The first rule matched, and within the timespan before or after it none of the others did: ours, Sigma has none.
    Absence,
    /// The same, but what matched before does not count: what ought to follow did not.
    AbsenceOrdered,
}

impl CorrelationKind {
    /// The fields that it looks at besides those of the group.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match self {
            CorrelationKind::EventCount
            | CorrelationKind::Temporal
            | CorrelationKind::TemporalOrdered
            | CorrelationKind::Absence
            | CorrelationKind::AbsenceOrdered => &[],
            CorrelationKind::ValueCount { fields } => fields,
            CorrelationKind::ValueSum { field }
            | CorrelationKind::ValueAvg { field }
            | CorrelationKind::ValuePercentile { field, .. }
            | CorrelationKind::ValueShare { field }
            | CorrelationKind::TravelSpeed { field } => std::slice::from_ref(field),
        }
    }

    /// Whether it waits for what does not come.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        matches!(
            self,
            CorrelationKind::Absence | CorrelationKind::AbsenceOrdered
        )
    }

    /// Whether it looks at which of the rules matched, and counts those.
    #[must_use]
    pub const fn is_temporal(&self) -> bool {
        matches!(
            self,
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered
        )
    }
}

/// When a correlation fires: all of its comparisons hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition(pub Vec<Comparison>);

/// One comparison of what is observed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How it is compared.
    pub op: Operator,
    /// With what.
    pub value: f64,
}

/// Comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

impl Operator {
    /// The sign that people read.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Operator::Lt => "<",
            Operator::Lte => "≤",
            Operator::Gt => ">",
            Operator::Gte => "≥",
            Operator::Eq => "=",
            Operator::Neq => "≠",
        }
    }
}

impl Condition {
    /// At least so many.
    #[must_use]
    pub fn at_least(value: f64) -> Self {
        let op = Operator::Gte;
        Condition(vec![Comparison { op, value }])
    }

    /// Whether what is observed meets the condition.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`eq` and `neq` are asked for by the rule")]
    pub fn holds(&self, observed: f64) -> bool {
        self.0.iter().all(|Comparison { op, value }| match op {
            Operator::Lt => observed < *value,
            Operator::Lte => observed <= *value,
            Operator::Gt => observed > *value,
            Operator::Gte => observed >= *value,
            Operator::Eq => observed == *value,
            Operator::Neq => observed != *value,
        })
    }

    /// The greatest number that something is compared with.
    #[must_use]
    pub fn greatest(&self) -> f64 {
        let values = self.0.iter().map(|comparison| comparison.value);
        values.fold(0.0, f64::max)
    }
}

/// A rule, or another correlation, whose matches a correlation takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub source: MemberSource,
    /// Fields of its events whose values together make the group.
    pub group_by: Vec<Field>,
}

/// What feeds a correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberSource {
    /// By index of the rule.
    Rule(u32),
    /// By index of the correlation. Its matches are the events that make it fire: for a temporal correlation every one
    /// with which it holds, for the others the one with which it begins to hold.
    Correlation(u32),
}

/// One Sigma correlation over the matches of rules and other correlations.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// What it says of itself.
    pub meta: RuleMeta,
    /// What it looks at.
    pub kind: CorrelationKind,
    /// What feeds it, in the order in which it names them.
    pub members: Vec<Member>,
    /// Width of the window in microseconds, above zero.
    pub timespan_us: i64,
    /// When it fires.
    pub condition: Condition,
    /// Whether the matches of its members are findings of their own too.
    pub generate: bool,
    /// The correlations that its own matches go into.
    pub feeds: Vec<Feed>,
    /// Whether it is a finding of its own when it fires: not when it only feeds others of which none says `generate: true`.
    pub alerts: bool,
    /// How many correlations deep it is chained: 0 when only rules feed it.
    pub level: u8,
    /// Its tests, a sequence of events each.
    pub tests: RuleTests<Vec<TestEvent>>,
    /// Where it is written.
    pub source: RuleSource,
}
