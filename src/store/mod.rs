//! The store: ClickHouse, where events, dead letters, alerts and snapshots are kept, each exactly once.
//!
//! Delivery: rows are gathered into a block ([`EventBlock`], [`DeadLetterBlock`], [`alert_rows`]), the block becomes an
//! [`Insert`], and [`Store::insert`] sends it under a token. An insert that was acknowledged is kept. One whose outcome is not
//! known ([`StoreError::is_retryable`]) is sent again, the same bytes with the same token: ClickHouse drops what it has, in the
//! table and in its roll-ups. The window is 10,000 tokens a table partition, far more than are ever in doubt.

pub mod embedded;

mod access;
mod alert_list;
mod alerts;
mod audit;
mod blob;
mod block;
mod bounds;
mod chain;
mod client;
mod columns;
mod day;
mod dead_letter;
mod decision_list;
mod deeds;
mod dictionary;
mod entity;
mod error;
mod frame;
mod history;
mod hunt;
mod incident;
mod incident_list;
mod integration;
mod links;
mod migrate;
mod native;
mod overview;
mod pieces;
mod proposals;
mod recovery;
mod response;
mod rows;
mod seal;
mod search;
mod series;
mod snapshot;
mod spot;
mod subject;
mod triage;
mod webhook;

pub use access::SavedSearch;
pub use alert_list::{AlertFilter, AlertLine, AlertOrder};
pub use alerts::alert_rows;
pub use audit::{AuditRow, AuditState};
pub use block::{EventBlock, Insert, Verdict};
pub use chain::{
    ChainKey, ChainTable, Counts, Covering, Day, Erasure, Head, Place, Problem, Stretch,
    Verification, What,
};
pub use client::Store;
pub use columns::column_of;
pub use day::{DayCounts, DayGap};
pub use dead_letter::{DeadLetter, DeadLetterBlock};
pub use decision_list::{DecisionFilter, DecisionPlace};
pub use deeds::{AuditFilter, AuditLine};
pub use entity::{Beside, Calls, Daily, Profile};
pub use error::StoreError;
pub use history::Scanned;
pub use hunt::Condition;
pub use incident_list::IncidentLine;
pub use integration::{DayCalls, FactCall, FactDay, FactRule, IntegrationAlert, Scope};
pub use links::{Cursor, SharedCaller};
pub use overview::{FactCalls, Heard, OpenAlerts, RuleMatches, RuleOutcome, Unread};
pub use recovery::StoredCount;
pub use response::{Cleared, GoingOn, Unanswered};
pub use seal::{Origin, Sealed, Sealer};
pub use search::{Criterion, Search, SearchError, StoredEvent, Word};
pub use snapshot::Snapshot;
pub use spot::Spot;
pub use subject::{InKafka, Mailed, Subject, SubjectRows};
pub use webhook::{Delivery, DeliveryLine, tells_reopened};
