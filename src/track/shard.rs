//! One shard: its part of every block goes in, findings come out, in an order that no cut of blocks can change.
//!
//! Delivery: a shard keeps the next offset of each partition and skips what lies before it, so after a restore any replay
//! that begins at or before its offsets leaves it as if nothing had happened. Matches wait until the watermark has passed
//! their turn and are taken in the order (due, partition, offset); a minute of the baseline closes between them, at its end.
//! Two things depend on the run rather than on the records, and both are counted: events that arrive behind a watermark
//! which had been moved on while their partition was idle, and matches released early because the buffer was full.

use std::sync::Arc;

use compact_str::CompactString;

use super::absence::Absences;
use super::baseline::Baseline;
use super::behaviour::Behaviour;
use super::chain::Chained;
use super::correlation::{Correlation, Sample};
use super::plan::share;
use super::queue::Queue;
use super::series::SeriesWatch;
use super::sources::Sources;
use super::split::{ShardPart, Target, Turn, Waiting};
use super::watch::Watch;
use super::{Finding, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use crate::sigma::RuleMeta;

/// Correlations that are looked through for groups to be forgotten, each time that the watermark moves.
const EXPIRED_AT_ONCE: usize = 8;

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
    pub(super) queues: Vec<Queue>,
    pub(super) correlations: Vec<Correlation>,
    /// The correlation that was looked at last for groups to be forgotten.
    expired: usize,
    pub(super) absences: Absences,
    /// What correlations found for others, until it is handed on.
    chained: Vec<Chained>,
    pub(super) baseline: Baseline,
    pub(super) behaviour: Behaviour,
    pub(super) series: SeriesWatch,
    pub(super) watch: Watch,
    pub(super) counts: TrackCounts,
    pub(super) dirty: bool,
    /// Bytes of the newest snapshot.
    pub(super) stored: usize,
}

