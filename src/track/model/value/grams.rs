//! How often a symbol followed the two before it: counts of runs of one, two and three symbols in one small table.
//!
//! The probability of a symbol goes from what is known of it alone over what is known behind one symbol to that behind two, each discounted in favour
//! of the shorter (absolute discounting: Ney, Essen and Kneser 1994; Chen and Goodman, "An empirical study of smoothing
//! techniques for language modeling", 1999). Runs are known by a hash alone: no value can be read back.

use serde::{Deserialize, Serialize};

use super::symbols::{BEGIN, Symbol};

/// Taken off each count.
const DISCOUNT: f64 = 0.5;
/// Weight of what shorter runs say, besides what was taken off.
const PRIOR: f64 = 0.5;
/// Slots of a new table.
const SLOTS: usize = 64;

/// Counts of shapes and bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grams {
    slots: Vec<Node>,
    used: usize,
    most: usize,
    /// Of shapes, of bytes: how many symbols there were, and different ones.
    symbols: [u32; 2],
    different: [u16; 2],
    /// A count is as high as it goes: nothing more is learned, or shares would shift.
    is_full: bool,
}

/// A run of symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Node {
    /// Part of the hash; 0 for a free slot.
    print: u32,
    count: u16,
    /// Different symbols that followed it.
    followed: u16,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Shape,
    Bytes,
}

impl Grams {
    /// A table of so many runs at most.
    pub(super) fn new(most: usize) -> Grams {
        Grams {
            slots: vec![Node::default(); SLOTS],
            used: 0,
            most,
            symbols: [0; 2],
            different: [0; 2],
            is_full: false,
        }
    }

    /// Makes the probability of each symbol that of this table, drawn towards what it was.
    pub(super) fn refine(&self, view: View, symbols: &[Symbol], probabilities: &mut [f64]) {
        let root = root(view);
        let (mut one, mut two) = (next(root, BEGIN), next(next(root, BEGIN), BEGIN));
        let (mut behind_one, mut behind_two) = (self.of(one), self.of(two));
        let all = (
            f64::from(self.symbols[view as usize]),
            f64::from(self.different[view as usize]),
        );
        for (symbol, probability) in symbols.iter().zip(probabilities) {
            let keys = [root, one, two].map(|context| next(context, symbol.id));
            let known = keys.map(|key| self.of(key));
            let contexts = [all, numbers(behind_one), numbers(behind_two)];
            for ((times, different), known) in contexts.into_iter().zip(known) {
                if times <= 0.0 {
                    break;
                }
                let count = (f64::from(known.count) - DISCOUNT).max(0.0);
                let shorter = (DISCOUNT * different + PRIOR) * *probability;
                *probability = (count + shorter) / (times + PRIOR);
            }
            (one, two) = (keys[0], keys[1]);
            (behind_one, behind_two) = (known[0], known[1]);
        }
    }

    /// Counts the symbols of a value.
    pub(super) fn learn(&mut self, view: View, symbols: &[Symbol]) {
        if self.is_full {
            return;
        }
        let root = root(view);
        let (mut one, mut two) = (next(root, BEGIN), next(next(root, BEGIN), BEGIN));
        self.count(one);
        self.count(two);
        for symbol in symbols {
            let of_all = &mut self.symbols[view as usize];
            *of_all = of_all.saturating_add(1);
            let keys = [root, one, two].map(|context| next(context, symbol.id));
            if self.count(keys[0]) {
                self.different[view as usize] += 1;
            }
            for (context, key) in [one, two].into_iter().zip(&keys[1..]) {
                if self.count(*key) {
                    self.follow(context);
                }
            }
            (one, two) = (keys[0], keys[1]);
        }
    }

    fn of(&self, key: u64) -> Node {
        self.slots[self.find(key)]
    }

    /// Counts a run; whether it is new.
    fn count(&mut self, key: u64) -> bool {
        let at = self.find(key);
        let node = &mut self.slots[at];
        if node.print != 0 {
            node.count = node.count.saturating_add(1);
            self.is_full |= node.count == u16::MAX;
            return false;
        }
        if self.used >= self.most {
            return false;
        }
        *node = Node {
            print: print(key),
            count: 1,
            followed: 0,
        };
        self.used += 1;
        if self.used * 4 > self.slots.len() * 3 {
            self.grow();
        }
        true
    }

