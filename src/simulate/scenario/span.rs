//! Durations and offsets as scenario files and the command line write them: `90s`, `5m`, `6h`, `1d`, `35%`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A duration in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

/// Longest duration: four hundred days.
const LONGEST_S: i64 = 400 * 86_400;

impl Span {
    /// Microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Span(seconds.saturating_mul(1_000_000))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "`{text}` is not a duration; write a number and a unit, such as `90s`, `5m`, `6h` or `1d`, up to 400d"
            )
        };
        let unit = text.chars().last().ok_or_else(refused)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(refused()),
        };
        let number: i64 = text[..text.len() - 1].parse().map_err(|_| refused())?;
        match number.checked_mul(seconds) {
            Some(total) if (1..=LONGEST_S).contains(&total) => Ok(Span::from_seconds(total)),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        for (unit, width) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
            if seconds >= width && seconds % width == 0 {
                return write!(f, "{}{unit}", seconds / width);
            }
        }
        write!(f, "{seconds}s")
    }
}

/// When in the simulated span: at a place, or between two, where the seed decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    first: Place,
    last: Place,
}

/// A place in the simulated span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// So long after its start.
    After(Span),
    /// At so many hundredths of it.
    Percent(u8),
}

impl Place {
    fn micros(self, span_us: i64) -> i64 {
        match self {
            Place::After(after) => after.micros(),
            Place::Percent(percent) => span_us / 100 * i64::from(percent),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_suffix('%') else {
            return text.parse().map(Place::After);
        };
        match number.parse() {
            Ok(percent @ 0..=99) => Ok(Place::Percent(percent)),
            _ => Err(format!(
                "`{text}` is not a place in the span; write `0%` to `99%`, or a duration such as `6h`"
            )),
        }
    }
}

impl Offset {
    /// Microseconds after the start of a span of `span_us`; `draw`, from 0 to 1, decides between two places.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // a part of a bounded span
    pub fn micros(self, span_us: i64, draw: f64) -> i64 {
        let (first, last) = (self.first.micros(span_us), self.last.micros(span_us));
        first + ((last - first) as f64 * draw) as i64
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        Ok(Offset {
            first: first.parse()?,
            last: last.parse()?,
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_alike() {
        for text in ["90s", "5m", "6h", "1d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "0s",
            "1y",
            "401d",
            "9999999999999999d",
            "5м",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_are_durations_or_hundredths() {
        let day = Span::from_seconds(86_400).micros();
        let at = |text: &str, draw| text.parse::<Offset>().unwrap().micros(day, draw);
        assert_eq!(at("50%", 0.3), day / 2);
        assert_eq!(at("12h", 0.3), day / 2);
        assert_eq!(at("25%..75%", 0.5), day / 2);
        assert_eq!(at("6h..75%", 0.0), day / 4);
        assert!("100%".parse::<Offset>().is_err());
        assert!("5%..x".parse::<Offset>().is_err());
    }
}
