//! The shape of a client's week: what each hour of the day and each day of the week is of its mean, learned hour by hour.

use serde::{Deserialize, Serialize};

use super::prior::Prior;

const HOURS_OF_WEEK: i64 = 168;
/// Hours from Monday 00:00 to the weekday of the epoch, Thursday 00:00.
const EPOCH_HOUR: i64 = 72;
/// Least weight of the newest day in an hour of the day.
const HOUR_WEIGHT: f32 = 0.2;
/// Weight of the newest hour in its day of the week: a day weighs about 0.4.
const DAY_WEIGHT: f32 = 0.02;

/// Requests a minute at each hour of the day and on each day of the week; all zero: nothing is known yet.
/// Numbers are the upper halves of single-precision ones, which keeps three digits in half the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Season {
    hours: [u16; 24],
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
        utc_offset: i32,
        days: u32,
        prior: &Prior,
    ) -> bool {
        let (from, to) = (local_hour(last, utc_offset), local_hour(minute, utc_offset));
        if from == to {
            return false;
        }
        let weight =
            HOUR_WEIGHT.max(1.0 / (2.0 + f32::from(u8::try_from(days).unwrap_or(u8::MAX))));
        let rate = single(f64::from(requests) / 60.0);
        if *self == Season::default() {
            self.begin(from, rate, prior);
        }
        self.mix(from, rate, weight);
        for hour in (from + 1..to).take(168) {
            self.mix(hour, 0.0, weight);
        }
        true
    }

    /// The factor of a minute: the client's own as far as it has a past, else the prior's.
    pub(super) fn factor(&self, minute: u32, utc_offset: i32, days: f64, prior: &Prior) -> f64 {
        let at = local_hour(minute, utc_offset);
        let (hour, day) = (hour_of_day(at), day_of_week(at));
        let usual = f64::from(prior.week[day * 24 + hour]);
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

    /// The prior's shape at the height of the first hour.
    fn begin(&mut self, hour: i64, rate: f32, prior: &Prior) {
        let here = prior.week[index(hour.rem_euclid(HOURS_OF_WEEK))];
        for (stored, usual) in self.hours.iter_mut().zip(&prior.hours_of_day) {
            *stored = pack(rate * usual / here);
        }
        for (stored, usual) in self.days.iter_mut().zip(&prior.days_of_week) {
            *stored = pack(rate * usual / here);
        }
    }

    fn mix(&mut self, at: i64, rate: f32, weight: f32) {
        for (stored, weight) in [
            (&mut self.hours[hour_of_day(at)], weight),
            (&mut self.days[day_of_week(at)], DAY_WEIGHT),
        ] {
            let old = unpack(*stored);
            *stored = pack(old + weight * (rate - old));
        }
    }
}

/// Hours since a Monday 00:00 local time.
fn local_hour(minute: u32, utc_offset: i32) -> i64 {
    (i64::from(minute) + i64::from(utc_offset)).div_euclid(60) + EPOCH_HOUR
}

fn hour_of_day(hour: i64) -> usize {
    index(hour.rem_euclid(24))
}

fn day_of_week(hour: i64) -> usize {
    index(hour.rem_euclid(HOURS_OF_WEEK) / 24)
}

fn index(hour: i64) -> usize {
    usize::try_from(hour).expect("a remainder of a positive divisor is not negative")
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
    use crate::event::Timestamp;

    #[test]
    fn half_precision_keeps_three_digits() {
        for value in [0.0f32, 0.016, 1.0, 59.3, 12_345.0] {
            assert!((unpack(pack(value)) - value).abs() <= value * 0.004);
        }
    }

    #[test]
    fn the_week_begins_on_monday_local_time() {
        // 2026-03-02 is a Monday; 21:00 UTC of the Sunday before is midnight in Moscow.
        let midnight = Timestamp::parse_rfc3339("2026-03-01T21:00:00Z").unwrap();
        let minute = u32::try_from(midnight.seconds() / 60).unwrap();
        let hour = local_hour(minute, 180);
        assert_eq!((day_of_week(hour), hour_of_day(hour)), (0, 0));
        let hour = local_hour(minute - 1, 180);
        assert_eq!((day_of_week(hour), hour_of_day(hour)), (6, 23));
    }

    #[test]
    fn a_shape_is_learned_within_days() {
        let prior = Prior::built_in();
        let mut season = Season::default();
        let monday = 29_539_980;
        for hour in 0..24 * 14 {
            let requests = if hour % 24 == 3 { 6_000 } else { 60 };
            season.roll(
                monday + hour * 60,
                monday + (hour + 1) * 60,
                requests,
                180,
                hour / 24,
                &prior,
            );
        }
        let factor = |hour: u32| season.factor(monday + (24 * 14 + hour) * 60, 180, 14.0, &prior);
        assert!(factor(3) > 8.0, "{}", factor(3));
        assert!(factor(12) < 0.7, "{}", factor(12));
    }
}
