//! Which key sets providers were seen to have, on their way to the log.

use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::model::Id;
use accredit_id::jose::jwk::KeySet;
use accredit_id::time::Timestamp;
use tokio::sync::Notify;

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
pub(crate) struct SeenSets {
    waiting: Mutex<Vec<SeenSet>>,
    more: Notify,
}

// === impl SeenSets ===

impl SeenSets {
    /// Adds a look. Beyond [`MOST`] it is lost: nobody takes them, and it will be seen again.
    pub(crate) fn add(&self, seen: SeenSet) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(seen);
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// Returns when something was added since this last returned.
    pub(crate) async fn more(&self) {
        self.more.notified().await;
    }

    /// Takes everything, oldest first.
    pub(crate) fn take(&self) -> Vec<SeenSet> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One look at each of the most providers that a server is made for.
const MOST: usize = 16_384;
