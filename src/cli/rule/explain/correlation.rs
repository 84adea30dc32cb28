//! What a correlation makes of the records of a file: which count, in which group, and how far they come.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use serde::Serialize;

use super::super::counting::{self, Count};
use super::super::set::{Loaded, Reader};
use super::super::terminal::{self, Paint};
use super::super::{Output, verdict};
use super::{Args, heading};
use crate::event::Event;
use crate::sigma::{Correlation, MemberSource};

/// What is said of a correlation and events.
#[derive(Serialize)]
struct Report<'r> {
    rule: &'r str,
    id: String,
    path: &'r std::path::Path,
    line: u32,
    fires: bool,
    /// An entry for each event and rule of the correlation that it matches.
    counts: Vec<Count>,
}

/// Counts and prints.
pub(super) fn run(
    args: &Args,
    loaded: &Loaded,
    correlation: &Correlation,
    reader: &Reader,
    records: &[&[u8]],
) -> Result<ExitCode> {
    let mut events = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let event = reader.event(record).map_err(|why| {
            let why = terminal::cut(&why, 300);
            anyhow!(
                "{}: record {} is no event: {why}",
                args.event.display(),
                at + 1
            )
        })?;
        events.push(event);
    }
    let counts = counting::count(&loaded.rules, correlation, &events);
    let fires = counts.iter().any(|count| count.holds);
    let report = Report {
        rule: &correlation.meta.title,
        id: correlation.meta.id.to_string(),
        path: &correlation.source.path,
        line: correlation.source.line,
        fires,
        counts,
    };
    match args.format {
        Output::Json => terminal::say_json(&report)?,
        Output::Text => terminal::say(&text(&report, loaded, correlation, &events))?,
    }
    Ok(verdict(!fires))
}

fn text(
    report: &Report<'_>,
    loaded: &Loaded,
    correlation: &Correlation,
    events: &[Event<'_>],
) -> String {
    let paint = Paint::of_stdout();
    let mut text = heading(report.rule, report.path, report.line, paint);
    let _ = writeln!(
        text,
        "  counts {} within {}; fires at {}",
        counting::what(&correlation.kind),
        counting::span(correlation.timespan_us),
        counting::asked(correlation)
    );
    for (at, event) in events.iter().enumerate() {
        let counts: Vec<&Count> = report
            .counts
            .iter()
            .filter(|count| count.event == at)
            .collect();
        if counts.is_empty() {
            let words = paint.faint("no rule of it matches, or the event lacks what it groups by");
            let _ = writeln!(text, "  record {:>3}  {}  {words}", at + 1, event.time);
        }
        for count in counts {
            let _ = writeln!(
                text,
                "  record {:>3}  {}  {} {}  group {}  by {}",
                at + 1,
                event.time,
                paint.mark(count.holds),
                count.observed,
                terminal::cut(&count.group, 80),
                terminal::cut(title(loaded, correlation, count.member), 60)
            );
        }
    }
    let words = if report.fires {
        paint.good("it fires")
    } else {
        paint.bad("it does not fire")
    };
    let _ = writeln!(text, "\n{words}");
    text
}

/// Title of what feeds the correlation.
fn title<'l>(loaded: &'l Loaded, correlation: &Correlation, member: u32) -> &'l str {
    let member = correlation.members.get(member as usize);
    member.map_or("", |member| match member.source {
        MemberSource::Rule(rule) => &loaded.rules.rules()[rule as usize].meta.title,
        MemberSource::Correlation(inner) => &loaded.rules.correlations()[inner as usize].meta.title,
    })
}
