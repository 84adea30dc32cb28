//! `gatewatch train`: learns what is usual from history, and judges what it learned on the last days of it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;

use super::confirmed::Confirmed;
use super::past::{Deed, Past};
use super::terminal::{Paint, escaped, grouped};
use crate::config::Behaviour;
use crate::event::Timestamp;
use crate::pipeline::detection::Detection;
use crate::pipeline::offline::Offline;
use crate::sigma::RuleSet;
use crate::track::{Fired, Learned, behaviour_amounts, behaviour_values};

const DAY_US: i64 = 86_400_000_000;
/// Findings a day on the last days, as a multiple of what is allowed, beyond which a model is not put in use by itself.
const TOO_MANY: f64 = 3.0;

/// Learns behaviour from stored events, or from files, and writes a model
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch train --since 2026-11-01T00:00:00Z\n  \
    gatewatch train --validate-days 3 --keep day-*.jsonl.gz\n\n\
    The last days are judged before they are learned: what is found there, and how often, is on the card. A model that finds more than three times as many as\n\
    track.behaviour.false_alarms_per_day allows is written and not put in use. The same history with the same verdicts makes the same model. Put it into cron to train on a schedule: a\n\
    running service takes up another model within a second, and `gatewatch model roll-back` goes back.\n\
    Exit codes: 0 done, 1 the model was not put in use, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    #[command(flatten)]
    past: Past,
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Days at the end on which what was learned is judged
    #[arg(long, value_name = "N", default_value_t = 2)]
    validate_days: u32,
    /// Alerts of behaviour that were so, a JSON line each: what they are about is not learned of these hours. Of stored events those that were closed as true are known
    #[arg(long, value_name = "FILE")]
    confirmed: Option<PathBuf>,
    /// Write the model, and leave the one in use that is
    #[arg(long)]
    keep: bool,
}

/// What came of a training.
struct Training {
    learned: Learned,
    first: Timestamp,
    last: Timestamp,
    events: u64,
    rejected: u64,
    /// When what was found was noted down first.
    judged_from: Timestamp,
    /// Findings of the last days.
    found: Vec<Fired>,
    ratio: Option<f64>,
    /// Alerts that were so, and hours of their entities that were left out.
    confirmed: usize,
    left_out: usize,
}

/// Trains, writes, and puts in use.
///
/// # Errors
/// The configuration is wrong, history cannot be read or is too short, or the model cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut config = super::configuration(args.config.as_deref())?;
    let models = super::model::folder(&config)?;
    config.track.behaviour.enabled = true;
    // From nothing: what is learned is of this history alone.
    config.track.behaviour.models = PathBuf::new();
    args.past.fit(&mut config);
    if args.past.is_stored() {
        super::replay::lend_keys(&mut config);
    }
    let rules = Arc::new(RuleSet::load(&config.rules)?);
    // Of files the pseudonyms have to be the service's, so its key has to be there.
    let mut detection = Detection::new(&config, rules)?;
    if args.past.is_stored() {
        detection = detection.of_stored();
    }
    let training = train(args, &config, &detection)?;
    let settings = &config.track.behaviour;
    let allowed = settings.false_alarms_per_day;
    let version = format!(
        "{}-{:08x}",
        training.last.to_string()[..10].replace('-', ""),
        training.learned.fingerprint() >> 32
    );
    let card = card(&version, &training, args, settings);
    models.write(&version, &training.learned, &card)?;
    eprintln!("{}", models.folder().join(&version).display());
    eprint!("{card}");
    let paint = Paint::of_stdout();
    let a_day = training.found_a_day();
    if a_day > TOO_MANY * allowed {
        eprintln!(
            "{}: {a_day:.1} findings a day where {allowed} may be false. See what was found; if history holds attacks, leave these days out, else \
             `gatewatch model use {version}` puts it in use all the same",
            paint.bad("not in use")
        );
        return Ok(ExitCode::from(1));
    }
    if !args.keep {
        models.put_in_use(&version)?;
        eprintln!("{version} is in use");
    }
    Ok(ExitCode::SUCCESS)
}

