//! Runs on schedule: missed, late, doubled, too small, too large, too long, with too many deletions.
//!
//! A run is a row of minutes with calls and no longer pause between them than [`PAUSE`]. Each slot of the schedule wants one run
//! that begins within the tolerance.

use serde::{Deserialize, Serialize};

use crate::track::expectation::ScheduleSpec;
use crate::track::finding::Measure;

/// Minutes without a call that end a run.
const PAUSE: u32 = 3;

/// What is known of one schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Schedule {
    /// The minute from which on it is watched.
    since: u32,
    /// The newest slot that had a run.
    answered: Option<u32>,
    /// The newest slot that was told to be missed.
    missed: Option<u32>,
    run: Option<Run>,
    /// Records of a run in its slot, the newer ones counting more; 0 before the first.
    typical: u64,
    /// Records of the newest run that ended in its slot.
    answered_by: u64,
}

/// A run under way.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was told of a run, once each"
)]
struct Run {
    begin: u32,
    last: u32,
    /// Minutes with calls.
    busy: u32,
    records: u64,
    deletions: u64,
    /// It began in no slot, or in one that has had its run.
    beside: bool,
    told_large: bool,
    told_deletions: bool,
    told_long: bool,
}

/// What a schedule was found to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) measure: Measure,
    pub(super) observed: f64,
    pub(super) expected: f64,
    /// The first minute that it is about.
    pub(super) begin: u32,
}

/// Calls, records and deletions of a minute.
pub(super) type Calls = (u32, u64, u32);

impl Schedule {
    pub(super) fn new(minute: u32) -> Self {
        Schedule {
            since: minute,
            answered: None,
            missed: None,
            run: None,
            typical: 0,
            answered_by: 0,
        }
    }

    /// Closes a minute; to be called for each.
    pub(super) fn close(
        &mut self,
        minute: u32,
        calls: Option<Calls>,
        spec: &ScheduleSpec,
        out: &mut Vec<Fault>,
    ) {
        let has_paused = |run: Run| calls.is_none() && minute - run.last >= PAUSE;
        if self.run.is_some_and(has_paused) {
            self.end(spec, out);
        }
        if let Some((_, records, deletions)) = calls {
            if self.run.is_none() {
                self.begin(minute, spec, out);
            }
            self.go_on(minute, records, u64::from(deletions), spec, out);
        }
        self.overdue(minute, spec, out);
    }

    /// The slot whose beginning is nearest.
    fn nearest(minute: u32, spec: &ScheduleSpec) -> u32 {
        let since = minute + spec.every / 2;
        since.saturating_sub(spec.offset) / spec.every
    }

    fn begin_of(slot: u32, spec: &ScheduleSpec) -> u32 {
        slot * spec.every + spec.offset
    }

    fn begin(&mut self, minute: u32, spec: &ScheduleSpec, out: &mut Vec<Fault>) {
        self.run = Some(Run {
            begin: minute,
            last: minute,
            busy: 0,
            records: 0,
            deletions: 0,
            beside: false,
            told_large: false,
            told_deletions: false,
            told_long: false,
        });
        let slot = Self::nearest(minute, spec);
        let due = Self::begin_of(slot, spec);
        // A run that comes late belongs to the slot that missed it.
        let late = self
            .missed
            .filter(|missed| self.answered.is_none_or(|answered| answered < *missed));
        let is_in_time = minute.abs_diff(due) <= spec.tolerance;
        if is_in_time && self.answered.is_none_or(|answered| answered < slot) {
            self.answered = Some(slot);
        } else if let Some(missed) = late.filter(|_| !is_in_time) {
            self.answered = Some(missed);
            out.push(Fault {
                measure: Measure::RunLate,
                observed: f64::from(minute - Self::begin_of(missed, spec)),
                expected: f64::from(spec.tolerance),
                begin: minute,
            });
        } else if is_in_time && self.answered_by * 2 < self.typical {
            // What came first in the slot only caught up: this is its run.
        } else if let Some(run) = &mut self.run {
            run.beside = true;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "records of a run")]
    fn go_on(
        &mut self,
        minute: u32,
        records: u64,
        deletions: u64,
        spec: &ScheduleSpec,
        out: &mut Vec<Fault>,
    ) {
        let slot = Self::nearest(minute, spec);
        let is_in_time = minute.abs_diff(Self::begin_of(slot, spec)) <= spec.tolerance;
        // A run that goes on from before answers the slot too: whatever caught up, the calls came.
        if is_in_time && self.answered.is_none_or(|answered| answered < slot) {
            self.answered = Some(slot);
            if let Some(run) = &mut self.run {
                run.beside = false;
            }
        }
        let Some(run) = &mut self.run else { return };
        run.last = minute;
        run.busy += 1;
        run.records += records;
        run.deletions += deletions;
        let begin = run.begin;
        let mut above = |told: &mut bool, measure, observed: u64, most: Option<u64>| {
            if let Some(most) = most.filter(|most| observed > *most && !*told) {
                *told = true;
                out.push(Fault {
                    measure,
                    observed: observed as f64,
                    expected: most as f64,
                    begin,
                });
            }
        };
        let minutes = u64::from(minute - begin + 1);
        above(
            &mut run.told_large,
            Measure::RunLarge,
            run.records,
            spec.most_records,
        );
        let most = spec.most_deletions;
        above(
            &mut run.told_deletions,
            Measure::RunDeletions,
            run.deletions,
            most,
        );
        // Calls now and then that only join two runs make no long one.
        let is_busy = u64::from(run.busy) * 2 > minutes;
        above(
            &mut run.told_long,
            Measure::RunLong,
            minutes,
            spec.lasts.map(u64::from).filter(|_| is_busy),
        );
    }

