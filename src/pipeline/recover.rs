//! Recovery: from what the group and ClickHouse know to a plan for each partition.

use std::collections::BTreeSet;

use metrics::counter;
use tracing::{error, info, warn};

use super::health::{Health, Part};
use super::offsets::Intent;
use super::plan::{Plan, Unfinished};
use super::retry::patiently;
use crate::config::Start;
use crate::source::Assigned;
use crate::store::{Store, StoreError};
use crate::telemetry::metric;
use crate::track::PartitionClock;

/// When the group forgot its offset: so many of the last stored offsets are compared one by one.
const COMPARED: i64 = 200_000;

/// What recovery goes by.
pub struct Recovery<'r> {
    /// ClickHouse.
    pub store: &'r Store,
    /// The request topic.
    pub topic: &'r str,
    /// What turns bytes into rows, now.
    pub fingerprint: u64,
    /// Where a new group begins.
    pub start: Start,
    /// The clock of a partition of which nothing was read.
    pub clock: PartitionClock,
    /// Where it is said that ClickHouse is away.
    pub health: &'r Health,
}

/// Offsets that Kafka no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The partition.
    pub partition: i32,
    /// First offset that is gone.
    pub begin: i64,
    /// First offset that is there again.
    pub end: i64,
}

impl Recovery<'_> {
    /// Plans for partitions that the group gave us, and the offsets that are lost. Waits for ClickHouse.
    pub async fn plan(&self, assigned: &[Assigned]) -> (Vec<Plan>, Vec<Lost>) {
        let mut plans = Vec::new();
        let mut lost = Vec::new();
        for partition in assigned {
            let (mut plan, gap) = self.plan_partition(partition).await;
            plan.low = partition.low;
            info!(
                partition = plan.partition,
                commit = plan.commit,
                unfinished_end = plan.unfinished.as_ref().map(|block| block.end),
                repair = plan
                    .unfinished
                    .as_ref()
                    .is_some_and(|block| block.stored.is_some()),
                "partition taken up"
            );
            plans.push(plan);
            lost.extend(gap);
        }
        (plans, lost)
    }

    async fn plan_partition(&self, assigned: &Assigned) -> (Plan, Option<Lost>) {
        let partition = assigned.partition;
        let Some(committed) = assigned.committed else {
            return (self.without_commit(assigned).await, None);
        };
        let commit = committed.max(assigned.low);
        let lost = (committed < assigned.low).then_some(Lost {
            partition,
            begin: committed,
            end: assigned.low,
        });
        if let Some(lost) = lost {
            counter!(metric::OFFSETS_LOST)
                .increment(u64::try_from(lost.end - lost.begin).unwrap_or_default());
            error!(
                partition,
                begin = lost.begin,
                end = lost.end,
                "kafka no longer has these offsets; they are lost"
            );
        }
        let mut plan = Plan::fresh(partition, commit, self.clock);
        if let Some(intent) =
            Intent::from_metadata(&assigned.metadata).filter(|intent| intent.end > commit)
        {
            let same = intent.fingerprint == self.fingerprint && lost.is_none();
            let stored = if same {
                None
            } else {
                Some(self.stored(partition, commit, intent.end).await)
            };
            plan.unfinished = Some(Unfinished {
                end: intent.end,
                stored,
            });
        }
        (plan, lost)
    }

    /// The group knows nothing: it is new, or its offset expired. ClickHouse knows which.
    async fn without_commit(&self, assigned: &Assigned) -> Plan {
        let partition = assigned.partition;
        let last = self
            .ask(|| self.store.last_offset(self.topic, partition))
            .await;
        match last.filter(|last| (assigned.low..assigned.high).contains(last)) {
            Some(last) => {
                let begin = (last + 1 - COMPARED).max(assigned.low);
                warn!(
                    partition,
                    last,
                    begin,
                    "the group has no offset, but rows are stored: going on behind them"
                );
                let stored = Some(self.stored(partition, begin, last + 1).await);
                Plan {
                    unfinished: Some(Unfinished {
                        end: last + 1,
                        stored,
                    }),
                    ..Plan::fresh(partition, begin, self.clock)
                }
            }
            None => match self.start {
                Start::Earliest => Plan::fresh(partition, assigned.low, self.clock),
                Start::Latest => Plan::fresh(partition, assigned.high, self.clock),
            },
        }
    }

    /// Asks ClickHouse until it answers; meanwhile `/readyz` says what is missing.
    async fn ask<T, F>(&self, attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let failed = |error: &StoreError| self.health.down(Part::ClickHouse, &error.to_string());
        let answer = patiently("recovery", failed, attempt).await;
        self.health.up(Part::ClickHouse);
        answer
    }

    async fn stored(&self, partition: i32, begin: i64, end: i64) -> BTreeSet<i64> {
        self.ask(|| self.store.stored_offsets(self.topic, partition, begin, end))
            .await
            .into_iter()
            .collect()
    }
}
