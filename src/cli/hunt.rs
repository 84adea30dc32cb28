//! `gatewatch hunt`: a rule over stored history; the server keeps it from looking at everything.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use uuid::Uuid;

use super::past::{Deed, Stretch};
use super::replay::Printer;
use super::terminal::grouped;
use crate::config::Config;
use crate::pipeline::detection::Detection;
use crate::pipeline::offline::Offline;
use crate::sigma::{MemberSource, RuleSet, Vocabulary};
use crate::store::Condition;
use crate::track::Fired;

/// Looks for what a rule or correlation finds in stored events; prints findings as JSON lines
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch hunt new-rule.yml --since 2026-11-01T00:00:00Z\n  \
    gatewatch hunt 5f1c7e0a-… --matches --since 2026-11-28T00:00:00Z | jq -r .request_id\n  \
    gatewatch hunt new-rule.yml --sql\n\n\
    The rule becomes a condition that ClickHouse evaluates; what comes through is judged by the engine that judges the stream, so both find the same in the same events. Stored\n\
    events are redacted: ids are pseudonyms, personal shapes in path and query are replaced. Each hunt is on record in the table audit.\n\
    Exit codes: 0 done, 1 something was found and --fail-on-findings, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// File of rules, or the id of a rule or correlation of the configured folder
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    stretch: Stretch,
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Print each event that matches instead of findings
    #[arg(long)]
    matches: bool,
    /// Print the condition, and ask nothing
    #[arg(long)]
    sql: bool,
    /// Exit with 1 when something is found
    #[arg(long)]
    fail_on_findings: bool,
}

/// What is hunted: the rules of some files, and of which findings are wanted.
struct Quarry {
    rules: Arc<RuleSet>,
    /// Rules and correlations; empty: all.
    wanted: BTreeSet<Uuid>,
}

/// Hunts and prints.
///
/// # Errors
/// The configuration or the rule is wrong, or the store cannot be read.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut config = super::configuration(args.config.as_deref())?;
    super::past::fit_stored(&mut config);
    super::replay::lend_keys(&mut config);
    // What learns needs all events, not those of a rule.
    config.track.behaviour.enabled = false;
    config.track.baseline.enabled = false;
    config.track.series.watched.clear();
    let quarry = Quarry::of(&args.rule, &config)?;
    let condition = quarry.condition(args.matches)?;
    if args.sql {
        let stretch = args.stretch.times()?;
        println!("{}", condition.sql(stretch, stretch));
        return Ok(ExitCode::SUCCESS);
    }
    let detection = Detection::new(&config, Arc::clone(&quarry.rules))?.of_stored();
    let mut offline = Offline::new(&detection);
    let mut printer = Printer::new();
    let deed = Deed {
        action: "hunted",
        object: &args.rule,
    };
    args.stretch.read(&config, deed, &condition, |batch| {
        if args.matches {
            let active = offline.active();
            offline.events(batch, |event, scratch, record| {
                printer.matches(active.rules(), event, scratch, record)
            })?;
        } else {
            let found = offline.batch(batch);
            printer.findings(&quarry.picked(found))?;
        }
        Ok(offline.counts().0)
    })?;
    let found = offline.finish();
    if !args.matches {
        printer.findings(&quarry.picked(found))?;
    }
    printer.output.flush()?;
    eprintln!(
        "{} events came through the condition, {} {}",
        grouped(offline.counts().0),
        grouped(printer.printed),
        if args.matches { "matches" } else { "findings" }
    );
    let failed = args.fail_on_findings && printer.printed > 0;
    Ok(ExitCode::from(u8::from(failed)))
}

impl Quarry {
    fn of(rule: &str, config: &Config) -> anyhow::Result<Quarry> {
        if let Ok(file) = Path::new(rule).canonicalize() {
            return Quarry::of_file(&file, config);
        }
        let id: Uuid = rule.parse().map_err(|_| {
            anyhow::anyhow!("{rule:?} is neither a file nor the id of a rule (36 characters)")
        })?;
        let all = RuleSet::load(&config.rules)?;
        let mut files = BTreeSet::new();
        let is_it = |known: Uuid| known == id;
        if let Some(found) = all.rules().iter().find(|rule| is_it(rule.meta.id)) {
            files.insert(found.source.path.clone());
        }
        let mut correlations = all.correlations().iter().zip(0_u32..);
        if let Some((_, index)) = correlations.find(|(found, _)| is_it(found.meta.id)) {
            gather(&all, index, &mut files);
        }
        if files.is_empty() {
            bail!("no rule or correlation of the configuration has the id {id}");
        }
        let files: Vec<PathBuf> = files.into_iter().collect();
        Ok(Quarry {
            rules: read(&files, config)?,
            wanted: BTreeSet::from([id]),
        })
    }