    #[expect(clippy::cast_precision_loss, reason = "records of a run")]
    fn end(&mut self, spec: &ScheduleSpec, out: &mut Vec<Fault>) {
        let Some(run) = self.run.take() else { return };
        if run.beside {
            // What only catches up is small; a run that was done twice is as large as the first.
            if run.records * 2 >= self.typical {
                out.push(Fault {
                    measure: Measure::RunDoubled,
                    observed: 2.0,
                    expected: 1.0,
                    begin: run.begin,
                });
            }
            return;
        }
        self.answered_by = run.records;
        self.typical = match self.typical {
            0 => run.records,
            // What only catches up says little of what is typical.
            typical if run.records * 2 < typical => typical - typical / 32,
            typical => (typical * 7 + run.records) / 8,
        };
        // A run that had begun before anybody watched may look small.
        let is_whole = run.begin > self.since;
        if let Some(least) = spec
            .least_records
            .filter(|least| is_whole && run.records < *least)
        {
            out.push(Fault {
                measure: Measure::RunShort,
                observed: run.records as f64,
                expected: least as f64,
                begin: run.begin,
            });
        }
    }

    /// A slot whose run has not begun when its tolerance is over.
    fn overdue(&mut self, minute: u32, spec: &ScheduleSpec, out: &mut Vec<Fault>) {
        let Some(due) = minute.checked_sub(spec.tolerance + spec.offset) else {
            return;
        };
        let (slot, after) = (due / spec.every, due % spec.every);
        let begin = Self::begin_of(slot, spec);
        let was_watched = begin.saturating_sub(spec.tolerance) > self.since;
        let is_answered = self.answered.is_some_and(|answered| answered >= slot);
        if after == 0 && was_watched && !is_answered {
            self.missed = Some(slot);
            out.push(Fault {
                measure: Measure::RunMissed,
                observed: 0.0,
                expected: 1.0,
                begin,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ScheduleSpec {
        ScheduleSpec {
            integration: "tenant-sync".into(),
            name: "residents".into(),
            operations: Vec::new(),
            every: 60,
            offset: 10,
            tolerance: 5,
            lasts: Some(8),
            least_records: Some(10),
            most_records: Some(100),
            most_deletions: Some(5),
        }
    }

    /// What is found when these minutes have calls, each with so many records and deletions.
    fn found(runs: &[(u32, u32, u64, u32)], until: u32) -> Vec<(u32, Measure, u32)> {
        let (spec, mut schedule) = (spec(), Schedule::new(0));
        let mut all = Vec::new();
        for minute in 0..until {
            let run = runs.iter().find(|run| (run.0..=run.1).contains(&minute));
            let calls = run.map(|run| (1, run.2, run.3));
            let mut out = Vec::new();
            schedule.close(minute, calls, &spec, &mut out);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small counts"
            )]
            all.extend(
                out.iter()
                    .map(|fault| (minute, fault.measure, fault.observed as u32)),
            );
        }
        all
    }

    #[test]
    fn runs_in_time_are_no_finding() {
        let runs = [(10, 12, 20, 0), (66, 70, 15, 1), (134, 137, 10, 0)];
        assert_eq!(found(&runs, 170), []);
    }

    #[test]
    fn a_missed_run_is_told_at_the_end_of_its_tolerance_and_a_late_one_when_it_comes() {
        let runs = [(10, 12, 20, 0), (100, 102, 20, 0), (130, 131, 20, 0)];
        let expected = [(75, Measure::RunMissed, 0), (100, Measure::RunLate, 30)];
        assert_eq!(found(&runs, 180), expected);
        let gone = [(10, 12, 20, 0), (190, 191, 20, 0)];
        let expected = [(75, Measure::RunMissed, 0), (135, Measure::RunMissed, 0)];
        assert_eq!(found(&gone, 200), expected);
    }

    #[test]
    fn doubled_small_large_long_and_deleting_runs_are_told() {
        let of = |run: (u32, u32, u64, u32)| -> Vec<Measure> {
            let found = found(&[(10, 10, 20, 0), run], 60);
            found.into_iter().map(|(_, measure, _)| measure).collect()
        };
        assert_eq!(of((30, 31, 20, 0)), [Measure::RunDoubled]);
        // What only catches up is no second run.
        assert_eq!(of((40, 40, 3, 0)), []);
        let first = |run| {
            found(&[run], 60)
                .into_iter()
                .map(|it| it.1)
                .collect::<Vec<_>>()
        };
        assert_eq!(first((10, 13, 40, 0)), [Measure::RunLarge]);
        assert_eq!(first((10, 12, 20, 3)), [Measure::RunDeletions]);
        assert_eq!(first((10, 25, 2, 0)), [Measure::RunLong]);
        assert_eq!(first((10, 11, 2, 0)), [Measure::RunShort]);
    }
}
