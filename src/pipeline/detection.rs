//! Everything that happens to one record without memory of others: decode, enrich, match, redact.
//!
//! Rules see clear values; what leaves here is redacted.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use metrics::{Counter, counter};
use thiserror::Error;

use crate::config::{Config, SecretError};
use crate::decode::{DecodeConfigError, Decoder, Rejection};
use crate::enrich::{EnrichConfigError, Enricher, Redactor};
use crate::event::{Event, Timestamp};
use crate::sigma::{self, PatternHit, RuleSet};
use crate::store::{Sealer, StoreError};
use crate::telemetry::metric;

/// One event of so many tells what a rule costs.
const SAMPLED: usize = 64;
/// Least length of the pseudonym key, bytes.
const KEY_BYTES: usize = 32;

/// What keeps detection from being set up.
#[derive(Debug, Error)]
pub enum DetectionError {
    /// The settings of decode.
    #[error(transparent)]
    Decode(#[from] DecodeConfigError),
    /// The settings of enrich.
    #[error(transparent)]
    Enrich(#[from] EnrichConfigError),
    /// The file of the pseudonym key.
    #[error("enrich: {0}")]
    Secret(#[from] SecretError),
    /// No pseudonym key, or a short one.
    #[error(
        "enrich.pseudonym_key has {0} bytes, but needs {KEY_BYTES} or more: make one with `openssl rand -hex 32`, name its file in \
         enrich.pseudonym_key_file or set GATEWATCH_ENRICH__PSEUDONYM_KEY"
    )]
    Key(usize),
    /// A time that is none.
    #[error("source.first_event_at: {0:?} is no RFC 3339 time; write it as 2026-11-01T00:00:00Z")]
    FirstEvent(String),
    /// The key that seals dead letters.
    #[error(transparent)]
    Seal(#[from] StoreError),
}

/// Decode, enrich, match and redact, as configured. Shared by all workers.
pub struct Detection {
    decoder: Decoder,
    enricher: Enricher,
    redactor: Redactor,
    sealer: Sealer,
    /// Counters of each rule, in the order of the rules.
    counters: Vec<RuleCounters>,
    rules: Arc<RuleSet>,
    /// Where the first event of an old log comes to.
    first_event_at: Option<Timestamp>,
    /// By how much its times are moved, microseconds; set by its first event.
    moved_by: OnceLock<i64>,
}

/// What is counted of a rule.
struct RuleCounters {
    matches: Counter,
    samples: Counter,
    nanoseconds: Counter,
}

impl RuleCounters {
    fn new(id: &str) -> Self {
        let rule = id.to_owned();
        RuleCounters {
            matches: counter!(metric::MATCHES, "rule" => rule.clone()),
            samples: counter!(metric::RULE_SAMPLES, "rule" => rule.clone()),
            nanoseconds: counter!(metric::RULE_NANOSECONDS, "rule" => rule),
        }
    }
}

/// Memory that a worker uses again for each record.
pub struct Scratch {
    sigma: sigma::Scratch,
    hits: Vec<(u32, Vec<PatternHit>)>,
    /// Events so far.
    events: usize,
}

/// What became of a record.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are events, and boxing one costs an allocation a record"
)]
pub enum Outcome<'r> {
    /// An event, redacted.
    Event(Event<'r>),
    /// A dead letter.
    Rejected(Rejection),
}

