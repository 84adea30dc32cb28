//! Migrations: the numbered files of `migrations/`, compiled in, forward only.
//!
//! ClickHouse has no transactions, so a migration is not one step. It needs none: every statement says `IF NOT EXISTS` or is
//! idempotent by itself, so a half-done migration is just done again; instances that start at once take turns at statements.
//! A file that was once applied must not change: its checksum is kept, and another one is refused.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::client::{Store, sharded_database};
use super::columns::{Source, event_columns};
use crate::config;
use crate::response::KEPT_DAYS;

/// A numbered file.
struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../migrations/", $name, ".sql")),
        }),+]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    1 "0001_events",
    2 "0002_dead_letters",
    3 "0003_alerts",
    4 "0004_snapshots",
    5 "0005_traffic",
    6 "0006_views",
    7 "0007_audit",
    8 "0008_observer",
    9 "0009_chain",
    10 "0010_incidents",
    11 "0011_merges",
    12 "0012_triage",
    13 "0013_decisions",
    14 "0014_questions",
    15 "0015_console",
    16 "0016_webhook",
    17 "0017_links",
    18 "0018_codes",
    19 "0019_incidents",
    20 "0020_session_uses",
    21 "0021_probability",
    22 "0022_marks",
    23 "0023_renewals",
    24 "0024_account_proposals",
];

/// The journal of what was applied. Two instances may both write a line; the engine keeps one.
const JOURNAL: &str = "\
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version  UInt32 COMMENT 'Number of the file',
    name     String COMMENT 'Name of the file',
    checksum String COMMENT 'SHA-256 of the file in hexadecimal',
    applied  DateTime('UTC') DEFAULT now('UTC') COMMENT 'When'
)
ENGINE = ReplacingMergeTree
ORDER BY version
SETTINGS storage_policy = '{storage_policy}'
COMMENT 'Which migrations were applied'";

/// `QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING`: another instance is at a statement of a migration.
const RUNNING: u32 = 216;
/// How long to wait for the statement of another instance, and between two looks.
const PATIENCE: Duration = Duration::from_mins(10);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// What has the columns of `events`, so that the inventory says what they mean.
const OF_EVENTS: [&str; 2] = ["events", "events_recent"];

/// Tables whose rows lie in each shard of a cluster, reached over a table of the same name in `<database>_cluster`.
const SHARDED: &[&str] = &["events", "dead_letters", "traffic_minute", "traffic_hour"];

#[derive(Debug, Row, Deserialize)]
struct Applied {
    version: u32,
    checksum: String,
}

#[derive(Debug, Row, Deserialize)]
struct TableRow {
    name: String,
    engine_full: String,
}

#[derive(Debug, Row, Deserialize)]
struct CommentRow {
    table: String,
    name: String,
    comment: String,
}

