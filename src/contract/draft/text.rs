//! A draft as YAML, with its evidence as comments. Values come from a log, so they are quoted unless they are plain; comments hold
//! nothing but numbers of our own.

use std::fmt::Write;

use super::rhythm::Schedule;
use super::seen::{Addresses, Spread, Tally};
use super::{Draft, Operation};
use crate::contract::words::{Network, TlsVersion};

/// Seconds by which clocks are off without anybody's fault.
const USUAL_SKEW: u64 = 60;
/// One call in so many is rare.
const RARE: u64 = 10_000;

impl Draft {
    /// The contract. `share` is the part of all calls that limits are to let through, from 0 to 1.
    #[must_use]
    pub fn text(&self, share: f64) -> String {
        let mut text = Writer {
            text: String::new(),
            answered: self.answered,
        };
        self.heading(&mut text);
        self.callers(&mut text);
        self.transport(&mut text);
        self.tokens(&mut text, share);
        self.operations(&mut text, share);
        self.others(&mut text, share);
        self.schedules(&mut text);
        text.text
    }

    fn heading(&self, text: &mut Writer) {
        let day = |time: crate::event::Timestamp| time.to_string()[..10].to_owned();
        text.line(format!(
            "# Proposed from {} calls, {} of them answered, from {} to {}. What was observed is not what was agreed:",
            grouped(self.calls), grouped(self.answered), day(self.first), day(self.last)
        ));
        text.line("# read each line, above all those that are marked as rare, and give it an owner and an acceptance.");
        text.line(format!("integration: {}", quoted(&self.integration)));
        text.line(format!("title: {}", quoted(&self.integration)));
        text.line("owner: {name: to be named, mail: owner@example.org}");
        let year: u32 = day(self.last)[..4].parse().unwrap_or(2026);
        text.line(format!(
            "valid: {{from: {}, until: {}-12-31}}",
            day(self.first),
            year + 1
        ));
        text.line("# acceptance: {by: …, on: …, report: …}  # until it is given, each call is one that nobody accepted");
        if self.paths.is_empty() {
            // Hosts are often shared: by them alone everybody's calls would be of this integration.
            text.line("matches: {}  # calls are known by the name that the log gives them");
        } else {
            text.line("matches:");
            text.list(2, "hosts", self.hosts.names());
            let paths: Vec<String> = self.paths.iter().map(|path| quoted(path)).collect();
            text.line(format!("  paths: [{}]", paths.join(", ")));
        }
    }

    fn callers(&self, text: &mut Writer) {
        let addresses = |addresses: &Addresses| {
            if addresses.is_empty() {
                Some(Vec::new())
            } else {
                addresses.networks()
            }
        };
        text.section("callers", |text| {
            text.list(2, "clients", self.clients.names());
            text.list(2, "gateways", self.gateways.names());
            text.list(2, "networks", addresses(&self.networks));
            text.list(2, "egress", addresses(&self.egress));
            text.list(2, "countries", self.countries.names());
        });
    }

    fn transport(&self, text: &mut Writer) {
        let floor: Option<TlsVersion> = "TLSv1.2".parse().ok();
        let versions = self
            .tls
            .values()
            .filter_map(|(version, _)| TlsVersion::of_log(version));
        let (old, new): (Vec<_>, Vec<_>) = versions.partition(|version| Some(*version) < floor);
        text.section("transport", |text| {
            if let Some(least) = new.iter().min() {
                text.line(format!("  tls: {least}"));
            }
            if !old.is_empty() {
                text.line(
                    "  # calls below TLSv1.2 were answered: they break SEC-01 and this contract",
                );
            }
            text.list(2, "suites", self.suites.names());
        });
    }

