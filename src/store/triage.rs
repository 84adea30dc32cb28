//! What people do to alerts: kept in `alert_actions`, which is only ever added to.

use std::collections::HashMap;
use std::fmt::Write as _;

use clickhouse::Row;
use serde::Deserialize;
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
use crate::triage::{Action, Basis, Closing, Decided, Deed, Narrowing, Seen, Unacknowledged};

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

/// What was done to alerts, as [`read`] takes it.
const ACTION: &str = "SELECT toString(alert_id) AS alert, toUnixTimestamp64Micro(time) AS micros, toString(actor) AS actor, toString(action) AS action, comment, \
                      toString(assignee) AS assignee, count, toString(level) AS level, rules FROM alert_actions";

/// Closed alerts, and those that were called false, of which those who tell people know.
const MOST_CLOSED: usize = 20_000;
const MOST_NARROWINGS: usize = 2_000;
/// Alerts of a level that nobody acknowledged and that are known of, so that many of one level do not hide those of another.
const MOST_UNACKNOWLEDGED: usize = 500;
/// Confirmed alerts of a family that training leaves out, the newest first.
const MOST_CONFIRMED: usize = 100_000;
/// Alerts that were reopened by what came since and that are known of.
const MOST_REOPENED: usize = 500;
/// Alerts whose last deed is a closing: where one stands reopened, that is by what came since, and `state_since` is when it was closed.
pub(super) const CLOSED_LAST: &str = "SELECT deed.alert_id FROM alert_actions AS deed WHERE deed.action != 'comment' GROUP BY deed.alert_id \
     HAVING toString(argMax(deed.action, deed.time)) IN ('close', 'false_positive', 'harmless')";

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

