//! A shard as bytes and back.
//!
//! The state is postcard behind a checksum. It names rules and correlations by id and content hash: on restore, what
//! belongs to a rule that is gone or changed is left out (and counted), everything else goes on. Offsets and watermark stand
//! outside of the state, so a shard that is not dirty can be stored anew with its old state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::baseline::StoredBaseline;
use super::behaviour::StoredBehaviour;
use super::correlation::StoredGroup;
use super::places::Places;
use super::queue::Queue;
use super::series::StoredSeries;
use super::sources::{Progress, Sources};
use super::split::{Target, Turn, Waiting};
use super::watch::StoredWatch;
use super::{CorrelationKey, Entity, Packed, Plan, Shard};
use crate::event::Timestamp;

/// Version of the layout of a snapshot's state; one of another version is not read.
pub const SNAPSHOT_FORMAT: u16 = 15;

/// A shard's state between two blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSnapshot {
    /// Version of the layout of `state`.
    pub format: u16,
    /// [`Plan::fingerprint`] of the rules it was made with.
    pub rules: u64,
    /// How far each partition was applied.
    pub progress: BTreeMap<i32, Progress>,
    /// Every event whose turn comes before was taken.
    pub watermark: Timestamp,
    /// The rest, for [`Shard::restore`].
    pub state: Vec<u8>,
}

/// A snapshot cannot be used.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Written by another version.
    #[error(
        "the snapshot has format {found}, this version reads {SNAPSHOT_FORMAT}: use an older one or replay from the start"
    )]
    Format {
        /// The format that it has.
        found: u16,
    },
    /// Cut short or changed on its way.
    #[error("the snapshot's checksum is wrong: use an older one or replay from the start")]
    Checksum,
    /// Not the layout that its format promises.
    #[error("the snapshot cannot be read: {0}")]
    Layout(#[from] postcard::Error),
}

#[derive(Serialize, Deserialize)]
struct StoredShard<'a> {
    rules: Vec<(Uuid, u64)>,
    correlations: Vec<(Uuid, u64, Vec<StoredGroup<'a>>)>,
    waiting: Vec<StoredWaiting>,
    absences: Vec<StoredAbsence>,
    /// Of each level, up to where it was released.
    released: Vec<Timestamp>,
    #[serde(borrow)]
    baseline: StoredBaseline<'a>,
    #[serde(borrow)]
    behaviour: StoredBehaviour<'a>,
    series: StoredSeries,
    watch: StoredWatch,
}

/// What a group of an absence waits for.
#[derive(Serialize, Deserialize)]
struct StoredAbsence {
    /// Index into the stored correlations.
    correlation: u32,
    entity: Entity,
    answered: Option<Timestamp>,
    /// With how often each happened.
    waits: Vec<(StoredWaiting, u32)>,
}

#[derive(Serialize, Deserialize)]
struct StoredWaiting {
    due: Timestamp,
    partition: i32,
    offset: i64,
    /// Index into the stored correlations; `None`: a finding of its own rule.
    correlation: Option<u32>,
    /// Index into the stored rules.
    rule: u32,
    time: Timestamp,
    late: bool,
    entity: Entity,
    value: Option<u64>,
    evidence: Packed,
    /// Correlations by index into the stored ones.
    above: Box<[CorrelationKey]>,
}

impl Shard {
    /// The shard as it is between two blocks; it counts as clean from now on.
    ///
    /// # Panics
    /// Never: the state has no type that postcard refuses.
    #[must_use]
    pub fn snapshot(&mut self) -> ShardSnapshot {
        let plan = &self.plan;
        let stored = StoredShard {
            rules: plan
                .rules
                .iter()
                .map(|rule| (rule.meta.id, rule.content))
                .collect(),
            correlations: plan
                .correlations
                .iter()
                .zip(&self.correlations)
                .map(|(spec, state)| (spec.meta.id, spec.content, state.store()))
                .collect(),
            waiting: self
                .queues
                .iter()
                .flat_map(Queue::sorted)
                .map(|(turn, waiting)| store(turn, waiting))
                .collect(),
            absences: self
                .absences
                .iter()
                .map(|group| StoredAbsence {
                    correlation: group.correlation,
                    entity: group.entity.clone(),
                    answered: group.answered,
                    waits: group
                        .waits
                        .into_iter()
                        .map(|(turn, waiting, count)| (store(turn, waiting), count))
                        .collect(),
                })
                .collect(),
            released: self.queues.iter().map(|queue| queue.released).collect(),
            baseline: self.baseline.store(),
            behaviour: self.behaviour.store(),
            series: self.series.store(),
            watch: self.watch.store(),
        };
        self.dirty = false;
        ShardSnapshot {
            format: SNAPSHOT_FORMAT,
            rules: plan.fingerprint,
            progress: self.sources.progress().clone(),
            watermark: self.watermark,
            state: {
                let state = seal_in(&stored, self.stored + self.stored / 8);
                self.stored = state.len();
                state
            },
        }
    }

