//! What is in force, behind one atomic pointer.

use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::world::World;
use accredit_core::world::pins::{PinKey, Pins};
use accredit_store::NamePin;
use arc_swap::ArcSwap;

use crate::pinning;

/// The world and the store's revocation count that it goes with.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// The resources.
    pub(crate) world: World,
    /// Counts the changes by which somebody may have lost something. A decision on an older count is made again.
    pub(crate) revocation: i64,
}

/// The pointer. Readers take a snapshot for the length of one decision. Resources are replaced by one publisher, pins are
/// added by the writer of records; each keeps what the other did.
#[derive(Debug, Default)]
pub(crate) struct ReadModel {
    in_force: ArcSwap<InForce>,
    publishing: Mutex<()>,
}

impl ReadModel {
    pub(crate) fn new(in_force: InForce) -> Self {
        Self { in_force: ArcSwap::from_pointee(in_force), publishing: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Replaces everything but the pins, of which it takes these away: while the change was planned, names may have been
    /// used for the first time.
    pub(crate) fn publish(&self, mut in_force: InForce, unpinned: &[PinKey]) {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.world.pins = self.in_force.load().world.pins.clone();
        in_force.world.pins.remove(unpinned);
        self.in_force.store(Arc::new(in_force));
    }

    /// Replaces everything as the store has it; the pins where they are given, and otherwise they stay.
    pub(crate) fn follow(&self, mut in_force: InForce, pins: Option<&[NamePin]>) {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.world.pins = match pins {
            Some(stored) => {
                let mut pins = Pins::default();
                pinning::bring(&mut pins, stored);
                pins
            }
            None => self.in_force.load().world.pins.clone(),
        };
        self.in_force.store(Arc::new(in_force));
    }

    /// Brings pins into force that are in the store by now.
    pub(crate) fn pin(&self, pins: &[NamePin]) {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut in_force = InForce::clone(&self.in_force.load());
        pinning::bring(&mut in_force.world.pins, pins);
        self.in_force.store(Arc::new(in_force));
    }
}
