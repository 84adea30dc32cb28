//! The counts of the daily mail: of the store from ClickHouse, of mails from the notifier.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Timestamp;
use crate::notify::mail::{DailyCounts, Gap};
use crate::notify::{Outcomes, now};
use crate::store::{DayGap, Store, StoreError};

const DAY_US: i64 = 86_400_000_000;

/// Takes the counts of the last 24 hours.
pub(super) struct Counts {
    mails: Mails,
    outcomes: Arc<Outcomes>,
    silence: Duration,
}

impl Counts {
    /// A gateway silent for `silence` is a gap.
    pub(super) fn new(outcomes: Arc<Outcomes>, silence: Duration) -> Self {
        Counts {
            mails: Mails::default(),
            outcomes,
            silence,
        }
    }

    /// The counts up to now.
    pub(super) async fn take(&mut self, store: &Store) -> Result<DailyCounts, StoreError> {
        let until = now();
        let since = until.plus_micros(-DAY_US);
        let mails = self.mails.within(since, until, &self.outcomes);
        take(store, since, until, self.silence, mails).await
    }
}

/// Totals of mails at the last looks, oldest first: sent, held back, failed.
#[derive(Default)]
struct Mails(VecDeque<(Timestamp, [u64; 3])>);

impl Mails {
    /// How many there were in `[since, until)`, as far as was looked.
    fn within(&mut self, since: Timestamp, until: Timestamp, outcomes: &Outcomes) -> [u64; 3] {
        let total = [
            outcomes.sent.get(),
            outcomes.held.get() + outcomes.backlog.get(),
            outcomes.refused.get() + outcomes.given_up.get(),
        ];
        self.0.push_back((until, total));
        while self.0.get(1).is_some_and(|(next, _)| *next <= since) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some((at, before)) if *at <= since => {
                std::array::from_fn(|index| total[index] - before[index])
            }
            _ => total,
        }
    }
}

async fn take(
    store: &Store,
    since: Timestamp,
    until: Timestamp,
    silence: Duration,
    [mails_sent, mails_held, mails_failed]: [u64; 3],
) -> Result<DailyCounts, StoreError> {
    let day = store.day_counts(since, until).await?;
    let gaps = store.day_gaps(since, until, silence).await?;
    let mut gaps: Vec<Gap> = gaps.into_iter().map(gap).collect();
    let chain = match store.chain_head().await {
        Ok(head) => head.map(|head| (head.number, head.hash)),
        // No reason to keep the mail back: it is what the mail must say.
        Err(broken @ StoreError::Chain { .. }) => {
            gaps.push(Gap {
                source: "chain".to_owned(),
                since: until,
                until,
                lost: Some(broken.to_string()),
            });
            None
        }
        Err(error) => return Err(error),
    };
    Ok(DailyCounts {
        since,
        until,
        events: day.events + day.dead_letters,
        stored: day.events,
        dead_letters: day.dead_letters,
        alerts: day.alerts,
        mails_sent,
        mails_held,
        mails_failed,
        chain,
        gaps,
    })
}

fn gap(gap: DayGap) -> Gap {
    match gap {
        DayGap::Silent {
            gateway,
            since,
            until,
        } => Gap {
            source: gateway,
            since,
            until,
            lost: None,
        },
        DayGap::Lost {
            source,
            found,
            detail,
        } => Gap {
            source,
            since: found,
            until: found,
            lost: Some(detail),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_those_of_the_day() {
        let hour = |hour: i64| Timestamp::from_seconds(hour * 3_600);
        let outcomes = Outcomes::default();
        let mut mails = Mails::default();
        outcomes.sent.count();
        assert_eq!(mails.within(hour(-24), hour(0), &outcomes), [1, 0, 0]);
        outcomes.sent.count();
        assert_eq!(mails.within(hour(-1), hour(23), &outcomes), [2, 0, 0]);
        outcomes.held.count();
        assert_eq!(mails.within(hour(1), hour(25), &outcomes), [1, 1, 0]);
        assert_eq!(mails.within(hour(23), hour(47), &outcomes), [0, 1, 0]);
    }
}
