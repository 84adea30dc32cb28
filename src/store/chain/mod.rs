//! The hash chain: what was stored, bound link to link and signed, so that a later change shows ([`Store::verify_chain`]).
//!
//! A link holds for a [`Stretch`] of rows: their number and a digest for each day that retention goes by. The digest is computed by
//! the server, a SHA-256 over those of the rows in order of their positions, each over the row's columns as `RowBinary`; whoever
//! changes, removes or adds a row changes it. A link names the hash of the one before, and is signed with a key that the
//! server never sees: whoever writes to the tables cannot make a chain that fits. The newest hash goes out with the daily mail,
//! so that a chain cut short shows too.

mod act;
mod link;
mod verify;

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

pub use act::{Covering, Place};
pub use link::{ChainKey, ChainTable, Day, Stretch};
pub use verify::{Counts, Erasure, Problem, Verification, What};

use link::{Content, Link};

use super::StoreError;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::event::Timestamp;

const COLUMNS: &[(&str, Wire)] = &[
    ("number", Wire::U64),
    ("made", Wire::Time),
    ("content", Wire::Text),
    ("hash", Wire::Text),
    ("signature", Wire::Text),
    ("key_id", Wire::Word),
];

/// Offsets of one link at most; 48 bytes of the server's memory each while it is made or verified.
const LONGEST: i64 = 1_000_000;
/// What stands at an instant is sealed when it is so old: another instance may still be writing what is newer.
const SETTLED_US: i64 = 300_000_000;
/// Another instance may be quicker so often before it is an error.
const TRIES: usize = 16;

/// The newest link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
    /// When it was made.
    pub made: Timestamp,
}

#[derive(Debug, Row, Deserialize)]
struct Column {
    table: String,
    name: String,
}

impl Store {
    /// The newest link.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the link is not what its hash says.
    pub async fn chain_head(&self) -> Result<Option<Head>, StoreError> {
        let Some(link) = self.newest_link().await? else {
            return Ok(None);
        };
        let made = link.made().ok_or_else(|| broken(link.number))?;
        Ok(Some(Head {
            number: link.number,
            hash: link.hash,
            made,
        }))
    }

    /// Adds links for what was stored since the last: of the topic up to the position of each partition, of what stands at an
    /// instant up to `now`. Returns how many.
    ///
    /// Everything below these positions must be stored: nothing may come there any more.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the newest link was changed.
    pub async fn extend_chain(
        &self,
        key: &ChainKey,
        topic: &str,
        positions: &[(i32, i64)],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let ends = self.sealed_until().await?;
        let columns = self.chain_columns().await?;
        let mut added = 0;
        for table in ChainTable::ALL {
            let sources: Vec<(&str, i32, i64)> = if table.is_by_offset() {
                let of_topic = positions.iter();
                of_topic
                    .map(|(partition, until)| (topic, *partition, *until))
                    .collect()
            } else {
                vec![("", 0, now.micros() - SETTLED_US)]
            };
            for (topic, partition, until) in sources {
                let source = (table, topic.to_owned(), partition);
                let mut first = ends.get(&source).copied().unwrap_or(0);
                while first < until {
                    // What stands at an instant is little: one link.
                    let end = if table.is_by_offset() {
                        until.min(first.saturating_add(LONGEST))
                    } else {
                        until
                    };
                    let stretch = Stretch {
                        table,
                        topic: topic.to_owned(),
                        partition,
                        first,
                        until: end,
                    };
                    self.seal(key, stretch, &columns[&table], now, None).await?;
                    added += 1;
                    first = end;
                }
            }
        }
        Ok(added)
    }

    /// Adds a link for a stretch as it is now; `replaced`: in place of that link, because of that act.
    async fn seal(
        &self,
        key: &ChainKey,
        stretch: Stretch,
        columns: &[String],
        now: Timestamp,
        replaced: Option<(u64, &str)>,
    ) -> Result<(), StoreError> {
        let days = self.digests(&stretch, columns).await?;
        let mut content = Content {
            number: 0,
            previous: String::new(),
            made: now.micros(),
            keep_days: stretch.table.keep_days(&self.config.retention),
            stretch,
            replaces: replaced.map(|(number, _)| number),
            act: replaced.map(|(_, act)| act.to_owned()),
            columns: if days.is_empty() {
                Vec::new()
            } else {
                columns.to_vec()
            },
            days,
        };
        for _ in 0..TRIES {
            let newest = self.newest_link().await?;
            if let Some(newest) = &newest {
                newest.read().ok_or_else(|| broken(newest.number))?;
            }
            content.number = newest.as_ref().map_or(1, |newest| newest.number + 1);
            content.previous = newest.map(|newest| newest.hash).unwrap_or_default();
            let link = Link::new(&content, key)?;
            self.insert_link(&link, now).await?;
            // A link of this number by another instance came first: ours was dropped by its token.
            if self.link(link.number).await?.as_ref() == Some(&link) {
                return Ok(());
            }
        }
        Err(StoreError::Chain {
            problem: format!("link {} is taken again and again", content.number),
            hint: "see that only one instance is active",
        })
    }

