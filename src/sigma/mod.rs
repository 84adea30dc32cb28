//! Sigma: rules are parsed, compiled to slots and automata, and matched.
//!
//! The way of a rule: [`yaml`] (nodes with places) → [`document`], [`detection`], [`condition`], [`correlation`] (a tree of
//! tests, names resolved to [`Field`](crate::event::Field) slots) → [`link`] (references across files) → [`compile`]
//! (tests shared, [`witness`] literals in one automaton) → [`RuleSet::matches`].
//!
//! The language is Sigma 2.1 whole, with these decisions where the specification leaves room (ADR 0008 has the reasons):
//! - Case is folded character by character (Unicode's simple lowercase), in patterns and texts alike; `re` and `cased` mind it.
//! - A field that is absent fails every test but `null` and `exists: false`; `neq` asks that it be there and differ.
//! - Numbers, addresses and times compare with text by their canonical form (decimal digits, RFC 5952, RFC 3339 in UTC).
//! - A list field holds when any of its elements does. Keywords are searched in every field that holds text.
//! - Modifiers are applied in the order in which they stand. Parts of a time are those of UTC, weeks those of ISO 8601.
//! - A filter's condition has to hold besides that of its rules, as pySigma has it: an exclusion is written `not selection`.
//! - A correlation is looked at with each event of its group, over the window that ends with it. One that feeds another is an
//!   event of it: with each event while it holds for a temporal one, once when it begins to hold for the others.
//! - `value_percentile` of a number is that percentile of it (`percentile:` beside `field:`, between the two nearest values);
//!   of a text it is the share of the event's value among all, in per cent.
//! - An `id` that is missing is made of the title; a `level` that is missing is `medium`, or the highest that feeds a correlation.
//! - What the engine does not know is an error that names it; nothing is left out in silence.

pub mod annotated;
mod attributes;
mod check;
mod compile;
mod condition;
mod correlation;
mod detection;
mod document;
mod error;
mod exception;
mod fold;
mod gate;
mod link;
pub mod lint;
mod load;
mod logsource;
mod meta;
mod modifier;
mod pattern;
mod pipeline;
mod predicate;
mod repeat;
mod required;
mod rule;
mod scan;
mod search;
mod set;
mod stamp;
mod transform;
mod vocabulary;
mod witness;

pub use compile::Scratch;
#[cfg(test)]
pub(crate) use document::OF_DETECTORS;
pub use error::{Place, RuleError, RuleErrors};
pub use exception::{Exception, ExceptionKind};
pub use meta::{Level, PatternHit, RuleMeta};
pub(crate) use pattern::{Anchor, DASHES, Piece, Shape, fold};
pub(crate) use predicate::text_fields;
pub(crate) use required::literals as required_literals;
pub use rule::{
    Comparison, Condition, Correlation, CorrelationKind, Feed, Member, MemberSource, Operator,
    Rule, RuleSource, RuleTests, TestEvent,
};
pub(crate) use search::{Check, Scope, Search, Test};
pub use set::RuleSet;
pub use stamp::stamp;
pub use vocabulary::Vocabulary;

#[cfg(test)]
mod tests;
