//! Decisions as people look for them: by value, scope and standing, the newest first, a page at a time.

use std::cmp::Reverse;
use std::fmt;

use clickhouse::query::Query;
use uuid::Uuid;

use super::StoreError;
use super::client::Store;
use crate::event::Timestamp;
use crate::response::{Decision, Standing, Target};

/// Which decisions a list shows; what is `None` or empty is not asked for.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// With this in the value, in any case of letters.
    pub value: String,
    /// Of this scope.
    pub scope: String,
    /// That stand so.
    pub standings: Vec<Standing>,
    /// Older than the one in this place.
    pub before: Option<DecisionPlace>,
    /// So many at most.
    pub limit: u32,
}

/// Where a decision stands in the list: when it was proposed, and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionPlace {
    proposed: Timestamp,
    id: Uuid,
}

impl DecisionPlace {
    /// The place of a decision.
    #[must_use]
    pub fn of(decision: &Decision) -> DecisionPlace {
        let first = decision.steps.first();
        DecisionPlace {
            proposed: first.map_or_else(Timestamp::default, |step| step.time),
            id: decision.id,
        }
    }

    /// As it is written into an address; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<DecisionPlace> {
        let (micros, id) = text.split_once('-')?;
        Some(DecisionPlace {
            proposed: Timestamp::from_micros(micros.parse().ok()?),
            id: id.parse().ok()?,
        })
    }
}

impl fmt::Display for DecisionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.proposed.micros(), self.id)
    }
}

impl DecisionFilter {
    /// What a value has to hold: an address or a network as it is kept, however it was written.
    fn held(&self) -> String {
        let text = self.value.trim();
        Target::parse("range", text).map_or_else(|| text.to_owned(), |target| target.value())
    }
}

impl Store {
    /// The newest decisions that are wanted, with all their steps.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn list_decisions(
        &self,
        filter: &DecisionFilter,
        now: Timestamp,
    ) -> Result<Vec<Decision>, StoreError> {
        let before = filter.before.map_or_else(String::new, |place| {
            format!(
                " AND (block.proposed, toString(block.decision)) < (fromUnixTimestamp64Micro({}), '{}')",
                place.proposed.micros(),
                place.id
            )
        });
        let standings: Vec<&str> = filter.standings.iter().map(|it| it.name()).collect();
        let standing = if standings.is_empty() {
            String::new()
        } else {
            // Names of ours.
            format!(
                " AND multiIf(block.last_step IN ('proposed', 'approved') AND block.until <= fromUnixTimestamp64Micro({}), 'ended', block.last_step) IN ('{}')",
                now.micros(),
                standings.join("', '")
            )
        };
        let among = format!(
            "SELECT block.decision FROM decisions AS block WHERE positionCaseInsensitiveUTF8(block.value, ?) > 0 AND (? = '' OR toString(block.scope) = ?){standing}{before} \
             ORDER BY block.proposed DESC, toString(block.decision) DESC LIMIT {}",
            filter.limit
        );
        let bind = |query: Query| {
            let query = query.bind(filter.held()).bind(&filter.scope);
            query.bind(&filter.scope)
        };
        let mut decisions = self.decisions_among(&among, bind).await?;
        decisions.sort_by_key(|decision| {
            let place = DecisionPlace::of(decision);
            Reverse((place.proposed, place.id))
        });
        Ok(decisions)
    }

    /// A decision by its id.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decision(&self, id: Uuid) -> Result<Option<Decision>, StoreError> {
        let bind = |query: Query| query.bind(id.to_string());
        let found = self.decisions_among("toUUID(?)", bind).await?;
        Ok(found.into_iter().next())
    }

    /// Decisions whose ids begin so, two at most: whether there is one.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decisions_beginning(&self, text: &str) -> Result<Vec<Decision>, StoreError> {
        let among = "SELECT DISTINCT one.decision FROM decision_steps AS one WHERE startsWith(toString(one.decision), ?) LIMIT 2";
        self.decisions_among(among, |query| query.bind(text)).await
    }

    /// Decisions about an alert.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn decisions_about(&self, alert: Uuid) -> Result<Vec<Decision>, StoreError> {
        let among = "SELECT one.decision FROM decision_steps AS one WHERE one.alert = toUUID(?)";
        self.decisions_among(among, |query| query.bind(alert.to_string()))
            .await
    }

    /// How many decisions wait for a person.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn waiting_decisions(&self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT count() FROM decisions AS block WHERE block.last_step = 'proposed' AND block.until > fromUnixTimestamp64Micro(?)";
        let query = self.client.query(sql).bind(now.micros());
        self.within(query.fetch_one::<u64>(), "decisions that wait", false)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_an_address() {
        let place = DecisionPlace {
            proposed: Timestamp::from_seconds(1_800_000_000),
            id: Uuid::from_u128(7),
        };
        let text = place.to_string();
        assert_eq!(
            text,
            "1800000000000000-00000000-0000-0000-0000-000000000007"
        );
        assert_eq!(DecisionPlace::parse(&text), Some(place));
        for wrong in ["", "1800000000000000", "x-y", "1-'; DROP TABLE decisions"] {
            assert_eq!(DecisionPlace::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_is_looked_for_as_it_is_kept() {
        for (typed, kept) in [
            (" ::ffff:10.0.0.5 ", "10.0.0.5"),
            ("10.0.0.77/24", "10.0.0.0/24"),
            ("10.0.", "10.0."),
            ("portal", "portal"),
        ] {
            let value = typed.to_owned();
            let filter = DecisionFilter {
                value,
                ..DecisionFilter::default()
            };
            assert_eq!(filter.held(), kept);
        }
    }
}
