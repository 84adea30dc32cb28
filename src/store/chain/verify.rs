//! Holds the tables against the chain: every link against the one before it and its signature, every row against its link.

use std::collections::BTreeMap;

use serde::Serialize;

use super::link::{ChainKey, ChainTable, Content, Day, Link, Stretch};
use super::{Head, Store};
use crate::event::Timestamp;
use crate::store::StoreError;

const DAY_US: i64 = 86_400_000_000;

/// What the tables are against the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Links.
    pub links: u64,
    /// When the first link was made.
    pub since: Option<Timestamp>,
    /// The newest link.
    pub head: Option<Head>,
    /// Links whose key was not at hand, by the name of the key: their signature was not tested.
    pub unsigned: BTreeMap<String, u64>,
    /// What was counted in each table.
    pub tables: BTreeMap<ChainTable, Counts>,
    /// Erasures on record.
    pub erasures: Vec<Erasure>,
    /// What does not fit.
    pub problems: Vec<Problem>,
}

/// Rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// As they were when they were sealed.
    pub same: u64,
    /// Gone because their time was up.
    pub expired: u64,
    /// Under no link: newer than the last one, or from a source that the chain does not hold for.
    pub unsealed: u64,
}

/// Rows that an act took away or changed, on record in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erasure {
    /// The act.
    pub act: String,
    /// The link that records it.
    pub link: u64,
    /// Which rows it was about.
    pub stretch: Stretch,
    /// How many there are fewer.
    pub removed: u64,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The link.
    pub link: u64,
    /// Its stretch, when the link can be read.
    pub stretch: Option<Stretch>,
    /// The day, in days since 1970-01-01 UTC, where it is about the rows of one.
    pub day: Option<i64>,
    /// What it is.
    pub what: What,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The link is not what its hash says.
    Altered,
    /// The key that it names did not sign it.
    Forged,
    /// Links are missing before it.
    LinksMissing,
    /// It does not name the hash of the link before it.
    Unchained,
    /// Its stretch does not begin where the one before ends.
    StretchesMissing,
    /// It replaces a link that is not there, is replaced already, or was about other rows.
    ReplacesNothing,
    /// Rows are fewer than were sealed.
    RowsMissing(u64),
    /// Rows came to be there afterwards.
    RowsAdded(u64),
    /// Rows are other than they were.
    RowsChanged,
    /// A column that it was made over is gone.
    ColumnGone(String),
    /// The chain does not have the hash that was asked for.
    HeadMissing,
}

/// A link that holds, with the retention that was in force since it was made.
pub(super) struct Held {
    pub(super) content: Content,
    keep_days: Option<u32>,
}

impl Store {
    /// Holds the chain against its keys and the tables against the chain. `head`: a hash that the chain must have, such as a daily
    /// mail's. `progress` hears of links done and of all.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn verify_chain(
        &self,
        keys: &[ChainKey],
        head: Option<&str>,
        now: Timestamp,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verification, StoreError> {
        // Before the links, so that what is sealed meanwhile does not count as unsealed twice.
        let mut unsealed = BTreeMap::new();
        for table in ChainTable::ALL {
            unsealed.insert(table, self.rows_of(table).await?);
        }
        let links = self.links().await?;
        let mut found = Verification::default();
        let contents = check_links(&links, keys, head, &mut found);
        let held = held(contents, &mut found, &self.config.retention);
        let known = self.chain_columns().await?;
        let count = u64::try_from(held.len()).unwrap_or(u64::MAX);
        for (done, link) in (0..).zip(&held) {
            progress(done, count);
            let Content {
                stretch, columns, ..
            } = &link.content;
            if let Some(gone) = columns
                .iter()
                .find(|name| !known[&stretch.table].contains(name))
            {
                found.problems.push(Problem {
                    link: link.content.number,
                    stretch: Some(stretch.clone()),
                    day: None,
                    what: What::ColumnGone(gone.clone()),
                });
                continue;
            }
            let days = self.digests(stretch, columns).await?;
            let there: u64 = days.iter().map(|day| day.rows).sum();
            if let Some(rows) = unsealed.get_mut(&stretch.table) {
                *rows = rows.saturating_sub(there);
            }
            compare(link, &days, now, &mut found);
        }
        progress(count, count);
        for (table, rows) in unsealed {
            found.tables.entry(table).or_default().unsealed = rows;
        }
        Ok(found)
    }

    async fn rows_of(&self, table: ChainTable) -> Result<u64, StoreError> {
        let client = if table.is_by_offset() {
            &self.sharded
        } else {
            &self.client
        };
        let sql = format!("SELECT count() FROM {}", table.name());
        self.within(
            client.query(&sql).fetch_one::<u64>(),
            "a count of rows",
            true,
        )
        .await
    }
}

