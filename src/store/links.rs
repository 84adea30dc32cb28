//! Which alerts belong together: `alert_links`.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use super::migrate::sha256;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::alert::{APART_US, Alert, Caller, Kin, Link, Linkable, MOST_ALERTS};
use crate::event::Timestamp;
use crate::track::EntityKind;

const COLUMNS: &[(&str, Wire)] = &[
    ("alert", Wire::Text),
    ("incident", Wire::Text),
    ("time", Wire::Time),
];

/// Related alerts of one alert at most, and how many of them are named.
const MOST_KIN: u32 = 50;
const NAMED: usize = 4;

#[derive(Row, Deserialize)]
struct LinkableRow {
    id: String,
    first: i64,
    last: i64,
    revision: u64,
    entity_kind: String,
    entity: String,
    callers: Vec<String>,
    /// Nil where it is in none.
    incident: String,
    stored: u32,
}

/// A place among alerts in the order in which they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When, by the clock of the store, in seconds since 1970.
    pub stored: u32,
    /// The alert.
    pub id: Uuid,
}

/// A caller, and how many alerts of an incident show it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct SharedCaller {
    /// As [`Caller`] writes itself.
    pub caller: String,
    /// How many show it.
    pub alerts: u64,
}

impl Store {
    /// Revisions of alerts that were stored behind a place, in the order of their first events; and the place to go on from, `None` when these were all.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn linkable(
        &self,
        behind: Cursor,
        most: u32,
    ) -> Result<(Vec<Linkable>, Option<Cursor>), StoreError> {
        let query = self
            .client
            .query(
                "SELECT toString(alert.id) AS id, toUnixTimestamp64Micro(alert.first) AS first, toUnixTimestamp64Micro(alert.last) AS last, \
                 alert.revision AS revision, toString(alert.entity_kind) AS entity_kind, alert.entity AS entity, alert.callers AS callers, \
                 toString(link.incident) AS incident, toUnixTimestamp(alert.stored) AS stored FROM \
                 (SELECT id, first, last, revision, entity_kind, entity, callers, stored FROM alerts \
                 WHERE shadow = 0 AND (toUnixTimestamp(stored), id) > (?, toUUID(?)) ORDER BY stored, id, revision LIMIT ?) AS alert \
                 LEFT JOIN (SELECT alert, argMax(incident, time) AS incident FROM alert_links WHERE alert IN \
                 (SELECT id FROM alerts WHERE shadow = 0 AND (toUnixTimestamp(stored), id) > (?, toUUID(?))) GROUP BY alert) AS link ON link.alert = alert.id \
                 ORDER BY alert.stored, alert.id, alert.revision",
            )
            .bind(behind.stored)
            .bind(behind.id.to_string())
            .bind(most)
            .bind(behind.stored)
            .bind(behind.id.to_string());
        let rows = query.fetch_all::<LinkableRow>();
        let mut rows = self.within(rows, "alerts to link", false).await?;
        let last = rows.last().filter(|_| rows.len() == most as usize);
        let next = last.and_then(|row| {
            let id = row.id.parse().ok()?;
            let stored = row.stored;
            Some(Cursor { stored, id })
        });
        let order = |row: &LinkableRow| (row.first, row.id.clone(), row.revision);
        rows.sort_by_cached_key(order);
        Ok((rows.iter().filter_map(linkable).collect(), next))
    }

    /// The clock by which rows say when they were stored, in seconds since 1970.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn clock(&self) -> Result<u32, StoreError> {
        let query = self.client.query("SELECT toUnixTimestamp(now())");
        self.within(query.fetch_one(), "the time", false).await
    }

    /// Puts links on record; the same again is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_links(&self, links: &[Link], now: Timestamp) -> Result<(), StoreError> {
        let mut rows = Rows::new("alert_links", COLUMNS);
        for link in links {
            rows.push([
                Cell::Text(&link.alert.to_string()),
                Cell::Text(&link.incident.to_string()),
                Cell::Time(Some(now)),
            ]);
        }
        let token = format!("links/{}", sha256(&format!("{now:?}{links:?}")));
        self.insert(&token, &rows.finish()).await
    }

    /// Other alerts within a day that are about a caller of an alert, or show the address, subject or token of it, or the caller that it is about. None when
    /// there are more than [`MOST_KIN`]: whom so many alerts show says nothing. Within two seconds.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses or takes longer.
    pub async fn kin_of(&self, alert: &Alert) -> Result<Kin, StoreError> {
        let callers = alert.callers();
        if callers.is_empty() || alert.shadow {
            return Ok(Kin::default());
        }
        let about = alert.caller();
        let telling = callers
            .iter()
            .filter(|it| it.kind != EntityKind::Client || Some(*it) == about.as_ref());
        let telling: Vec<String> = telling.map(ToString::to_string).collect();
        let callers: Vec<String> = callers.iter().map(ToString::to_string).collect();
        let query = self
            .client
            .query(
                "SELECT json FROM alerts AS alert WHERE shadow = 0 AND alert.id != ? AND alert.last >= fromUnixTimestamp64Micro(?) \
                 AND alert.first <= fromUnixTimestamp64Micro(?) \
                 AND (hasAny(alert.callers, ?) OR has(?, concat(alert.entity_kind, ':', splitByString(' | ', alert.entity)[1]))) \
                 ORDER BY alert.id, alert.revision DESC LIMIT 1 BY alert.id LIMIT ?",
            )
            .bind(alert.id.to_string())
            .bind(alert.first.plus_micros(-APART_US).micros())
            .bind(alert.last.plus_micros(APART_US).micros())
            .bind(telling)
            .bind(callers)
            .bind(MOST_KIN + 1)
            .with_setting("max_execution_time", "2");
        let found = self
            .within(query.fetch_all::<String>(), "related alerts", false)
            .await?;
        if found.len() > MOST_KIN as usize {
            return Ok(Kin::default());
        }
        let alerts = found.iter().filter_map(|json| {
            serde_json::from_str(json)
                .inspect_err(|error| warn!(%error, "an alert cannot be read: no mail names it"))
                .ok()
        });
        let mut alerts: Vec<Alert> = alerts.collect();
        alerts.sort_by_key(|alert| (alert.first, alert.id));
        let more = alerts.len().saturating_sub(NAMED);
        alerts.truncate(NAMED);
        Ok(Kin {
            alerts,
            more: more as u64,
        })
    }

    /// The incident that an alert belongs to.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn incident_of(&self, alert: Uuid) -> Result<Option<Uuid>, StoreError> {
        let query = self
            .client
            .query("SELECT toString(argMax(incident, time)) FROM alert_links WHERE alert = ? HAVING count() > 0")
            .bind(alert.to_string());
        let incident = query.fetch_optional::<String>();
        let incident = self.within(incident, "an incident", false).await?;
        Ok(incident.and_then(|id| id.parse().ok()))
    }

    /// The alerts of an incident as they are now, the oldest first; as many as are kept of one at most.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an alert cannot be read.
    pub async fn linked_alerts(&self, incident: Uuid) -> Result<Vec<Alert>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT alert.json FROM alerts AS alert FINAL WHERE shadow = 0 AND alert.id IN \
                 (SELECT link.alert FROM alert_links AS link FINAL WHERE link.incident = ?) ORDER BY alert.first, alert.id LIMIT ?",
            )
            .bind(incident.to_string())
            .bind(2 * MOST_ALERTS);
        let rows = query.fetch_all::<String>();
        let rows = self.within(rows, "alerts of an incident", false).await?;
        let alerts = rows.iter().map(|json| {
            serde_json::from_str(json).map_err(|source| StoreError::Json {
                what: "an alert",
                source,
            })
        });
        alerts.collect()
    }

    /// Callers that at least two alerts of an incident show, those of most alerts first; twenty at most.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn shared_callers(&self, incident: Uuid) -> Result<Vec<SharedCaller>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT arrayJoin(alert.callers) AS caller, count() AS alerts FROM alerts AS alert FINAL \
                 WHERE shadow = 0 AND alert.id IN (SELECT link.alert FROM alert_links AS link FINAL WHERE link.incident = ?) \
                 GROUP BY caller HAVING alerts > 1 ORDER BY alerts DESC, caller LIMIT 20",
            )
            .bind(incident.to_string());
        self.within(query.fetch_all(), "callers of an incident", false)
            .await
    }
}

fn linkable(row: &LinkableRow) -> Option<Linkable> {
    let Ok(alert) = row.id.parse() else {
        warn!(alert = %row.id, "an alert has no id that can be read: it is not linked");
        return None;
    };
    let callers: Vec<Caller> = row
        .callers
        .iter()
        .filter_map(|it| Caller::named(it))
        .collect();
    let kind = EntityKind::named(&row.entity_kind);
    Some(Linkable {
        alert,
        first: Timestamp::from_micros(row.first),
        last: Timestamp::from_micros(row.last),
        about: kind.and_then(|kind| Caller::of_entity(kind, &row.entity)),
        callers,
        incident: row.incident.parse().ok().filter(|id: &Uuid| !id.is_nil()),
    })
}
