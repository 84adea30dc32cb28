//! What a mail is about, within one alert or besides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// The occasion of a mail. Part of its Message-ID and of the ledger's key, so its text form is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Stage {
    /// An alert is new to the recipient.
    Opened,
    /// Its events became ten times as many, or its level rose; numbered from 1.
    Grown(u32),
    /// The alert is too old for a mail of its own.
    Backlog,
    /// Alerts that were held back come together.
    Digest,
    /// The daily mail.
    Daily,
    /// An incident with personal data, and its clocks.
    Incident,
    /// Nobody has acknowledged the alert in time; numbered from 0, since one that was opened again is told again.
    Escalated(u32),
    /// The alert was closed then, and shows more since. Named after the closing and not numbered: of one closing it is told once, whoever tells it and whatever was told before.
    Reopened(Timestamp),
    /// The mail of `check --send-test-mail`.
    Test,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Opened => f.write_str("opened"),
            Stage::Grown(number) => write!(f, "grown-{number}"),
            Stage::Backlog => f.write_str("backlog"),
            Stage::Digest => f.write_str("digest"),
            Stage::Daily => f.write_str("daily"),
            Stage::Incident => f.write_str("incident"),
            Stage::Escalated(0) => f.write_str("escalated"),
            Stage::Escalated(number) => write!(f, "escalated-{number}"),
            Stage::Reopened(closed) => write!(f, "reopened-{}", closed.micros()),
            Stage::Test => f.write_str("test"),
        }
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "opened" => Ok(Stage::Opened),
            "backlog" => Ok(Stage::Backlog),
            "digest" => Ok(Stage::Digest),
            "daily" => Ok(Stage::Daily),
            "incident" => Ok(Stage::Incident),
            "escalated" => Ok(Stage::Escalated(0)),
            "test" => Ok(Stage::Test),
            _ => numbered(text).ok_or_else(|| "no such stage".to_owned()),
        }
    }
}

fn numbered(text: &str) -> Option<Stage> {
    let (name, number) = text.split_once('-')?;
    match name {
        "grown" => number.parse().ok().map(Stage::Grown),
        "escalated" => number.parse().ok().map(Stage::Escalated),
        "reopened" => {
            let micros = number.parse().ok()?;
            Some(Stage::Reopened(Timestamp::from_micros(micros)))
        }
        _ => None,
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.to_string()
    }
}

impl TryFrom<String> for Stage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_leads_back() {
        let stages = [
            Stage::Opened,
            Stage::Grown(3),
            Stage::Backlog,
            Stage::Digest,
            Stage::Daily,
            Stage::Incident,
            Stage::Escalated(0),
            Stage::Escalated(2),
            Stage::Reopened(Timestamp::from_micros(1_772_359_200_000_001)),
            Stage::Reopened(Timestamp::from_micros(-1)),
            Stage::Test,
        ];
        for stage in stages {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        for wrong in ["grown-x", "reopened", "reopened-", "reopened-soon"] {
            assert!(wrong.parse::<Stage>().is_err(), "{wrong}");
        }
    }
}
