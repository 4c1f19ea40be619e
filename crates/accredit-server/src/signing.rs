//! The server's signing keys in use: made at first start, kept sealed in the store, published as a JWK Set.

use std::sync::Arc;

use accredit_core::model::Signing as Algorithms;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, PublicKey, Purpose};
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use accredit_store::audit::SignedHead;
use accredit_store::{Chain, KeyChange, KeyDeed, Store, StoreError};
use arc_swap::ArcSwap;
use serde_json::json;

use crate::config::KeyEncryption;
use crate::keys::{
    EncryptionKeyFault, KeyEncryptionKey, KeyPurpose, KeyRing, KeyState, RingFault, SigningFault, SigningKey,
};
use crate::record::{self, RecordFault, Recorder, SignHead, StoreWork};

/// The keys in force and what verifiers see of them.
pub(crate) struct Signing {
    kek: KeyEncryptionKey,
    keys: Arc<ArcSwap<Keys>>,
}

struct Keys {
    ring: KeyRing,
    /// What is published, for tokens of ours that come back.
    verifying: Arc<KeySet>,
    /// The JWK Set as it is served.
    published: String,
    /// The public halves of the keys of administrators' and agents' tokens, for ourselves alone.
    internal: Arc<KeySet>,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysFault {
    /// The key-encryption key.
    #[error(transparent)]
    EncryptionKey(#[from] EncryptionKeyFault),
    /// A new key could not be made.
    #[error(transparent)]
    Made(#[from] SigningFault),
    /// A new key could not be recorded.
    #[error(transparent)]
    Recorded(#[from] RecordFault),
    /// The stored keys.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KeysFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            KeysFault::EncryptionKey(fault) => fault.hint(),
            KeysFault::Made(fault) => fault.hint().map(str::to_owned),
            KeysFault::Recorded(_) => None,
            KeysFault::Ring(fault) => fault.hint().map(str::to_owned),
            KeysFault::Store(fault) => fault.hint().map(str::to_owned),
        }
    }
}

impl Signing {
    /// Opens the stored keys, and makes the first ones where there are none.
    pub(crate) async fn open(
        encryption: &KeyEncryption,
        may_create: bool,
        store: &Store,
        chain: &mut Chain,
        now: Timestamp,
    ) -> Result<Self, KeysFault> {
        let kek = key_encryption_key(encryption, may_create)?;
        let mut ring = KeyRing::open(&store.keys().await?, &kek)?;
        for purpose in [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Audit] {
            let exists = match purpose {
                KeyPurpose::Audit => ring.audit().is_some(),
                KeyPurpose::Access => ring.signer(Algorithm::Es256).is_some(),
                KeyPurpose::Internal => ring.internal().is_some(),
            };
            if !exists {
                let key = SigningKey::generate(Algorithm::Es256, purpose).await?;
                store.change_keys(chain, deed(&key, &kek, now)?, now.unix()).await?;
                ring = ring.with(KeyState::Active, key)?;
            }
        }
        Ok(Self { kek, keys: Arc::new(ArcSwap::from_pointee(Keys::new(ring))) })
    }

    /// Makes the RS256 key when the first API asks for it: making it takes up to a second, so not at every start.
    pub(crate) async fn ensure(
        &self,
        signing: Algorithms,
        recorder: &Recorder,
        now: Timestamp,
    ) -> Result<(), KeysFault> {
        if self.signer(signing).is_some() {
            return Ok(());
        }
        let key = SigningKey::generate(algorithm(signing), KeyPurpose::Access).await?;
        recorder.work(StoreWork::Keys(deed(&key, &self.kek, now)?)).await?;
        let ring = self.keys.load().ring.with(KeyState::Active, key)?;
        self.keys.store(Arc::new(Keys::new(ring)));
        Ok(())
    }

    /// The key that signs access tokens so.
    pub(crate) fn signer(&self, signing: Algorithms) -> Option<Arc<SigningKey>> {
        self.keys.load().ring.signer(algorithm(signing)).map(Arc::clone)
    }

    /// The key that signs administrators' tokens.
    pub(crate) fn internal(&self) -> Option<Arc<SigningKey>> {
        self.keys.load().ring.internal().map(Arc::clone)
    }

    /// The keys by which we verify them ourselves.
    pub(crate) fn internal_keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.load().internal)
    }

