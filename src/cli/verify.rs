//! `gatewatch verify`: whether what is stored is what was stored.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::terminal::{self, Output, Paint};
use super::{key_files, verdict};
use crate::config::{self, Config};
use crate::event::Timestamp;
use crate::notify::now;
use crate::store::{ChainKey, Problem, Store, Stretch, Verification, What};

const DAY_S: i64 = 86_400;
/// Problems and erasures that are shown.
const SHOWN: usize = 100;

/// Proves that nothing stored was changed, removed or added but by retention or a recorded erasure
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch verify --config gatewatch.toml\n  \
    gatewatch verify --config gatewatch.toml --head 3f5c…  # the hash of a daily mail\n  \
    gatewatch verify --config gatewatch.toml --key 2025=/etc/gatewatch/old-letter-key\n\n\
    A chain by itself does not show that its newest links were cut off together with their rows: hold it against a hash that left\n\
    the machine, such as that of the last daily mail.")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// A hash that the chain must have
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// An older key of dead letters: its name and the file that holds it
    #[arg(long = "key", value_name = "NAME=FILE")]
    keys: Vec<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Verifies and prints.
///
/// # Errors
/// A key cannot be read, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = config::load(args.config.as_deref())?;
    let keys = keys(&config, &args.keys)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let found = runtime.block_on(verify(&config, &keys, args.head.as_deref()))?;
    match args.output {
        Output::Json => terminal::say_json(&found)?,
        Output::Text => terminal::say(&text(&found, Paint::of_stdout()))?,
    }
    Ok(verdict(!found.problems.is_empty()))
}

fn keys(config: &Config, older: &[String]) -> anyhow::Result<Vec<ChainKey>> {
    let mut keys = vec![ChainKey::from_config(&config.store)?];
    for (name, digits) in key_files::read(older, "--key")? {
        let key = ChainKey::new(&digits, &name);
        keys.push(key.with_context(|| format!("--key {name}"))?);
    }
    Ok(keys)
}

async fn verify(
    config: &Config,
    keys: &[ChainKey],
    head: Option<&str>,
) -> anyhow::Result<Verification> {
    let store = Store::connect(&config.store).await?;
    store.check_schema().await?;
    // Drawn on standard error, and only on a terminal.
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} links, {eta}")
    {
        bar.set_style(style);
    }
    let found = store
        .verify_chain(keys, head, now(), |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await?;
    bar.finish_and_clear();
    Ok(found)
}

fn text(found: &Verification, paint: Paint) -> String {
    let mut text = String::new();
    let grouped = terminal::grouped;
    match (&found.since, &found.head) {
        (Some(since), Some(head)) => {
            let _ = writeln!(
                text,
                "{} links since {since}, the newest of {}: {}",
                grouped(found.links),
                head.made,
                terminal::escaped(&head.hash),
            );
        }
        _ => text.push_str(
            "nothing is sealed yet: the service adds links while it runs (store.seal_minutes)\n",
        ),
    }
    for (key, links) in &found.unsigned {
        let line = format!(
            "{} links are signed with key {}, which is not at hand: give it with --key {0}=FILE",
            grouped(*links),
            terminal::escaped(key),
        );
        let _ = writeln!(text, "{}", paint.warn(&line));
    }
    for (table, counts) in &found.tables {
        let _ = writeln!(
            text,
            "  {:14} {:>15} rows as they were sealed, {} expired, {} under no link yet",
            table.name(),
            grouped(counts.same),
            grouped(counts.expired),
            grouped(counts.unsealed),
        );
    }
    for erasure in found.erasures.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "  {}: {} rows erased by act {} (link {})",
            place(&erasure.stretch),
            grouped(erasure.removed),
            terminal::escaped(&erasure.act),
            erasure.link,
        );
    }
    for problem in found.problems.iter().take(SHOWN) {
        let _ = writeln!(text, "{} {}", paint.mark(false), said(problem));
    }
    let more = found.problems.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(text, "… and {more} more; all of them with --output json");
    }
    if found.problems.is_empty() && found.head.is_some() {
        let _ = writeln!(
            text,
            "{} nothing was changed, removed or added",
            paint.mark(true)
        );
    }
    text
}

fn said(problem: &Problem) -> String {
    let link = problem.link;
    let mut what = match &problem.what {
        What::Altered => format!("link {link} is not what its hash says"),
        What::Forged => format!("link {link} was not signed with the key that it names"),
        What::LinksMissing => format!("links are missing before link {link}"),
        What::Unchained => format!("link {link} does not follow the link before it"),
        What::StretchesMissing => {
            format!("link {link} does not begin where the one before it ends")
        }
        What::ReplacesNothing => format!("link {link} replaces a link that is not there"),
        What::RowsMissing(rows) => format!("{} rows are missing", terminal::grouped(*rows)),
        What::RowsAdded(rows) => format!("{} rows were added", terminal::grouped(*rows)),
        What::RowsChanged => "rows were changed".to_owned(),
        What::ColumnGone(column) => {
            format!(
                "cannot be verified: column {} is gone",
                terminal::escaped(column)
            )
        }
        What::HeadMissing => {
            "the chain does not have the hash of --head: it was cut short or made anew".to_owned()
        }
    };
    if let Some(stretch) = &problem.stretch {
        let place = place(stretch);
        what = match problem.day {
            Some(day) => format!("{place}, {}: {what} (link {link})", date(day)),
            None => format!("{place}: {what}"),
        };
    }
    what
}

fn place(stretch: &Stretch) -> String {
    let table = stretch.table.name();
    if stretch.table.is_by_offset() {
        let topic = terminal::escaped(&stretch.topic);
        format!(
            "{table} of {topic}/{}, offsets {} to {}",
            stretch.partition,
            stretch.first,
            stretch.until - 1
        )
    } else {
        format!("{table} until {}", Timestamp::from_micros(stretch.until))
    }
}

fn date(day: i64) -> String {
    let midnight = Timestamp::from_seconds(day.saturating_mul(DAY_S)).to_string();
    midnight
        .split_once('T')
        .map_or(midnight.clone(), |(date, _)| date.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ChainTable;

    #[test]
    fn a_problem_is_said_with_its_place() {
        let problem = Problem {
            link: 17,
            stretch: Some(Stretch {
                table: ChainTable::Events,
                topic: "requests\u{1b}".to_owned(),
                partition: 3,
                first: 1_000,
                until: 2_000,
            }),
            day: Some(20_777),
            what: What::RowsMissing(3),
        };
        assert_eq!(
            said(&problem),
            "events of requests\\u{1b}/3, offsets 1000 to 1999, 2026-11-20: 3 rows are missing (link 17)"
        );
    }

    #[test]
    fn a_store_without_links_is_not_said_to_be_whole() {
        let paint = Paint::of_stdout();
        let text = text(&Verification::default(), paint);
        assert!(text.contains("nothing is sealed yet"), "{text}");
        assert!(!text.contains("nothing was changed"), "{text}");
    }
}
