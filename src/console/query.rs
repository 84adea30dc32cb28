//! A search over events out of an address, or what is wrong with it, in the reader's language.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::failure::Failure;
use super::shared::Shared;
use super::times;
use crate::config::Locale;
use crate::event::Timestamp;
use crate::notify::now;
use crate::store::{Criterion, Search, SearchError, Spot, StoredEvent};

const HOUR_US: i64 = 3_600_000_000;
/// Name of the parameter that says where a list goes on.
pub(super) const OLDER_THAN: &str = "older_than";

/// Why nothing can be searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The criteria make no sense.
    Criteria(SearchError),
    /// A parameter is no time: its name and text.
    Time(&'static str, String),
    /// A parameter has none of its values: its name and text.
    Unknown(&'static str, String),
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
            (Wrong::Unknown(name, text), Locale::En) => format!("`{text}` is no value of `{name}`"),
            (Wrong::Unknown(name, text), Locale::Ru) => {
                format!("`{text}` — не значение `{name}`")
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
    let (criteria, from, until, behind) = match (criteria, from, until, behind(query)) {
        (Ok(criteria), Ok(from), Ok(until), Ok(behind)) => (criteria, from, until, behind),
        (Err(wrong), ..) | (_, Err(wrong), ..) | (_, _, Err(wrong), _) | (.., Err(wrong)) => {
            return Ok(Err(wrong));
        }
    };
    let until = match until {
        Some(until) => until,
        None => shared.end_of_events(now()).await?,
    };
    Ok(Ok(Search {
        criteria,
        from: from.unwrap_or_else(|| until.plus_micros(-24 * HOUR_US)),
        until,
        behind,
        limit,
    }))
}

/// Where a list goes on; `None` where it begins.
fn behind(query: &HashMap<String, String>) -> Result<Option<Spot>, Wrong> {
    match query.get(OLDER_THAN).map_or("", |value| value.trim()) {
        "" => Ok(None),
        text => Spot::named(text)
            .map(Some)
            .ok_or_else(|| Wrong::Unknown(OLDER_THAN, text.to_owned())),
    }
}

/// The address of what a list has behind an event: the same search, its times as they were when it began, so that what comes meanwhile moves nothing.
pub(super) fn older(
    path: &str,
    query: &HashMap<String, String>,
    search: &Search,
    last: &StoredEvent,
) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for name in ["q", "limit"] {
        if let Some(value) = query.get(name).filter(|value| !value.is_empty()) {
            text.append_pair(name, value);
        }
    }
    text.append_pair("from", &search.from.to_string());
    text.append_pair("until", &search.until.to_string());
    text.append_pair(OLDER_THAN, &Spot::of(last).to_string());
    format!("{path}?{}", text.finish())
}

/// The time of a parameter; `None` where it is empty.
pub(super) fn time(
    query: &HashMap<String, String>,
    name: &'static str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, Wrong> {
    instant(name, query.get(name).map_or("", |value| value.trim()), zone)
}

/// The same of its text.
pub(super) fn instant(
    name: &'static str,
    text: &str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, Wrong> {
    match text {
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
        let query = HashMap::from([(OLDER_THAN.to_owned(), "1.2".to_owned())]);
        let wrong = behind(&query).unwrap_err();
        assert_eq!(wrong.said(Locale::En), "`1.2` is no value of `older_than`");
        assert_eq!(wrong.said(Locale::Ru), "`1.2` — не значение `older_than`");
    }

    #[test]
    fn a_list_goes_on_with_the_same_search_in_the_same_time() {
        let pairs = [("q", "status>=400"), ("limit", "3"), ("until", "")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let search = Search {
            criteria: Vec::new(),
            from: Timestamp::from_seconds(60),
            until: Timestamp::from_seconds(120),
            behind: None,
            limit: 4,
        };
        let last = StoredEvent {
            micros: 61_000_000,
            topic: "a b".to_owned(),
            partition: 2,
            offset: 7,
            ..StoredEvent::default()
        };
        let address = older("/events", &HashMap::from(pairs), &search, &last);
        assert_eq!(
            address,
            "/events?q=status%3E%3D400&limit=3&from=1970-01-01T00%3A01%3A00.000000Z&until=1970-01-01T00%3A02%3A00.000000Z&older_than=61000000.2.7.a+b"
        );
        let text = address.split_once('?').unwrap().1.as_bytes();
        let query = form_urlencoded::parse(text).into_owned().collect();
        assert_eq!(behind(&query), Ok(Some(Spot::of(&last))));
    }
}
