//! Settings of the rules.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Folder with Sigma rules; every `*.yml` below it is loaded.
    pub folder: PathBuf,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            folder: PathBuf::from("rules"),
        }
    }
}
