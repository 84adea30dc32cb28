//! `gatewatch backtest`: the same detection over history; two versions side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::past::{Deed, Past};
use super::terminal::{self, Output, Paint, escaped, grouped};
use crate::alert::{Alert, Merger};
use crate::config::Config;
use crate::pipeline::detection::Detection;
use crate::pipeline::offline::Offline;
use crate::sigma::RuleSet;
use crate::source::RawBatch;
use crate::track::SHARDS;

/// Replays history through detection and says what would have been alerted; with another set of rules or another model, what would differ
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch backtest --since 2026-11-20T00:00:00Z\n  \
    gatewatch backtest --against-rules my-rules --since 2026-11-20T00:00:00Z\n  \
    gatewatch backtest --against-config new.toml day.jsonl.gz\n  \
    gatewatch backtest --model 20261101-5c0e91aa --against-model 20261129-77d01b3e --since 2026-11-20T00:00:00Z\n\n\
    Stored events are redacted: rules see pseudonyms and what is left of paths and queries, as hunts do.\n\
    Exit codes: 0 done, 1 the two differ and --fail-on-difference, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    #[command(flatten)]
    past: Past,
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Another folder of rules to compare with
    #[arg(long, value_name = "FOLDER")]
    against_rules: Option<PathBuf>,
    /// Another configuration to compare with: other settings, other models
    #[arg(long, value_name = "FILE")]
    against_config: Option<PathBuf>,
    /// Version of the model of behaviour, in place of the one in use
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
    /// Another version of the model to compare with
    #[arg(long, value_name = "VERSION")]
    against_model: Option<String>,
    /// Exit with 1 when the two do not alert the same
    #[arg(long)]
    fail_on_difference: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What a version alerts of a rule.
#[derive(Clone, Debug, Default, Serialize)]
struct OfRule {
    rule: Uuid,
    title: String,
    level: String,
    alerts: u64,
    /// The same with the other version; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<u64>,
    /// Alerts of one and not of the other: by family, entity and time.
    #[serde(skip_serializing_if = "Option::is_none")]
    only_here: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_there: Option<u64>,
}

/// Backtests and prints.
///
/// # Errors
/// A configuration or a rule is wrong, or history cannot be read.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let here = prepared(super::configuration(args.config.as_deref())?, args);
    let other = args.against_config.as_deref().or(args.config.as_deref());
    let mut there = prepared(super::configuration(other)?, args);
    if let Some(rules) = &args.against_rules {
        there.rules.folder.clone_from(rules);
    }
    let is_compared = args.against_rules.is_some()
        || args.against_config.is_some()
        || args.against_model.is_some();
    let model = args.model.as_deref();
    let against = args.against_model.as_deref().or(model);
    let detections = [
        Some(detection(&here, args, model)?),
        is_compared
            .then(|| detection(&there, args, against))
            .transpose()?,
    ];
    let mut versions: Vec<Version<'_>> = detections.iter().flatten().map(Version::new).collect();
    let deed = Deed {
        action: "backtested",
        object: &here.rules.folder.to_string_lossy(),
    };
    args.past.read(&here, deed, |batch| {
        for version in &mut versions {
            version.batch(batch);
        }
        Ok(versions[0].offline.counts().0)
    })?;
    let (events, rejected) = versions[0].offline.counts();
    let alerts: Vec<BTreeMap<Uuid, Alert>> = versions.into_iter().map(Version::finish).collect();
    let rules = by_rule(&alerts);
    let differs = rules
        .iter()
        .any(|rule| rule.only_here.unwrap_or(0) + rule.only_there.unwrap_or(0) > 0);
    match args.output {
        Output::Json => terminal::say_json(&rules)?,
        Output::Text => terminal::say(&table(&rules, is_compared))?,
    }
    eprintln!("{} events, {} rejected", grouped(events), grouped(rejected));
    Ok(ExitCode::from(u8::from(differs && args.fail_on_difference)))
}

fn prepared(mut config: Config, args: &Args) -> Config {
    args.past.fit(&mut config);
    super::replay::lend_keys(&mut config);
    config
}

