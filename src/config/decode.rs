//! Settings of decode: format, mapping, bounds of a record.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Columns that IIS writes when nothing is chosen.
const IIS_FIELDS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

/// Settings of decode: format, mapping, bounds of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decode {
    /// Format of the records.
    pub format: Format,
    /// Mapping file for `format: mapping`; see `docs/formats.md`.
    pub mapping: Option<PathBuf>,
    /// Columns of `format: iis`, as the line `#Fields:` of the log names them.
    pub iis_fields: String,
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
            iis_fields: IIS_FIELDS.to_owned(),
            max_record_bytes: 256 * 1024,
            max_depth: 32,
            max_age_days: 90,
        }
    }
}

macro_rules! formats {
    ($($(#[$meta:meta])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// Format of the records of a source. `docs/formats.md` describes each.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Format { $($(#[$meta])+ #[serde(rename = $name)] $variant),+ }

        impl Format {
            /// Every format.
            pub const ALL: &'static [Format] = &[$(Format::$variant),+];

            /// The name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Format::$variant => $name),+ }
            }
        }
    };
}

formats! {
    /// Told from the beginning of each record.
    #[default]
    Auto = "auto",
    /// JSON with the names of `docs/events.md`.
    Native = "native",
    /// NGINX `combined` and `main`, and its error log.
    NginxCombined = "nginx_combined",
    /// NGINX `log_format … escape=json` with the names of NGINX variables.
    NginxJson = "nginx_json",
    /// Apache `common`, `combined` and `vhost_combined`, and its error log.
    Apache = "apache",
    /// Envoy `json_format` with the usual keys.
    EnvoyJson = "envoy_json",
    /// Envoy's default text format.
    EnvoyText = "envoy_text",
    /// Kong's logging plugins (`file-log`, `http-log` and the others).
    Kong = "kong",
    /// Traefik's access log as JSON.
    TraefikJson = "traefik_json",
    /// Traefik's access log as text.
    TraefikClf = "traefik_clf",
    /// Caddy's access log, and the messages of its Coraza firewall.
    Caddy = "caddy",
    /// HAProxy `option httplog` and `option httpslog`.
    Haproxy = "haproxy",
    /// Access log of an AWS Application Load Balancer.
    AwsAlb = "aws_alb",
    /// IIS: W3C extended lines, and the same as events of Windows in XML.
    Iis = "iis",
    /// JSON of another layout, described by the mapping file.
    Mapping = "mapping",
}