impl Detection {
    /// As `config` says, with `rules`.
    ///
    /// # Errors
    /// A setting is wrong or a key is missing.
    pub fn new(config: &Config, rules: Arc<RuleSet>) -> Result<Self, DetectionError> {
        let enrich = &config.enrich;
        let key = enrich
            .pseudonym_key
            .resolve(enrich.pseudonym_key_file.as_deref(), "pseudonym_key")?;
        if key.expose().len() < KEY_BYTES {
            return Err(DetectionError::Key(key.expose().len()));
        }
        let first_event_at = match &config.source.first_event_at {
            Some(text) => Some(
                Timestamp::parse_rfc3339(text)
                    .ok_or_else(|| DetectionError::FirstEvent(text.clone()))?,
            ),
            None => None,
        };
        Ok(Detection {
            decoder: Decoder::new(&config.decode)?,
            enricher: Enricher::new(enrich)?,
            redactor: Redactor::new(key.expose().as_bytes(), &enrich.pseudonym_key_id),
            sealer: Sealer::from_config(&config.store)?,
            counters: rules
                .rules()
                .iter()
                .map(|rule| RuleCounters::new(&rule.meta.id.to_string()))
                .collect(),
            rules,
            first_event_at,
            moved_by: OnceLock::new(),
        })
    }

    /// What seals dead letters.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Id of the pseudonym key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.redactor.key_id()
    }

    /// What turns bytes into rows: build, format, mapping, key. Two equal fingerprints make the same rows of the same bytes.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(self.decoder.fingerprint().to_be_bytes());
        hash.update(self.redactor.key_id());
        if let Some(at) = self.first_event_at {
            hash.update(at.micros().to_be_bytes());
        }
        let digest = hash.finalize();
        digest[..8]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Memory for one worker.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        Scratch {
            sigma: self.rules.scratch(),
            hits: Vec::new(),
            events: 0,
        }
    }

    /// Takes one record through. The rules that matched it are in `scratch` until the next record.
    pub fn process<'r>(
        &self,
        raw: &'r [u8],
        stamped: Option<Timestamp>,
        scratch: &mut Scratch,
    ) -> Outcome<'r> {
        scratch.hits.clear();
        let mut event = match self.decoder.decode(raw, stamped) {
            Ok(event) => event,
            Err(rejection) => return Outcome::Rejected(rejection),
        };
        self.move_times(&mut event);
        self.enricher.enrich(&mut event);
        for &rule in self.rules.matches(&event, &mut scratch.sigma) {
            scratch.hits.push((rule, self.rules.explain(rule, &event)));
        }
        self.sample_cost(&event, scratch);
        self.redactor.redact(&mut event);
        Outcome::Event(event)
    }

    /// Times one rule on one event of [`SAMPLED`], the rules in turn.
    fn sample_cost(&self, event: &Event<'_>, scratch: &mut Scratch) {
        scratch.events = scratch.events.wrapping_add(1);
        if !scratch.events.is_multiple_of(SAMPLED) || self.counters.is_empty() {
            return;
        }
        let index = scratch.events / SAMPLED % self.counters.len();
        let begin = Instant::now();
        let rule = u32::try_from(index).expect("rules are counted in 32 bits");
        std::hint::black_box(self.rules.matches_alone(rule, event, &mut scratch.sigma));
        let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counters[index].nanoseconds.increment(took);
        self.counters[index].samples.increment(1);
    }

    /// The time of a record, if it is an event. When it is the first of an old log, this settles where all others move.
    #[must_use]
    pub fn time_of(&self, raw: &[u8]) -> Option<Timestamp> {
        let mut event = self.decoder.decode(raw, None).ok()?;
        self.move_times(&mut event);
        Some(event.time)
    }

    fn move_times(&self, event: &mut Event<'_>) {
        if let Some(at) = self.first_event_at {
            let micros = self.moved_by.get_or_init(|| at.since(event.time));
            event.move_times(*micros);
        }
    }

    /// Counts a match of a rule; the recorder of metrics has to be there before [`Detection::new`].
    pub fn count_match(&self, rule: u32) {
        self.counters[rule as usize].matches.increment(1);
    }

    /// The beginning of a bad record as people may see it.
    #[must_use]
    pub fn sample(&self, raw: &[u8]) -> String {
        self.redactor.sample(raw)
    }
}

impl Scratch {
    /// The rules that matched the last record, with the patterns that held.
    pub fn take_hits(&mut self) -> impl Iterator<Item = (u32, Vec<PatternHit>)> + '_ {
        self.hits.drain(..)
    }
}
