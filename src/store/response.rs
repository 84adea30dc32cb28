//! Decisions to block: their steps are kept in `decision_steps`, which is only ever added to.

use std::fmt::Write as _;

use clickhouse::Row;
use clickhouse::query::Query;
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

/// Decisions that are read at most, those that were proposed or renewed last: twice as many as are published.
const MOST_DECISIONS: usize = 200_000;
/// Alerts that are looked at for proposals at once.
const MOST_ALERTS: usize = 1_000;
const DAY_US: i64 = 86_400_000_000;

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

/// An alert of which nothing waits and nothing is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// The alert.
    pub alert: Alert,
    /// How many decisions it has already, all of which are over.
    pub round: u32,
}

/// An alert that goes on although a decision about it is near its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoingOn {
    /// The alert.
    pub alert: Uuid,
    /// Its newest event.
    pub last: Timestamp,
    /// Whether it is open; else a person closed it as true.
    pub is_open: bool,
}

#[derive(Row, Deserialize)]
struct AnswerRow {
    json: String,
    micros: i64,
    alert: String,
    round: u32,
}

#[derive(Row, Deserialize)]
struct GoingOnRow {
    about: String,
    micros: i64,
    is_open: u8,
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
            let _ = match &step.what {
                // Of one decision there is one proposal, whoever makes it and when.
                What::Proposed(_) => write!(said, "{}/proposed/0/", step.decision),
                // And one renewal of a round, which its reason names.
                What::Renewed { .. } => write!(said, "{}/renewed/{}/", step.decision, step.reason),
                // Other deeds happen again. Writing into a string does not fail.
                what => {
                    let when = step.time.micros();
                    write!(said, "{}/{}/{when}/", step.decision, what.name())
                }
            };
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
                Cell::Time(step.what.until()),
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
        let among = format!(
            "SELECT recent.decision FROM decision_steps AS recent WHERE recent.until >= fromUnixTimestamp64Micro(?) - INTERVAL 2 DAY \
             GROUP BY recent.decision ORDER BY max(recent.time) DESC LIMIT {MOST_DECISIONS}"
        );
        self.decisions_among(&among, |query| query.bind(now.micros()))
            .await
    }

    /// What tells whether there are other steps than before: how many there are, and a sum over them. It takes three narrow columns to say so.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decisions_mark(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(), sum(cityHash64(step.decision, step.time, step.step)) FROM decision_steps AS step";
        let query = self.client.query(sql).fetch_one::<(u64, u64)>();
        self.within(query, "the steps of decisions", false).await
    }

    /// The decisions whose ids a statement says, with all their steps, in the order of their first.
    pub(super) async fn decisions_among(
        &self,
        among: &str,
        bind: impl FnOnce(Query) -> Query,
    ) -> Result<Vec<Decision>, StoreError> {
        // The proposal is the first step, whatever the clock of who decided says.
        let sql = format!(
            "SELECT toString(step.decision) AS decision, toUnixTimestamp64Micro(step.time) AS micros, toString(step.actor) AS actor, toString(step.step) AS step, \
             toString(step.scope) AS scope, step.value AS value, toUnixTimestamp64Micro(ifNull(step.until, toDateTime64(0, 6, 'UTC'))) AS until, \
             ifNull(toString(step.alert), '') AS alert, toString(step.family) AS family, step.reason AS reason FROM decision_steps AS step \
             WHERE step.decision IN ({among}) ORDER BY step.step != 'proposed', step.time"
        );
        let rows = bind(self.client.query(&sql)).fetch_all::<StepRow>();
        let rows = self.within(rows, "decisions", false).await?;
        Ok(Decision::of(rows.into_iter().filter_map(read).collect()))
    }

    /// Open alerts about callers, of one of these families and of this level or a higher one, of which no decision was proposed, and that have something new since then:
    /// the oldest that come after this newest event and id, [`MOST_ALERTS`] at most; and what to go on after, `None` when these were all.
    ///
    /// An alert whose newest decision was rejected or revoked is among them when it was opened again afterwards: a person did so, or it had been closed and came back. So
    /// is one whose newest decision ended more than a day ago, which is not renewed any more.
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
    ) -> Result<(Vec<Unanswered>, Option<(Timestamp, Uuid)>), StoreError> {
        // Which they are takes narrow columns; the whole alert is read of these alone.
        let sql = format!(
            "SELECT found.json AS json, toUnixTimestamp64Micro(found.last) AS micros, toString(found.id) AS alert, toUInt32(made.rounds) AS round FROM \
             (SELECT id, last, json FROM alerts AS alert WHERE alert.id IN \
             (SELECT alert.id FROM alerts_latest AS alert WHERE has(?, toString(alert.family)) AND alert.level >= ? AND NOT startsWith(alert.state, 'closed') \
             AND (alert.last, alert.id) > (fromUnixTimestamp64Micro(?), toUUID(?)) AND alert.entity_kind IN ('address', 'client', 'subject', 'token') \
             AND alert.id NOT IN ({ANSWERED}){} \
             ORDER BY alert.last, alert.id LIMIT {MOST_ALERTS}) ORDER BY alert.id, alert.revision DESC LIMIT 1 BY alert.id) AS found \
             LEFT JOIN (SELECT assumeNotNull(step.alert) AS about, uniqExact(step.decision) AS rounds FROM decision_steps AS step WHERE step.alert IS NOT NULL \
             GROUP BY about) AS made ON made.about = found.id ORDER BY found.last, found.id",
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
            let alert = serde_json::from_str(&row.json);
            let alert = alert
                .inspect_err(|error| warn!(%error, "an alert cannot be read: nothing is proposed"))
                .ok()?;
            Some(Unanswered {
                alert,
                round: row.round,
            })
        });
        Ok((alerts.collect(), next))
    }

    /// Alerts of one of these families and of this level or a higher one, closed as false or harmless aside, that have had an event since the end of a decision about
    /// them was set, where that is near: less than half is left of the time that a person chose, else of `lasts_us`. Those that were proposed or approved and ended within
    /// a day of `now` are among them; the newest [`MOST_ALERTS`].
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn alerts_that_go_on(
        &self,
        families: &[String],
        least: Level,
        lasts_us: i64,
        now: Timestamp,
    ) -> Result<Vec<GoingOn>, StoreError> {
        let (now, day) = (now.micros(), DAY_US);
        let near = format!(
            "SELECT DISTINCT toString(block.about) FROM (SELECT assumeNotNull(ended.about) AS about, ended.ends AS ends, \
             if(ended.chosen > 0, ended.chosen, toInt64({lasts_us})) AS lasts FROM ({ENDS}) AS ended WHERE ended.about IS NOT NULL AND ended.ends > toInt64({now}) - {day}) AS block \
             INNER JOIN (SELECT seen.id AS id, max(toUnixTimestamp64Micro(seen.last)) AS newest FROM alerts AS seen \
             WHERE seen.id IN (SELECT assumeNotNull(made.alert) FROM decision_steps AS made WHERE made.alert IS NOT NULL) GROUP BY seen.id) AS news \
             ON news.id = block.about \
             WHERE block.ends < toInt64({now}) + intDiv(block.lasts, 2) AND news.newest + block.lasts > greatest(block.ends, toInt64({now}))"
        );
        let near = self.client.query(&near).fetch_all::<String>();
        let near = self.within(near, "blocks near their end", false).await?;
        // As at most looks.
        if near.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT toString(alert.id) AS about, toUnixTimestamp64Micro(alert.last) AS micros, toUInt8(NOT startsWith(alert.state, 'closed')) AS is_open \
             FROM alerts_latest AS alert WHERE alert.id IN (SELECT arrayJoin(arrayMap(id -> toUUID(id), ?))) AND has(?, toString(alert.family)) AND alert.level >= ? \
             AND alert.state NOT IN ('closed_false', 'closed_harmless') ORDER BY alert.last DESC, alert.id LIMIT {MOST_ALERTS}"
        );
        let query = self.client.query(&sql).bind(near).bind(families);
        let query = query.bind(least.name());
        let rows = query.fetch_all::<GoingOnRow>();
        let rows = self.within(rows, "alerts that go on", false).await?;
        let going = rows.into_iter().filter_map(|row| {
            Some(GoingOn {
                alert: row.about.parse().ok()?,
                last: Timestamp::from_micros(row.micros),
                is_open: row.is_open != 0,
            })
        });
        Ok(going.collect())
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
             AND alert.id IN (SELECT assumeNotNull(block.alert) FROM decisions AS block WHERE block.alert IS NOT NULL AND block.until > fromUnixTimestamp64Micro(?)){}",
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

