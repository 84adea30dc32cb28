//! From scores to probabilities: how rare a row is among all rows of its like so far.
//!
//! A row has three scores: of its amounts together, of the amount that changed most against its own past, and of what is new. Each is held against all scores of its
//! own kind, and the three probabilities are combined by their weighted harmonic mean, which holds about as well when they depend on one another (Wilson, "The harmonic mean p-value
//! for combining dependent tests", 2019).
//!
//! Rows count whether or not they were told: else what is rare would grow rarer with each finding. Of amounts and changes some ten thousand rows a day are learned, evenly
//! spread, where there are more. So that an attack of many rows does not hide itself, one cause is counted once (the same new value, within a day), and the tail beyond what
//! was seen is fitted to its inner part ([`Digest::tail`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sums::FEATURES;
pub(super) use crate::config::BehaviourScore as Kind;
use crate::random::splitmix;
use crate::track::hash::quick_hash;
use crate::track::model::{Digest, Ends, Tail};

/// What the three scores weigh, in the order of their numbers: amounts find least for the false alarms that they cost (ADR 0020).
const WEIGHTS: [f64; 3] = [0.15, 0.5, 0.35];
/// Rows without which nothing is told.
const FEW: u32 = 300;
/// Rows that are remembered, about.
const MEMORY: f64 = 100_000.0;
/// Rows of a day that are learned, about: of more, only one in so many.
const LEARNED_A_DAY: f64 = 10_000.0;
/// A feature that lies nearer to the middle than this share at either end is not looked at.
const CALM: f64 = 0.1;
/// Scores that differ by less are the same.
const SAME: f64 = 1e-6;
/// What the tails of amounts and changes are fitted to; and of what is new, of which there is little.
const AMOUNTS: Tail = Tail {
    share: 0.02,
    least: 100.0,
    inner: 0.5,
    shape: 0.05,
};
const NEWS: Tail = Tail {
    share: 0.2,
    least: 30.0,
    inner: 0.33,
    shape: 0.0,
};
/// Scores of new things before any were seen: thirty between these, about what ordinary weeks have.
const PRIOR: std::ops::Range<f64> = 2.0..5.0;
/// Rows over which it is watched whether the calibration fits, what is odd for that, and how many odd ones have to be expected.
const OF_LATE: f64 = 20_000.0;
const ODD: f64 = 2.0;
const LEAST_ODD: f64 = 5.0;
/// Hours in which a cause is one.
const ONE_CAUSE: u32 = 24;
/// Causes that are remembered.
const MOST_CAUSES: usize = 65_536;

/// The scores of like entities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    amounts: Digest,
    /// How far each feature was from the entity's own past, and the largest of these surprises.
    changes: Vec<Digest>,
    change: Digest,
    /// Scores of what is new, where anything is, and the share of rows where something is.
    news: Digest,
    share: f64,
    /// When a new value was counted last.
    causes: BTreeMap<u32, u32>,
    scored: u32,
    /// Whether it still fits.
    fit: Fit,
    /// Of the hour that was begun: its number, one in how many rows is learned, and between which values each feature is not worth a look.
    #[serde(skip)]
    hour: u32,
    #[serde(skip)]
    every: u32,
    /// Which scores count.
    #[serde(skip)]
    counted: [bool; 3],
    #[serde(skip)]
    calm: Vec<(f64, f64)>,
}

/// How many rows of late were as odd as one in a hundred should be: if the calibration fits, one in a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    rows: f64,
    odd: f64,
}

impl Fit {
    fn take(&mut self, surprise: f64) {
        let kept = 1.0 - 1.0 / OF_LATE;
        self.rows = self.rows * kept + 1.0;
        self.odd = self.odd * kept + f64::from(surprise >= ODD);
    }

    /// Rows of late, of these and others.
    #[must_use]
    pub fn join(self, other: Fit) -> Fit {
        Fit {
            rows: self.rows + other.rows,
            odd: self.odd + other.odd,
        }
    }

    /// How many times as many rows are odd as should be; `None` while too few are known to tell.
    #[must_use]
    pub fn ratio(self) -> Option<f64> {
        let expected = self.rows * 10_f64.powf(-ODD);
        (expected >= LEAST_ODD).then(|| self.odd / expected)
    }
}

