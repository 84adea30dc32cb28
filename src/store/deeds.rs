//! What was done by people and files, wherever it is kept: the audit, actions on alerts, steps of decisions.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::client::Store;
use crate::event::Timestamp;

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AuditLine {
    /// When, in microseconds since 1970.
    pub micros: i64,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what kind of thing; `alert` and `decision` besides those of the audit.
    pub object_kind: String,
    /// To which one.
    pub object: String,
    /// One line for people.
    pub title: String,
    /// The role that an account had then; empty for others.
    pub role: String,
    /// The address from which it was done, as far as that is known.
    pub address: String,
    /// Why: the stable name of a reason, or what somebody wrote; empty where none is known.
    pub reason: String,
}

/// Which lines are wanted; what is `None` or empty is not asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// This in actor, object or title, in any case of letters.
    pub text: String,
    /// Done by somebody with this in the name.
    pub actor: String,
    /// Done to this kind of thing.
    pub kind: String,
    /// Done to one of these kinds of things, for who may see no others; empty: to any.
    pub only: &'static [&'static str],
    /// This was done.
    pub action: String,
    /// Since then.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// So many are passed over.
    pub offset: u32,
    /// So many at most.
    pub limit: u32,
}

/// What gatewatch itself proposes is no deed of a person.
/// Second factors that were taken away were called `reset` once, as passwords are.
const ALL: &str = "SELECT time, toString(actor) AS actor, \
                   if(audit.action = 'reset' AND startsWith(title, 'second factor of '), 'factor_reset', toString(audit.action)) AS action, \
                   toString(object_kind) AS object_kind, object, title, detail FROM audit \
                   UNION ALL SELECT time, toString(actor), toString(action), 'alert', toString(alert_id), \
                   concat(assignee, if(assignee = '' OR comment = '', '', ': '), comment), '' FROM alert_actions \
                   UNION ALL SELECT time, toString(actor), toString(step), 'decision', \
                   if(value = '', toString(decision), concat(toString(scope), ' ', value)), reason, '' FROM decision_steps WHERE actor != 'gatewatch'";

impl AuditFilter {
    fn kinds(&self) -> String {
        if self.only.is_empty() {
            return String::new();
        }
        // Words of ours, without quotes.
        format!(" AND line.object_kind IN ('{}')", self.only.join("', '"))
    }

    fn times(&self) -> String {
        let bound = |sign: &str, time: Option<Timestamp>| {
            time.map_or_else(String::new, |time| {
                let micros = time.micros();
                format!(" AND line.time {sign} fromUnixTimestamp64Micro({micros})")
            })
        };
        bound(">=", self.since) + &bound("<", self.until)
    }
}

impl Store {
    /// The newest lines that are wanted.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditLine>, StoreError> {
        let sql = format!(
            "SELECT micros, actor, action, object_kind, object, title, if(object_kind = 'account', JSONExtractString(detail, 'role'), '') AS role, \
             JSONExtractString(detail, 'address') AS address, JSONExtractString(detail, 'reason') AS reason FROM \
             (SELECT toUnixTimestamp64Micro(line.time) AS micros, line.actor AS actor, line.action AS action, line.object_kind AS object_kind, \
             line.object AS object, line.title AS title, line.detail AS detail FROM ({ALL}) AS line \
             WHERE (? = '' OR line.object_kind = ?) AND (? = '' OR line.action = ?) AND positionCaseInsensitiveUTF8(line.actor, ?) > 0 \
             AND (positionCaseInsensitiveUTF8(line.actor, ?) > 0 OR positionCaseInsensitiveUTF8(line.object, ?) > 0 \
             OR positionCaseInsensitiveUTF8(line.title, ?) > 0){}{} ORDER BY line.time DESC, line.object, line.action LIMIT {} OFFSET {}) \
             ORDER BY micros DESC, object, action",
            filter.kinds(),
            filter.times(),
            filter.limit,
            filter.offset
        );
        let text = &filter.text;
        let values = [&filter.kind, &filter.kind, &filter.action, &filter.action];
        let values = values.into_iter().chain([&filter.actor, text, text, text]);
        let query = values.fold(self.client.query(&sql), |query, value| query.bind(value));
        self.within(query.fetch_all(), "the audit", false).await
    }
}
