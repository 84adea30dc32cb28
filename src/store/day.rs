//! Counts of a day, for the mail that says that all is well.

use clickhouse::Row;
use serde::Deserialize;

use super::StoreError;
use super::client::Store;
use crate::event::Timestamp;

/// What was stored in a stretch of event time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// Rows in `events`.
    pub events: u64,
    /// Rows in `dead_letters`.
    pub dead_letters: u64,
    /// Alerts by level, least first.
    pub alerts: [u64; 5],
}

#[derive(Debug, Row, Deserialize)]
struct DayRow {
    events: u64,
    dead_letters: u64,
    alerts: Vec<u64>,
}

impl Store {
    /// Counts what has a time in `[since, until)`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn day_counts(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<DayCounts, StoreError> {
        let mut query = self.client.query(
            "WITH (SELECT groupArray(level) FROM (SELECT argMax(level, revision) AS level FROM alerts \
              WHERE last >= fromUnixTimestamp64Micro(?) AND last < fromUnixTimestamp64Micro(?) GROUP BY id)) AS levels \
             SELECT \
             (SELECT count() FROM events WHERE time >= fromUnixTimestamp64Micro(?) AND time < fromUnixTimestamp64Micro(?)) AS events, \
             (SELECT count() FROM dead_letters WHERE stamped >= fromUnixTimestamp64Micro(?) AND stamped < fromUnixTimestamp64Micro(?)) AS dead_letters, \
             arrayMap(name -> countEqual(levels, name), ['informational', 'low', 'medium', 'high', 'critical']) AS alerts",
        );
        for _ in 0..3 {
            query = query.bind(since.micros()).bind(until.micros());
        }
        let row = self
            .within(query.fetch_one::<DayRow>(), "the counts of a day", false)
            .await?;
        let mut alerts = [0; 5];
        for (slot, count) in alerts.iter_mut().zip(row.alerts) {
            *slot = count;
        }
        Ok(DayCounts {
            events: row.events,
            dead_letters: row.dead_letters,
            alerts,
        })
    }
}
