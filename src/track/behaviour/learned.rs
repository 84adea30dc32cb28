//! What was learned, kept outside of the process: a model that a shard begins from where it knows nothing yet.
//!
//! A model is what the shards knew at the end of a training, like by like. It is taken up when a like is met that a shard does not know, and in place of what a snapshot
//! knows that grew from another model. The file says which layout it has and what it measures, and has a checksum: what does not fit is refused.

use std::collections::BTreeMap;

use thiserror::Error;

use super::conduct::Like;
use super::rate::Rate;
use super::stratum::{StoredStratum, Stratum};
use super::sums::FEATURES;
use super::traits::DIMENSIONS;
use crate::track::snapshot::{SNAPSHOT_FORMAT, SnapshotError, seal, unseal};
use crate::track::stable_hash;

/// The first bytes of a file.
const MAGIC: &[u8; 8] = b"gwlearn1";

/// What was learned of behaviour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// Tells models apart: the hash of all that they know.
    pub(super) fingerprint: u64,
    pub(super) rate: Rate,
    /// Of each like, packed until it is met.
    strata: BTreeMap<Like, Vec<u8>>,
}

/// What a model knows of like entities.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedLike {
    /// Who they are: an integration, or all services or operations.
    pub name: String,
    /// How many entities are known.
    pub entities: usize,
    /// Rows that were scored.
    pub rows: u32,
}

/// Why a file is no model for this version.
#[derive(Debug, Error)]
pub enum LearnedError {
    /// Something else.
    #[error("this is no model of behaviour: it begins with other bytes")]
    Magic,
    /// Of another version of gatewatch.
    #[error(
        "the model has layout {found:016x}, this version has {:016x}: train it anew",
        layout()
    )]
    Layout {
        /// What it has.
        found: u64,
    },
    /// Cut short or changed.
    #[error("the model is damaged: {0}")]
    Damaged(#[from] SnapshotError),
}

/// The layout of what is known: of snapshots, features and kinds of values.
fn layout() -> u64 {
    let features = FEATURES.iter().map(|feature| feature.name.as_bytes());
    let dimensions = DIMENSIONS.iter().map(|(_, name)| name.as_bytes());
    let format = SNAPSHOT_FORMAT.to_be_bytes();
    let parts: Vec<&[u8]> = std::iter::once(format.as_slice())
        .chain(features)
        .chain(dimensions)
        .collect();
    stable_hash(&parts)
}

impl Learned {
    /// What shards know: of each its rate and its strata, which no two of them share.
    pub(super) fn of<'s>(
        rate: Rate,
        strata: impl Iterator<Item = (Like, StoredStratum<'s>)>,
    ) -> Learned {
        let strata: BTreeMap<Like, Vec<u8>> = strata
            .map(|(like, stratum)| (like, seal(&stratum)))
            .collect();
        Learned {
            fingerprint: fingerprint(&rate, &strata),
            rate,
            strata,
        }
    }

    /// Joins what other shards know.
    #[must_use]
    pub fn join(mut self, other: Learned) -> Learned {
        // All shards count the rows of all.
        if other.rate.a_day() > self.rate.a_day() {
            self.rate = other.rate;
        }
        self.strata.extend(other.strata);
        self.fingerprint = fingerprint(&self.rate, &self.strata);
        self
    }

    /// The bytes of its file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(layout().to_be_bytes());
        bytes.extend(seal(&(self.rate, &self.strata)));
        bytes
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// They are no model, one of another layout, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Learned, LearnedError> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(LearnedError::Magic)?;
        if magic != MAGIC {
            return Err(LearnedError::Magic);
        }
        let (found, rest) = rest
            .split_first_chunk::<8>()
            .ok_or(SnapshotError::Checksum)?;
        let found = u64::from_be_bytes(*found);
        if found != layout() {
            return Err(LearnedError::Layout { found });
        }
        let (rate, strata): (Rate, BTreeMap<Like, Vec<u8>>) = unseal(rest)?;
        Ok(Learned {
            fingerprint: fingerprint(&rate, &strata),
            rate,
            strata,
        })
    }

    /// Tells it from others.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What it knows, in order.
    #[must_use]
    pub fn likes(&self) -> Vec<LearnedLike> {
        let likes = self.strata.iter().filter_map(|(like, packed)| {
            let stored: StoredStratum<'_> = unseal(packed).ok()?;
            let stratum = Stratum::restore(stored, usize::MAX >> 8);
            Some(LearnedLike {
                name: like.home().to_owned(),
                entities: stratum.entities(),
                rows: stratum.scored(),
            })
        });
        likes.collect()
    }

    /// What it knows of a like; `None` where it knows nothing of it.
    pub(super) fn stratum(&self, like: &Like, entities: usize) -> Option<Stratum> {
        let stored = unseal(self.strata.get(like)?).ok()?;
        Some(Stratum::restore(stored, entities))
    }

    pub(super) fn knows(&self, like: &Like) -> bool {
        self.strata.contains_key(like)
    }
}

fn fingerprint(rate: &Rate, strata: &BTreeMap<Like, Vec<u8>>) -> u64 {
    let rate = seal(rate);
    let mut parts: Vec<&[u8]> = vec![&rate];
    for (like, packed) in strata {
        parts.push(like.home().as_bytes());
        parts.push(packed);
    }
    stable_hash(&parts)
}
