//! The report for an auditor: requirement by requirement, what an integration kept, what it did not, and what could not be seen.
//!
//! [`build`] asks ClickHouse and holds the answers against the contract; [`html`] shows the result, and it serialises as JSON. What the log
//! does not show is never told as kept.

mod build;
mod checks;
mod html;

use serde::Serialize;

use crate::event::Timestamp;

pub use build::build;
pub(crate) use checks::requirement as requirement_of;
pub use html::html;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the integration.
    pub integration: String,
    /// What it is.
    pub title: String,
    /// Who answers for it: name and mail.
    pub owner: (String, String),
    /// Who is told and asked: what for, name, how to reach.
    pub contacts: Vec<(String, String, String)>,
    /// First and last day of the contract.
    pub valid: (String, String),
    /// Who accepted it, when, and where the record lies.
    pub acceptance: Option<(String, String, String)>,
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub until: Timestamp,
    /// When the report was made.
    pub made: Timestamp,
    /// Calls day by day.
    pub days: Vec<Day>,
    /// One line for each requirement, in the order of the list.
    pub requirements: Vec<Line>,
    /// What is kept in the store, and for how long.
    pub retention: Retention,
}

/// Calls of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Its beginning, UTC.
    pub day: Timestamp,
    /// Calls.
    pub calls: u64,
    /// Refused by the gateway.
    pub refused: u64,
    /// Failed.
    pub failed: u64,
    /// Calls with a fact against a requirement that were answered. A call with several counts several times.
    pub breaches: u64,
}

/// What became of one requirement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Such as `SEC-01`.
    pub id: &'static str,
    /// Heading in the list that binds partners.
    pub section: &'static str,
    /// Its clause there, word for word.
    pub clause: &'static str,
    /// The same in a few words, in Russian and English.
    pub meaning: (&'static str, &'static str),
    /// The result.
    pub verdict: Verdict,
    /// What was checked on calls.
    pub checks: Vec<Check>,
    /// Whether correlations and detectors watch it over many calls.
    pub watched: bool,
    /// Alerts on it, the worst first; not more than are shown.
    pub alerts: Vec<AlertLine>,
    /// All alerts on it.
    pub alerts_total: u64,
    /// What was vouched for.
    pub attestations: Vec<Attested>,
    /// What no log shows, in Russian and English.
    pub unseen: Option<(&'static str, &'static str)>,
}

/// The result for a requirement, the worst that is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A call against it was answered.
    Breached,
    /// Detection raised alerts of medium level or above on it.
    Alarmed,
    /// An attestation has run out in the time of the report.
    AttestationExpired,
    /// There were attempts, and all were refused.
    Refused,
    /// It was checked, and nothing was found.
    Kept,
    /// Nothing can be checked on calls; somebody vouches for it.
    Attested,
    /// Neither checked nor vouched for.
    NotObservable,
}

/// One check on calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name of the fact.
    pub fact: &'static str,
    /// What the fact says, in Russian and English.
    pub says: (&'static str, &'static str),
    /// Whether the contract says anything that it could be held against.
    pub agreed: bool,
    /// Field that a call must show.
    pub field: Option<&'static str>,
    /// Calls that showed it.
    pub on: u64,
    /// Calls with the fact that were answered.
    pub allowed: u64,
    /// Calls with the fact that were refused or failed.
    pub refused: u64,
    /// Days with such calls: beginning, answered, refused.
    pub days: Vec<(Timestamp, u64, u64)>,
    /// Examples.
    pub samples: Vec<Sample>,
    /// Titles of the rules that judge the fact.
    pub rules: Vec<String>,
    /// The statement for ClickHouse that finds the calls again.
    pub query: String,
}

/// An example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// When.
    pub time: Timestamp,
    /// Its request id.
    pub request_id: String,
    /// Method and route.
    pub operation: String,
    /// Who called.
    pub client: String,
    /// Status of the answer, 0 without one.
    pub status: u16,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertLine {
    /// Its id.
    pub id: String,
    /// What happened.
    pub title: String,
    /// How bad it is.
    pub level: String,
    /// Whom it is about.
    pub entity: String,
    /// First event.
    pub first: Timestamp,
    /// Newest event.
    pub last: Timestamp,
    /// Events behind it.
    pub count: u64,
}

/// An attestation of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attested {
    /// What is so.
    pub says: String,
    /// Who vouches for it.
    pub by: String,
    /// Since when.
    pub on: String,
    /// Last day on which it counts.
    pub until: String,
    /// Whether it counts for the whole time of the report.
    pub counts: bool,
}

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Days that events are kept.
    pub events_days: u32,
    /// Days that the contract allows at most.
    pub agreed_days: Option<i64>,
    /// The oldest event that is stored.
    pub oldest: Option<Timestamp>,
    /// Whether the oldest event is older than retention allows, by more than a day that the server may take to drop it.
    pub overrun: bool,
}