fn detection(config: &Config, args: &Args, model: Option<&str>) -> anyhow::Result<Detection> {
    let mut config = config.clone();
    // Whoever names a model wants to see what it does.
    config.track.behaviour.enabled |= model.is_some();
    let config = &config;
    let rules = Arc::new(RuleSet::load(&config.rules)?);
    let detection = Detection::new(config, rules)?;
    if let Some(version) = model {
        let learned = super::model::folder(config)?.read(version)?;
        detection.replace_model(Some(Arc::new(learned)));
    }
    Ok(if args.past.is_stored() {
        detection.of_stored()
    } else {
        detection
    })
}

/// One version of rules and models on its way through history.
struct Version<'d> {
    offline: Offline<'d>,
    merger: Merger,
    alerts: BTreeMap<Uuid, Alert>,
}

impl<'d> Version<'d> {
    fn new(detection: &'d Detection) -> Self {
        let offline = Offline::new(detection);
        let plan = Arc::clone(offline.active().plan());
        Version {
            merger: Merger::of(&plan, plan.open_alerts_a_shard() * SHARDS),
            offline,
            alerts: BTreeMap::new(),
        }
    }

    fn batch(&mut self, batch: &RawBatch) {
        let found = self.offline.batch(batch);
        self.merge(found);
    }

    fn merge(&mut self, found: Vec<crate::track::Fired>) {
        for fired in found {
            self.merger.merge(fired.finding, &fired.meta, fired.turn);
        }
        for mut alert in self.merger.changed() {
            alert.evidence = Vec::new();
            self.alerts.insert(alert.id, alert);
        }
        self.merger.expire(self.offline.watermark());
    }

    fn finish(mut self) -> BTreeMap<Uuid, Alert> {
        let found = self.offline.finish();
        self.merge(found);
        self.alerts
    }
}

/// Counts by rule; what alerted most comes first.
fn by_rule(versions: &[BTreeMap<Uuid, Alert>]) -> Vec<OfRule> {
    let mut rules: BTreeMap<Uuid, OfRule> = BTreeMap::new();
    let none = BTreeMap::new();
    let (here, there) = (&versions[0], versions.get(1));
    let other = there.unwrap_or(&none);
    let ids: BTreeSet<&Uuid> = here.keys().chain(other.keys()).collect();
    for id in ids {
        let (ours, theirs) = (here.get(id), other.get(id));
        let Some(alert) = ours.or(theirs) else {
            continue;
        };
        let rule = rules.entry(alert.rule.id).or_insert_with(|| OfRule {
            rule: alert.rule.id,
            title: alert.rule.title.clone(),
            level: alert.rule.level.name().to_owned(),
            against: there.map(|_| 0),
            only_here: there.map(|_| 0),
            only_there: there.map(|_| 0),
            ..OfRule::default()
        });
        rule.alerts += u64::from(ours.is_some());
        let count = |counted: &mut Option<u64>, is_so: bool| {
            if let Some(count) = counted {
                *count += u64::from(is_so);
            }
        };
        count(&mut rule.against, theirs.is_some());
        count(&mut rule.only_here, theirs.is_none());
        count(&mut rule.only_there, ours.is_none());
    }
    let mut rules: Vec<OfRule> = rules.into_values().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.alerts.max(rule.against.unwrap_or(0))));
    rules
}

fn table(rules: &[OfRule], is_compared: bool) -> String {
    let paint = Paint::of_stdout();
    let mut text = String::new();
    let head = if is_compared {
        "   alerts  against  only here  only there  level          rule\n"
    } else {
        "   alerts  level          rule\n"
    };
    text.push_str(&paint.faint(head));
    for rule in rules {
        let title = escaped(&rule.title);
        // Writing into a string does not fail.
        let _ = match (rule.against, rule.only_here, rule.only_there) {
            (Some(against), Some(here), Some(there)) => writeln!(
                text,
                "{:>9}  {against:>7}  {here:>9}  {there:>10}  {:<13}  {title}",
                rule.alerts, rule.level
            ),
            _ => writeln!(text, "{:>9}  {:<13}  {title}", rule.alerts, rule.level),
        };
    }
    text
}
