//! `gatewatch rule bench`: what each rule costs.

use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::Output;
use super::set::{Loaded, Places, Reader};
use super::terminal::{self, Paint};
use crate::config::{Config, Format};
use crate::event::{Event, Timestamp};
use crate::sigma::RuleSet;
use crate::simulate::{Generator, Settings, Shapes};
use crate::source::RawBatch;
use crate::source::lines::{Lines, Progress};

/// Most events that are kept in memory.
const MOST_EVENTS: usize = 200_000;

/// Each measurement is the shortest of so many.
const ROUNDS: usize = 5;

/// Measures what each rule costs, in nanoseconds an event
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule bench\n  \
    gatewatch rule bench my-rules --events access.log --top 10\n  \
    gatewatch rule bench --format json | jq '.rules[0]'\n\n\
    alone      the rule asked of every event, nothing remembered from other rules\n  \
    called up  share of events in which a literal or fact stands that the rule needs; the others skip it\n  \
    in the set what it costs an event on average, given that\n  \
    share      of the time that the whole set takes, the search for the literals included\n\n\
    One thread. Events are simulated ordinary traffic unless --events names a file.\n\
    Exit codes: 0 done, 2 rules do not load or no event can be read.")]
pub(super) struct Args {
    /// Folders and rule files; the folder of the configuration without any
    #[arg(value_name = "FOLDER|FILE")]
    places: Vec<PathBuf>,
    /// Log to measure with, of any format that is told by itself; `.gz` is unpacked
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Simulated events
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=200_000))]
    count: u64,
    /// Print only the dearest
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    #[command(flatten)]
    from: Places,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    events: usize,
    /// Rules of the set.
    count: usize,
    /// Rules that are read for every event.
    without_witness: u32,
    /// Of the whole set, an event.
    set_nanoseconds: f64,
    rules: Vec<Cost>,
}

/// What one rule costs.
#[derive(Debug, Serialize)]
struct Cost {
    title: String,
    id: String,
    path: PathBuf,
    /// Asked alone of every event.
    alone_nanoseconds: f64,
    /// Share of events that it is looked at for, 0 to 1.
    called_up: f64,
    /// An event, when it is looked at only where it is called up.
    in_set_nanoseconds: f64,
    /// Of the whole set's time, 0 to 1.
    share: f64,
    /// Share of events that it matches, 0 to 1.
    matches: f64,
}

