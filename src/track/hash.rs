//! The one hash whose values outlive the process: shards, counted values and fingerprints.
//!
//! SHA-256, its first eight bytes read as a big-endian number. It is the same on every machine and in every version
//! (snapshots rest on that), and nobody can craft values that fall together, which would hide distinct values from a count.

use sha2::{Digest, Sha256};

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
    }

    #[test]
    fn parts_keep_their_borders() {
        assert_ne!(stable_hash(&[b"ab", b"c"]), stable_hash(&[b"a", b"bc"]));
    }
}
