//! Keys that are kept elsewhere in this server, and read there each time: those of a bundle that a relation holds, and those of
//! a trust domain of ours.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::model::Id;
use accredit_id::jose::jwk::KeySet;
use accredit_id::time::Timestamp;
use tokio::time::timeout;

use super::health::{KeyHealth, KeyState, SourceKind};
use super::relation::Relation;
use super::relations::Relations;

/// Keys that are read where they are kept.
#[derive(Clone)]
pub(crate) enum LiveKeys {
    /// Of the bundle that a federation or provider holds.
    Bundle {
        /// All of them.
        relations: Arc<Relations>,
        /// Which federation or provider.
        owner: Id,
        /// Whether that is the provider itself.
        of_provider: bool,
    },
    /// Of a trust domain of ours.
    Own {
        /// Which.
        domain: Id,
        /// What its JWT-SVIDs are verified by now; `None` where it does not count.
        keys: Arc<dyn Fn() -> Option<Arc<KeySet>> + Send + Sync>,
    },
}

// === impl LiveKeys ===

impl LiveKeys {
    /// The keys now; `None` while nothing is known of them.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        match self {
            Self::Bundle { .. } => self.relation()?.keys(),
            Self::Own { keys, .. } => keys(),
        }
    }

    /// Waits for a fetch that somebody begins: two seconds at most while there are keys, ten while there are none.
    pub(super) async fn refreshed(&self, now: Timestamp) {
        let Self::Bundle { relations, owner, .. } = self else { return };
        let patience = if self.keys().is_some() { PATIENCE } else { LONGEST };
        if let Some(mut landing) = relations.want(*owner, now, false) {
            let _ = timeout(patience, landing.changed()).await;
        }
    }

    /// The URL that the keys come from; empty where they come from here.
    pub(super) fn location(&self) -> String {
        self.relation().map(|relation| relation.terms.url.clone()).unwrap_or_default()
    }

    pub(super) fn relation(&self) -> Option<Arc<Relation>> {
        match self {
            Self::Bundle { relations, owner, .. } => relations.find(*owner),
            Self::Own { .. } => None,
        }
    }

    /// How these keys are.
    pub(super) fn health(&self) -> KeyHealth {
        let set = self.keys();
        let source = match self {
            Self::Bundle { of_provider: true, .. } => SourceKind::SpiffeBundle,
            Self::Bundle { of_provider: false, .. } => SourceKind::Federation,
            Self::Own { .. } => SourceKind::TrustDomain,
        };
        let mut health = KeyHealth {
            source,
            state: if set.is_some() { KeyState::Fresh } else { KeyState::Unasked },
            usable: set.as_ref().map_or(0, |set| set.keys().len()),
            dropped: 0,
            fetched_at: None,
            refresh_at: None,
            usable_until: None,
            tried_at: None,
            next_try: None,
            last_error: None,
            fetches: 0,
            failures: 0,
        };
        let Some(relation) = self.relation() else { return health };
        let (held, attempts) = (relation.held(), relation.attempts());
        health.state = match (set.is_some(), &attempts.last_error) {
            (true, None) => KeyState::Fresh,
            (true, Some(_)) => KeyState::Stale,
            (false, Some(_)) => KeyState::Failing,
            (false, None) => KeyState::Unasked,
        };
        let written = held.as_ref().map(|held| Timestamp::from_unix(held.kept.fetched_at));
        health.dropped = held.map_or(0, |held| held.dropped.len());
        health.fetched_at = attempts.confirmed_at.max(written);
        health.refresh_at = attempts.next_at;
        health.tried_at = attempts.began_at;
        health.last_error = attempts.last_error;
        health.fetches = attempts.fetches;
        health.failures = attempts.failures;
        health
    }
}

impl PartialEq for LiveKeys {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bundle { owner, of_provider, .. }, Self::Bundle { owner: other, of_provider: others, .. }) => {
                owner == other && of_provider == others
            }
            (Self::Own { domain, .. }, Self::Own { domain: other, .. }) => domain == other,
            (Self::Bundle { .. } | Self::Own { .. }, _) => false,
        }
    }
}

impl fmt::Debug for LiveKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle { owner, .. } => f.debug_struct("Bundle").field("owner", owner).finish_non_exhaustive(),
            Self::Own { domain, .. } => f.debug_struct("Own").field("domain", domain).finish_non_exhaustive(),
        }
    }
}

/// How long whoever asks for a key that is not held waits, while others are.
const PATIENCE: Duration = Duration::from_secs(2);
/// And while none is: a fetch takes no longer.
const LONGEST: Duration = Duration::from_secs(10);
