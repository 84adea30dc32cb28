//! Scores of the rows that a model was fitted to: how rare a score is.

use serde::{Deserialize, Serialize};

/// Most scores that are kept, evenly spread over their order.
const MOST: usize = 65_536;

/// One in so many scores is of the tail.
const TAIL: usize = 32;
/// Most mean excesses that a score may lie out.
const FARTHEST: f64 = 30.0;

/// Scores in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ranks(Vec<f64>);

impl Ranks {
    pub(super) fn new(mut scores: Vec<f64>) -> Ranks {
        scores.sort_unstable_by(f64::total_cmp);
        if scores.len() > MOST {
            let last = scores.len() - 1;
            let spread = (0..MOST).map(|at| scores[at * last / (MOST - 1)]);
            scores = spread.collect();
        }
        Ranks(scores)
    }

    /// −ln of the share of scores that are as high, ties counted by half; of none, half a score, and less the farther it lies out: by a factor e
    /// each mean excess of the highest scores.
    pub(super) fn rarity(&self, score: f64) -> f64 {
        let rarity = self.counted(score);
        let Some(highest) = self.0.last().filter(|highest| score > **highest) else {
            return rarity;
        };
        let tail = &self.0[self.0.len() - (self.0.len() / TAIL).max(1)..];
        let excess = tail.iter().sum::<f64>() / tail.len() as f64 - tail[0];
        let beyond = (score - highest) / excess.max(1e-9 * highest.abs().max(1e-9));
        rarity + beyond.min(FARTHEST)
    }

    fn counted(&self, score: f64) -> f64 {
        let below = self.0.partition_point(|known| *known < score);
        let upto = below + self.0[below..].partition_point(|known| *known <= score);
        let above = self.0.len() as f64 - (below + upto) as f64 / 2.0;
        -(above.max(0.5) / self.0.len().max(1) as f64).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_score_is_rarer_up_to_half_a_score() {
        let ranks = Ranks::new((0..1_000).map(f64::from).collect());
        assert!((ranks.rarity(899.5) - 10_f64.ln()).abs() < 1e-9);
        assert!((ranks.rarity(999.0) - 2_000_f64.ln()).abs() < 1e-9);
        assert!((ranks.rarity(1_014.0) - 2_000_f64.ln() - 1.0).abs() < 0.1);
        assert!((ranks.rarity(1e9) - 2_000_f64.ln() - 30.0).abs() < 1e-9);
        assert!(ranks.rarity(-1.0).abs() < 1e-9);
        let many = Ranks::new((0..200_000).map(f64::from).collect());
        assert_eq!(many.0.len(), MOST);
        assert!((many.rarity(180_000.0) - 10_f64.ln()).abs() < 1e-3);
    }
}
