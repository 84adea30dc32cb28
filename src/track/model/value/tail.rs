//! How rare a score is among those of ordinary values: counted where there are such, a Pareto tail beyond.
//!
//! The tail is that of an exponential whose scale is uncertain, as few scores say what it is (a Lomax distribution); its scale is drawn
//! towards what is usual among parameters.

use serde::{Deserialize, Serialize};

/// Least and greatest number of scores in the tail, and their share.
const LEAST: usize = 5;
const MOST: usize = 50;
const SHARE: usize = 10;
/// The weight of what is usual, in scores; and what that is while fewer than so many parameters say.
const WEIGHT: f64 = 10.0;
const USUAL: f64 = 4.0;
const TELLING: usize = 5;
/// No tail falls faster than by a factor e a nat.
const LEAST_SCALE: f64 = 1.0;
/// Added to the number of scores: the shape of the tail.
const SHAPE: f64 = 2.0;
/// So many of the highest scores may be attacks.
const FORGIVEN: f64 = 2.0;

/// The highest scores of ordinary values, and the tail beyond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tail {
    scores: f64,
    begin: f64,
    scale: f64,
    /// In the tail, ascending.
    highest: Vec<f32>,
}

impl Tail {
    /// The tail of some scores, of at least one.
    fn of(mut scores: Vec<f64>, usual: f64) -> Tail {
        scores.sort_unstable_by(f64::total_cmp);
        let wanted = (scores.len() / SHARE).clamp(LEAST, MOST);
        let within = wanted.min(scores.len().saturating_sub(1));
        let (body, highest) = scores.split_at(scores.len() - within);
        let begin = body.last().copied().unwrap_or(0.0);
        let excess: f64 = highest.iter().map(|score| score - begin).sum();
        let scale = (excess + WEIGHT * usual) / (within as f64 + WEIGHT);
        #[expect(clippy::cast_possible_truncation, reason = "scores of some digits")]
        let highest = highest.iter().map(|score| *score as f32).collect();
        Tail {
            scores: scores.len() as f64,
            begin,
            scale: scale.max(LEAST_SCALE),
            highest,
        }
    }

    /// The tails of parameters, each from its scores.
    pub(super) fn fit(all: Vec<Vec<f64>>) -> Vec<Option<Tail>> {
        let known = all.iter().filter(|scores| !scores.is_empty());
        let excesses: Vec<f64> = known
            .map(|scores| Tail::of(scores.clone(), USUAL).mean_excess())
            .collect();
        let usual = if excesses.len() < TELLING {
            USUAL
        } else {
            (excesses.iter().sum::<f64>() / excesses.len() as f64).max(1.0)
        };
        let fitted = all
            .into_iter()
            .map(|scores| (!scores.is_empty()).then(|| Tail::of(scores, usual)));
        fitted.collect()
    }

    fn mean_excess(&self) -> f64 {
        let excesses = self
            .highest
            .iter()
            .map(|score| f64::from(*score) - self.begin);
        excesses.sum::<f64>() / self.highest.len().max(1) as f64
    }

    /// −ln of the share of ordinary values with such a score; 0 below the tail.
    pub(super) fn rarity(&self, score: f64) -> f64 {
        if score <= self.begin {
            return 0.0;
        }
        let within = self.highest.len() as f64;
        let all = self.scores + 1.0;
        let shape = within + SHAPE;
        let out = (score - self.begin) / (self.scale * shape);
        let fitted = -((within + 1.0) / all).ln() + shape * out.ln_1p();
        let as_high = self
            .highest
            .iter()
            .filter(|known| f64::from(**known) >= score);
        let counted = (as_high.count() as f64 - FORGIVEN).max(1e-12) / all;
        fitted.min(-counted.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_rarity_is_about_the_share_of_scores_so_high() {
        let mut random = Random::new(5);
        let mut score = || -2.0 * (1.0 - random.unit()).ln();
        let tail = Tail::of((0..3_000).map(|_| score()).collect(), USUAL);
        for share in [0.03, 0.01, 0.001] {
            let limit: f64 = -f64::ln(share);
            let rare = (0..100_000)
                .filter(|_| tail.rarity(score()) > limit)
                .count();
            let found = rare as f64 / 100_000.0;
            assert!(
                found < 2.5 * share && found > share / 4.0,
                "{share}: {found}"
            );
        }
    }

    #[test]
    fn few_scores_make_a_heavy_tail_and_none_makes_no_tail() {
        let few = Tail::of(vec![1.0; 30], USUAL);
        let many = Tail::of(vec![1.0; 3_000], USUAL);
        assert!(few.rarity(20.0) < many.rarity(20.0));
        assert!(few.rarity(1.0).abs() < 1e-9);
        assert!(Tail::of(vec![2.0], USUAL).rarity(50.0) > 0.0);
        assert_eq!(Tail::fit(vec![Vec::new()]), [None]);
    }

    #[test]
    fn two_attacks_among_the_ordinary_do_not_hide_the_third() {
        let mut scores = vec![1.0; 1_000];
        scores.extend([60.0, 70.0]);
        let tail = Tail::of(scores, USUAL);
        assert!(tail.rarity(65.0) > 6.9, "{}", tail.rarity(65.0));
    }
}
