//! Isolation forest (Liu, Ting and Zhou, "Isolation forest", ICDM 2008): what few random cuts set apart from all others is unlike them.

use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::random::Random;

const TREES: usize = 100;
/// Rows that a tree is grown from, and the depth that these give it: the binary logarithm.
const SAMPLE: usize = 256;
const DEPTH: u32 = 8;
/// Rows of a block.
const BLOCK: usize = 256;

/// Trees of random cuts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    trees: Vec<Tree>,
    /// The mean depth at which a row of the sample is alone.
    usual: f64,
}

/// The nodes of a tree; a child stands behind its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Node>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    /// Where the larger values go on, as the place of the node; the others go on with the next node. 0: this is a leaf.
    larger: u16,
    column: u16,
    /// What is compared with; of a leaf the depth, with that which its rows would need to be alone.
    value: f32,
}

impl Forest {
    /// Grows the trees. The same rows and seed give the same forest.
    #[must_use]
    pub fn fit(rows: &Rows, seed: u64) -> Forest {
        let mut random = Random::new(seed);
        let sample = SAMPLE.min(rows.len());
        let trees = (0..TREES).map(|_| {
            let mut chosen = random.choose(rows.len(), sample);
            let mut tree = Tree(Vec::new());
            tree.grow(rows, &mut chosen, 0, &mut random);
            tree
        });
        Forest {
            trees: trees.collect(),
            usual: path(sample),
        }
    }

    /// From 0 to 1: how unlike the others each row is; 0.5 is ordinary. A tree is read for a block of rows, so it comes from memory once.
    #[must_use]
    pub fn scores(&self, rows: &Rows) -> Vec<f64> {
        let mut depths = vec![0.0; rows.len()];
        for (block, depths) in depths.chunks_mut(BLOCK).enumerate() {
            for tree in &self.trees {
                for (at, depth) in depths.iter_mut().enumerate() {
                    *depth += f64::from(tree.depth(rows.row(block * BLOCK + at)));
                }
            }
        }
        for depth in &mut depths {
            *depth = self.of_depths(*depth);
        }
        depths
    }

    fn of_depths(&self, sum: f64) -> f64 {
        let mean = sum / TREES as f64;
        if self.usual > 0.0 {
            (-mean / self.usual).exp2()
        } else {
            0.5
        }
    }
}

impl Tree {
    fn grow(&mut self, rows: &Rows, chosen: &mut [usize], depth: u32, random: &mut Random) {
        let at = self.0.len();
        let leaf = f64::from(depth) + path(chosen.len());
        self.0.push(Node {
            larger: 0,
            column: 0,
            value: single(leaf),
        });
        if depth >= DEPTH || chosen.len() < 2 {
            return;
        }
        let Some((column, least, most)) = varying(rows, chosen, random) else {
            return;
        };
        let value = single(least + random.unit() * (most - least));
        let smaller = partition(chosen, |row| rows.row(row)[column] <= f64::from(value));
        let (left, right) = chosen.split_at_mut(smaller);
        // Rounded to an end of the values, the cut sets nothing apart.
        if left.is_empty() || right.is_empty() {
            return;
        }
        self.grow(rows, left, depth + 1, random);
        let larger = u16::try_from(self.0.len()).expect("a tree of 256 rows has few nodes");
        self.grow(rows, right, depth + 1, random);
        self.0[at] = Node {
            larger,
            column: u16::try_from(column).unwrap_or(u16::MAX),
            value,
        };
    }

    fn depth(&self, row: &[f64]) -> f32 {
        let mut at = 0;
        loop {
            let node = self.0[at];
            if node.larger == 0 {
                return node.value;
            }
            at = if row[usize::from(node.column)] <= f64::from(node.value) {
                at + 1
            } else {
                usize::from(node.larger)
            };
        }
    }
}

/// A random column of those that vary among the rows, with its least and greatest value.
fn varying(rows: &Rows, chosen: &[usize], random: &mut Random) -> Option<(usize, f64, f64)> {
    let mut columns: Vec<usize> = (0..rows.columns()).collect();
    while !columns.is_empty() {
        let column = columns.swap_remove(random.index(columns.len()));
        let values = chosen.iter().map(|row| rows.row(*row)[column]);
        let (least, most) = values.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, most), value| (least.min(value), most.max(value)),
        );
        if single(least) < single(most) {
            return Some((column, least, most));
        }
    }
    None
}

/// Brings those for which it holds to the front; how many they are.
fn partition(chosen: &mut [usize], holds: impl Fn(usize) -> bool) -> usize {
    let mut front = 0;
    for at in 0..chosen.len() {
        if holds(chosen[at]) {
            chosen.swap(front, at);
            front += 1;
        }
    }
    front
}

/// The mean depth at which a search in a tree of so many values ends without success (Liu et al., equation 1).
fn path(rows: usize) -> f64 {
    let n = rows as f64;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * ((n - 1.0).ln() + std::f64::consts::EULER_GAMMA) - 2.0 * (n - 1.0) / n,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "cuts are random anyway")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(outlier: [f64; 2]) -> Rows {
        let mut random = Random::new(2);
        let mut rows: Vec<[f64; 2]> = (0..500).map(|_| [random.unit(), random.unit()]).collect();
        rows.push(outlier);
        Rows::new(rows.iter().map(<[f64; 2]>::as_slice)).unwrap()
    }

    #[test]
    fn what_lies_apart_scores_highest() {
        let rows = cloud([4.0, 4.0]);
        let forest = Forest::fit(&rows, 1);
        let scores = forest.scores(&rows);
        let (far, others) = scores.split_last().unwrap();
        assert!(*far > 0.6, "{far}");
        assert!(others.iter().all(|score| score < far));
    }

    #[test]
    fn the_same_seed_gives_the_same_forest_and_it_survives_being_stored() {
        let rows = cloud([0.5, 0.5]);
        let forest = Forest::fit(&rows, 9);
        assert_eq!(forest, Forest::fit(&rows, 9));
        assert_ne!(forest, Forest::fit(&rows, 10));
        let stored = postcard::to_allocvec(&forest).unwrap();
        assert_eq!(postcard::from_bytes::<Forest>(&stored).unwrap(), forest);
    }

    #[test]
    fn rows_that_do_not_differ_are_ordinary() {
        let rows = Rows::new([&[1.0, 2.0][..]; 50]).unwrap();
        let forest = Forest::fit(&rows, 1);
        assert!(
            forest
                .scores(&rows)
                .iter()
                .all(|score| (score - 0.5).abs() < 0.01)
        );
        let one = Rows::new([&[1.0][..]]).unwrap();
        assert!((Forest::fit(&one, 1).scores(&one)[0] - 0.5).abs() < 1e-9);
    }
}