    /// The JWK Set by which our access tokens are verified.
    pub(crate) fn published_json(&self) -> String {
        self.keys.load().published.clone()
    }

    /// The same keys, to verify access tokens of ours that come back.
    pub(crate) fn verifying(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.load().verifying)
    }

    /// Signs heads of the audit chain.
    pub(crate) fn head_signer(&self) -> SignHead {
        let keys = Arc::clone(&self.keys);
        Arc::new(move |head| {
            let keys = keys.load();
            let key = keys.ring.audit()?;
            let signature = key.signature(&head.message()).ok()?;
            Some(SignedHead { head: *head, key_id: key.id().to_owned(), signature })
        })
    }

    /// Whether an audit key of ours signed a head.
    pub(crate) fn signed(&self, signed: &SignedHead) -> bool {
        let keys = self.keys.load();
        let key = keys.ring.find(&signed.key_id).filter(|key| key.purpose() == KeyPurpose::Audit);
        key.is_some_and(|key| {
            key.public().verify_signature(Algorithm::Es256, &signed.head.message(), &signed.signature).is_ok()
        })
    }
}

impl Keys {
    fn new(ring: KeyRing) -> Self {
        let keys: Vec<_> = ring
            .published()
            .map(PublicKey::to_json)
            .map(|key| serde_json::to_value(&key).unwrap_or_default())
            .collect();
        let again = |key: &PublicKey| PublicKey::from_jwk(&Json::Object(key.to_json()), Purpose::Signature).ok();
        // Keys that were made here always read back; a set without one verifies nothing.
        let internal = KeySet::from_keys(ring.internal_public().filter_map(again).collect()).unwrap_or_default();
        let verifying = KeySet::from_keys(ring.published().filter_map(again).collect()).unwrap_or_default();
        let published = json!({ "keys": keys }).to_string();
        Self { verifying: Arc::new(verifying), published, internal: Arc::new(internal), ring }
    }
}

fn key_encryption_key(encryption: &KeyEncryption, may_create: bool) -> Result<KeyEncryptionKey, EncryptionKeyFault> {
    match encryption {
        KeyEncryption::Command(argv) => KeyEncryptionKey::from_command(argv),
        KeyEncryption::Credential(name) => KeyEncryptionKey::from_credential(name, credentials_folder().as_deref()),
        KeyEncryption::File(path) => KeyEncryptionKey::from_file(path, may_create),
        KeyEncryption::Memory => KeyEncryptionKey::in_memory(),
    }
}

/// Where systemd lays credentials (systemd.exec(5), `LoadCredential=`).
#[expect(clippy::disallowed_methods, reason = "systemd tells the folder by the environment alone")]
fn credentials_folder() -> Option<std::path::PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into)
}

fn deed(key: &SigningKey, kek: &KeyEncryptionKey, now: Timestamp) -> Result<KeyDeed, SigningFault> {
    let detail = json!({"key": key.id(), "purpose": key.purpose().name(), "algorithm": key.algorithm().as_str()});
    let record = record::admin_act("key-made", now, "server", 0, &detail);
    Ok(KeyDeed {
        changes: vec![KeyChange::Insert(key.to_row(KeyState::Active, kek, now)?)],
        revokes: false,
        records: vec![record],
    })
}

fn algorithm(signing: Algorithms) -> Algorithm {
    match signing {
        Algorithms::Es256 => Algorithm::Es256,
        Algorithms::Rs256 => Algorithm::Rs256,
    }
}