/// How surprising a row is: −log10 of the share of rows so odd.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Surprise {
    /// By kind.
    of: [f64; 3],
    /// The feature that changed most.
    pub(super) changed: usize,
    /// Of all kinds together; 0 while too little is known to tell.
    pub(super) all: f64,
    /// Rows that each kind was held against, about.
    rows: [f64; 3],
}

impl Surprise {
    pub(super) fn of(&self, kind: Kind) -> f64 {
        self.of[kind as usize]
    }

    /// The rows that it was held against, about, if none of them was so odd: then the probability comes from the shape of the tail alone.
    pub(super) fn extrapolated_from(&self) -> Option<u32> {
        let most = self.most();
        let rows = self.rows[most as usize].max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate of a count"
        )]
        (self.of(most) > rows.log10()).then_some(rows as u32)
    }

    /// The kind that counts most in what all say together.
    pub(super) fn most(&self) -> Kind {
        // What is not counted, or says nothing, is no reason.
        let kinds = Kind::ALL.into_iter().filter(|kind| self.of(*kind) > 0.0);
        let counts = |kind: &Kind| self.of(*kind) + WEIGHTS[*kind as usize].log10();
        let most = kinds.max_by(|a, b| counts(a).total_cmp(&counts(b)));
        most.unwrap_or(Kind::Amounts)
    }
}

impl Default for Calibration {
    fn default() -> Self {
        let empty = || Digest::remembering(MEMORY);
        let mut news = empty();
        for nth in 0..30 {
            news.add(
                PRIOR.start + (PRIOR.end - PRIOR.start) * f64::from(nth) / 29.0,
                SAME,
            );
        }
        Calibration {
            amounts: empty(),
            changes: FEATURES.iter().map(|_| empty()).collect(),
            change: empty(),
            news,
            share: 0.0,
            causes: BTreeMap::new(),
            scored: 0,
            fit: Fit::default(),
            hour: 0,
            every: 1,
            counted: [true; 3],
            calm: Vec::new(),
        }
    }
}

impl Calibration {
    /// Rows that were scored.
    pub(super) fn scored(&self) -> u32 {
        self.scored
    }

    /// Whether it still fits.
    pub(super) fn fit(&self) -> Fit {
        self.fit
    }

