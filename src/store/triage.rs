//! What people do to alerts: kept in `alert_actions`, which is only ever added to.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use super::migrate::sha256;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::triage::{Action, Decided, Deed, Narrowing, Seen};

const COLUMNS: &[(&str, Wire)] = &[
    ("alert_id", Wire::Text),
    ("time", Wire::Time),
    ("actor", Wire::Text),
    ("action", Wire::Text),
    ("comment", Wire::Text),
    ("assignee", Wire::Text),
    ("count", Wire::U64),
    ("level", Wire::Text),
    ("rules", Wire::U32),
];

/// Closed alerts, and those that were called false, of which those who tell people know.
const MOST_CLOSED: usize = 20_000;
const MOST_NARROWINGS: usize = 2_000;

#[derive(Row, Deserialize)]
struct ActionRow {
    alert: String,
    micros: i64,
    actor: String,
    action: String,
    comment: String,
    assignee: String,
    count: u64,
    level: String,
    rules: u32,
}

/// An alert as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AlertLine {
    /// Its id.
    pub id: String,
    /// Newest event, in microseconds.
    pub micros: i64,
    /// How bad it is.
    pub level: String,
    /// Where it stands.
    pub state: String,
    /// Who works on it; empty where nobody does.
    pub assignee: String,
    /// What happened.
    pub title: String,
    /// What the entity is.
    pub entity_kind: String,
    /// Which one.
    pub entity: String,
    /// Events behind it.
    pub count: u64,
}

/// Which alerts a list shows; what is `None` or empty is not asked for.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Only those in one of these states.
    pub states: Vec<&'static str>,
    /// Of this level or a higher one.
    pub least: Option<Level>,
    /// Of this rule family.
    pub family: Option<String>,
    /// About this entity.
    pub entity: Option<String>,
    /// With an event since.
    pub since: Option<Timestamp>,
    /// So many at most, the newest first.
    pub limit: u32,
}