    fn tokens(&self, text: &mut Writer, share: f64) {
        let tokens = &self.tokens;
        text.section("tokens", |text| {
            if tokens.present > 0 && tokens.missing == 0 {
                text.line("  required: true");
            } else if tokens.missing > 0 {
                let (missing, present) = (grouped(tokens.missing), grouped(tokens.present));
                text.line(format!(
                    "  # required: true  # {missing} calls without a token were answered, {present} with one"
                ));
            }
            text.list(2, "issuers", tokens.issuers.names());
            text.list(2, "audiences", tokens.audiences.names());
            text.list(2, "algorithms", tokens.algorithms.names());
            text.list(2, "keys", tokens.keys.names());
            text.span(2, "longest_life", &tokens.life, share);
            if let Some(most) = tokens.early.quantile(share) {
                let longest = tokens.early.quantile(1.0).unwrap_or(most);
                text.line(format!(
                    "  clock_skew: {}  # the longest {longest} s",
                    span(most.max(USUAL_SKEW))
                ));
            }
            text.list(2, "grants", tokens.grants.names());
            text.list(2, "scopes", tokens.scopes.names());
        });
    }

    fn operations(&self, text: &mut Writer, share: f64) {
        let (proposed, left_out) = self.proposed();
        if proposed.is_empty() {
            return;
        }
        text.line("operations:");
        if left_out > 0 || self.further > 0 {
            text.line(format!(
                "  # left out: {left_out} that were never answered or that a contract cannot name, and {} calls of further ones",
                grouped(self.further)
            ));
        }
        for (name, operation) in proposed {
            operation.write(text, name, share);
        }
    }

    fn others(&self, text: &mut Writer, share: f64) {
        let webhooks = &self.webhooks;
        if webhooks.calls > 0 {
            text.line("webhooks:");
            text.list(2, "networks", webhooks.networks.networks());
            if webhooks.valid == webhooks.calls {
                text.line(format!("  signed: true  # {}", calls(webhooks.calls)));
            } else {
                let bad = grouped(webhooks.calls - webhooks.valid);
                text.line(format!(
                    "  # signed: true  # {bad} webhooks without a valid signature were answered"
                ));
            }
            text.span(2, "longest_age", &webhooks.age, share);
        }
        if self.cache_age.quantile(share).is_some() {
            text.line("cache:");
            text.span(2, "longest_age", &self.cache_age, share);
        }
        self.limits(text, share);
        text.list(0, "legal_basis", self.bases.names());
    }

    /// Operations that are called in runs on schedule.
    fn schedules(&self, text: &mut Writer) {
        let mut is_first = true;
        for (name, operation) in self.proposed().0 {
            let Some(schedule) = operation.rhythm.schedule() else {
                continue;
            };
            if std::mem::take(&mut is_first) {
                text.line("schedules:");
            }
            let Schedule {
                every,
                offset,
                farthest,
                longest,
                records,
                runs,
            } = schedule;
            // A minute more than was seen on each side, and never so much that it covers every time.
            let tolerance = (farthest * 2 + 1).min((every - 1) / 2);
            text.line(format!(
                "  - name: {}  # {runs} runs, each began within {farthest} m of its time",
                quoted(name)
            ));
            text.line("    operations:");
            text.line(format!("      - {}", quoted(name)));
            text.line(format!("    every: {}", span(u64::from(every) * 60)));
            if offset > 0 {
                text.line(format!("    offset: {offset}m"));
            }
            text.line(format!("    tolerance: {tolerance}m"));
            text.line(format!(
                "    lasts: {}m  # the longest {longest} m",
                longest * 2
            ));
            if let Some((least, most)) = records {
                text.line(format!(
                    "    records: {{least: {}, most: {}}}  # from {least} to {most}",
                    least / 2,
                    most * 2
                ));
            }
        }
    }

    /// Windows of limits slide, minutes of the clock do not: a window has at most twice as many calls.
    fn limits(&self, text: &mut Writer, share: f64) {
        let spread = self.rates.spread();
        let (Some(most), Some(longest)) = (spread.quantile(share), spread.quantile(1.0)) else {
            return;
        };
        text.line("limits:");
        text.line(format!(
            "  - {{of: client, requests: {}, within: 1m}}  # twice {most}; the most of one client in a minute of the clock {longest}, in {} such minutes",
            (most * 2).min(100_000),
            grouped(spread.count())
        ));
    }
}

