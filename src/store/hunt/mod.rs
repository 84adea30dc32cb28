//! A rule as a condition on stored events: what cannot match is not read (ADR 0021).
//!
//! The condition is the weakest that the rule implies: the server answers what it can answer exactly (equality, prefixes, parts, wildcards, regular expressions, numbers, networks,
//! times, facts, lists of these), and lets through what it cannot (letters beyond ASCII, decoded forms of a text that has something to decode). Of a correlation that counts it
//! lets only those groups through that can reach the threshold. The engine then judges what came through, so a hunt finds what the stream would find, no more and no less; the
//! server only keeps it from looking at everything.

mod check;
mod crowd;
mod expression;
mod logic;
mod payload;

use std::collections::BTreeSet;

use self::crowd::Crowd;
use self::logic::{Bounds, Sql, any};
use crate::event::Timestamp;
use crate::sigma::{RuleSet, Search};

/// Longest expression, in bytes: with the rest of its query it stays below what the server parses (`max_query_size`, 256 KiB).
const LONGEST: usize = 200_000;

/// Which stored events have to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    rows: Sql,
    crowds: Vec<Crowd>,
}

impl Condition {
    /// All events.
    #[must_use]
    pub fn all() -> Condition {
        Condition {
            rows: Sql::Always,
            crowds: Vec::new(),
        }
    }

    /// All that these rules match, and all that these correlations find something in.
    #[must_use]
    pub fn of(rules: &RuleSet, wanted: &[u32], correlations: &[u32]) -> Condition {
        let mut matched: BTreeSet<u32> = wanted.iter().copied().collect();
        let mut crowds = Vec::new();
        for &index in correlations {
            let correlation = rules.correlations().get(index as usize);
            match correlation.and_then(|it| Crowd::of(rules, it)) {
                Some(crowd) => crowds.push(crowd),
                None => matched.extend(rules.needed_by(index)),
            }
        }
        let searches = rules.searches();
        let each = matched
            .iter()
            .filter_map(|rule| searches.get(*rule as usize));
        Condition {
            rows: any(each.map(|search| of(search).may)),
            crowds,
        }
    }

    /// The expression for events of `stretch`, of a hunt through `whole`.
    #[must_use]
    pub fn sql(&self, stretch: (Timestamp, Timestamp), whole: (Timestamp, Timestamp)) -> String {
        let crowds = self.crowds.iter();
        let crowds = crowds.map(|crowd| Sql::When(crowd.sql(stretch, whole)));
        match any([self.rows.clone()].into_iter().chain(crowds)) {
            Sql::When(sql) if sql.len() <= LONGEST => sql,
            Sql::When(_) | Sql::Always => "1".to_owned(),
            Sql::Never => "0".to_owned(),
        }
    }
}

fn of(search: &Search) -> Bounds {
    match search {
        Search::All(terms) => Bounds::all(terms.iter().map(of)),
        Search::Any(terms) => Bounds::any(terms.iter().map(of)),
        Search::Not(term) => of(term).opposite(),
        Search::Item(item) => check::of_test(&item.test),
    }
}

#[cfg(test)]
mod tests;
