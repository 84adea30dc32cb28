//! Stored events as records of native JSON: redacted, and without what is never stored.

use std::time::Duration;

use tokio::io::AsyncBufReadExt;

use super::StoreError;
use super::client::Store;
use super::columns::{Source, event_columns};
use super::native::Wire;
use crate::event::{Field, Timestamp};

/// So many events are put in order at once, about: those of an hour may be more.
const AT_ONCE: u64 = 200_000;
const WINDOW_US: i64 = 3_600_000_000;

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

    /// The same of all integrations, in the order of time, with the facts that were found when they were stored. `condition` says which, as an expression
    /// of ClickHouse; `1` is all.
    ///
    /// # Errors
    /// As of [`Store::records`].
    pub async fn records_in_order(
        &self,
        (from, until): (Timestamp, Timestamp),
        condition: &str,
        mut each: impl FnMut(&str),
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        for (begin, end) in self.windows((from, until), condition).await? {
            let sql = format!(
                "SELECT {}, arrayMap(fact -> toString(fact), facts) AS facts FROM events WHERE {} AND {condition} ORDER BY time, topic, partition, offset",
                expressions(),
                between(begin, end)
            );
            // As it is: a pattern may hold what stands for a value elsewhere.
            let query = as_records(self.sharded.query_raw(&sql));
            count += self.each_line(query, &mut each).await?;
        }
        Ok(count)
    }

    /// Stretches of whole hours that hold all events of a condition and not many more than can be put in order at once.
    async fn windows(
        &self,
        (from, until): (Timestamp, Timestamp),
        condition: &str,
    ) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
        let sql = format!(
            "SELECT toInt64(toUnixTimestamp(toStartOfHour(time))) * 1000000 AS hour, count() AS events FROM events \
             WHERE {} AND {condition} GROUP BY hour ORDER BY hour",
            between(from, until)
        );
        let hours = self.sharded.query_raw(&sql).fetch_all::<(i64, u64)>();
        let hours = self.within(hours, "stored events", false).await?;
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
        let limit = Duration::from_secs(self.config.timeout_s);
        loop {
            line.clear();
            let read = tokio::time::timeout(limit, cursor.read_line(&mut line)).await;
            let read = read.map_err(|_| StoreError::Timeout {
                url: self.config.url.clone(),
                seconds: self.config.timeout_s,
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

fn between(from: Timestamp, until: Timestamp) -> String {
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
