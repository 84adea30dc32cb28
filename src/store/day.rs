//! Counts of a day, for the mail that says that all is well.

use std::time::Duration;

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

/// A stretch of a day that the tables do not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayGap {
    /// A gateway wrote nothing.
    Silent {
        /// The gateway; its topic where the log does not name it.
        gateway: String,
        /// End of its last five minutes with events.
        since: Timestamp,
        /// Next event, or the end of the day.
        until: Timestamp,
    },
    /// Records were gone before they were read.
    Lost {
        /// Topic and partition.
        source: String,
        /// When it was found out.
        found: Timestamp,
        /// Which offsets, in words.
        detail: String,
    },
}

/// So many gaps are looked up.
const GAPS: usize = 100;
const FIVE_MINUTES_US: i64 = 300_000_000;

#[derive(Debug, Row, Deserialize)]
struct SilenceRow {
    gateway: String,
    since: i64,
    until: i64,
}

#[derive(Debug, Row, Deserialize)]
struct LostRow {
    source: String,
    found: i64,
    detail: String,
}

#[derive(Debug, Row, Deserialize)]
struct DayRow {
    events: u64,
    dead_letters: u64,
    alerts: Vec<u64>,
}

impl Store {
    /// Counts events and alerts with a time in `[since, until)`, and dead letters that came in it.
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
              WHERE shadow = 0 AND last >= fromUnixTimestamp64Micro(?) AND last < fromUnixTimestamp64Micro(?) GROUP BY id)) AS levels \
             SELECT \
             assumeNotNull((SELECT count() FROM events WHERE time >= fromUnixTimestamp64Micro(?) AND time < fromUnixTimestamp64Micro(?))) AS events, \
             assumeNotNull((SELECT count() FROM dead_letters WHERE reason != 'offsets_lost' AND received >= fromUnixTimestamp64Micro(?) AND received < fromUnixTimestamp64Micro(?))) AS dead_letters, \
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

    /// What is missing in `[since, until)`: gateways that were silent for `silence` or longer (a gateway is known by the day before), and
    /// ranges of records that were lost. At most a hundred of each, oldest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn day_gaps(
        &self,
        since: Timestamp,
        until: Timestamp,
        silence: Duration,
    ) -> Result<Vec<DayGap>, StoreError> {
        let silence_us = i64::try_from(silence.as_micros()).unwrap_or(i64::MAX / 4);
        let silent = self
            .client
            .query(
                "SELECT gateway, gap.1 AS since, gap.2 AS until FROM ( \
                   SELECT if(gateway = '', topic, gateway) AS gateway, \
                     arraySort(groupUniqArray(toInt64(toUnixTimestamp(toStartOfFiveMinutes(time))) * 1000000)) AS times, \
                     arrayJoin(arrayFilter(gap -> gap.2 > ? AND gap.2 - gap.1 >= ?, \
                       arrayZip(times, arrayPushBack(arrayPopFront(times), ?)))) AS gap \
                   FROM events WHERE time >= fromUnixTimestamp64Micro(?) AND time < fromUnixTimestamp64Micro(?) GROUP BY gateway) \
                 ORDER BY since, gateway LIMIT ?",
            )
            .bind(since.micros())
            .bind(silence_us.saturating_add(FIVE_MINUTES_US))
            .bind(until.micros())
            .bind(since.micros() - until.since(since))
            .bind(until.micros())
            .bind(GAPS);
        let silent = self
            .within(
                silent.fetch_all::<SilenceRow>(),
                "the silences of a day",
                false,
            )
            .await?;
        let lost = self
            .client
            .query(
                "SELECT concat(topic, '/', toString(partition)) AS source, toInt64(toUnixTimestamp(received)) * 1000000 AS found, detail \
                 FROM dead_letters WHERE reason = 'offsets_lost' \
                 AND received >= fromUnixTimestamp64Micro(?) AND received < fromUnixTimestamp64Micro(?) ORDER BY found, source LIMIT ?",
            )
            .bind(since.micros())
            .bind(until.micros())
            .bind(GAPS);
        let lost = self
            .within(lost.fetch_all::<LostRow>(), "the losses of a day", false)
            .await?;
        let silent = silent.into_iter().map(|row| DayGap::Silent {
            gateway: row.gateway,
            since: Timestamp::from_micros(row.since + FIVE_MINUTES_US),
            until: Timestamp::from_micros(row.until),
        });
        let lost = lost.into_iter().map(|row| DayGap::Lost {
            source: row.source,
            found: Timestamp::from_micros(row.found),
            detail: row.detail,
        });
        Ok(silent.chain(lost).collect())
    }
}
