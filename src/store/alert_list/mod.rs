//! Lists of alerts, as people filter and order them.

mod chance;

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::track::EntityKind;

/// An alert as a list shows it.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct AlertLine {
    /// Its id.
    pub id: String,
    /// First event, in microseconds.
    pub first: i64,
    /// Newest event, in microseconds.
    pub micros: i64,
    /// How bad it is.
    pub level: String,
    /// Where it stands.
    pub state: String,
    /// Who works on it; empty where nobody does.
    pub assignee: String,
    /// When somebody last did something to it, comments aside, in microseconds; 0 where nobody did.
    pub changed: i64,
    /// Id of the rule whose words it carries.
    pub rule: String,
    /// What happened.
    pub title: String,
    /// What the entity is.
    pub entity_kind: String,
    /// Which one.
    pub entity: String,
    /// Events behind it.
    pub count: u64,
    /// How probable something at least so extreme is where all is normal; `None` where no statistics raised it.
    pub probability: Option<f64>,
    /// Of the alerts down to this one the share that is expected to be chance; in the order [`AlertOrder::Rarest`] alone.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
}

/// What a list has first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertOrder {
    /// What went on last.
    #[default]
    Newest,
    /// What is worst.
    Worst,
    /// What statistics found rarest; what no statistics raised comes after.
    Rarest,
}

impl AlertOrder {
    /// The order of a name, as addresses have it: `level`, `rarest`, else the newest first.
    #[must_use]
    pub fn named(name: &str) -> AlertOrder {
        match name {
            "level" => AlertOrder::Worst,
            "rarest" => AlertOrder::Rarest,
            _ => AlertOrder::Newest,
        }
    }

    fn sql(self) -> &'static str {
        match self {
            AlertOrder::Newest => "alert.last DESC, alert.id",
            AlertOrder::Worst => "alert.level DESC, alert.last DESC, alert.id",
            AlertOrder::Rarest => "alert.probability ASC NULLS LAST, alert.last DESC, alert.id",
        }
    }
}

/// Which alerts a list shows; what is `None` or empty is not asked for.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Only those in one of these states.
    pub states: Vec<&'static str>,
    /// Of this level or a higher one.
    pub least: Option<Level>,
    /// Of this level and no other.
    pub level: Option<Level>,
    /// Of this rule family.
    pub family: Option<String>,
    /// About one of these entities.
    pub entities: Vec<String>,
    /// About this entity, also together with others, or shows it as a caller; of any kind without one.
    pub about: Option<(Option<EntityKind>, String)>,
    /// That this tag stands on, such as `requirement.sec-01`.
    pub tag: Option<String>,
    /// That touch this integration.
    pub integration: Option<String>,
    /// Of this incident.
    pub incident: Option<Uuid>,
    /// Somebody works on them.
    pub assignee: Option<String>,
    /// With this in title or entity, in any case of letters.
    pub text: Option<String>,
    /// Ids of rules whose titles in another language have the text.
    pub titled: Vec<String>,
    /// With an event since.
    pub since: Option<Timestamp>,
    /// That began before.
    pub until: Option<Timestamp>,
    /// What comes first.
    pub order: AlertOrder,
    /// So many are passed over.
    pub offset: u32,
    /// So many at most.
    pub limit: u32,
}

/// A list is looked for among so many times as many alerts as it shows, and at least so many, before all are looked at: to tell where an alert stands takes
/// longer than to find it.
const SHARE: u32 = 4;
const LEAST: u32 = 1_000;

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
enum Bound {
    Text(String),
    Texts(Vec<String>),
    Micros(i64),
}

impl Bound {
    fn to(&self, query: Query) -> Query {
        match self {
            Bound::Text(text) => query.bind(text),
            Bound::Texts(texts) => query.bind(texts),
            Bound::Micros(micros) => query.bind(micros),
        }
    }
}

/// Conditions with a `?` for each value.
#[derive(Clone, Debug, Default, PartialEq)]
struct Conditions {
    sql: String,
    values: Vec<Bound>,
}

impl Conditions {
    fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Bound>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    /// That an entity stands alone or first of several, as `Looks::group` joins them, or is a caller of sample events.
    fn about(&mut self, kind: Option<EntityKind>, value: &str) {
        let joined = value.replace('\\', "\\\\").replace('|', "\\|") + " | ";
        let values = [value.to_owned(), joined];
        match kind {
            Some(kind) => self.and(
                "(alert.entity_kind = ? AND (alert.entity = ? OR startsWith(alert.entity, ?)) OR has(alert.callers, ?))",
                [kind.name().to_owned()]
                    .into_iter()
                    .chain(values)
                    .chain([format!("{}:{value}", kind.name())])
                    .map(Bound::Text),
            ),
            None => self.and(
                "(alert.entity = ? OR startsWith(alert.entity, ?) OR arrayExists(it -> substring(it, position(it, ':') + 1) = ?, alert.callers))",
                values
                    .into_iter()
                    .chain([value.to_owned()])
                    .map(Bound::Text),
            ),
        }
    }
}

