//! Calls of a whole integration, or of one operation, minute by minute: far fewer or far more than its own season lets expect, for as long as it takes to be sure.
//!
//! One quiet minute says nothing, forty do. Each minute adds the logarithm of how much more probable its count would be at a fifth (or five times) of what is expected; the
//! sum never falls below zero (Page's cumulative sum, "Continuous inspection schemes", Biometrika 41, 1954). Counts are negative binomial, so a caller that comes in bursts
//! needs more of them; but bursts and lulls also last, which no count of one minute knows. So a sum has to be twice as high as it ever was of late. Silence is the largest
//! drop: minutes without a call are judged like any other.

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::season::single;
use super::tail::Counts;
use crate::track::Plan;

/// What is looked for, by what is expected.
const FALL: f64 = 0.2;
const RISE: f64 = 5.0;
/// The sum at which it is told, at least; and by how much it has to be higher than the highest of late, which loses so much a day.
const TOLD: f32 = 40.0;
const HIGHER: f32 = 2.0;
const FADES: f32 = 0.02;
/// The most that a sum grows to, by what it is told at.
const MOST: f32 = 1.5;
/// Minutes of which nothing is told: two weeks, so that each day of the week was seen twice.
const FIRST: u32 = 14 * 1_440;
/// How often it is told while it lasts, and for how long: what lasts longer is how it is now.
const AGAIN: u32 = 30;
const LONGEST: u32 = 1_440;
/// While it is told only one in so many minutes is learned as it is.
const LEARNED_WHILE_TOLD: u32 = 4;

/// The past of one integration or operation, and how sure it is that it changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::track) struct Volume {
    past: Client,
    fall: Run,
    rise: Run,
}

/// A cumulative sum, and what was seen and expected since it last was zero.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Run {
    sum: f32,
    /// The highest sum since it last was zero, and of late before.
    top: f32,
    peak: f32,
    minutes: u32,
    seen: f32,
    due: f32,
    /// Minutes since it was first told.
    told: u32,
}

/// Far fewer calls than usual, or far more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::track) struct Shift {
    pub(in crate::track) is_fall: bool,
    /// Calls a minute since it began, and how many are usual.
    pub(in crate::track) observed: f64,
    pub(in crate::track) expected: f64,
    /// How long it lasts.
    pub(in crate::track) minutes: u32,
    /// At most: that of a sum so high (Ville's inequality for ratios of likelihoods).
    pub(in crate::track) probability: f64,
}

impl Volume {
    /// Of what is first seen in this minute.
    pub(in crate::track) fn new(minute: u32) -> Self {
        Volume {
            past: Client::new(minute),
            fall: Run::default(),
            rise: Run::default(),
        }
    }

    /// Closes a minute, later than the one before, in which so many calls came; to be called for each minute, silent ones too.
    pub(in crate::track) fn close(
        &mut self,
        minute: u32,
        calls: u32,
        plan: &Plan,
    ) -> Option<Shift> {
        let usual = self.past.begin(minute, self.past.alone(), plan);
        let expected = usual.counts;
        let is_known = self.past.minutes() >= FIRST;
        let mut told = None;
        for (run, ratio) in [(&mut self.fall, FALL), (&mut self.rise, RISE)] {
            run.take(minute, calls, expected.likelier_at(ratio, calls), expected);
            if is_known && run.is_due() {
                told = Some(run.shift(ratio < 1.0));
            }
        }
        let is_odd = self.is_told().is_some();
        let learned = if is_odd && !minute.is_multiple_of(LEARNED_WHILE_TOLD) {
            usual.mean()
        } else {
            usual.of(calls) // a burst teaches little
        };
        self.past.learn(learned, &usual, plan);
        told
    }

    /// Whether it is told of, and whether that is a fall.
    pub(in crate::track) fn is_told(&self) -> Option<bool> {
        let runs = [(&self.fall, true), (&self.rise, false)];
        let told = runs.into_iter().find(|(run, _)| run.is_told());
        told.map(|(_, is_fall)| is_fall)
            .filter(|_| self.past.minutes() >= FIRST)
    }
}

