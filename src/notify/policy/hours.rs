//! Hours of the day, such as those of a shift, in the zone of the installation.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::event::Timestamp;

/// From one time of the day to another; over midnight where the second is not later.
#[derive(Clone, Debug)]
pub struct Hours {
    from: Time,
    until: Time,
    zone: TimeZone,
}

impl Hours {
    /// Reads `22:00-07:00`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Hours> {
        let (from, until) = text.split_once('-')?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
        let (from, until) = (time(from)?, time(until)?);
        (from != until).then(|| Hours {
            from,
            until,
            zone: zone.clone(),
        })
    }

    /// Whether an instant is in them.
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_microsecond(now.micros()) else {
            return false;
        };
        let time = instant.to_zoned_datetime(self.zone.clone()).time();
        if self.from < self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        Timestamp::parse_rfc3339(&format!("2026-11-02T{time}:00+03:00")).unwrap()
    }

    #[test]
    fn hours_go_over_midnight() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let night = Hours::parse("22:00-07:00", &zone).unwrap();
        for (time, holds) in [
            ("21:59", false),
            ("22:00", true),
            ("00:00", true),
            ("06:59", true),
            ("07:00", false),
            ("12:00", false),
        ] {
            assert_eq!(night.hold(at(time)), holds, "{time}");
        }
        let day = Hours::parse("09:00 - 18:30", &zone).unwrap();
        assert!(day.hold(at("09:00")) && day.hold(at("18:29")) && !day.hold(at("18:30")));
        for wrong in ["", "9-18", "09:00", "09:00-09:00", "25:00-26:00"] {
            assert!(Hours::parse(wrong, &zone).is_none(), "{wrong}");
        }
    }
}
