//! Settings of track: lateness, windows, bounds.

use serde::{Deserialize, Serialize};

/// Settings of track: lateness, windows, bounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Track {}
