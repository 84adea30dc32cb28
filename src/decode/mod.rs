//! Decode: one raw record into one event, or a rejection with a reason from a closed list.
//!
//! Contract: no input panics, none takes more than linear time, every record that is no event says why, and no detail
//! repeats a value of the record. Nothing here looks at the wall clock: what a record becomes depends on its bytes, its
//! Kafka timestamp and the settings, so a replay decodes alike. `docs/formats.md` describes the formats.

mod access_log;
mod aws_alb;
mod caddy;
mod envoy_text;
mod error_log;
mod flat;
mod guard;
mod haproxy;
mod iis;
mod mapping;
mod native;
mod number;
mod rejection;
mod request;
mod sniff;
mod times;
mod tls;
mod traefik;
mod wrapper;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use crate::config::{Decode, Format};
use crate::event::{Event, Timestamp};

pub use mapping::MappingError;
pub use rejection::{Rejection, RejectionReason};

use mapping::{BuiltIn, Mapping};
use sniff::Sniffer;

/// Raised when the same bytes decode to another event than before: part of the fingerprint of a block.
const DECODE_VERSION: u32 = 2;

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// What ClickHouse's `DateTime64(6)` and its monthly partitions can hold without surprise.
const EARLIEST: Timestamp = Timestamp::from_seconds(0);
const LATEST: Timestamp = Timestamp::from_seconds(7_258_118_400);

/// Settings that no decoder can be made of.
#[derive(Debug, thiserror::Error)]
pub enum DecodeConfigError {
    /// `format: mapping` without a mapping file.
    #[error(
        "decode.format is `mapping` but decode.mapping names no file; see docs/formats.md for its layout"
    )]
    MappingAbsent,
    /// A mapping file beside another format would have no effect.
    #[error("decode.mapping has an effect only with decode.format `mapping`, not `{0}`")]
    MappingUnused(&'static str),
    /// Columns that give no time.
    #[error("decode.iis_fields names no `date` or no `time`; copy the line `#Fields:` of the log")]
    IisFields,
    /// The mapping file is not what it has to be.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A bound outside what the parsers can hold to.
    #[error("decode.{name} is {value}, but has to be from {least} to {most}")]
    Bound {
        /// Name of the setting.
        name: &'static str,
        /// What it is.
        value: usize,
        /// Least allowed value.
        least: usize,
        /// Greatest allowed value.
        most: usize,
    },
}

/// Decodes records of one source. Shared by threads, without locks.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    mapping: Option<Mapping>,
    sniffer: Sniffer,
    built_in: BuiltIn,
    iis: iis::Columns,
    order: flat::Order,
    max_record_bytes: usize,
    max_depth: usize,
    max_age_micros: i64,
    fingerprint: u64,
}

impl Decoder {
    /// Reads the mapping file, if one is named, and checks the bounds.
    ///
    /// # Errors
    /// When a setting is out of bounds, or the mapping file is absent, unreadable or wrong.
    pub fn new(config: &Decode) -> Result<Self, DecodeConfigError> {
        check_bound("max_record_bytes", config.max_record_bytes, 1_024, 64 << 20)?;
        check_bound("max_depth", config.max_depth, 2, 100)?;
        let mapping = match (&config.mapping, config.format) {
            (Some(file), Format::Mapping) => Some(Mapping::read(file)?),
            (None, Format::Mapping) => return Err(DecodeConfigError::MappingAbsent),
            (Some(_), other) => return Err(DecodeConfigError::MappingUnused(other.name())),
            (None, _) => None,
        };
        let fingerprint = fingerprint(config, mapping.as_ref());
        Ok(Decoder {
            format: config.format,
            mapping,
            sniffer: Sniffer::new(),
            built_in: BuiltIn::new(),
            iis: iis::Columns::parse(&config.iis_fields).ok_or(DecodeConfigError::IisFields)?,
            order: flat::Order::new(),
            max_record_bytes: config.max_record_bytes,
            max_depth: config.max_depth,
            max_age_micros: i64::from(config.max_age_days).saturating_mul(DAY_MICROS),
            fingerprint,
        })
    }

    /// Decodes one record. `stamped` is the record's Kafka timestamp: a time outside [`stamped` − `max_age_days`,
    /// `stamped` + 1 h] is rejected. Without it only 1970 to 2199 bounds the time.
    ///
    /// # Errors
    /// When the record is no event: then it is a dead letter.
    pub fn decode<'a>(
        &self,
        raw: &'a [u8],
        stamped: Option<Timestamp>,
    ) -> Result<Event<'a>, Rejection> {
        let text = guard::text(raw, self.max_record_bytes)?;
        let event = match wrapper::unwrap(text)? {
            wrapper::Unwrapped::Line(line) => self.decode_line(line)?,
            wrapper::Unwrapped::Owned(line) => self.decode_line(&line)?.into_owned(),
        };
        self.check_time(event.time, stamped)?;
        Ok(event)
    }

    /// Stable hash of everything in the settings that decides what a record decodes to.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn decode_line<'a>(&self, line: &'a str) -> Result<Event<'a>, Rejection> {
        let format = match self.format {
            Format::Auto => self.sniffer.format(line),
            named => named,
        };
        let (built_in, depth) = (&self.built_in, self.max_depth);
        match format {
            Format::NginxJson => built_in.nginx_json.decode(line, depth),
            Format::EnvoyJson => built_in.envoy_json.decode(line, depth),
            Format::Kong => built_in.kong.decode(line, depth),
            Format::TraefikJson => traefik::finish_json(built_in.traefik_json.decode(line, depth)?),
            Format::Caddy => caddy::finish(built_in.caddy.decode(line, depth)?),
            Format::NginxCombined | Format::Apache | Format::TraefikClf => access_log::decode(line),
            Format::EnvoyText => envoy_text::decode(line),
            Format::Haproxy => haproxy::decode(line),
            Format::AwsAlb => aws_alb::decode(line),
            Format::Iis => self.iis.decode(line),
            Format::Mapping => match &self.mapping {
                Some(mapping) => mapping.decode(line, depth),
                None => native::decode(line, depth, &self.order),
            },
            Format::Native | Format::Auto => native::decode(line, depth, &self.order),
        }
    }

    fn check_time(&self, time: Timestamp, stamped: Option<Timestamp>) -> Result<(), Rejection> {
        let (earliest, latest) = match stamped {
            Some(stamped) => (
                stamped.plus_micros(-self.max_age_micros).max(EARLIEST),
                stamped.plus_micros(HOUR_MICROS).min(LATEST),
            ),
            None => (EARLIEST, LATEST),
        };
        if time < earliest || time > latest {
            return Err(Rejection::new(
                RejectionReason::TimeOutOfBounds,
                format!("time {time} is not between {earliest} and {latest}"),
            ));
        }
        Ok(())
    }
}

fn check_bound(
    name: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), DecodeConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(DecodeConfigError::Bound {
        name,
        value,
        least,
        most,
    })
}

fn fingerprint(config: &Decode, mapping: Option<&Mapping>) -> u64 {
    let mut hash = Sha256::new();
    hash.update(DECODE_VERSION.to_be_bytes());
    hash.update(config.format.name());
    hash.update([0]);
    hash.update(&config.iis_fields);
    hash.update([0]);
    for bound in [
        config.max_record_bytes,
        config.max_depth,
        config.max_age_days as usize,
    ] {
        hash.update((bound as u64).to_be_bytes());
    }
    if let Some(mapping) = mapping {
        hash.update(mapping.source());
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}
