//! What is checked of a contract beyond its form.

use std::collections::HashMap;
use std::path::Path;

use foldhash::fast::FixedState;

use super::document::{Acceptance, Document};
use super::load::File;
use crate::diagnostic::did_you_mean;
use crate::requirement::REQUIREMENTS;

/// Legal bases that events name.
const BASES: [&str; 4] = ["consent", "contract", "law", "withdrawn"];
/// Most calls of one limit: windows are counted one by one up to there.
const MOST_REQUESTS: u32 = 100_000;
/// Longest time of a limit, in microseconds.
const LONGEST_LIMIT: i64 = 7 * 86_400_000_000;
const DAY_MINUTES: u32 = 1_440;

impl File<'_> {
    pub(super) fn heading(
        &mut self,
        document: &Document,
        names: &HashMap<String, &Path, FixedState>,
    ) {
        let name = document.integration.as_str();
        let fits = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        if !fits {
            let hint = "1 to 64 lowercase letters, digits, `-` and `_`, such as `car-plates`";
            self.wrong_at(
                &["integration"],
                format!("`{name}` is no name of an integration"),
                hint,
            );
        }
        if let Some(other) = names.get(name) {
            let message = format!("`{name}` has a contract already, in {}", other.display());
            self.wrong_at(&["integration"], message, "an integration has one contract");
        }
        if document.title.trim().is_empty() {
            self.wrong_at(
                &["title"],
                "the title is empty",
                "one line that people know it by",
            );
        }
        let valid = &document.valid;
        if valid.until < valid.from {
            let message = format!(
                "it ends on {}, before it begins on {}",
                valid.until, valid.from
            );
            self.wrong_at(
                &["valid", "until"],
                message,
                "`until` is the last day in force",
            );
        }
        if let Some(ended) = valid.ended.filter(|ended| *ended < valid.from) {
            let message = format!("off-boarded on {ended}, before it begins on {}", valid.from);
            self.wrong_at(
                &["valid", "ended"],
                message,
                "`ended` is the last day of calls",
            );
        }
    }

    pub(super) fn matching(&mut self, document: &Document) {
        self.hosts(&["matches", "hosts"], &document.matches.hosts);
        self.hosts(&["webhooks", "targets"], &document.webhooks.targets);
        for (number, path) in document.matches.paths.iter().enumerate() {
            if !path.starts_with('/') || path.contains(['?', '{', '*']) {
                let place = self.place_of_item(&["matches", "paths"], number);
                let hint = "the beginning of paths, such as `/v1/plates`: all below it is meant";
                self.wrong(place, format!("`{path}` is no path"), Some(hint.to_owned()));
            }
        }
        let countries = document.callers.countries.iter().enumerate();
        for (number, country) in countries {
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                let place = self.place_of_item(&["callers", "countries"], number);
                let hint = "two capital letters of ISO 3166-1, such as `RU`";
                self.wrong(
                    place,
                    format!("`{country}` is no country"),
                    Some(hint.to_owned()),
                );
            }
        }
    }

    fn hosts(&mut self, keys: &[&str], hosts: &[String]) {
        for (number, host) in hosts.iter().enumerate() {
            let fits = !host.is_empty()
                && !host.contains([':', '/'])
                && !host.bytes().any(|byte| byte.is_ascii_uppercase());
            if !fits {
                let place = self.place_of_item(keys, number);
                let hint =
                    "a name without scheme and port, in small letters, such as `api.example.org`";
                self.wrong(place, format!("`{host}` is no host"), Some(hint.to_owned()));
            }
        }
    }

    pub(super) fn people(&mut self, document: &Document) {
        if !is_mail_address(&document.owner.mail) {
            let message = format!("`{}` is no address of mail", document.owner.mail);
            let hint = "such as `barriers@example.org`";
            self.wrong_at(&["owner", "mail"], message, hint);
        }
        self.contacts(document);
        self.acceptance(&["acceptance"], document.acceptance.as_ref());
    }

    fn contacts(&mut self, document: &Document) {
        for (number, contact) in document.contacts.iter().enumerate() {
            let mut wrong = |message: String, hint: &str| {
                let place = self.place_of_item(&["contacts"], number);
                self.wrong(place, message, Some(hint.to_owned()));
            };
            for (key, text) in [("for", &contact.role), ("name", &contact.name)] {
                if text.trim().is_empty() {
                    let hint =
                        "such as `{for: security, name: Duty officer, phone: +7 495 000-00-00}`";
                    wrong(format!("`{key}` is empty"), hint);
                }
            }
            match (&contact.mail, &contact.phone) {
                (None, None) => wrong(
                    "a contact without mail and phone".to_owned(),
                    "nobody can be reached by it: give one of them",
                ),
                (Some(mail), _) if !is_mail_address(mail) => wrong(
                    format!("`{mail}` is no address of mail"),
                    "such as `security@example.org`",
                ),
                _ => {}
            }
        }
    }

    pub(super) fn acceptance(&mut self, keys: &[&str], acceptance: Option<&Acceptance>) {
        let Some(acceptance) = acceptance else { return };
        for (key, text) in [("by", &acceptance.by), ("report", &acceptance.report)] {
            if text.trim().is_empty() {
                let keys = [keys, &[key]].concat();
                let hint = "an acceptance without it proves nothing";
                self.wrong_at(&keys, format!("`{key}` is empty"), hint);
            }
        }
    }

    pub(super) fn bases(&mut self, document: &Document) {
        for (number, basis) in document.legal_basis.iter().enumerate() {
            if !BASES.contains(&basis.as_str()) {
                let place = self.place_of_item(&["legal_basis"], number);
                let hint = did_you_mean(basis, BASES)
                    .unwrap_or_else(|| format!("they are {}", BASES.join(", ")));
                self.wrong(place, format!("`{basis}` is no legal basis"), Some(hint));
            }
        }
    }

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
            let above = &document.limits[..number];
            if above.iter().any(|other| limit.counts_like(other)) {
                wrong(
                    "the same limit stands above".to_owned(),
                    "keep the lower one",
                );
            }
            for operation in &limit.operations {
                if let Some((message, hint)) = unknown_operation(document, operation) {
                    wrong(message, &hint);
                }
            }
        }
    }

    /// Operations that other keys name.
    pub(super) fn named_operations(&mut self, document: &Document) {
        let follow = document.webhooks.follow.as_ref();
        let lists: [(&[&str], &[String]); 2] = [
            (&["cache", "fallback"], &document.cache.fallback),
            (
                &["webhooks", "follow", "operations"],
                follow.map_or(&[], |follow| &follow.operations),
            ),
        ];
        for (keys, operations) in lists {
            for (number, operation) in operations.iter().enumerate() {
                if let Some((message, hint)) = unknown_operation(document, operation) {
                    let place = self.place_of_item(keys, number);
                    self.wrong(place, message, Some(hint));
                }
            }
        }
        if follow.is_some_and(|follow| follow.operations.is_empty()) {
            let keys = ["webhooks", "follow", "operations"];
            self.wrong_at(
                &keys,
                "no operation is named",
                "name what changes something",
            );
        }
        for (keys, span) in [
            (
                ["second_source", "within"].as_slice(),
                document.second_source.as_ref().map(|it| it.within),
            ),
            (
                ["webhooks", "longest_silence"].as_slice(),
                document.webhooks.longest_silence,
            ),
            (
                &["webhooks", "follow", "within"],
                follow.map(|follow| follow.within),
            ),
            (&["retries", "within"], document.retries.within),
        ] {
            if let Some(span) = span.filter(|span| span.micros > LONGEST_LIMIT) {
                self.wrong_at(keys, format!("{span} is too long to wait"), "at most 7d");
            }
        }
    }

    pub(super) fn service_levels(&mut self, document: &Document) {
        for (number, level) in document.service_levels.iter().enumerate() {
            let mut wrong = |message: String, hint: &str| {
                let place = self.place_of_item(&["service_levels"], number);
                self.wrong(place, message, Some(hint.to_owned()));
            };
            if !(50.0..=99.9999).contains(&level.share) {
                let message = format!("{} is no share of calls", level.share);
                wrong(
                    message,
                    "per cent, from 50 to 99.9999: 100 leaves nothing for a fault",
                );
            }
            if level.within_ms == Some(0) {
                wrong(
                    "0 ms are no duration".to_owned(),
                    "such as `within_ms: 400`",
                );
            }
            for operation in &level.operations {
                if let Some((message, hint)) = unknown_operation(document, operation) {
                    wrong(message, &hint);
                }
            }
            if document.service_levels[..number].contains(level) {
                wrong("the same level stands above".to_owned(), "keep one of them");
            }
        }
        let Some(traffic) = &document.traffic else {
            return;
        };
        if traffic.calls == 0 {
            self.wrong_at(&["traffic", "calls"], "0 calls always come", "1 or more");
        }
        if !traffic.within.is_of_minutes() || traffic.within.minutes() > DAY_MINUTES {
            let message = format!("{} is no window for calls", traffic.within);
            self.wrong_at(&["traffic", "within"], message, "whole minutes, at most 1d");
        }
    }

    pub(super) fn schedules(&mut self, document: &Document) {
        for (number, schedule) in document.schedules.iter().enumerate() {
            let mut wrong = |message: String, hint: &str| {
                let place = self.place_of_item(&["schedules"], number);
                self.wrong(place, message, Some(hint.to_owned()));
            };
            if schedule.name.trim().is_empty() {
                wrong("a schedule has a name".to_owned(), "such as `residents`");
            }
            let spans = [
                Some(schedule.every),
                schedule.offset,
                Some(schedule.tolerance),
                schedule.lasts,
            ];
            if let Some(odd) = spans
                .into_iter()
                .flatten()
                .find(|span| !span.is_of_minutes())
            {
                wrong(
                    format!("{odd} is no whole minute"),
                    "schedules are kept by minutes",
                );
            }
            let every = schedule.every.minutes();
            let fits = every >= 5
                && (DAY_MINUTES.is_multiple_of(every) || every.is_multiple_of(DAY_MINUTES));
            if !fits || every > 31 * DAY_MINUTES {
                let message = format!("{} does not divide a day", schedule.every);
                wrong(
                    message,
                    "from 5m on what divides a day, or whole days up to 31d",
                );
            } else if schedule.tolerance.minutes() * 2 >= every {
                let message = format!("a tolerance of {} covers every time", schedule.tolerance);
                wrong(message, "less than half of `every`");
            } else if schedule
                .offset
                .is_some_and(|offset| offset.minutes() >= every)
            {
                let message = "it begins after the next one".to_owned();
                wrong(message, "an `offset` is less than `every`");
            }
            for operation in &schedule.operations {
                if let Some((message, hint)) = unknown_operation(document, operation) {
                    wrong(message, &hint);
                }
            }
            let records = &schedule.records;
            if records
                .least
                .zip(records.most)
                .is_some_and(|(least, most)| least > most)
            {
                let message = "a run has fewer records at most than at least".to_owned();
                wrong(message, "`least` is the lower one");
            }
            if document.schedules[..number]
                .iter()
                .any(|other| other.name == schedule.name)
            {
                wrong(
                    "the same name stands above".to_owned(),
                    "alerts name the schedule",
                );
            }
        }
    }

    pub(super) fn tenants(&mut self, document: &Document) {
        for (number, tenant) in document.tenants.iter().enumerate() {
            let is_empty = tenant.clients.is_empty()
                || tenant.resources.is_empty()
                || tenant.resources.values().any(Vec::is_empty);
            if is_empty {
                let place = self.place_of_item(&["tenants"], number);
                let hint = "such as `{clients: [desk-1], resources: {resident: [10000-10399]}}`";
                let message = "a tenant has clients and resources";
                self.wrong(place, message, Some(hint.to_owned()));
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

fn is_mail_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        && !text.contains(char::is_whitespace)
}

/// What is wrong with the name of an operation, and a hint.
fn unknown_operation(document: &Document, operation: &str) -> Option<(String, String)> {
    if document.operations.contains_key(operation) {
        return None;
    }
    let known = document.operations.keys().map(String::as_str);
    let hint = did_you_mean(operation, known)
        .unwrap_or_else(|| "as it stands below `operations`".to_owned());
    let message = format!("`{operation}` is no operation of the contract");
    Some((message, hint))
}
