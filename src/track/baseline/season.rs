//! The shape of a client's week: what each hour of the day and each day of the week is of its mean, learned hour by hour.

use serde::{Deserialize, Serialize};

use super::prior::Prior;
use crate::track::{Calendar, LocalHour};

const HOURS_OF_WEEK: usize = 168;
/// Least weight of the newest day in an hour of the day.
const HOUR_WEIGHT: f32 = 0.2;
/// Weight of the newest hour in its day of the week: a day weighs about 0.4.
const DAY_WEIGHT: f32 = 0.02;

/// Requests a minute at each hour of the day and on each day of the week; all zero: nothing is known yet.
/// Numbers are the upper halves of single-precision ones, which keeps three digits in half the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Season {
    #[serde(with = "crate::track::packed")]
    hours: [u16; 24],
    #[serde(with = "crate::track::packed")]
    days: [u16; 7],
}

impl Season {
    /// Learns the `requests` of the hour of `last` when `minute` is in another one, and zeros for the hours between (a week of
    /// them at most). `days` is how many whole days the client is known. Returns whether a new hour began.
    pub(super) fn roll(
        &mut self,
        last: u32,
        minute: u32,
        requests: u32,
        days: u32,
        calendar: &Calendar,
        prior: &Prior,
    ) -> bool {
        let (from, to) = (calendar.hour(last), calendar.hour(minute));
        if from == to {
            return false;
        }
        let weight =
            HOUR_WEIGHT.max(1.0 / (2.0 + f32::from(u8::try_from(days).unwrap_or(u8::MAX))));
        let rate = single(f64::from(requests) / 60.0);
        if *self == Season::default() {
            self.begin(calendar.hour_of_week(from), rate, prior);
        }
        self.mix(from, rate, weight, calendar);
        for hour in from.until(to).take(HOURS_OF_WEEK) {
            self.mix(hour, 0.0, weight, calendar);
        }
        true
    }

    /// The factor of a minute: the client's own as far as it has a past, else the prior's.
    pub(super) fn factor(&self, minute: u32, days: f64, calendar: &Calendar, prior: &Prior) -> f64 {
        let at = calendar.hour(minute);
        let (hour, day) = (at.of_day(), calendar.day_of_week(at));
        let usual = f64::from(prior.week[calendar.hour_of_week(at)]);
        let (hours, week) = (mean(&self.hours), mean(&self.days));
        if hours <= 0.0 || week <= 0.0 {
            return usual;
        }
        let weeks = days / 7.0;
        let own_day = f64::from(unpack(self.days[day])) / week;
        let own_day = (weeks * own_day + f64::from(prior.days_of_week[day])) / (weeks + 1.0);
        let own = own_day * f64::from(unpack(self.hours[hour])) / hours;
        let weight = days / (days + prior.days);
        (weight * own + (1.0 - weight) * usual).clamp(0.05, 20.0)
    }

    /// The prior's shape at the height of the first hour, which is this one of the week.
    fn begin(&mut self, hour: usize, rate: f32, prior: &Prior) {
        let here = prior.week[hour];
        for (stored, usual) in self.hours.iter_mut().zip(&prior.hours_of_day) {
            *stored = pack(rate * usual / here);
        }
        for (stored, usual) in self.days.iter_mut().zip(&prior.days_of_week) {
            *stored = pack(rate * usual / here);
        }
    }

    fn mix(&mut self, at: LocalHour, rate: f32, weight: f32, calendar: &Calendar) {
        for (stored, weight) in [
            (&mut self.hours[at.of_day()], weight),
            (&mut self.days[calendar.day_of_week(at)], DAY_WEIGHT),
        ] {
            let old = unpack(*stored);
            *stored = pack(old + weight * (rate - old));
        }
    }
}

fn mean<const N: usize>(stored: &[u16; N]) -> f64 {
    let sum: f64 = stored.iter().map(|half| f64::from(unpack(*half))).sum();
    sum / f64::from(u8::try_from(N).expect("hours of a day or days of a week"))
}

/// Statistics are kept in single precision; what is out of its range becomes infinite.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what is wanted"
)]
pub(super) fn single(value: f64) -> f32 {
    value as f32
}

/// Rounded to the nearest number whose lower half is zero.
fn pack(value: f32) -> u16 {
    let bits = value.max(0.0).to_bits();
    u16::try_from(bits.saturating_add(0x8000) >> 16).unwrap_or(u16::MAX)
}

fn unpack(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn half_precision_keeps_three_digits() {
        for value in [0.0f32, 0.016, 1.0, 59.3, 12_345.0] {
            assert!((unpack(pack(value)) - value).abs() <= value * 0.004);
        }
    }

    #[test]
    fn a_shape_is_learned_within_days() {
        let (prior, calendar) = (Prior::built_in(), Calendar::of(&config::Track::default()));
        let mut season = Season::default();
        let monday = 29_539_980;
        for hour in 0..24 * 14 {
            let requests = if hour % 24 == 3 { 6_000 } else { 60 };
            season.roll(
                monday + hour * 60,
                monday + (hour + 1) * 60,
                requests,
                hour / 24,
                &calendar,
                &prior,
            );
        }
        let after = monday + 24 * 14 * 60;
        let factor = |hour: u32| season.factor(after + hour * 60, 14.0, &calendar, &prior);
        assert!(factor(3) > 8.0, "{}", factor(3));
        assert!(factor(12) < 0.7, "{}", factor(12));
    }
}
