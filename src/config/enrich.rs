//! Settings of enrich: pseudonym key, country data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Settings of enrich: pseudonym key, country data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrich {
    /// MaxMind DB file with countries (GeoLite2-Country, DB-IP or alike); without it `country` is what the log says.
    pub country_database: Option<PathBuf>,
    /// Key of pseudonyms, at least 32 bytes.
    pub pseudonym_key: Secret,
    /// File that holds the key instead.
    pub pseudonym_key_file: Option<PathBuf>,
    /// Name of that key; stored beside every pseudonym so that keys can rotate.
    pub pseudonym_key_id: String,
}

impl Default for Enrich {
    fn default() -> Self {
        Enrich {
            country_database: None,
            pseudonym_key: Secret::default(),
            pseudonym_key_file: None,
            pseudonym_key_id: "k1".to_owned(),
        }
    }
}
