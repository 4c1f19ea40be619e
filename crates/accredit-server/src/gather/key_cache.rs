//! The keys of all providers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::model::Id;
use accredit_id::time::Timestamp;
use arc_swap::ArcSwap;

use super::fetch::Fetcher;
use super::guard::UrlFault;
use super::health::KeyHealth;
use super::provider_keys::ProviderKeys;
use super::seen_sets::SeenSets;
use super::source::KeySource;

/// The [`ProviderKeys`] of each provider that was asked for, by its id.
///
/// Reading takes no lock. An entry is made when its provider is first asked for and fetches nothing by itself, so that ten
/// thousand providers cost a start nothing.
pub(crate) struct KeyCache {
    fetcher: Arc<Fetcher>,
    /// Which sets were seen and are not put down yet.
    pub(crate) seen: Arc<SeenSets>,
    /// Copied on write, in shards so that the copies stay small.
    shards: Box<[Shard]>,
}

#[derive(Default)]
struct Shard {
    entries: ArcSwap<HashMap<Id, Arc<ProviderKeys>>>,
    /// Held by whoever replaces `entries`.
    writing: Mutex<()>,
}

// === impl KeyCache ===

impl KeyCache {
    /// An empty cache that fetches by `fetcher`.
    pub(crate) fn new(fetcher: Arc<Fetcher>) -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Self { fetcher, seen: Arc::default(), shards }
    }

    /// Judges a source when it is written ([`Fetcher::judge`]).
    pub(crate) fn judge(&self, source: &KeySource) -> Result<(), UrlFault> {
        self.fetcher.judge(source)
    }

    /// The keys of a provider that has this source now. Keys that are held from another source are dropped: no token that
    /// comes after the change is judged by them.
    pub(crate) fn provider(&self, id: Id, source: &Arc<KeySource>) -> Arc<ProviderKeys> {
        let shard = self.shard(id);
        let is_current = |keys: &Arc<ProviderKeys>| Arc::ptr_eq(keys.source(), source) || keys.source() == source;
        if let Some(keys) = shard.entries.load().get(&id).filter(|keys| is_current(keys)) {
            return Arc::clone(keys);
        }
        shard.write(|entries| match entries.get(&id) {
            // Somebody else was faster.
            Some(keys) if is_current(keys) => Arc::clone(keys),
            _ => {
                let (fetcher, seen) = (Arc::clone(&self.fetcher), Arc::clone(&self.seen));
                let keys = Arc::new(ProviderKeys::new(id, Arc::clone(source), fetcher, seen));
                entries.insert(id, Arc::clone(&keys));
                keys
            }
        })
    }

    /// What is held of a provider, if it was ever asked for. For whoever only looks.
    pub(crate) fn held(&self, id: Id) -> Option<Arc<ProviderKeys>> {
        self.shard(id).entries.load().get(&id).cloned()
    }

    /// How the keys of every provider are that was asked for, for whoever scrapes numbers. Fetches nothing.
    pub(crate) fn health(&self, now: Timestamp) -> Vec<(Id, KeyHealth)> {
        let entries = self.shards.iter().map(|shard| shard.entries.load_full());
        let health_of = |(id, keys): (&Id, &Arc<ProviderKeys>)| (*id, keys.health(now));
        entries.flat_map(|entries| entries.iter().map(health_of).collect::<Vec<_>>()).collect()
    }

    /// Drops what is held of providers that are not kept.
    pub(crate) fn retain(&self, mut keep: impl FnMut(Id) -> bool) {
        for shard in &self.shards {
            if shard.entries.load().is_empty() {
                continue;
            }
            shard.write(|entries| entries.retain(|id, _| keep(*id)));
        }
    }

    fn shard(&self, id: Id) -> &Shard {
        // Ids are random but for those that somebody chose; he would crowd his own server.
        &self.shards[usize::from(id.bits()[15]) % SHARDS]
    }
}

// === impl Shard ===

impl Shard {
    fn write<T>(&self, change: impl FnOnce(&mut HashMap<Id, Arc<ProviderKeys>>) -> T) -> T {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = HashMap::clone(&self.entries.load());
        let answer = change(&mut entries);
        self.entries.store(Arc::new(entries));
        answer
    }
}

const SHARDS: usize = 64;
