//! Decisions to block: their steps are kept in `decision_steps`, which is only ever added to.

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
use crate::response::{Decision, Proposal, Step, Target, What};
use crate::sigma::Level;

const COLUMNS: &[(&str, Wire)] = &[
    ("decision", Wire::Text),
    ("time", Wire::Time),
    ("actor", Wire::Text),
    ("step", Wire::Text),
    ("scope", Wire::Text),
    ("value", Wire::Text),
    ("until", Wire::Time),
    ("alert", Wire::Text),
    ("family", Wire::Text),
    ("reason", Wire::Text),
];

/// Decisions that are read at most, the newest: twice as many as are published.
const MOST_DECISIONS: usize = 200_000;
/// Alerts that are looked at for proposals at once.
const MOST_ALERTS: usize = 1_000;

#[derive(Row, Deserialize)]
struct StepRow {
    decision: String,
    micros: i64,
    actor: String,
    step: String,
    scope: String,
    value: String,
    until: i64,
    alert: String,
    family: String,
    reason: String,
}

/// An alert that a person closed as false or harmless, of which something was to be blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The alert.
    pub alert: Uuid,
    /// `false` or `harmless`.
    pub verdict: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

#[derive(Row, Deserialize)]
struct AnswerRow {
    json: String,
    micros: i64,
    alert: String,
}

#[derive(Row, Deserialize)]
struct ClearedRow {
    closed: String,
    verdict: String,
    closed_by: String,
    micros: i64,
}