    fn follow(&mut self, context: u64) {
        let at = self.find(context);
        if self.slots[at].print != 0 {
            self.slots[at].followed = self.slots[at].followed.saturating_add(1);
        }
    }

    /// The slot of a run, or the free one in which it would stand.
    fn find(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let print = print(key);
        let mut at = place(print, mask);
        while self.slots[at].print != 0 && self.slots[at].print != print {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let larger = vec![Node::default(); self.slots.len() * 2];
        let mask = larger.len() - 1;
        for node in std::mem::replace(&mut self.slots, larger) {
            if node.print != 0 {
                let mut at = place(node.print, mask);
                while self.slots[at].print != 0 {
                    at = (at + 1) & mask;
                }
                self.slots[at] = node;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.slots.as_slice())
    }
}

fn numbers(node: Node) -> (f64, f64) {
    (f64::from(node.count), f64::from(node.followed))
}

/// The hash that runs of a view begin with.
fn root(view: View) -> u64 {
    next(0x6a09_e667_f3bc_c908, view as u16)
}

/// The hash of a run, a symbol longer.
const fn next(run: u64, symbol: u16) -> u64 {
    let mixed = (run ^ (symbol as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (mixed >> 29)
}

/// Never 0.
const fn print(key: u64) -> u32 {
    (key >> 32) as u32 | 1
}

const fn place(print: u32, mask: usize) -> usize {
    (print.wrapping_mul(0x9e37_79b9) >> 1) as usize & mask
}

#[cfg(test)]
mod tests {
    use super::super::symbols::shape;
    use super::*;

    fn probability(grams: &Grams, text: &str) -> f64 {
        let mut symbols = Vec::new();
        shape(text.as_bytes(), &mut symbols);
        let mut each = vec![1.0 / 48.0; symbols.len()];
        grams.refine(View::Shape, &symbols, &mut each);
        each.iter().product()
    }

    fn learned(texts: &[&str], most: usize) -> Grams {
        let mut grams = Grams::new(most);
        let mut symbols = Vec::new();
        for text in texts {
            shape(text.as_bytes(), &mut symbols);
            grams.learn(View::Shape, &symbols);
        }
        grams
    }

    #[test]
    fn what_was_seen_is_likely_and_what_was_not_is_not() {
        let grams = learned(&["A123BC77"; 50], 1_000);
        assert!(probability(&grams, "B777AA99") > 0.2);
        assert!(probability(&grams, "A123BC77'--") < 1e-6);
        assert!(probability(&learned(&[], 1_000), "a") > 0.0);
    }

    #[test]
    fn probabilities_of_all_symbols_sum_up_to_one() {
        let grams = learned(&["ab-12", "ab-13", "x", "a b"], 1_000);
        for before in ["ab", "ab-", "ab-1", "q!"] {
            let mut sum = 0.0;
            for next in (0..48_u16).chain([super::super::symbols::END]) {
                let mut symbols = Vec::new();
                shape(before.as_bytes(), &mut symbols);
                symbols.last_mut().unwrap().id = next;
                let mut each = vec![1.0 / 49.0; symbols.len()];
                grams.refine(View::Shape, &symbols, &mut each);
                sum += each.last().unwrap();
            }
            assert!(sum < 1.0 + 1e-9 && sum > 0.4, "{before}: {sum}");
        }
    }

    #[test]
    fn a_full_table_learns_no_new_runs() {
        let texts: Vec<String> = (33..127_u8)
            .map(|sign| format!("a{}b", char::from(sign)))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let grams = learned(&texts, 50);
        assert_eq!(grams.used, 50);
        assert!(grams.bytes() <= 128 * 8);
    }

    #[test]
    fn a_count_that_is_as_high_as_it_goes_ends_the_learning() {
        let texts = vec!["7"; 70_000];
        let grams = learned(&texts, 50);
        assert!(grams.is_full);
        assert!(probability(&grams, "8") > 0.99);
    }
}