    /// A shard that goes on from a snapshot.
    ///
    /// # Errors
    /// When the snapshot is of another format or broken. Rules that were changed are no error: their state is left out.
    pub fn restore(plan: Arc<Plan>, snapshot: &ShardSnapshot) -> Result<Shard, SnapshotError> {
        if snapshot.format != SNAPSHOT_FORMAT {
            return Err(SnapshotError::Format {
                found: snapshot.format,
            });
        }
        let stored: StoredShard<'_> = unseal(&snapshot.state)?;
        let mut shard = Shard::new(plan);
        let places = Places::in_plan(
            &shard.plan,
            stored.rules.iter().copied(),
            stored
                .correlations
                .iter()
                .map(|(id, content, _)| (*id, *content)),
        );
        for (at, (_, _, groups)) in (0..).zip(stored.correlations) {
            match places.correlation(at) {
                Some(index) => shard.correlations[index as usize].restore(groups),
                None => shard.counts.dropped_on_restore += groups.len() as u64,
            }
        }
        for waiting in stored.waiting {
            match locate(&places, waiting) {
                Some((turn, waiting)) => shard.queue(turn, waiting),
                None => shard.counts.dropped_on_restore += 1,
            }
        }
        for group in stored.absences {
            shard.restore_absence(&places, group);
        }
        shard.baseline.restore(stored.baseline);
        let plan = Arc::clone(&shard.plan);
        shard.behaviour.restore(stored.behaviour, &plan);
        shard.series.restore(stored.series);
        shard.watch.restore(stored.watch);
        shard.sources = Sources::restored(snapshot.progress.clone());
        shard.watermark = snapshot.watermark;
        for (queue, released) in shard.queues.iter_mut().zip(stored.released) {
            queue.released = released;
        }
        Ok(shard)
    }
}

impl Shard {
    fn restore_absence(&mut self, places: &Places, stored: StoredAbsence) {
        let plan = Arc::clone(&self.plan);
        if let (Some(correlation), Some(answered)) =
            (places.correlation(stored.correlation), stored.answered)
        {
            let absences = &mut self.absences;
            absences.answer_again(correlation, stored.entity, answered, &plan);
        }
        for (waiting, count) in stored.waits {
            match locate(places, waiting) {
                Some((turn, waiting)) => self.absences.await_again(turn, waiting, count, &plan),
                None => self.counts.dropped_on_restore += 1,
            }
        }
    }
}

/// A stored match where it stands in the present plan; `None` when its rule or correlation is gone or changed.
fn locate(places: &Places, stored: StoredWaiting) -> Option<(Turn, Waiting)> {
    let rule = places.rule(stored.rule)?;
    let target = match stored.correlation {
        None => Target::Rule(rule),
        Some(at) => Target::group(places.correlation(at)?, &stored.entity),
    };
    let turn = Turn {
        due: stored.due,
        partition: stored.partition,
        offset: stored.offset,
        target,
    };
    let waiting = Waiting {
        time: stored.time,
        late: stored.late,
        entity: stored.entity,
        value: stored.value,
        rule,
        evidence: stored.evidence,
        above: places.keys(stored.above),
    };
    Some((turn, waiting))
}

fn store(turn: &Turn, waiting: &Waiting) -> StoredWaiting {
    StoredWaiting {
        due: turn.due,
        partition: turn.partition,
        offset: turn.offset,
        correlation: match turn.target {
            Target::Rule(_) => None,
            Target::Group { correlation, .. } => Some(correlation),
        },
        rule: waiting.rule,
        time: waiting.time,
        late: waiting.late,
        entity: waiting.entity.clone(),
        value: waiting.value,
        evidence: waiting.evidence.clone(),
        above: waiting.above.clone(),
    }
}

const CHECKSUM: usize = 16;

/// Bytes behind those that are there already.
struct Bytes(Vec<u8>);

impl postcard::ser_flavors::Flavor for Bytes {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Against accidents, as ClickHouse checks its own: of some ten megabytes a cryptographic one takes longer than all the rest.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    cityhash_rs::cityhash_102_128(bytes).to_be_bytes()
}

/// Postcard behind the checksum of its bytes.
pub(crate) fn seal<T: Serialize>(value: &T) -> Vec<u8> {
    seal_in(value, 0)
}

/// The same, where it is known about how many bytes come.
fn seal_in<T: Serialize>(value: &T, bytes: usize) -> Vec<u8> {
    let mut room = Vec::with_capacity(CHECKSUM + bytes);
    room.resize(CHECKSUM, 0);
    let room = Bytes(room);
    let mut sealed = postcard::serialize_with_flavor(value, room)
        .expect("state has known lengths and no flattening");
    let checksum = checksum(&sealed[CHECKSUM..]);
    sealed[..CHECKSUM].copy_from_slice(&checksum);
    sealed
}

/// What [`seal`] sealed.
pub(crate) fn unseal<'b, T: Deserialize<'b>>(sealed: &'b [u8]) -> Result<T, SnapshotError> {
    let (checksum, bytes) = sealed
        .split_first_chunk::<CHECKSUM>()
        .ok_or(SnapshotError::Checksum)?;
    if self::checksum(bytes) != *checksum {
        return Err(SnapshotError::Checksum);
    }
    Ok(postcard::from_bytes(bytes)?)
}
