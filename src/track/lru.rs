//! A bounded map that forgets what was touched least recently.
//!
//! Order is that of touching, never that of hashing, so eviction and iteration are the same on every run.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

const NONE: u32 = u32::MAX;

struct Entry<K, V> {
    key: K,
    value: V,
    older: u32,
    newer: u32,
}

/// A map of at most `capacity` entries, linked from the least to the most recently touched.
pub(crate) struct Lru<K, V> {
    /// Numbers of entries; the keys stand with the entries alone.
    index: HashTable<u32>,
    entries: Vec<Entry<K, V>>,
    oldest: u32,
    newest: u32,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    /// An empty map that holds at least one entry and at most `capacity`.
    pub(crate) fn new(capacity: usize) -> Self {
        Lru {
            index: HashTable::new(),
            entries: Vec::new(),
            oldest: NONE,
            newest: NONE,
            capacity: capacity.clamp(1, NONE as usize - 1),
        }
    }

    /// How many entries it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is an entry of this key.
    pub(crate) fn contains(&self, key: &K) -> bool {
        let is_key = |slot: &u32| self.entries[*slot as usize].key == *key;
        self.index.find(hash(key), is_key).is_some()
    }

    /// Looks without touching.
    pub(crate) fn peek_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let is_key = |slot: &u32| self.entries[*slot as usize].key.borrow() == key;
        let slot = *self.index.find(hash(key), is_key)?;
        Some(&mut self.entries[slot as usize].value)
    }

    /// The entry of this key, touched; made by `make` when there is none. The second value is what had to go for it.
    pub(crate) fn touch(&mut self, key: &K, make: impl FnOnce() -> V) -> (&mut V, Option<(K, V)>) {
        let hashed = hash(key);
        let is_key = |slot: &u32| self.entries[*slot as usize].key == *key;
        if let Some(&slot) = self.index.find(hashed, is_key) {
            if slot != self.newest {
                self.unlink(slot);
                self.link_newest(slot);
            }
            return (&mut self.entries[slot as usize].value, None);
        }
        let evicted = if self.entries.len() >= self.capacity {
            self.pop_oldest()
        } else {
            None
        };
        let slot = u32::try_from(self.entries.len()).expect("the capacity is below u32::MAX");
        self.entries.push(Entry {
            key: key.clone(),
            value: make(),
            older: NONE,
            newer: NONE,
        });
        self.link_newest(slot);
        let entries = &self.entries;
        self.index
            .insert_unique(hashed, slot, |slot| hash(&entries[*slot as usize].key));
        (&mut self.entries[slot as usize].value, evicted)
    }

    /// The least recently touched entry.
    pub(crate) fn oldest(&self) -> Option<(&K, &V)> {
        let entry = self.entries.get(self.oldest as usize)?;
        Some((&entry.key, &entry.value))
    }

    /// Takes out the least recently touched entry.
    pub(crate) fn pop_oldest(&mut self) -> Option<(K, V)> {
        if self.oldest == NONE {
            return None;
        }
        let slot = self.oldest;
        self.unlink(slot);
        let hashed = hash(&self.entries[slot as usize].key);
        if let Ok(place) = self.index.find_entry(hashed, |other| *other == slot) {
            place.remove();
        }
        let entry = self.entries.swap_remove(slot as usize);
        self.relocate(slot);
        Some((entry.key, entry.value))
    }

    /// All entries, least recently touched first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.newer;
            Some((&entry.key, &entry.value))
        })
    }

    /// All entries, in no promised order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries
            .iter_mut()
            .map(|entry| (&entry.key, &mut entry.value))
    }

    /// After `swap_remove(slot)`: the entry that moved there is told to its neighbours and to the index.
    fn relocate(&mut self, slot: u32) {
        let Some(moved) = self.entries.get(slot as usize) else {
            return;
        };
        let (older, newer) = (moved.older, moved.newer);
        let hashed = hash(&moved.key);
        let was = self.entries.len();
        *self
            .index
            .find_mut(hashed, |other| *other as usize == was)
            .expect("every entry is in the index") = slot;
        match older {
            NONE => self.oldest = slot,
            older => self.entries[older as usize].newer = slot,
        }
        match newer {
            NONE => self.newest = slot,
            newer => self.entries[newer as usize].older = slot,
        }
    }

    fn unlink(&mut self, slot: u32) {
        let (older, newer) = {
            let entry = &self.entries[slot as usize];
            (entry.older, entry.newer)
        };
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer as usize].older = older,
        }
    }

    fn link_newest(&mut self, slot: u32) {
        let entry = &mut self.entries[slot as usize];
        entry.older = self.newest;
        entry.newer = NONE;
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.entries[newest as usize].newer = slot,
        }
        self.newest = slot;
    }
}

fn hash<Q: Hash + ?Sized>(key: &Q) -> u64 {
    FixedState::default().hash_one(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_list_in_order_of_touching(keys in prop::collection::vec((0u8..12, prop::bool::weighted(0.2)), 0..200)) {
            let mut lru: Lru<u8, u8> = Lru::new(5);
            let mut list: Vec<u8> = Vec::new();
            for (key, pop) in keys {
                if pop {
                    let expected = (!list.is_empty()).then(|| list.remove(0));
                    prop_assert_eq!(lru.pop_oldest().map(|(key, _)| key), expected);
                    continue;
                }
                let gone = lru.touch(&key, || key).1.map(|(key, _)| key);
                let mut expected = None;
                if let Some(at) = list.iter().position(|k| *k == key) {
                    list.remove(at);
                } else if list.len() == 5 {
                    expected = Some(list.remove(0));
                }
                list.push(key);
                prop_assert_eq!(gone, expected);
                prop_assert_eq!(lru.iter().map(|(k, _)| *k).collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(lru.oldest().map(|(k, _)| *k), list.first().copied());
            }
        }
    }
}