    /// Begins an hour, later than those before; so many rows come a day.
    pub(super) fn begin(&mut self, hour: u32, rows_a_day: f64, counted: &[Kind]) {
        self.hour = hour;
        self.counted = Kind::ALL.map(|kind| counted.contains(&kind));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few at most"
        )]
        let every = (rows_a_day / LEARNED_A_DAY) as u32 + 1;
        self.every = every;
        let calm = self.changes.iter().map(|known| known.between(CALM));
        self.calm = calm.collect();
        self.causes
            .retain(|_, counted| hour.saturating_sub(*counted) < ONE_CAUSE);
    }

    /// Whether the row of an entity is learned in this hour. By chance: of those that always come in one order, one in so many would always be the same ones.
    fn learns(&self, who: &str) -> bool {
        self.every == 1
            || splitmix(quick_hash(who) ^ u64::from(self.hour)).is_multiple_of(self.every.into())
    }

    /// Takes the scores of the row of an entity: of its amounts, how far each feature is from the entity's past, and what is new with its cause.
    pub(super) fn take(
        &mut self,
        who: &str,
        amounts: f64,
        changes: &[f32],
        news: Option<(u32, f64)>,
    ) -> Surprise {
        let (mut changed, mut change) = (0, 0.0);
        let is_learned = self.learns(who);
        for (at, (known, value)) in self.changes.iter_mut().zip(changes).enumerate() {
            let value = f64::from(*value);
            let calm = self.calm.get(at);
            if calm.is_none_or(|(low, high)| value < *low || value > *high) {
                let surprise = known.surprise(value, Ends::Both, SAME);
                if surprise > change {
                    (changed, change) = (at, surprise);
                }
            }
            if is_learned {
                known.add(value, SAME);
            }
        }
        let rows = [
            self.amounts.weight(),
            self.change.weight(),
            self.news.weight() / self.share_of_news(),
        ];
        let mut of = [
            self.amounts.tail(amounts, AMOUNTS, SAME),
            self.change.tail(change, AMOUNTS, SAME),
            self.news(news),
        ];
        if is_learned {
            if self.counted[Kind::Amounts as usize] {
                self.amounts.add(amounts, SAME);
            }
            self.change.add(change, SAME);
        }
        self.scored = self.scored.saturating_add(1);
        let (mut odds, mut weights) = (0.0, 0.0);
        for ((surprise, weight), is_counted) in of.iter_mut().zip(WEIGHTS).zip(self.counted) {
            if is_counted {
                odds += weight * 10_f64.powf(surprise.min(250.0));
                weights += weight;
            } else {
                *surprise = 0.0;
            }
        }
        let all = f64::max(odds / f64::max(weights, f64::MIN_POSITIVE), 1.0).log10();
        if self.scored > FEW {
            self.fit.take(all);
        }
        Surprise {
            of,
            changed,
            all: if self.scored > FEW { all } else { 0.0 },
            rows,
        }
    }

    /// The share of rows where something is new; of rows that never had any no less than half a row.
    fn share_of_news(&self) -> f64 {
        let rows = f64::from(self.scored).min(MEMORY);
        self.share.max(0.5 / (rows + 1.0))
    }

    /// The surprise of what is new: how seldom anything is, and how far out it lies among what is.
    fn news(&mut self, news: Option<(u32, f64)>) -> f64 {
        let mut counts = 0.0;
        let mut surprise = 0.0;
        if let Some((cause, score)) = news {
            surprise = self.news.tail(score, NEWS, SAME);
            surprise -= self.share_of_news().log10().min(0.0);
            if !self.causes.contains_key(&cause) && self.causes.len() < MOST_CAUSES {
                self.causes.insert(cause, self.hour);
                self.news.add(score, SAME);
                counts = 1.0;
            }
        }
        let rows = f64::from(self.scored) + 1.0;
        self.share += (counts - self.share) / rows.min(MEMORY);
        surprise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn rows_are_told_as_often_as_allowed_or_less_and_any_score_will_do() {
        let (mut calibration, mut random) = (Calibration::default(), Random::new(11));
        // A hundred days of a hundred rows, of which one a day may be told.
        let mut told = 0;
        for day in 0..100 {
            calibration.begin(day * 24, 100.0, &Kind::ALL);
            for row in 0..100 {
                #[expect(clippy::cast_possible_truncation, reason = "any numbers will do")]
                let changes = [random.unit() as f32, random.unit() as f32];
                let new = (row % 7 == 0).then(|| (row, random.unit().powi(3)));
                let surprise = calibration.take("", random.unit(), &changes, new);
                told += u32::from(surprise.all >= 2.0);
            }
        }
        assert!((10..=120).contains(&told), "{told} in a hundred days");
        for (scores, most) in [
            ((2.0, 0.5, 0.5), Kind::Amounts),
            ((0.5, 2.0, 0.5), Kind::Change),
            ((0.5, -1.0, 0.5), Kind::Change),
            ((0.5, 0.5, 6.0), Kind::News),
        ] {
            let (amounts, change, news) = scores;
            let surprise =
                calibration
                    .clone()
                    .take("", amounts, &[0.5, change], Some((1_000, news)));
            assert!(surprise.all > 3.0, "{scores:?}: {surprise:?}");
            assert_eq!(surprise.most(), most);
        }
        assert!(calibration.take("", 0.9, &[0.5, 0.5], None).all < 2.0);
    }

    #[test]
    fn of_a_score_that_does_not_count_nothing_is_told() {
        for left_out in Kind::ALL {
            let counted: Vec<Kind> = Kind::ALL.into_iter().filter(|it| *it != left_out).collect();
            let (mut calibration, mut random) = (Calibration::default(), Random::new(5));
            calibration.begin(0, 100.0, &counted);
            for row in 0..10_000 {
                #[expect(clippy::cast_possible_truncation, reason = "any numbers will do")]
                let changes = [random.unit() as f32];
                let new = (row % 7 == 0).then(|| (row, random.unit().powi(3)));
                calibration.take("", random.unit(), &changes, new);
            }
            for (kind, amounts, change, news) in [
                (Kind::Amounts, 9.0, 0.5, None),
                (Kind::Change, 0.5, 9.0, None),
                (Kind::News, 0.5, 0.5, Some((1_000_000, 9.0))),
            ] {
                let surprise = calibration.clone().take("", amounts, &[change], news);
                assert_eq!(
                    surprise.all > 2.0,
                    kind != left_out,
                    "{kind:?}: {surprise:?}"
                );
                assert!((surprise.most() == kind) == (kind != left_out));
            }
        }
    }

    #[test]
    fn it_says_when_it_does_not_fit_any_more() {
        let (mut calibration, mut random) = (Calibration::default(), Random::new(3));
        assert_eq!(calibration.fit().ratio(), None);
        for row in 0..40_000 {
            calibration.begin(row / 100, 2_400.0, &Kind::ALL);
            #[expect(clippy::cast_possible_truncation, reason = "any numbers will do")]
            let changes = [random.unit() as f32];
            calibration.take("", random.unit(), &changes, None);
        }
        let ratio = calibration.fit().ratio().unwrap();
        assert!((0.2..3.0).contains(&ratio), "{ratio}");
        let calm = calibration.fit();
        for _ in 0..1_000 {
            calibration.take("", 5.0 + random.unit(), &[9.0], None);
        }
        let ratio = calibration.fit().ratio().unwrap();
        assert!(ratio > 2.0 * calm.ratio().unwrap(), "{ratio}");
        assert!(calm.join(calibration.fit()).ratio().unwrap() < ratio);
    }

    #[test]
    fn the_first_new_thing_of_all_is_as_rare_as_rows_were_many() {
        let mut calibration = Calibration::default();
        for hour in 0..400 {
            calibration.begin(hour, 24.0, &Kind::ALL);
            calibration.take("", 0.5, &[], None);
        }
        let told = |calibration: &Calibration, score| {
            let surprise = calibration.clone().take("", 0.5, &[], Some((1, score)));
            (surprise.of(Kind::News), surprise.extrapolated_from())
        };
        let (usual, _) = told(&calibration, PRIOR.start);
        assert!((2.5..3.5).contains(&usual), "one in some 800 rows: {usual}");
        let (far, rows) = told(&calibration, 3.0 * PRIOR.end);
        assert!(far > usual + 1.0);
        assert!(rows.is_some(), "no row was so odd, and it says so");
    }

    #[test]
    fn nothing_is_told_of_the_first_rows() {
        let mut calibration = Calibration::default();
        for at in 0..FEW {
            let score = f64::from(at % 7) + f64::from(at / (FEW - 1)) * 1e6;
            assert!(calibration.take("", score, &[], None).all < 1e-9);
        }
        assert!(calibration.take("", 1e9, &[], None).all > 2.0);
    }

    #[test]
    fn of_many_rows_some_of_everybody_are_learned_and_what_none_was_like_is_said() {
        let (mut calibration, mut random) = (Calibration::default(), Random::new(9));
        let names: Vec<String> = (0..500).map(|at| format!("service-{at}")).collect();
        let mut learned = vec![0; names.len()];
        for hour in 0..100 {
            calibration.begin(hour, 20_000.0, &Kind::ALL);
            for (name, learned) in names.iter().zip(&mut learned) {
                *learned += u32::from(calibration.learns(name));
                calibration.take(name, random.unit(), &[0.0], None);
            }
        }
        assert!(learned.iter().all(|times| (10..60).contains(times)));
        let mut odd = |amounts| calibration.take("service-1", amounts, &[0.0], None);
        assert_eq!(odd(0.999).extrapolated_from(), None);
        // One in three is learned, so far fewer are known than were seen.
        let rows = odd(9.0).extrapolated_from().unwrap();
        assert!((15_000..20_000).contains(&rows), "{rows}");
    }

    #[test]
    fn an_attack_of_many_rows_does_not_hide_itself() {
        let (mut calibration, mut random) = (Calibration::default(), Random::new(5));
        for row in 0..3_000 {
            calibration.begin(row / 20, 480.0, &Kind::ALL);
            let new = (row % 20 == 0).then(|| (row, 2.0 + random.unit()));
            calibration.take("", random.unit(), &[], new);
        }
        for _ in 0..100 {
            let surprise = calibration.take("", random.unit(), &[], Some((77, 9.0)));
            assert!(surprise.all > 4.0, "{surprise:?}");
        }
    }
}
