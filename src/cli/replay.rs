//! `gatewatch replay`: the same detection over files, without Kafka and without ClickHouse.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use uuid::Uuid;

use super::records;
use crate::alert::Merger;
use crate::config::{Config, Secret};
use crate::event::{Event, Timestamp};
use crate::pipeline::active::Scratch;
use crate::pipeline::detection::Detection;
use crate::pipeline::offline::Offline;
use crate::sigma::{Level, PatternHit, RuleSet};
use crate::source::RawBatch;
use crate::track::{Finding, Fired, SHARDS};

/// Replays logs through detection; prints findings as JSON lines, counts and speed to standard error
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch replay access.log\n  \
    gatewatch replay --rules my-rules 'day-1.log.gz' day-2.log | jq .rule\n  \
    gatewatch replay --matches access.log | jq -r .rule_title | sort | uniq -c\n  \
    gatewatch simulate --output - --events 100000 | gatewatch replay -\n  \
    gatewatch replay --alerts day.jsonl > alerts.jsonl && gatewatch score --labels labels.jsonl --alerts alerts.jsonl\n\n\
    Exit codes: 0 done, 1 findings and --fail-on-findings, 2 wrong use or configuration.\n\
    Pseudonyms are those of the service only with its key (enrich.pseudonym_key_file).")]
pub struct Args {
    /// Files in the order of their times; `.gz` is unpacked; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of rules instead of the configuration's
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// Move the times of old logs: the first event comes to this time (RFC 3339), the others move with it
    #[arg(long, value_name = "TIME")]
    first_event_at: Option<String>,
    /// Print each match of a single event instead of findings, also those of rules that only feed correlations
    #[arg(long)]
    matches: bool,
    /// Print alerts instead of findings, a line each time that one has changed, as `gatewatch score` reads them
    #[arg(long, conflicts_with = "matches")]
    alerts: bool,
    /// Exit with 1 when there is a finding (with --matches: a match)
    #[arg(long)]
    fail_on_findings: bool,
}

/// A finding as it is printed.
#[derive(Serialize)]
struct Line<'f> {
    rule_title: &'f str,
    level: Level,
    #[serde(flatten)]
    finding: &'f Finding,
    request_ids: Vec<&'f str>,
}

/// A match as it is printed.
#[derive(Serialize)]
struct MatchLine<'m> {
    time: Timestamp,
    rule: Uuid,
    rule_title: &'m str,
    level: Level,
    request_id: &'m str,
    /// Number of the record, over all files, from 0.
    record: i64,
    hits: &'m [PatternHit],
    /// The exception that holds it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld_by: Option<Uuid>,
}

/// Replays and prints.
///
/// # Errors
/// The configuration or a rule is wrong, or a file cannot be read.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut config = super::configuration(args.config.as_deref())?;
    if let Some(rules) = &args.rules {
        config.rules.folder.clone_from(rules);
    }
    config.source.first_event_at = args.first_event_at.clone().or(config.source.first_event_at);
    lend_keys(&mut config);
    let rules = Arc::new(RuleSet::load(&config.rules)?);
    let detection = Detection::new(&config, rules)?;
    let mut replay = Replay::new(&detection, args);
    let begin = Instant::now();
    let limit = config.decode.max_record_bytes;
    records::read(&args.files, limit, |batch| replay.batch(batch))?;
    replay.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    let (events, rejected) = replay.offline.counts();
    eprintln!(
        "{} events, {} rejected, {} {} in {seconds:.2} s: {:.0} events/s",
        events,
        rejected,
        replay.printer.printed,
        match (args.matches, args.alerts) {
            (true, _) => "matches",
            (_, true) => "changes of alerts",
            _ => "findings",
        },
        events as f64 / seconds,
    );
    let failed = args.fail_on_findings && replay.printer.printed > 0;
    Ok(ExitCode::from(u8::from(failed)))
}

/// Nothing is stored, so keys that were not given need not be secret.
pub(super) fn lend_keys(config: &mut Config) {
    if config.enrich.pseudonym_key.is_empty() && config.enrich.pseudonym_key_file.is_none() {
        config.enrich.pseudonym_key = Secret::new("replay: pseudonyms of no lasting meaning");
    }
    if config.store.dead_letter_key.is_empty() && config.store.dead_letter_key_file.is_none() {
        config.store.dead_letter_key = Secret::new("00".repeat(32));
    }
}

struct Replay<'d> {
    offline: Offline<'d>,
    /// Whether matches are printed instead of findings.
    matches: bool,
    /// What findings are merged by, where alerts are printed instead.
    merger: Option<Merger>,
    printer: Printer,
}

impl<'d> Replay<'d> {
    fn new(detection: &'d Detection, args: &Args) -> Self {
        let offline = Offline::new(detection);
        let plan = Arc::clone(offline.active().plan());
        let most = plan.open_alerts_a_shard() * SHARDS;
        Replay {
            offline,
            matches: args.matches,
            merger: args.alerts.then(|| Merger::of(&plan, most)),
            printer: Printer::new(),
        }
    }

    fn batch(&mut self, batch: &RawBatch) -> io::Result<u64> {
        let printer = &mut self.printer;
        if self.matches {
            let active = self.offline.active();
            self.offline.events(batch, |event, scratch, record| {
                printer.matches(active.rules(), event, scratch, record)
            })?;
        } else {
            let found = self.offline.batch(batch);
            self.print(found)?;
        }
        Ok(self.offline.counts().0)
    }

    fn print(&mut self, found: Vec<Fired>) -> io::Result<()> {
        let Some(merger) = &mut self.merger else {
            return self.printer.findings(&found);
        };
        for fired in found {
            merger.merge(fired.finding, &fired.meta, fired.turn);
        }
        for alert in merger.changed() {
            self.printer.line(&alert)?;
        }
        merger.expire(self.offline.watermark());
        Ok(())
    }

    /// Releases what waits for the watermark.
    fn finish(&mut self) -> io::Result<()> {
        let found = self.offline.finish();
        self.print(found)?;
        self.printer.output.flush()
    }
}

/// Writes lines to standard output and counts them.
pub(super) struct Printer {
    pub(super) output: io::BufWriter<io::Stdout>,
    pub(super) printed: u64,
}

impl Printer {
    pub(super) fn new() -> Printer {
        Printer {
            output: io::BufWriter::new(io::stdout()),
            printed: 0,
        }
    }

    pub(super) fn matches(
        &mut self,
        rules: &RuleSet,
        event: &Event<'_>,
        scratch: &Scratch,
        record: i64,
    ) -> io::Result<()> {
        for (rule, hits, exception) in scratch.matches() {
            let meta = &rules.rules()[rule as usize].meta;
            self.line(&MatchLine {
                time: event.time,
                rule: meta.id,
                rule_title: &meta.title,
                level: meta.level,
                request_id: event.request_id.as_deref().unwrap_or_default(),
                record,
                hits,
                withheld_by: exception.map(|at| rules.exceptions()[at as usize].id),
            })?;
        }
        Ok(())
    }

    pub(super) fn findings(&mut self, found: &[Fired]) -> io::Result<()> {
        for fired in found {
            let evidence = fired.finding.evidence.iter();
            let ids = evidence.map(|event| event.request_id.as_str());
            self.line(&Line {
                rule_title: &fired.meta.title,
                level: fired.meta.level,
                finding: &fired.finding,
                request_ids: ids.filter(|id| !id.is_empty()).collect(),
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.printed += 1;
        serde_json::to_writer(&mut self.output, line)?;
        self.output.write_all(b"\n")
    }
}
