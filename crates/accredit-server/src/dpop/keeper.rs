//! Who remembers which proofs were shown, and therefore tells the nonces.

use accredit_id::digest::sha256;
use accredit_id::jose::dpop::Proof;
use accredit_id::mac::MacKey;
use accredit_id::time::Timestamp;
use accredit_store::{Mark, Store, StoreError};

use super::nonces::Nonces;
use crate::record::PROOFS;
use crate::signing::Signing;

/// Who remembers proofs.
#[derive(Clone, Debug)]
pub(crate) enum Keeper {
    /// This process, for itself.
    Process,
    /// The store, for all servers that share it. By this key they tell the same nonces.
    Store(Box<MacKey>),
}

/// Where proofs are shown. At each place there is room for as many as at another, whoever fills that one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// By administrators.
    Administration,
    /// By APIs that ask about tokens.
    Introspection,
    /// By whoever wants a token.
    Token,
}

// === impl Keeper ===

impl Keeper {
    /// The one of proofs that are shown to a server with this store.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn of(store: &Store, signing: &Signing) -> Result<Self, StoreError> {
        if !store.is_shared() {
            return Ok(Self::Process);
        }
        // A store that was made from a backup has lost what was claimed since, so nonces of before must not count (L16).
        let epoch = store.restoration().await?.map_or(0, |restoration| restoration.epoch);
        Ok(Self::Store(Box::new(signing.shared_key(&format!("dpop nonces {epoch}")))))
    }

    /// The nonces of a listener with this URL.
    pub(super) fn nonces(&self, url: &str) -> Nonces {
        match self {
            Self::Process => Nonces::of_process(),
            Self::Store(key) => Nonces::of_servers(key, url),
        }
    }

    /// What has to be claimed in the store before a proof counts there whose nonce ends then; nothing where the process remembers.
    pub(super) fn claim(&self, place: Place, proof: &Proof, nonce_ends: Timestamp) -> Option<Mark> {
        match self {
            Self::Process => None,
            Self::Store(_) => Some(Mark {
                provider: format!("{PROOFS}{}", place.name()),
                token: sha256(format!("{}\n{}", proof.thumbprint, proof.token_id).as_bytes()),
                // Whoever restores a store changes its nonces.
                issued_at: i64::MAX,
                expires_at: nonce_ends.unix(),
                same: None,
            }),
        }
    }
}

// === impl Place ===

impl Place {
    /// As the store has it. Never changed: what was claimed under another name could be claimed again.
    fn name(self) -> &'static str {
        match self {
            Self::Administration => "administration",
            Self::Introspection => "introspection",
            Self::Token => "token",
        }
    }
}
