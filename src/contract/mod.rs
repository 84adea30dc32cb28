//! Contracts: what an integration may do, written down by its owner, and read so that each call can be held against it.
//!
//! [`Contracts::load`] reads `*.yaml` files, checks them and says with place and hint what is wrong. [`Contracts::recognise`] finds the
//! contract and the operation of an event, [`Contracts::assess`] says by facts where the event keeps out of the contract. Facts say what
//! is so; the rules in `rules/contract` judge. What a log does not show breaks nothing: a fact needs a value that is against the contract.

mod assess;
mod check;
mod compile;
mod diff;
pub mod document;
mod draft;
mod load;
mod openapi;
mod paths;
mod rules;
mod words;

#[cfg(test)]
mod tests;

pub use assess::requirement_of;
pub use compile::{Contracts, Recognised};
pub use diff::{Change, Effect, diff};
pub use document::Document;
pub use draft::Draft;
pub use load::ContractErrors;
pub use rules::{GeneratedRules, TAGS as GENERATED_TAGS};
pub use words::Span;

/// The JSON schema of a contract, for editors and validators.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".to_owned(), "gatewatch contract".into());
    schema.to_value()
}