impl AlertFilter {
    /// What the alert itself has to be.
    fn of_alert(&self) -> Conditions {
        let mut all = Conditions::default();
        if let Some(least) = self.least {
            all.and("alert.level >= ?", [Bound::Text(least.name().to_owned())]);
        }
        if let Some(level) = self.level {
            all.and("alert.level = ?", [Bound::Text(level.name().to_owned())]);
        }
        if let Some(family) = &self.family {
            all.and("alert.family = ?", [Bound::Text(family.clone())]);
        }
        if let Some(text) = &self.text {
            let text = Bound::Text(text.clone());
            all.and(
                "(positionCaseInsensitiveUTF8(alert.title, ?) > 0 OR positionCaseInsensitiveUTF8(alert.entity, ?) > 0 OR has(?, toString(alert.rule)))",
                [text.clone(), text, Bound::Texts(self.titled.clone())],
            );
        }
        if let Some((kind, value)) = &self.about {
            all.about(*kind, value);
        }
        if let Some(tag) = &self.tag {
            all.and("has(alert.tags, ?)", [Bound::Text(tag.clone())]);
        }
        if !self.entities.is_empty() {
            all.and(
                "has(?, alert.entity)",
                [Bound::Texts(self.entities.clone())],
            );
        }
        if let Some(integration) = &self.integration {
            let integration = Bound::Text(integration.clone());
            all.and("has(alert.integrations, ?)", [integration]);
        }
        if let Some(incident) = &self.incident {
            all.and(
                "alert.id IN (SELECT link.alert FROM alert_links AS link FINAL WHERE link.incident = ?)",
                [Bound::Text(incident.to_string())],
            );
        }
        if let Some(since) = self.since {
            let since = Bound::Micros(since.micros());
            all.and("alert.last >= fromUnixTimestamp64Micro(?)", [since]);
        }
        if let Some(until) = self.until {
            let until = Bound::Micros(until.micros());
            all.and("alert.first < fromUnixTimestamp64Micro(?)", [until]);
        }
        all
    }

    /// How it has to stand.
    fn of_standing(&self) -> Conditions {
        let mut all = Conditions::default();
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| (*state).to_owned());
            all.and("has(?, alert.state)", [Bound::Texts(states.collect())]);
        }
        if let Some(assignee) = &self.assignee {
            all.and("alert.assignee = ?", [Bound::Text(assignee.clone())]);
        }
        all
    }

    /// The statement and its values; among the first alerts of the order alone, where `among` says how many.
    fn statement(&self, among: Option<u32>) -> (String, Vec<Bound>) {
        let (alert, standing, order) = (self.of_alert(), self.of_standing(), self.order.sql());
        let first = match among {
            Some(most) => format!(
                " AND alert.id IN (SELECT alert.id FROM alerts AS alert FINAL WHERE shadow = 0{} ORDER BY {order} LIMIT {most})",
                alert.sql
            ),
            None => alert.sql,
        };
        // Columns are named with their table: of the same name there are texts here, which are in another order.
        let sql = format!(
            "SELECT toString(alert.id) AS id, toUnixTimestamp64Micro(alert.first) AS first, toUnixTimestamp64Micro(alert.last) AS micros, toString(alert.level) AS level, alert.state AS state, \
             toString(alert.assignee) AS assignee, toUnixTimestamp64Micro(alert.state_since) AS changed, toString(alert.rule) AS rule, alert.title AS title, toString(alert.entity_kind) AS entity_kind, \
             alert.entity AS entity, alert.count AS count, alert.probability AS probability FROM alerts_latest AS alert WHERE 1{first}{} ORDER BY {order} LIMIT {} OFFSET {}",
            standing.sql, self.limit, self.offset
        );
        (sql, [alert.values, standing.values].concat())
    }
}

impl Store {
    /// Alerts as a list shows them, in its order.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn list_alerts(&self, filter: &AlertFilter) -> Result<Vec<AlertLine>, StoreError> {
        if filter.order != AlertOrder::Rarest {
            return self.in_order(filter).await;
        }
        let (mut lines, rest) = tokio::try_join!(self.in_order(filter), self.rest_of(filter))?;
        rest.share(&mut lines, filter.offset);
        Ok(lines)
    }

    async fn in_order(&self, filter: &AlertFilter) -> Result<Vec<AlertLine>, StoreError> {
        let among = filter.offset.saturating_add(filter.limit);
        let among = among.saturating_mul(SHARE).max(LEAST);
        let lines = self.lines(filter, Some(among)).await?;
        if lines.len() >= filter.limit as usize {
            return Ok(lines);
        }
        // Too few of the first stand as they should, or there are no more.
        self.lines(filter, None).await
    }

    async fn lines(
        &self,
        filter: &AlertFilter,
        among: Option<u32>,
    ) -> Result<Vec<AlertLine>, StoreError> {
        let (sql, values) = filter.statement(among);
        let query = self.client.query(&sql);
        let query = values.iter().fold(query, |query, value| value.to(query));
        self.within(query.fetch_all::<AlertLine>(), "alerts", false)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_place() {
        let filter = AlertFilter {
            states: vec!["new"],
            least: Some(Level::High),
            family: Some("web".to_owned()),
            entities: vec!["a".to_owned()],
            integration: Some("faces".to_owned()),
            incident: Some(Uuid::nil()),
            assignee: Some("anna".to_owned()),
            level: Some(Level::High),
            about: Some((Some(EntityKind::Client), "a".to_owned())),
            tag: Some("requirement.sec-01".to_owned()),
            text: Some("climb".to_owned()),
            titled: vec!["1".to_owned()],
            until: Some(Timestamp::from_seconds(2)),
            since: Some(Timestamp::from_seconds(1)),
            limit: 10,
            ..AlertFilter::default()
        };
        let statements = [None, Some(1_000)].map(|among| filter.statement(among));
        for (sql, values) in statements.into_iter().chain([filter.rest()]) {
            assert_eq!(sql.matches('?').count(), values.len(), "{sql}");
            assert_eq!(values[0], Bound::Text("high".to_owned()));
            assert_eq!(values.last(), Some(&Bound::Text("anna".to_owned())));
        }
    }
}
