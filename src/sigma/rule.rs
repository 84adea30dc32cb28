//! Rules and correlations as they stand in a rule set.

use std::path::PathBuf;

use super::meta::RuleMeta;
use crate::event::Field;

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
    /// Line in the rule file, from 1.
    pub line: u32,
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
    /// Indices of the correlations that count its matches, ascending.
    pub feeds: Vec<u32>,
    /// Whether a match is a finding of its own: not when the rule only feeds correlations of which none says `generate: true`.
    pub alerts: bool,
    /// Its tests, one event each.
    pub tests: RuleTests<TestEvent>,
    /// Where it is written.
    pub source: RuleSource,
}

/// What a correlation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationKind {
    /// Matches.
    EventCount,
    /// Distinct values of a field over the matches; a match without the field does not count.
    ValueCount {
        /// The field.
        field: Field,
    },
}

/// When a correlation fires: once the count passes a threshold. Only conditions that more events cannot undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How the count is compared.
    pub op: Operator,
    /// With what.
    pub threshold: u64,
}

/// Comparison of a count with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `gt`.
    Greater,
    /// `gte`.
    GreaterOrEqual,
}

impl Condition {
    /// Whether a count meets the condition.
    #[must_use]
    pub const fn holds(self, count: u64) -> bool {
        count >= self.least()
    }

    /// The least count that meets the condition.
    #[must_use]
    pub const fn least(self) -> u64 {
        match self.op {
            Operator::Greater => self.threshold.saturating_add(1),
            Operator::GreaterOrEqual => self.threshold,
        }
    }
}

/// One Sigma correlation over the matches of rules.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// What it says of itself.
    pub meta: RuleMeta,
    /// What it counts.
    pub kind: CorrelationKind,
    /// Indices of the rules whose matches it counts, in the order in which the correlation names them.
    pub rules: Vec<u32>,
    /// Fields whose values together make the group; never empty.
    pub group_by: Vec<Field>,
    /// Width of the window in microseconds, above zero.
    pub timespan_us: i64,
    /// When it fires.
    pub condition: Condition,
    /// Whether the matches of its rules are findings of their own too.
    pub generate: bool,
    /// Its tests, a sequence of events each.
    pub tests: RuleTests<Vec<TestEvent>>,
    /// Where it is written.
    pub source: RuleSource,
}
