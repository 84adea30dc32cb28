//! The course of an alert's entity, counted of stored events.

use super::StoreError;
use super::client::Store;
use super::columns::{Source, column_of};
use crate::alert::{Alert, Counted, Course, Series};
use crate::picture::MOST;

/// Seconds after which the server gives up: whoever asks waits no longer.
const SECONDS: &str = "2";

impl Store {
    /// What an alert's entity did in the windows up to the alert's newest event; `None` where a count says nothing of the alert, or
    /// nothing is stored of its entity any more. One query over that time, of two seconds at most.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses or takes longer.
    pub async fn series_of(&self, alert: &Alert) -> Result<Option<Series>, StoreError> {
        let Some(course) = Course::of(alert) else {
            return Ok(None);
        };
        let Some(sql) = statement(&course) else {
            return Ok(None);
        };
        // Names in the log may hold what stands for a value that is to be bound.
        let query = self
            .sharded
            .query(&sql.replace('?', "??"))
            .with_setting("max_execution_time", SECONDS);
        let counted = query.fetch_all::<(i64, f64)>();
        let counted = self
            .within(counted, "the course of an alert", false)
            .await?;
        Ok(course.series(&counted))
    }
}

/// The query; `None` for a field that is not stored.
fn statement(course: &Course) -> Option<String> {
    let value = expression(course.counted)?;
    let (span, width, condition) = (course.span(), course.width(), &course.condition);
    Some(format!(
        "SELECT intDiv(toUnixTimestamp64Micro(time), {width}) AS window, toFloat64({value}) AS value FROM events \
         WHERE time >= fromUnixTimestamp64Micro({}, 'UTC') AND time < fromUnixTimestamp64Micro({}, 'UTC') \
         AND ({condition}) GROUP BY window ORDER BY window LIMIT {MOST}",
        span.start, span.end
    ))
}

fn expression(counted: Counted) -> Option<String> {
    let text = match counted {
        Counted::Calls => "count()".to_owned(),
        Counted::Refused => "countIf(status IN (401, 403, 429))".to_owned(),
        Counted::Missing => "countIf(status IN (404, 410))".to_owned(),
        Counted::Failed => "countIf(status >= 500)".to_owned(),
        Counted::FailedShare => "countIf(status >= 500) / count()".to_owned(),
        Counted::Changes => "countIf(method IN ('POST', 'PUT', 'PATCH', 'DELETE'))".to_owned(),
        Counted::BusyMinutes => BUSY_MINUTES.to_owned(),
        Counted::CallsABusyMinute => format!("count() / {BUSY_MINUTES}"),
        Counted::Different(field) => format!(
            "uniqIf({}, {})",
            column_of(field)?,
            Source::Field(field).shown()
        ),
        Counted::Sum(field) => format!("sum({})", column_of(field)?),
        Counted::Mean(field) => format!(
            "avgIf({}, {})",
            column_of(field)?,
            Source::Field(field).shown()
        ),
        Counted::BytesACall => "sum(response_bytes) / count()".to_owned(),
        Counted::MillisecondsACall => "avgIf(duration_us, duration_us > 0) / 1000".to_owned(),
    };
    Some(text)
}

const BUSY_MINUTES: &str = "uniq(toStartOfMinute(time))";
