//! Stored events as records of native JSON: redacted, and without what is never stored.

use std::time::Duration;

use tokio::io::AsyncBufReadExt;

use super::StoreError;
use super::client::Store;
use super::columns::{Source, event_columns};
use super::hunt::Condition;
use super::native::Wire;
use crate::event::{Field, Timestamp};

/// So many events are put in order at once, about: those of an hour may be more.
const AT_ONCE: u64 = 200_000;
const WINDOW_US: i64 = 3_600_000_000;
/// How often the server is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);

/// How far the server is with the rows that it looks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Rows that it read.
    pub rows: u64,
    /// Rows that there are, about.
    pub of: u64,
}

impl Store {
    /// Takes every stored event of `[from, until)` that has one of these integrations or none, in no promised order, as one record each.
    /// Returns how many there were.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or stops answering.
    pub async fn records(
        &self,
        from: Timestamp,
        until: Timestamp,
        integrations: &[&str],
        each: impl FnMut(&str),
    ) -> Result<u64, StoreError> {
        let only = "AND (integration = '' OR has(?, toString(integration)))";
        let query = self.events(from, until, only).bind(integrations);
        self.each_line(query, each).await
    }

    /// The same of all integrations, in the order of time, with the facts that were found when they were stored. `condition` says which; `scanned` hears
    /// how far the server is with looking for them, before the first of them comes.
    ///
    /// # Errors
    /// As of [`Store::records`].
    pub async fn records_in_order(
        &self,
        whole: (Timestamp, Timestamp),
        condition: &Condition,
        scanned: impl FnMut(Scanned),
        mut each: impl FnMut(&str),
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        for (begin, end) in self.windows(whole, condition, scanned).await? {
            let sql = format!(
                "SELECT {}, arrayMap(fact -> toString(fact), facts) AS facts FROM events WHERE {} AND {} ORDER BY time, topic, partition, offset",
                expressions(),
                between(begin, end),
                condition.sql((begin, end), whole)
            );
            // As it is: a pattern may hold what stands for a value elsewhere.
            let query = as_records(self.sharded.query_raw(&sql));
            count += self.each_line(query, &mut each).await?;
        }
        Ok(count)
    }

