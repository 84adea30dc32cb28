//! `gatewatch rule explain`: why a rule matches an event, or does not.

mod correlation;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde::Serialize;

use super::set::{self, Loaded, Places, Reader, Subject};
use super::terminal::{self, Paint};
use super::{Output, tree, verdict};
use crate::config::Format;
use crate::event::{Event, Fact, Field, Value};
use crate::sigma::annotated::Step;

/// Largest input, in bytes.
const MAX_INPUT: u64 = 16 << 20;

/// Shows which part of a rule's condition holds for an event, which pattern, and where in the value
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule explain rules/injection/path-traversal.yml event.json\n  \
    gatewatch rule explain 'SQL injection' access.log --record 17 --log-format apache\n  \
    tail -1 access.log | gatewatch rule explain path_scan -\n\n\
    The rule is named by id, name, file or title. Of a correlation every record of the file is taken, and what it counts is shown.\n\
    Exit codes: 0 it matches, 1 it does not, 2 wrong use.")]
pub(super) struct Args {
    /// Id, name, file or title of the rule
    rule: String,
    /// File with the record, one a line; `-` is standard input
    #[arg(value_name = "EVENT")]
    event: PathBuf,
    /// Folder of rules in place of the configuration's
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// Which record of the file, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    record: u32,
    /// Format of the record, as `decode.format` names it
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = log_format)]
    log_format: Format,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    #[command(flatten)]
    from: Places,
}

fn log_format(name: &str) -> Result<Format, String> {
    let found = Format::ALL.iter().find(|format| format.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        format!("formats are {}", names.join(", "))
    })
}

/// What is said of a rule and an event.
#[derive(Serialize)]
struct Report<'r> {
    rule: &'r str,
    id: String,
    path: &'r std::path::Path,
    line: u32,
    matches: bool,
    /// The exception that holds the match back.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld_by: Option<&'r str>,
    condition: &'r str,
    /// What decoding and enriching made of the record.
    #[serde(serialize_with = "as_map")]
    event: Vec<(&'static str, String)>,
    trace: Step,
}