impl Store {
    /// Puts on record what a person did to an alert; the same again is dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_action(&self, action: &Action) -> Result<(), StoreError> {
        let mut rows = Rows::new("alert_actions", COLUMNS);
        push(&mut rows, action);
        let token = format!("action/{}", sha256(&format!("{action:?}")));
        self.insert(&token, &rows.finish()).await
    }

    /// Puts deeds on record in one insert, all or none, each of another alert and with what it builds on. Gives the alerts of which the deed is on record: not
    /// where somebody else did the same at once, by whichever instance. Of one insert of several and another deed at the same instant both are, and the later one counts.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_upon(&self, deeds: &[(Action, Basis)]) -> Result<Vec<Uuid>, StoreError> {
        if deeds.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = Rows::new("alert_actions", COLUMNS);
        // Whatever builds on the same has one token, so ClickHouse takes the first of two and drops the other. Comments stand beside each other.
        let mut built_on = String::new();
        for (action, basis) in deeds {
            push(&mut rows, action);
            // Writing into a string does not fail.
            let _ = match action.deed {
                Deed::Comment => write!(built_on, "{action:?}/"),
                _ => write!(built_on, "{}/{basis}/", action.alert),
            };
        }
        let token = format!("deeds/{}", sha256(&built_on));
        self.insert(&token, &rows.finish()).await?;
        let ids: Vec<Uuid> = deeds.iter().map(|(action, _)| action.alert).collect();
        let stored = self.actions_of_all(&ids).await?;
        let is_stored = |action: &Action| {
            let actions = stored.get(&action.alert);
            actions.is_some_and(|actions| actions.contains(action))
        };
        let actions = deeds.iter().map(|(action, _)| action);
        let kept = actions.filter(|action| is_stored(action));
        Ok(kept.map(|action| action.alert).collect())
    }

    /// Those of these alerts that there are, in no order.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an alert cannot be read.
    pub async fn alerts_by_ids(&self, ids: &[Uuid]) -> Result<Vec<Alert>, StoreError> {
        let query = self
            .client
            .query("SELECT json FROM alerts FINAL WHERE id IN (SELECT arrayJoin(arrayMap(id -> toUUID(id), ?)))")
            .bind(texts(ids));
        let rows = query.fetch_all::<String>();
        read_alerts(&self.within(rows, "alerts", false).await?)
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
        read_alerts(&rows)
    }

    /// Open alerts of this level or a higher one that began before, have an event since, and that nobody has done anything about since then; the worst first, of a level
    /// those that began last, since the others were known of before.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn unacknowledged(
        &self,
        least: Level,
        before: Timestamp,
        since: Timestamp,
    ) -> Result<Vec<Unacknowledged>, StoreError> {
        let sql = format!(
            "SELECT json, toUnixTimestamp64Micro(greatest(alert.first, state_since)) AS micros FROM alerts_latest AS alert WHERE state IN ('new', 'reopened') \
             AND alert.level >= ? AND alert.last >= fromUnixTimestamp64Micro(?) AND greatest(alert.first, state_since) <= fromUnixTimestamp64Micro(?) \
             ORDER BY alert.level DESC, micros DESC, alert.id LIMIT {MOST_UNACKNOWLEDGED} BY alert.level"
        );
        let query = self.client.query(&sql).bind(least.name());
        let query = query.bind(since.micros()).bind(before.micros());
        let rows = self
            .within(
                query.fetch_all::<(String, i64)>(),
                "alerts that nobody acknowledged",
                false,
            )
            .await?;
        let alerts = rows.iter().filter_map(|(json, micros)| {
            let alert = serde_json::from_str(json)
                .inspect_err(|error| warn!(%error, "an alert cannot be read: it is not escalated"))
                .ok()?;
            let since = Timestamp::from_micros(*micros);
            Some(Unacknowledged { alert, since })
        });
        Ok(alerts.collect())
    }

    /// Alerts of a family that were closed as true and have events in this stretch, its end not included; the newest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an alert cannot be read.
    pub async fn confirmed(
        &self,
        family: &str,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Alert>, StoreError> {
        let sql = format!(
            "SELECT json FROM alerts_latest AS alert WHERE alert.family = ? AND alert.state = 'closed_true' AND alert.last >= fromUnixTimestamp64Micro(?) \
             AND alert.first < fromUnixTimestamp64Micro(?) ORDER BY alert.first DESC, alert.id LIMIT {MOST_CONFIRMED}"
        );
        let query = self.client.query(&sql).bind(family);
        let query = query.bind(since.micros()).bind(until.micros());
        let rows = query.fetch_all::<String>();
        let rows = self.within(rows, "confirmed alerts", false).await?;
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
        let sql = format!("{ACTION} WHERE alert_id = ? ORDER BY time");
        let query = self.client.query(&sql).bind(alert.to_string());
        let rows = query.fetch_all::<ActionRow>();
        let rows = self.within(rows, "actions on an alert", false).await?;
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The same of several; nothing stands there of an alert to which nothing was done.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn actions_of_all(
        &self,
        alerts: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Action>>, StoreError> {
        let sql = format!(
            "{ACTION} WHERE alert_id IN (SELECT arrayJoin(arrayMap(id -> toUUID(id), ?))) ORDER BY time"
        );
        let query = self.client.query(&sql).bind(texts(alerts));
        let rows = query.fetch_all::<ActionRow>();
        let rows = self.within(rows, "actions on alerts", false).await?;
        let mut actions: HashMap<Uuid, Vec<Action>> = HashMap::new();
        for action in rows.into_iter().filter_map(read) {
            actions.entry(action.alert).or_default().push(action);
        }
        Ok(actions)
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
        let closings = actions.into_iter().filter_map(|action| {
            let Deed::Close(verdict) = action.deed else {
                return None;
            };
            let closing = Closing {
                time: action.time,
                verdict,
                seen: action.seen,
            };
            Some((action.alert, closing))
        });
        decided.closed = closings.collect();
        Ok(decided)
    }

    /// Alerts that stand reopened, since they show more than whoever closed them saw, with an event since then; those with the newest events.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn reopened(&self, since: Timestamp) -> Result<Vec<Alert>, StoreError> {
        let sql = format!(
            "SELECT json FROM alerts_latest AS alert WHERE alert.state = 'reopened' AND alert.last >= fromUnixTimestamp64Micro(?) AND alert.id IN ({CLOSED_LAST}) \
             ORDER BY alert.last DESC, alert.id LIMIT {MOST_REOPENED}"
        );
        let query = self.client.query(&sql).bind(since.micros());
        let rows = query.fetch_all::<String>();
        let rows = self
            .within(rows, "alerts that were reopened", false)
            .await?;
        let alerts = rows.iter().filter_map(|json| {
            serde_json::from_str(json)
                .inspect_err(|error| warn!(%error, "an alert cannot be read: that it was reopened is not told"))
                .ok()
        });
        Ok(alerts.collect())
    }
}

fn push(rows: &mut Rows, action: &Action) {
    let assignee = match &action.deed {
        Deed::Assign { to } => to.as_str(),
        _ => "",
    };
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
}

/// Ids, as a list of texts is bound.
fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn read_alerts(rows: &[String]) -> Result<Vec<Alert>, StoreError> {
    let alerts = rows.iter().map(|json| serde_json::from_str(json));
    alerts
        .collect::<Result<_, _>>()
        .map_err(|source| StoreError::Json {
            what: "a stored alert",
            source,
        })
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
