//! A search over events out of an address, or what is wrong with it, in the reader's language.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::failure::Failure;
use super::shared::Shared;
use super::times;
use crate::config::Locale;
use crate::event::Timestamp;
use crate::notify::now;
use crate::store::{Criterion, Search, SearchError};

const HOUR_US: i64 = 3_600_000_000;

/// Why nothing can be searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The criteria make no sense.
    Criteria(SearchError),
    /// A parameter is no time: its name and text.
    Time(&'static str, String),
}

impl Wrong {
    /// What is wrong, in words.
    pub(super) fn said(&self, locale: Locale) -> String {
        match (self, locale) {
            (Wrong::Criteria(problem), Locale::En) => problem.to_string(),
            (Wrong::Criteria(problem), Locale::Ru) => in_russian(problem),
            (Wrong::Time(name, text), Locale::En) => {
                format!("{name}: `{text}` is neither RFC 3339 nor `2026-11-01 12:00`")
            }
            (Wrong::Time(name, text), Locale::Ru) => {
                format!("{name}: `{text}` — не RFC 3339 и не `01.11.2026 12:00`")
            }
        }
    }
}

fn in_russian(problem: &SearchError) -> String {
    match problem {
        SearchError::Field(name) => format!("поля `{name}` нет"),
        SearchError::NotStored(name) => format!("`{name}` не хранится"),
        SearchError::Value(name, value) => format!("`{value}` — не значение поля `{name}`"),
        SearchError::Comparison(name) => format!("`{name}` так не сравнить"),
        SearchError::Quote => "кавычка не закрыта".to_owned(),
        SearchError::TooLong => "слишком длинно: не больше 20 условий по 1000 знаков".to_owned(),
    }
}

/// What is searched for, or what is wrong with it. Without times it is the last day that is stored.
pub(super) async fn search(
    shared: &Shared,
    query: &HashMap<String, String>,
    zone: &TimeZone,
    limit: u32,
) -> Result<Result<Search, Wrong>, Failure> {
    let text = query.get("q").map_or("", |value| value.trim());
    let criteria = Criterion::parse_all(text).map_err(Wrong::Criteria);
    let (from, until) = (time(query, "from", zone), time(query, "until", zone));
    let (criteria, from, until) = match (criteria, from, until) {
        (Ok(criteria), Ok(from), Ok(until)) => (criteria, from, until),
        (Err(wrong), ..) | (_, Err(wrong), _) | (.., Err(wrong)) => return Ok(Err(wrong)),
    };
    let until = match until {
        Some(until) => until,
        None => shared.end_of_events(now()).await?,
    };
    Ok(Ok(Search {
        criteria,
        from: from.unwrap_or_else(|| until.plus_micros(-24 * HOUR_US)),
        until,
        limit,
    }))
}

/// The time of a parameter; `None` where it is empty.
pub(super) fn time(
    query: &HashMap<String, String>,
    name: &'static str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, Wrong> {
    match query.get(name).map_or("", |value| value.trim()) {
        "" => Ok(None),
        text => times::parse(text, zone)
            .map(Some)
            .ok_or_else(|| Wrong::Time(name, text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_the_language_of_the_reader() {
        for text in ["nofield=1", "cookie=1", "status=x", "path>=1", "\"a"] {
            let wrong = Wrong::Criteria(Criterion::parse_all(text).unwrap_err());
            let (russian, english) = (wrong.said(Locale::Ru), wrong.said(Locale::En));
            let is_russian = |text: &str| text.chars().any(|it| ('а'..='я').contains(&it));
            assert!(is_russian(&russian) && !is_russian(&english), "{russian}");
        }
        let query = HashMap::from([("from".to_owned(), "yesterday".to_owned())]);
        let wrong = time(&query, "from", &TimeZone::UTC).unwrap_err();
        assert!(wrong.said(Locale::Ru).starts_with("from: `yesterday` — не"));
        assert_eq!(time(&query, "until", &TimeZone::UTC), Ok(None));
    }
}
