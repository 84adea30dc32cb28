//! Settings of the contracts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the contracts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contracts {
    /// Folder with contracts, a `*.yaml` for each integration; without it no call is held against any.
    pub folder: Option<PathBuf>,
}
