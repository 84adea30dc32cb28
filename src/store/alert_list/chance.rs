//! How much of a list may be chance: its alerts of statistics from the rarest on, as Benjamini and Hochberg (1995) rank them.
//!
//! Of m of them the i-th has q = min over j ≥ i of p(j)·m/j, so one question about what stands behind a page is enough for the page. What its
//! detector did not raise is not among them: q ranks alerts, and says nothing of all that was looked at.

use clickhouse::Row;
use serde::Deserialize;

use super::{AlertFilter, AlertLine, Bound};
use crate::store::StoreError;
use crate::store::client::Store;

/// Steps of probability that are ranked as one, for each factor of e: what is counted behind a page is so far too high at most, in parts of it.
const STEPS: u32 = 128;

/// What a page has to know of the whole list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rest {
    /// Alerts with a probability, on this page and all others.
    total: f64,
    /// The least that a probability is, divided by its rank, of those behind the page; infinite without any.
    least: f64,
}

/// Alerts of one step of probability, and the highest of it.
#[derive(Clone, Copy, Debug, Row, Deserialize)]
struct Ranked {
    alerts: u64,
    most: f64,
}

impl Rest {
    /// Of all steps, ascending, behind so many that are shown. The last of a step stands for it, whose rank is known: the least of a step is lower by one part in
    /// [`STEPS`] at most.
    fn behind(shown: u64, steps: &[Ranked]) -> Rest {
        let (mut total, mut least) = (0, f64::INFINITY);
        for Ranked { alerts, most } in steps {
            total += alerts;
            if total > shown {
                least = least.min(most / large(total));
            }
        }
        Rest {
            total: large(total),
            least,
        }
    }

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
        let sql = format!(
            "SELECT count() AS alerts, max(assumeNotNull(alert.probability)) AS most FROM alerts_latest AS alert WHERE alert.probability IS NOT NULL{}{} \
             GROUP BY floor(log(greatest(assumeNotNull(alert.probability), 1e-300)) * {STEPS}) ORDER BY most",
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
        let steps = query.fetch_all::<Ranked>();
        let steps = self.within(steps, "rare alerts", false).await?;
        let shown = u64::from(filter.offset) + u64::from(filter.limit);
        Ok(Rest::behind(shown, &steps))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of alerts")]
fn large(number: u64) -> f64 {
    number as f64
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
            let steps: Vec<Ranked> = all
                .iter()
                .map(|most| Ranked {
                    alerts: 1,
                    most: *most,
                })
                .collect();
            let rest = Rest::behind(end as u64, &steps);
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
    fn steps_come_near_to_what_each_alert_would_say_and_not_below_it() {
        // Many that are alike, then rarer ones for their place.
        let all: Vec<f64> = (0..4_000_u32)
            .map(|at| {
                1e-6 * (1.0 + f64::from(at % 1_000)).powi(1 + i32::try_from(at / 1_000).unwrap())
            })
            .collect();
        let mut all = all;
        all.sort_by(f64::total_cmp);
        let step = |probability: f64| (probability.ln() * f64::from(STEPS)).floor();
        let steps: Vec<Ranked> = all
            .chunk_by(|a, b| step(*a).to_bits() == step(*b).to_bits())
            .map(|alike| Ranked {
                alerts: alike.len() as u64,
                most: alike[alike.len() - 1],
            })
            .collect();
        assert!(steps.len() < 3_000, "{}", steps.len());
        for shown in [0, 51, 500, 3_000, 3_999, 4_000] {
            let ranked = all.iter().zip(1..).skip(shown);
            let exact = ranked.map(|(probability, rank)| probability / f64::from(rank));
            let exact = exact.fold(f64::INFINITY, f64::min);
            let Rest { total, least } = Rest::behind(shown as u64, &steps);
            assert!((total - 4_000.0).abs() < 1e-9);
            let over = if exact.is_finite() {
                least / exact - 1.0
            } else {
                0.0
            };
            assert!(
                (-1e-12..1.1 / f64::from(STEPS)).contains(&over),
                "{shown}: {least}, {exact}"
            );
        }
    }
}