impl Operation {
    fn write(&self, text: &mut Writer, name: &str, share: f64) {
        let refused = self.calls - self.answered;
        let mark = if self.calls * RARE < text.answered {
            ": rare, look at it"
        } else {
            ""
        };
        text.line(format!(
            "  # {}, {} refused or failed{mark}",
            calls(self.calls),
            grouped(refused)
        ));
        text.line(format!("  {}:", quoted(name)));
        let before = text.text.len();
        text.short(4, "roles", &self.roles);
        if self.with_factor > 0 && self.with_factor == self.answered {
            text.line("    mfa: true");
        }
        text.short(4, "sends", &self.sent);
        text.short(4, "receives", &self.received);
        if let Some(most) = self.records.quantile(share) {
            text.line(format!("    records: {}", most.max(1)));
        }
        if text.text.len() == before {
            // No key, so an empty mapping stands for it.
            text.text.pop();
            text.text.push_str(" {}\n");
        }
    }
}

struct Writer {
    text: String,
    answered: u64,
}

impl Writer {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A key with what `write` puts below it; nothing when that is nothing.
    fn section(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        self.line(format!("{key}:"));
        let begin = self.text.len();
        write(self);
        let has_keys = self.text[begin..]
            .lines()
            .any(|line| !line.trim_start().starts_with('#'));
        if !has_keys {
            // Comments alone stay, without the key.
            let comments = self.text.split_off(begin);
            self.text.truncate(before);
            self.text.push_str(&comments);
        }
    }

    /// A list with the number of calls behind each value.
    fn list(&mut self, indent: usize, key: &str, values: Option<Vec<(String, u64)>>) {
        let space = " ".repeat(indent);
        match values {
            None => self.line(format!(
                "{space}# {key}: too many to list, so none is asked for"
            )),
            Some(values) if values.is_empty() => {}
            Some(values) => {
                self.line(format!("{space}{key}:"));
                for (value, count) in values {
                    let mark = if count * RARE < self.answered {
                        ": rare, look at it"
                    } else {
                        ""
                    };
                    let value = quoted(&value);
                    self.line(format!("{space}  - {value}  # {}{mark}", calls(count)));
                }
            }
        }
    }

    /// A list on one line.
    fn short(&mut self, indent: usize, key: &str, values: &Tally) {
        let space = " ".repeat(indent);
        match values.names() {
            None => self.line(format!(
                "{space}# {key}: too many to list, so none is asked for"
            )),
            Some(names) if names.is_empty() => {}
            Some(names) => {
                let names: Vec<String> = names.iter().map(|(name, _)| quoted(name)).collect();
                self.line(format!("{space}{key}: [{}]", names.join(", ")));
            }
        }
    }

    /// A limit of time.
    fn span(&mut self, indent: usize, key: &str, seen: &Spread, share: f64) {
        if let Some(most) = seen.quantile(share) {
            let space = " ".repeat(indent);
            let (most, longest) = (span(most), span(seen.quantile(1.0).unwrap_or(most)));
            self.line(format!(
                "{space}{key}: {most}  # {}, the longest {longest}",
                calls(seen.count())
            ));
        }
    }
}

/// A span of so many seconds or a little more, in the largest unit that is near enough.
fn span(seconds: u64) -> String {
    let seconds = seconds.max(1);
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let fits = units.into_iter().find(|(size, _)| {
        // At most a twentieth more.
        seconds.div_ceil(*size) * size <= seconds + seconds / 20
    });
    let (size, unit) = fits.unwrap_or((1, 's'));
    format!("{}{unit}", seconds.div_ceil(size))
}

fn calls(count: u64) -> String {
    if count == 1 {
        "1 call".to_owned()
    } else {
        format!("{} calls", grouped(count))
    }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A text as YAML: as it is when that is plain, else in double quotes.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.-{}* ".contains(&b))
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str())
        // In a list on one line a brace would open a mapping; in a key it is only one when it comes first.
        && (text.contains(' ') || !text.contains(['{', '}']));
    let is_network = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"./".contains(&b))
        && text.parse::<Network>().is_ok();
    if is_plain || is_network {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            ' '..='~' => quoted.push(c),
            _ if !c.is_control() && !('\u{200b}'..='\u{206f}').contains(&c) && c != '\u{feff}' => {
                quoted.push(c);
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}