impl Store {
    /// Puts on record what a person did to an alert; the same again is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_action(&self, action: &Action) -> Result<(), StoreError> {
        let assignee = match &action.deed {
            Deed::Assign { to } => to.as_str(),
            _ => "",
        };
        let mut rows = Rows::new("alert_actions", COLUMNS);
        rows.push([
            Cell::Text(&action.alert.to_string()),
            Cell::Time(Some(action.time)),
            Cell::Text(&action.actor),
            Cell::Text(action.deed.name()),
            Cell::Text(&action.comment),
            Cell::Text(assignee),
            Cell::Number(action.seen.count),
            Cell::Text(action.seen.level.name()),
            Cell::Number(action.seen.rules.into()),
        ]);
        let token = format!("action/{}", sha256(&format!("{action:?}")));
        self.insert(&token, &rows.finish()).await
    }

    /// Alerts whose id begins so, two at most.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an alert cannot be read.
    pub async fn alerts_beginning(&self, beginning: &str) -> Result<Vec<Alert>, StoreError> {
        let query = self
            .client
            .query("SELECT json FROM alerts FINAL WHERE startsWith(toString(id), ?) LIMIT 2")
            .bind(beginning);
        let rows = self
            .within(query.fetch_all::<String>(), "an alert", false)
            .await?;
        let alerts = rows.iter().map(|json| serde_json::from_str(json));
        alerts
            .collect::<Result<_, _>>()
            .map_err(|source| StoreError::Json {
                what: "a stored alert",
                source,
            })
    }

    /// What was done to an alert, oldest first. What this version cannot read is left out, and the log says so.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn actions_of(&self, alert: Uuid) -> Result<Vec<Action>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT toString(alert_id) AS alert, toUnixTimestamp64Micro(time) AS micros, toString(actor) AS actor, toString(action) AS action, comment, \
                 toString(assignee) AS assignee, count, toString(level) AS level, rules FROM alert_actions WHERE alert_id = ? ORDER BY time",
            )
            .bind(alert.to_string());
        let rows = query.fetch_all::<ActionRow>();
        let rows = self.within(rows, "actions on an alert", false).await?;
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Alerts as a list shows them, the newest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn list_alerts(&self, filter: &AlertFilter) -> Result<Vec<AlertLine>, StoreError> {
        let mut sql = String::from(
            // Columns are named with their table: of the same name there are texts here, which are in another order.
            "SELECT toString(id) AS id, toUnixTimestamp64Micro(last) AS micros, toString(level) AS level, state, toString(assignee) AS assignee, title, \
             toString(entity_kind) AS entity_kind, entity, count FROM alerts_latest AS alert WHERE 1",
        );
        let mut texts: Vec<&str> = Vec::new();
        if !filter.states.is_empty() {
            sql.push_str(" AND has(?, state)");
        }
        if let Some(least) = filter.least {
            sql.push_str(" AND alert.level >= ?");
            texts.push(least.name());
        }
        for (column, wanted) in [("family", &filter.family), ("entity", &filter.entity)] {
            if let Some(wanted) = wanted {
                sql.push_str(" AND ");
                sql.push_str(column);
                sql.push_str(" = ?");
                texts.push(wanted);
            }
        }
        if filter.since.is_some() {
            sql.push_str(" AND last >= fromUnixTimestamp64Micro(?)");
        }
        sql.push_str(" ORDER BY last DESC, id LIMIT ?");
        let mut query = self.client.query(&sql);
        if !filter.states.is_empty() {
            query = query.bind(&filter.states);
        }
        for text in texts {
            query = query.bind(text);
        }
        if let Some(since) = filter.since {
            query = query.bind(since.micros());
        }
        let rows = query.bind(filter.limit).fetch_all::<AlertLine>();
        self.within(rows, "alerts", false).await
    }

    /// What follows from what people did, for those who tell people of alerts; of the newest closed ones.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decided(&self) -> Result<Decided, StoreError> {
        let sql = format!(
            "SELECT toString(alert_id) AS alert, toUnixTimestamp64Micro(max(deed.time)) AS micros, toString(argMax(deed.actor, deed.time)) AS actor, \
             toString(argMax(deed.action, deed.time)) AS action, '' AS comment, '' AS assignee, argMax(deed.count, deed.time) AS count, \
             toString(argMax(deed.level, deed.time)) AS level, argMax(deed.rules, deed.time) AS rules \
             FROM alert_actions AS deed WHERE deed.action != 'comment' GROUP BY alert_id \
             HAVING action IN ('close', 'false_positive', 'harmless') ORDER BY micros DESC LIMIT {MOST_CLOSED}"
        );
        let rows = self.client.query(&sql).fetch_all::<ActionRow>();
        let rows = self.within(rows, "closed alerts", false).await?;
        let actions: Vec<Action> = rows.into_iter().filter_map(read).collect();
        let is_false = |action: &&Action| action.deed.name() == "false_positive";
        let called_false: Vec<&Action> = actions
            .iter()
            .filter(is_false)
            .take(MOST_NARROWINGS)
            .collect();
        let mut decided = Decided::default();
        if !called_false.is_empty() {
            let ids = called_false.iter().map(|action| action.alert.to_string());
            let query = self
                .client
                .query("SELECT json FROM alerts FINAL WHERE reason = 'baseline' AND id IN (SELECT arrayJoin(arrayMap(id -> toUUID(id), ?)))")
                .bind(ids.collect::<Vec<String>>());
            let alerts = query.fetch_all::<String>();
            let alerts = self.within(alerts, "alerts called false", false).await?;
            for json in alerts {
                match serde_json::from_str::<Alert>(&json) {
                    Ok(alert) => {
                        let action = called_false.iter().find(|action| action.alert == alert.id);
                        let narrowing = action
                            .and_then(|action| Narrowing::of(&alert, &action.actor, action.time));
                        decided.narrowings.extend(narrowing);
                    }
                    Err(error) => {
                        warn!(%error, "an alert that was called false cannot be read: it narrows nothing");
                    }
                }
            }
            decided
                .narrowings
                .sort_by_key(|narrowing| (narrowing.time, narrowing.alert));
        }
        decided.closed = actions
            .into_iter()
            .map(|action| (action.alert, action.seen))
            .collect();
        Ok(decided)
    }
}

fn read(row: ActionRow) -> Option<Action> {
    let deed = Deed::of(&row.action, &row.assignee);
    let (Ok(alert), Some(deed), Some(level)) =
        (row.alert.parse(), deed, Level::from_name(&row.level))
    else {
        warn!(alert = %row.alert, action = %row.action, "an action on an alert cannot be read");
        return None;
    };
    Some(Action {
        alert,
        time: Timestamp::from_micros(row.micros),
        actor: row.actor,
        deed,
        comment: row.comment,
        seen: Seen {
            count: row.count,
            level,
            rules: row.rules,
        },
    })
}
