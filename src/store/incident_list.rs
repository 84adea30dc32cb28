//! Lists of incidents, the worst first.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use crate::event::Timestamp;
use crate::sigma::Level;

/// A list is looked for among the incidents of so many times as many alerts as it shows, before all are looked at: more of them are in one incident, in none, or closed.
const SHARE: u32 = 16;
/// Incidents that are looked at one by one; where more may come first, all are looked at.
const MOST: usize = 4_000;

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

/// A place in the order of the list: incidents of a higher level come before it, and those of this one with an event since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    level: Level,
    last: Timestamp,
}

impl Place {
    /// Whether an open incident comes before it.
    fn is_behind(&self, line: &IncidentLine) -> bool {
        let level = Level::from_name(&line.level);
        let is_open = line.open > 0;
        is_open && level.is_some_and(|it| (it, line.last) >= (self.level, self.last.micros()))
    }
}

impl Store {
    /// Incidents with an event since then, the worst first: those with an alert that nobody has closed, or all.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn linked_incidents(
        &self,
        is_all: bool,
        since: Timestamp,
        (offset, limit): (u32, u32),
    ) -> Result<Vec<IncidentLine>, StoreError> {
        let most = offset.saturating_add(limit);
        if let Some(lines) = self.first_incidents(is_all, since, most).await? {
            return Ok(lines.into_iter().skip(offset as usize).collect());
        }
        // Which they are takes few columns of all alerts; the others are read of these alone.
        let query = self
            .client
            .query(
                "SELECT toString(it.incident) FROM linked_incidents AS it WHERE (? OR it.open > 0) AND it.last >= fromUnixTimestamp64Micro(?) \
                 ORDER BY it.open > 0 DESC, it.level DESC, it.last DESC, it.incident LIMIT ? OFFSET ?",
            )
            .bind(is_all)
            .bind(since.micros())
            .bind(limit)
            .bind(offset);
        let ids = query.fetch_all::<String>();
        let ids = self.within(ids, "incidents", false).await?;
        self.incident_lines(&ids).await
    }

    /// One incident.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn linked_incident(&self, id: Uuid) -> Result<Option<IncidentLine>, StoreError> {
        let mut lines = self.incident_lines(&[id.to_string()]).await?;
        Ok(lines.pop())
    }

    /// So many incidents from the beginning of the list, where all of them come before the place of an alert that is some way down; `None` where they do not.
    ///
    /// Where an incident stands depends on all of its alerts, and on what people did to them. But it is no worse than its worst alert, and no newer than its newest one: one
    /// that has neither an alert of a higher level than that of the place nor an alert with an event since does not come before it, however its alerts stand. So few
    /// incidents are looked at, and no other comes before those that are found.
    async fn first_incidents(
        &self,
        is_all: bool,
        since: Timestamp,
        most: u32,
    ) -> Result<Option<Vec<IncidentLine>>, StoreError> {
        let Some(mut place) = self.place(most.saturating_mul(SHARE)).await? else {
            return Ok(None);
        };
        // Older ones are not listed.
        place.last = place.last.max(since);
        let ids = self.incidents_from(place).await?;
        if ids.len() > MOST {
            return Ok(None);
        }
        let mut lines = self.incident_lines(&ids).await?;
        lines.retain(|line| (is_all || line.open > 0) && line.last >= since.micros());
        lines.truncate(most as usize);
        let is_whole = lines.len() == most as usize;
        let is_first = lines.last().is_some_and(|line| place.is_behind(line));
        Ok((is_whole && is_first).then_some(lines))
    }

    /// Level and newest event of the alert that is so many from the worst; `None` where there are fewer.
    async fn place(&self, number: u32) -> Result<Option<Place>, StoreError> {
        // Without FINAL: an earlier revision is one alert more here, and hides none.
        let query = self
            .client
            .query(
                "SELECT toString(alert.level) AS name, toUnixTimestamp64Micro(alert.last) AS micros FROM alerts AS alert WHERE alert.shadow = 0 \
                 ORDER BY alert.level DESC, alert.last DESC LIMIT 1 OFFSET ?",
            )
            .bind(number.saturating_sub(1));
        let found = query.fetch_optional::<(String, i64)>();
        let found = self.within(found, "the first alerts", false).await?;
        Ok(found.and_then(|(level, micros)| {
            Some(Place {
                level: Level::from_name(&level)?,
                last: Timestamp::from_micros(micros),
            })
        }))
    }

    /// Incidents that may come before a place, and some that do not; more than [`MOST`] where they are too many.
    async fn incidents_from(&self, place: Place) -> Result<Vec<String>, StoreError> {
        const NEAR: &str = "SELECT near.incident AS incident FROM alert_links AS near WHERE near.alert IN \
                            (SELECT alert.id FROM alerts AS alert WHERE alert.shadow = 0 AND (alert.level > ? OR alert.last >= fromUnixTimestamp64Micro(?)))";
        let near =
            format!("SELECT DISTINCT toString(found.incident) FROM ({NEAR}) AS found LIMIT ?");
        let query = self.client.query(&near).bind(place.level.name());
        let query = query.bind(place.last.micros()).bind(MOST + 1);
        let ids = query.fetch_all::<String>();
        let ids = self.within(ids, "the first incidents", false).await?;
        if ids.len() <= MOST {
            return Ok(ids);
        }
        // Most of them have no alert of the level: few are of high levels.
        let level = format!(
            "SELECT DISTINCT toString(link.incident) FROM alert_links AS link WHERE link.alert IN \
             (SELECT alert.id FROM alerts AS alert WHERE alert.shadow = 0 AND alert.level >= ?) AND link.incident IN ({NEAR}) LIMIT ?"
        );
        let query = self.client.query(&level).bind(place.level.name());
        let query = query.bind(place.level.name()).bind(place.last.micros());
        let ids = query.bind(MOST + 1).fetch_all::<String>();
        self.within(ids, "the first incidents", false).await
    }

    /// What the view `linked_incidents` says of these incidents, in the order of the list.
    async fn incident_lines(&self, ids: &[String]) -> Result<Vec<IncidentLine>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // Alerts that were of these once are read too, and left out by what is linked now.
        let query = self
            .client
            .query(
                "WITH wanted AS (SELECT arrayJoin(arrayMap(text -> toUUID(text), ?)) AS incident) \
                 SELECT toString(link.incident) AS id, toString(tupleElement(argMax((alert.level, alert.title, alert.rule), (is_open, alert.level, alert.last)) AS worst, 1)) AS level, \
                 tupleElement(worst, 2) AS title, toString(tupleElement(worst, 3)) AS rule, count() AS alerts, \
                 countIf(NOT startsWith(alert.state, 'closed') AS is_open) AS open, \
                 arraySort(groupUniqArray(10)(concat(alert.entity_kind, ':', alert.entity))) AS entities, \
                 arrayMap(name -> toString(name), arraySort(groupUniqArrayArray(alert.integrations))) AS integrations, \
                 toUnixTimestamp64Micro(min(alert.first)) AS first, toUnixTimestamp64Micro(max(alert.last)) AS last \
                 FROM (SELECT * FROM alerts_latest WHERE id IN (SELECT once.alert FROM alert_links AS once WHERE once.incident IN (SELECT incident FROM wanted))) AS alert \
                 INNER JOIN (SELECT link.alert AS alert, link.incident AS incident FROM alert_links AS link FINAL WHERE link.incident IN (SELECT incident FROM wanted)) AS link \
                 ON link.alert = alert.id GROUP BY link.incident HAVING alerts > 1 \
                 ORDER BY open > 0 DESC, tupleElement(worst, 1) DESC, max(alert.last) DESC, link.incident",
            )
            .bind(ids);
        self.within(query.fetch_all(), "incidents", false).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_before_others_by_its_level_and_then_by_its_newest_event() {
        let place = Place {
            level: Level::High,
            last: Timestamp::from_micros(10),
        };
        for (level, last, open, is_behind) in [
            ("critical", 1, 1, true),
            ("high", 11, 1, true),
            ("high", 10, 1, true),
            ("high", 9, 1, false),
            ("medium", 11, 1, false),
            // One that is open may come before it.
            ("critical", 11, 0, false),
        ] {
            let line = IncidentLine {
                id: String::new(),
                level: level.to_owned(),
                title: String::new(),
                rule: String::new(),
                alerts: 2,
                open,
                entities: Vec::new(),
                integrations: Vec::new(),
                first: 0,
                last,
            };
            assert_eq!(place.is_behind(&line), is_behind, "{line:?}");
        }
    }
}
