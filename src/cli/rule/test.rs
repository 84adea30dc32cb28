//! `gatewatch rule test`: the cases inside the rules.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::reasons::{self, Reason};
use super::set::{Loaded, Places, Reader, Subject};
use super::terminal::{self, Paint};
use super::{Output, counting, verdict};
use crate::config::Format;
use crate::event::Event;
use crate::sigma::{Correlation, Rule, TestEvent};
use crate::track::rule_tests;

/// Runs the cases inside the rules: events that must match and must not, sequences for correlations
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule test\n  \
    gatewatch rule test rules/injection rules/token/overlong-token.yml\n  \
    gatewatch rule test --only 'SQL injection' --only old_api_key\n  \
    gatewatch rule test --format json | jq .failures\n\n\
    Events of the cases are decoded and enriched as in the service.\n\
    Exit codes: 0 every case holds, 1 a case does not, 2 rules do not load or nothing was named.")]
pub(super) struct Args {
    /// Folders and rule files; the folder of the configuration without any
    #[arg(value_name = "FOLDER|FILE")]
    places: Vec<PathBuf>,
    /// Only rules with this id, name, file or part of the title; may be given several times
    #[arg(long, value_name = "ID|NAME|TITLE")]
    only: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    #[command(flatten)]
    from: Places,
}

/// What came of the cases.
#[derive(Debug, Default, Serialize)]
struct Report {
    rules: usize,
    correlations: usize,
    cases: usize,
    failures: Vec<Failure>,
    seconds: f64,
}

/// A case that did not come out, or a rule without cases.
#[derive(Debug, Serialize)]
struct Failure {
    path: PathBuf,
    line: u32,
    rule: String,
    id: String,
    /// `match` or `no_match`; absent when the rule has no such case.
    expected: Option<&'static str>,
    message: String,
    reasons: Vec<Reason>,
}

/// Runs the cases.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let begin = Instant::now();
    let config = args.from.config()?;
    let loaded = Loaded::of(&args.places, &config)?;
    let reader = Reader::new(&config, Format::Native)?;
    let mut subjects = Vec::new();
    for word in &args.only {
        subjects.extend(loaded.named(word)?);
    }
    if args.only.is_empty() {
        subjects = loaded.subjects();
    }
    let bench = Bench {
        loaded: &loaded,
        reader,
    };
    let mut report = Report::default();
    for subject in subjects {
        bench.subject(subject, &mut report);
    }
    report.seconds = begin.elapsed().as_secs_f64();
    match args.format {
        Output::Json => terminal::say_json(&report)?,
        Output::Text => terminal::say(&text(&report, &loaded))?,
    }
    Ok(verdict(!report.failures.is_empty()))
}

fn text(report: &Report, loaded: &Loaded) -> String {
    let mut text = String::new();
    let paint = Paint::of_stdout();
    for failure in &report.failures {
        let message = format!("{}: {}", terminal::escaped(&failure.rule), failure.message);
        let _ = writeln!(text, "{}", loaded.at(&failure.path, failure.line, message));
        for Reason { line, text: words } in &failure.reasons {
            let _ = writeln!(text, "  {} {words}", paint.faint(&format!("line {line}:")));
        }
        text.push('\n');
    }
    let failed = report.failures.len();
    let word = match failed {
        0 => paint.good("ok"),
        _ => paint.bad("FAILED"),
    };
    let _ = writeln!(
        text,
        "{word}: {} cases of {} rules and {} correlations, {failed} failed, {:.2} s",
        report.cases, report.rules, report.correlations, report.seconds
    );
    text
}

struct Bench<'b> {
    loaded: &'b Loaded,
    reader: Reader,
}

