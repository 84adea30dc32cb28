//! Simulate: believable gateway traffic with labelled attacks and harmless twins, the same for the same seed.
//!
//! [`Generator`] makes native JSON records one by one, in the order in which a gateway would log them: an exchange is
//! logged when it ends and timed when it began, so event times are out of order by the length of an exchange, less
//! than two seconds. What is planted comes from scenario files ([`Scenario`]); what was planted is said by [`Label`]s,
//! which [`score`] compares with alerts.

mod class;
pub mod format;
mod generator;
mod hiccup;
pub mod kafka;
mod label;
mod line;
mod operation;
mod population;
mod record;
mod release;
mod scenario;
pub mod score;
mod season;
mod shape;
mod stranger;
mod traffic;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use generator::{Generator, Meta, Settings};
pub use hiccup::Trouble;
pub use label::Label;
pub use scenario::{
    Becomes, Change, Difficulty, LabelEntity, LabelKind, Of, Offset, Phase, Scenario,
    ScenarioError, Span, built_in, folder, parse,
};
pub use shape::Shapes;

/// Why traffic cannot be made.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// A scenario ends after the span.
    #[error(
        "scenario `{name}` needs {needs_s} s but the span has {span_s}; take a longer span, or leave scenarios out"
    )]
    DoesNotFit {
        /// Which scenario.
        name: String,
        /// Seconds from the start of the span to the scenario's end.
        needs_s: i64,
        /// Seconds that the span has.
        span_s: i64,
    },
    /// `usual` for a caller that has no such habit.
    #[error(
        "scenario `{name}`: `usual` needs a client of the population that calls {}, and `{client}` is none",
        route.as_deref().unwrap_or("anything")
    )]
    NoHabits {
        /// Which scenario.
        name: String,
        /// The client id.
        client: String,
        /// The route that was asked for.
        route: Option<String>,
    },
    /// The planted events alone are more than was asked for.
    #[error(
        "{planted} events are planted, more than the {events} asked for; ask for more, or leave scenarios out"
    )]
    TooFewEvents {
        /// Planted and broken records.
        planted: u64,
        /// Records asked for.
        events: u64,
    },
    /// The span is empty or absurd.
    #[error("a span must be from 1 second to 400 days")]
    Span,
}
