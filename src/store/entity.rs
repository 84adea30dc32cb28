//! What is stored of one entity: how much, when, with what beside it.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::client::Store;
use super::search::{Search, bound, condition};

/// How much is stored of an entity in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Profile {
    /// Calls.
    pub calls: u64,
    /// Those that the gateway refused: 4xx.
    pub refused: u64,
    /// Those that failed: 5xx.
    pub failed: u64,
    /// Different addresses.
    pub addresses: u64,
    /// Different subjects.
    pub subjects: u64,
    /// Different resources.
    pub resources: u64,
    /// Time of the oldest call, in microseconds; 0 without any.
    pub first: i64,
    /// Time of the newest.
    pub last: i64,
}

/// Calls in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Calls {
    /// Beginning, in microseconds since 1970.
    pub micros: i64,
    /// Calls.
    pub calls: u64,
    /// Those that were refused or failed: from 400 on.
    pub refused: u64,
}

/// Calls at a time of the day, over several days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Daily {
    /// Seconds since midnight, UTC.
    pub second: u32,
    /// Calls of all days.
    pub calls: u64,
    /// Time of the oldest of them, in microseconds.
    pub first: i64,
}

/// A value that an entity was seen with.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Beside {
    /// Which column: `operation`, `client_id`, `subject`, `client_address`, `country`, `user_agent`, `integration`.
    pub column: String,
    /// The value.
    pub value: String,
    /// Calls with it.
    pub calls: u64,
    /// Time of the first of them, in microseconds.
    pub first: i64,
}

/// Values of each column that are shown.
const VALUES: usize = 6;

impl Store {
    /// How much is stored.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn profile(&self, search: &Search) -> Result<Profile, StoreError> {
        let sql = format!(
            "SELECT count() AS calls, countIf(status >= 400 AND status < 500) AS refused, countIf(status >= 500) AS failed, \
             uniq(client_address) AS addresses, uniqIf(subject, subject != '') AS subjects, uniqIf(resource_id, resource_id != '') AS resources, \
             if(calls = 0, 0, toUnixTimestamp64Micro(min(event.time))) AS first, if(calls = 0, 0, toUnixTimestamp64Micro(max(event.time))) AS last \
             FROM events AS event WHERE {}",
            condition(search)
        );
        let query = bound(self.sharded.query(&sql), search);
        self.within(query.fetch_one(), "an entity", false).await
    }

    /// Calls, in steps of so many seconds that have any.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn calls_by(&self, search: &Search, seconds: u32) -> Result<Vec<Calls>, StoreError> {
        let sql = format!(
            "SELECT toInt64(toUnixTimestamp(toStartOfInterval(event.time, INTERVAL {seconds} SECOND, 'UTC'))) * 1000000 AS micros, count() AS calls, \
             countIf(status >= 400) AS refused FROM events AS event WHERE {} GROUP BY micros ORDER BY micros",
            condition(search)
        );
        let query = bound(self.sharded.query(&sql), search);
        self.within(query.fetch_all(), "the calls of an entity", false)
            .await
    }

    /// Calls by the time of the day, in steps of so many seconds that have any.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn daily_calls(
        &self,
        search: &Search,
        seconds: u32,
    ) -> Result<Vec<Daily>, StoreError> {
        let sql = format!(
            "SELECT toUInt32(toUnixTimestamp(toStartOfInterval(event.time, INTERVAL {seconds} SECOND, 'UTC')) % 86400) AS second, count() AS calls, \
             toUnixTimestamp64Micro(min(event.time)) AS first FROM events AS event WHERE {} GROUP BY second ORDER BY second",
            condition(search)
        );
        let query = bound(self.sharded.query(&sql), search);
        self.within(query.fetch_all(), "what is usual of an entity", false)
            .await
    }

    /// What an entity was seen with, the most frequent of each column first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn seen_with(&self, search: &Search) -> Result<Vec<Beside>, StoreError> {
        let sql = format!(
            "SELECT tupleElement(pair, 1) AS column, tupleElement(pair, 2) AS value, count() AS calls, toUnixTimestamp64Micro(min(event.time)) AS first FROM events AS event \
             ARRAY JOIN [('operation', toString(operation)), ('client_id', toString(client_id)), ('subject', subject), \
             ('client_address', replaceOne(toString(event.client_address), '::ffff:', '')), ('country', toString(country)), \
             ('user_agent', toString(user_agent)), ('integration', toString(integration))] AS pair \
             WHERE {} AND value NOT IN ('', '::') GROUP BY column, value ORDER BY column, calls DESC, value LIMIT {VALUES} BY column",
            condition(search)
        );
        let query = bound(self.sharded.query(&sql), search);
        self.within(query.fetch_all(), "what an entity was seen with", false)
            .await
    }
}
