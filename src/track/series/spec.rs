//! Which numbers are watched: what the configuration says, resolved.

use compact_str::CompactString;
use thiserror::Error;

use crate::config;
use crate::diagnostic::did_you_mean;
use crate::event::{Event, Field, Kind, Value};
use crate::track::expectation::is_of;
use crate::track::stable_hash;

/// Minutes of a day: a whole number of values has to fit.
const DAY: u32 = 1_440;

/// A number of each integration that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesSpec {
    pub(super) name: CompactString,
    measure: Measure,
    integrations: Vec<CompactString>,
    operations: Vec<CompactString>,
    /// Minutes of a value.
    pub(super) minutes: u32,
    /// The same as long as the same is watched.
    pub(super) key: u64,
}

/// What is made of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Calls,
    Refused,
    Failed,
    FailedShare,
    Sum(Field),
    Mean(Field),
}

/// A number that cannot be watched as the configuration says.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SeriesError {
    /// No field of an event has that name.
    #[error("track.series.watched: {name:?}: an event has no field {field:?}{hint}")]
    UnknownField {
        /// Of which entry.
        name: String,
        /// The field.
        field: String,
        /// The nearest, or empty.
        hint: String,
    },
    /// The field is text, a time or a list.
    #[error(
        "track.series.watched: {name:?}: {field} is no number; numbers are record_count, response_bytes, request_bytes, duration_us and the like (docs/events.md)"
    )]
    NoNumber {
        /// Of which entry.
        name: String,
        /// The field.
        field: String,
    },
    /// `sum` and `mean` need a field, the others have none.
    #[error(
        "track.series.watched: {name:?}: `field` goes with `sum` and `mean`, and only with these"
    )]
    Field {
        /// Of which entry.
        name: String,
    },
    /// Values that do not fill a day.
    #[error(
        "track.series.watched: {name:?}: minutes = {minutes} does not divide a day; take 1, 5, 10, 15, 30 or 60"
    )]
    Minutes {
        /// Of which entry.
        name: String,
        /// What was said.
        minutes: u32,
    },
    /// The name could be the end of an integration's.
    #[error(
        "track.series.watched: {0:?}: a name has no ` | ` in it, which stands between an integration and what is watched of it"
    )]
    Name(String),
    /// Two of one name: findings could not be told apart.
    #[error("track.series.watched: {0:?} is there twice")]
    Twice(String),
}

/// What of a value was seen so far, in sums that join in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Sums {
    sum: u64,
    of: u64,
}

impl Sums {
    pub(super) fn join(&mut self, other: Sums) {
        self.sum = self.sum.saturating_add(other.sum);
        self.of = self.of.saturating_add(other.of);
    }
}

impl SeriesSpec {
    /// What the configuration wants watched.
    ///
    /// # Errors
    /// The first entry that makes no sense.
    pub fn all(settings: &config::Series) -> Result<Vec<SeriesSpec>, SeriesError> {
        let mut specs: Vec<SeriesSpec> = Vec::with_capacity(settings.watched.len());
        for watched in &settings.watched {
            let spec = SeriesSpec::of(watched)?;
            if specs.iter().any(|known| known.name == spec.name) {
                return Err(SeriesError::Twice(watched.name.clone()));
            }
            specs.push(spec);
        }
        Ok(specs)
    }

    fn of(watched: &config::WatchedSeries) -> Result<SeriesSpec, SeriesError> {
        let name = watched.name.clone();
        if name.contains(" | ") {
            return Err(SeriesError::Name(name));
        }
        if watched.minutes == 0 || !DAY.is_multiple_of(watched.minutes) {
            let minutes = watched.minutes;
            return Err(SeriesError::Minutes { name, minutes });
        }
        let field = match &watched.field {
            Some(field) => Some(number_field(&name, field)?),
            None => None,
        };
        let measure = match (watched.measure, field) {
            (config::SeriesMeasure::Calls, None) => Measure::Calls,
            (config::SeriesMeasure::Refused, None) => Measure::Refused,
            (config::SeriesMeasure::Failed, None) => Measure::Failed,
            (config::SeriesMeasure::FailedShare, None) => Measure::FailedShare,
            (config::SeriesMeasure::Sum, Some(field)) => Measure::Sum(field),
            (config::SeriesMeasure::Mean, Some(field)) => Measure::Mean(field),
            _ => return Err(SeriesError::Field { name }),
        };
        let owned = |names: &[String]| names.iter().map(CompactString::from).collect();
        Ok(SeriesSpec {
            name: name.into(),
            measure,
            integrations: owned(&watched.integrations),
            operations: owned(&watched.operations),
            minutes: watched.minutes,
            key: stable_hash(&[format!("{watched:?}").as_bytes()]),
        })
    }

    pub(super) fn is_of_integration(&self, integration: &str) -> bool {
        self.integrations.is_empty() || self.integrations.iter().any(|it| it == integration)
    }

