//! Our keys for whoever watches.

use std::sync::atomic::Ordering;

use accredit_core::keyring::{Key, Schedule, Slot};
use accredit_id::time::Timestamp;

use super::Signing;

/// Our keys as they were read last.
pub(crate) struct Watched {
    pub(crate) keys: Vec<Key>,
    pub(crate) schedule: Schedule,
    pub(crate) read_at: Timestamp,
}

// === impl Signing ===

impl Signing {
    /// The keys as this server knows them. Reads nothing: the numbers are to tell when reading fails.
    pub(crate) fn watched(&self) -> Watched {
        let keys = self.keys.load();
        Watched {
            keys: keys.ring.lives().to_vec(),
            schedule: self.schedule,
            read_at: Timestamp::from_unix(keys.read_at.load(Ordering::Relaxed)),
        }
    }
}

// === impl Watched ===

impl Watched {
    /// The slots that have ever had a key, each once.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = Vec::new();
        for key in &self.keys {
            if !slots.contains(&key.slot) {
                slots.push(key.slot);
            }
        }
        slots
    }
}
