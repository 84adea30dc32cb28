//! The course of an alert's entity: something counted of it in each of the windows that end with the alert's newest event.
//!
//! What is counted is what the alert is about, or what is nearest to it and can be counted of stored events. Here is decided what to ask
//! for and what the answer means; `store` asks.

use std::ops::Range;

use super::{Alert, picks};
use crate::event::{Field, Kind, Timestamp};
use crate::picture::{Bars, MOST};
use crate::sigma::CorrelationKind;
use crate::track::Reason;

const MINUTE_US: i64 = 60_000_000;
/// Windows of a correlation up to so many seconds are looked at by the minute, longer ones by the hour.
const BY_THE_MINUTE: u64 = 600;
/// Later events are no events: the year 2200.
const LAST_US: i64 = 7_258_118_400_000_000;

/// What is counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Calls.
    Calls,
    /// Calls that the gateway refused: 401, 403, 429.
    Refused,
    /// Calls for what is not there: 404, 410.
    Missing,
    /// Calls that failed: 5xx.
    Failed,
    /// The share of these among calls.
    FailedShare,
    /// Calls that change something.
    Changes,
    /// Minutes in which there were calls.
    BusyMinutes,
    /// Calls in each of these, in the mean.
    CallsABusyMinute,
    /// Different values of a field.
    Different(Field),
    /// The sum of a number.
    Sum(Field),
    /// Its mean over the calls that show it.
    Mean(Field),
    /// Bytes answered, over all calls.
    BytesACall,
    /// Milliseconds, over the calls that show a duration.
    MillisecondsACall,
}

/// Windows of one length without a gap, oldest first, and what was counted in each.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What was counted.
    pub counted: Counted,
    /// Beginning of the first window.
    pub from: Timestamp,
    /// Length of a window in minutes.
    pub minutes: u32,
    /// One value a window, none below 0; at most [`MOST`].
    pub values: Vec<f64>,
    /// The windows in the time of the alert.
    pub marked: Range<usize>,
    /// What the detector expected of a window; `None` where it expected nothing, or of something else than is counted here.
    pub expected: Option<f64>,
}

impl Series {
    /// Beginning of a window, or the end of the last.
    #[must_use]
    pub fn begin(&self, window: usize) -> Timestamp {
        let windows = i64::try_from(window).unwrap_or(i64::MAX);
        let width = i64::from(self.minutes).saturating_mul(MINUTE_US);
        self.from.plus_micros(width.saturating_mul(windows))
    }

    /// The highest value.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }

    /// As it is drawn.
    #[must_use]
    pub fn bars(&self) -> Bars<'_> {
        Bars {
            values: &self.values,
            marked: self.marked.clone(),
            expected: self.expected,
        }
    }
}

/// What has to be asked for a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Course {
    /// What to count.
    pub(crate) counted: Counted,
    /// Length of a window in minutes.
    pub(crate) minutes: u32,
    /// What picks the events of the entity.
    pub(crate) condition: String,
    /// Number of the first window since the epoch.
    first: i64,
    marked: Range<usize>,
    /// What the detector saw and expected.
    baseline: Option<(f64, f64)>,
}

impl Course {
    /// What shows the course of an alert; `None` where a count says nothing of it, or nothing stored picks its entity.
    pub(crate) fn of(alert: &Alert) -> Option<Course> {
        let (counted, minutes) = counted(alert)?;
        let last = alert.last.micros();
        let window = |micros: i64| micros.div_euclid(i64::from(minutes) * MINUTE_US);
        let end = window(last) + 1;
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        if !(0..LAST_US).contains(&last) || end < most {
            return None;
        }
        let first = end - most;
        let from = (window(alert.first.micros().min(last)) - first).max(0);
        Some(Course {
            counted,
            minutes,
            condition: picks::entity(alert)?,
            first,
            marked: usize::try_from(from).unwrap_or(0)..MOST,
            baseline: match alert.reason {
                Reason::Baseline {
                    observed, expected, ..
                } => Some((observed, expected)),
                _ => None,
            },
        })
    }

    /// Microseconds of a window.
    pub(crate) fn width(&self) -> i64 {
        i64::from(self.minutes) * MINUTE_US
    }

