//! Times as readers type and see them: in their zone, and in addresses as RFC 3339, so that whoever gets an address sees the same.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::event::Timestamp;

/// How a time is shown in a field, and may be typed.
const SHOWN: &str = "%Y-%m-%d %H:%M:%S%.f";
/// How times may be typed besides; the last ones as Russian pages show them.
const TYPED: [&str; 5] = [
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%Y %H:%M:%S%.f",
    "%d.%m.%Y %H:%M",
];
const DAYS: [&str; 2] = ["%Y-%m-%d", "%d.%m.%Y"];
/// Names of parameters that hold times.
const NAMES: [&str; 2] = ["from", "until"];

/// RFC 3339, or a time or day in the zone of whoever typed it.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Some(time);
    }
    let mut formats = [SHOWN].into_iter().chain(TYPED);
    let typed = formats.find_map(|format| DateTime::strptime(format, text).ok());
    let day = || {
        let mut formats = DAYS.into_iter();
        formats.find_map(|format| Date::strptime(format, text).ok())
    };
    let local = typed.or_else(|| day().map(|day| day.at(0, 0, 0, 0)))?;
    let zoned = local.to_zoned_datetime(zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

/// What a field shows of a time that an address holds: the same in the reader's zone, and as it is where it is none.
pub(super) fn field(text: &str, zone: &TimeZone) -> String {
    let time = parse(text, zone).map(Timestamp::micros);
    let instant = time.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    instant.map_or_else(
        || text.to_owned(),
        |instant| {
            let local = instant.to_zoned_datetime(zone.clone());
            local.strftime(SHOWN).to_string()
        },
    )
}

/// The same page with its times as RFC 3339, where a reader typed them otherwise.
pub(super) fn shareable(
    path: &str,
    query: &HashMap<String, String>,
    zone: &TimeZone,
) -> Option<String> {
    let mut pairs: BTreeMap<&str, String> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let mut is_other = false;
    for name in NAMES {
        let typed = pairs.get(name).map(|text| text.trim());
        let typed = typed.filter(|text| Timestamp::parse_rfc3339(text).is_none());
        if let Some(time) = typed.and_then(|text| parse(text, zone)) {
            pairs.insert(name, time.to_string());
            is_other = true;
        }
    }
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(&pairs);
    is_other.then(|| format!("{path}?{}", text.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moscow() -> TimeZone {
        TimeZone::get("Europe/Moscow").unwrap()
    }

    #[test]
    fn times_are_read_as_people_write_them_in_their_zone() {
        let noon = Timestamp::parse_rfc3339("2026-11-01T12:00:00Z");
        for text in [
            "2026-11-01T12:00:00Z",
            "2026-11-01T15:00:00+03:00",
            "2026-11-01 15:00",
            "2026-11-01 15:00:00",
            "2026-11-01T15:00",
            "01.11.2026 15:00:00",
            "01.11.2026 15:00",
        ] {
            assert_eq!(parse(text, &moscow()), noon, "{text}");
        }
        let day = Timestamp::parse_rfc3339("2026-10-31T21:00:00Z");
        assert_eq!(parse("2026-11-01", &moscow()), day);
        assert_eq!(parse("01.11.2026", &moscow()), day);
        assert_eq!(parse("yesterday", &moscow()), None);
    }

    #[test]
    fn a_field_shows_what_it_reads() {
        let exact = "2026-11-01T12:00:00.000001Z";
        let shown = field(exact, &moscow());
        assert_eq!(shown, "2026-11-01 15:00:00.000001");
        assert_eq!(parse(&shown, &moscow()), Timestamp::parse_rfc3339(exact));
        let whole = field("2026-11-01T12:00:00Z", &moscow());
        assert_eq!(whole, "2026-11-01 15:00:00");
        assert_eq!(field("yesterday", &moscow()), "yesterday");
    }

    #[test]
    fn an_address_means_the_same_to_everybody() {
        let query = |from: &str| {
            let pairs = [("q", "a b"), ("from", from), ("until", "")];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            HashMap::from(pairs)
        };
        assert_eq!(
            shareable("/events", &query("2026-11-01 15:00"), &moscow()).unwrap(),
            "/events?from=2026-11-01T12%3A00%3A00.000000Z&q=a+b"
        );
        for from in ["2026-11-01T12:00:00Z", "", "yesterday"] {
            assert_eq!(shareable("/events", &query(from), &moscow()), None);
        }
    }
}
