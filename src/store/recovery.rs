//! What recovery asks: which offsets of a range are stored already.

use clickhouse::Row;
use serde::Deserialize;

use super::StoreError;
use super::client::Store;

/// How many rows of a range of offsets are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct StoredCount {
    /// Rows in `events`.
    pub events: u64,
    /// Rows in `dead_letters`.
    pub dead_letters: u64,
}

impl StoredCount {
    /// Rows in both.
    #[must_use]
    pub fn total(self) -> u64 {
        self.events + self.dead_letters
    }
}

impl Store {
    /// The offsets in `[begin, end)` that are in `events` or `dead_letters`, each once, in order.
    ///
    /// Rows whose retention has run out may be missing.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn stored_offsets(
        &self,
        topic: &str,
        partition: i32,
        begin: i64,
        end: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let mut query = self.sharded.query(
            "SELECT DISTINCT offset FROM \
             (SELECT offset FROM events WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ? \
              UNION ALL \
              SELECT offset FROM dead_letters WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ?) \
             ORDER BY offset",
        );
        for _ in 0..2 {
            query = query.bind(topic).bind(partition).bind(begin).bind(end);
        }
        self.within(query.fetch_all::<i64>(), "stored offsets", false)
            .await
    }

    /// How many rows `[begin, end)` has in each table; a repeated offset counts each time.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn count_range(
        &self,
        topic: &str,
        partition: i32,
        begin: i64,
        end: i64,
    ) -> Result<StoredCount, StoreError> {
        let mut query = self.sharded.query(
            "SELECT countIf(is_event) AS events, countIf(NOT is_event) AS dead_letters FROM \
             (SELECT true AS is_event FROM events WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ? \
              UNION ALL \
              SELECT false AS is_event FROM dead_letters WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ?)",
        );
        for _ in 0..2 {
            query = query.bind(topic).bind(partition).bind(begin).bind(end);
        }
        self.within(query.fetch_one::<StoredCount>(), "a count of rows", false)
            .await
    }

    /// The position behind the newest stored record of a topic's partition: the largest offset in either table.
    /// A file source goes on from there.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn last_offset(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<Option<i64>, StoreError> {
        let mut query = self.sharded.query(
            "SELECT max(offset) FROM \
             (SELECT offset FROM events WHERE topic = ? AND partition = ? \
              UNION ALL \
              SELECT offset FROM dead_letters WHERE topic = ? AND partition = ?) \
             HAVING count() > 0",
        );
        for _ in 0..2 {
            query = query.bind(topic).bind(partition);
        }
        self.within(query.fetch_optional::<i64>(), "the last offset", false)
            .await
    }
}
