//! The bundles of all foreign trust domains.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::model::{Id, Kind};
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_store::KeptBundle;
use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::relation::{Relation, Terms};

/// A [`Relation`] for each federation, and for each provider whose keys are a bundle's. They follow the world; whoever asks for
/// keys takes no lock.
#[derive(Default)]
pub(crate) struct Relations {
    entries: ArcSwap<HashMap<Id, Arc<Relation>>>,
    /// Held by whoever replaces `entries`.
    writing: Mutex<()>,
    wake: Notify,
}

// === impl Relations ===

impl Relations {
    /// The relations of a world, with what the store holds of each.
    pub(crate) fn restored(world: &World, kept: Vec<KeptBundle>) -> Self {
        let relations = Self::default();
        relations.follow(world);
        relations.hear(kept);
        relations
    }

    /// Makes the relations those of a world: what is gone there holds nothing from then on.
    pub(crate) fn follow(&self, world: &World) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.entries.load();
        let mut next = HashMap::new();
        for resource in [Kind::Federation, Kind::Provider].into_iter().flat_map(|kind| world.of_kind(kind)) {
            let Some(terms) = Terms::of(resource, world.enabled(resource.id).is_some()) else { continue };
            let known = before.get(&resource.id);
            let relation = match known.filter(|known| known.terms == terms) {
                Some(known) => Arc::clone(known),
                None => Arc::new(Relation::new(resource.id, terms, known.map(AsRef::as_ref))),
            };
            next.insert(resource.id, relation);
        }
        self.entries.store(Arc::new(next));
        self.wake.notify_one();
    }

    /// Takes in what the store holds.
    pub(crate) fn hear(&self, kept: Vec<KeptBundle>) {
        let entries = self.entries.load();
        for bundle in kept {
            let owner = bundle.owner.parse::<Id>().ok();
            if let Some(relation) = owner.and_then(|owner| entries.get(&owner)) {
                relation.hear(bundle);
            }
        }
    }

    /// The relation of a federation or provider.
    pub(crate) fn find(&self, owner: Id) -> Option<Arc<Relation>> {
        self.entries.load().get(&owner).cloned()
    }

    /// Every one.
    pub(crate) fn all(&self) -> Vec<Arc<Relation>> {
        self.entries.load().values().cloned().collect()
    }

    /// Those whose fetch is to begin now; they count as begun.
    pub(crate) fn beginning(&self, now: Timestamp) -> Vec<Arc<Relation>> {
        self.entries.load().values().filter(|relation| relation.begins(now)).cloned().collect()
    }

    /// Asks for a fetch; `None` where none may begin. Whoever waits hears of it when it has landed.
    pub(crate) fn want(&self, owner: Id, now: Timestamp, by_operator: bool) -> Option<watch::Receiver<u64>> {
        let landing = self.find(owner)?.want(now, by_operator)?;
        self.wake.notify_one();
        Some(landing)
    }

    /// Returns when something is to be done at once.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