impl Store {
    /// Adds steps, all or none; the same again are dropped.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn record_decisions(&self, steps: &[Step]) -> Result<(), StoreError> {
        let mut rows = Rows::new("decision_steps", COLUMNS);
        let mut said = String::new();
        for step in steps {
            let proposal = match &step.what {
                What::Proposed(proposal) => Some(proposal),
                _ => None,
            };
            // Of one decision there is one proposal, whoever makes it and when; other deeds happen again.
            let when = proposal.map_or(step.time.micros(), |_| 0);
            // Writing into a string does not fail.
            let _ = write!(said, "{}/{}/{when}/", step.decision, step.what.name());
            let alert = proposal.and_then(|proposal| proposal.alert);
            let alert = alert.map(|alert| alert.to_string());
            let value = proposal.map(|proposal| proposal.target.value());
            rows.push([
                Cell::Text(&step.decision.to_string()),
                Cell::Time(Some(step.time)),
                Cell::Text(&step.actor),
                Cell::Text(step.what.name()),
                Cell::Text(proposal.map_or("", |proposal| proposal.target.scope())),
                Cell::Text(value.as_deref().unwrap_or_default()),
                Cell::Time(proposal.map(|proposal| proposal.until)),
                alert.as_deref().map_or(Cell::Absent, Cell::Text),
                Cell::Text(proposal.map_or("", |proposal| &proposal.family)),
                Cell::Text(&step.reason),
            ]);
        }
        let token = format!("decision/{}", sha256(&said));
        self.insert(&token, &rows.finish()).await
    }

    /// Decisions that have not ended, or ended within two days of `now`, with all their steps, in the order of their first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decisions(&self, now: Timestamp) -> Result<Vec<Decision>, StoreError> {
        self.decisions_where(
            "until >= fromUnixTimestamp64Micro(?) - INTERVAL 2 DAY",
            now.micros(),
        )
        .await
    }

    /// All decisions that are on record.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn all_decisions(&self) -> Result<Vec<Decision>, StoreError> {
        self.decisions_where("? = 0", 0).await
    }

    async fn decisions_where(
        &self,
        condition: &str,
        bound: i64,
    ) -> Result<Vec<Decision>, StoreError> {
        let sql = format!(
            "SELECT toString(decision) AS decision, toUnixTimestamp64Micro(step.time) AS micros, toString(actor) AS actor, toString(step.step) AS step, \
             toString(scope) AS scope, value, toUnixTimestamp64Micro(ifNull(step.until, toDateTime64(0, 6, 'UTC'))) AS until, \
             ifNull(toString(step.alert), '') AS alert, toString(family) AS family, reason FROM decision_steps AS step \
             WHERE step.decision IN (SELECT decision FROM decision_steps WHERE step = 'proposed' AND {condition} ORDER BY time DESC LIMIT {MOST_DECISIONS}) \
             ORDER BY step.time, step.step != 'proposed'"
        );
        let rows = self.client.query(&sql).bind(bound).fetch_all::<StepRow>();
        let rows = self.within(rows, "decisions", false).await?;
        Ok(Decision::of(rows.into_iter().filter_map(read).collect()))
    }

    /// Open alerts about callers, of one of these families and of this level or a higher one, of which no decision was proposed, and that have something new since then:
    /// the oldest that come after this newest event and id, [`MOST_ALERTS`] at most; and what to go on after, `None` when these were all.
    ///
    /// Something new is a revision that was stored, or something that a person did; since when is said by the clock of the store, in seconds since 1970. Without it, all
    /// alerts are looked at.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn alerts_to_answer(
        &self,
        families: &[String],
        least: Level,
        (last, id): (Timestamp, Uuid),
        since: Option<u32>,
    ) -> Result<(Vec<Alert>, Option<(Timestamp, Uuid)>), StoreError> {
        // Which they are takes narrow columns; the whole alert is read of these alone.
        let sql = format!(
            "SELECT found.json AS json, toUnixTimestamp64Micro(found.last) AS micros, toString(found.id) AS alert FROM \
             (SELECT id, last, json FROM alerts AS alert WHERE alert.id IN \
             (SELECT alert.id FROM alerts_latest AS alert WHERE has(?, toString(alert.family)) AND alert.level >= ? AND NOT startsWith(alert.state, 'closed') \
             AND (alert.last, alert.id) > (fromUnixTimestamp64Micro(?), toUUID(?)) AND alert.entity_kind IN ('address', 'client', 'subject', 'token') \
             AND alert.id NOT IN (SELECT assumeNotNull(step.alert) FROM decision_steps AS step WHERE step.alert IS NOT NULL){} \
             ORDER BY alert.last, alert.id LIMIT {MOST_ALERTS}) ORDER BY alert.id, alert.revision DESC LIMIT 1 BY alert.id) AS found ORDER BY found.last, found.id",
            with_news(since)
        );
        let query = self.client.query(&sql).bind(families).bind(least.name());
        let query = query.bind(last.micros()).bind(id.to_string());
        let rows = query.fetch_all::<AnswerRow>();
        let rows = self.within(rows, "alerts to answer", false).await?;
        let last = rows.last().filter(|_| rows.len() == MOST_ALERTS);
        let next = last.and_then(|row| {
            let id = row.alert.parse().ok()?;
            Some((Timestamp::from_micros(row.micros), id))
        });
        let alerts = rows.iter().filter_map(|row| {
            serde_json::from_str(&row.json)
                .inspect_err(|error| warn!(%error, "an alert cannot be read: nothing is proposed"))
                .ok()
        });
        Ok((alerts.collect(), next))
    }

    /// Alerts that are closed as false or harmless, of which decisions were proposed that would last longer, and that have something new since then, as
    /// [`Store::alerts_to_answer`] has it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn cleared_alerts(
        &self,
        now: Timestamp,
        since: Option<u32>,
    ) -> Result<Vec<Cleared>, StoreError> {
        let sql = format!(
            "SELECT toString(alert.id) AS closed, substring(alert.state, 8) AS verdict, toString(alert.state_by) AS closed_by, \
             toUnixTimestamp64Micro(alert.state_since) AS micros FROM alerts_latest AS alert WHERE alert.state IN ('closed_false', 'closed_harmless') \
             AND alert.id IN (SELECT assumeNotNull(step.alert) FROM decision_steps AS step WHERE step.alert IS NOT NULL AND step.until > fromUnixTimestamp64Micro(?)){}",
            with_news(since)
        );
        let query = self.client.query(&sql).bind(now.micros());
        let rows = query.fetch_all::<ClearedRow>();
        let rows = self
            .within(rows, "alerts that were closed as false", false)
            .await?;
        let cleared = rows.into_iter().filter_map(|row| {
            Some(Cleared {
                alert: row.closed.parse().ok()?,
                verdict: row.verdict,
                by: row.closed_by,
                time: Timestamp::from_micros(row.micros),
            })
        });
        Ok(cleared.collect())
    }
}

/// That an alert has something new since then.
fn with_news(since: Option<u32>) -> String {
    since.map_or_else(String::new, |since| {
        format!(
            " AND alert.id IN (SELECT fresh.id AS id FROM alerts AS fresh WHERE fresh.stored >= toDateTime({since}, 'UTC') \
             UNION ALL SELECT deed.alert_id AS id FROM alert_actions AS deed WHERE deed.time >= toDateTime({since}, 'UTC'))"
        )
    })
}

fn read(row: StepRow) -> Option<Step> {
    let decision: Uuid = row.decision.parse().ok()?;
    let what = match row.step.as_str() {
        "approved" => What::Approved,
        "rejected" => What::Rejected,
        "revoked" => What::Revoked,
        _ => {
            let Some(target) = Target::parse(&row.scope, &row.value) else {
                warn!(%decision, scope = %row.scope, "a decision blocks nothing that this version knows: it is left out");
                return None;
            };
            What::Proposed(Proposal {
                target,
                until: Timestamp::from_micros(row.until),
                alert: row.alert.parse().ok(),
                family: row.family,
            })
        }
    };
    Some(Step {
        decision,
        time: Timestamp::from_micros(row.micros),
        actor: row.actor,
        what,
        reason: row.reason,
    })
}