/// Each link by itself and against the one before; those that can be read.
pub(super) fn check_links(
    links: &[Link],
    keys: &[ChainKey],
    head: Option<&str>,
    found: &mut Verification,
) -> Vec<Content> {
    let mut contents: Vec<Content> = Vec::new();
    let (mut number, mut previous) = (0, "");
    let mut problem = |link: u64, stretch: Option<&Stretch>, what| {
        found.problems.push(Problem {
            link,
            stretch: stretch.cloned(),
            day: None,
            what,
        });
    };
    for link in links {
        let content = link.read();
        let stretch = content.as_ref().map(|content| &content.stretch);
        if link.number != number + 1 {
            problem(link.number, stretch, What::LinksMissing);
        }
        match keys.iter().find(|key| key.id() == link.key_id) {
            Some(key) if !link.is_signed_by(key) => problem(link.number, stretch, What::Forged),
            Some(_) => {}
            None => *found.unsigned.entry(link.key_id.clone()).or_default() += 1,
        }
        match content {
            None => problem(link.number, None, What::Altered),
            Some(content) => {
                if link.number == number + 1 && content.previous != previous {
                    problem(link.number, Some(&content.stretch), What::Unchained);
                }
                contents.push(content);
            }
        }
        (number, previous) = (link.number, &link.hash);
    }
    if let Some(head) = head
        && !links.iter().any(|link| link.hash == head)
    {
        problem(number, None, What::HeadMissing);
    }
    found.links = u64::try_from(links.len()).unwrap_or(u64::MAX);
    found.since = links.first().and_then(Link::made);
    found.head = links.last().and_then(|link| {
        Some(Head {
            number: link.number,
            hash: link.hash.clone(),
            made: link.made()?,
        })
    });
    contents
}

/// The links that say how the rows are now: without those that were replaced. In order of their numbers.
pub(super) fn held(
    contents: Vec<Content>,
    found: &mut Verification,
    retention: &crate::config::Retention,
) -> Vec<Held> {
    let mut shortest: BTreeMap<ChainTable, Option<u32>> = ChainTable::ALL
        .map(|table| (table, table.keep_days(retention)))
        .into();
    let mut ends: BTreeMap<(ChainTable, String, i32), i64> = BTreeMap::new();
    let mut held: BTreeMap<u64, Held> = BTreeMap::new();
    for content in contents {
        let stretch = &content.stretch;
        let mut problem = |what| {
            found.problems.push(Problem {
                link: content.number,
                stretch: Some(stretch.clone()),
                day: None,
                what,
            });
        };
        if let Some(replaced) = content.replaces {
            match held.get(&replaced) {
                Some(old) if old.content.stretch == *stretch => {
                    found.erasures.push(Erasure {
                        act: content.act.clone().unwrap_or_default(),
                        link: content.number,
                        stretch: stretch.clone(),
                        removed: old.content.rows().saturating_sub(content.rows()),
                    });
                    held.remove(&replaced);
                }
                _ => {
                    problem(What::ReplacesNothing);
                    continue;
                }
            }
        } else {
            let source = (stretch.table, stretch.topic.clone(), stretch.partition);
            let end = ends.entry(source).or_insert(0);
            if stretch.first != *end {
                problem(What::StretchesMissing);
            }
            *end = stretch.until.max(*end);
        }
        let keep_days = content.keep_days;
        held.insert(content.number, Held { content, keep_days });
    }
    // What was kept shorter at any time since may be gone, whatever the retention is now.
    for held in held.values_mut().rev() {
        let shortest = shortest.entry(held.content.stretch.table).or_default();
        *shortest = least(*shortest, held.keep_days);
        held.keep_days = *shortest;
    }
    held.into_values().collect()
}

/// `None` is forever.
fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The rows of a link's days, as sealed and as they are.
pub(super) fn compare(link: &Held, days: &[Day], now: Timestamp, found: &mut Verification) {
    let Content {
        number,
        stretch,
        days: sealed,
        ..
    } = &link.content;
    let counts = found.tables.entry(stretch.table).or_default();
    let mut problems = Vec::new();
    for was in sealed {
        let is = days.iter().find(|is| is.day == was.day);
        let rows = is.map_or(0, |is| is.rows);
        // Rows go one by one: the first of a day when its first moment is over.
        let is_over = link
            .keep_days
            .is_some_and(|days| (was.day + i64::from(days)) * DAY_US <= now.micros());
        let what = if rows > was.rows {
            Some(What::RowsAdded(rows - was.rows))
        } else if rows < was.rows && !is_over {
            Some(What::RowsMissing(was.rows - rows))
        } else if rows == was.rows && is.is_some_and(|is| is.digest != was.digest) {
            Some(What::RowsChanged)
        } else {
            counts.same += rows;
            counts.expired += was.rows - rows;
            None
        };
        problems.extend(what.map(|what| (was.day, what)));
    }
    let new = |is: &&Day| !sealed.iter().any(|was| was.day == is.day);
    problems.extend(
        days.iter()
            .filter(new)
            .map(|is| (is.day, What::RowsAdded(is.rows))),
    );
    found
        .problems
        .extend(problems.into_iter().map(|(day, what)| Problem {
            link: *number,
            stretch: Some(stretch.clone()),
            day: Some(day),
            what,
        }));
}
