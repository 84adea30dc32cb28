//! `gatewatch simulate`: gateway traffic with labelled scenarios, to Kafka or to a file.

mod labels;
mod output;
mod pace;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use self::labels::Labels;
use self::output::Output;
use self::pace::Pace;
use crate::config::{Date, Format};
use crate::event::Timestamp;
use crate::simulate::format::{self, WRITABLE};
use crate::simulate::kafka::{self, SendError};
use crate::simulate::{Generator, Scenario, Settings, Shapes, Span, built_in, folder};

/// Ordinary events of a day when nothing says how many.
const EVENTS_A_DAY: u64 = 200_000;
/// Exit code: a part is unreachable.
const UNREACHABLE: u8 = 3;
/// Flags are looked at after so many records.
const LOOK_EVERY: u64 = 256;

/// Makes gateway traffic with labelled attacks and harmless twins.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kafka brokers to send to, `host:port`, several with commas
    #[arg(
        long,
        value_name = "BROKERS",
        required_unless_present = "output",
        conflicts_with = "output"
    )]
    kafka: Option<String>,
    /// Topic to send to
    #[arg(long, value_name = "NAME", default_value = "gateway.requests")]
    topic: String,
    /// Partitions of a topic that is made
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: u32,
    /// Make the topic when it is not there
    #[arg(long)]
    create_topic: bool,
    /// File of `key=value` lines with options of librdkafka, such as those of TLS and SASL
    #[arg(long, value_name = "FILE")]
    kafka_config: Option<PathBuf>,
    /// File to write to, a record a line; `-` for standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What everything random follows from; the same seed, start and span give the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Format of the records, by its name in docs/formats.md; what it has no room for is lost
    #[arg(long, value_name = "NAME", default_value = "native", value_parser = format_of)]
    format: Format,
    /// Event time at which the span begins, RFC 3339; the span before now by default
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,
    /// Event time to simulate: 90s, 5m, 6h, 1d
    #[arg(long, value_name = "SPAN", default_value = "1d")]
    span: Span,
    /// So much of the span, from its beginning, is ordinary traffic: scenarios fall into the rest. For what has to learn first
    #[arg(long, value_name = "SPAN")]
    quiet: Option<Span>,
    /// Records in all; about 200,000 a day by default, or what rate and seconds give
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Most records in a second of the wall clock; without it and --seconds, as fast as possible
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Spread the span over so many seconds of the wall clock: event time runs faster than the clock
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// About how many clients call; by default as many as keep their ordinary rate
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// Records that no decoder can take, spread over the span
    #[arg(long, value_name = "N", default_value_t = 0)]
    broken: u32,
    /// Folder of scenarios in place of those built in
    #[arg(long, value_name = "DIR", conflicts_with = "no_scenarios")]
    scenarios: Option<PathBuf>,
    /// Only these scenarios, names with commas
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with = "no_scenarios"
    )]
    only: Vec<String>,
    /// Plant nothing
    #[arg(long)]
    no_scenarios: bool,
    /// Folder of `*.csv` with `timestamp,value` lines; bursts and lulls are taken from these series in place of made-up ones
    #[arg(long, value_name = "DIR")]
    shapes: Option<PathBuf>,
    /// A day that is kept like a weekend, such as 2026-03-09; may be given more than once
    #[arg(long, value_name = "DATE", value_parser = day)]
    holiday: Vec<Date>,
    /// So many releases in the span: a field, a parameter, a program or the time that an operation takes changes for good
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000))]
    releases: u32,
    /// File to write the times to in which the simulator itself makes calls of an integration fail, a JSON object a line
    #[arg(long, value_name = "FILE")]
    troubles: Option<PathBuf>,
    /// File to write the labels to, a JSON object a line
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| format!("`{text}` is not RFC 3339, such as 2026-03-01T00:00:00Z"))
}

fn day(text: &str) -> Result<Date, String> {
    Date::try_from(text.to_owned())
}

fn format_of(text: &str) -> Result<Format, String> {
    let mut known = WRITABLE.iter();
    known
        .find(|format| format.name() == text)
        .copied()
        .ok_or_else(|| {
            let names: Vec<&str> = WRITABLE.iter().map(|format| format.name()).collect();
            format!("`{text}` is none of {}", names.join(", "))
        })
}