impl Run {
    fn take(&mut self, minute: u32, calls: u32, likelier: f64, usual: Counts) {
        if minute.is_multiple_of(1_440) {
            self.peak *= 1.0 - FADES;
        }
        let sum = self.sum + single(likelier);
        if sum <= 0.0 {
            // What was told raises the bar no higher than it stood.
            let peak = self.peak.max(self.top.min(self.bar()));
            *self = Run {
                peak,
                ..Run::default()
            };
            return;
        }
        self.sum = sum.min(MOST * self.bar());
        self.top = self.top.max(self.sum);
        self.minutes = self.minutes.saturating_add(1);
        self.seen += single(f64::from(calls));
        self.due += single(usual.mean());
        self.told = if self.is_told() {
            self.told.saturating_add(1)
        } else {
            0
        };
    }

    /// The sum at which it is told.
    fn bar(&self) -> f32 {
        TOLD.max(HIGHER * self.peak)
    }

    fn is_told(&self) -> bool {
        self.sum >= self.bar()
    }

    fn is_due(&self) -> bool {
        self.is_told() && self.told < LONGEST && self.told % AGAIN == 1
    }

    fn shift(&self, is_fall: bool) -> Shift {
        let minutes = f64::from(self.minutes.max(1));
        Shift {
            is_fall,
            observed: f64::from(self.seen) / minutes,
            expected: f64::from(self.due) / minutes,
            minutes: self.minutes,
            probability: (-f64::from(self.sum)).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const DAY: u32 = 1_440;

    fn plan() -> Plan {
        Plan::new(Vec::new(), Vec::new(), crate::config::Track::default())
    }

    /// Calls of a minute: busy by day, a tenth by night, in bursts.
    fn usual(minute: u32, random: &mut Random) -> u32 {
        let is_day = (6..18).contains(&(minute / 60 % 24));
        let mean = if is_day { 30 } else { 3 };
        let burst = if random.one_in(10) { 3 } else { 1 };
        random.below(2 * mean) * burst
    }

    fn after_two_weeks(random: &mut Random, plan: &Plan) -> Volume {
        let mut volume = Volume::new(0);
        for minute in 0..14 * DAY {
            let calls = usual(minute, random);
            assert_eq!(volume.close(minute, calls, plan), None, "minute {minute}");
        }
        volume
    }

    #[test]
    fn silence_is_told_within_minutes_by_day_and_later_by_night_and_ends() {
        let (plan, mut random) = (plan(), Random::new(7));
        let volume = after_two_weeks(&mut random, &plan);
        let first = |hour: u32| {
            let mut volume = volume.clone();
            let begin = 14 * DAY + hour * 60;
            for minute in 14 * DAY..begin {
                volume.close(
                    minute,
                    usual(minute, &mut Random::new(u64::from(minute))),
                    &plan,
                );
            }
            (0..600).find_map(|after| volume.close(begin + after, 0, &plan).map(|it| (after, it)))
        };
        let (by_day, shift) = first(10).unwrap();
        let (by_night, _) = first(20).unwrap();
        assert!((5..60).contains(&by_day), "{by_day}");
        assert!(by_night > by_day, "{by_night}");
        assert!(
            shift.is_fall && shift.observed < 1.0 && shift.expected > 15.0,
            "{shift:?}"
        );
        assert!(shift.probability < 1e-17);
    }

    #[test]
    fn a_lasting_rise_is_told_for_a_day_and_then_is_how_it_is() {
        let (plan, mut random) = (plan(), Random::new(11));
        let mut volume = after_two_weeks(&mut random, &plan);
        let told: Vec<u32> = (14 * DAY..24 * DAY)
            .filter(|minute| {
                let shift = volume.close(*minute, 12 * usual(*minute, &mut random), &plan);
                assert!(shift.is_none_or(|it| !it.is_fall && it.observed > it.expected));
                shift.is_some()
            })
            .collect();
        let first = *told.first().unwrap();
        assert!(first < 14 * DAY + 24 * 60, "{first}");
        assert!(told.len() < 200, "{}", told.len());
        assert!(*told.last().unwrap() < 22 * DAY, "{told:?}");
    }
}
