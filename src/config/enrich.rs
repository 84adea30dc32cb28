//! Settings of enrich: pseudonym key, country data.

use std::collections::BTreeMap;
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
    /// Keys before it: name and file of each. With them persons are found under the pseudonyms that they had.
    pub older_pseudonym_keys: BTreeMap<String, PathBuf>,
}

impl Default for Enrich {
    fn default() -> Self {
        Enrich {
            country_database: None,
            pseudonym_key: Secret::default(),
            pseudonym_key_file: None,
            pseudonym_key_id: "k1".to_owned(),
            older_pseudonym_keys: BTreeMap::new(),
        }
    }
}
