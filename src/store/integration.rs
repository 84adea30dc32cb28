//! What is stored of one integration in a stretch of time, as the report asks for it.

use clickhouse::Row;
use serde::Deserialize;

use super::StoreError;
use super::client::Store;
use super::columns::Source;
use crate::event::{Fact, Field, Timestamp};

/// Which rows: gateways' records of one integration with a time in `[from, until)`.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// The integration.
    pub integration: &'s str,
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub until: Timestamp,
}

/// Calls of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct DayCalls {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// Calls.
    pub calls: u64,
    /// Those that the gateway refused: 4xx.
    pub refused: u64,
    /// Those that failed: 5xx.
    pub failed: u64,
}

/// Calls of one day with a fact.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct FactDay {
    /// Name of the fact.
    pub fact: String,
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// Calls that were answered: below 400.
    pub allowed: u64,
    /// The others.
    pub refused: u64,
}

/// A call with a fact.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct FactCall {
    /// Name of the fact.
    pub fact: String,
    /// When, in microseconds since 1970.
    pub micros: i64,
    /// Its request id.
    pub request_id: String,
    /// Method and route.
    pub operation: String,
    /// Who called.
    pub client: String,
    /// Status of the answer.
    pub status: u16,
}

/// How often a rule matched calls with a fact.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct FactRule {
    /// Name of the fact.
    pub fact: String,
    /// Id of the rule.
    pub rule: String,
    /// Calls.
    pub calls: u64,
}

/// An alert about the integration, its callers or its gateways.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct IntegrationAlert {
    /// Its id.
    pub id: String,
    /// What happened.
    pub title: String,
    /// How bad it is.
    pub level: String,
    /// Tags of its rules.
    pub tags: Vec<String>,
    /// Whom it is about.
    pub entity: String,
    /// First event, in microseconds since 1970.
    pub first: i64,
    /// Newest event.
    pub last: i64,
    /// Events behind it.
    pub count: u64,
}

/// Examples of each fact.
const EXAMPLES: usize = 3;
/// Rules of each fact, most of which only feed others.
const RULES: usize = 50;
/// Alerts of a report at most; the worst come first.
const ALERTS: usize = 2_000;
const ROWS: &str = "integration = ? AND observer = '' AND time >= fromUnixTimestamp64Micro(?) AND time < fromUnixTimestamp64Micro(?)";

