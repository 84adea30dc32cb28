//! A small seeded generator of random numbers: the same seed gives the same traffic on every machine and version.
//!
//! xoshiro256++ by D. Blackman and S. Vigna ("Scrambled Linear Pseudorandom Number Generators", 2019), seeded by
//! splitmix64 as its authors advise. Not for secrets.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random([u64; 4]);

/// The next number of splitmix64; also a good way to mix the bits of an integer.
pub(crate) const fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of text that never changes between versions and machines: FNV-1a, its bits mixed by splitmix64.
pub(crate) fn stable_hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    splitmix(fnv)
}

impl Random {
    /// A stream of its own for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Random(std::array::from_fn(|_| {
            let word = splitmix(state);
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            word
        }))
    }

    /// 64 random bits.
    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `[0, 1)`.
    #[inline]
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number in `[0, bound)`; 0 when the bound is 0. The bias is below `bound / 2^32`.
    #[inline]
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let product = (self.bits() >> 32) * u64::from(bound);
        u32::try_from(product >> 32).expect("a product with 32 bits shifted out fits 32 bits")
    }

    /// A place in a list of this length; 0 when it is empty.
    #[inline]
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// So many different places in a list of this length, in random order; all of them when there are no more.
    pub(crate) fn choose(&mut self, length: usize, wanted: usize) -> Vec<usize> {
        // Floyd's algorithm would need a set; what is chosen from is small beside what is done with it.
        let mut places: Vec<usize> = (0..length).collect();
        for at in 0..wanted.min(length) {
            let other = at + self.index(length - at);
            places.swap(at, other);
        }
        places.truncate(wanted);
        places
    }

    /// True once in `n` times on average; never when `n` is 0.
    #[inline]
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        n != 0 && self.below(n) == 0
    }

    /// One of several; the slice must not be empty.
    #[inline]
    pub(crate) fn pick<'s, T>(&mut self, choices: &'s [T]) -> &'s T {
        let bound = u32::try_from(choices.len()).expect("choices are short lists");
        &choices[self.below(bound) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_cover_it() {
        let mut random = Random::new(7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[random.below(10) as usize] += 1;
            assert!((0.0..1.0).contains(&random.unit()));
        }
        assert!(
            seen.iter().all(|count| (800..1200).contains(count)),
            "{seen:?}"
        );
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_stream_and_the_hash_never_change() {
        assert_eq!(splitmix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(Random::new(1).bits(), Random::new(1).bits());
        assert_ne!(Random::new(1).bits(), Random::new(2).bits());
        assert_eq!(stable_hash("barrier-0001"), stable_hash("barrier-0001"));
    }
}
