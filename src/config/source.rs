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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// `kafka`, `file` or `stdin`.
    pub kind: SourceKind,
    /// The file, for `file`; a name that ends in `.gz` is unpacked.
    pub path: Option<PathBuf>,
    /// Whether to wait for more at the end of the file and to follow rotation.
    pub follow: bool,
    /// A record of more bytes is a dead letter.
    pub max_record_bytes: usize,
    /// Rows of records that wait between source and decode, over all partitions.
    pub queue_rows: usize,
}

impl Default for Source {
    fn default() -> Self {
        Source {
            kind: SourceKind::Kafka,
            path: None,
            follow: false,
            max_record_bytes: 1 << 20,
            queue_rows: 65_536,
        }
    }
}