/// Alerts that were answered: their newest decision waits, is in force or may be renewed, or it was rejected or revoked after all that opens an alert again.
const ANSWERED: &str = "SELECT answered.about FROM (SELECT assumeNotNull(past.alert) AS about, \
     argMax(past.last_step, past.proposed) IN ('rejected', 'revoked') AS is_against, \
     argMax(past.last_time, past.proposed) AS decided, argMax(past.until, past.proposed) AS ends FROM decisions AS past WHERE past.alert IS NOT NULL GROUP BY about) AS answered \
     LEFT JOIN (SELECT deed.alert_id AS id, max(deed.time) AS turned FROM alert_actions AS deed \
     WHERE deed.action IN ('close', 'false_positive', 'harmless', 'reopen') GROUP BY deed.alert_id) AS turn ON turn.id = answered.about \
     WHERE if(answered.is_against, turn.turned < answered.decided, answered.ends >= now64(6, 'UTC') - INTERVAL 1 DAY)";

/// The end of each decision that nobody rejected or revoked, its alert, and for how long a person approved it; in microseconds.
const ENDS: &str = "SELECT argMinIf(step.alert, step.time, step.step = 'proposed') AS about, \
     toUnixTimestamp64Micro(assumeNotNull(argMaxIf(step.until, (step.time, step.step != 'proposed'), coalesce(toUnixTimestamp64Micro(step.until), 0) > 0))) AS ends, \
     minIf(toUnixTimestamp64Micro(assumeNotNull(step.until)) - toUnixTimestamp64Micro(step.time), step.step = 'approved' AND coalesce(toUnixTimestamp64Micro(step.until), 0) > 0) AS chosen \
     FROM decision_steps AS step GROUP BY step.decision HAVING countIf(step.step IN ('rejected', 'revoked')) = 0";

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
        "approved" => What::Approved {
            until: (row.until != 0).then(|| Timestamp::from_micros(row.until)),
        },
        "renewed" => What::Renewed {
            until: Timestamp::from_micros(row.until),
        },
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
