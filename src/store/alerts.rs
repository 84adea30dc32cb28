//! Alerts on their way into `alerts`, and back.

use super::StoreError;
use super::block::Insert;
use super::native::Wire;
use super::rows::{Cell, Rows};
use crate::alert::Alert;
use crate::track::Reason;

const COLUMNS: &[(&str, Wire)] = &[
    ("id", Wire::Text),
    ("revision", Wire::U64),
    ("rule", Wire::Text),
    ("rules", Wire::Texts),
    ("title", Wire::Text),
    ("family", Wire::Text),
    ("level", Wire::Text),
    ("shadow", Wire::U8),
    ("tags", Wire::Texts),
    ("entity_kind", Wire::Text),
    ("entity", Wire::Text),
    ("first", Wire::Time),
    ("last", Wire::Time),
    ("count", Wire::U64),
    ("findings", Wire::U64),
    ("reason", Wire::Text),
    ("json", Wire::Text),
    ("integrations", Wire::Texts),
    ("callers", Wire::Texts),
];

/// The rows of some alerts, ready to be inserted under one token.
///
/// # Errors
/// When an alert cannot be written as JSON.
pub fn alert_rows(alerts: &[Alert]) -> Result<Insert, StoreError> {
    let mut rows = Rows::new("alerts", COLUMNS);
    for alert in alerts {
        push(&mut rows, alert).map_err(|source| StoreError::Json {
            what: "an alert",
            source,
        })?;
    }
    Ok(rows.finish())
}

fn push(rows: &mut Rows, alert: &Alert) -> Result<(), serde_json::Error> {
    let json = serde_json::to_vec(alert)?;
    let rule_ids: Vec<String> = alert.rules.iter().map(ToString::to_string).collect();
    let rule_ids: Vec<&str> = rule_ids.iter().map(String::as_str).collect();
    let callers: Vec<String> = alert.callers().iter().map(ToString::to_string).collect();
    let callers: Vec<&str> = callers.iter().map(String::as_str).collect();
    let tags: Vec<&str> = alert.rule.tags.iter().map(String::as_str).collect();
    rows.push([
        Cell::Text(&alert.id.to_string()),
        Cell::Number(alert.revision),
        Cell::Text(&alert.rule.id.to_string()),
        Cell::Texts(&rule_ids),
        Cell::Text(&alert.rule.title),
        Cell::Text(&alert.rule.family),
        Cell::Text(alert.rule.level.name()),
        Cell::Number(u64::from(alert.shadow)),
        Cell::Texts(&tags),
        Cell::Text(alert.entity.kind.name()),
        Cell::Text(&alert.entity.value),
        Cell::Time(Some(alert.first)),
        Cell::Time(Some(alert.last)),
        Cell::Number(alert.count),
        Cell::Number(alert.findings),
        Cell::Text(reason_name(&alert.reason)),
        Cell::Bytes(&json),
        Cell::Texts(&alert.integrations()),
        Cell::Texts(&callers),
    ]);
    Ok(())
}

fn reason_name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Pattern { .. } => "pattern",
        Reason::Correlation { .. } => "correlation",
        Reason::Baseline { .. } => "baseline",
        Reason::Expectation { .. } => "expectation",
        Reason::Service { .. } => "service",
    }
}