fn train(
    args: &Args,
    config: &crate::config::Config,
    detection: &Detection,
) -> anyhow::Result<Training> {
    let file = args.confirmed.as_deref();
    let Confirmed { alerts, left_out } = Confirmed::of(&args.past, config, file)?;
    let mut offline = Offline::new(detection).leaving_out(left_out);
    let mut found: Vec<Fired> = Vec::new();
    let days = i64::from(args.validate_days) * DAY_US;
    let deed = Deed {
        action: "trained",
        object: "",
    };
    args.past.read(config, deed, |batch| {
        for fired in offline.batch(batch) {
            if fired.meta.family == "behaviour" {
                found.push(fired);
            }
        }
        let now = offline.watermark();
        // Of all before the last days nothing is told.
        found.retain(|fired| fired.turn >= now.plus_micros(-days));
        Ok(offline.counts().0)
    })?;
    let last = offline.watermark();
    let first = offline.begin().unwrap_or(last);
    let (events, rejected) = offline.counts();
    if last.since(first) < days + DAY_US {
        bail!(
            "history is too short: {} events of {:.1} days; a day to learn and {} to judge it (--validate-days) are needed at least",
            grouped(events),
            last.since(first).max(0) as f64 / DAY_US as f64,
            args.validate_days
        );
    }
    let learned = offline.learned();
    if learned.likes().is_empty() {
        bail!(
            "{} events, and none of an integration or a service: there is nothing to learn",
            grouped(events)
        );
    }
    Ok(Training {
        ratio: offline.calibration_ratio(),
        judged_from: last.plus_micros(-days),
        learned,
        first,
        last,
        events,
        rejected,
        found,
        confirmed: alerts.len(),
        left_out: offline.left_out().met(),
    })
}

impl Training {
    fn found_a_day(&self) -> f64 {
        let days = self.last.since(self.judged_from) as f64 / DAY_US as f64;
        self.found.len() as f64 / days.max(1e-9)
    }
}

/// What people read of a model.
fn card(version: &str, training: &Training, args: &Args, settings: &Behaviour) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_card(&mut text, (version, training), args, settings);
    text
}

fn write_card(
    text: &mut String,
    (version, training): (&str, &Training),
    args: &Args,
    settings: &Behaviour,
) -> std::fmt::Result {
    let allowed = settings.false_alarms_per_day;
    let Training {
        learned,
        first,
        last,
        events,
        rejected,
        judged_from,
        found,
        ratio,
        confirmed,
        left_out,
    } = training;
    writeln!(text, "# Model of behaviour {version}\n")?;
    writeln!(
        text,
        "Learned from {} events ({} records were none) of {first} to {last}, by gatewatch {}. Fingerprint {:016x}. \
         The same history with the same verdicts makes the same model.\n",
        grouped(*events),
        grouped(*rejected),
        env!("CARGO_PKG_VERSION"),
        learned.fingerprint()
    )?;
    writeln!(text, "| who | entities | hours judged |\n|---|---|---|")?;
    for like in learned.likes() {
        let name = escaped(&like.name).replace('|', "/");
        let entities = grouped(like.entities as u64);
        writeln!(
            text,
            "| {name} | {entities} | {} |",
            grouped(like.rows.into())
        )?;
    }
    writeln!(
        text,
        "\n**Left out**: {} hours of entities, of {} alerts of behaviour that were so (closed as true, or of --confirmed).",
        grouped(*left_out as u64),
        grouped(*confirmed as u64)
    )?;
    writeln!(
        text,
        "\n**Judged on the last {} days** (from {judged_from}), each hour before it was learned: {} findings, {:.2} a day where {allowed} may be false.",
        args.validate_days,
        found.len(),
        training.found_a_day()
    )?;
    match ratio {
        Some(ratio) => writeln!(
            text,
            "Of the newest hours {ratio:.2} times as many were as odd as one in a hundred should be."
        )?,
        None => writeln!(
            text,
            "Too few hours were judged to say whether the calibration fits."
        )?,
    }
    for fired in found.iter().take(20) {
        let finding = &fired.finding;
        let reason = serde_json::to_string(&finding.reason).unwrap_or_default();
        writeln!(
            text,
            "- {} {} {}: `{}`",
            finding.first,
            finding.entity.kind.name(),
            escaped(&finding.entity.value),
            escaped(&reason).replace('`', "'")
        )?;
    }
    writeln!(
        text,
        "\n**What is in it**: means and spreads of the amounts of each entity, codes of the values that it showed, newest rows, scores. Entities stand under \
         their pseudonyms; the model holds no clear id of a person, and is no anonymous data all the same.\n\n\
         **Amounts**: {}.\n\n**Values that can be new**: {}.\n\n\
         **Parameters**: scores {}; {} entities of an integration at most. What is random in fitting is seeded by the number of the day: there is no other seed.\n\n\
         **Where it fails**: what happened on these days is usual to it, attacks too where no alert of them was closed as true. Entities that were not there are new. See docs/detectors/behaviour.md.",
        behaviour_amounts().collect::<Vec<_>>().join("; "),
        behaviour_values().collect::<Vec<_>>().join("; "),
        settings
            .scores
            .iter()
            .map(|score| format!("{score:?}").to_lowercase())
            .collect::<Vec<_>>()
            .join(", "),
        grouped(settings.max_entities as u64)
    )
}
