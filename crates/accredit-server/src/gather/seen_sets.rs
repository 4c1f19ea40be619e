//! Which key sets providers were seen to have, on their way to the log.

use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::model::Id;
use accredit_id::jose::jwk::KeySet;
use accredit_id::time::Timestamp;

/// One look at a provider's keys.
#[derive(Debug, Clone)]
pub(crate) struct SeenSet {
    /// Whose keys.
    pub(crate) provider: Id,
    /// When; `None` for a set that was uploaded and is there since somebody wrote it.
    pub(crate) at: Option<Timestamp>,
    /// The keys.
    pub(crate) set: Arc<KeySet>,
    /// The URL that they came from; empty for an uploaded set.
    pub(crate) location: Box<str>,
}

/// What was seen and is not yet put down. Whoever fetches adds to it and never waits.
#[derive(Debug, Default)]
pub(crate) struct SeenSets(Mutex<Vec<SeenSet>>);

// === impl SeenSets ===

impl SeenSets {
    /// Adds a look. Beyond [`MOST`] it is lost: nobody takes them, and it will be seen again.
    pub(super) fn add(&self, seen: SeenSet) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(seen);
        }
    }

    /// Takes everything, oldest first.
    pub(crate) fn take(&self) -> Vec<SeenSet> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One look at each of the most providers that a server is made for.
const MOST: usize = 16_384;
