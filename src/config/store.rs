//! Settings of the store: ClickHouse, retention, encryption.

use serde::{Deserialize, Serialize};

/// Settings of the store: ClickHouse, retention, encryption.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {}
