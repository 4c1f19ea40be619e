//! A map in shards: cloning copies pointers, changing copies one shard.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

/// The hasher is the standard library's keyed one with a fixed key. Keys are resources' own ids and names; whoever can
/// write resources could make shards uneven, and would slow down only his own server.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Shard<K, V> = HashMap<K, V, Hasher>;

/// A copy-on-write map.
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
        let empty = Arc::new(Shard::default());
        Self { shards: (0..SHARDS).map(|_| Arc::clone(&empty)).collect(), len: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards[place(key)].get(key)
    }

    /// The key as it is kept.
    pub(super) fn key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
    {
        self.shards[place(key)].get_key_value(key).map(|(kept, _)| kept)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        let shard = self.shard(&key);
        if shard.insert(key, value).is_none() {
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if self.get(key).is_some() {
            self.shard(key).remove(key);
            self.len -= 1;
        }
    }

    /// Changes a value in place; one that is missing is made first, one that `keep` does not want is removed.
    pub(super) fn change(&mut self, key: K, change: impl FnOnce(&mut V), keep: impl FnOnce(&V) -> bool)
    where
        V: Default,
    {
        let shard = self.shard(&key);
        let before = shard.len();
        let value = shard.entry(key.clone()).or_default();
        change(value);
        if !keep(value) {
            shard.remove(&key);
        }
        let after = shard.len();
        self.len = self.len + after - before;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn shard(&mut self, key: &K) -> &mut Shard<K, V> {
        let shards = Arc::make_mut(&mut self.shards);
        Arc::make_mut(&mut shards[place(key)])
    }
}

fn place<Q: Hash + ?Sized>(key: &Q) -> usize {
    // The shard is chosen by the high bits, the map's bucket by others.
    (Hasher::default().hash_one(key) >> 52) as usize & (SHARDS - 1)
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
        now.change(2000, |value| *value += 1, |_| true);
        now.change(3000, |_| (), |_| false);
        assert_eq!((before.get(&5), before.get(&7), before.len()), (Some(&5), Some(&7), 1000));
        assert_eq!((now.get(&5), now.get(&7), now.get(&2000), now.len()), (Some(&6), None, Some(&1), 1000));
        let shared = before.shards.iter().zip(now.shards.iter()).filter(|(one, two)| Arc::ptr_eq(one, two)).count();
        assert!(shared >= SHARDS - 4, "{shared} shards are shared");
    }
}
