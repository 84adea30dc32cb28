//! `gatewatch replay`: the same detection over files, without Kafka and without ClickHouse.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use uuid::Uuid;

use crate::config::{self, Config, Secret};
use crate::event::{Event, Position, Timestamp};
use crate::pipeline::active::{ActiveRules, Scratch};
use crate::pipeline::detection::{Detection, Outcome};
use crate::sigma::{Level, PatternHit, RuleSet};
use crate::source::RawBatch;
use crate::source::lines::{Lines, Progress};
use crate::track::{
    BlockBuilder, Finding, Fired, PartitionClock, SHARDS, Shard, match_of, settle, split,
};

/// Replays logs through detection; prints findings as JSON lines, counts and speed to standard error
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch replay access.log\n  \
    gatewatch replay --rules my-rules 'day-1.log.gz' day-2.log | jq .rule\n  \
    gatewatch replay --matches access.log | jq -r .rule_title | sort | uniq -c\n  \
    gatewatch simulate --output - --events 100000 | gatewatch replay -\n\n\
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
    let mut config = config::load(args.config.as_deref())?;
    if let Some(rules) = &args.rules {
        config.rules.folder.clone_from(rules);
    }
    config.source.first_event_at = args.first_event_at.clone().or(config.source.first_event_at);
    lend_keys(&mut config);
    let rules = Arc::new(RuleSet::load(&config.rules)?);
    let detection = Detection::new(&config, rules)?;
    let mut replay = Replay::new(&detection, args.matches);
    let begin = Instant::now();
    for file in &args.files {
        replay
            .file(file, config.decode.max_record_bytes)
            .with_context(|| file.display().to_string())?;
    }
    replay.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!(
        "{} events, {} rejected, {} {} in {seconds:.2} s: {:.0} events/s",
        replay.events,
        replay.rejected,
        replay.printed,
        if args.matches { "matches" } else { "findings" },
        replay.events as f64 / seconds,
    );
    let failed = args.fail_on_findings && replay.printed > 0;
    Ok(ExitCode::from(u8::from(failed)))
}

/// Nothing is stored, so keys that were not given need not be secret.
fn lend_keys(config: &mut Config) {
    if config.enrich.pseudonym_key.is_empty() && config.enrich.pseudonym_key_file.is_none() {
        config.enrich.pseudonym_key = Secret::new("replay: pseudonyms of no lasting meaning");
    }
    if config.store.dead_letter_key.is_empty() && config.store.dead_letter_key_file.is_none() {
        config.store.dead_letter_key = Secret::new("00".repeat(32));
    }
}

struct Replay<'d> {
    detection: &'d Detection,
    active: Arc<ActiveRules>,
    /// Whether matches are printed instead of findings.
    matches: bool,
    /// Each with its findings that are not printed yet.
    shards: Vec<(Shard, Vec<Fired>)>,
    clock: PartitionClock,
    scratch: Scratch,
    /// Records so far: the offset of the next, over all files.
    offset: i64,
    events: u64,
    rejected: u64,
    printed: u64,
    output: io::BufWriter<io::Stdout>,
    progress: ProgressBar,
}

impl<'d> Replay<'d> {
    fn new(detection: &'d Detection, matches: bool) -> Self {
        let active = detection.active();
        let plan = active.plan();
        let clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
        let shards = (0..SHARDS)
            .map(|_| (Shard::new(Arc::clone(plan)), Vec::new()))
            .collect();
        let progress = if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{human_pos} events, {per_sec}, {elapsed}")
                .expect("the template is right");
            ProgressBar::new_spinner().with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Replay {
            detection,
            scratch: active.scratch(),
            active,
            matches,
            shards,
            clock,
            offset: 0,
            events: 0,
            rejected: 0,
            printed: 0,
            output: io::BufWriter::new(io::stdout()),
            progress,
        }
    }

    fn file(&mut self, path: &Path, limit: usize) -> io::Result<()> {
        let mut lines = if path.as_os_str() == "-" {
            Lines::new(Box::new(io::stdin()), 0, limit)
        } else {
            Lines::open(path, 0, limit)?
        };
        loop {
            let mut batch = RawBatch::new(0);
            let progress = lines.read_into(&mut batch, true)?;
            self.batch(&batch)?;
            if progress == Progress::End {
                return Ok(());
            }
        }
    }

    fn batch(&mut self, batch: &RawBatch) -> io::Result<()> {
        let mut builder = BlockBuilder::new(0, self.offset, self.clock, &[]);
        for (_, stamped, raw) in batch.iter() {
            let position = Position {
                partition: 0,
                offset: self.offset,
                stamped,
            };
            self.offset += 1;
            match self
                .detection
                .process(&self.active, raw, stamped, &mut self.scratch)
            {
                Outcome::Event(event) => {
                    self.events += 1;
                    if self.matches {
                        self.print_matches(&event, position.offset)?;
                        continue;
                    }
                    let turn = builder.event(&event, position);
                    for (rule, hits) in self.scratch.take_hits() {
                        let rules = self.active.rules();
                        builder.matched(match_of(rules, rule, &event, position, turn, hits));
                    }
                }
                Outcome::Rejected(_) => self.rejected += 1,
            }
        }
        let (blocks, clock) = builder.finish(self.offset);
        self.clock = clock;
        for block in blocks {
            let parts = split(block, self.active.plan());
            for ((shard, fired), part) in self.shards.iter_mut().zip(parts) {
                shard.apply(part, &[], fired);
            }
            self.settle();
        }
        self.progress.set_position(self.events);
        self.print()
    }

    /// Releases what waits for the watermark.
    fn finish(&mut self) -> io::Result<()> {
        for (shard, fired) in &mut self.shards {
            shard.finish(fired);
        }
        self.settle();
        self.print()?;
        self.progress.finish_and_clear();
        self.output.flush()
    }

    /// Takes chained correlations to the end.
    fn settle(&mut self) {
        let mut shards: Vec<_> = self
            .shards
            .iter_mut()
            .map(|(shard, fired)| (shard, fired))
            .collect();
        settle(self.active.plan(), &mut shards);
    }

    fn print_matches(&mut self, event: &Event<'_>, record: i64) -> io::Result<()> {
        let rules = self.active.rules();
        let exceptions = rules.exceptions();
        for (rule, hits, exception) in self.scratch.matches() {
            self.printed += 1;
            let meta = &rules.rules()[rule as usize].meta;
            let line = MatchLine {
                time: event.time,
                rule: meta.id,
                rule_title: &meta.title,
                level: meta.level,
                request_id: event.request_id.as_deref().unwrap_or_default(),
                record,
                hits,
                withheld_by: exception.map(|at| exceptions[at as usize].id),
            };
            serde_json::to_writer(&mut self.output, &line)?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }

    fn print(&mut self) -> io::Result<()> {
        for fired in self
            .shards
            .iter_mut()
            .flat_map(|(_, fired)| fired.drain(..))
        {
            self.printed += 1;
            let ids = fired
                .finding
                .evidence
                .iter()
                .map(|event| event.request_id.as_str());
            let line = Line {
                rule_title: &fired.meta.title,
                level: fired.meta.level,
                finding: &fired.finding,
                request_ids: ids.filter(|id| !id.is_empty()).collect(),
            };
            serde_json::to_writer(&mut self.output, &line)?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }
}
