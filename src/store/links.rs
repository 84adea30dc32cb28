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
use crate::alert::{Caller, Link, Linkable};
use crate::event::Timestamp;
use crate::track::EntityKind;

const COLUMNS: &[(&str, Wire)] = &[
    ("alert", Wire::Text),
    ("incident", Wire::Text),
    ("time", Wire::Time),
];

#[derive(Row, Deserialize)]
struct LinkableRow {
    id: String,
    first: i64,
    last: i64,
    entity_kind: String,
    entity: String,
    callers: Vec<String>,
    /// Nil where it is in none.
    incident: String,
    stored: u32,
}

/// An incident as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct IncidentLine {
    /// Its id.
    pub id: String,
    /// How bad the worst alert is that nobody has closed.
    pub level: String,
    /// Its title.
    pub title: String,
    /// Its rule.
    pub rule: String,
    /// Alerts.
    pub alerts: u64,
    /// Those that nobody has closed.
    pub open: u64,
    /// What they are about, such as `client:portal`.
    pub entities: Vec<String>,
    /// Integrations that they touch.
    pub integrations: Vec<String>,
    /// First event, in microseconds.
    pub first: i64,
    /// Newest event, in microseconds.
    pub last: i64,
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
    /// Alerts with a revision stored since then, in seconds of the server's clock, in the order of their first events; and when the newest was stored.
    /// At most so many, those that were stored last.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn linkable(
        &self,
        since: u32,
        most: u32,
    ) -> Result<(Vec<Linkable>, u32), StoreError> {
        let query = self
            .client
            .query(
                "SELECT toString(alert.id) AS id, toUnixTimestamp64Micro(alert.first) AS first, toUnixTimestamp64Micro(alert.last) AS last, \
                 toString(alert.entity_kind) AS entity_kind, alert.entity AS entity, alert.callers AS callers, toString(link.incident) AS incident, \
                 toUnixTimestamp(alert.stored) AS stored FROM \
                 (SELECT * FROM alerts WHERE stored >= toDateTime(?, 'UTC') AND shadow = 0 ORDER BY id, revision DESC LIMIT 1 BY id) AS alert \
                 LEFT JOIN (SELECT alert, argMax(incident, time) AS incident FROM alert_links GROUP BY alert) AS link ON link.alert = alert.id \
                 ORDER BY alert.stored DESC, alert.id LIMIT ?",
            )
            .bind(since)
            .bind(most);
        let rows = query.fetch_all::<LinkableRow>();
        let mut rows = self.within(rows, "alerts to link", false).await?;
        let newest = rows.first().map_or(since, |row| row.stored);
        rows.sort_by(|one, other| (one.first, &one.id).cmp(&(other.first, &other.id)));
        Ok((rows.iter().filter_map(linkable).collect(), newest))
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

    /// Incidents with an event since then, the worst first: those with an alert that nobody has closed, or all; one of an id, where one is given.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn linked_incidents(
        &self,
        id: Option<Uuid>,
        is_all: bool,
        since: Timestamp,
        (offset, limit): (u32, u32),
    ) -> Result<Vec<IncidentLine>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT toString(it.incident) AS id, toString(it.level) AS level, it.title AS title, toString(it.rule) AS rule, it.alerts AS alerts, \
                 it.open AS open, it.entities AS entities, arrayMap(name -> toString(name), it.integrations) AS integrations, \
                 toUnixTimestamp64Micro(it.first) AS first, toUnixTimestamp64Micro(it.last) AS last FROM linked_incidents AS it \
                 WHERE (? = '' OR it.incident = toUUIDOrZero(?)) AND (? OR it.open > 0) AND it.last >= fromUnixTimestamp64Micro(?) \
                 ORDER BY it.open > 0 DESC, it.level DESC, it.last DESC, it.incident LIMIT ? OFFSET ?",
            )
            .bind(id.map(|id| id.to_string()).unwrap_or_default())
            .bind(id.map(|id| id.to_string()).unwrap_or_default())
            .bind(is_all)
            .bind(since.micros())
            .bind(limit)
            .bind(offset);
        self.within(query.fetch_all(), "incidents", false).await
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
    // The entity may be of several values, of which the first counts.
    let kind = EntityKind::named(&row.entity_kind);
    let about = callers.iter().find(|caller| {
        Some(caller.kind) == kind
            && row
                .entity
                .strip_prefix(&caller.value)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(" | "))
    });
    Some(Linkable {
        alert,
        first: Timestamp::from_micros(row.first),
        last: Timestamp::from_micros(row.last),
        about: about.cloned(),
        callers,
        incident: row.incident.parse().ok().filter(|id: &Uuid| !id.is_nil()),
    })
}
