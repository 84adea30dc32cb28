//! Whether an operation is called in runs on schedule.

use std::collections::BTreeMap;

use crate::event::Timestamp;

/// Most minutes with calls that are remembered: what is called more often is no schedule.
const MOST_MINUTES: usize = 20_000;
/// Minutes without a call that end a run, as the detector of schedules has it.
const PAUSE: u32 = 3;
/// Fewest runs that make a schedule.
const LEAST_RUNS: usize = 6;
/// Minutes from one run to the next that are tried.
const EVERY: [u32; 13] = [5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1_440];
/// The share of slots that have a run.
const KEPT: f64 = 0.95;

/// The minutes in which an operation was called.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// Records of each.
    minutes: BTreeMap<u32, u64>,
    is_too_often: bool,
}

/// A schedule that calls keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Minutes.
    pub(super) every: u32,
    pub(super) offset: u32,
    /// The farthest from its time that a run began.
    pub(super) farthest: u32,
    /// The longest run.
    pub(super) longest: u32,
    /// Records of a run, the first and the last one left out: they may be cut.
    pub(super) records: Option<(u64, u64)>,
    pub(super) runs: usize,
}

/// Minutes from the first to the last, and records.
type Run = (u32, u32, u64);

impl Rhythm {
    pub(super) fn add(&mut self, time: Timestamp, records: u64) {
        let Ok(minute) = u32::try_from(time.micros().div_euclid(60_000_000)) else {
            return;
        };
        if self.is_too_often {
            return;
        }
        *self.minutes.entry(minute).or_default() += records;
        if self.minutes.len() > MOST_MINUTES {
            self.is_too_often = true;
            self.minutes.clear();
        }
    }

    /// The schedule, if there is one.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        let runs = self.runs();
        if runs.len() < LEAST_RUNS {
            return None;
        }
        EVERY.iter().find_map(|every| fit(&runs, *every))
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (minute, records) in &self.minutes {
            match runs.last_mut() {
                Some(run) if *minute <= run.1 + PAUSE => {
                    run.1 = *minute;
                    run.2 += records;
                }
                _ => runs.push((*minute, *minute, *records)),
            }
        }
        runs
    }
}

/// Whether the runs begin at multiples of `every`, give or take less than a quarter of it, one each.
fn fit(runs: &[Run], every: u32) -> Option<Schedule> {
    // Deviations from the first run say where in a slot most begin.
    let half = i64::from(every) / 2;
    let from_first = |begin: u32| {
        let after = i64::from(begin) - i64::from(runs[0].0);
        (after + half).rem_euclid(i64::from(every)) - half
    };
    let mut deviations: Vec<i64> = runs.iter().map(|run| from_first(run.0)).collect();
    deviations.sort_unstable();
    let middle = deviations[deviations.len() / 2];
    let phase = (i64::from(runs[0].0) + middle).rem_euclid(i64::from(every));
    let offset = u32::try_from(phase).ok()?;
    let mut slots: Vec<u32> = Vec::new();
    let mut farthest = 0;
    for (begin, ..) in runs {
        let slot = (begin + every / 2).checked_sub(offset)? / every;
        farthest = farthest.max(begin.abs_diff(slot * every + offset));
        slots.push(slot);
    }
    let is_once = slots.windows(2).all(|pair| pair[0] < pair[1]);
    let all = slots.last()? - slots.first()? + 1;
    let is_kept = f64::from(u32::try_from(slots.len()).ok()?) >= KEPT * f64::from(all);
    if !is_once || !is_kept || farthest * 4 >= every {
        return None;
    }
    let whole = &runs[1..runs.len() - 1];
    let records = || whole.iter().map(|run| run.2);
    Some(Schedule {
        every,
        offset,
        farthest,
        longest: runs.iter().map(|run| run.1 - run.0 + 1).max()?,
        records: records()
            .min()
            .zip(records().max())
            .filter(|(_, most)| *most > 0),
        runs: runs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(begins: impl IntoIterator<Item = u32>, lasts: u32) -> Option<Schedule> {
        let mut rhythm = Rhythm::default();
        for begin in begins {
            for minute in begin..begin + lasts {
                rhythm.add(Timestamp::from_seconds(i64::from(minute) * 60 + 7), 10);
            }
        }
        rhythm.schedule()
    }

    #[test]
    fn runs_at_a_time_of_their_own_are_a_schedule() {
        let begins = (0..40).map(|run| 1_000_020 + run * 60 + run % 3);
        let found = rhythm(begins, 4).unwrap();
        let expected = Schedule {
            every: 60,
            offset: 1_000_021 % 60,
            farthest: 1,
            longest: 4,
            records: Some((40, 40)),
            runs: 40,
        };
        assert_eq!(found, expected);
        let daily = rhythm((0..9).map(|day| 1_440 * (20_000 + day) + 150), 30).unwrap();
        assert_eq!((daily.every, daily.offset), (1_440, 150));
    }

    #[test]
    fn what_is_called_all_the_time_or_at_no_fixed_time_is_none() {
        assert_eq!(rhythm((0..3_000).map(|minute| 500_000 + minute), 1), None);
        let mut random = 7_u64;
        let begins = (0..200).map(|run| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            500_000 + run * 60 + u32::try_from(random >> 58).unwrap()
        });
        assert_eq!(rhythm(begins, 2), None);
        assert_eq!(rhythm((0..5).map(|run| run * 60), 2), None, "too few runs");
    }
}
