//! What is stored of everything: traffic, open alerts, gateways, dead letters, facts.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::client::Store;
use super::entity::Calls;
use crate::event::Timestamp;

/// A gateway, and when it was heard of.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Heard {
    /// The gateway; empty where records name none.
    pub gateway: String,
    /// Time of its newest event, in microseconds since 1970.
    pub last: i64,
    /// Its events.
    pub events: u64,
}

/// Open alerts of one level and state.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OpenAlerts {
    /// The level.
    pub level: String,
    /// The state.
    pub state: String,
    /// How many.
    pub alerts: u64,
}

/// Records of one reason that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Unread {
    /// Why.
    pub reason: String,
    /// How many.
    pub records: u64,
}

/// Calls of an integration with a fact.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct FactCalls {
    /// The integration.
    pub integration: String,
    /// Name of the fact.
    pub fact: String,
    /// Calls that were answered: below 400.
    pub allowed: u64,
    /// The others.
    pub refused: u64,
}

impl Store {
    /// Time of the newest event of a gateway; `None` without any.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn newest_event(&self) -> Result<Option<Timestamp>, StoreError> {
        // The hour is known of the roll-up, so that not all events are read for it.
        let query = self.sharded.query(
            "SELECT toUnixTimestamp64Micro(max(time)) FROM events WHERE observer = '' \
             AND time >= (SELECT max(hour) FROM traffic_hour WHERE requests > 0) HAVING count() > 0",
        );
        let micros = self
            .within(query.fetch_optional::<i64>(), "the newest event", false)
            .await?;
        Ok(micros.map(Timestamp::from_micros))
    }

    /// Traffic by the hour.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn traffic(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Calls>, StoreError> {
        let query = self
            .sharded
            .query(
                "SELECT toInt64(toUnixTimestamp(hour)) * 1000000 AS micros, sum(traffic.requests) AS calls, \
                 sumIf(traffic.requests, status_class >= 4) AS refused FROM traffic_hour AS traffic \
                 WHERE hour >= toDateTime(?, 'UTC') AND hour < toDateTime(?, 'UTC') GROUP BY hour ORDER BY hour",
            )
            .bind(from.seconds())
            .bind(until.seconds());
        self.within(query.fetch_all(), "the traffic", false).await
    }

    /// Gateways that were heard of.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn heard(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Heard>, StoreError> {
        let query = self
            .sharded
            .query(
                "SELECT toString(event.gateway) AS gateway, toUnixTimestamp64Micro(max(event.time)) AS last, count() AS events FROM events AS event \
                 WHERE observer = '' AND event.time >= fromUnixTimestamp64Micro(?) AND event.time < fromUnixTimestamp64Micro(?) \
                 GROUP BY gateway ORDER BY last, gateway LIMIT 100",
            )
            .bind(from.micros())
            .bind(until.micros());
        self.within(query.fetch_all(), "the gateways", false).await
    }

    /// Open alerts by level and state.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open_alerts(&self) -> Result<Vec<OpenAlerts>, StoreError> {
        let query = self.client.query(
            "SELECT toString(alert.level) AS level, alert.state AS state, count() AS alerts FROM alerts_latest AS alert \
             WHERE NOT startsWith(alert.state, 'closed') GROUP BY level, state",
        );
        self.within(query.fetch_all(), "open alerts", false).await
    }

    /// Alerts that are open, those of them that nobody has looked at, and when the newest of all had its newest event, in microseconds.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open_counts(&self) -> Result<(u64, u64, i64), StoreError> {
        let query = self.client.query(
            "SELECT countIf(NOT startsWith(state, 'closed')), countIf(state = 'new'), toUnixTimestamp64Micro(max(last)) FROM alerts_latest",
        );
        self.within(query.fetch_one(), "open alerts", false).await
    }

    /// Records that could not be read since then, by reason.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn unread_since(&self, from: Timestamp) -> Result<Vec<Unread>, StoreError> {
        let query = self
            .sharded
            .query(
                "SELECT toString(letter.reason) AS reason, count() AS records FROM dead_letters AS letter \
                 WHERE letter.received >= toDateTime(?, 'UTC') GROUP BY reason ORDER BY records DESC",
            )
            .bind(from.seconds());
        self.within(query.fetch_all(), "dead letters", false).await
    }

    /// Calls with facts, by integration.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn facts_since(&self, from: Timestamp) -> Result<Vec<FactCalls>, StoreError> {
        let query = self
            .sharded
            .query(
                "SELECT toString(event.integration) AS integration, toString(arrayJoin(event.facts)) AS fact, \
                 countIf(status > 0 AND status < 400) AS allowed, countIf(NOT (status > 0 AND status < 400)) AS refused FROM events AS event \
                 WHERE notEmpty(event.facts) AND observer = '' AND event.time >= fromUnixTimestamp64Micro(?) GROUP BY integration, fact ORDER BY integration, fact",
            )
            .bind(from.micros());
        self.within(query.fetch_all(), "facts", false).await
    }
}

/// What became of the alerts of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// Id of the rule.
    pub rule: String,
    /// Its alerts.
    pub alerts: u64,
    /// Those that people closed as true.
    pub called_true: u64,
    /// Those that they closed as false.
    pub called_false: u64,
    /// Those that they closed as harmless.
    pub harmless: u64,
}

/// Events that a rule matched.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RuleMatches {
    /// Id of the rule.
    pub rule: String,
    /// Events.
    pub events: u64,
}

impl Store {
    /// What became of alerts with an event since then, by the rule of the alert; of rules on trial what they would have alerted.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn rule_outcomes(&self, from: Timestamp) -> Result<Vec<RuleOutcome>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT rule, count() AS alerts, countIf(state = 'closed_true') AS called_true, countIf(state = 'closed_false') AS called_false, \
                 countIf(state = 'closed_harmless') AS harmless FROM \
                 (SELECT toString(alert.rule) AS rule, alert.state AS state FROM alerts_latest AS alert WHERE alert.last >= fromUnixTimestamp64Micro(?) \
                 UNION ALL SELECT toString(alert.rule) AS rule, '' AS state FROM alerts_shadow AS alert WHERE alert.last >= fromUnixTimestamp64Micro(?)) \
                 GROUP BY rule",
            )
            .bind(from.micros())
            .bind(from.micros());
        self.within(query.fetch_all(), "alerts by rule", false)
            .await
    }

    /// Events since then that rules matched.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn rule_matches(&self, from: Timestamp) -> Result<Vec<RuleMatches>, StoreError> {
        let query = self
            .sharded
            .query(
                "SELECT toString(arrayJoin(event.rules)) AS rule, count() AS events FROM events AS event \
                 WHERE notEmpty(event.rules) AND event.time >= fromUnixTimestamp64Micro(?) GROUP BY rule",
            )
            .bind(from.micros());
        self.within(query.fetch_all(), "events by rule", false)
            .await
    }
}
