//! The prior of request rates: what is usual before a client has a past. `models/request-rate/`, with its card.

use serde::Deserialize;
use thiserror::Error;

use super::season::single;

/// Hours of a week.
const WEEK: usize = 168;

/// What is usual among clients.
#[derive(Clone, Debug)]
pub(crate) struct Prior {
    /// Requests in an active minute.
    pub(crate) mean: f64,
    /// Dispersion φ of the count around its expectation: variance μ + φμ².
    pub(crate) dispersion: f64,
    /// A client's own minutes that weigh as much as the prior.
    pub(crate) minutes: f64,
    /// A client's own days that weigh as much as the prior's shape.
    pub(crate) days: f64,
    /// Factor of each hour of the week from Monday 00:00 local time; mean 1.
    pub(crate) week: Vec<f32>,
    /// Mean of `week` at each hour of the day.
    pub(crate) hours_of_day: Vec<f32>,
    /// Mean of `week` on each day of the week.
    pub(crate) days_of_week: Vec<f32>,
}

/// The prior file cannot be used.
#[derive(Debug, Error)]
pub enum PriorError {
    /// Not JSON of the documented shape.
    #[error("the prior of request rates cannot be read: {0}")]
    Shape(#[from] serde_json::Error),
    /// A value out of range.
    #[error("the prior of request rates has a bad `{field}`: {hint}")]
    Value {
        /// Key in the file.
        field: &'static str,
        /// What it has to be.
        hint: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    mean: f64,
    dispersion: f64,
    minutes: f64,
    days: f64,
    hour_of_week: Vec<f64>,
}

impl Prior {
    /// The prior that is compiled in.
    pub(crate) fn built_in() -> Self {
        Prior::parse(include_str!("../../../models/request-rate/prior.json"))
            .expect("the prior that is compiled in is tested")
    }

    /// Reads a prior from the text of its file.
    pub(crate) fn parse(text: &str) -> Result<Self, PriorError> {
        let file: File = serde_json::from_str(text)?;
        let bad = |field, hint| Err(PriorError::Value { field, hint });
        if file.format != 1 {
            return bad("format", "this version reads format 1");
        }
        for (field, value) in [
            ("mean", file.mean),
            ("dispersion", file.dispersion),
            ("minutes", file.minutes),
            ("days", file.days),
        ] {
            if !(value > 0.0 && value < 1e9) {
                return bad(field, "it must be a positive number below 1e9");
            }
        }
        if file.hour_of_week.len() != WEEK
            || file
                .hour_of_week
                .iter()
                .any(|f| !(0.01..=100.0).contains(f))
        {
            return bad(
                "hour_of_week",
                "it must be 168 factors between 0.01 and 100",
            );
        }
        let mean = average(file.hour_of_week.iter().copied());
        let week: Vec<f64> = file
            .hour_of_week
            .iter()
            .map(|factor| factor / mean)
            .collect();
        let hours = (0..24).map(|hour| average(week.iter().skip(hour).step_by(24).copied()));
        let days = week.chunks(24).map(|day| average(day.iter().copied()));
        Ok(Prior {
            mean: file.mean,
            dispersion: file.dispersion,
            minutes: file.minutes,
            days: file.days,
            hours_of_day: hours.map(single).collect(),
            days_of_week: days.map(single).collect(),
            week: week.into_iter().map(single).collect(),
        })
    }
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_prior_is_whole_and_has_mean_one() {
        let prior = Prior::built_in();
        let mean: f32 = prior.week.iter().sum::<f32>() / 168.0;
        assert!((mean - 1.0).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn a_bad_prior_is_refused_by_the_name_of_its_field() {
        let bad = r#"{"format":1,"mean":-1.0,"dispersion":1.0,"minutes":30.0,"days":3.0,"hour_of_week":[1.0]}"#;
        assert!(
            Prior::parse(bad)
                .unwrap_err()
                .to_string()
                .contains("`mean`")
        );
        let bad = bad.replace("-1.0", "1.0");
        assert!(
            Prior::parse(&bad)
                .unwrap_err()
                .to_string()
                .contains("`hour_of_week`")
        );
        assert!(Prior::parse("{").is_err());
    }
}
