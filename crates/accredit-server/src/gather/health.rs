//! How the keys of a provider are: for people, and for whoever scrapes numbers.

use std::sync::Arc;

use accredit_id::jose::jwk::KeySet;
use accredit_id::time::Timestamp;

use super::fault::FetchFault;
use super::provider_keys::ProviderKeys;
use super::source::KeyPlace;

/// How the keys of one provider are. A snapshot: nothing in it changes, and taking it fetches nothing.
#[derive(Debug, Clone)]
pub(crate) struct KeyHealth {
    /// Where they come from.
    pub(crate) source: SourceKind,
    /// In a word.
    pub(crate) state: KeyState,
    /// Keys that verify.
    pub(crate) usable: usize,
    /// Keys of the latest set that are not used.
    pub(crate) dropped: usize,
    /// When the set that is held was fetched, or confirmed by its issuer.
    pub(crate) fetched_at: Option<Timestamp>,
    /// From when on the next request begins a refresh.
    pub(crate) refresh_at: Option<Timestamp>,
    /// Until when the set is used if its issuer is not reached again.
    pub(crate) usable_until: Option<Timestamp>,
    /// When the latest fetch began.
    pub(crate) tried_at: Option<Timestamp>,
    /// From when on another fetch may begin, while that is in the future.
    pub(crate) next_try: Option<Timestamp>,
    /// Why the latest fetch failed; `None` when it did not.
    pub(crate) last_error: Option<Arc<FetchFault>>,
    /// Fetches that brought a set, since this process began to hold this provider's keys.
    pub(crate) fetches: u64,
    /// Fetches that failed.
    pub(crate) failures: u64,
}

/// Where keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// The issuer's discovery document.
    Discovery,
    /// A key set's URL.
    JwksUrl,
    /// An upload.
    Uploaded,
    /// A bundle endpoint.
    SpiffeBundle,
    /// A trust domain of ours.
    TrustDomain,
    /// A federation.
    Federation,
}

/// How keys are, in a word. The words are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Nobody has asked for them yet, so nothing was fetched.
    Unasked,
    /// They were uploaded.
    Uploaded,
    /// Held, and no refresh is due.
    Fresh,
    /// Held; the next request begins a refresh.
    Due,
    /// Held, but the latest refresh failed.
    Stale,
    /// None is held, and the latest fetch failed.
    Failing,
    /// What is held is too old to be used.
    Expired,
}

// === impl SourceKind ===

impl SourceKind {
    /// The word in documents.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            SourceKind::Discovery => "discovery",
            SourceKind::JwksUrl => "jwksUrl",
            SourceKind::Uploaded => "uploaded",
            SourceKind::SpiffeBundle => "spiffeBundle",
            SourceKind::TrustDomain => "trustDomain",
            SourceKind::Federation => "federation",
        }
    }
}

// === impl KeyState ===

impl KeyState {
    /// The word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            KeyState::Unasked => "unasked",
            KeyState::Uploaded => "uploaded",
            KeyState::Fresh => "fresh",
            KeyState::Due => "due",
            KeyState::Stale => "stale",
            KeyState::Failing => "failing",
            KeyState::Expired => "expired",
        }
    }
}

// === impl ProviderKeys ===

impl ProviderKeys {
    /// The latest set and the URL that it came from, however old; for whoever only looks.
    pub(crate) fn latest(&self) -> Option<(Arc<KeySet>, String)> {
        match &self.source().place {
            KeyPlace::Uploaded(set) => Some((Arc::clone(set), String::new())),
            KeyPlace::Live(live) => live.keys().map(|set| (set, live.location())),
            _ => self.held().map(|held| (Arc::clone(&held.fetched.set), held.fetched.location.to_string())),
        }
    }

    /// How these keys are at `now`.
    pub(crate) fn health(&self, now: Timestamp) -> KeyHealth {
        let source = match &self.source().place {
            KeyPlace::Discovery { .. } => SourceKind::Discovery,
            KeyPlace::JwksUrl(_) => SourceKind::JwksUrl,
            KeyPlace::Uploaded(_) => SourceKind::Uploaded,
            KeyPlace::Live(live) => return live.health(),
        };
        let held = self.held();
        let attempts = self.attempts();
        let failed = attempts.last_error.is_some();
        let state = match &held {
            _ if source == SourceKind::Uploaded => KeyState::Uploaded,
            Some(held) if !held.is_usable(now) => KeyState::Expired,
            Some(_) if failed => KeyState::Stale,
            Some(held) if held.is_due(now) => KeyState::Due,
            Some(_) => KeyState::Fresh,
            None if failed => KeyState::Failing,
            None => KeyState::Unasked,
        };
        let set = match &self.source().place {
            KeyPlace::Uploaded(set) => Some(set),
            _ => held.as_ref().map(|held| &held.fetched.set),
        };
        KeyHealth {
            source,
            state,
            usable: set.map_or(0, |set| set.keys().len()),
            dropped: set.map_or(0, |set| set.dropped().len()),
            fetched_at: held.as_ref().map(|held| held.fetched_at),
            refresh_at: held.as_ref().map(|held| held.refresh_at()),
            usable_until: held.as_ref().map(|held| held.usable_until()),
            tried_at: attempts.began_at,
            next_try: attempts.next_try(now),
            last_error: attempts.last_error.clone(),
            fetches: attempts.fetches,
            failures: attempts.failures,
        }
    }
}
