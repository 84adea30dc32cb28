//! `gatewatch replay`: the same detection over files, without Kafka and without ClickHouse.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::config::{self, Config, Secret};
use crate::event::{Position, Timestamp};
use crate::pipeline::detection::{Detection, Outcome, Scratch};
use crate::sigma::RuleSet;
use crate::source::RawBatch;
use crate::source::lines::{Lines, Progress};
use crate::track::{
    BlockBuilder, Finding, Fired, PartitionClock, Plan, SHARDS, Shard, match_of, split,
};

/// Replays logs through detection; prints findings as JSON lines, counts and speed to standard error
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch replay access.log\n  \
    gatewatch replay --rules my-rules 'day-1.log.gz' day-2.log | jq .rule\n  \
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
    /// Exit with 1 when there is a finding
    #[arg(long)]
    fail_on_findings: bool,
}

/// A finding as it is printed.
#[derive(Serialize)]
struct Line<'f> {
    rule_title: &'f str,
    level: crate::sigma::Level,
    #[serde(flatten)]
    finding: &'f Finding,
    request_ids: Vec<&'f str>,
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
    let mut replay = Replay::new(&detection, &config);
    let begin = Instant::now();
    for file in &args.files {
        replay
            .file(file, config.decode.max_record_bytes)
            .with_context(|| file.display().to_string())?;
    }
    replay.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!(
        "{} events, {} rejected, {} findings in {seconds:.2} s: {:.0} events/s",
        replay.events,
        replay.rejected,
        replay.findings,
        replay.events as f64 / seconds,
    );
    let failed = args.fail_on_findings && replay.findings > 0;
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
    plan: Arc<Plan>,
    shards: Vec<Shard>,
    clock: PartitionClock,
    scratch: Scratch,
    fired: Vec<Fired>,
    /// Records so far: the offset of the next, over all files.
    offset: i64,
    events: u64,
    rejected: u64,
    findings: u64,
    output: io::BufWriter<io::Stdout>,
    progress: ProgressBar,
}

impl<'d> Replay<'d> {
    fn new(detection: &'d Detection, config: &Config) -> Self {
        let plan = Arc::new(Plan::of(detection.rules(), config.track.clone()));
        let clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
        let shards = (0..SHARDS).map(|_| Shard::new(plan.clone())).collect();
        let progress = if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{human_pos} events, {per_sec}, {elapsed}")
                .expect("the template is right");
            ProgressBar::new_spinner().with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Replay {
            detection,
            plan,
            shards,
            clock,
            scratch: detection.scratch(),
            fired: Vec::new(),
            offset: 0,
            events: 0,
            rejected: 0,
            findings: 0,
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
            match self.detection.process(raw, stamped, &mut self.scratch) {
                Outcome::Event(event) => {
                    self.events += 1;
                    let turn = builder.event(&event, position);
                    for (rule, hits) in self.scratch.take_hits() {
                        let rules = self.detection.rules();
                        builder.matched(match_of(rules, rule, &event, position, turn, hits));
                    }
                }
                Outcome::Rejected(_) => self.rejected += 1,
            }
        }
        let (blocks, clock) = builder.finish(self.offset);
        self.clock = clock;
        for block in blocks {
            for (shard, part) in self.shards.iter_mut().zip(split(block, &self.plan)) {
                shard.apply(part, &[], &mut self.fired);
            }
        }
        self.progress.set_position(self.events);
        self.print()
    }

    /// Releases what waits for the watermark.
    fn finish(&mut self) -> io::Result<()> {
        for shard in &mut self.shards {
            shard.finish(&mut self.fired);
        }
        self.print()?;
        self.progress.finish_and_clear();
        self.output.flush()
    }

    fn print(&mut self) -> io::Result<()> {
        for fired in self.fired.drain(..) {
            self.findings += 1;
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