    /// Everything that is stored of one event, as a JSON object: its fields, null where the log did not show them, and the rules that matched.
    ///
    /// # Errors
    /// As of [`Store::records`].
    pub async fn whole_event(
        &self,
        time: Timestamp,
        topic: &str,
        (partition, offset): (i32, i64),
    ) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "SELECT {}, arrayMap(fact -> toString(fact), facts) AS facts, arrayMap(rule -> toString(rule), rules) AS rules FROM events \
             WHERE time = fromUnixTimestamp64Micro(?, 'UTC') AND topic = ? AND partition = ? AND `offset` = ? LIMIT 1",
            expressions()
        );
        let query = self.sharded.query(&sql).bind(time.micros()).bind(topic);
        let query = as_records(query.bind(partition).bind(offset));
        let mut found = None;
        self.each_line(query, |line| found = Some(line.to_owned()))
            .await?;
        Ok(found)
    }

    /// Stretches of whole hours that hold all events of a condition and not many more than can be put in order at once.
    async fn windows(
        &self,
        (from, until): (Timestamp, Timestamp),
        condition: &Condition,
        scanned: impl FnMut(Scanned),
    ) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
        let sql = format!(
            "SELECT toInt64(toUnixTimestamp(toStartOfHour(time))) * 1000000 AS hour, count() AS found FROM events \
             WHERE {} AND {} GROUP BY hour ORDER BY hour",
            between(from, until),
            condition.sql((from, until), (from, until))
        );
        let id = format!("hunt-{}-{}", std::process::id(), micros_now());
        let query = self.sharded.query_raw(&sql).with_setting("query_id", &id);
        let hours = self.watched(&id, query.fetch_all::<(i64, u64)>(), scanned);
        let hours = hours.await?;
        let mut windows: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut held = 0;
        for (hour, events) in hours {
            let begin = Timestamp::from_micros(hour);
            let end = begin.plus_micros(WINDOW_US).min(until);
            held += events;
            match windows.last_mut() {
                Some(last) if held <= AT_ONCE => last.1 = end,
                _ => {
                    held = events;
                    windows.push((begin.max(from), end));
                }
            }
        }
        Ok(windows)
    }

    /// Waits for a query as long as the server reads on, and hands out how far it is. Where the account may not see how far that is, not longer than
    /// the configuration says.
    async fn watched<T>(
        &self,
        id: &str,
        query: impl Future<Output = clickhouse::error::Result<T>>,
        mut scanned: impl FnMut(Scanned),
    ) -> Result<T, StoreError> {
        let mut query = std::pin::pin!(query);
        let limit = Duration::from_secs(self.config.timeout_s);
        let (mut rows, mut still) = (0, Duration::ZERO);
        loop {
            if let Ok(outcome) = tokio::time::timeout(LOOK, &mut query).await {
                return outcome.map_err(|error| self.error(&error, "stored events", false));
            }
            still += LOOK;
            match self.scanned(id).await {
                Some(it) if it.rows > rows => {
                    (rows, still) = (it.rows, Duration::ZERO);
                    scanned(it);
                }
                _ if still >= limit => {
                    return Err(StoreError::Timeout {
                        url: self.config.url.clone(),
                        seconds: self.config.timeout_s,
                    });
                }
                _ => {}
            }
        }
    }

    /// How far a query is that this account runs; `None` when it is over or cannot be seen.
    async fn scanned(&self, id: &str) -> Option<Scanned> {
        let query = self
            .server
            .query("SELECT read_rows, total_rows_approx FROM system.processes WHERE query_id = ?")
            .bind(id);
        let found = query.fetch_optional::<(u64, u64)>();
        let found = self.within(found, "how far a query is", false).await;
        let (rows, of) = found.ok()??;
        Some(Scanned {
            rows,
            of: of.max(rows),
        })
    }

    fn events(&self, from: Timestamp, until: Timestamp, rest: &str) -> clickhouse::query::Query {
        let sql = format!(
            "SELECT {} FROM events WHERE time >= fromUnixTimestamp64Micro(?, 'UTC') AND time < fromUnixTimestamp64Micro(?, 'UTC') {rest}",
            expressions()
        );
        let query = self.sharded.query(&sql);
        as_records(query.bind(from.micros()).bind(until.micros()))
    }

    async fn each_line(
        &self,
        query: clickhouse::query::Query,
        mut each: impl FnMut(&str),
    ) -> Result<u64, StoreError> {
        let what = "stored events";
        let cursor = query.fetch_bytes("JSONEachRow");
        let mut cursor = cursor.map_err(|error| self.error(&error, what, false))?;
        let (mut line, mut count) = (String::new(), 0);
        let limit = Duration::from_secs(self.query_s);
        loop {
            line.clear();
            let read = tokio::time::timeout(limit, cursor.read_line(&mut line)).await;
            let read = read.map_err(|_| StoreError::Timeout {
                url: self.config.url.clone(),
                seconds: self.query_s,
            })?;
            match read {
                Ok(0) => return Ok(count),
                Ok(_) => {
                    each(line.trim_end());
                    count += 1;
                }
                Err(error) => {
                    let error = clickhouse::error::Error::Network(Box::new(error));
                    return Err(self.error(&error, what, false));
                }
            }
        }
    }
}

/// Microseconds of the wall clock, which tell the queries of this process apart.
fn micros_now() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros())
}

/// Events of a stretch of time.
pub(super) fn between(from: Timestamp, until: Timestamp) -> String {
    format!(
        "time >= fromUnixTimestamp64Micro({}, 'UTC') AND time < fromUnixTimestamp64Micro({}, 'UTC')",
        from.micros(),
        until.micros()
    )
}

fn as_records(query: clickhouse::query::Query) -> clickhouse::query::Query {
    // Expressions are named like the columns that they are made of.
    query
        .with_setting("prefer_column_name_to_alias", "1")
        .with_setting("output_format_json_quote_64bit_integers", "0")
}

/// What is selected: each field by its name, NULL where the row holds what stands for "the log did not show it".
fn expressions() -> String {
    let fields = event_columns().filter_map(|source| match source {
        // Found anew, or asked for besides.
        Source::Field(Field::Fact) => None,
        Source::Field(_) => Some(expression(source)),
        _ => None,
    });
    fields.collect::<Vec<_>>().join(", ")
}

fn expression(source: Source) -> String {
    let column = format!("`{}`", source.name());
    let value = match source.wire() {
        Wire::Text | Wire::Word => format!("nullIf(toString({column}), '')"),
        Wire::Texts => format!("arrayMap(text -> toString(text), {column})"),
        Wire::Time => format!(
            "if(toUnixTimestamp64Micro({column}) = 0, NULL, concat(replaceOne(toString({column}, 'UTC'), ' ', 'T'), 'Z'))"
        ),
        // An IPv4 address is stored as IPv6.
        Wire::Address => format!(
            "nullIf(replaceRegexpOne(toString({column}), '^::ffff:([0-9.]+)$', '\\\\1'), '::')"
        ),
        _ => format!("nullIf({column}, 0)"),
    };
    format!("{value} AS {column}")
}
