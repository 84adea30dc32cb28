//! All of one person: found by pseudonyms, handed out, erased.

use std::time::Duration;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncBufReadExt;

use super::StoreError;
use super::blob::Blob;
use super::chain::{ChainTable, Place};
use super::client::Store;
use super::seal::{Origin, Sealed, Sealer};

/// How often a mutation is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Who: every pseudonym that the identifier has or had, and the dead letters that hold it in clear.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    pseudonyms: Vec<String>,
    letters: Vec<Letter>,
    /// Dead letters that could not be opened: sealed with a key that is not at hand.
    pub unopened: u64,
}

/// A dead letter that holds the identifier.
#[derive(Clone, Debug)]
struct Letter {
    topic: String,
    partition: i32,
    offset: i64,
    /// What it says, as text.
    raw: String,
}

/// Rows of each table that are about a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRows {
    /// Normalised exchanges.
    pub events: u64,
    /// Alerts whose entity or evidence names them.
    pub alerts: u64,
    /// What people did to those.
    pub alert_actions: u64,
    /// Steps of decisions to block them.
    #[serde(default)]
    pub decision_steps: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Snapshots of detectors.
    pub snapshots: u64,
}

impl SubjectRows {
    /// Rows of all tables.
    #[must_use]
    pub fn total(self) -> u64 {
        let of_alerts = self.alerts + self.alert_actions + self.decision_steps;
        self.events + of_alerts + self.dead_letters + self.snapshots
    }
}

/// Where records of a person lie in Kafka until its retention takes them.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct InKafka {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// First offset.
    pub first: i64,
    /// Last offset.
    pub last: i64,
    /// Records.
    pub records: u64,
    /// When the newest was written, in microseconds since 1970.
    pub newest: i64,
}

/// An alert about a person, of which a mail may have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Mailed {
    /// Its id, which mails carry too.
    pub id: String,
    /// What happened.
    pub title: String,
    /// Newest event, in microseconds since 1970.
    pub last: i64,
}

#[derive(Row, Deserialize)]
struct LetterRow {
    topic: String,
    partition: i32,
    offset: i64,
    sealed: Blob,
    nonce: [u8; 12],
    key_id: String,
}

#[derive(Row, Deserialize)]
struct PlaceRow {
    topic: String,
    partition: i32,
    position: i64,
}

impl Subject {
    /// Whoever has these pseudonyms, and nothing in dead letters.
    ///
    /// # Errors
    /// When one of them is none: they go into statements.
    pub fn new(pseudonyms: Vec<String>) -> Result<Subject, StoreError> {
        let is_plain = |text: &String| {
            text.len() > 8
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if pseudonyms.is_empty() || !pseudonyms.iter().all(is_plain) {
            return Err(StoreError::Config {
                setting: "pseudonym_key",
                problem: "gave something that is no pseudonym".to_owned(),
            });
        }
        Ok(Subject {
            pseudonyms,
            ..Subject::default()
        })
    }

    /// Stands for the person in an act and in the audit: nobody is found by it who is not known already.
    #[must_use]
    pub fn code(&self) -> String {
        let first = self.pseudonyms.first().map_or("", String::as_str);
        let digest = Sha256::digest(first.as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        format!("{:016x}", u64::from_be_bytes(head))
    }

    fn list(&self) -> String {
        let quoted: Vec<String> = self.pseudonyms.iter().map(|it| format!("'{it}'")).collect();
        format!("[{}]", quoted.join(", "))
    }

    /// Whether a text names them.
    pub(super) fn named_in(&self, column: &str) -> String {
        format!("multiSearchAny({column}, {})", self.list())
    }

    /// The condition by which a table's rows are theirs.
    fn rows_of(&self, table: &str) -> String {
        let list = self.list();
        match table {
            "events" => format!(
                "(has({list}, subject) OR has({list}, resource_id) OR has({list}, device_id) \
                 OR multiSearchAny(path, {list}) OR multiSearchAny(query, {list}) OR multiSearchAny(referer, {list}))"
            ),
            "alerts" => format!("multiSearchAny(json, {list})"),
            "alert_actions" => format!(
                "(alert_id IN (SELECT id FROM alerts WHERE multiSearchAny(json, {list})) OR multiSearchAny(comment, {list}))"
            ),
            "decision_steps" => format!(
                "(decision IN (SELECT decision FROM decision_steps WHERE has({list}, value)) OR multiSearchAny(reason, {list}))"
            ),
            "snapshots" => format!("multiSearchAny(data, {list})"),
            _ => {
                let places: Vec<String> = self
                    .letters
                    .iter()
                    .map(|letter| {
                        let topic = letter.topic.replace('\\', "\\\\").replace('\'', "\\'");
                        format!("('{topic}', {}, {})", letter.partition, letter.offset)
                    })
                    .collect();
                let listed = if places.is_empty() {
                    "0".to_owned()
                } else {
                    format!("(topic, partition, offset) IN ({})", places.join(", "))
                };
                format!("({listed} OR multiSearchAny(beginning, {list}))")
            }
        }
    }
}

impl Store {
    /// How many events each of their pseudonyms stands in, of those that stand in any.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_calls(&self, subject: &Subject) -> Result<Vec<(String, u64)>, StoreError> {
        let list = subject.list();
        let sql = format!(
            "SELECT pseudonym, count() AS calls FROM \
             (SELECT arrayJoin([subject, resource_id, device_id]) AS pseudonym FROM events \
              WHERE has({list}, subject) OR has({list}, resource_id) OR has({list}, device_id)) \
             WHERE has({list}, pseudonym) GROUP BY pseudonym"
        );
        let query = self.sharded.query(&sql);
        self.within(query.fetch_all(), "calls of a person", false)
            .await
    }

    /// Opens every dead letter and notes those that hold the identifier in clear, in any of its forms, as a word of its own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn find_letters(
        &self,
        subject: &mut Subject,
        sealers: &[Sealer],
        forms: &[String],
    ) -> Result<(), StoreError> {
        let query = self.sharded.query(
            "SELECT topic, partition, offset, sealed, nonce, key_id FROM dead_letters WHERE reason != 'offsets_lost'",
        );
        let rows = self
            .within(query.fetch_all::<LetterRow>(), "dead letters", false)
            .await?;
        for row in rows {
            let origin = Origin {
                topic: &row.topic,
                partition: row.partition,
                offset: row.offset,
            };
            let sealed = Sealed {
                bytes: row.sealed.0,
                nonce: row.nonce,
            };
            let key = sealers.iter().find(|sealer| sealer.key_id() == row.key_id);
            let Some(raw) = key.and_then(|sealer| sealer.open(origin, &sealed).ok()) else {
                subject.unopened += 1;
                continue;
            };
            let raw = String::from_utf8_lossy(&raw);
            if forms.iter().any(|form| holds(&raw, form)) {
                subject.letters.push(Letter {
                    raw: raw.into_owned(),
                    topic: row.topic,
                    partition: row.partition,
                    offset: row.offset,
                });
            }
        }
        Ok(())
    }

