//! Settings of mail: server, recipients, limits.

use serde::{Deserialize, Serialize};

/// Settings of mail: server, recipients, limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {}
