//! A block of events: the columns of one INSERT a month, filled as events come.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::columns::{Source, event_columns};
use super::native::{self, Column, storable};
use crate::event::{Event, Fact, Field, Text, Timestamp, Value};

/// Rows that are ready to be inserted under one token. Cheap to clone; sent again, it is the same bytes.
#[derive(Clone, Debug)]
pub struct Insert {
    pub(crate) table: &'static str,
    pub(crate) parts: Vec<Part>,
}

/// What goes into one partition of the table, and so is one INSERT with one token.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Put behind the block's token; the month, where the table is partitioned by it.
    pub(crate) suffix: Option<String>,
    pub(crate) rows: usize,
    /// The columns that it fills.
    pub(crate) columns: String,
    /// Packed.
    pub(crate) frames: Vec<Bytes>,
}

impl Part {
    fn new(suffix: Option<String>, rows: usize, columns: Vec<Column>) -> Self {
        let (columns, frames) = native::block(rows, columns);
        Part {
            suffix,
            rows,
            columns,
            frames,
        }
    }
}

impl Insert {
    /// Rows of all parts.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Bytes of all parts, packed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let frames = self.parts.iter().flat_map(|part| &part.frames);
        frames.map(Bytes::len).sum()
    }

    /// One INSERT of these columns; nothing when there are no rows.
    pub(crate) fn single(table: &'static str, rows: usize, columns: Vec<Column>) -> Self {
        let parts = if rows == 0 {
            Vec::new()
        } else {
            vec![Part::new(None, rows, columns)]
        };
        Insert { table, parts }
    }
}

/// Events of one partition on their way into `events`.
///
/// `events` is partitioned by month and a token holds for one partition, so the events of each month are an INSERT of their
/// own. A time that the table cannot hold (before 1970, after 2106) is moved to the nearest that it can.
#[derive(Debug)]
pub struct EventBlock {
    topic: String,
    partition: i32,
    key_id: String,
    months: BTreeMap<Month, Columns>,
    rows: usize,
}

impl EventBlock {
    /// An empty block. `key_id` names the key that made the pseudonyms of its events.
    #[must_use]
    pub fn new(topic: &str, partition: i32, key_id: &str) -> Self {
        EventBlock {
            topic: topic.to_owned(),
            partition,
            key_id: key_id.to_owned(),
            months: BTreeMap::new(),
            rows: 0,
        }
    }

    /// Adds a redacted event.
    pub fn push(
        &mut self,
        event: &Event<'_>,
        verdict: &Verdict<'_>,
        offset: i64,
        stamped: Option<Timestamp>,
    ) {
        let month = Month::of(event.time);
        let columns = self.months.entry(month).or_insert_with(Columns::new);
        let place = Place {
            topic: &self.topic,
            partition: self.partition,
            offset,
            stamped,
            key_id: &self.key_id,
        };
        columns.push(event, verdict, &place);
        self.rows += 1;
    }

    /// Events so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of memory so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns = self.months.values().flat_map(|columns| &columns.list);
        columns.map(Column::bytes).sum()
    }

    /// How many months the events fall into: the number of INSERTs.
    #[must_use]
    pub fn months(&self) -> usize {
        self.months.len()
    }

    /// Ends the block.
    #[must_use]
    pub fn finish(self) -> Insert {
        let parts = self
            .months
            .into_iter()
            .map(|(month, columns)| Part::new(Some(month.to_string()), columns.rows, columns.list));
        Insert {
            table: "events",
            parts: parts.collect(),
        }
    }
}

/// What the rules said of an event.
#[derive(Clone, Debug, Default)]
pub struct Verdict<'v> {
    /// Ids of the rules that matched.
    pub rules: Vec<&'v str>,
    /// Ids of the exceptions that held matches back, each once.
    pub withheld_by: Vec<&'v str>,
}

/// Where an event stands.
struct Place<'b> {
    topic: &'b str,
    partition: i32,
    offset: i64,
    stamped: Option<Timestamp>,
    key_id: &'b str,
}

/// The columns of one month.
#[derive(Debug)]
struct Columns {
    sources: Vec<Source>,
    list: Vec<Column>,
    rows: usize,
}

impl Columns {
    fn new() -> Self {
        let sources: Vec<Source> = event_columns().collect();
        let list = sources
            .iter()
            .map(|source| Column::new(source.name(), source.wire()))
            .collect();
        Columns {
            sources,
            list,
            rows: 0,
        }
    }

