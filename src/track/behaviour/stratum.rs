//! Entities of one integration: who they are, what is usual among them, and how rare a score is.

use serde::{Deserialize, Serialize};

use super::conduct::{FEATURES, Sums, Who};
use super::past::{COLUMNS, Past};
use crate::track::Lru;
use crate::track::model::{Digest, Ends, Ensemble, Rows};

/// Rows that models are fitted to, and how few will do.
const ROWS: usize = 2_048;
const FEW_ROWS: usize = 256;
/// Days over which these rows are spread.
const SPREAD_DAYS: f64 = 7.0;
/// Hours after which the first model is fitted, and scores without which nothing is told.
const FIRST_HOURS: u32 = 24;
const FEW_SCORES: u32 = 500;
/// Features that a finding names.
const NAMED: usize = 3;
/// Findings of an hour.
const MOST_AT_ONCE: usize = 3;

type Row = [f32; COLUMNS];

/// The entities of one integration.
pub(super) struct Stratum {
    pasts: Lru<Who, Past>,
    first_hour: u32,
    /// Rows of late, what comes next stands at `next`, and how many were passed over since.
    recent: Vec<Row>,
    next: usize,
    passed: u32,
    model: Option<Model>,
    scores: Digest,
    scored: u32,
    rate: Rate,
}

/// Models fitted to rows; kept with these, of which they can be made again.
struct Model {
    rows: Vec<Row>,
    day: u32,
    ensemble: Ensemble,
}

/// How many rows come a day: of the newest hours, by the hour of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Rate {
    rows: [u32; 24],
    hour: u32,
    /// Hours that are known; at most a day.
    known: u32,
}

/// What came of an hour.
#[derive(Default)]
pub(super) struct Closed {
    /// The oddest, in the order of entities, at most [`MOST_AT_ONCE`].
    pub(super) odd: Vec<Odd>,
    /// How many more were as odd.
    pub(super) more: usize,
    /// Entities that had to be forgotten for want of room.
    pub(super) evicted: u64,
}

/// An hour that is unlike what is usual.
pub(super) struct Odd {
    pub(super) who: Who,
    pub(super) calls: u32,
    /// The share of hours so odd.
    pub(super) probability: f64,
    /// The oddest features: which, what was seen, what is usual.
    pub(super) features: Vec<(&'static str, f64, f64)>,
}

impl Stratum {
    pub(super) fn new(hour: u32, entities: usize) -> Stratum {
        Stratum {
            pasts: Lru::new(entities),
            first_hour: hour,
            recent: Vec::new(),
            next: 0,
            passed: 0,
            model: None,
            scores: Digest::default(),
            scored: 0,
            rate: Rate::default(),
        }
    }

    /// Entities that are known.
    pub(super) fn entities(&self) -> usize {
        self.pasts.len()
    }

    /// Takes what entities did in an hour, in their order. `allowed` is how many findings a day may be false.
    pub(super) fn close(
        &mut self,
        (hour, local): (u32, u32),
        conducts: &[(Who, Sums)],
        allowed: f64,
    ) -> Closed {
        let day = local / 24;
        self.fit(hour, day);
        self.rate.take(hour, conducts.len());
        let rows: Vec<Row> = conducts
            .iter()
            .map(|(who, sums)| {
                let past = self.pasts.peek_mut(who).copied();
                past.unwrap_or_else(|| Past::new(day)).row(sums, local)
            })
            .collect();
        let scores = self.model.as_ref().map(|model| model.scores(&rows));
        let wanted = (self.rate.a_day() / allowed).log10();
        let mut odd = Vec::new();
        let mut closed = Closed::default();
        for (at, (who, sums)) in conducts.iter().enumerate() {
            let mut is_odd = false;
            if let Some(score) = scores.as_ref().and_then(|scores| scores.get(at)) {
                let surprise = self.scores.surprise(*score, Ends::Upper, 1e-6);
                is_odd = self.scored >= FEW_SCORES && surprise >= wanted;
                self.scores.add(*score, 1e-6);
                self.scored = self.scored.saturating_add(1);
                if is_odd {
                    odd.push((at, surprise));
                }
            }
            let (past, gone) = self.pasts.touch(who, || Past::new(day));
            closed.evicted += u64::from(gone.is_some());
            // What is odd teaches neither its own past nor the others; how often it happens, it does.
            if !is_odd {
                past.learn(sums, local);
                self.remember(rows[at]);
            }
        }
        // What befalls many at once has one cause, and is no reason to tell of each.
        closed.more = odd.len().saturating_sub(MOST_AT_ONCE);
        odd.sort_by(|a, b| b.1.total_cmp(&a.1));
        odd.truncate(MOST_AT_ONCE);
        odd.sort_unstable_by_key(|(at, _)| *at);
        for (at, surprise) in odd {
            let (who, sums) = &conducts[at];
            closed.odd.push(self.odd(who, sums, &rows[at], surprise));
        }
        closed
    }

    fn odd(&mut self, who: &Who, sums: &Sums, row: &Row, surprise: f64) -> Odd {
        let past = self.pasts.peek_mut(who).copied();
        let model = self.model.as_ref();
        let rarest = model.map(|model| model.ensemble.rarest(&wide(row), COLUMNS));
        let mut named: Vec<usize> = Vec::new();
        let mut features = Vec::new();
        for (column, _) in rarest.into_iter().flatten() {
            if features.len() >= NAMED {
                break;
            }
            let Some(feature) = FEATURES.get(column % FEATURES.len()) else {
                continue;
            };
            let at = column % FEATURES.len();
            // The last column is the hour of the day, of which there is no feature.
            if column + 1 == COLUMNS || named.contains(&at) {
                continue;
            }
            named.push(at);
            let of_itself = past.and_then(|past| past.usual(at));
            let usual = of_itself.or_else(|| model.map(|model| model.usual(at)));
            features.push((feature.name, feature.of(sums), usual.unwrap_or(0.0)));
        }
        Odd {
            who: who.clone(),
            calls: sums.calls,
            probability: 10_f64.powf(-surprise),
            features,
        }
    }

