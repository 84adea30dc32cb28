//! Settings of enrich: pseudonym key, country data.

use serde::{Deserialize, Serialize};

/// Settings of enrich: pseudonym key, country data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrich {}
