//! `gatewatch rule test`: the cases inside the rules.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use uuid::Uuid;

use super::reasons::{self, Reason};
use super::set::{Loaded, Places, Reader, Subject};
use super::terminal::{self, Paint};
use super::{Output, counting, verdict};
use crate::config::Format;
use crate::event::Event;
use crate::sigma::{Correlation, RuleTests, TestEvent};
use crate::track::rule_tests::{self, Wrong};

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
#[derive(Debug, Serialize)]
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
    id: Uuid,
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
    let wanted: HashSet<Uuid> = subjects.iter().map(|subject| subject.meta().id).collect();
    let outcome = rule_tests::run(
        &loaded.rules,
        |id| wanted.contains(&id),
        &mut |case, hand_on| reader.test_event(case).map(|event| hand_on(&event)),
    );
    let explain = |failed| failure(&loaded, &reader, &subjects, failed);
    let report = Report {
        rules: outcome.rules,
        correlations: outcome.correlations,
        cases: outcome.cases,
        failures: outcome.failures.into_iter().map(explain).collect(),
        seconds: begin.elapsed().as_secs_f64(),
    };
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

/// A failure with the reasons that help to find what is wrong.
fn failure(
    loaded: &Loaded,
    reader: &Reader,
    subjects: &[Subject<'_>],
    failed: rule_tests::Failure,
) -> Failure {
    let subject = subjects
        .iter()
        .find(|subject| subject.meta().id == failed.id);
    let reasons = match (subject, failed.case, &failed.wrong) {
        (Some(subject), Some(case), Wrong::Silent | Wrong::Matches) => match subject {
            Subject::Rule(_, rule) => traced(loaded, reader, *subject, one_of(&rule.tests, case)),
            Subject::Correlation(rule) => {
                counted(loaded, reader, rule, one_of::<Vec<_>>(&rule.tests, case))
            }
        },
        _ => Vec::new(),
    };
    Failure {
        path: failed.path,
        line: failed.line,
        rule: failed.rule,
        id: failed.id,
        expected: failed
            .case
            .map(|(matches, _)| if matches { "match" } else { "no_match" }),
        message: failed.wrong.to_string(),
        reasons,
    }
}

fn one_of<C>(tests: &RuleTests<C>, (expected, number): (bool, usize)) -> &C {
    if expected {
        &tests.matching[number]
    } else {
        &tests.not_matching[number]
    }
}

/// Which part of a rule held for an event and which did not.
fn traced(loaded: &Loaded, reader: &Reader, subject: Subject<'_>, case: &TestEvent) -> Vec<Reason> {
    let Ok(event) = reader.test_event(case) else {
        return Vec::new();
    };
    let step = loaded
        .annotated(subject)
        .and_then(|rule| rule.trace(&event));
    step.map(|step| reasons::of(&step)).unwrap_or_default()
}

/// What the correlation saw: how many events its rules took, and the most that a group came to.
fn counted(
    loaded: &Loaded,
    reader: &Reader,
    correlation: &Correlation,
    case: &[TestEvent],
) -> Vec<Reason> {
    let decoded = case.iter().filter_map(|test| reader.test_event(test).ok());
    let events: Vec<Event<'_>> = decoded.collect();
    let counts = counting::count(&loaded.rules, correlation, &events);
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