    /// From where to where, in microseconds since 1970.
    pub(crate) fn span(&self) -> Range<i64> {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        self.first * self.width()..(self.first + most) * self.width()
    }

    /// The series that windows (numbers since the epoch) and their values make; `None` without any.
    pub(crate) fn series(self, counted: &[(i64, f64)]) -> Option<Series> {
        let mut values = vec![0.0; MOST];
        for (window, value) in counted {
            let place = usize::try_from(window - self.first).ok();
            if let Some(place) = place.and_then(|place| values.get_mut(place)) {
                *place = if value.is_finite() {
                    value.max(0.0)
                } else {
                    0.0
                };
            }
        }
        let (from, marked) = (self.span().start, self.marked);
        let expected = self.baseline.and_then(|(observed, expected)| {
            let mut seen = values[marked.clone()].iter();
            seen.any(|value| agree(*value, observed))
                .then_some(expected)
        });
        values.iter().any(|value| *value > 0.0).then(|| Series {
            counted: self.counted,
            from: Timestamp::from_micros(from),
            minutes: self.minutes,
            values,
            marked,
            expected: expected.filter(|expected| expected.is_finite() && *expected >= 0.0),
        })
    }
}

/// Whether what the store counts is what the detector saw: detectors count different values within some 10 %, and know a caller
/// through one integration, where the store has all its calls. Where they differ, what was expected says nothing of the series.
fn agree(stored: f64, observed: f64) -> bool {
    (stored - observed).abs() <= 0.2 * observed.abs() + 0.01
}

/// What is counted for an alert, in windows of how many minutes.
fn counted(alert: &Alert) -> Option<(Counted, u32)> {
    match &alert.reason {
        Reason::Baseline { metric, .. } => match (alert.rule.family.as_str(), metric.as_str()) {
            ("series", words) => of_words(words),
            ("errors", _) => Some((Counted::FailedShare, 10)),
            ("volume", _) => Some((Counted::Calls, 10)),
            (_, "requests a minute") => Some((Counted::Calls, 1)),
            (_, feature) => Some((of_feature(feature), 60)),
        },
        Reason::Correlation {
            measure, window_s, ..
        } => {
            let counted = match measure {
                CorrelationKind::EventCount => Counted::Calls,
                CorrelationKind::ValueCount { fields } => match fields[..] {
                    [field] if picks::is_stored(field) => Counted::Different(field),
                    _ => Counted::Calls,
                },
                _ => return None,
            };
            // What lasts longer than half of the picture would have nothing to be held against.
            let half = i64::try_from(MOST / 2).unwrap_or(0) * MINUTE_US;
            let is_short = *window_s <= BY_THE_MINUTE && alert.last.since(alert.first) <= half;
            Some((counted, if is_short { 1 } else { 60 }))
        }
        _ => None,
    }
}

/// The features of behaviour by their names; of what is new, calls.
fn of_feature(metric: &str) -> Counted {
    match metric {
        "minutes with calls" => Counted::BusyMinutes,
        "calls in a busy minute" => Counted::CallsABusyMinute,
        "different records an hour"
        | "records of others an hour"
        | "records of other persons an hour" => Counted::Different(Field::ResourceId),
        "different operations an hour" => Counted::Different(Field::Operation),
        "different addresses an hour" => Counted::Different(Field::ClientAddress),
        "different user agents an hour" => Counted::Different(Field::UserAgent),
        "refused calls an hour" => Counted::Refused,
        "calls for what is not there" => Counted::Missing,
        "failed calls an hour" => Counted::Failed,
        "changes an hour" => Counted::Changes,
        "records answered an hour" => Counted::Sum(Field::RecordCount),
        "bytes answered a call" => Counted::BytesACall,
        "milliseconds a call" => Counted::MillisecondsACall,
        _ => Counted::Calls,
    }
}