impl Bench<'_> {
    fn subject(&self, subject: Subject<'_>, report: &mut Report) {
        let lacks = |matching: bool, not_matching: bool| match (matching, not_matching) {
            (true, true) => Some("it has no cases"),
            (true, false) => Some("it has no case that matches"),
            (false, true) => Some("it has no case that does not match"),
            (false, false) => None,
        };
        let missing = match subject {
            Subject::Rule(index, rule) => {
                report.rules += 1;
                self.rule(subject, index, rule, report);
                lacks(
                    rule.tests.matching.is_empty(),
                    rule.tests.not_matching.is_empty(),
                )
            }
            Subject::Correlation(correlation) => {
                report.correlations += 1;
                self.correlation(subject, correlation, report);
                let tests = &correlation.tests;
                lacks(tests.matching.is_empty(), tests.not_matching.is_empty())
            }
        };
        // What only feeds correlations is tested by theirs.
        if let Some(message) = missing.filter(|_| subject.alerts()) {
            let message = format!("{message}: write both under `gatewatch: tests:`");
            report
                .failures
                .push(failure(subject, subject.source().line, None, message));
        }
    }

    fn rule(&self, subject: Subject<'_>, index: u32, rule: &Rule, report: &mut Report) {
        let rules = &self.loaded.rules;
        let mut scratch = rules.scratch();
        let cases = rule.tests.matching.iter().map(|case| (case, true));
        let others = rule.tests.not_matching.iter().map(|case| (case, false));
        for (case, expected) in cases.chain(others) {
            report.cases += 1;
            let event = match self.reader.event(case.json.as_bytes()) {
                Ok(event) => event,
                Err(why) => {
                    let message = format!("the event of the case is none: {why}");
                    report
                        .failures
                        .push(failure(subject, case.line, Some(expected), message));
                    continue;
                }
            };
            if rules.matches(&event, &mut scratch).contains(&index) == expected {
                continue;
            }
            let message = if expected {
                "this event has to match, and does not"
            } else {
                "this event must not match, and does"
            };
            let mut failure = failure(subject, case.line, Some(expected), message.to_owned());
            let trace = self
                .loaded
                .annotated(subject)
                .and_then(|rule| rule.trace(&event));
            failure.reasons = trace.map(|step| reasons::of(&step)).unwrap_or_default();
            report.failures.push(failure);
        }
    }

    fn correlation(&self, subject: Subject<'_>, correlation: &Correlation, report: &mut Report) {
        let rules = &self.loaded.rules;
        let cases = correlation.tests.matching.iter().map(|case| (case, true));
        let others = correlation
            .tests
            .not_matching
            .iter()
            .map(|case| (case, false));
        for (case, expected) in cases.chain(others) {
            report.cases += 1;
            let line = case
                .first()
                .map_or(correlation.source.line, |event| event.line);
            let fired = rule_tests::fires(rules, case, &mut |json, hand_on| {
                self.reader
                    .event(json.as_bytes())
                    .map(|event| hand_on(&event))
            });
            let message = match fired {
                Ok(ids) if ids.contains(&correlation.meta.id) == expected => continue,
                Ok(_) if expected => "this sequence has to fire, and does not".to_owned(),
                Ok(_) => "this sequence must not fire, and does".to_owned(),
                Err(why) => format!("an event of the sequence is none: {why}"),
            };
            let mut failure = failure(subject, line, Some(expected), message);
            failure.reasons = self.counted(correlation, case);
            report.failures.push(failure);
        }
    }

    /// What the correlation saw: how many events its rules took, and the most that a group came to.
    fn counted(&self, correlation: &Correlation, case: &[TestEvent]) -> Vec<Reason> {
        let decoded = case
            .iter()
            .filter_map(|test| self.reader.event(test.json.as_bytes()).ok());
        let events: Vec<Event<'_>> = decoded.collect();
        let counts = counting::count(&self.loaded.rules, correlation, &events);
        let mut taken: Vec<usize> = counts.iter().map(|count| count.event).collect();
        taken.sort_unstable();
        taken.dedup();
        let line = correlation.source.line;
        let mut reasons = vec![Reason {
            line,
            text: format!(
                "its rules match {} of the {} events, and these have what it groups by",
                taken.len(),
                events.len()
            ),
        }];
        let best = counts
            .iter()
            .filter(|count| count.holds)
            .chain(&counts)
            .reduce(|best, next| {
                let better = (next.holds, next.observed) > (best.holds, best.observed);
                if better { next } else { best }
            });
        if let Some(best) = best {
            reasons.push(Reason {
                line: case.get(best.event).map_or(line, |event| event.line),
                text: format!(
                    "{} within {} of `{}`: {}, asked for {}",
                    counting::what(&correlation.kind),
                    counting::span(correlation.timespan_us),
                    terminal::cut(&best.group, 80),
                    best.observed,
                    counting::asked(correlation)
                ),
            });
        }
        reasons
    }
}

fn failure(subject: Subject<'_>, line: u32, expected: Option<bool>, message: String) -> Failure {
    Failure {
        path: subject.source().path.clone(),
        line,
        rule: subject.meta().title.clone(),
        id: subject.meta().id.to_string(),
        expected: expected.map(|matches| if matches { "match" } else { "no_match" }),
        message,
        reasons: Vec::new(),
    }
}
