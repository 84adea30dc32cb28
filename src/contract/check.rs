//! What is checked of a contract beyond its form: limits, retries, attestations.

use super::document::{Document, LimitOf};
use super::load::File;
use crate::diagnostic::did_you_mean;
use crate::requirement::REQUIREMENTS;

/// Most calls of one limit: windows are counted one by one up to there.
const MOST_REQUESTS: u32 = 100_000;
/// Longest time of a limit, in microseconds.
const LONGEST_LIMIT: i64 = 7 * 86_400_000_000;

impl File<'_> {
    pub(super) fn limits(&mut self, document: &Document) {
        for (number, limit) in document.limits.iter().enumerate() {
            let mut wrong = |message: String, hint: &str| {
                let place = self.place_of_item(&["limits"], number);
                self.wrong(place, message, Some(hint.to_owned()));
            };
            if !(1..=MOST_REQUESTS).contains(&limit.requests) {
                let message = format!("{} requests are no limit", limit.requests);
                wrong(message, "from 1 to 100000");
            }
            if limit.within.micros > LONGEST_LIMIT {
                let message = format!("{} is too long for a window", limit.within);
                wrong(message, "at most 7d");
            }
            if document.limits[..number].contains(limit) {
                wrong("the same limit stands above".to_owned(), "keep one of them");
            }
            if limit.of == LimitOf::Integration
                && document.limits[..number].iter().any(|other| {
                    other.of == limit.of
                        && other.within == limit.within
                        && other.operations == limit.operations
                })
            {
                wrong(
                    "all calls have a limit in that time already".to_owned(),
                    "keep the lower one",
                );
            }
            for operation in &limit.operations {
                if !document.operations.contains_key(operation) {
                    let known = document.operations.keys().map(String::as_str);
                    let hint = did_you_mean(operation, known)
                        .unwrap_or_else(|| "as it stands below `operations`".to_owned());
                    wrong(
                        format!("`{operation}` is no operation of the contract"),
                        &hint,
                    );
                }
            }
        }
    }

    pub(super) fn retries(&mut self, document: &Document) {
        if document.retries.attempts == Some(0) {
            let hint = "the first one counts: 1 forbids every retry";
            self.wrong_at(&["retries", "attempts"], "0 attempts are no call", hint);
        }
    }

    pub(super) fn attestations(&mut self, document: &Document) {
        for (number, attestation) in document.attestations.iter().enumerate() {
            let mut wrong = |message: String, hint: &str| {
                let place = self.place_of_item(&["attestations"], number);
                self.wrong(place, message, Some(hint.to_owned()));
            };
            let id = attestation.requirement.as_str();
            if !REQUIREMENTS.iter().any(|known| known.id == id) {
                let known = REQUIREMENTS.iter().map(|known| known.id);
                let hint = did_you_mean(id, known).unwrap_or_else(|| "such as `SEC-02`".to_owned());
                wrong(format!("`{id}` is no requirement"), &hint);
            }
            if attestation.until < attestation.on {
                let message = format!(
                    "it counts until {}, before it is given on {}",
                    attestation.until, attestation.on
                );
                wrong(message, "`until` is the last day on which it counts");
            }
            for (key, text) in [("by", &attestation.by), ("says", &attestation.says)] {
                if text.trim().is_empty() {
                    wrong(
                        format!("`{key}` is empty"),
                        "an attestation without it vouches for nothing",
                    );
                }
            }
        }
    }
}