fn as_map<S: serde::Serializer>(
    fields: &[(&'static str, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let map: BTreeMap<_, _> = fields.iter().map(|(name, value)| (*name, value)).collect();
    map.serialize(serializer)
}

/// Explains and prints.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.from.config()?;
    let path = PathBuf::from(&args.rule);
    let places: Vec<PathBuf> = match &args.rules {
        Some(folder) => vec![folder.clone()],
        None if path.is_file() => vec![path.clone()],
        None => Vec::new(),
    };
    let loaded = Loaded::of(&places, &config)?;
    let found = loaded.named(&args.rule)?;
    let [subject] = found.as_slice() else {
        let titles: Vec<String> = found
            .iter()
            .take(8)
            .map(|rule| {
                format!(
                    "\n  {}  {}",
                    rule.meta().id,
                    terminal::cut(&rule.meta().title, 80)
                )
            })
            .collect();
        bail!(
            "`{}` names {} rules; name one by its id:{}",
            args.rule,
            found.len(),
            titles.concat()
        );
    };
    let input = set::read_input(&args.event, MAX_INPUT)?;
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let records: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    let reader = Reader::new(&config, args.log_format)?;
    match *subject {
        Subject::Rule(index, _) => rule(
            args,
            &loaded,
            *subject,
            index,
            &reader,
            &one(args, &input, &records, &reader)?,
        ),
        Subject::Correlation(correlation) => {
            correlation::run(args, &loaded, correlation, &reader, &records)
        }
    }
}

/// The record that was asked for. A file that is one JSON document over several lines is one record.
fn one<'i>(args: &Args, input: &'i [u8], records: &[&'i [u8]], reader: &Reader) -> Result<Vec<u8>> {
    let at = args.record as usize - 1;
    let Some(record) = records.get(at) else {
        bail!(
            "{} has {} records, and --record is {}",
            args.event.display(),
            records.len(),
            args.record
        );
    };
    if at == 0
        && records.len() > 1
        && reader.event(record).is_err()
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(input)
    {
        return Ok(value.to_string().into_bytes());
    }
    Ok(record.to_vec())
}

fn rule(
    args: &Args,
    loaded: &Loaded,
    subject: Subject<'_>,
    index: u32,
    reader: &Reader,
    record: &[u8],
) -> Result<ExitCode> {
    let event = reader.event(record).map_err(|why| {
        anyhow::anyhow!(
            "{}: the record is no event: {}",
            args.event.display(),
            terminal::cut(&why, 300)
        )
    })?;
    let annotated = loaded.annotated(subject);
    let Some((annotated, trace)) = annotated.and_then(|rule| Some((rule, rule.trace(&event)?)))
    else {
        bail!("the rule cannot be read again");
    };
    let mut scratch = loaded.rules.scratch();
    let matches = loaded.rules.matches(&event, &mut scratch).contains(&index);
    let withheld = matches
        .then(|| loaded.rules.withheld_by(index, &event, &mut scratch))
        .flatten();
    let report = Report {
        rule: &subject.meta().title,
        id: subject.meta().id.to_string(),
        path: &subject.source().path,
        line: subject.source().line,
        matches,
        withheld_by: withheld.map(|at| loaded.rules.exceptions()[at as usize].title.as_str()),
        condition: &annotated.condition,
        event: shown(&event),
        trace,
    };
    match args.format {
        Output::Json => terminal::say_json(&report)?,
        Output::Text => terminal::say(&text(&report))?,
    }
    Ok(verdict(!matches))
}

fn text(report: &Report<'_>) -> String {
    let paint = Paint::of_stdout();
    let mut text = heading(report.rule, report.path, report.line, paint);
    let width = report
        .event
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, value) in &report.event {
        let _ = writeln!(text, "  {name:width$}  {}", terminal::cut(value, 160));
    }
    text.push('\n');
    text.push_str(&tree::render(&report.trace, report.condition, paint));
    let words = if report.matches {
        paint.good("it matches")
    } else {
        paint.bad("it does not match")
    };
    let _ = writeln!(text, "\n{words}");
    if let Some(title) = report.withheld_by {
        let title = terminal::escaped(title);
        let _ = writeln!(text, "and is held back by `{title}`");
    }
    text
}

/// Title and place of the rule, on a line.
fn heading(rule: &str, path: &std::path::Path, line: u32, paint: Paint) -> String {
    let place = format!("{}:{line}", path.display());
    let title = paint.bold(&terminal::escaped(rule));
    format!(
        "{title}  {}
",
        paint.faint(&place)
    )
}

/// What the event is: the request, what decoding changed, and the facts.
fn shown(event: &Event<'_>) -> Vec<(&'static str, String)> {
    const FIELDS: &[Field] = &[
        Field::Time,
        Field::ClientAddress,
        Field::ClientId,
        Field::Subject,
        Field::Method,
        Field::Host,
        Field::Path,
        Field::Query,
        Field::Status,
        Field::UserAgent,
        Field::Referer,
        Field::Route,
        Field::Error,
    ];
    let text = |field: Field| {
        Some(match event.get(field)? {
            Value::Text(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Address(address) => address.to_string(),
            Value::Time(time) => time.to_string(),
            Value::List(items) => {
                let items: Vec<&str> = items.iter().map(crate::event::Text::as_str).collect();
                items.join(", ")
            }
            Value::Facts(facts) => {
                let names: Vec<&str> = facts.iter().map(Fact::name).collect();
                names.join(", ")
            }
        })
    };
    let mut lines = Vec::new();
    for field in FIELDS {
        lines.extend(text(*field).map(|value| (field.name(), value)));
        let decoded = match field {
            Field::Path => event.path_decoded.as_ref().map(|_| Field::PathDecoded),
            Field::Query => event.query_decoded.as_ref().map(|_| Field::QueryDecoded),
            _ => None,
        };
        if let Some(field) = decoded {
            lines.extend(text(field).map(|value| (field.name(), value)));
        }
    }
    lines.push((
        "fact",
        text(Field::Fact).unwrap_or_else(|| "none".to_owned()),
    ));
    lines
}
