//! What an entity did before: means and spreads of its features, and at which hours of the day it is active.

use serde::{Deserialize, Serialize};

use super::sums::{FEATURES, Sums};

/// Features of a row: of the hour itself, against the entity's own past, and how unusual the hour of the day is for it.
pub(super) const COLUMNS: usize = 2 * FEATURES.len() + 1;
/// Hours with calls over which means fade.
const MEMORY: f32 = 100.0;
/// The deviation, in natural logarithms, that everybody is taken to have, in so many hours; and what nobody has less of.
const USUAL: f32 = 0.5;
const USUAL_HOURS: f32 = 10.0;
const LEAST: f32 = 0.1;
/// Hours after which its own past counts for half.
const HALF_KNOWN: f32 = 6.0;
/// Days after which the hours of the day fade.
const DAYS: u16 = 60;

/// The past of one entity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    hours: f32,
    #[serde(with = "crate::track::packed")]
    mean: [f32; FEATURES.len()],
    #[serde(with = "crate::track::packed")]
    square: [f32; FEATURES.len()],
    /// Days on which it was active at each hour of the day, and days since it was first seen.
    #[serde(with = "crate::track::packed")]
    active: [u8; 24],
    days: u16,
    last_day: u32,
    /// How unlike others its hours are, in the mean, and in how many: what always is, is no news of an hour.
    unlike: f32,
    scored: f32,
}

impl Past {
    pub(super) fn new(day: u32) -> Past {
        Past {
            hours: 0.0,
            mean: [0.0; FEATURES.len()],
            square: [0.0; FEATURES.len()],
            active: [0; 24],
            days: 0,
            last_day: day,
            unlike: 0.0,
            scored: 0.0,
        }
    }

    /// How much more unlike others an hour is than its hours are, and learns that: of each hour, so that what stays as it is tells of itself only for so long.
    pub(super) fn beyond_usual(&mut self, score: f64) -> f64 {
        let usual = self.unlike * self.scored / (self.scored + HALF_KNOWN);
        self.scored = (self.scored + 1.0).min(MEMORY);
        self.unlike += (single(score) - self.unlike) / self.scored;
        score - f64::from(usual)
    }

    /// The row of an hour. `hour` is local.
    pub(super) fn row(&self, sums: &Sums, hour: u32) -> [f32; COLUMNS] {
        let mut row = [0.0; COLUMNS];
        for (at, feature) in FEATURES.iter().enumerate() {
            let value = logarithm(feature.of(sums));
            row[at] = value;
            let variance = (self.square[at] - self.mean[at] * self.mean[at]).max(0.0);
            let known = self.hours * variance + USUAL_HOURS * USUAL * USUAL;
            let variance = known / (self.hours + USUAL_HOURS) + LEAST * LEAST;
            let deviation = (value - self.mean[at]) / variance.sqrt();
            row[FEATURES.len() + at] = deviation * self.hours / (self.hours + HALF_KNOWN);
        }
        let seen = f32::from(self.active[(hour % 24) as usize]) + 1.0;
        row[COLUMNS - 1] = ((f32::from(self.days) + 2.0) / seen).ln();
        row
    }

    /// What it usually does of a feature; `None` while nothing is known.
    pub(super) fn usual(&self, feature: usize) -> Option<f64> {
        (self.hours > 0.0).then(|| f64::from(self.mean[feature]).exp_m1())
    }

    /// Learns the row of an hour.
    pub(super) fn learn(&mut self, row: &[f32; COLUMNS], hour: u32) {
        self.hours = (self.hours + 1.0).min(MEMORY);
        for (at, value) in row[..FEATURES.len()].iter().enumerate() {
            self.mean[at] += (value - self.mean[at]) / self.hours;
            self.square[at] += (value * value - self.square[at]) / self.hours;
        }
        let day = hour / 24;
        let passed = u16::try_from(day.saturating_sub(self.last_day)).unwrap_or(u16::MAX);
        self.days = self.days.saturating_add(passed);
        self.last_day = self.last_day.max(day);
        while self.days > DAYS {
            self.days /= 2;
            for count in &mut self.active {
                *count /= 2;
            }
        }
        let count = &mut self.active[(hour % 24) as usize];
        *count = count.saturating_add(1);
    }
}

fn logarithm(value: f64) -> f32 {
    single(value.ln_1p())
}

#[expect(clippy::cast_possible_truncation, reason = "half the memory")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_held_against_itself() {
        let mut past = Past::new(0);
        for day in 0..30 {
            for hour in 9..17 {
                let hour = day * 24 + hour;
                let row = past.row(&Sums::of_calls(20 + hour % 24, 5), hour);
                past.learn(&row, hour);
            }
        }
        let usual = past.row(&Sums::of_calls(30, 5), 30 * 24 + 10);
        let odd = past.row(&Sums::of_calls(30, 200), 30 * 24 + 10);
        let at = FEATURES
            .iter()
            .position(|it| it.name.starts_with("different records"))
            .unwrap();
        assert!(usual[FEATURES.len() + at].abs() < 0.5);
        assert!(odd[FEATURES.len() + at] > 4.0);
        assert!((past.usual(at).unwrap() - 5.0).abs() < 1.5);
        let night = past.row(&Sums::of_calls(30, 5), 30 * 24 + 3);
        assert!(night[COLUMNS - 1] > 3.0 && usual[COLUMNS - 1] < 0.3);
    }

    #[test]
    fn whoever_is_always_unlike_others_tells_nothing_by_it() {
        let mut past = Past::new(0);
        assert!(
            (past.beyond_usual(20.0) - 20.0).abs() < 1e-6,
            "new, so all of it counts"
        );
        for _ in 0..50 {
            past.beyond_usual(20.0);
        }
        assert!(past.beyond_usual(20.0) < 3.0);
        assert!(past.beyond_usual(40.0) > 20.0);
        for _ in 0..500 {
            past.beyond_usual(1.0);
        }
        assert!(
            past.beyond_usual(20.0) > 17.0,
            "and what was long ago is forgotten"
        );
    }

    #[test]
    fn whoever_is_new_has_no_past_to_deviate_from() {
        let row = Past::new(7).row(&Sums::of_calls(500, 400), 7 * 24);
        assert!(
            row[FEATURES.len()..COLUMNS - 1]
                .iter()
                .all(|it| it.abs() < 1e-6)
        );
    }
}
