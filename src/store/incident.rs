//! Incidents with personal data: their steps, and what the log shows of the data.

use clickhouse::Row;
use serde::Deserialize;
use serde_json::json;
use tracing::warn;
use uuid::Uuid;

use super::StoreError;
use super::audit::AuditRow;
use super::client::Store;
use super::migrate::sha256;
use super::native::Wire;
use super::rows::{Cell, Rows};
use super::subject::Subject;
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::incident::{Affected, Incident, Step, What};

const COLUMNS: &[(&str, Wire)] = &[
    ("incident", Wire::Text),
    ("time", Wire::Time),
    ("actor", Wire::Text),
    ("step", Wire::Text),
    ("about", Wire::Text),
    ("text", Wire::Text),
    ("alert", Wire::Text),
    ("detected", Wire::Time),
    ("categories", Wire::Texts),
    ("detail", Wire::Text),
];

/// Values of a list at most: types, fields, countries.
const MOST: usize = 100;

#[derive(Row, Deserialize)]
struct AlertRow {
    json: String,
    /// Microseconds since 1970.
    detected: i64,
}

#[derive(Row, Deserialize)]
struct AffectedRow {
    calls: u64,
    refused: u64,
    subjects: u64,
    records: u64,
    fields: Vec<String>,
    integrations: Vec<String>,
    countries: Vec<String>,
}

impl Store {
    /// An alert with the time at which it was stored first; `None` when there is none of this id.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the alert cannot be read.
    pub async fn alert(&self, id: Uuid) -> Result<Option<(Alert, Timestamp)>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT json, toUnixTimestamp64Micro(toDateTime64(least(stored, ifNull(first_stored, stored)), 6, 'UTC')) AS detected \
                 FROM (SELECT json, stored, (SELECT minOrNull(detected) FROM alert_detections WHERE alert = ?) AS first_stored \
                       FROM alerts FINAL WHERE id = ?)",
            )
            .bind(id.to_string())
            .bind(id.to_string());
        let rows = query.fetch_all::<AlertRow>();
        let rows = self.within(rows, "an alert", false).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let alert = serde_json::from_str(&row.json).map_err(|source| StoreError::Json {
            what: "a stored alert",
            source,
        })?;
        Ok(Some((alert, Timestamp::from_micros(row.detected))))
    }

    /// What the answers to the calls of a condition handed out.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn affected(&self, condition: &str) -> Result<Affected, StoreError> {
        const ANSWERED: &str = "status > 0 AND status < 400";
        let sql = format!(
            "SELECT countIf({ANSWERED}) AS calls, countIf(NOT ({ANSWERED})) AS refused, \
             uniqExactIf(subject, {ANSWERED} AND subject != '') AS subjects, toUInt64(sumIf(ifNull(record_count, 0), {ANSWERED})) AS records, \
             arraySort(groupUniqArrayArrayIf({MOST})(fields_received, {ANSWERED})) AS fields, \
             arraySort(groupUniqArrayIf({MOST})(toString(integration), {ANSWERED} AND integration != '')) AS integrations, \
             arraySort(groupUniqArrayIf({MOST})(toString(country), {ANSWERED} AND country != '')) AS countries \
             FROM events WHERE {condition}"
        );
        // Names in the log may hold what stands for a value that is to be bound.
        let query = self.sharded.query(&sql.replace('?', "??"));
        let row = self
            .within(query.fetch_one::<AffectedRow>(), "calls", false)
            .await?;
        let sql = format!(
            "SELECT toString(resource_type) AS kind, uniqExact(resource_id) AS many FROM events \
             WHERE {condition} AND {ANSWERED} AND resource_type != '' GROUP BY kind ORDER BY many DESC, kind LIMIT {MOST}"
        );
        let query = self.sharded.query(&sql.replace('?', "??"));
        let resources = query.fetch_all::<(String, u64)>();
        let resources = self.within(resources, "resources", false).await?;
        Ok(Affected {
            calls: row.calls,
            refused: row.refused,
            subjects: row.subjects,
            records: row.records,
            resources,
            fields: row.fields,
            integrations: row.integrations,
            countries: row.countries,
        })
    }

    /// All incidents, oldest first. A step that this version cannot read is left out, and the log says so.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        self.incidents_where("1").await
    }

    /// Those that nobody has closed.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let open = "incident NOT IN (SELECT incident FROM incident_steps WHERE step = 'closed')";
        self.incidents_where(open).await
    }

    async fn incidents_where(&self, condition: &str) -> Result<Vec<Incident>, StoreError> {
        let sql =
            format!("SELECT detail FROM incident_steps WHERE {condition} ORDER BY time, incident");
        let details = self.client.query(&sql).fetch_all::<String>();
        let details = self.within(details, "incidents", false).await?;
        let steps = details.iter().filter_map(|detail| {
            serde_json::from_str(detail)
                .inspect_err(|error| warn!(%error, "a step of an incident cannot be read"))
                .ok()
        });
        Ok(Incident::of(steps.collect()))
    }

    /// Ids of the incidents on record that name one of these pseudonyms.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_incidents(&self, subject: &Subject) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT toString(incident) AS id FROM incident_steps WHERE {} ORDER BY id",
            subject.named_in("detail")
        );
        let ids = self.client.query(&sql).fetch_all::<String>();
        self.within(ids, "incidents of a person", false).await
    }

    /// Adds a step, in the audit too; the same step again is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_step(&self, step: &Step) -> Result<(), StoreError> {
        let detail = serde_json::to_string(step).map_err(|source| StoreError::Json {
            what: "a step of an incident",
            source,
        })?;
        let token = format!("incident/{}", sha256(&detail));
        let declared = match &step.what {
            What::Declared(declared) => Some(declared),
            _ => None,
        };
        let alert = declared.map(|declared| declared.alert.to_string());
        let categories = declared.map_or(&[][..], |declared| &declared.categories);
        let categories: Vec<&str> = categories.iter().map(String::as_str).collect();
        let mut rows = Rows::new("incident_steps", COLUMNS);
        rows.push([
            Cell::Text(&step.incident.to_string()),
            Cell::Time(Some(step.time)),
            Cell::Text(&step.actor),
            Cell::Text(step.what.name()),
            Cell::Text(step.what.about()),
            Cell::Text(step.what.text()),
            alert.as_deref().map_or(Cell::Absent, Cell::Text),
            Cell::Time(declared.map(|declared| declared.detected)),
            Cell::Texts(&categories),
            Cell::Text(&detail),
        ]);
        // The audit first: of a step that failed half-way it says too much rather than too little. Without the entity, which may be a person.
        self.record_changes(&[AuditRow {
            time: step.time,
            actor: step.actor.clone(),
            action: step.what.name(),
            object_kind: "incident".to_owned(),
            object: step.incident.to_string(),
            title: step.what.text().to_owned(),
            detail: json!({ "alert": alert, "about": step.what.about() }).to_string(),
            before: step.time.micros(),
        }])
        .await?;
        self.insert(&token, &rows.finish()).await
    }
}