    /// Adds a row.
    fn push(&mut self, event: &Event<'_>, verdict: &Verdict<'_>, place: &Place<'_>) {
        for (source, column) in self.sources.iter().zip(&mut self.list) {
            match source {
                Source::Field(field) => push_field(column, event, *field),
                Source::KeyId => column.push_bytes(place.key_id.as_bytes()),
                Source::Topic => column.push_bytes(place.topic.as_bytes()),
                Source::Partition => column.push_i32(place.partition),
                Source::Offset => column.push_i64(place.offset),
                Source::Stamped => match place.stamped {
                    Some(time) => column.push_time(time),
                    None => column.push_absent(),
                },
                Source::Rules => column.push_texts(verdict.rules.iter().copied()),
                Source::WithheldBy => column.push_texts(verdict.withheld_by.iter().copied()),
            }
        }
        self.rows += 1;
    }
}

#[inline]
fn push_field(column: &mut Column, event: &Event<'_>, field: Field) {
    match event.get(field) {
        None => column.push_absent(),
        Some(Value::Text(text)) => column.push_bytes(text.as_bytes()),
        Some(Value::Number(number)) => column.push_number(number),
        Some(Value::Address(address)) => column.push_address(address),
        Some(Value::Time(time)) => column.push_time(time),
        Some(Value::List(texts)) => column.push_texts(texts.iter().map(Text::as_str)),
        Some(Value::Facts(facts)) => column.push_texts(facts.iter().map(Fact::name)),
    }
}

/// A month of the calendar (UTC), as ClickHouse's `toYYYYMM` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Month(u32);

impl Month {
    fn of(time: Timestamp) -> Self {
        let days = storable(time).seconds() / 86_400;
        let (year, month) = year_and_month(days);
        Month(year * 100 + month)
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Year and month (1-12) of a day counted from 1970-01-01, from 1970 on.
///
/// Counts in 400-year eras that begin on 1 March, so that the leap day comes last:
/// `https://howardhinnant.github.io/date_algorithms.html#civil_from_days`.
fn year_and_month(days: i64) -> (u32, u32) {
    let shifted = u32::try_from(days.max(0)).unwrap_or(u32::MAX - 719_468) + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + u32::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: &str) -> Event<'_> {
        Event {
            time: Timestamp::parse_rfc3339(time).unwrap(),
            path: Some("/a".into()),
            roles: vec!["x".into(), "y".into()],
            status: Some(200),
            ..Event::default()
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (time, month) in [
            ("1970-01-01T00:00:00Z", 197_001),
            ("2000-02-29T23:59:59Z", 200_002),
            ("2000-03-01T00:00:00Z", 200_003),
            ("2026-12-31T23:59:59.999999Z", 202_612),
            ("2100-03-01T00:00:00Z", 210_003),
        ] {
            assert_eq!(Month::of(event(time).time), Month(month), "{time}");
        }
        assert_eq!(Month::of(Timestamp::MIN), Month(197_001));
        assert_eq!(Month::of(Timestamp::from_micros(i64::MAX)), Month(210_602));
    }

    #[test]
    fn every_day_has_the_month_that_the_calendar_says() {
        for days in (0..49_710).step_by(13) {
            let date = jiff::Timestamp::from_second(days * 86_400)
                .unwrap()
                .to_string();
            let (year, month) = year_and_month(days);
            assert_eq!(format!("{year:04}-{month:02}"), date[..7]);
        }
    }

    #[test]
    fn a_block_over_two_months_is_two_inserts() {
        let mut block = EventBlock::new("requests", 3, "1");
        let none = Verdict::default();
        block.push(&event("2026-03-31T23:59:59Z"), &none, 10, None);
        block.push(&event("2026-04-01T00:00:00Z"), &none, 11, None);
        block.push(&event("2026-03-31T23:59:59Z"), &none, 12, None);
        assert_eq!((block.rows(), block.months()), (3, 2));
        let bytes = block.bytes();
        let insert = block.finish();
        let parts: Vec<_> = insert
            .parts
            .iter()
            .map(|part| (part.suffix.as_deref(), part.rows))
            .collect();
        assert_eq!(parts, [(Some("202603"), 2), (Some("202604"), 1)]);
        assert!(insert.bytes() > bytes, "names and types come on top");
    }

    #[test]
    fn what_is_never_stored_has_no_column() {
        let names: Vec<_> = event_columns().map(Source::name).collect();
        for name in [
            "cookie",
            "uri",
            "path_decoded",
            "query_decoded",
            "payload",
            "fact",
        ] {
            assert!(!names.contains(&name), "{name}");
        }
        assert!(names.contains(&"facts"));
    }
}