impl Shard {
    /// An empty shard.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        Shard {
            sources: Sources::default(),
            watermark: Timestamp::MIN,
            queues: (0..=plan.levels())
                .map(|_| Queue::new(Timestamp::MIN))
                .collect(),
            chained: Vec::new(),
            correlations: plan
                .correlations
                .iter()
                .map(|spec| Correlation::new(spec, &plan))
                .collect(),
            expired: 0,
            absences: Absences::new(&plan),
            baseline: Baseline::new(&plan),
            behaviour: Behaviour::new(&plan),
            series: SeriesWatch::new(&plan),
            watch: Watch::new(),
            counts: TrackCounts::default(),
            dirty: false,
            stored: 0,
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
        while self.queues[0].len() > most {
            let Some(due) = self.queues[0].first_due() else {
                break;
            };
            let forced = due.plus_micros(1);
            let before = self.queues[0].len();
            self.release(forced, out);
            if self.queues[0].len() == before {
                // Due at the end of time: no watermark passes it.
                self.release_first(0, out);
            }
            self.counts.forced += (before - self.queues[0].len()) as u64;
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

    fn take(&mut self, part: ShardPart, next: i64) {
        self.sources.advance(part.partition, part.end, part.newest);
        for (turn, waiting) in part.waiting {
            if turn.offset < next {
                self.counts.skipped += 1;
            } else {
                self.admit(turn, waiting);
            }
        }
        if part.begin >= next {
            if self.plan.settings.baseline.enabled {
                self.dirty |= !part.observations.is_empty();
                for observation in part.observations {
                    self.baseline.observe(observation, &mut self.counts);
                }
            }
            if self.plan.settings.behaviour.enabled {
                // Who was active counts in every shard.
                self.dirty |= !part.active.is_empty();
                self.behaviour
                    .observe(part.conducts, &part.active, &mut self.counts);
            }
            self.dirty |= !part.addends.is_empty();
            self.series
                .observe(part.addends, &self.plan, &mut self.counts);
            self.dirty |= !part.seen.is_empty();
            let soon = self.sources.watermark(&[], self.plan.lateness_us());
            self.watch
                .observe(part.seen, &self.plan, soon, &mut self.counts);
        } else {
            self.counts.straddled += (part.observations.len()
                + part.conducts.len()
                + part.addends.len()
                + part.seen.len()) as u64;
        }
    }

    fn admit(&mut self, mut turn: Turn, mut waiting: Waiting) {
        self.dirty = true;
        self.counts.late += u64::from(waiting.late);
        if turn.due < self.watermark {
            self.counts.behind_watermark += u64::from(!waiting.late);
            turn.due = self.watermark;
            waiting.late = true;
        }
        self.queue(turn, waiting);
    }

    pub(super) fn queue(&mut self, turn: Turn, waiting: Waiting) {
        let level = match turn.target {
            Target::Rule(_) => 0,
            Target::Group { correlation, .. } => self.plan.correlations[correlation as usize].level,
        };
        self.queues[usize::from(level)].push(turn, waiting);
    }

    /// What the correlations of this shard found for others since this was last asked.
    pub(super) fn take_chained(&mut self) -> Vec<Chained> {
        std::mem::take(&mut self.chained)
    }

    /// Takes an event that a correlation of a lower level found. One that comes behind what was released (only a shard whose
    /// buffer was full is ahead of the others) is late.
    pub(super) fn chain(&mut self, event: Chained) {
        self.dirty = true;
        let Chained { turn, mut waiting } = event;
        let Target::Group { correlation, .. } = turn.target else {
            return;
        };
        let level = self.plan.correlations[correlation as usize].level;
        if turn.due < self.queues[usize::from(level)].released {
            self.counts.behind_watermark += 1;
            waiting.late = true;
        }
        self.queue(turn, waiting);
    }

    /// Takes everything of a level above 0 that is due before the watermark.
    pub(super) fn release_level(&mut self, level: u8, out: &mut Vec<Fired>) {
        let level = usize::from(level);
        while let Some(due) = self.queues[level].first_due()
            && due < self.watermark
        {
            self.release_first(level, out);
        }
        self.queues[level].released = self.watermark;
    }

    /// Forgets what is out of its window, of a few correlations in turn: it is forgotten when it is met, too, so this is for the
    /// memory alone, and to look at each of hundreds after each block takes longer than the block.
    fn expire(&mut self) {
        for _ in 0..self.correlations.len().min(EXPIRED_AT_ONCE) {
            self.expired = (self.expired + 1) % self.correlations.len();
            let level = usize::from(self.plan.correlations[self.expired].level);
            self.correlations[self.expired].expire(self.queues[level].released);
        }
    }

    /// Takes everything due before `watermark`, closes every minute that ended by it and gives up every wait that ran out
    /// before it, in the order of time.
    fn release(&mut self, watermark: Timestamp, out: &mut Vec<Fired>) {
        // The end of a file is no proof that nothing would have come.
        let seen = self.sources.newest().min(watermark);
        // Only their own closing moves the ends of minutes.
        let mut end = self.baseline.next_end();
        let mut watched = self.watch.next_end();
        let mut behaved = self.behaviour.next_end();
        let mut valued = self.series.next_end(&self.plan);
        loop {
            let due = self.queues[0].first_due().filter(|due| *due < watermark);
            let waited = self.absences.next().filter(|until| *until < seen);
            let times = [
                end.filter(|end| *end <= watermark),
                watched.filter(|end| *end <= seen),
                behaved.filter(|end| *end <= seen),
                valued.filter(|end| *end <= seen),
                due,
                waited,
            ];
            // What is due at the end of a minute is of the next one; what comes at the last instant of a wait has come.
            let first = (0..times.len()).filter(|at| times[*at].is_some());
            match first.min_by_key(|at| (times[*at], *at)) {
                Some(0) => {
                    self.close_minute(end.unwrap_or_default(), out);
                    end = self.baseline.next_end();
                }
                Some(1) => {
                    self.close_watch(watched.unwrap_or_default(), seen, out);
                    watched = self.watch.next_end();
                }
                Some(2) => {
                    self.close_hour(behaved.unwrap_or_default(), out);
                    behaved = self.behaviour.next_end();
                }
                Some(3) => {
                    self.close_values(valued.unwrap_or_default(), out);
                    valued = self.series.next_end(&self.plan);
                }
                Some(4) => self.release_first(0, out),
                Some(_) => self.give_up(out),
                None => break,
            }
        }
        self.watermark = watermark;
        self.queues[0].released = watermark;
        self.baseline.closed_by(watermark);
        self.expire();
    }

    /// Gives up the first wait.
    fn give_up(&mut self, out: &mut Vec<Fired>) {
        self.dirty = true;
        let Some(missed) = self.absences.give_up(&self.plan) else {
            return;
        };
        let spec = &self.plan.correlations[missed.correlation];
        let event = Waiting {
            // For those that it feeds it happened now.
            time: missed.turn.due,
            ..missed.waiting
        };
        for key in &event.above {
            self.chained.push(Chained::new(missed.turn, &event, key));
        }
        if spec.alerts {
            self.counts.findings += 1;
            out.push(Fired {
                turn: missed.turn.due,
                meta: Arc::clone(&spec.meta),
                finding: missed.finding,
            });
        }
    }

    fn close_minute(&mut self, end: Timestamp, out: &mut Vec<Fired>) {
        self.dirty = true;
        let mut findings = Vec::new();
        self.baseline
            .close(&self.plan, &mut self.counts, &mut findings);
        self.counts.findings += findings.len() as u64;
        fire(&self.plan.baseline_metas, findings, end, out);
    }

    fn close_hour(&mut self, end: Timestamp, out: &mut Vec<Fired>) {
        self.dirty = true;
        let mut findings = Vec::new();
        self.behaviour
            .close(&self.plan, &mut self.counts, &mut findings);
        self.counts.findings += findings.len() as u64;
        fire(&self.plan.behaviour_metas, findings, end, out);
    }

    fn close_values(&mut self, end: Timestamp, out: &mut Vec<Fired>) {
        self.dirty = true;
        let mut findings = Vec::new();
        self.series.close(end, &self.plan, &mut findings);
        self.counts.findings += findings.len() as u64;
        fire(&self.plan.series_metas, findings, end, out);
    }

    fn close_watch(&mut self, end: Timestamp, seen: Timestamp, out: &mut Vec<Fired>) {
        self.dirty = true;
        let mut findings = Vec::new();
        self.watch
            .close(&self.plan, seen, &mut self.counts, &mut findings);
        self.counts.findings += findings.len() as u64;
        fire(&self.plan.watch_metas, findings, end, out);
    }

    fn release_first(&mut self, level: usize, out: &mut Vec<Fired>) {
        let Some((turn, waiting)) = self.queues[level].pop(&self.plan) else {
            return;
        };
        self.dirty = true;
        self.counts.released += 1;
        let (meta, finding) = match turn.target {
            Target::Rule(rule) => {
                let meta = &self.plan.rules[rule as usize].meta;
                (meta, of_rule(&self.plan, meta, waiting))
            }
            Target::Group { correlation, .. } => {
                let index = correlation as usize;
                let Some(finding) = self.of_correlation(index, turn, waiting) else {
                    return;
                };
                (&self.plan.correlations[index].meta, finding)
            }
        };
        self.counts.findings += 1;
        out.push(Fired {
            turn: turn.due,
            meta: Arc::clone(meta),
            finding,
        });
    }

    /// Takes an event of a correlation; what it finds goes on to those that it feeds, and is a finding if it is to be.
    fn of_correlation(&mut self, index: usize, turn: Turn, waiting: Waiting) -> Option<Finding> {
        let spec = &self.plan.correlations[index];
        if spec.kind.is_absence() {
            let limits = (&*self.plan, spec);
            self.absences
                .take(index, limits, turn, waiting, &mut self.counts);
            return None;
        }
        let state = &mut self.correlations[index];
        if waiting.late {
            self.counts.late_for_window += 1;
            state.take_late(&waiting.entity);
            return None;
        }
        // Only what feeds another correlation is needed once more.
        let event = (!waiting.above.is_empty()).then(|| waiting.clone());
        let sample = Sample {
            time: waiting.time,
            value: waiting.value,
            evidence: waiting.evidence,
        };
        let fire = state.take(spec, &self.plan, &waiting.entity, sample, &mut self.counts)?;
        if let Some(event) = event {
            for key in &event.above {
                let above = self.plan.correlations.get(key.correlation as usize);
                if above.is_some_and(|spec| fire.begins || spec.kind.is_temporal()) {
                    self.chained.push(Chained::new(turn, &event, key));
                }
            }
        }
        spec.alerts.then_some(fire.finding)
    }
}

/// Hands on what detectors found at the end of a minute.
fn fire(metas: &[Arc<RuleMeta>], findings: Vec<Finding>, turn: Timestamp, out: &mut Vec<Fired>) {
    for finding in findings {
        if let Some(meta) = metas.iter().find(|meta| meta.id == finding.rule) {
            out.push(Fired {
                turn,
                meta: Arc::clone(meta),
                finding,
            });
        }
    }
}

fn of_rule(plan: &Plan, meta: &RuleMeta, waiting: Waiting) -> Finding {
    let evidence = waiting.evidence.unpacked();
    let hits = evidence.as_ref().map(|evidence| evidence.hits.clone());
    Finding {
        id: finding_id(meta.id, &waiting.entity, plan.bucket(waiting.time)),
        rule: meta.id,
        entity: waiting.entity,
        within: CompactString::default(),
        first: waiting.time,
        last: waiting.time,
        count: 1,
        reason: Reason::Pattern {
            hits: hits.unwrap_or_default(),
        },
        evidence: evidence.into_iter().collect(),
        notes: Vec::new(),
    }
}
