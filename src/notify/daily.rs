//! When the daily mail is due.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::mail::DailyCounts;
use super::policy::NAMESPACE;
use crate::event::Timestamp;

const HOUR: i64 = 3_600_000_000;
/// A daily mail that could not go out in time still goes out so much later; after that its absence has told enough.
const GRACE: i64 = 6 * HOUR;
/// Counts older than this are not those of the day.
const FRESH: i64 = 2 * HOUR;

/// The id of the daily mail that is due now: that of today, from its time on for six hours.
pub(crate) fn due(zone: &TimeZone, at: jiff::civil::Time, now: Timestamp) -> Option<Uuid> {
    let instant = jiff::Timestamp::from_microsecond(now.micros()).ok()?;
    let today = instant.to_zoned_datetime(zone.clone()).date();
    // A time that the clocks jump over is taken as the time after the jump.
    let due = today.to_datetime(at).to_zoned_datetime(zone.clone()).ok()?;
    let since = now.micros() - due.timestamp().as_microsecond();
    (0..GRACE)
        .contains(&since)
        .then(|| Uuid::new_v5(&NAMESPACE, format!("daily {today}").as_bytes()))
}

/// Whether the counts are those of the day that ends now.
pub(crate) fn is_fresh(counts: &DailyCounts, now: Timestamp) -> bool {
    now.since(counts.until) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_from_its_time_on_and_once_a_day() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let at = jiff::civil::time(8, 0, 0, 0);
        let moment = |text: &str| due(&zone, at, Timestamp::parse_rfc3339(text).unwrap());
        assert_eq!(moment("2026-03-01T07:59:59+03:00"), None);
        let id = moment("2026-03-01T08:00:00+03:00");
        assert!(id.is_some());
        assert_eq!(moment("2026-03-01T13:00:00+03:00"), id);
        assert_eq!(moment("2026-03-01T14:00:00+03:00"), None);
        assert_ne!(moment("2026-03-02T08:00:00+03:00"), id);
    }

    #[test]
    fn a_time_that_the_clocks_jump_over_is_still_due() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = jiff::civil::time(2, 30, 0, 0);
        let now = Timestamp::parse_rfc3339("2026-03-29T03:30:00+02:00").unwrap();
        assert!(due(&zone, at, now).is_some());
    }
}
