//! Changes of accounts that wait for another administrator.

use clickhouse::Row;
use serde::Deserialize;

use super::StoreError;
use super::client::Store;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::access::{Change, PROPOSAL_US, Proposal, Role, mark};
use crate::event::Timestamp;

const COLUMNS: &[(&str, Wire)] = &[
    ("id", Wire::Text),
    ("revision", Wire::U64),
    ("account", Wire::Text),
    ("change", Wire::Text),
    ("role", Wire::Text),
    ("before", Wire::U64),
    ("half", Wire::Text),
    ("proposer", Wire::Text),
    ("proposed", Wire::Time),
    ("state", Wire::Text),
    ("settler", Wire::Text),
    ("mark", Wire::Text),
];

/// Proposals that are shown at most.
const MOST: usize = 200;

#[derive(Row, Deserialize)]
struct ProposalRow {
    id: String,
    account: String,
    change: String,
    role: String,
    before: u64,
    half: String,
    proposer: String,
    micros: i64,
}

impl Store {
    /// Puts a proposal on record.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn propose(&self, proposal: &Proposal) -> Result<(), StoreError> {
        let mut rows = Rows::new("account_proposals", COLUMNS);
        rows.push(cells(proposal, 1, &proposal.half, "open", "", ""));
        let token = format!("proposal/{}", proposal.id);
        self.insert(&token, &rows.finish()).await
    }

    /// Proposals that are good and were not settled, the oldest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open_proposals(&self, now: Timestamp) -> Result<Vec<Proposal>, StoreError> {
        let sql = format!(
            "SELECT id, account, toString(change) AS change, toString(role) AS role, before, half, proposer, toUnixTimestamp64Micro(proposed) AS micros \
             FROM account_proposals FINAL WHERE state = 'open' AND proposed > fromUnixTimestamp64Micro(?) ORDER BY proposed, id LIMIT {MOST}"
        );
        let since = now.plus_micros(-PROPOSAL_US);
        let query = self.client.query(&sql).bind(since.micros());
        let rows = query.fetch_all::<ProposalRow>();
        let rows = self.within(rows, "proposals", false).await?;
        Ok(rows.into_iter().filter_map(proposal).collect())
    }

    /// Settles a proposal, `approved` or `rejected`; `false` where somebody else did before. Of all who settle it at once, in whichever instances, one is told `true`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn settle_proposal(
        &self,
        proposal: &Proposal,
        state: &'static str,
        by: &str,
    ) -> Result<bool, StoreError> {
        let mark = mark();
        let mut rows = Rows::new("account_proposals", COLUMNS);
        rows.push(cells(proposal, 2, "", state, by, &mark));
        // Whoever settles it does it under one token, so ClickHouse keeps the first of several and drops the others.
        let token = format!("proposal/{}/settled", proposal.id);
        self.insert(&token, &rows.finish()).await?;
        let query = self
            .client
            .query("SELECT mark FROM account_proposals FINAL WHERE id = ?")
            .bind(&proposal.id);
        let kept = query.fetch_all::<String>();
        Ok(self.within(kept, "who settled a proposal", false).await? == [mark])
    }
}

fn cells<'c>(
    proposal: &'c Proposal,
    revision: u64,
    half: &'c str,
    state: &'c str,
    settler: &'c str,
    mark: &'c str,
) -> [Cell<'c>; 12] {
    [
        Cell::Text(&proposal.id),
        Cell::Number(revision),
        Cell::Text(&proposal.account),
        Cell::Text(proposal.change.name()),
        Cell::Text(proposal.role.name()),
        Cell::Number(proposal.before),
        Cell::Text(half),
        Cell::Text(&proposal.by),
        Cell::Time(Some(proposal.time)),
        Cell::Text(state),
        Cell::Text(settler),
        Cell::Text(mark),
    ]
}

/// One of a role or change that this version does not know can be settled by no one here.
fn proposal(row: ProposalRow) -> Option<Proposal> {
    Some(Proposal {
        id: row.id,
        account: row.account,
        change: Change::named(&row.change)?,
        role: Role::named(&row.role)?,
        before: row.before,
        half: row.half,
        by: row.proposer,
        time: Timestamp::from_micros(row.micros),
    })
}
