//! The counts of the daily mail, from ClickHouse.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tracing::debug;

use crate::event::Timestamp;
use crate::notify::Outcomes;
use crate::notify::mail::DailyCounts;
use crate::store::Store;

/// How often the counts are taken; the mail goes out with the newest.
const EVERY: Duration = Duration::from_secs(300);
const DAY_US: i64 = 86_400_000_000;

/// Keeps the counts of the last 24 hours fresh until nobody looks any more.
pub fn counts(store: Arc<Store>, outcomes: Arc<Outcomes>) -> watch::Receiver<Option<DailyCounts>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        while !sender.is_closed() {
            ticks.tick().await;
            match take(&store, &outcomes).await {
                Ok(counts) => drop(sender.send_replace(Some(counts))),
                Err(error) => debug!(%error, "the counts of the day could not be taken"),
            }
        }
    });
    receiver
}

async fn take(store: &Store, outcomes: &Outcomes) -> Result<DailyCounts, crate::store::StoreError> {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_micros());
    let until = Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    let since = until.plus_micros(-DAY_US);
    let day = store.day_counts(since, until).await?;
    Ok(DailyCounts {
        since,
        until,
        events: day.events + day.dead_letters,
        stored: day.events,
        dead_letters: day.dead_letters,
        late: 0,
        alerts: day.alerts,
        mails_sent: outcomes.sent.get(),
        mails_held: outcomes.held.get() + outcomes.backlog.get(),
        mails_failed: outcomes.refused.get() + outcomes.given_up.get(),
        gaps: Vec::new(),
    })
}