    /// Keeps rows of the newest days, evenly spread.
    fn remember(&mut self, row: Row) {
        if self.recent.len() < ROWS {
            self.recent.push(row);
            return;
        }
        self.passed += 1;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let apart = self.rate.a_day() * SPREAD_DAYS / ROWS as f64;
        let is_due = f64::from(self.passed) >= apart;
        if is_due {
            self.recent[self.next] = row;
            self.next = (self.next + 1) % ROWS;
            self.passed = 0;
        }
    }

    /// Fits models once a day.
    fn fit(&mut self, hour: u32, day: u32) {
        let is_known = hour.saturating_sub(self.first_hour) >= FIRST_HOURS;
        let is_new = self.model.as_ref().is_none_or(|model| model.day != day);
        if is_known && is_new && self.recent.len() >= FEW_ROWS {
            self.model = Model::fit(self.recent.clone(), day);
        }
    }

    pub(super) fn store(&self) -> StoredStratum {
        StoredStratum {
            pasts: self
                .pasts
                .iter()
                .map(|(who, past)| (who.clone(), *past))
                .collect(),
            first_hour: self.first_hour,
            recent: self.recent.iter().map(|row| row.to_vec()).collect(),
            next: self.next,
            passed: self.passed,
            model: self.model.as_ref().map(|model| {
                let rows = model.rows.iter().map(|row| row.to_vec()).collect();
                (model.day, rows)
            }),
            scores: self.scores.clone(),
            scored: self.scored,
            rate: self.rate,
        }
    }

    pub(super) fn restore(stored: StoredStratum, entities: usize) -> Stratum {
        let rows = |stored: Vec<Vec<f32>>| -> Vec<Row> {
            stored
                .into_iter()
                .filter_map(|row| row.try_into().ok())
                .collect()
        };
        let mut pasts = Lru::new(entities);
        for (who, past) in stored.pasts {
            *pasts.touch(&who, || past).0 = past;
        }
        Stratum {
            pasts,
            first_hour: stored.first_hour,
            recent: rows(stored.recent),
            next: stored.next,
            passed: stored.passed,
            model: stored
                .model
                .and_then(|(day, fitted)| Model::fit(rows(fitted), day)),
            scores: stored.scores,
            scored: stored.scored,
            rate: stored.rate,
        }
    }
}

impl Model {
    /// The same rows and day make the same models.
    fn fit(rows: Vec<Row>, day: u32) -> Option<Model> {
        let table = table(&rows)?;
        Some(Model {
            ensemble: Ensemble::fit(&table, day.into()),
            day,
            rows,
        })
    }

    fn scores(&self, rows: &[Row]) -> Vec<f64> {
        table(rows).map_or_else(Vec::new, |table| self.ensemble.scores(&table))
    }

    /// The median of a feature among the fitted rows.
    fn usual(&self, feature: usize) -> f64 {
        let mut values: Vec<f32> = self.rows.iter().map(|row| row[feature]).collect();
        values.sort_unstable_by(f32::total_cmp);
        let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
        f64::from(median).exp_m1()
    }
}

fn wide(row: &Row) -> [f64; COLUMNS] {
    row.map(f64::from)
}

fn table(rows: &[Row]) -> Option<Rows> {
    let wide: Vec<[f64; COLUMNS]> = rows.iter().map(wide).collect();
    Rows::new(wide.iter().map(<[f64; COLUMNS]>::as_slice)).ok()
}

impl Rate {
    /// Takes the rows of an hour, later than those before.
    fn take(&mut self, hour: u32, rows: usize) {
        let passed = if self.known == 0 {
            1
        } else {
            hour.saturating_sub(self.hour)
        };
        for silent in 1..passed.min(24) {
            self.rows[((hour - silent) % 24) as usize] = 0;
        }
        self.rows[(hour % 24) as usize] = u32::try_from(rows).unwrap_or(u32::MAX);
        self.known = (self.known + passed.min(24)).min(24);
        self.hour = hour;
    }

    /// How many come a day, from as much of a day as is known.
    fn a_day(&self) -> f64 {
        let rows: f64 = self.rows.iter().map(|rows| f64::from(*rows)).sum();
        (rows * 24.0 / f64::from(self.known.max(1))).max(1.0)
    }
}

/// The same in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredStratum {
    pasts: Vec<(Who, Past)>,
    first_hour: u32,
    recent: Vec<Vec<f32>>,
    next: usize,
    passed: u32,
    model: Option<(u32, Vec<Vec<f32>>)>,
    scores: Digest,
    scored: u32,
    rate: Rate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_a_day_are_those_of_the_newest_day() {
        let mut rate = Rate::default();
        rate.take(100, 10);
        assert!(
            (rate.a_day() - 240.0).abs() < 1e-9,
            "an hour stands for a day"
        );
        for hour in 101..130 {
            rate.take(hour, 10);
        }
        assert!((rate.a_day() - 240.0).abs() < 1e-9);
        rate.take(141, 20);
        // Of the newest day twelve hours had ten rows each, eleven were silent.
        assert!((rate.a_day() - 140.0).abs() < 1e-9);
        rate.take(1_000, 30);
        assert!((rate.a_day() - 30.0).abs() < 1e-9);
    }
}
