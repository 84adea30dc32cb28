//! Sigma: rules are parsed, compiled to slots and automata, and matched.
//!
//! The way of a rule: [`yaml`] (nodes with places) → [`document`], [`detection`], [`condition`], [`correlation`] (a tree of
//! tests, names resolved to [`Field`](crate::event::Field) slots) → [`load`] (references across files) → [`compile`]
//! (tests shared, [`witness`] literals in one automaton) → [`RuleSet::matches`].
//!
//! The language is Sigma 2.1 with these decisions where the specification leaves room:
//! - Case is folded character by character (Unicode's simple lowercase), in patterns and texts alike; `re` and `cased` mind it.
//! - A field that is absent fails every test but `null` and `exists: false`; `neq` asks that it be there and differ.
//! - Numbers, addresses and times compare with text by their canonical form (decimal digits, RFC 5952, RFC 3339 in UTC).
//! - A list field holds when any of its elements does. Keywords are searched in every field that holds text.
//! - What the engine does not know is an error that names it; nothing is left out in silence.

mod attributes;
mod compile;
mod condition;
mod correlation;
mod detection;
mod document;
mod error;
mod fold;
mod load;
mod meta;
mod modifier;
mod pattern;
mod predicate;
mod required;
mod rule;
mod scan;
mod search;
mod set;
mod witness;
mod yaml;

pub use compile::Scratch;
pub use error::{Place, RuleError, RuleErrors};
pub use meta::{Level, PatternHit, RuleMeta};
pub use rule::{
    Condition, Correlation, CorrelationKind, Operator, Rule, RuleSource, RuleTests, TestEvent,
};
pub use set::RuleSet;

#[cfg(test)]
mod tests;
