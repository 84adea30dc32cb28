//! Settings of decode: format, mapping, bounds of a record.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of decode: format, mapping, bounds of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decode {
    /// Format of the records.
    pub format: Format,
    /// Mapping file for `format: mapping`; see `docs/formats.md`.
    pub mapping: Option<PathBuf>,
    /// Records over so many bytes are dead letters.
    pub max_record_bytes: usize,
    /// JSON nested deeper than so many levels is a dead letter.
    pub max_depth: usize,
    /// A record whose time lies more than so many days before its Kafka timestamp is a dead letter. At most the
    /// retention of the store, so that a hostile time cannot open old partitions.
    pub max_age_days: u32,
}

impl Default for Decode {
    fn default() -> Self {
        Decode {
            format: Format::Auto,
            mapping: None,
            max_record_bytes: 256 * 1024,
            max_depth: 32,
            max_age_days: 90,
        }
    }
}

/// Format of the records of a source. `docs/formats.md` describes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Told from the beginning of each record.
    #[default]
    Auto,
    /// JSON with the names of `docs/events.md`.
    Native,
    /// NGINX `combined` and `main`, and its error log.
    NginxCombined,
    /// NGINX `log_format … escape=json` with the names of NGINX variables.
    NginxJson,
    /// Apache `common`, `combined` and `vhost_combined`, and its error log.
    Apache,
    /// Envoy `json_format` with the usual keys.
    EnvoyJson,
    /// Envoy's default text format.
    EnvoyText,
    /// JSON of another layout, described by the mapping file.
    Mapping,
}

impl Format {
    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Auto => "auto",
            Format::Native => "native",
            Format::NginxCombined => "nginx_combined",
            Format::NginxJson => "nginx_json",
            Format::Apache => "apache",
            Format::EnvoyJson => "envoy_json",
            Format::EnvoyText => "envoy_text",
            Format::Mapping => "mapping",
        }
    }
}
