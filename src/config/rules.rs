//! Settings of the rules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Folder with Sigma rules; every `*.yml` below it is loaded.
    pub folder: PathBuf,
    /// More folders: own rules, exceptions and silences, apart from what comes with gatewatch.
    pub own: Vec<PathBuf>,
    /// Whether an edit of the files takes effect while the service runs, within two seconds.
    pub reload: bool,
    /// Processing pipelines in pySigma's YAML, for rules with other field names than ours.
    pub pipelines: Vec<PathBuf>,
    /// Values of placeholders: `%name%` in a rule stands for them where it says `expand`.
    pub placeholders: BTreeMap<String, Placeholder>,
    /// Rules that are in no file: where they come from, and their text.
    #[serde(skip)]
    pub generated: Vec<(PathBuf, String)>,
}

/// The values of one placeholder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a list of texts, or { file = \"…\" } with one a line"
)]
pub enum Placeholder {
    /// Given here.
    Values(Vec<String>),
    /// In a file, one a line; empty lines and those that begin with `#` are left out.
    File {
        /// The file.
        file: PathBuf,
    },
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            folder: PathBuf::from("rules"),
            own: Vec::new(),
            reload: true,
            pipelines: Vec::new(),
            placeholders: BTreeMap::new(),
            generated: Vec::new(),
        }
    }
}
