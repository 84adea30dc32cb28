//! Settings of decode: format, mapping, bounds of a record.

use serde::{Deserialize, Serialize};

/// Settings of decode: format, mapping, bounds of a record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decode {}
