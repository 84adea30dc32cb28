//! How many distinct values there are, without keeping them: `HyperLogLog` with the estimator of Ertl (2017), "New cardinality
//! estimation algorithms for `HyperLogLog` sketches". 1,024 registers: a standard error of 3.3 %.

use serde::{Deserialize, Serialize};

/// Bits of a hash that choose its register.
const BITS: u32 = 10;
const REGISTERS: u16 = 1 << BITS;
/// The highest value of a register: the other 54 bits are all zeros.
const HIGHEST: u8 = 55;

/// The sketch. Values are hashes already, of 64 bits, evenly spread.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Sketch {
    registers: Box<[u8]>,
    /// How many registers have each value, so that an estimate does not read them all.
    counts: [u16; HIGHEST as usize + 1],
}

/// What goes into a snapshot: the counts follow from the registers.
#[derive(Serialize, Deserialize)]
struct Stored(Vec<u8>);

impl From<Sketch> for Stored {
    fn from(sketch: Sketch) -> Self {
        Stored(sketch.registers.into_vec())
    }
}

impl From<Stored> for Sketch {
    fn from(Stored(registers): Stored) -> Self {
        let mut sketch = Sketch::new();
        for (register, value) in registers
            .into_iter()
            .take(usize::from(REGISTERS))
            .enumerate()
        {
            sketch.raise(register, value);
        }
        sketch
    }
}

impl Sketch {
    pub(crate) fn new() -> Self {
        let mut counts = [0; HIGHEST as usize + 1];
        counts[0] = REGISTERS;
        Sketch {
            registers: vec![0; usize::from(REGISTERS)].into_boxed_slice(),
            counts,
        }
    }

    /// Bytes on the heap of each.
    #[cfg(test)]
    pub(crate) fn bytes() -> usize {
        usize::from(REGISTERS)
    }

    pub(crate) fn add(&mut self, hash: u64) {
        let register = (hash >> (64 - BITS)) as usize;
        // The bit that is set stands for the end of the hash.
        let rest = hash << BITS | 1 << (BITS - 1);
        let zeros = u8::try_from(rest.leading_zeros()).unwrap_or(HIGHEST);
        self.raise(register, zeros + 1);
    }

    /// Takes all values of another sketch in.
    pub(crate) fn join(&mut self, other: &Sketch) {
        for (register, value) in other.registers.iter().enumerate() {
            self.raise(register, *value);
        }
    }

    #[inline]
    fn raise(&mut self, register: usize, value: u8) {
        let value = value.min(HIGHEST);
        let held = &mut self.registers[register];
        if value > *held {
            self.counts[usize::from(*held)] -= 1;
            self.counts[usize::from(value)] += 1;
            *held = value;
        }
    }

    /// About how many distinct values were added.
    pub(crate) fn estimate(&self) -> f64 {
        let all = f64::from(REGISTERS);
        let share = |count: u16| f64::from(count) / all;
        let mut sum = all * tau(1.0 - share(self.counts[usize::from(HIGHEST)]));
        for count in self.counts[1..usize::from(HIGHEST)].iter().rev() {
            sum = 0.5 * (sum + f64::from(*count));
        }
        sum += all * sigma(share(self.counts[0]));
        all * all / (2.0 * std::f64::consts::LN_2 * sum)
    }
}

/// x + Σ x^(2^k) 2^(k−1), for registers that saw nothing.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut factor, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let next = sum + power * factor;
        if next <= sum {
            return sum;
        }
        sum = next;
        factor *= 2.0;
    }
}

/// (1 − x − Σ (1 − x^(2^−k))² 2^−k) / 3, for registers that are full.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        factor *= 0.5;
        let next = sum - (1.0 - root) * (1.0 - root) * factor;
        if next >= sum {
            return sum / 3.0;
        }
        sum = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::stable_hash;

    #[test]
    fn estimates_are_near_at_every_size() {
        let mut sketch = Sketch::new();
        assert!(sketch.estimate().abs() < 1e-9);
        let mut next = 1_u64;
        for number in 1..=200_000_u64 {
            sketch.add(stable_hash(&[&number.to_be_bytes()]));
            sketch.add(stable_hash(&[&number.to_be_bytes()]));
            if number == next {
                let error = sketch.estimate() / number as f64 - 1.0;
                assert!(error.abs() < 0.1, "{number}: {error}");
                next = next * 3 / 2 + 1;
            }
        }
    }

    #[test]
    fn joined_and_stored_sketches_are_the_same() {
        let (mut whole, mut left, mut right) = (Sketch::new(), Sketch::new(), Sketch::new());
        for number in 0..5_000_u64 {
            let hash = stable_hash(&[&number.to_be_bytes()]);
            whole.add(hash);
            if number % 3 == 0 {
                left.add(hash);
            } else {
                right.add(hash);
            }
        }
        left.join(&right);
        assert_eq!(left.registers, whole.registers);
        assert_eq!(left.counts, whole.counts);
        let bytes = postcard::to_allocvec(&whole).unwrap();
        let read: Sketch = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(
            (read.registers, read.counts),
            (whole.registers, whole.counts)
        );
    }
}