    /// How many rows are about them.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_rows(&self, subject: &Subject) -> Result<SubjectRows, StoreError> {
        let count = async |table: &str| {
            let client = match table {
                "events" | "dead_letters" => &self.sharded,
                _ => &self.client,
            };
            let sql = format!(
                "SELECT count() FROM {table} WHERE {}",
                subject.rows_of(table)
            );
            self.within(
                client.query(&sql).fetch_one::<u64>(),
                "rows of a person",
                false,
            )
            .await
        };
        Ok(SubjectRows {
            events: count("events").await?,
            alerts: count("alerts").await?,
            alert_actions: count("alert_actions").await?,
            decision_steps: count("decision_steps").await?,
            dead_letters: count("dead_letters").await?,
            snapshots: count("snapshots").await?,
        })
    }

    /// Hands out each of their rows as one JSON object with the table's name, and each dead letter in clear.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn export_subject(
        &self,
        subject: &Subject,
        mut each: impl FnMut(&str, &str),
    ) -> Result<(), StoreError> {
        for table in ["events", "alerts", "alert_actions", "decision_steps"] {
            let client = if table == "events" {
                &self.sharded
            } else {
                &self.client
            };
            let sql = format!("SELECT * FROM {table} WHERE {}", subject.rows_of(table));
            let cursor = client.query(&sql).fetch_bytes("JSONEachRow");
            let mut cursor =
                cursor.map_err(|error| self.error(&error, "rows of a person", false))?;
            let mut line = String::new();
            loop {
                line.clear();
                let read = cursor.read_line(&mut line).await.map_err(|error| {
                    let error = clickhouse::error::Error::Network(Box::new(error));
                    self.error(&error, "rows of a person", false)
                })?;
                if read == 0 {
                    break;
                }
                each(table, line.trim_end());
            }
        }
        for letter in &subject.letters {
            let row = serde_json::json!({
                "topic": letter.topic, "partition": letter.partition, "offset": letter.offset, "record": letter.raw,
            });
            each("dead_letters", &row.to_string());
        }
        Ok(())
    }

    /// Where their rows stand in tables of the hash chain.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_places(&self, subject: &Subject) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        for table in [
            ChainTable::Events,
            ChainTable::DeadLetters,
            ChainTable::AlertActions,
        ] {
            let (client, columns) = if table.is_by_offset() {
                (
                    &self.sharded,
                    "toString(topic) AS topic, partition, offset AS position",
                )
            } else {
                (
                    &self.client,
                    "'' AS topic, toInt32(0) AS partition, toUnixTimestamp64Micro(time) AS position",
                )
            };
            let name = table.name();
            let sql = format!(
                "SELECT {columns} FROM {name} WHERE {}",
                subject.rows_of(name)
            );
            let rows = client.query(&sql).fetch_all::<PlaceRow>();
            let rows = self.within(rows, "rows of a person", false).await?;
            places.extend(rows.into_iter().map(|row| Place {
                table,
                topic: row.topic,
                partition: row.partition,
                position: row.position,
            }));
        }
        Ok(places)
    }

    /// Where their records lie in Kafka, as far as rows tell.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_in_kafka(&self, subject: &Subject) -> Result<Vec<InKafka>, StoreError> {
        let sql = format!(
            "SELECT toString(topic) AS topic, partition, min(offset) AS first, max(offset) AS last, count() AS records, \
             toUnixTimestamp64Micro(max(stamped)) AS newest FROM \
             (SELECT topic, partition, offset, stamped FROM events WHERE {} \
              UNION ALL SELECT topic, partition, offset, stamped FROM dead_letters WHERE {}) \
             WHERE toUnixTimestamp64Micro(stamped) != 0 GROUP BY topic, partition ORDER BY topic, partition",
            subject.rows_of("events"),
            subject.rows_of("dead_letters"),
        );
        let query = self.sharded.query(&sql);
        self.within(query.fetch_all(), "rows of a person", false)
            .await
    }

    /// Alerts about them, of which mails may have been sent.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn subject_alerts(&self, subject: &Subject) -> Result<Vec<Mailed>, StoreError> {
        let sql = format!(
            "SELECT toString(a.id) AS id, title, toUnixTimestamp64Micro(a.last) AS last FROM (SELECT * FROM alerts FINAL WHERE {}) AS a ORDER BY last",
            subject.rows_of("alerts")
        );
        let query = self.client.query(&sql);
        self.within(query.fetch_all(), "rows of a person", false)
            .await
    }

    /// What the audit said when an erasure of the person with this code was begun that is not finished; the newest.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn unfinished_erasure(&self, code: &str) -> Result<Option<String>, StoreError> {
        let query = self
            .client
            .query(
                "SELECT detail FROM audit WHERE object_kind = 'subject' AND action = 'erasing' AND JSONExtractString(detail, 'subject') = ? \
                 AND object NOT IN (SELECT object FROM audit WHERE object_kind = 'subject' AND action = 'erased') ORDER BY time DESC LIMIT 1",
            )
            .bind(code);
        self.within(query.fetch_optional::<String>(), "the audit", false)
            .await
    }

    /// Erases their rows by mutations, and waits until these are done.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or a mutation fails.
    pub async fn erase_subject(&self, subject: &Subject) -> Result<(), StoreError> {
        // Actions first: they are found by the alerts.
        for table in [
            "alert_actions",
            "decision_steps",
            "alerts",
            "events",
            "dead_letters",
            "snapshots",
        ] {
            let on_cluster = match &self.config.cluster {
                Some(cluster) if matches!(table, "events" | "dead_letters") => {
                    format!(" ON CLUSTER {cluster}")
                }
                _ => String::new(),
            };
            let database = &self.config.database;
            let sql = format!(
                "ALTER TABLE {database}.{table}{on_cluster} DELETE WHERE {}",
                subject.rows_of(table)
            );
            let query = self
                .client
                .query_raw(&sql)
                // Subqueries are answered now, not on each part later.
                .with_setting("mutations_execute_subqueries_on_initiator", "1")
                .with_setting("allow_nondeterministic_mutations", "1");
            self.within(query.execute(), "an erasure", false).await?;
            self.await_mutations(table).await?;
        }
        Ok(())
    }

    async fn await_mutations(&self, table: &str) -> Result<(), StoreError> {
        let source = match &self.config.cluster {
            Some(cluster) => format!("clusterAllReplicas('{cluster}', system.mutations)"),
            None => "system.mutations".to_owned(),
        };
        let sql = format!(
            "SELECT countIf(NOT is_done), anyIf(latest_fail_reason, NOT is_done AND latest_fail_reason != '') FROM {source} \
             WHERE database = ? AND table = ?"
        );
        loop {
            let query = self
                .client
                .query(&sql)
                .bind(&self.config.database)
                .bind(table);
            let (open, failed) = self
                .within(query.fetch_one::<(u64, String)>(), "mutations", false)
                .await?;
            if !failed.is_empty() {
                return Err(StoreError::Mutation {
                    table: table.to_owned(),
                });
            }
            if open == 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Whether a text holds the identifier as a word of its own.
fn holds(text: &str, identifier: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(identifier).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_word_of_its_own() {
        assert!(holds(r#"{"id":"10001"}"#, "10001"));
        assert!(holds("/residents/10001", "10001"));
        for other in ["100010", "x10001", "1000", "r_10001"] {
            assert!(!holds(other, "10001"), "{other}");
        }
    }

    #[test]
    fn only_pseudonyms_go_into_statements() {
        assert!(Subject::new(vec!["p_KJyjNTW0NNo7iiY76dBWcA".to_owned()]).is_ok());
        for wrong in [
            vec![],
            vec!["p".to_owned()],
            vec!["p_'; DROP TABLE x".to_owned()],
        ] {
            assert!(Subject::new(wrong).is_err());
        }
    }
}