/// Measures and prints.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.from.config()?;
    let loaded = Loaded::of(&args.places, &config)?;
    let events = match &args.events {
        Some(path) => {
            let reader = Reader::new(&config, Format::Auto)?;
            logged(path, &config, &reader)?
        }
        None => simulated(args.count, &Reader::new(&config, Format::Native)?)?,
    };
    let mut report = measure(&loaded.rules, &events);
    if let Some(top) = args.top {
        report.rules.truncate(top);
    }
    match args.format {
        Output::Json => terminal::say_json(&report)?,
        Output::Text => terminal::say(&text(&report))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let paint = Paint::of_stdout();
    let heading = format!(
        "{:>9}  {:>9}  {:>10}  {:>6}  {:>8}  rule",
        "alone ns", "called up", "in set ns", "share", "matches"
    );
    let _ = writeln!(text, "{}", paint.bold(&heading));
    for cost in &report.rules {
        let _ = writeln!(
            text,
            "{:9.1}  {:8.2}%  {:10.2}  {:5.1}%  {:7.2}%  {}",
            cost.alone_nanoseconds,
            100.0 * cost.called_up,
            cost.in_set_nanoseconds,
            100.0 * cost.share,
            100.0 * cost.matches,
            terminal::cut(&cost.title, 80)
        );
    }
    let _ = writeln!(
        text,
        "\n{} rules, {} of them read for every event; the set takes {:.0} ns an event ({} events/s on one thread, decoded and enriched before; {} events)",
        report.count,
        report.without_witness,
        report.set_nanoseconds,
        terminal::grouped(per_second(report.set_nanoseconds)),
        terminal::grouped(report.events as u64)
    );
    text
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate
fn per_second(nanoseconds: f64) -> u64 {
    (1e9 / nanoseconds.max(1.0)) as u64
}

/// The cost of each rule, dearest in the set first.
fn measure(rules: &RuleSet, events: &[Event<'static>]) -> Report {
    let mut scratch = rules.scratch();
    let mut called: Vec<Vec<&Event<'static>>> = vec![Vec::new(); rules.rules().len()];
    let mut matches = vec![0_usize; rules.rules().len()];
    for event in events {
        for rule in rules.called_up(event, &mut scratch) {
            called[rule as usize].push(event);
        }
        for rule in rules.matches(event, &mut scratch) {
            matches[*rule as usize] += 1;
        }
    }
    let all = events.len().max(1) as f64;
    let set = shortest(|| {
        for event in events {
            black_box(rules.matches(event, &mut scratch));
        }
    });
    let set_nanoseconds = nanoseconds(set) / all;
    let mut costs: Vec<Cost> = rules
        .rules()
        .iter()
        .zip(0_u32..)
        .map(|(rule, index)| {
            let called = &called[index as usize];
            let mut scratch = rules.scratch();
            let took = shortest(|| {
                for event in called {
                    black_box(rules.matches_alone(index, event, &mut scratch));
                }
            });
            let in_set_nanoseconds = nanoseconds(took) / all;
            Cost {
                title: rule.meta.title.clone(),
                id: rule.meta.id.to_string(),
                path: rule.source.path.clone(),
                alone_nanoseconds: alone(rules, index, events),
                called_up: called.len() as f64 / all,
                in_set_nanoseconds,
                share: in_set_nanoseconds / set_nanoseconds.max(f64::MIN_POSITIVE),
                matches: matches[index as usize] as f64 / all,
            }
        })
        .collect();
    costs.sort_by(|a, b| {
        let key = |cost: &Cost| (cost.in_set_nanoseconds, cost.alone_nanoseconds);
        key(b)
            .partial_cmp(&key(a))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    Report {
        events: events.len(),
        count: rules.rules().len(),
        without_witness: rules.always_evaluated(),
        set_nanoseconds,
        rules: costs,
    }
}

/// What one rule costs an event, asked alone.
pub(super) fn alone(rules: &RuleSet, rule: u32, events: &[Event<'static>]) -> f64 {
    let mut scratch = rules.scratch();
    let took = shortest(|| {
        for event in events {
            black_box(rules.matches_alone(rule, event, &mut scratch));
        }
    });
    nanoseconds(took) / events.len().max(1) as f64
}

fn nanoseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e9
}

fn shortest(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// Ordinary traffic of a day.
pub(super) fn simulated(count: u64, reader: &Reader) -> Result<Vec<Event<'static>>> {
    let start = Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("the time is right");
    let mut generator = Generator::new(Settings {
        seed: 1,
        start,
        span_us: 86_400 * 1_000_000,
        quiet_us: 0,
        events: count,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    })?;
    let mut events = Vec::new();
    let mut record = Vec::new();
    while generator.next_into(&mut record).is_some() {
        let event = reader.event(&record).map_err(anyhow::Error::msg)?;
        events.push(event.into_owned());
        record.clear();
    }
    Ok(events)
}

fn logged(path: &Path, config: &Config, reader: &Reader) -> Result<Vec<Event<'static>>> {
    let limit = config.decode.max_record_bytes;
    let mut lines = Lines::open(path, 0, limit).with_context(|| path.display().to_string())?;
    let mut events = Vec::new();
    loop {
        let mut batch = RawBatch::new(0);
        let progress = lines.read_into(&mut batch, true)?;
        for (_, _, record) in batch.iter() {
            if let Ok(event) = reader.event(record)
                && events.len() < MOST_EVENTS
            {
                events.push(event.into_owned());
            }
        }
        if progress == Progress::End || events.len() >= MOST_EVENTS {
            break;
        }
    }
    if events.is_empty() {
        bail!("{}: no record could be read", path.display());
    }
    Ok(events)
}
