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
const SPREAD_DAYS: f32 = 7.0;
/// Hours after which the first model is fitted, and scores without which nothing is told.
const FIRST_HOURS: u32 = 24;
const FEW_SCORES: u32 = 500;
/// Features that a finding names.
const NAMED: usize = 3;

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
    tests: Tests,
}

/// Models fitted to rows; kept with these, of which they can be made again.
struct Model {
    rows: Vec<Row>,
    day: u32,
    ensemble: Ensemble,
}

/// How many rows are scored a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tests {
    day: u32,
    today: u32,
    mean: f32,
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
            tests: Tests::default(),
        }
    }

    /// Entities that are known.
    pub(super) fn entities(&self) -> usize {
        self.pasts.len()
    }

    /// Takes what entities did in an hour, in their order. `allowed` is how many findings a day may be false. Returns how many entities had to be
    /// forgotten for want of room.
    pub(super) fn close(
        &mut self,
        (hour, local): (u32, u32),
        conducts: Vec<(Who, Sums)>,
        allowed: f64,
        odd: &mut Vec<Odd>,
    ) -> u64 {
        self.fit(hour, local / 24);
        let day = local / 24;
        let rows: Vec<Row> = conducts
            .iter()
            .map(|(who, sums)| {
                let past = self.pasts.peek_mut(who).copied();
                past.unwrap_or_else(|| Past::new(day)).row(sums, local)
            })
            .collect();
        let scores = self.model.as_ref().map(|model| model.scores(&rows));
        let mut evicted = 0;
        for (at, (who, sums)) in conducts.into_iter().enumerate() {
            let mut is_odd = false;
            if let Some(score) = scores.as_ref().and_then(|scores| scores.get(at)) {
                let surprise = self.scores.surprise(*score, Ends::Upper, 1e-6);
                let tests = self.tests.a_day(day);
                is_odd = self.scored >= FEW_SCORES && surprise >= (tests / allowed).log10();
                self.scores.add(*score, 1e-6);
                self.scored = self.scored.saturating_add(1);
                self.tests.count(day);
                if is_odd {
                    odd.push(self.odd(&who, &sums, &rows[at], surprise));
                }
            }
            let (past, gone) = self.pasts.touch(&who, || Past::new(day));
            evicted += u64::from(gone.is_some());
            // What is odd teaches neither its own past nor the others; how often it happens, it does.
            if !is_odd {
                past.learn(&sums, local);
                self.remember(rows[at]);
            }
        }
        evicted
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
        let apart = self.tests.mean * SPREAD_DAYS / ROWS as f32;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let is_due = self.passed as f32 >= apart;
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
            tests: self.tests,
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
            tests: stored.tests,
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

impl Tests {
    fn count(&mut self, day: u32) {
        self.turn(day);
        self.today = self.today.saturating_add(1);
    }

    /// A new day; the mean is over about a week.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn turn(&mut self, day: u32) {
        if self.day == day {
            return;
        }
        let today = self.today as f32;
        self.mean = if self.mean > 0.0 {
            self.mean + (today - self.mean) / SPREAD_DAYS
        } else {
            today
        };
        (self.day, self.today) = (day, 0);
    }

    /// How many there are a day: never fewer than were today.
    fn a_day(&mut self, day: u32) -> f64 {
        self.turn(day);
        f64::from(self.mean).max(self.today.into()).max(1.0)
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
    tests: Tests,
}
