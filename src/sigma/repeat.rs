//! Many events of a test sequence from one line: `{repeat: 40, every: 3s, time: …, path: "/residents/{n}"}`.
//!
//! `{n}` counts from 1 in every text of the event, and each event comes `every` after the one before. A sequence with such a
//! line is put into order of time, so that lines tell of callers who act beside each other.

use super::attributes::event;
use super::error::Reading;
use super::rule::TestEvent;
use crate::event::{Event, Timestamp};
use crate::yaml::{Kind, Node, Number};

/// Most events of one line.
const MOST: i128 = 10_000;

/// Where the number of the event goes.
const NUMBER: &str = "{n}";

/// The events of one item of a sequence; what is wrong is noted.
pub(crate) fn events(node: &Node, reading: &mut Reading<'_>) -> Vec<TestEvent> {
    let Some(repeat) = node.get("repeat") else {
        if let Some(every) = node.get("every") {
            reading.error(every.place, "`every` says nothing without `repeat`");
            return Vec::new();
        }
        return event(node, reading).into_iter().collect();
    };
    let (Some(times), Some(every_us)) = (times(repeat, reading), every(node, reading)) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    for number in 0..times {
        let mut one = without_repeat(node);
        fill(&mut one, &(number + 1).to_string());
        if number > 0 {
            let Some(time) = time_of(&events[0]) else {
                break;
            };
            set_time(&mut one, time.plus_micros(every_us.saturating_mul(number)));
        }
        // One broken line is told of once.
        let Some(event) = event(&one, reading) else {
            break;
        };
        events.push(event);
    }
    events
}

/// Puts a sequence in order of time, when a line of it was repeated.
pub(crate) fn sort(items: &[Node], events: &mut [TestEvent]) {
    if items.iter().any(|item| item.get("repeat").is_some()) {
        events.sort_by_key(time_of);
    }
}

fn times(node: &Node, reading: &mut Reading<'_>) -> Option<i64> {
    if let Kind::Number {
        value: Number::Whole(times @ 1..=MOST),
        ..
    } = node.kind
    {
        return i64::try_from(times).ok();
    }
    reading.error(node.place, "`repeat` is a whole number from 1 to 10000");
    None
}

/// Microseconds between two events: a whole number and `ms`, `s`, `m` or `h`.
fn every(node: &Node, reading: &mut Reading<'_>) -> Option<i64> {
    let Some(every) = node.get("every") else {
        reading.error(node.place, "`repeat` needs `every`, such as `every: 3s`");
        return None;
    };
    let written = every.scalar_text().unwrap_or_default();
    let micros = [
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
    ]
    .into_iter()
    .find_map(|(unit, micros)| {
        let digits = written.strip_suffix(unit)?;
        digits.parse::<u32>().ok().map(|n| i64::from(n) * micros)
    });
    if micros.is_none() {
        let message = "`every` is a whole number and ms, s, m or h";
        reading.error(every.place, message);
    }
    micros
}

fn without_repeat(node: &Node) -> Node {
    let mut one = node.clone();
    if let Kind::Map(entries) = &mut one.kind {
        entries.retain(|(key, _)| !matches!(key.scalar_text(), Some("repeat" | "every")));
    }
    one
}

fn fill(node: &mut Node, number: &str) {
    match &mut node.kind {
        Kind::Text(text) if text.contains(NUMBER) => *text = text.replace(NUMBER, number),
        Kind::List(items) => items.iter_mut().for_each(|item| fill(item, number)),
        Kind::Map(entries) => {
            for (_, value) in entries {
                fill(value, number);
            }
        }
        _ => {}
    }
}

fn time_of(event: &TestEvent) -> Option<Timestamp> {
    let event: Event<'_> = serde_json::from_str(&event.json).ok()?;
    Some(event.time)
}

fn set_time(node: &mut Node, time: Timestamp) {
    if let Kind::Map(entries) = &mut node.kind {
        for (key, value) in entries {
            if key.scalar_text() == Some("time") {
                value.kind = Kind::Text(time.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::vocabulary::Vocabulary;
    use crate::yaml;

    fn expand(source: &str) -> Result<Vec<String>, String> {
        let document = yaml::parse(source).unwrap().remove(0);
        let path = std::path::Path::new("a.yml");
        let vocabulary = Vocabulary::default();
        let mut reading = Reading::new(path, source, &vocabulary);
        let found = events(&document, &mut reading);
        match reading.count() {
            0 => Ok(found.into_iter().map(|event| event.json).collect()),
            _ => Err(format!("{} problems", reading.count())),
        }
    }

    #[test]
    fn one_line_is_many_events() {
        let found = expand(
            "{repeat: 3, every: 90s, time: '2026-03-02T09:15:00Z', client_address: '10.0.0.{n}'}",
        )
        .unwrap();
        assert_eq!(found.len(), 3);
        assert!(found[2].contains("2026-03-02T09:18:00"), "{}", found[2]);
        assert!(found[2].contains("10.0.0.3"), "{}", found[2]);
    }

    #[test]
    fn what_cannot_be_repeated_is_told_once() {
        for wrong in [
            "{repeat: 0, every: 1s, time: 0}",
            "{repeat: 2, time: 0}",
            "{every: 1s, time: 0}",
            "{repeat: 2, every: soon, time: 0}",
            "{repeat: 100001, every: 1s, time: 0}",
            "{repeat: 900, every: 1s, time: 0, client_address: '10.0.0.{n}'}",
            "{repeat: 900, every: 1s, time: 0, statuss: 1}",
        ] {
            assert_eq!(expand(wrong), Err("1 problems".to_owned()), "{wrong}");
        }
    }
}