impl Store {
    /// Makes the database and brings its tables to what this build expects; then applies retention and durability of the
    /// configuration. Returns the names of the migrations that were applied now.
    ///
    /// In a cluster this does the shard that it is connected to: run it against each.
    ///
    /// # Errors
    /// When a migration that was applied has changed since, or the server refuses a statement or cannot be reached.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, StoreError> {
        let database = &self.config.database;
        let sql = format!("CREATE DATABASE IF NOT EXISTS {database}");
        let made = self.server.query_raw(&sql).execute();
        self.within(made, "to make the database", true).await?;
        self.statement(&fill(JOURNAL, &self.config), "to make the journal")
            .await?;
        let applied = self.applied().await?;
        let mut done = Vec::new();
        for migration in MIGRATIONS {
            if let Some(checksum) = applied.get(&migration.version) {
                self.check_unchanged(migration, checksum)?;
                continue;
            }
            self.apply(migration).await?;
            tracing::info!(migration = migration.name, "migration applied");
            done.push(migration.name);
        }
        self.apply_comments().await?;
        self.apply_retention().await?;
        self.make_cluster_tables().await?;
        Ok(done)
    }

    /// Checks that the tables are what this build writes to, on the storage policy of the configuration.
    ///
    /// # Errors
    /// When a migration is missing, changed or newer than this build, or a table lies outside the storage policy.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let applied = self.applied().await?;
        for migration in MIGRATIONS {
            match applied.get(&migration.version) {
                Some(checksum) => self.check_unchanged(migration, checksum)?,
                None => {
                    return Err(self.unfit(
                        format!("{} is not applied", migration.name),
                        "run `gatewatch migrate`",
                    ));
                }
            }
        }
        let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
        if let Some((version, _)) = applied.range(newest + 1..).next() {
            return Err(self.unfit(
                format!("migration {version} is newer than this build"),
                "run the newer build",
            ));
        }
        self.check_policy().await
    }

    /// Every table that holds rows must lie on the policy of the configuration (SEC-02: encrypted at rest).
    async fn check_policy(&self) -> Result<(), StoreError> {
        let query = self
            .client
            .query(
                "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' AND storage_policy != ? ORDER BY name",
            )
            .bind(&self.config.database)
            .bind(&self.config.storage_policy);
        let outside = self
            .within(query.fetch_all::<String>(), "storage policies", true)
            .await?;
        if !outside.is_empty() {
            return Err(self.unfit(
                format!(
                    "{} not on storage policy `{}`",
                    outside.join(", "),
                    self.config.storage_policy
                ),
                "move them there or set store.storage_policy to what is meant",
            ));
        }
        if self.config.storage_policy == "default" {
            return Ok(());
        }
        self.check_parts().await
    }

    /// A policy may have disks that are not encrypted (such as that of the tokens); no rows may lie there.
    async fn check_parts(&self) -> Result<(), StoreError> {
        let query = self
            .client
            .query(
                "SELECT DISTINCT table || ' on disk ' || disk_name FROM system.parts WHERE database = ? AND active \
                 AND disk_name NOT IN (SELECT name FROM system.disks WHERE is_encrypted) ORDER BY 1",
            )
            .bind(&self.config.database);
        let clear = self
            .within(query.fetch_all::<String>(), "disks of the tables", true)
            .await?;
        if clear.is_empty() {
            return Ok(());
        }
        Err(self.unfit(
            format!("not encrypted: {}", clear.join(", ")),
            "the disks of store.storage_policy that hold rows must be of type `encrypted`; see docs/clickhouse.md",
        ))
    }

    fn unfit(&self, problem: String, hint: &'static str) -> StoreError {
        StoreError::Schema {
            database: self.config.database.clone(),
            problem,
            hint,
        }
    }

    fn check_unchanged(&self, migration: &Migration, checksum: &str) -> Result<(), StoreError> {
        if checksum == sha256(migration.sql) {
            return Ok(());
        }
        Err(self.unfit(
            format!(
                "{} was applied with other content ({checksum})",
                migration.name
            ),
            "applied migrations never change; run the build that applied it, or report this",
        ))
    }

    async fn applied(&self) -> Result<BTreeMap<u32, String>, StoreError> {
        // A line of each instance may still be there; both say the same, or the maximum tells that they do not.
        let query = self.client.query(
            "SELECT version, max(checksum) AS checksum FROM schema_migrations GROUP BY version",
        );
        let rows = self
            .within(query.fetch_all::<Applied>(), "the applied migrations", true)
            .await?;
        let rows = rows.into_iter();
        Ok(rows.map(|row| (row.version, row.checksum)).collect())
    }

    async fn apply(&self, migration: &Migration) -> Result<(), StoreError> {
        for statement in statements(migration.sql) {
            self.statement(&fill(statement, &self.config), migration.name)
                .await?;
        }
        let query = self
            .client
            .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(sha256(migration.sql))
            .with_setting("async_insert", "0");
        self.within(query.execute(), migration.name, true).await
    }

    /// Runs a statement when no other instance runs one: a view that is made anew while it is altered can end without its file.
    /// All bear one query id, of which the server runs one at a time; what a killed instance began ends by itself.
    async fn statement(&self, sql: &str, what: &str) -> Result<(), StoreError> {
        let id = format!("gatewatch-migrate-{}", self.config.database);
        let began = Instant::now();
        loop {
            let query = self.client.query_raw(sql).with_setting("query_id", &id);
            match self.within(query.execute(), what, true).await {
                Err(StoreError::Refused { code: RUNNING, .. }) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(BETWEEN_ATTEMPTS).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The comments of `events` and its view come from the inventory, so they follow it without a migration.
    async fn apply_comments(&self) -> Result<(), StoreError> {
        let query = self
            .client
            .query(
                "SELECT table, name, comment FROM system.columns WHERE database = ? AND table IN ?",
            )
            .bind(&self.config.database)
            .bind(OF_EVENTS);
        let rows = self
            .within(query.fetch_all::<CommentRow>(), "comments", true)
            .await?;
        let present: BTreeMap<(&str, &str), &str> = rows
            .iter()
            .map(|row| ((&*row.table, &*row.name), &*row.comment))
            .collect();
        for table in OF_EVENTS {
            let changes: Vec<String> = event_columns()
                .filter(|column| {
                    present
                        .get(&(table, column.name()))
                        .is_some_and(|comment| *comment != column.comment())
                })
                .map(comment_change)
                .collect();
            if !changes.is_empty() {
                let sql = format!("ALTER TABLE {table} {}", changes.join(", "));
                self.statement(&sql, "to set comments").await?;
            }
        }
        Ok(())
    }

    /// Brings TTL and durability to what the configuration says, where they are not.
    async fn apply_retention(&self) -> Result<(), StoreError> {
        let query = self
            .client
            .query("SELECT name, engine_full FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree'")
            .bind(&self.config.database);
        let tables = self
            .within(query.fetch_all::<TableRow>(), "the tables", true)
            .await?;
        for table in tables {
            if let Some(ttl) = ttl_of(&table.name, &self.config.retention)
                && !table.engine_full.contains(&format!("TTL {ttl}"))
            {
                let sql = format!("ALTER TABLE {} MODIFY TTL {ttl}", table.name);
                self.statement(&sql, "to change retention").await?;
                tracing::info!(table = table.name, ttl, "retention changed");
            }
            let durable = u8::from(self.config.durable);
            let is_durable = u8::from(table.engine_full.contains("fsync_after_insert = 1"));
            if durable != is_durable {
                let sql = format!(
                    "ALTER TABLE {} MODIFY SETTING fsync_after_insert = {durable}, fsync_part_directory = {durable}",
                    table.name
                );
                self.statement(&sql, "to change durability").await?;
            }
        }
        Ok(())
    }

    /// In a cluster: tables over all shards. Rows go by topic and partition, so a block that is sent again meets the shard
    /// that knows its token.
    async fn make_cluster_tables(&self) -> Result<(), StoreError> {
        let Some(cluster) = &self.config.cluster else {
            return Ok(());
        };
        let local = &self.config.database;
        let over_all = sharded_database(&self.config);
        self.statement(
            &format!("CREATE DATABASE IF NOT EXISTS {over_all}"),
            "to make the database over all shards",
        )
        .await?;
        for table in SHARDED {
            let key = match *table {
                "events" | "dead_letters" => ", sipHash64(topic, partition)",
                _ => "",
            };
            let sql = format!(
                "CREATE OR REPLACE TABLE {over_all}.{table} AS {local}.{table} ENGINE = Distributed('{cluster}', '{local}', '{table}'{key})"
            );
            self.statement(&sql, "to make a table over all shards")
                .await?;
        }
        Ok(())
    }
}

/// The statements of a file: each ends with `;` at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
}

/// Puts what the configuration says into a statement. Only checked names and numbers get in.
fn fill(sql: &str, config: &config::Store) -> String {
    let retention = &config.retention;
    sql.replace("{storage_policy}", &config.storage_policy)
        .replace("{events_ttl_days}", &retention.events_days.to_string())
        .replace(
            "{dead_letters_ttl_days}",
            &retention.dead_letters_days.to_string(),
        )
        .replace("{alerts_ttl_days}", &retention.alerts_days.to_string())
        .replace(
            "{traffic_minute_ttl_days}",
            &retention.traffic_minute_days.to_string(),
        )
        .replace(
            "{traffic_hour_ttl_days}",
            &retention.traffic_hour_days.to_string(),
        )
}

/// The TTL of a table, written as ClickHouse writes it; `None` for tables that keep all.
fn ttl_of(table: &str, retention: &config::Retention) -> Option<String> {
    let (time, days) = match table {
        "events" => ("toDateTime(time)", retention.events_days),
        "dead_letters" => ("received", retention.dead_letters_days),
        "alerts" => ("toDateTime(last)", retention.alerts_days),
        "alert_actions" | "webhook_deliveries" | "alert_links" => {
            ("toDateTime(time)", retention.alerts_days)
        }
        // A block ends when it is over and not when its first step is forgotten.
        "decision_steps" => ("toDateTime(time)", retention.alerts_days.max(KEPT_DAYS)),
        "alert_detections" => ("detected", retention.alerts_days),
        "traffic_minute" => ("minute", retention.traffic_minute_days),
        "traffic_hour" => ("hour", retention.traffic_hour_days),
        _ => return None,
    };
    Some(format!("{time} + toIntervalDay({days})"))
}

fn comment_change(column: Source) -> String {
    let comment = column.comment().replace('\\', "\\\\").replace('\'', "\\'");
    format!("COMMENT COLUMN `{}` '{comment}'", column.name())
}

/// SHA-256 of a text in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_without_a_gap_and_names_begin_with_them() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, index + 1);
            assert!(
                migration
                    .name
                    .starts_with(&format!("{:04}_", migration.version))
            );
        }
    }

    #[test]
    fn every_file_of_the_folder_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, MIGRATIONS.len());
    }

    #[test]
    fn a_block_is_remembered_until_it_is_over() {
        let mut retention = config::Retention::default();
        for (days, kept) in [(30, 368), (700, 700)] {
            retention.alerts_days = days;
            let ttl = format!("toDateTime(time) + toIntervalDay({kept})");
            assert_eq!(ttl_of("decision_steps", &retention), Some(ttl));
        }
    }

    #[test]
    fn every_statement_can_be_done_twice_and_is_filled() {
        for migration in MIGRATIONS {
            for statement in statements(migration.sql) {
                let can_be_done_twice = [
                    "IF NOT EXISTS",
                    "IF EXISTS",
                    "MODIFY SETTING",
                    "MODIFY COLUMN",
                    "MODIFY COMMENT",
                    "MATERIALIZE COLUMN",
                    "COMMENT COLUMN",
                    "CREATE OR REPLACE VIEW",
                    "INSERT INTO alert_detections",
                ]
                .iter()
                .any(|words| statement.contains(words));
                assert!(can_be_done_twice, "{}: {statement}", migration.name);
                let filled = fill(statement, &config::Store::default());
                assert!(!filled.contains('{'), "{}: {filled}", migration.name);
            }
        }
    }

    #[test]
    fn every_table_keeps_a_window_of_tokens() {
        let text: String = MIGRATIONS.iter().map(|migration| migration.sql).collect();
        assert_eq!(
            text.matches("CREATE TABLE").count(),
            text.matches("non_replicated_deduplication_window = 10000")
                .count()
        );
    }
}