/// A watched number by its words: `entries (calls in 5 min)`, `plates (sum of record_count in 60 min)`.
fn of_words(metric: &str) -> Option<(Counted, u32)> {
    let (_, words) = metric.strip_suffix(" min)")?.rsplit_once(" (")?;
    let (of, minutes) = words.rsplit_once(" in ")?;
    let minutes: u32 = minutes.parse().ok()?;
    let number = |name: &str| {
        let field = Field::from_name(name)?;
        (field.kind() == Kind::Number).then_some(field)
    };
    let counted = match of {
        "calls" => Counted::Calls,
        "refused calls" => Counted::Refused,
        "failed calls" => Counted::Failed,
        "share of failed calls" => Counted::FailedShare,
        _ => match (of.strip_prefix("sum of "), of.strip_prefix("mean of ")) {
            (Some(field), _) => Counted::Sum(number(field)?),
            (_, Some(field)) => Counted::Mean(number(field)?),
            _ => return None,
        },
    };
    (1..=1_440).contains(&minutes).then_some((counted, minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::samples;

    fn odd_hour(metric: &str, observed: f64) -> Alert {
        let mut alert = samples::baseline();
        alert.rule.family = "behaviour".to_owned();
        if let Reason::Baseline {
            metric: name,
            observed: seen,
            ..
        } = &mut alert.reason
        {
            metric.clone_into(name);
            *seen = observed;
        }
        alert
    }

    #[test]
    fn the_windows_end_with_the_newest_event_and_those_of_the_alert_are_marked() {
        let mut alert = odd_hour("refused calls an hour", 40.0);
        alert.first = Timestamp::from_seconds(samples::START - 3_600);
        alert.last = Timestamp::from_seconds(samples::START + 3_599);
        let course = Course::of(&alert).unwrap();
        assert_eq!((course.counted, course.minutes), (Counted::Refused, 60));
        assert_eq!(course.condition, "client_id = 'mobile-app'");
        let end = (samples::START + 3_600) * 1_000_000;
        assert_eq!(course.span(), end - 48 * 3_600_000_000..end);
        let last = end / 3_600_000_000 - 1;
        let series = course
            .series(&[
                (last, 38.0),
                (last - 1, f64::NAN),
                (last - 47, 2.0),
                (last + 1, 9.0),
            ])
            .unwrap();
        assert_eq!(
            (series.values[0], series.values[46], series.values[47]),
            (2.0, 0.0, 38.0)
        );
        assert_eq!(series.marked, 46..48);
        assert_eq!(series.begin(48).micros(), end);
        assert_eq!(
            series.expected,
            Some(12.5),
            "38 calls are the 40 that were seen"
        );
    }

    #[test]
    fn what_was_expected_of_something_else_is_not_shown() {
        let course = Course::of(&odd_hour("hours with a new network", 1.0)).unwrap();
        assert_eq!(course.counted, Counted::Calls);
        let last = course.span().end / course.width() - 1;
        let series = course.series(&[(last, 60.0)]).unwrap();
        assert_eq!(series.expected, None);
    }

    #[test]
    fn where_nothing_is_stored_there_is_nothing_to_show() {
        let course = Course::of(&samples::correlation()).unwrap();
        assert_eq!(course.counted, Counted::Different(Field::ResourceId));
        assert_eq!(course.minutes, 1);
        assert_eq!(course.series(&[]), None);
        assert_eq!(
            Course::of(&samples::hostile()),
            None,
            "a pattern is no count"
        );
        let mut alert = samples::baseline();
        for micros in [i64::MIN, -1, 0, 60_000_000, LAST_US, i64::MAX] {
            alert.last = Timestamp::from_micros(micros);
            assert_eq!(Course::of(&alert), None, "{micros}");
        }
    }

    #[test]
    fn a_correlation_that_lasts_is_looked_at_by_the_hour() {
        let mut alert = samples::correlation();
        alert.first = Timestamp::from_micros(i64::MIN);
        let course = Course::of(&alert).unwrap();
        assert_eq!((course.minutes, course.marked), (60, 0..48));
    }

    #[test]
    fn a_watched_number_is_known_by_its_words() {
        let known = of_words("plates (of (all) in 5 min) (sum of record_count in 15 min)");
        assert_eq!(known, Some((Counted::Sum(Field::RecordCount), 15)));
        assert_eq!(
            of_words("x (share of failed calls in 5 min)"),
            Some((Counted::FailedShare, 5))
        );
        for unknown in [
            "",
            "x (calls in 0 min)",
            "x (sum of path in 5 min)",
            "x (calls in 5 h)",
        ] {
            assert_eq!(of_words(unknown), None, "{unknown}");
        }
    }
}
