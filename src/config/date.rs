//! A day of the calendar, as it stands in the configuration.

use jiff::civil;
use serde::{Deserialize, Serialize};

/// A day, written `2026-01-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(civil::Date);

impl Date {
    /// Days since 1970-01-01, which may be negative.
    #[must_use]
    pub fn days_since_epoch(self) -> i64 {
        let epoch = civil::date(1970, 1, 1);
        self.0.duration_since(epoch).as_hours() / 24
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = civil::Date::strptime("%Y-%m-%d", &text);
        date.map(Date)
            .map_err(|_| format!("`{text}` is no day, write it as 2026-01-01"))
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written_and_nothing_else() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2026-01-01", 20_454),
            ("2028-02-29", 21_243),
        ] {
            let date = Date::try_from(text.to_owned()).unwrap();
            assert_eq!(date.days_since_epoch(), days, "{text}");
            assert_eq!(String::from(date), text);
        }
        for text in [
            "",
            "01.01.2026",
            "2026-02-29",
            "2026-01-01T00:00",
            "New Year",
        ] {
            let error = Date::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("2026-01-01"), "{error}");
        }
    }
}
