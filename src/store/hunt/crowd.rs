//! The groups of a correlation that can reach its threshold, so that only their rows are read.

use std::fmt::Write;

use super::logic::{Sql, all, any, column, exists};
use super::of;
use crate::event::{Field, Kind, Timestamp};
use crate::sigma::{Correlation, CorrelationKind, MemberSource, Operator, RuleSet};
use crate::store::columns::column_of;
use crate::store::history::between;

/// What a sketch of distinct values may say too much, once a window is summed up.
const SKETCHED: f64 = 0.9;

/// The rows of a correlation that stand where so many come together as its condition asks for.
///
/// Time is cut into spans of the correlation's width, so each of its windows lies in two that stand side by side: a group that
/// has too few rows in both has too few in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crowd {
    /// Which rows its rules may match.
    rows: String,
    /// Columns of the group.
    group: Vec<String>,
    width_us: i64,
    /// What has to hold of the rows of a group in two spans.
    reached: String,
}

impl Crowd {
    /// Of a correlation; `None` of one that counts nothing, or whose groups the server cannot tell apart.
    pub(super) fn of(rules: &RuleSet, correlation: &Correlation) -> Option<Crowd> {
        let reached = reached(correlation)?;
        let group = &correlation.members.first()?.group_by;
        let is_shared = correlation.members.iter().all(|it| it.group_by == *group);
        // A list is no group of its own: its elements are joined.
        let is_told = |field: &Field| column_of(*field).is_some() && field.kind() != Kind::List;
        if !is_shared || !group.iter().all(is_told) {
            return None;
        }
        let mut searches = Vec::new();
        for member in &correlation.members {
            let MemberSource::Rule(rule) = member.source else {
                return None;
            };
            searches.push(rules.searches().get(rule as usize)?);
        }
        let may = any(searches.into_iter().map(|search| of(search).may));
        // Who lacks a field of the group or a value is not counted.
        let fields = group.iter().chain(correlation.kind.fields());
        let rows = all([may].into_iter().chain(fields.map(|field| exists(*field))));
        Some(Crowd {
            rows: match rows {
                Sql::When(rows) => rows,
                Sql::Always => "1".to_owned(),
                Sql::Never => "0".to_owned(),
            },
            group: group.iter().map(|field| column(*field)).collect(),
            width_us: correlation.timespan_us,
            reached,
        })
    }

    /// The expression for rows of `stretch`, of a hunt through `whole`.
    pub(super) fn sql(
        &self,
        (begin, end): (Timestamp, Timestamp),
        (from, until): (Timestamp, Timestamp),
    ) -> String {
        let Crowd { rows, reached, .. } = self;
        let span = format!("intDiv(toUnixTimestamp64Micro(time), {})", self.width_us);
        let listed = |last: &str| {
            let mut list = String::new();
            for column in &self.group {
                // Writing into a string does not fail.
                let _ = write!(list, "{column}, ");
            }
            list + last
        };
        // Rows of the first and the last span stand beside others that are not asked for.
        let margin = self.width_us.saturating_mul(2);
        let near = between(
            begin.plus_micros(-margin).max(from),
            end.plus_micros(margin).min(until),
        );
        format!(
            "({rows} AND ({}) GLOBAL IN (SELECT {} FROM (SELECT {} FROM events WHERE {near} AND {rows} GROUP BY {} HAVING {reached})))",
            listed(&span),
            listed("arrayJoin([pair, pair + 1])"),
            listed(&format!("arrayJoin([{span} - 1, {span}]) AS pair")),
            listed("pair"),
        )
    }
}

/// What a group has to reach, at least; `None` where one event may be enough, or where something else than rows is counted.
fn reached(correlation: &Correlation) -> Option<String> {
    let least = correlation.condition.0.iter().map(|it| match it.op {
        Operator::Gte | Operator::Eq => it.value,
        Operator::Gt => it.value + 1.0,
        Operator::Lt | Operator::Lte | Operator::Neq => 0.0,
    });
    let least = least.fold(0.0, f64::max);
    if least < 2.0 {
        return None;
    }
    match &correlation.kind {
        CorrelationKind::EventCount => Some(format!("count() >= {least}")),
        CorrelationKind::ValueCount { fields } => {
            let columns: Option<Vec<String>> = fields
                .iter()
                .map(|field| column_of(*field).map(|_| column(*field)))
                .collect();
            let columns = columns?.join(", ");
            Some(format!("uniqExact({columns}) >= {}", least * SKETCHED))
        }
        _ => None,
    }
}
