//! One shard: its part of every block goes in, findings come out, in an order that no cut of blocks can change.
//!
//! Delivery: a shard keeps the next offset of each partition and skips what lies before it, so after a restore any replay
//! that begins at or before its offsets leaves it as if nothing had happened. Matches wait until the watermark has passed
//! their turn and are taken in the order (due, partition, offset); a minute of the baseline closes between them, at its end.
//! Two things depend on the run rather than on the records, and both are counted: events that arrive behind a watermark
//! which had been moved on while their partition was idle, and matches released early because the buffer was full.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::baseline::Baseline;
use super::correlation::{Correlation, Sample};
use super::plan::share;
use super::sources::{Progress, Sources};
use super::split::{ShardPart, Target, Turn, Waiting};
use super::{Finding, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use crate::sigma::RuleMeta;

/// A finding with what merging needs of it.
#[derive(Clone, Debug)]
pub struct Fired {
    /// When its turn was: the due time of the event that made it fire, or the end of the window. Never falls in a shard.
    pub turn: Timestamp,
    /// What the rule says of itself.
    pub meta: Arc<RuleMeta>,
    /// The finding.
    pub finding: Finding,
}

/// The state of one shard.
pub struct Shard {
    pub(super) plan: Arc<Plan>,
    pub(super) sources: Sources,
    pub(super) watermark: Timestamp,
    pub(super) waiting: BTreeMap<Turn, Waiting>,
    pub(super) correlations: Vec<Correlation>,
    pub(super) baseline: Baseline,
    pub(super) counts: TrackCounts,
    pub(super) dirty: bool,
}

impl Shard {
    /// An empty shard.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        Shard {
            sources: Sources::default(),
            watermark: Timestamp::MIN,
            waiting: BTreeMap::new(),
            correlations: plan
                .correlations
                .iter()
                .map(|spec| Correlation::new(spec, &plan))
                .collect(),
            baseline: Baseline::new(&plan),
            counts: TrackCounts::default(),
            dirty: false,
            plan,
        }
    }

    /// Says which partitions are read from now on; without it a partition counts from its first block.
    pub fn assign(&mut self, partitions: &[i32]) {
        self.sources.assign(partitions);
    }

    /// Takes its part of a block. `idle` names the partitions that have nothing unread and have been silent for longer than
    /// the lateness; they do not hold the watermark. Findings are appended to `out`.
    pub fn apply(&mut self, part: ShardPart, idle: &[i32], out: &mut Vec<Fired>) {
        let next = self.sources.next(part.partition);
        if part.end > next {
            self.take(part, next);
        } else {
            self.counts.skipped += part.waiting.len() as u64;
        }
        let most = share(self.plan.settings.max_waiting);
        while self.waiting.len() > most {
            let Some((turn, _)) = self.waiting.first_key_value() else {
                break;
            };
            let forced = turn.due.plus_micros(1);
            let before = self.waiting.len();
            self.release(forced, out);
            if self.waiting.len() == before {
                // Due at the end of time: no watermark passes it.
                self.release_first(out);
            }
            self.counts.forced += (before - self.waiting.len()) as u64;
        }
        self.tick(idle, out);
    }

    /// Moves the watermark when partitions became idle, without a block.
    pub fn tick(&mut self, idle: &[i32], out: &mut Vec<Fired>) {
        let watermark = self.sources.watermark(idle, self.plan.lateness_us());
        if watermark > self.watermark {
            self.release(watermark, out);
        }
    }

    /// The end of a finite source: everything that waits is taken and every window closed.
    pub fn finish(&mut self, out: &mut Vec<Fired>) {
        self.release(Timestamp::from_micros(i64::MAX), out);
    }

    /// Every event whose turn comes before this instant has been taken.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// How far each partition was applied.
    #[must_use]
    pub fn progress(&self) -> &BTreeMap<i32, Progress> {
        self.sources.progress()
    }

    /// What it did and gave up so far.
    #[must_use]
    pub fn counts(&self) -> &TrackCounts {
        &self.counts
    }

    /// Clients whose baseline is kept.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.baseline.clients()
    }

    /// Whether anything but offsets and watermark changed since the last snapshot.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    fn take(&mut self, part: ShardPart, next: i64) {
        for (turn, waiting) in part.waiting {
            if turn.offset < next {
                self.counts.skipped += 1;
            } else {
                self.admit(turn, waiting);
            }
        }
        if part.begin >= next {
            self.dirty |= !part.observations.is_empty();
            for observation in part.observations {
                self.baseline.observe(observation, &mut self.counts);
            }
        } else {
            self.counts.straddled += part.observations.len() as u64;
        }
        self.sources.advance(part.partition, part.end, part.newest);
    }

    fn admit(&mut self, mut turn: Turn, mut waiting: Waiting) {
        self.dirty = true;
        self.counts.late += u64::from(waiting.late);
        if turn.due < self.watermark {
            self.counts.behind_watermark += u64::from(!waiting.late);
            turn.due = self.watermark;
            waiting.late = true;
        }
        self.waiting.insert(turn, waiting);
    }

    /// Takes everything due before `watermark` and closes every minute that ended by it, in the order of time.
    fn release(&mut self, watermark: Timestamp, out: &mut Vec<Fired>) {
        loop {
            let due = self
                .waiting
                .first_key_value()
                .map(|(turn, _)| turn.due)
                .filter(|due| *due < watermark);
            let end = self.baseline.next_end().filter(|end| *end <= watermark);
            match (due, end) {
                (None, None) => break,
                (due, Some(end)) if due.is_none_or(|due| end <= due) => self.close_minute(end, out),
                _ => self.release_first(out),
            }
        }
        self.watermark = watermark;
        self.baseline.closed_by(watermark);
        for correlation in &mut self.correlations {
            correlation.expire(watermark);
        }
    }

    fn close_minute(&mut self, end: Timestamp, out: &mut Vec<Fired>) {
        self.dirty = true;
        let mut findings = Vec::new();
        self.baseline
            .close(&self.plan, &mut self.counts, &mut findings);
        self.counts.findings += findings.len() as u64;
        out.extend(findings.into_iter().map(|finding| Fired {
            turn: end,
            meta: Arc::clone(&self.plan.baseline_meta),
            finding,
        }));
    }

    fn release_first(&mut self, out: &mut Vec<Fired>) {
        let Some((turn, waiting)) = self.waiting.pop_first() else {
            return;
        };
        self.dirty = true;
        self.counts.released += 1;
        let (meta, finding) = match turn.target {
            Target::Rule(rule) => {
                let meta = &self.plan.rules[rule as usize].meta;
                (meta, Some(of_rule(&self.plan, meta, waiting)))
            }
            Target::Correlation(correlation) => {
                let index = correlation as usize;
                let meta = &self.plan.correlations[index].meta;
                let state = &mut self.correlations[index];
                (
                    meta,
                    of_correlation(&self.plan, index, state, waiting, &mut self.counts),
                )
            }
        };
        if let Some(finding) = finding {
            self.counts.findings += 1;
            out.push(Fired {
                turn: turn.due,
                meta: Arc::clone(meta),
                finding,
            });
        }
    }
}

fn of_rule(plan: &Plan, meta: &RuleMeta, waiting: Waiting) -> Finding {
    let evidence = Arc::unwrap_or_clone(waiting.evidence);
    Finding {
        id: finding_id(meta.id, &waiting.entity, plan.bucket(waiting.time)),
        rule: meta.id,
        entity: waiting.entity,
        first: waiting.time,
        last: waiting.time,
        count: 1,
        reason: Reason::Pattern {
            hits: evidence.hits.clone(),
        },
        evidence: vec![evidence],
        notes: Vec::new(),
    }
}

fn of_correlation(
    plan: &Plan,
    index: usize,
    state: &mut Correlation,
    waiting: Waiting,
    counts: &mut TrackCounts,
) -> Option<Finding> {
    if waiting.late {
        counts.late_for_window += 1;
        state.take_late(&waiting.entity);
        return None;
    }
    let sample = Sample {
        time: waiting.time,
        value: waiting.value,
        evidence: waiting.evidence,
    };
    state.take(
        &plan.correlations[index],
        plan,
        &waiting.entity,
        sample,
        counts,
    )
}