    async fn insert_link(&self, link: &Link, made: Timestamp) -> Result<(), StoreError> {
        let mut rows = Rows::new("chain", COLUMNS);
        rows.push([
            Cell::Number(link.number),
            Cell::Time(Some(made)),
            Cell::Text(&link.content),
            Cell::Text(&link.hash),
            Cell::Text(&link.signature),
            Cell::Text(&link.key_id),
        ]);
        let token = format!("chain/{}", link.number);
        self.insert(&token, &rows.finish()).await
    }

    async fn newest_link(&self) -> Result<Option<Link>, StoreError> {
        self.one_link("ORDER BY number DESC LIMIT 1").await
    }

    async fn link(&self, number: u64) -> Result<Option<Link>, StoreError> {
        self.one_link(&format!("WHERE number = {number} LIMIT 1"))
            .await
    }

    async fn one_link(&self, which: &str) -> Result<Option<Link>, StoreError> {
        let sql = format!("SELECT number, content, hash, signature, key_id FROM chain {which}");
        let query = self.client.query(&sql);
        self.within(query.fetch_optional::<Link>(), "the chain", false)
            .await
    }

    async fn links(&self) -> Result<Vec<Link>, StoreError> {
        let query = self
            .client
            .query("SELECT number, content, hash, signature, key_id FROM chain ORDER BY number");
        self.within(query.fetch_all::<Link>(), "the chain", false)
            .await
    }

    /// How far each source is sealed.
    async fn sealed_until(&self) -> Result<BTreeMap<(ChainTable, String, i32), i64>, StoreError> {
        let mut ends = BTreeMap::new();
        for link in self.links().await? {
            let Content { stretch, .. } = link.read().ok_or_else(|| broken(link.number))?;
            let end = ends
                .entry((stretch.table, stretch.topic, stretch.partition))
                .or_insert(0);
            *end = stretch.until.max(*end);
        }
        Ok(ends)
    }

    /// The columns of each table, in their order.
    async fn chain_columns(&self) -> Result<BTreeMap<ChainTable, Vec<String>>, StoreError> {
        let query = self
            .client
            .query("SELECT table, name FROM system.columns WHERE database = ? AND has(?, table) ORDER BY table, position")
            .bind(&self.config.database)
            .bind(ChainTable::ALL.map(ChainTable::name).as_slice());
        let found = self
            .within(
                query.fetch_all::<Column>(),
                "the columns of the tables",
                true,
            )
            .await?;
        let of = |table: ChainTable| {
            let mine = found.iter().filter(|column| column.table == table.name());
            mine.map(|column| column.name.clone()).collect()
        };
        Ok(ChainTable::ALL.map(|table| (table, of(table))).into())
    }

    /// Number and digest of the rows of a stretch, by day. The columns must be the table's: they go into the statement.
    async fn digests(&self, stretch: &Stretch, columns: &[String]) -> Result<Vec<Day>, StoreError> {
        let Stretch { table, .. } = stretch;
        let columns: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
        let digest = if columns.is_empty() {
            "''".to_owned()
        } else {
            format!(
                "lower(hex(SHA256(arrayStringConcat(arrayMap(row -> row.2, arraySort(groupArray(({}, SHA256(formatRow('RowBinary', {}))))))))))",
                table.position(),
                columns.join(", ")
            )
        };
        let source = if table.is_by_offset() {
            "topic = ? AND partition = ? AND "
        } else {
            ""
        };
        let sql = format!(
            "SELECT toInt64(toDate({kept}, 'UTC')) AS day, count() AS rows, {digest} AS digest FROM {name} \
             WHERE {source}{position} >= ? AND {position} < ? GROUP BY day ORDER BY day",
            kept = table.kept_by(),
            name = table.name(),
            position = table.position(),
        );
        let client = if table.is_by_offset() {
            &self.sharded
        } else {
            &self.client
        };
        let mut query = client.query(&sql);
        if table.is_by_offset() {
            query = query.bind(&stretch.topic).bind(stretch.partition);
        }
        let query = query.bind(stretch.first).bind(stretch.until);
        self.within(query.fetch_all::<Day>(), "the digest of stored rows", false)
            .await
    }
}

fn broken(number: u64) -> StoreError {
    StoreError::Chain {
        problem: format!("link {number} is not what its hash says"),
        hint: "run `gatewatch verify` and find out who writes to the database",
    }
}