    /// What an event of its integrations adds.
    pub(super) fn take(&self, event: &Event<'_>) -> Option<Sums> {
        if !is_of(&self.operations, event) {
            return None;
        }
        let status = event.status.unwrap_or(0);
        let sum = match self.measure {
            Measure::Calls => 1,
            Measure::Refused => matches!(status, 401 | 403 | 429).into(),
            Measure::Failed | Measure::FailedShare => (status >= 500).into(),
            // History cannot tell 0 from what the log does not show, so neither counts in a mean.
            Measure::Sum(field) | Measure::Mean(field) => match event.get(field) {
                Some(Value::Number(number)) if number > 0 => number,
                _ => return None,
            },
        };
        Some(Sums { sum, of: 1 })
    }

    /// The value that sums make; `None` where there is none: a mean of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a measure, not a count")]
    pub(super) fn value(&self, sums: Sums) -> Option<f64> {
        match self.measure {
            Measure::FailedShare | Measure::Mean(_) => {
                (sums.of > 0).then(|| sums.sum as f64 / sums.of as f64)
            }
            _ => Some(sums.sum as f64),
        }
    }

    /// What its values are, for people.
    pub(super) fn words(&self) -> String {
        let of = match self.measure {
            Measure::Calls => "calls".to_owned(),
            Measure::Refused => "refused calls".to_owned(),
            Measure::Failed => "failed calls".to_owned(),
            Measure::FailedShare => "share of failed calls".to_owned(),
            Measure::Sum(field) => format!("sum of {}", field.name()),
            Measure::Mean(field) => format!("mean of {}", field.name()),
        };
        format!("{} ({of} in {} min)", self.name, self.minutes)
    }
}

fn number_field(name: &str, field: &str) -> Result<Field, SeriesError> {
    let Some(found) = Field::from_name(field) else {
        let numbers = Field::ALL
            .iter()
            .filter(|field| field.kind() == Kind::Number);
        let hint = did_you_mean(field, numbers.map(|field| field.name()));
        return Err(SeriesError::UnknownField {
            name: name.to_owned(),
            field: field.to_owned(),
            hint: hint.map_or_else(String::new, |hint| format!("; {hint}")),
        });
    };
    if found.kind() == Kind::Number {
        Ok(found)
    } else {
        Err(SeriesError::NoNumber {
            name: name.to_owned(),
            field: field.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Series, SeriesMeasure, WatchedSeries};

    fn all(change: impl Fn(&mut WatchedSeries)) -> Result<Vec<SeriesSpec>, SeriesError> {
        let mut watched = WatchedSeries {
            name: "residents read".to_owned(),
            measure: SeriesMeasure::Sum,
            field: Some("record_count".to_owned()),
            ..WatchedSeries::default()
        };
        change(&mut watched);
        let watched = vec![watched];
        SeriesSpec::all(&Series {
            watched,
            ..Series::default()
        })
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_name() {
        assert_eq!(
            all(|_| {}).unwrap()[0].words(),
            "residents read (sum of record_count in 5 min)"
        );
        let said = |change: fn(&mut WatchedSeries)| all(change).unwrap_err().to_string();
        let typo = said(|it| it.field = Some("record_cuont".to_owned()));
        assert!(
            typo.contains("residents read") && typo.contains("did you mean `record_count`?"),
            "{typo}"
        );
        assert!(said(|it| it.field = Some("path".to_owned())).contains("path is no number"));
        assert!(said(|it| it.field = None).contains("`field` goes with"));
        assert!(said(|it| it.measure = SeriesMeasure::Calls).contains("`field` goes with"));
        assert!(said(|it| it.minutes = 7).contains("does not divide a day"));
        assert!(said(|it| it.minutes = 0).contains("does not divide a day"));
        assert!(said(|it| it.name = "a | b".to_owned()).contains("no ` | ` in it"));
    }

    #[test]
    fn values_are_sums_or_shares_of_the_calls_of_its_operations() {
        let event = |status, records| Event {
            status: Some(status),
            record_count: Some(records),
            operation: Some("GET /residents".into()),
            ..Event::default()
        };
        let value = |change: fn(&mut WatchedSeries)| {
            let spec = all(change).unwrap().remove(0);
            let mut sums = Sums::default();
            for event in [event(200, 40), event(503, 0), event(403, 2)] {
                if let Some(more) = spec.take(&event) {
                    sums.join(more);
                }
            }
            spec.value(sums)
        };
        let measure = |it: &mut WatchedSeries, measure| {
            (it.measure, it.field) = (measure, None);
        };
        assert_eq!(value(|_| {}), Some(42.0));
        assert_eq!(value(|it| it.measure = SeriesMeasure::Mean), Some(21.0));
        assert_eq!(
            value(|it| it.operations = vec!["GET /plates".to_owned()]),
            Some(0.0)
        );
        assert_eq!(
            value(|it| (it.measure, it.operations) = (SeriesMeasure::Mean, vec!["none".to_owned()])),
            None
        );
        for (of, expected) in [
            (SeriesMeasure::Calls, 3.0),
            (SeriesMeasure::Refused, 1.0),
            (SeriesMeasure::Failed, 1.0),
            (SeriesMeasure::FailedShare, 1.0 / 3.0),
        ] {
            let spec = all(|it| measure(it, of)).unwrap().remove(0);
            let mut sums = Sums::default();
            for event in [event(200, 40), event(503, 0), event(403, 2)] {
                sums.join(spec.take(&event).unwrap());
            }
            assert_eq!(spec.value(sums), Some(expected));
        }
    }
}
