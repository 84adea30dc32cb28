//! Event time: microseconds since the Unix epoch, UTC.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A part of a time, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Of the month, 1 to 31.
    Day,
    /// Of the year, as ISO 8601 counts: 1 to 53.
    Week,
    /// 1 to 12.
    Month,
    /// The year.
    Year,
}

impl TimePart {
    /// The part of a name such as `hour`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => TimePart::Minute,
            "hour" => TimePart::Hour,
            "day" => TimePart::Day,
            "week" => TimePart::Week,
            "month" => TimePart::Month,
            "year" => TimePart::Year,
            _ => return None,
        })
    }
}

impl Timestamp {
    /// A part of this instant in UTC; `None` outside of the years that a calendar has.
    #[must_use]
    pub fn part(self, part: TimePart) -> Option<u64> {
        let time = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        let number = match part {
            TimePart::Minute => i64::from(civil.minute()),
            TimePart::Hour => i64::from(civil.hour()),
            TimePart::Day => i64::from(civil.day()),
            TimePart::Week => i64::from(civil.date().iso_week_date().week()),
            TimePart::Month => i64::from(civil.month()),
            TimePart::Year => i64::from(civil.year()),
        };
        u64::try_from(number).ok()
    }

    /// The earliest instant that can be held; sorts before every event.
    pub const MIN: Timestamp = Timestamp(i64::MIN);

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// From milliseconds since the epoch, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(1_000))
    }

    /// From seconds since the epoch, saturating.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved by `micros`, saturating.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Timestamp(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant, saturating; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the tumbling window of `width_micros` that this instant falls in.
    #[must_use]
    pub const fn floor_to(self, width_micros: i64) -> Self {
        Timestamp(self.0.saturating_sub(self.0.rem_euclid(width_micros)))
    }

    /// From a date and time of day in UTC; `None` when there is no such day or time. A leap second counts as the next second.
    ///
    /// Days are counted as in Howard Hinnant's `days_from_civil`.
    #[must_use]
    pub const fn from_civil(
        year: i64,
        month: u8,
        day: u8,
        time_of_day: (u8, u8, u8),
    ) -> Option<Self> {
        let (hour, minute, second) = time_of_day;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let month_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if day == 0
            || day > month_days
            || hour > 23
            || minute > 59
            || second > 60
            || year < 0
            || year > 9999
        {
            return None;
        }
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year =
            (153 * (month as i64 + if month > 2 { -3 } else { 9 }) + 2) / 5 + day as i64 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Timestamp::from_seconds(
            days * 86_400 + hour as i64 * 3_600 + minute as i64 * 60 + second as i64,
        ))
    }

    /// Parses RFC 3339 (`2026-03-01T10:00:00.123+03:00`); `None` when it is not.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        parse_plain(text.as_bytes()).or_else(|| {
            text.parse::<jiff::Timestamp>()
                .ok()
                .map(|t| Timestamp(t.as_microsecond()))
        })
    }
}

/// The usual spelling of RFC 3339, several times faster than the general parser; `None` leaves it to that.
fn parse_plain(text: &[u8]) -> Option<Timestamp> {
    let (head, rest) = text.split_at_checked(19)?;
    if head[4] != b'-'
        || head[7] != b'-'
        || head[10] != b'T'
        || head[13] != b':'
        || head[16] != b':'
    {
        return None;
    }
    let pair = |at: usize| two_digits(head[at], head[at + 1]);
    let year = i64::from(pair(0)?) * 100 + i64::from(pair(2)?);
    let base = Timestamp::from_civil(year, pair(5)?, pair(8)?, (pair(11)?, pair(14)?, pair(17)?))?;
    let (micros, zone) = fraction(rest)?;
    let offset_seconds = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(base.plus_micros(micros - offset_seconds * 1_000_000))
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// Splits `.123` off: its microseconds (further digits are cut) and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length == 0 || length > 9 {
        return None;
    }
    // A fraction shorter than six digits goes on in zeros.
    let padded = digits[..length].iter().chain(std::iter::repeat(&b'0'));
    let micros = padded
        .take(6)
        .fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Some((micros, &digits[length..]))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{} us since the epoch", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Text is RFC 3339; a JSON number is milliseconds since the epoch.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;

        impl Visitor<'_> for TimeVisitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time or milliseconds since the epoch")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse_rfc3339(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str("text"), &self))
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_millis(millis))
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                i64::try_from(millis)
                    .map(Timestamp::from_millis)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(millis), &self))
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_any(TimeVisitor)
        } else {
            i64::deserialize(deserializer).map(Timestamp)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_give_the_same_instant() {
        let text: Timestamp = serde_json::from_str("\"2026-03-01T13:00:00.250+03:00\"").unwrap();
        let number: Timestamp = serde_json::from_str("1772359200250").unwrap();
        assert_eq!(text, number);
        assert_eq!(text.to_string(), "2026-03-01T10:00:00.250000Z");
    }

    #[test]
    fn plain_times_agree_with_the_general_parser() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.999999999Z",
            "2026-03-01T10:00:00.1+03:00",
            "2100-12-31T00:00:00-11:30",
            "1969-12-31T23:59:59.5Z",
        ] {
            let general = text.parse::<jiff::Timestamp>().unwrap();
            let plain = parse_plain(text.as_bytes()).unwrap();
            assert_eq!(
                plain.seconds(),
                general.as_second() - i64::from(general.subsec_nanosecond() < 0),
                "{text}"
            );
        }
        for text in [
            "2023-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn windows_start_below_the_epoch_too() {
        assert_eq!(
            Timestamp::from_seconds(-1).floor_to(60_000_000),
            Timestamp::from_seconds(-60)
        );
    }
}
