//! Maps and rolls in shards: cloning copies pointers, changing copies one shard.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A copy-on-write map.
#[derive(Debug)]
pub(super) struct Shards<K, V>(Table<(K, V)>);

/// A copy-on-write set of what knows its own key. A look-up reads nothing but the place and what is found there: among
/// 300,000 resources that nobody has looked at for a while, each copy of a key is memory to wait for.
#[derive(Debug)]
pub(super) struct Roll<T>(Table<T>);

/// What a [`Roll`] can hold.
pub(super) trait Keyed: Clone {
    /// By what it is found.
    type Key<'a>: Copy + Hash
    where
        Self: 'a;

    fn key(&self) -> Self::Key<'_>;

    fn has(&self, key: Self::Key<'_>) -> bool;
}

/// What both are made of. A look-up hashes once: some bits choose the shard, others the place in it.
///
/// Hashes are not keyed. Keys are resources' own ids and names; whoever can write resources could make shards uneven, and
/// would slow down only his own server.
#[derive(Debug)]
struct Table<T> {
    shards: Arc<[Arc<HashTable<T>>]>,
    len: usize,
}

// === impl Shards ===

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self(Table::default())
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
        self.0.find(hash(key), |(kept, _)| kept.borrow() == key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        let hash = hash(&key);
        self.0.put(hash, (key, value), |(one, _), (other, _)| one == other, |(kept, _)| self::hash(kept));
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.0.take(hash(key), |(kept, _)| kept == key);
    }

    /// Changes a value in place; one that is missing is made first, one that `keep` does not want is removed.
    pub(super) fn change(&mut self, key: K, change: impl FnOnce(&mut V), keep: impl FnOnce(&V) -> bool)
    where
        V: Default,
    {
        let hash = hash(&key);
        let shard = self.0.shard(hash);
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
        self.0.len = self.0.len + after - before;
    }

    pub(super) fn len(&self) -> usize {
        self.0.len
    }
}

// === impl Roll ===

impl<T> Clone for Roll<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self(Table::default())
    }
}

impl<T: Keyed> Roll<T> {
    pub(super) fn get(&self, key: T::Key<'_>) -> Option<&T> {
        self.0.find(hash(&key), |kept| kept.has(key))
    }

    /// Takes something in, in place of what has its key.
    pub(super) fn put(&mut self, new: T) {
        let hash = hash(&new.key());
        self.0.put(hash, new, |one, other| one.has(other.key()), |kept| self::hash(&kept.key()));
    }

    /// Takes out what has the key of this.
    pub(super) fn remove(&mut self, gone: &T) {
        self.0.take(hash(&gone.key()), |kept| kept.has(gone.key()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len
    }
}

// === impl Table ===

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), len: self.len }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let empty = Arc::new(HashTable::new());
        Self { shards: (0..SHARDS).map(|_| Arc::clone(&empty)).collect(), len: 0 }
    }
}

impl<T> Table<T> {
    fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.shards[place(hash)].find(hash, is_it)
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

impl<T: Clone> Table<T> {
    fn put(&mut self, hash: u64, new: T, is_same: impl Fn(&T, &T) -> bool, rehash: impl Fn(&T) -> u64) {
        let shard = self.shard(hash);
        match shard.find_mut(hash, |kept| is_same(kept, &new)) {
            Some(entry) => *entry = new,
            None => {
                shard.insert_unique(hash, new, rehash);
                self.len += 1;
            }
        }
    }

    fn take(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) {
        // What is not there copies no shard.
        if self.find(hash, &is_it).is_some()
            && let Ok(entry) = self.shard(hash).find_entry(hash, is_it)
        {
            entry.remove();
            self.len -= 1;
        }
    }

    fn shard(&mut self, hash: u64) -> &mut HashTable<T> {
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
        let shared = before.0.shards.iter().zip(now.0.shards.iter()).filter(|(one, two)| Arc::ptr_eq(one, two)).count();
        assert!(shared >= SHARDS - 4, "{shared} shards are shared");
    }

    #[test]
    fn a_roll_holds_one_of_each_key() {
        #[derive(Clone, Debug, PartialEq)]
        struct Guest(&'static str, u32);
        impl Keyed for Guest {
            type Key<'a> = &'a str;

            fn key(&self) -> &str {
                self.0
            }

            fn has(&self, key: &str) -> bool {
                self.0 == key
            }
        }
        let mut roll: Roll<Guest> = Roll::default();
        roll.put(Guest("ann", 1));
        roll.put(Guest("ben", 2));
        let before = roll.clone();
        roll.put(Guest("ann", 3));
        roll.remove(&Guest("ben", 9));
        roll.remove(&Guest("cyd", 9));
        assert_eq!((roll.get("ann"), roll.get("ben"), roll.len()), (Some(&Guest("ann", 3)), None, 1));
        assert_eq!(
            (before.get("ann"), before.get("ben"), before.len()),
            (Some(&Guest("ann", 1)), Some(&Guest("ben", 2)), 2)
        );
        assert_eq!(roll.iter().count(), 1);
    }

    #[test]
    fn keys_spread_over_the_shards() {
        let mut map: Shards<u64, ()> = Shards::default();
        (0..25_600).for_each(|key| map.insert(key, ()));
        assert!(map.0.shards.iter().all(|shard| (40..250).contains(&shard.len())));
    }
}
