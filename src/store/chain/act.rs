//! Acts that take rows away on purpose, such as an erasure: the links that held for them are replaced, on record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::link::{ChainKey, ChainTable, Stretch};
use super::verify::{Verification, check_links, compare, held};
use super::{Store, StoreError};
use crate::event::Timestamp;

/// Where a row stands in a table of the chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The table.
    pub table: ChainTable,
    /// The topic; empty where rows stand at an instant.
    pub topic: String,
    /// Its partition; 0 where rows stand at an instant.
    pub partition: i32,
    /// Offset, or microseconds since 1970.
    pub position: i64,
}

/// A link that holds for rows which are about to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covering {
    number: u64,
    stretch: Stretch,
}

impl Covering {
    /// Whether it holds for the row that stands here.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        self.stretch.has(place)
    }
}

impl Store {
    /// The links that hold for these rows. All of them must still fit: an act must not cover up what was done before.
    ///
    /// # Errors
    /// When the chain or the rows of a link do not fit, or the server cannot be reached or refuses.
    pub async fn links_over(
        &self,
        keys: &[ChainKey],
        places: &[Place],
        now: Timestamp,
    ) -> Result<Vec<Covering>, StoreError> {
        let links = self.links().await?;
        let mut found = Verification::default();
        let contents = check_links(&links, keys, None, &mut found);
        let held = held(contents, &mut found, &self.config.retention);
        let mut covering = Vec::new();
        for link in held {
            let stretch = &link.content.stretch;
            if !places.iter().any(|place| stretch.has(place)) {
                continue;
            }
            let days = self.digests(stretch, &link.content.columns).await?;
            compare(&link, &days, now, &mut found);
            covering.push(Covering {
                number: link.content.number,
                stretch: stretch.clone(),
            });
        }
        if found.problems.is_empty() {
            return Ok(covering);
        }
        Err(StoreError::Chain {
            problem: format!("{} things do not fit before the act", found.problems.len()),
            hint: "run `gatewatch verify` and clear them up first",
        })
    }

    /// Replaces links after an act: each stretch as it is now, with the act's id. What the act has replaced already stays.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn replace_links(
        &self,
        key: &ChainKey,
        covering: &[Covering],
        act: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let columns = self.chain_columns().await?;
        let links = self.links().await?;
        let contents = links.iter().filter_map(super::Link::read);
        let mine = contents.filter(|content| content.act.as_deref() == Some(act));
        let done: BTreeSet<u64> = mine.filter_map(|content| content.replaces).collect();
        for Covering { number, stretch } in covering {
            if done.contains(number) {
                continue;
            }
            let columns = &columns[&stretch.table];
            self.seal(key, stretch.clone(), columns, now, Some((*number, act)))
                .await?;
        }
        Ok(())
    }
}

impl Stretch {
    fn has(&self, place: &Place) -> bool {
        self.table == place.table
            && self.topic == place.topic
            && self.partition == place.partition
            && (self.first..self.until).contains(&place.position)
    }
}
