//! What the service counts of itself, for the console: the few of `/metrics` that say how it does.

use crate::console::Measure;
use crate::telemetry::metric;

/// Metrics that people see.
const SHOWN: [&str; 7] = [
    metric::LAG,
    metric::BUFFERED,
    metric::PARTITIONS,
    metric::WATERMARK,
    metric::WAITING,
    metric::MAILS,
    metric::WEBHOOKS,
];

/// Reads them out of the text of `/metrics`. What has a label has one, whose value is a number or of a closed list.
pub(super) fn of(text: &str) -> Vec<Measure> {
    text.lines().filter_map(measure).collect()
}

fn measure(line: &str) -> Option<Measure> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let metric = SHOWN.into_iter().find(|shown| *shown == name)?;
    let label = labels.split('"').nth(1).unwrap_or_default();
    let value: f64 = value.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "counts, bytes and seconds, and the cast saturates"
    )]
    let value = value.round() as i64;
    Some(Measure {
        metric,
        label: label.to_owned(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see_is_read_out_of_the_metrics() {
        let text = "# HELP gatewatch_lag_records Records\n# TYPE gatewatch_lag_records gauge\n\
                    gatewatch_lag_records{partition=\"3\"} 12\ngatewatch_watermark_seconds 1793448000.0\n\
                    gatewatch_rule_matches_total{rule=\"x\"} 5\n\ngatewatch_mails_total{outcome=\"sent\"} 7\ngatewatch_partitions NaN\n";
        let measure = |metric, label: &str, value| Measure {
            metric,
            label: label.to_owned(),
            value,
        };
        let expected = [
            measure(metric::LAG, "3", 12),
            measure(metric::WATERMARK, "", 1_793_448_000),
            measure(metric::MAILS, "sent", 7),
            measure(metric::PARTITIONS, "", 0),
        ];
        assert_eq!(of(text), expected);
    }
}
