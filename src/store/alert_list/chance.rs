//! How much of a list may be chance: its alerts of statistics from the rarest on, as Benjamini and Hochberg (1995) rank them.
//!
//! Of m of them the i-th has q = min over j ≥ i of p(j)·m/j, so one question about what stands behind a page is enough for the page. What its
//! detector did not raise is not among them: q ranks alerts, and says nothing of all that was looked at.

use clickhouse::Row;
use serde::Deserialize;

use super::{AlertFilter, AlertLine, Bound};
use crate::store::StoreError;
use crate::store::client::Store;

/// What a page has to know of the whole list.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub(super) struct Rest {
    /// Alerts with a probability, on this page and all others.
    total: f64,
    /// The least that a probability is, divided by its rank, of those behind the page; infinite without any.
    least: f64,
}

impl Rest {
    /// Gives each alert of a page with a probability its share of chance.
    pub(super) fn share(self, lines: &mut [AlertLine], offset: u32) {
        let ranks = (1_u32..).map(|place| f64::from(offset) + f64::from(place));
        let ranks: Vec<f64> = ranks.take(lines.len()).collect();
        let mut least = self.least;
        for (line, rank) in lines.iter_mut().zip(ranks).rev() {
            line.q = line.probability.map(|probability| {
                least = least.min(probability / rank);
                (least * self.total).min(1.0)
            });
        }
    }
}

impl AlertFilter {
    /// The statement that looks behind a page of the rarest, and its values. It goes through numbers alone.
    pub(super) fn rest(&self) -> (String, Vec<Bound>) {
        let (alert, standing) = (self.of_alert(), self.of_standing());
        let shown = u64::from(self.offset) + u64::from(self.limit);
        let sql = format!(
            "SELECT toFloat64(length(ranked)) AS total, \
             arrayMin(arrayPushBack(arrayMap((one, place) -> if(place > {shown}, one / place, inf), ranked, arrayEnumerate(ranked)), inf)) AS least FROM \
             (SELECT arraySort(groupArray(assumeNotNull(alert.probability))) AS ranked FROM alerts_latest AS alert WHERE alert.probability IS NOT NULL{}{})",
            alert.sql, standing.sql
        );
        (sql, [alert.values, standing.values].concat())
    }
}

impl Store {
    /// What stands behind a page of the rarest alerts.
    pub(super) async fn rest_of(&self, filter: &AlertFilter) -> Result<Rest, StoreError> {
        let (sql, values) = filter.rest();
        let query = self.client.query(&sql);
        let query = values.iter().fold(query, |query, value| value.to(query));
        self.within(query.fetch_one::<Rest>(), "rare alerts", false)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(probability: Option<f64>) -> AlertLine {
        AlertLine {
            id: String::new(),
            first: 0,
            micros: 0,
            level: "medium".into(),
            state: "new".into(),
            assignee: String::new(),
            changed: 0,
            rule: String::new(),
            title: String::new(),
            entity_kind: "client".into(),
            entity: "a".into(),
            count: 1,
            probability,
            q: None,
        }
    }

    /// By definition, of all at once.
    fn expected(probabilities: &[f64], at: usize) -> f64 {
        let total = probabilities.len() as f64;
        let ranked = probabilities.iter().zip(1..).skip(at);
        let of_each = ranked.map(|(probability, rank)| probability * total / f64::from(rank));
        of_each.fold(1.0, f64::min)
    }

    #[test]
    fn a_page_has_the_shares_of_the_whole_list() {
        // The third is less rare than the fourth for its place, and so has the share of that one.
        let all = [1e-9, 2e-6, 0.012, 0.013, 0.013, 0.2, 0.9, 0.95];
        for (offset, limit) in [(0, 8), (0, 3), (2, 2), (3, 5), (6, 10)] {
            let end = (offset + limit).min(all.len());
            let behind = all.iter().zip(1..).skip(end);
            let rest = Rest {
                total: all.len() as f64,
                least: behind
                    .map(|(probability, rank)| probability / f64::from(rank))
                    .fold(f64::INFINITY, f64::min),
            };
            let shown = all[offset..end].iter().copied().map(Some);
            // Those without a probability come last.
            let mut lines: Vec<AlertLine> = shown.chain([None]).map(line).collect();
            rest.share(&mut lines, u32::try_from(offset).unwrap());
            assert_eq!(lines.pop().unwrap().q, None);
            for (line, at) in lines.iter().zip(offset..) {
                let (q, expected) = (line.q.unwrap(), expected(&all, at));
                assert!((q / expected - 1.0).abs() < 1e-12, "{at}: {q}, {expected}");
            }
        }
    }

    #[test]
    fn what_a_page_shows_is_not_behind_it() {
        let filter = AlertFilter {
            offset: 100,
            limit: 51,
            ..AlertFilter::default()
        };
        let (sql, _) = filter.rest();
        assert!(sql.contains("place > 151, "), "{sql}");
    }
}
