//! Settings of the source: where the gateway's log comes from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where records come from: Kafka, or one file or standard input without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A Kafka topic, the whole product.
    #[default]
    Kafka,
    /// One file, read once or followed.
    File,
    /// Standard input; cannot resume.
    Stdin,
}

/// Settings of the source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// `kafka`, `file` or `stdin`.
    pub kind: SourceKind,
    /// The file, for `file`; a name that ends in `.gz` is unpacked.
    pub path: Option<PathBuf>,
    /// Whether to wait for more at the end of the file and to follow rotation.
    pub follow: bool,
    /// Moves the times of an old log, for a file or standard input that is read once: its first event comes to this time (RFC 3339), all
    /// others move with it. Without it retention drops what is old.
    pub first_event_at: Option<String>,
}
