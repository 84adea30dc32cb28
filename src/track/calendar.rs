//! Local time in which weeks are counted, and the days that are kept like a Sunday.

use crate::config;

/// Days from Monday, 1969-12-29, to the epoch.
const EPOCH_DAY: i64 = 3;
const HOURS_OF_DAY: i64 = 24;
const DAYS_OF_WEEK: i64 = 7;
const SUNDAY: usize = 6;

/// How instants are placed in a week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Minutes added to UTC.
    utc_offset: i32,
    /// Days since Monday, 1969-12-29, ascending.
    holidays: Vec<i64>,
}

/// An hour of local time, counted from Monday, 1969-12-29.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LocalHour(i64);

impl Calendar {
    pub(crate) fn of(settings: &config::Track) -> Calendar {
        let days = settings.holidays.iter();
        let mut holidays: Vec<i64> = days.map(|day| day.days_since_epoch() + EPOCH_DAY).collect();
        holidays.sort_unstable();
        Calendar {
            utc_offset: settings.baseline.utc_offset,
            holidays,
        }
    }

    /// The local hour that a minute since the epoch (UTC) falls into.
    pub(crate) fn hour(&self, minute: u32) -> LocalHour {
        let local = i64::from(minute) + i64::from(self.utc_offset);
        LocalHour(local.div_euclid(60) + EPOCH_DAY * HOURS_OF_DAY)
    }

    /// From 0, a Monday, to 6; a holiday is a Sunday.
    pub(crate) fn day_of_week(&self, hour: LocalHour) -> usize {
        let day = hour.0.div_euclid(HOURS_OF_DAY);
        if self.holidays.binary_search(&day).is_ok() {
            return SUNDAY;
        }
        index(day.rem_euclid(DAYS_OF_WEEK))
    }

    /// From 0, Monday at midnight, to 167.
    pub(crate) fn hour_of_week(&self, hour: LocalHour) -> usize {
        self.day_of_week(hour) * index(HOURS_OF_DAY) + hour.of_day()
    }
}

impl LocalHour {
    /// From 0 to 23.
    pub(crate) fn of_day(self) -> usize {
        index(self.0.rem_euclid(HOURS_OF_DAY))
    }

    /// The hours after this one and before `end`.
    pub(crate) fn until(self, end: LocalHour) -> impl Iterator<Item = LocalHour> {
        (self.0 + 1..end.0).map(LocalHour)
    }
}

fn index(remainder: i64) -> usize {
    usize::try_from(remainder).expect("a remainder of a positive divisor is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn minute(text: &str) -> u32 {
        let time = Timestamp::parse_rfc3339(text).unwrap();
        u32::try_from(time.seconds() / 60).unwrap()
    }

    #[test]
    fn the_week_begins_on_monday_local_time() {
        let calendar = Calendar::of(&config::Track::default());
        // 2026-03-02 is a Monday; 21:00 UTC of the Sunday before is midnight in Moscow.
        let midnight = minute("2026-03-01T21:00:00Z");
        let hour = calendar.hour(midnight);
        assert_eq!((calendar.day_of_week(hour), hour.of_day()), (0, 0));
        let before = calendar.hour(midnight - 1);
        assert_eq!((calendar.day_of_week(before), before.of_day()), (6, 23));
        assert_eq!(calendar.hour_of_week(before), 167);
        assert_eq!(before.until(calendar.hour(midnight + 60)).count(), 1);
    }

    #[test]
    fn a_holiday_is_a_sunday_from_midnight_to_midnight_of_local_time() {
        let settings = config::Track {
            holidays: ["2026-03-09", "2026-01-01"]
                .map(|day| day.to_owned().try_into().unwrap())
                .to_vec(),
            ..config::Track::default()
        };
        let calendar = Calendar::of(&settings);
        for (text, day, of_week) in [
            ("2026-01-01T12:00:00Z", 6, 6 * 24 + 15),
            ("2026-01-02T12:00:00Z", 4, 4 * 24 + 15),
            ("2026-03-08T21:00:00Z", 6, 6 * 24),
            ("2026-03-09T20:59:00Z", 6, 6 * 24 + 23),
            ("2026-03-09T21:00:00Z", 1, 24),
            ("2026-03-16T12:00:00Z", 0, 15),
        ] {
            let hour = calendar.hour(minute(text));
            assert_eq!(calendar.day_of_week(hour), day, "{text}");
            assert_eq!(calendar.hour_of_week(hour), of_week, "{text}");
        }
    }
}
