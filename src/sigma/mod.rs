//! Sigma: rules are parsed, compiled to slots and automata, and matched.

mod meta;

pub use meta::{Level, RuleMeta};
