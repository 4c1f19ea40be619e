//! A map in shards: cloning copies pointers, changing copies one shard.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

type Shard<K, V> = HashTable<(K, V)>;

/// A copy-on-write map. A look-up hashes once: some bits choose the shard, others the place in it.
///
/// Hashes are not keyed. Keys are resources' own ids and names; whoever can write resources could make shards uneven, and
/// would slow down only his own server.
#[derive(Debug)]
pub(super) struct Shards<K, V> {
    shards: Arc<[Arc<Shard<K, V>>]>,
    len: usize,
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), len: self.len }
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let empty = Arc::new(HashTable::new());
        Self { shards: (0..SHARDS).map(|_| Arc::clone(&empty)).collect(), len: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key as it is kept.
    pub(super) fn key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
    {
        self.entry(key).map(|(kept, _)| kept)
    }

    fn entry<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
    {
        let hash = hash(key);
        self.shards[place(hash)].find(hash, |(kept, _)| kept.borrow() == key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        let hash = hash(&key);
        let shard = self.shard(hash);
        match shard.find_mut(hash, |(kept, _)| *kept == key) {
            Some(entry) => entry.1 = value,
            None => {
                shard.insert_unique(hash, (key, value), |(kept, _)| self::hash(kept));
                self.len += 1;
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        let hash = hash(key);
        // A key that is not there copies no shard.
        if self.get(key).is_some()
            && let Ok(entry) = self.shard(hash).find_entry(hash, |(kept, _)| kept == key)
        {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Changes a value in place; one that is missing is made first, one that `keep` does not want is removed.
    pub(super) fn change(&mut self, key: K, change: impl FnOnce(&mut V), keep: impl FnOnce(&V) -> bool)
    where
        V: Default,
    {
        let hash = hash(&key);
        let shard = self.shard(hash);
        let before = shard.len();
        let mut entry = shard
            .entry(hash, |(kept, _)| *kept == key, |(kept, _)| self::hash(kept))
            .or_insert_with(|| (key.clone(), V::default()));
        let value = &mut entry.get_mut().1;
        change(value);
        if !keep(value) {
            entry.remove();
        }
        let after = shard.len();
        self.len = self.len + after - before;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.iter().map(|(_, value)| value))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn shard(&mut self, hash: u64) -> &mut Shard<K, V> {
        let shards = Arc::make_mut(&mut self.shards);
        Arc::make_mut(&mut shards[place(hash)])
    }
}

fn hash<Q: Hash + ?Sized>(key: &Q) -> u64 {
    FixedState::default().hash_one(key)
}

/// The table takes a hash's lowest bits for its buckets and the highest seven to tell their entries apart.
fn place(hash: u64) -> usize {
    (hash >> 48) as usize & (SHARDS - 1)
}

const SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_what_comes_after() {
        let mut now: Shards<u32, u32> = Shards::default();
        (0..1000).for_each(|key| now.insert(key, key));
        let before = now.clone();
        now.insert(5, 6);
        now.remove(&7);
        now.remove(&7);
        now.change(2000, |value| *value += 1, |_| true);
        now.change(3000, |_| (), |_| false);
        assert_eq!((before.get(&5), before.get(&7), before.len()), (Some(&5), Some(&7), 1000));
        assert_eq!((now.get(&5), now.get(&7), now.get(&2000), now.len()), (Some(&6), None, Some(&1), 1000));
        assert_eq!(now.values().count(), 1000);
        let shared = before.shards.iter().zip(now.shards.iter()).filter(|(one, two)| Arc::ptr_eq(one, two)).count();
        assert!(shared >= SHARDS - 4, "{shared} shards are shared");
    }

    #[test]
    fn keys_spread_over_the_shards() {
        let mut map: Shards<u64, ()> = Shards::default();
        (0..25_600).for_each(|key| map.insert(key, ()));
        assert!(map.shards.iter().all(|shard| (40..250).contains(&shard.len())));
    }
}
