//! Everything that happens to one record without memory of others: decode, enrich, match, redact.
//!
//! Rules see clear values; what leaves here is redacted.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use thiserror::Error;
use tracing::error;

pub use super::active::ActiveRules;
use super::active::Scratch;
use super::models::Models;
use super::promises;
use crate::config::{self, Config, SecretError};
use crate::contract::{ContractErrors, Contracts};
use crate::decode::{DecodeConfigError, Decoder, Rejection};
use crate::enrich::{EnrichConfigError, Enricher, Redactor};
use crate::event::{Event, Fact, FactSet, Timestamp};
use crate::sigma::RuleSet;
use crate::store::{Sealer, StoreError};
use crate::track::{Expectations, Learned, Plan, SeriesError, SeriesSpec};

/// How far the time of an event may be ahead of that of its record, microseconds: clocks of hosts differ a little.
const AHEAD_US: i64 = 60_000_000;

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
    /// A contract is wrong.
    #[error(transparent)]
    Contracts(#[from] ContractErrors),
    /// A number that cannot be watched.
    #[error(transparent)]
    Series(#[from] SeriesError),
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
    /// Whether records are stored events, which are redacted already.
    is_redacted: bool,
    sealer: Sealer,
    active: ArcSwap<ActiveRules>,
    track: config::Track,
    /// What contracts promise of the traffic as a whole.
    expectations: Arc<Expectations>,
    /// Numbers that are watched.
    series: Arc<[SeriesSpec]>,
    /// Fingerprint of the contracts.
    contracts: u64,
    /// Where the first event of an old log comes to.
    first_event_at: Option<Timestamp>,
    /// By how much its times are moved, microseconds; set by its first event.
    moved_by: OnceLock<i64>,
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
        let contracts = Contracts::configured(&config.contracts)?;
        let expectations = Arc::new(promises::of(&contracts));
        let series = Arc::from(SeriesSpec::all(&config.track.series)?);
        let learned = Models::configured(&config.track.behaviour).and_then(|models| {
            models.in_use().unwrap_or_else(|problem| {
                // To watch without it is better than not to watch.
                error!(%problem, "the model of behaviour does not fit and is not used: what is usual is learned anew");
                None
            })
        });
        let plan = Plan::of(&rules, config.track.clone())
            .with_expectations(Arc::clone(&expectations))
            .with_series(Arc::clone(&series))
            .with_learned(learned.map(Arc::new));
        let active = ActiveRules::new(rules, plan);
        Ok(Detection {
            contracts: contracts.fingerprint(),
            decoder: Decoder::new(&config.decode)?,
            enricher: Enricher::new(enrich)?.with_contracts(contracts),
            redactor: Redactor::new(key.expose().as_bytes(), &enrich.pseudonym_key_id),
            is_redacted: false,
            sealer: Sealer::from_config(&config.store)?,
            active: ArcSwap::from_pointee(active),
            expectations,
            series,
            track: config.track.clone(),
            first_event_at,
            moved_by: OnceLock::new(),
        })
    }

    /// What seals dead letters.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The same for stored events: what was found in them and their pseudonyms are kept as they are.
    #[must_use]
    pub fn of_stored(mut self) -> Self {
        self.is_redacted = true;
        self
    }

    /// The rules in force.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveRules> {
        self.active.load_full()
    }

    /// Whether these are still the rules in force.
    #[must_use]
    pub fn is_active(&self, rules: &Arc<ActiveRules>) -> bool {
        Arc::ptr_eq(&self.active.load(), rules)
    }

    /// Puts other rules in force: the blocks that begin from now on are matched by them. For one caller at a time.
    pub fn replace_rules(&self, rules: Arc<RuleSet>) {
        let generation = self.active.load().plan().generation + 1;
        let learned = self.active.load().plan().learned().cloned();
        self.replace(rules, learned, generation);
    }

    /// Puts another model of behaviour in force in the same way; the rules stay.
    pub fn replace_model(&self, learned: Option<Arc<Learned>>) {
        let active = self.active.load_full();
        let generation = active.plan().generation + 1;
        self.replace(active.rule_set(), learned, generation);
    }

    fn replace(&self, rules: Arc<RuleSet>, learned: Option<Arc<Learned>>, generation: u64) {
        let mut plan = Plan::of(&rules, self.track.clone())
            .with_expectations(Arc::clone(&self.expectations))
            .with_series(Arc::clone(&self.series))
            .with_learned(learned);
        plan.generation = generation;
        self.active.store(Arc::new(ActiveRules::new(rules, plan)));
    }

    /// Id of the pseudonym key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.redactor.key_id()
    }

    /// What turns bytes into rows: build, format, mapping, key, contracts. Two equal fingerprints make the same rows of the same bytes.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(self.decoder.fingerprint().to_be_bytes());
        hash.update(self.redactor.key_id());
        hash.update(self.contracts.to_be_bytes());
        if let Some(at) = self.first_event_at {
            hash.update(at.micros().to_be_bytes());
        }
        let digest = hash.finalize();
        digest[..8]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Takes one record through, by the rules in force when its block was begun. What they say of it is in `scratch` until the
    /// next record.
    pub fn process<'r>(
        &self,
        active: &ActiveRules,
        raw: &'r [u8],
        stamped: Option<Timestamp>,
        scratch: &mut Scratch,
    ) -> Outcome<'r> {
        scratch.clear();
        let mut event = match self.decoder.decode(raw, stamped) {
            Ok(event) => event,
            Err(rejection) => return Outcome::Rejected(rejection),
        };
        if self.is_redacted {
            event.facts = stored_facts(raw);
            self.enricher.decode_again(&mut event);
            active.judge(&event, scratch);
            return Outcome::Event(event);
        }
        self.move_times(&mut event);
        self.enricher.enrich(&mut event);
        if stamped.is_some_and(|stamp| event.time.since(stamp) > AHEAD_US) {
            event.facts.insert(Fact::ClockAhead);
        }
        active.judge(&event, scratch);
        self.redactor.redact(&mut event);
        Outcome::Event(event)
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

    /// The beginning of a bad record as people may see it.
    #[must_use]
    pub fn sample(&self, raw: &[u8]) -> String {
        self.redactor.sample(raw)
    }
}

/// The facts of a stored event, which stand last in its record.
fn stored_facts(raw: &[u8]) -> FactSet {
    const KEY: &[u8] = b",\"facts\":[";
    let mut facts = FactSet::default();
    // Within a text a quote is escaped, so this is the key.
    let Some(at) = memchr::memmem::rfind(raw, KEY) else {
        return facts;
    };
    for name in raw[at + KEY.len()..].split(|byte| *byte == b'"') {
        let fact = std::str::from_utf8(name).ok().and_then(Fact::from_name);
        if let Some(fact) = fact {
            facts.insert(fact);
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_stored_event_are_read_back() {
        let raw = br#"{"time":"x","path":"/a,\"facts\":[\"tls.old\"]","status":200,"facts":["attack.sqli","no.such.fact"]}"#;
        let facts = stored_facts(raw);
        assert!(facts.contains(Fact::AttackSqli) && facts.iter().count() == 1);
        assert!(stored_facts(b"{}").is_empty());
        assert!(stored_facts(br#"{"a":1,"facts":[]}"#).is_empty());
    }
}
