//! The configuration: complete built-in defaults, one commented file, environment overrides.
//!
//! A section is a file here, in the words of the part that it is for; parts get their section by value.
//! Precedence, least first: built-in defaults, the file, `GATEWATCH_SECTION__KEY` in the environment.

mod console;
mod contracts;
mod date;
mod decode;
mod delivery;
mod enrich;
mod http;
mod kafka;
mod load;
mod log;
mod mail;
mod response;
mod rules;
mod secret;
mod source;
mod store;
mod track;
mod webhook;

use serde::{Deserialize, Serialize};

pub use console::{Bounds, Console};
pub use contracts::Contracts;
pub use date::Date;
pub use decode::{Decode, Format};
pub use delivery::Delivery;
pub use enrich::Enrich;
pub use http::Http;
pub use kafka::{Kafka, Security, Start};
pub use load::{ConfigError, load};
pub use log::{Log, LogFormat};
pub use mail::{Locale, Mail, MinimumLevel, Recipient, Smtp, SmtpSecurity};
pub use response::Response;
pub use rules::{Placeholder, Rules};
pub use secret::{Secret, SecretError};
pub use source::{Source, SourceKind};
pub use store::{Retention, Store};
pub use track::{Behaviour, BehaviourScore, Series, SeriesMeasure, Track, WatchedSeries};
pub use webhook::Webhook;

/// The whole configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where records come from.
    pub source: Source,
    /// Brokers, security, topics.
    pub kafka: Kafka,
    /// Formats and bounds of a record.
    pub decode: Decode,
    /// Country data, pseudonym key.
    pub enrich: Enrich,
    /// The folder of contracts.
    pub contracts: Contracts,
    /// The folder of rules.
    pub rules: Rules,
    /// Lateness, windows, bounds.
    pub track: Track,
    /// ClickHouse.
    pub store: Store,
    /// Blocks, buffers, snapshots.
    pub delivery: Delivery,
    /// Decisions to block: what is proposed, who reads.
    pub response: Response,
    /// Where the console listens, its key, sessions.
    pub console: Console,
    /// Server, recipients, limits.
    pub mail: Mail,
    /// Where alerts go besides mail.
    pub webhook: Webhook,
    /// Health and metrics.
    pub http: Http,
    /// gatewatch's own log.
    pub log: Log,
}