impl Store {
    /// Calls day by day.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn calls_by_day(&self, scope: Scope<'_>) -> Result<Vec<DayCalls>, StoreError> {
        let sql = format!(
            "SELECT toInt64(toDate(time, 'UTC')) AS day, count() AS calls, countIf(status >= 400 AND status < 500) AS refused, \
             countIf(status >= 500) AS failed FROM events WHERE {ROWS} GROUP BY day ORDER BY day"
        );
        self.rows(&sql, scope).await
    }

    /// Calls, and those of them that were good: that did not fail with 5xx and, where there is a bound, took no more milliseconds. Of all operations where none is named.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn attained(
        &self,
        scope: Scope<'_>,
        within_ms: Option<u32>,
        operations: &[String],
    ) -> Result<(u64, u64), StoreError> {
        let within_us = within_ms.map_or(u64::MAX, |ms| u64::from(ms) * 1_000);
        let sql = format!(
            "SELECT count(), countIf(status < 500 AND duration_us <= {within_us}) FROM events WHERE {ROWS} \
             AND (empty(?) OR has(?, toString(operation)))"
        );
        let query = self.sharded.query(&sql).bind(scope.integration);
        let query = query.bind(scope.from.micros()).bind(scope.until.micros());
        let query = query.bind(operations).bind(operations);
        self.within(query.fetch_one(), "a service level", false)
            .await
    }

    /// How many of the calls show each field.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn fields_shown(
        &self,
        scope: Scope<'_>,
        fields: &[Field],
    ) -> Result<Vec<u64>, StoreError> {
        let counts: Vec<String> = fields.iter().map(|field| shown(*field)).collect();
        let sql = format!("SELECT [{}] FROM events WHERE {ROWS}", counts.join(", "));
        let counts = self.rows::<Vec<u64>>(&sql, scope).await?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    /// Calls with each of these facts, day by day.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn facts_by_day(&self, scope: Scope<'_>) -> Result<Vec<FactDay>, StoreError> {
        let sql = format!(
            "SELECT toString(arrayJoin(facts)) AS fact, toInt64(toDate(time, 'UTC')) AS day, countIf(status > 0 AND status < 400) AS allowed, \
             countIf(NOT (status > 0 AND status < 400)) AS refused FROM events WHERE notEmpty(facts) AND {ROWS} GROUP BY fact, day ORDER BY fact, day"
        );
        self.rows(&sql, scope).await
    }

    /// Examples of each fact, those that were answered first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn fact_examples(&self, scope: Scope<'_>) -> Result<Vec<FactCall>, StoreError> {
        let sql = format!(
            "SELECT toString(arrayJoin(facts)) AS fact, toUnixTimestamp64Micro(time) AS micros, request_id, toString(operation) AS operation, \
             toString(if(client_id = '', replaceOne(toString(client_address), '::ffff:', ''), client_id)) AS client, status \
             FROM events WHERE notEmpty(facts) AND {ROWS} ORDER BY fact, status = 0 OR status >= 400, micros LIMIT {EXAMPLES} BY fact"
        );
        self.rows(&sql, scope).await
    }

    /// The rules that matched calls with each fact, the most frequent first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn fact_rules(&self, scope: Scope<'_>) -> Result<Vec<FactRule>, StoreError> {
        let sql = format!(
            "SELECT fact, toString(arrayJoin(rules)) AS rule, count() AS calls FROM \
             (SELECT toString(arrayJoin(facts)) AS fact, rules FROM events WHERE notEmpty(facts) AND notEmpty(rules) AND {ROWS}) \
             GROUP BY fact, rule ORDER BY fact, calls DESC, rule LIMIT {RULES} BY fact"
        );
        self.rows(&sql, scope).await
    }

    /// Alerts about the integration, its clients, its gateways, and whoever was caught by a rule on one of its calls; the worst first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn alerts_of(&self, scope: Scope<'_>) -> Result<Vec<IntegrationAlert>, StoreError> {
        // A value of several group-by fields is `a | b`.
        let sql = format!(
            "WITH (SELECT groupUniqArray(100000)(name) FROM (SELECT arrayJoin([toString(client_id), toString(gateway), toString(operation)]) AS name \
                   FROM events WHERE {ROWS} GROUP BY name)) AS names, \
             (SELECT groupUniqArray(100000)(replaceOne(toString(client_address), '::ffff:', '')) FROM events WHERE notEmpty(rules) AND {ROWS}) AS addresses \
             SELECT toString(id) AS id, title, toString(level) AS level, arrayMap(tag -> toString(tag), tags) AS tags, entity, \
             toUnixTimestamp64Micro(first) AS first, toUnixTimestamp64Micro(last) AS last, count \
             FROM (SELECT * FROM alerts FINAL WHERE shadow = 0) AS a \
             WHERE a.last >= fromUnixTimestamp64Micro(?) AND a.first < fromUnixTimestamp64Micro(?) \
             AND arrayExists(part -> part = ? OR (part != '' AND (has(names, part) OR has(addresses, part))), splitByString(' | ', a.entity)) \
             ORDER BY a.level DESC, a.first LIMIT {ALERTS}"
        );
        let (from, until) = (scope.from.micros(), scope.until.micros());
        let mut query = self.client.query(&sql);
        for _ in 0..2 {
            query = query.bind(scope.integration).bind(from).bind(until);
        }
        let query = query.bind(from).bind(until).bind(scope.integration);
        self.within(query.fetch_all(), "the alerts of an integration", false)
            .await
    }

    /// Time of the oldest stored event of all integrations, in microseconds since 1970; `None` without any.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn oldest_event(&self) -> Result<Option<i64>, StoreError> {
        let query = self
            .sharded
            .query("SELECT toUnixTimestamp64Micro(min(time)) FROM events HAVING count() > 0");
        self.within(query.fetch_optional(), "the oldest event", false)
            .await
    }

    async fn rows<T>(&self, sql: &str, scope: Scope<'_>) -> Result<Vec<T>, StoreError>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        let query = self
            .sharded
            .query(sql)
            .bind(scope.integration)
            .bind(scope.from.micros())
            .bind(scope.until.micros());
        self.within(query.fetch_all::<T>(), "the calls of an integration", false)
            .await
    }

    /// The statement that finds the calls of a fact again, for people.
    #[must_use]
    pub fn fact_query(scope: Scope<'_>, fact: Fact) -> String {
        format!(
            "SELECT time, request_id, client_id, operation, status FROM events WHERE integration = '{}' AND has(facts, '{}') \
             AND time >= '{}' AND time < '{}' ORDER BY time",
            scope.integration,
            fact.name(),
            plain(scope.from),
            plain(scope.until)
        )
    }
}

/// A time as the client of ClickHouse takes it.
fn plain(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}

fn shown(field: Field) -> String {
    format!("countIf({})", Source::Field(field).shown())
}
