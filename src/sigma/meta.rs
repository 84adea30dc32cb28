//! What a rule says of itself: everything that is not its detection.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::MinimumLevel;
use crate::event::Field;

/// Sigma's levels, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth keeping, not worth a mail.
    Informational,
    /// Suspicious in numbers.
    Low,
    /// To be looked at.
    Medium,
    /// To be looked at soon.
    High,
    /// To be looked at now.
    Critical,
}

impl Level {
    /// Sigma's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// The level of this name; `None` when there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Level> {
        let levels = [
            Level::Informational,
            Level::Low,
            Level::Medium,
            Level::High,
            Level::Critical,
        ];
        levels.into_iter().find(|level| level.name() == name)
    }
}

impl From<MinimumLevel> for Level {
    fn from(minimum: MinimumLevel) -> Level {
        match minimum {
            MinimumLevel::Informational => Level::Informational,
            MinimumLevel::Low => Level::Low,
            MinimumLevel::Medium => Level::Medium,
            MinimumLevel::High => Level::High,
            MinimumLevel::Critical => Level::Critical,
        }
    }
}

/// What a rule (Sigma rule, correlation or statistical detector) says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleMeta {
    /// Sigma `id`; stable, and part of finding and alert ids.
    pub id: Uuid,
    /// One line for people.
    pub title: String,
    /// The title in Russian, where the rule gives it.
    pub title_ru: Option<String>,
    /// What it finds and why that is bad.
    pub description: String,
    /// The description in Russian, where the rule gives it.
    #[serde(default)]
    pub description_ru: Option<String>,
    /// Findings of one family and entity merge into one alert: `gatewatch.family`, else the folder of the file.
    pub family: String,
    /// How bad it is.
    pub level: Level,
    /// Sigma tags: `attack.*`, `owasp.api*`, `requirement.*`.
    pub tags: Vec<String>,
    /// What harmless causes look the same.
    pub false_positives: Vec<String>,
    /// The same in Russian, where the rule gives it.
    #[serde(default)]
    pub false_positives_ru: Vec<String>,
    /// What to do next (`gatewatch.advice`), English.
    pub advice: Option<String>,
    /// What to do next, Russian.
    pub advice_ru: Option<String>,
    /// The field whose value is the entity of a finding (`gatewatch.entity`; the first group-by field of a correlation).
    /// `None`: client id when there is one, else client address.
    pub entity: Option<Field>,
    /// Whether it is on trial (`gatewatch.shadow`): what it would have alerted is stored, and nothing else done.
    #[serde(default)]
    pub shadow: bool,
}

/// Which pattern of a rule matched, in which field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternHit {
    /// Name of the field.
    pub field: CompactString,
    /// The pattern as the rule writes it, with its modifiers.
    pub pattern: CompactString,
}