/// Runs the command. Exit code 0 when all was written, 3 when Kafka cannot be reached.
///
/// # Errors
/// Wrong arguments or scenarios, or a file that cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let settings = settings(args)?;
    let generator = Generator::new(settings.clone())?;
    if let Some(path) = &args.troubles {
        write_troubles(path, &generator)
            .with_context(|| format!("--troubles {}", path.display()))?;
    }
    let mut output = match open(args) {
        Ok(output) => output,
        Err(error) => {
            return match error.downcast_ref::<SendError>() {
                Some(SendError::Unreachable { .. }) => {
                    eprintln!("error: {error}");
                    Ok(ExitCode::from(UNREACHABLE))
                }
                _ => Err(error),
            };
        }
    };
    if let Some(seconds) = args.seconds {
        eprintln!(
            "event time runs {} times as fast as the clock: {} in {seconds} s",
            settings.span_us / 1_000_000 / i64::try_from(seconds)?.max(1),
            args.span
        );
    }
    let pace = Pace::new(settings.start, settings.span_us, args.seconds, args.rate);
    let summary = pump(generator, &mut output, pace, args)?;
    let sent = output.finish()?;
    eprintln!(
        "{} records, {} clients, {} scenarios planted{sent}",
        summary.records, summary.clients, summary.scenarios
    );
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Args) -> Result<Settings> {
    let span_us = args.span.micros();
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed()?.as_micros())?;
    let start = args
        .start
        .unwrap_or_else(|| Timestamp::from_micros(now - span_us).floor_to(1_000_000));
    let days_s = u64::try_from(span_us / 1_000_000)?;
    let events = match (args.events, args.rate, args.seconds) {
        (Some(events), _, _) => events,
        (None, Some(rate), Some(seconds)) => rate.saturating_mul(seconds),
        _ => (days_s * EVENTS_A_DAY / 86_400).max(1),
    };
    Ok(Settings {
        seed: args.seed,
        start,
        span_us,
        quiet_us: args.quiet.map_or(0, Span::micros),
        events,
        clients: args.clients,
        broken: args.broken,
        scenarios: scenarios(args)?,
        shapes: match &args.shapes {
            Some(folder) => {
                Shapes::folder(folder).with_context(|| format!("--shapes {}", folder.display()))?
            }
            None => Shapes::default(),
        },
        holidays: args
            .holiday
            .iter()
            .map(|day| day.days_since_epoch())
            .collect(),
        releases: args.releases,
    })
}

fn write_troubles(path: &Path, generator: &Generator) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for trouble in generator.troubles() {
        serde_json::to_writer(&mut file, &trouble)?;
        writeln!(file)?;
    }
    Ok(file.flush()?)
}

fn scenarios(args: &Args) -> Result<Vec<Scenario>> {
    if args.no_scenarios {
        return Ok(Vec::new());
    }
    let mut scenarios = match &args.scenarios {
        Some(path) => folder(path)?,
        None => built_in()?,
    };
    for name in &args.only {
        anyhow::ensure!(
            scenarios.iter().any(|scenario| scenario.name == *name),
            "no scenario is named `{name}`; there are: {}",
            scenarios
                .iter()
                .map(|scenario| scenario.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    if !args.only.is_empty() {
        scenarios.retain(|scenario| args.only.contains(&scenario.name));
    }
    Ok(scenarios)
}

fn open(args: &Args) -> Result<Output> {
    let Some(brokers) = &args.kafka else {
        let path = args.output.as_deref().context("say --kafka or --output")?;
        return Output::file(path);
    };
    let options = match &args.kafka_config {
        Some(path) => output::options(path)?,
        None => Vec::new(),
    };
    let sender = kafka::Sender::connect(&kafka::Target {
        brokers: brokers.clone(),
        topic: args.topic.clone(),
        options,
        create: args.create_topic.then_some(args.partitions),
    })?;
    Ok(Output::Kafka(Box::new(sender)))
}

struct Summary {
    records: u64,
    clients: usize,
    scenarios: usize,
}

/// Makes and writes records until the span ends or somebody says stop. The labels are written either way.
fn pump(
    mut generator: Generator,
    output: &mut Output,
    mut pace: Pace,
    args: &Args,
) -> Result<Summary> {
    let stop = stop_flag()?;
    let bar = progress(generator.total());
    let mut labels = Labels::default();
    let mut buffer = Vec::with_capacity(4_096);
    let mut other = Vec::new();
    let mut records = 0_u64;
    while let Some(meta) = generator.next_into(&mut buffer) {
        pace.wait(meta.time, &stop, || output.idle());
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if let Some(index) = meta.scenario {
            labels.seen(index);
        }
        if args.format == Format::Native {
            output.write(generator.key(), meta, &mut buffer)?;
        } else {
            format::write(args.format, &buffer, &mut other);
            output.write(generator.key(), meta, &mut other)?;
            other.clear();
        }
        buffer.clear();
        records += 1;
        if records.is_multiple_of(LOOK_EVERY) {
            bar.set_position(records);
        }
    }
    bar.finish_and_clear();
    if stop.load(Ordering::Relaxed) {
        eprintln!("stopped before the end of the span");
    }
    let scenarios = generator.labels().count();
    if let Some(path) = &args.labels {
        labels.write(path, &generator)?;
    }
    Ok(Summary {
        records,
        clients: generator.clients(),
        scenarios,
    })
}

/// Set by Ctrl-C and by SIGTERM.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot listen for signals")?;
    std::thread::spawn(move || {
        runtime
            .block_on(async {
                let asked = async {
                    use tokio::signal::unix::{SignalKind, signal};
                    let mut terminate = signal(SignalKind::terminate())?;
                    terminate.recv().await;
                    std::io::Result::Ok(())
                };
                tokio::select! {
                    result = tokio::signal::ctrl_c() => result,
                    result = asked => result,
                }
            })
            // Without signals the run simply ends at its end.
            .map(|()| seen.store(true, Ordering::Relaxed))
    });
    Ok(stop)
}

fn progress(total: u64) -> ProgressBar {
    // Drawn on standard error, and only on a terminal.
    let bar = ProgressBar::new(total);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} records, {per_sec}, {eta}")
    {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests;
