//! State of the shards in ClickHouse: rounds of snapshots, all shards of a round at the same barrier.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{info, warn};

use super::plan::Plan;
use super::retry::patiently;
use super::shards::{Tracker, TrackerSnapshot};
use crate::event::Timestamp;
use crate::store::{Snapshot, Store, StoreError};
use crate::track::{self, PartitionClock, SHARDS};

/// Rounds of one source. The store keeps the last three.
pub struct Rounds {
    store: Arc<Store>,
    /// The source, as it stands in stored rows.
    group: String,
    /// Number of the newest round.
    sequence: u64,
    /// Where the shards stand in partitions of which they have applied nothing yet.
    starts: BTreeMap<i32, i64>,
}

impl Rounds {
    /// Stores a round. An empty one changes nothing.
    ///
    /// # Errors
    /// ClickHouse cannot be reached or refuses.
    pub async fn save(&mut self, shards: &[TrackerSnapshot]) -> Result<(), StoreError> {
        if shards.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        self.store_round(shards).await
    }

    async fn store_round(&self, shards: &[TrackerSnapshot]) -> Result<(), StoreError> {
        let rows: Vec<Snapshot> = shards
            .iter()
            .map(|shard| to_row(shard, self.sequence, &self.starts))
            .collect();
        self.store.save_snapshots(&self.group, &rows).await
    }
}

fn to_row(snapshot: &TrackerSnapshot, sequence: u64, starts: &BTreeMap<i32, i64>) -> Snapshot {
    let versions = [
        ("code".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("rules".to_owned(), format!("{:016x}", snapshot.state.rules)),
    ];
    let mut offsets = starts.clone();
    offsets.extend(
        snapshot
            .state
            .progress
            .iter()
            .map(|(partition, progress)| (*partition, progress.next)),
    );
    Snapshot {
        shard: u16::try_from(snapshot.shard).expect("there are 64 shards"),
        sequence,
        offsets,
        versions: BTreeMap::from(versions),
        data: postcard::to_allocvec(snapshot).expect("a snapshot is plain data"),
    }
}

/// Restores the shards from the newest whole round whose offsets are all at or below the commits of `plans`, and lets each plan begin
/// where that round ends. Waits for ClickHouse.
pub async fn restore(
    store: &Arc<Store>,
    group: &str,
    plan: Arc<track::Plan>,
    plans: &mut [Plan],
) -> (Tracker, Rounds) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shards: Vec<u16> = (0..SHARDS)
        .map(|shard| u16::try_from(shard).expect("there are 64 shards"))
        .collect();
    let rows = patiently("snapshots", |_| {}, || store.load_snapshots(group, &shards)).await;
    let sequence = rows.iter().map(|row| row.sequence).max().unwrap_or(0);
    let mut rounds = Rounds {
        store: store.clone(),
        group: group.to_owned(),
        sequence,
        starts: BTreeMap::new(),
    };
    let mut by_sequence: BTreeMap<u64, Vec<&Snapshot>> = BTreeMap::new();
    for row in &rows {
        by_sequence.entry(row.sequence).or_default().push(row);
    }
    for (sequence, round) in by_sequence.iter().rev() {
        if round.len() != SHARDS || !round.iter().all(|row| is_at_or_below(row, plans)) {
            continue;
        }
        match read(round, &plan, threads) {
            Ok(tracker) => {
                for plan in plans.iter_mut() {
                    take_up(plan, &tracker, &round[0].offsets);
                }
                rounds.starts = starts(plans);
                info!(sequence, "state restored");
                return (tracker, rounds);
            }
            Err(problem) => warn!(sequence, %problem, "a round of snapshots cannot be read"),
        }
    }
    if !rows.is_empty() {
        warn!(
            "no round of snapshots is whole and at or below the commits: windows and baselines begin empty"
        );
    }
    // From now on what is committed can be read again for the shards, however early the next crash comes.
    rounds.starts = starts(plans);
    let mut tracker = Tracker::new(plan, threads);
    let shards = tracker.snapshots();
    rounds.sequence += 1;
    patiently(
        "the first snapshots",
        |_| {},
        || rounds.store_round(&shards),
    )
    .await;
    (tracker, rounds)
}

fn starts(plans: &[Plan]) -> BTreeMap<i32, i64> {
    plans
        .iter()
        .map(|plan| (plan.partition, plan.start))
        .collect()
}

fn is_at_or_below(row: &Snapshot, plans: &[Plan]) -> bool {
    plans.iter().all(|plan| {
        row.offsets
            .get(&plan.partition)
            .is_none_or(|offset| *offset <= plan.commit)
    })
}

fn read(
    round: &[&Snapshot],
    plan: &Arc<track::Plan>,
    threads: usize,
) -> Result<Tracker, Box<dyn std::error::Error>> {
    let snapshots: Vec<TrackerSnapshot> = round
        .iter()
        .map(|row| postcard::from_bytes(&row.data))
        .collect::<Result<_, _>>()?;
    Ok(Tracker::restore(plan.clone(), threads, &snapshots)?)
}

/// Lets a plan begin where the shards stand; `offsets` knows it for partitions of which they have applied nothing yet.
fn take_up(plan: &mut Plan, tracker: &Tracker, offsets: &BTreeMap<i32, i64>) {
    let resumed = tracker.resume(plan.partition);
    let Some(offset) = resumed
        .map(|(offset, _)| offset)
        .or(offsets.get(&plan.partition).copied())
    else {
        return;
    };
    plan.start = offset.max(plan.low).min(plan.commit);
    if let Some((_, clock)) = resumed {
        plan.clock = clock;
        plan.cuts = tracker.cuts(plan.partition).to_vec();
    }
}

/// The clock of a partition of which nothing was read.
#[must_use]
pub fn fresh_clock(plan: &track::Plan) -> PartitionClock {
    PartitionClock::new(Timestamp::MIN, plan.lateness_us())
}
