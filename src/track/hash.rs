//! Hashes whose values outlive the process: the same on every machine and in every version, since snapshots and models rest on that.
//!
//! [`stable_hash`] is for shards, counted values and fingerprints: SHA-256, its first eight bytes read as a big-endian number. Nobody can craft values that fall
//! together, which would hide distinct values from a count. [`quick_hash`] is for the some thirty values that behaviour looks at in every event: rapidhash in its third
//! version, which takes eight bytes at once. Whoever chooses the bytes can make its values fall together.

use rapidhash::v3::{DEFAULT_RAPID_SECRETS, rapidhash_v3_micro_inline};
use sha2::{Digest, Sha256};

/// Longest text in bytes of which some are left out without memory of its own.
const SHORT: usize = 256;

/// How many shards the state of the tracker is cut into. Part of the snapshot format: never change it without a migration.
pub const SHARDS: usize = 64;

/// The stable hash of a sequence of parts. Each part's length goes in too, so `("ab", "c")` and `("a", "bc")` differ.
#[must_use]
pub fn stable_hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// The quick hash of a text.
#[inline]
pub(super) fn quick_hash(text: &str) -> u64 {
    quick_hash_of(text.as_bytes())
}

/// The quick hash of bytes.
#[inline]
pub(super) fn quick_hash_of(bytes: &[u8]) -> u64 {
    rapidhash_v3_micro_inline::<true, false>(bytes, &DEFAULT_RAPID_SECRETS)
}

/// The quick hash of those bytes of a text that count.
pub(super) fn quick_hash_where(text: &str, counts: impl Fn(u8) -> bool) -> u64 {
    let mut short = [0; SHORT];
    if text.len() > SHORT {
        let counted: Vec<u8> = text.bytes().filter(|byte| counts(*byte)).collect();
        return quick_hash_of(&counted);
    }
    // Each is written where the next one goes on, whether it counts or not: no branch to guess.
    let mut length = 0;
    for byte in text.bytes() {
        short[length] = byte;
        length += usize::from(counts(byte));
    }
    quick_hash_of(&short[..length])
}

/// The shard that an entity's state lives in. Goes by the value alone: a client known by its address and that address meet.
#[must_use]
pub fn shard_of(entity: &str) -> usize {
    shard_of_hash(stable_hash(&[entity.as_bytes()]))
}

/// The same for the stable hash of the value.
pub(crate) const fn shard_of_hash(hash: u64) -> usize {
    // 64 divides 256, so the last byte decides.
    (hash & 0xFF) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_change() {
        assert_eq!(stable_hash(&[b"gatewatch"]), 11_228_843_418_893_219_195);
        assert_eq!(shard_of("crm"), 32);
        assert_eq!(shard_of("198.51.100.7"), 22);
        assert_eq!(quick_hash("gatewatch"), 10_672_080_386_247_912_935);
    }

    #[test]
    fn what_does_not_count_changes_no_hash() {
        let letters = |text: &str| quick_hash_where(text, |byte| !byte.is_ascii_digit());
        for length in [1, 20, 127, 128, 129, 500] {
            let (with, without) = ("a1".repeat(length), "a".repeat(length));
            assert_eq!(letters(&with), quick_hash(&without), "{length}");
            assert_ne!(letters(&with), letters(&(with.clone() + "b")));
        }
    }

    #[test]
    fn parts_keep_their_borders() {
        assert_ne!(stable_hash(&[b"ab", b"c"]), stable_hash(&[b"a", b"bc"]));
    }
}