    /// All that a file says. One of the configured folder may refer to others there; another stands alone.
    fn of_file(file: &Path, config: &Config) -> anyhow::Result<Quarry> {
        let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == file);
        let mut quarry = BTreeSet::new();
        let mut files = BTreeSet::from([file.to_owned()]);
        if config
            .rules
            .folder
            .canonicalize()
            .is_ok_and(|folder| file.starts_with(folder))
        {
            let all = RuleSet::load(&config.rules)?;
            let here = all.rules().iter().filter(|rule| is_it(&rule.source.path));
            quarry.extend(here.map(|rule| rule.meta.id));
            for (correlation, index) in all.correlations().iter().zip(0_u32..) {
                if is_it(&correlation.source.path) {
                    quarry.insert(correlation.meta.id);
                    gather(&all, index, &mut files);
                }
            }
            // The file itself came under the name that the folder gives it, too.
            files = files
                .iter()
                .filter_map(|path| path.canonicalize().ok())
                .collect();
        }
        let files: Vec<PathBuf> = files.into_iter().collect();
        Ok(Quarry {
            rules: read(&files, config)?,
            wanted: quarry,
        })
    }

    /// What has to be read: what the rules match, and where correlations find something; for matches alone all that feeds these.
    fn condition(&self, matches: bool) -> anyhow::Result<Condition> {
        let is_wanted = |id: Uuid| self.wanted.is_empty() || self.wanted.contains(&id);
        let rules = self.rules.rules().iter().zip(0_u32..);
        // A match that is no finding matters to correlations alone.
        let rules = rules.filter(|(rule, _)| is_wanted(rule.meta.id) && (rule.alerts || matches));
        let mut rules: Vec<u32> = rules.map(|(_, index)| index).collect();
        let mut correlations = Vec::new();
        for (correlation, index) in self.rules.correlations().iter().zip(0_u32..) {
            if !is_wanted(correlation.meta.id) {
                continue;
            }
            if correlation.kind.is_absence() {
                bail!(
                    "{:?} waits for what does not come, which takes all events to tell: use `gatewatch backtest`",
                    correlation.meta.title
                );
            }
            correlations.push(index);
        }
        if matches {
            for correlation in std::mem::take(&mut correlations) {
                rules.extend(self.rules.needed_by(correlation));
            }
        }
        Ok(Condition::of(&self.rules, &rules, &correlations))
    }

    fn picked(&self, found: Vec<Fired>) -> Vec<Fired> {
        let is_wanted =
            |fired: &Fired| self.wanted.is_empty() || self.wanted.contains(&fired.meta.id);
        found.into_iter().filter(is_wanted).collect()
    }
}

/// The files of a correlation and of all that feeds it.
fn gather(rules: &RuleSet, correlation: u32, files: &mut BTreeSet<PathBuf>) {
    let correlation = &rules.correlations()[correlation as usize];
    files.insert(correlation.source.path.clone());
    for member in &correlation.members {
        match member.source {
            MemberSource::Rule(rule) => {
                files.insert(rules.rules()[rule as usize].source.path.clone());
            }
            MemberSource::Correlation(below) => gather(rules, below, files),
        }
    }
}

fn read(files: &[PathBuf], config: &Config) -> anyhow::Result<Arc<RuleSet>> {
    let mut sources = Vec::with_capacity(files.len());
    for path in files {
        let text = std::fs::read_to_string(path)
            .or_else(|error| {
                let generated = config.rules.generated.iter();
                let mut generated = generated.filter(|(name, _)| name == path);
                generated.next().map(|(_, text)| text.clone()).ok_or(error)
            })
            .with_context(|| path.display().to_string())?;
        sources.push((path.clone(), text));
    }
    let vocabulary = Vocabulary::load(&config.rules)?;
    Ok(Arc::new(RuleSet::from_sources_with(&sources, &vocabulary)?))
}
