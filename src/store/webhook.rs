//! What a webhook was told.

use std::collections::HashMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};
use super::triage::CLOSED_LAST;
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::sigma::Level;

const COLUMNS: &[(&str, Wire)] = &[
    ("alert", Wire::Text),
    ("stage", Wire::Text),
    ("time", Wire::Time),
    ("outcome", Wire::Text),
    ("status", Wire::U16),
    ("attempts", Wire::U32),
];

/// Messages that are known of at once: so many may be put off, and newer ones go on.
const MOST: usize = 10_000;

/// How the part of a stage begins that names a closing after which the alert was told again.
const REOPENED: &str = "reopened-";

/// Whether a stage tells of an alert that it was reopened.
#[must_use]
pub fn tells_reopened(stage: &str) -> bool {
    let mut parts = stage.split('/').skip(2);
    parts.any(|part| part.starts_with(REOPENED))
}

/// A message that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The alert.
    pub alert: Uuid,
    /// How much of it was told, as [`Store::alerts_to_send`] names it.
    pub stage: String,
    /// When.
    pub time: Timestamp,
    /// `sent`, `refused` or `given_up`.
    pub outcome: &'static str,
    /// HTTP status of the last answer, 0 without one.
    pub status: u16,
    /// How often it was tried.
    pub attempts: u32,
}

/// A message about an alert that is over, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DeliveryLine {
    /// When, in microseconds since 1970.
    pub micros: i64,
    /// Level of the alert that was told.
    pub level: String,
    /// `sent`, `refused` or `given_up`.
    pub outcome: String,
}

impl Store {
    /// Messages about an alert that are over, the oldest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn deliveries_of(&self, alert: Uuid) -> Result<Vec<DeliveryLine>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT toUnixTimestamp64Micro(told.time) AS micros, splitByChar('/', toString(told.stage))[1] AS level, \
                 toString(told.outcome) AS outcome FROM webhook_deliveries AS told FINAL WHERE told.alert = ? ORDER BY told.time",
            )
            .bind(alert.to_string());
        self.within(query.fetch_all(), "messages of the webhook", false)
            .await
    }

    /// Ids of open alerts of this level or a higher one, with an event since then, of which not so much was told yet, the oldest first, each with its stage: its level and
    /// the power of ten of its events. One that was closed and shows more since is told once more for each closing, which its stage names as a third part.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn alerts_to_send(
        &self,
        families: &[String],
        least: Level,
        since: Timestamp,
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let sql = format!(
            "SELECT toString(alert.id), \
             concat(toString(alert.level), '/', toString(toUInt8(floor(log10(greatest(alert.count, 1)))))) AS reach, \
             if(alert.state = 'reopened' AND alert.id IN ({CLOSED_LAST}), concat('{REOPENED}', toString(toUnixTimestamp64Micro(alert.state_since))), '') AS again \
             FROM alerts_latest AS alert \
             WHERE NOT startsWith(alert.state, 'closed') AND (empty(?) OR has(?, toString(alert.family))) AND alert.level >= ? \
             AND alert.last >= fromUnixTimestamp64Micro(?) \
             AND ((alert.id, reach) NOT IN (SELECT told.alert, arrayStringConcat(arraySlice(splitByChar('/', toString(told.stage)), 1, 2), '/') FROM webhook_deliveries AS told) \
             OR (again != '' AND (alert.id, again) NOT IN (SELECT told.alert, splitByChar('/', toString(told.stage))[3] FROM webhook_deliveries AS told))) \
             ORDER BY alert.last, alert.id LIMIT {MOST}"
        );
        let query = self.client.query(&sql).bind(families).bind(families);
        let query = query.bind(least.name()).bind(since.micros());
        let rows = query.fetch_all::<(String, String, String)>();
        let rows = self.within(rows, "alerts to send", false).await?;
        let waiting = rows.into_iter();
        Ok(waiting
            .filter_map(|(id, reach, again)| {
                let stage = if again.is_empty() {
                    reach
                } else {
                    format!("{reach}/{again}")
                };
                Some((id.parse().ok()?, stage))
            })
            .collect())
    }

    /// The alerts of these ids, as far as they can be read.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn alerts_by_id(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Alert>, StoreError> {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let query = self
            .client
            .query("SELECT json FROM alerts FINAL WHERE id IN (SELECT arrayJoin(arrayMap(id -> toUUID(id), ?)))")
            .bind(ids);
        let rows = query.fetch_all::<String>();
        let rows = self.within(rows, "alerts to send", false).await?;
        let alerts = rows.iter().filter_map(|json| {
            serde_json::from_str::<Alert>(json)
                .inspect_err(|error| warn!(%error, "an alert cannot be read: it is not sent"))
                .ok()
                .map(|alert| (alert.id, alert))
        });
        Ok(alerts.collect())
    }

    /// Puts on record that a message is over; the same again is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let mut rows = Rows::new("webhook_deliveries", COLUMNS);
        rows.push([
            Cell::Text(&delivery.alert.to_string()),
            Cell::Text(&delivery.stage),
            Cell::Time(Some(delivery.time)),
            Cell::Text(delivery.outcome),
            Cell::Number(delivery.status.into()),
            Cell::Number(delivery.attempts.into()),
        ]);
        let token = format!("webhook/{}/{}", delivery.alert, delivery.stage);
        self.insert(&token, &rows.finish()).await
    }
}
