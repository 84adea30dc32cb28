//! How much harm a breach of an integration does: a contract says it, alerts are weighed by it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much harm a breach does, as FIPS 199 grades it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Limited.
    Low,
    /// Serious.
    #[default]
    Moderate,
    /// Severe: biometrics, say.
    High,
}

impl Impact {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Impact::Low => "low",
            Impact::Moderate => "moderate",
            Impact::High => "high",
        }
    }
}
