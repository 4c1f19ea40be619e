//! What is in force, behind one atomic pointer.

use std::sync::Arc;

use accredit_core::world::World;
use arc_swap::ArcSwap;

/// The world and the store's revocation count that it goes with.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    /// The resources.
    pub(crate) world: World,
    /// Counts the changes by which somebody may have lost something. A decision on an older count is made again.
    pub(crate) revocation: i64,
}

/// The pointer. Readers take a snapshot for the length of one decision; one publisher replaces it.
#[derive(Debug, Default)]
pub(crate) struct ReadModel(ArcSwap<InForce>);

impl ReadModel {
    pub(crate) fn new(in_force: InForce) -> Self {
        Self(ArcSwap::from_pointee(in_force))
    }

    pub(crate) fn now(&self) -> Arc<InForce> {
        self.0.load_full()
    }

    pub(crate) fn publish(&self, in_force: InForce) {
        self.0.store(Arc::new(in_force));
    }
}
