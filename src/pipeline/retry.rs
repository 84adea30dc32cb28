//! How often and how long the pipeline tries again.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use metrics::counter;
use tracing::warn;

use crate::store::StoreError;
use crate::telemetry::metric;

/// Without end, at most five seconds apart: for what must not be given up.
pub fn forever() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
}

/// Asks ClickHouse until it answers; each failure is counted, logged and handed to `failed`.
pub async fn patiently<T, F>(
    what: &'static str,
    failed: impl Fn(&StoreError),
    attempt: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let result = attempt
        .retry(forever())
        .notify(|error: &StoreError, _| {
            counter!(metric::RETRIES, "part" => "clickhouse").increment(1);
            warn!(what, %error, "ClickHouse failed, trying the same again");
            failed(error);
        })
        .await;
    result.unwrap_or_else(|error| unreachable!("retried without end: {error}"))
}
