//! How many replay marks a provider may have at once: what is bounded by the lifetime of tokens alone is not bounded against
//! somebody who can make as many tokens as he likes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use accredit_store::{Store, StoreError};

/// Marks of each provider that spends any.
pub(super) struct Quota {
    most: u64,
    providers: HashMap<String, Counted>,
}

struct Counted {
    marks: u64,
    at: Instant,
}

// === impl Quota ===

impl Quota {
    pub(super) fn new(most: u64) -> Self {
        Self { most, providers: HashMap::new() }
    }

    /// Whether a provider may have one more. Counted in the store when it is first asked about, and again where it seems full:
    /// a use that is bound to the same key as before counts here and makes no mark.
    pub(super) async fn admits(&mut self, store: &Store, provider: &str, now: Instant) -> Result<bool, StoreError> {
        let most = self.most;
        let is_known = |counted: &Counted| counted.marks < most || now.duration_since(counted.at) < AGAIN;
        if !self.providers.get(provider).is_some_and(is_known) {
            let marks = store.count_marks(provider, most).await?;
            self.providers.insert(provider.to_owned(), Counted { marks, at: now });
        }
        Ok(self.providers.get(provider).is_some_and(|counted| counted.marks < most))
    }

    /// A mark may have been made.
    pub(super) fn claimed(&mut self, provider: &str) {
        if let Some(counted) = self.providers.get_mut(provider) {
            counted.marks += 1;
        }
    }

    /// Marks were deleted.
    pub(super) fn forgotten(&mut self, provider: &str, marks: u64) {
        if let Some(counted) = self.providers.get_mut(provider) {
            counted.marks = counted.marks.saturating_sub(marks);
        }
    }
}

/// Before a full one is counted again.
const AGAIN: Duration = Duration::from_secs(10);
