//! The server's signing keys in use: made at first start, kept sealed in the store, published as a JWK Set, and replaced in
//! time.
//!
//! | module | holds |
//! |---|---|
//! | `rotation` | the task that takes the schedule's steps, and the reading of the store before somebody signs |
//! | `orders` | what operators say: rotate, taint, revoke, rewrap |
//! | `restored` | what becomes of the keys of a backup |
//! | `trust` | whether store and clock can be trusted enough to mint |
//! | `domains` | keys of trust domains: which there are to be, and how they are made |
//! | `published` | what a trust domain publishes, and who signs for it |
//! | `deeds` | keys and their moves, as the store and the log are told of them |
//! | `watched` | the keys for whoever watches |

mod deeds;
mod domains;
mod orders;
mod published;
mod restored;
mod rotation;
mod trust;
mod watched;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use accredit_core::keyring::{CommandFault, Purpose, Schedule, Slot};
use accredit_core::model::{Id, Signing as Algorithms};
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, PublicKey, Purpose as Use};
use accredit_id::json::Json;
use accredit_id::mac::MacKey;
use accredit_id::time::Timestamp;
use accredit_store::audit::SignedHead;
use accredit_store::{Chain, KeyDeed, Store, StoreError, VerifyHead};
use arc_swap::ArcSwap;
use serde_json::json;
use tokio::sync::Notify;

use crate::config::KeysConfig;
use crate::keys::{EncryptionKeyFault, KeyRing, SealFault, SigningFault, SigningKey, Unsealer, seals};
use crate::record::{RecordFault, SignHead};

pub(crate) use deeds::Moved;
pub(crate) use orders::{Order, Outcome};
pub(crate) use published::OfDomain;
pub(crate) use restored::restored;
pub(crate) use rotation::PublishedKeys;
pub(crate) use trust::{Trust, check_before_opening};
pub(crate) use watched::Watched;

/// The keys in force and what verifiers see of them.
pub(crate) struct Signing {
    unsealer: Unsealer,
    /// The key by which the store seals its rows.
    seals: MacKey,
    schedule: Schedule,
    keys: Arc<ArcSwap<Keys>>,
    /// Without it nothing is signed.
    pub(crate) trust: Trust,
    /// One reading of the store at a time: an older one must not replace a newer one.
    reading: tokio::sync::Mutex<()>,
    /// Held by whoever makes the first keys of trust domains.
    founding: tokio::sync::Mutex<()>,
    /// There is something to do before the next round.
    wake: Notify,
}

/// The keys as the store had them, and what follows from that.
struct Keys {
    ring: KeyRing,
    /// Who signs: a pure function of what was read and when.
    signers: Signers,
    /// What is published, for tokens of ours that come back.
    verifying: Arc<KeySet>,
    /// The JWK Set as it is served.
    published: String,
    /// What each trust domain publishes, and who signs for it.
    domains: HashMap<Id, Arc<OfDomain>>,
    /// The public halves of the keys of administrators' and agents' tokens, for ourselves alone.
    internal: Arc<KeySet>,
    /// The store's sequence when it was read.
    sequence: i64,
    /// When it was read last and found unchanged, Unix seconds.
    read_at: AtomicI64,
}

#[derive(Default, Clone)]
struct Signers {
    es256: Option<Arc<SigningKey>>,
    rs256: Option<Arc<SigningKey>>,
    internal: Option<Arc<SigningKey>>,
    audit: Option<Arc<SigningKey>>,
}

/// Why there is no key to sign with, or keys are not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysFault {
    /// The key-encryption key.
    #[error(transparent)]
    EncryptionKey(#[from] EncryptionKeyFault),
    /// A stored key cannot be read, or a new one cannot be made.
    #[error(transparent)]
    Key(#[from] SigningFault),
    /// What somebody ordered cannot be done.
    #[error(transparent)]
    Order(#[from] CommandFault),
    /// A change could not be recorded.
    #[error(transparent)]
    Recorded(#[from] RecordFault),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows are to be trusted that are sealed already.
    #[error("rows of the store are sealed already")]
    SealedAlready,
    /// Somebody else wrote to what trust rests on.
    #[error("{0}")]
    Tampered(String),
    /// Rows have no seals.
    #[error("rows of the store have no seals: it is of before there were any, or they were taken out")]
    Unsealed,
}

impl KeysFault {
    /// A seal that does not open, or cannot be made.
    pub(crate) fn seal(fault: SealFault) -> Self {
        Self::Key(SigningFault::Seal(fault))
    }

    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            KeysFault::EncryptionKey(fault) => fault.hint(),
            KeysFault::Key(fault) => fault.hint().map(str::to_owned),
            KeysFault::Order(_) | KeysFault::Recorded(_) => None,
            KeysFault::SealedAlready => Some("leave `--seal-store` away".to_owned()),
            KeysFault::Tampered(_) => {
                Some("find out who wrote to the database, then restore it from a backup".to_owned())
            }
            KeysFault::Unsealed => {
                Some("look at `accredit export` of the version before; to trust them as they are, start once with `--seal-store`".to_owned())
            }
            KeysFault::Store(fault) => fault.hint().map(str::to_owned),
        }
    }
}

impl Signing {
    /// Opens the stored keys, and makes the first ones where there are none.
    pub(crate) async fn open(
        config: &KeysConfig,
        schedule: Schedule,
        (may_create, trust_rows): (bool, bool),
        store: &Store,
        chain: &mut Chain,
        now: Timestamp,
    ) -> Result<Self, KeysFault> {
        let unsealer = Unsealer::of(config, may_create)?;
        let seals = trust::seal_rows(&unsealer, store, trust_rows).await?;
        let mut ring = KeyRing::default();
        let sequence = loop {
            let sequence = store.head().await?.sequence;
            let stored = store.keys().await?;
            trust::check_keys(store)?;
            ring = KeyRing::open(&stored, &unsealer, &ring)?;
            // A slot that had keys before waits for the schedule, whatever became of them.
            let is_missing = |slot: &Slot| ring.lives().iter().all(|key| key.slot != *slot);
            let Some(slot) = Slot::ALWAYS.into_iter().find(is_missing) else { break sequence };
            let making = deeds::Making { kek: unsealer.current(), schedule: &schedule, now, domain: None };
            let deed = deeds::found(slot, making).await?;
            let deed = KeyDeed { expected_sequence: Some(sequence), ..deed };
            match store.change_keys(chain, deed, now.unix()).await {
                // Or another server was faster, and it is looked again.
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        };
        let keys = Arc::new(ArcSwap::from_pointee(Keys::new(ring, &schedule, now, sequence)));
        let trust = Trust::default();
        Ok(Self {
            unsealer,
            seals,
            schedule,
            keys,
            trust,
            reading: tokio::sync::Mutex::default(),
            founding: tokio::sync::Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// The key that signs access tokens so; `None` too when the store was not read for so long that others may have moved the
    /// keys on ([`crate::app::App::signer`] reads it).
    pub(crate) fn signer(&self, signing: Algorithms, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.trust.lets_mint(now).then(|| self.active(signing, now)).flatten()
    }

    /// The same, whether or not anything may be minted now.
    pub(crate) fn active(&self, signing: Algorithms, now: Timestamp) -> Option<Arc<SigningKey>> {
        let keys = self.keys.load();
        let signer = match signing {
            Algorithms::Es256 => keys.signers.es256.as_ref(),
            Algorithms::Rs256 => keys.signers.rs256.as_ref(),
        };
        signer.filter(|_| keys.is_recent(&self.schedule, now)).map(Arc::clone)
    }

    /// A key that every server of the store has, and the database has not; another one for each purpose.
    pub(crate) fn shared_key(&self, purpose: &str) -> MacKey {
        seals::derived(&self.seals, purpose)
    }

    /// What keys of no trust domain are made with.
    fn making(&self, now: Timestamp) -> deeds::Making<'_> {
        deeds::Making { kek: self.unsealer.current(), schedule: &self.schedule, now, domain: None }
    }

    /// How long keys live, and may be kept.
    pub(crate) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Has the schedule looked at again before its next round.
    pub(crate) fn hurry(&self) {
        self.wake.notify_one();
    }

    /// The key that signs administrators' tokens, and those of Spiral's command line.
    pub(crate) fn internal(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.keys.load().signers.internal.clone().filter(|_| self.trust.lets_mint(now))
    }

    /// The keys by which we verify them ourselves.
    pub(crate) fn internal_keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.load().internal)
    }

    /// The JWK Set by which our access tokens are verified.
    fn published_json(&self) -> String {
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
            let key = keys.signers.audit.as_ref()?;
            let signature = key.signature(&head.message()).ok()?;
            Some(SignedHead { head: *head, key_id: key.id().to_owned(), signature })
        })
    }

    /// Whether an audit key of ours signed a head.
    pub(crate) fn signed(&self, signed: &SignedHead) -> bool {
        self.keys.load().signed(signed)
    }

    /// The same, for whoever removes records.
    pub(crate) fn head_verifier(&self) -> VerifyHead {
        let keys = Arc::clone(&self.keys);
        Arc::new(move |signed| keys.load().signed(signed))
    }

    /// Reads the keys from the store, unless nothing has changed there since they were read.
    ///
    /// # Errors
    /// The store does not answer, or a key does not open; the keys of before stay, and grow old.
    pub(crate) async fn read(&self, store: &Store, now: Timestamp) -> Result<(), KeysFault> {
        let _one_at_a_time = self.reading.lock().await;
        let head = store.head().await?;
        let before = self.keys.load_full();
        let ring = match head.sequence == before.sequence {
            true => before.ring.clone(),
            false => {
                let stored = store.keys().await?;
                trust::check_keys(store)?;
                KeyRing::open(&stored, &self.unsealer, &before.ring)?
            }
        };
        let signers = Signers::of(&ring, &self.schedule, now);
        let domains_stay = || before.domains.values().all(|of| of.stays(&before.ring, &self.schedule, now));
        if head.sequence == before.sequence && signers.are(&before.signers) && domains_stay() {
            before.read_at.store(now.unix(), Ordering::Relaxed);
        } else {
            self.keys.store(Arc::new(Keys::new(ring, &self.schedule, now, head.sequence)));
        }
        Ok(())
    }
}

// === impl Keys ===

impl Keys {
    fn new(ring: KeyRing, schedule: &Schedule, now: Timestamp, sequence: i64) -> Self {
        let keys: Vec<_> = ring
            .published(Purpose::Access, None)
            .map(PublicKey::to_json)
            .map(|key| serde_json::to_value(&key).unwrap_or_default())
            .collect();
        let again = |key: &PublicKey| PublicKey::from_jwk(&Json::Object(key.to_json()), Use::Signature).ok();
        // Keys that were made here always read back; a set without one verifies nothing.
        let set = |purpose| {
            let keys = ring.published(purpose, None).filter_map(again).collect();
            Arc::new(KeySet::from_keys(keys).unwrap_or_default())
        };
        Self {
            signers: Signers::of(&ring, schedule, now),
            verifying: set(Purpose::Access),
            published: json!({ "keys": keys }).to_string(),
            internal: set(Purpose::Internal),
            domains: published::of_domains(&ring, schedule, now),
            sequence,
            read_at: AtomicI64::new(now.unix()),
            ring,
        }
    }

    fn signed(&self, signed: &SignedHead) -> bool {
        let key = self.ring.find(&signed.key_id).filter(|key| key.purpose() == Purpose::Audit);
        key.is_some_and(|key| {
            key.public().verify_signature(Algorithm::Es256, &signed.head.message(), &signed.signature).is_ok()
        })
    }

    /// Whether the store was read so recently that no key of ours can be unknown to a reader, nor have left.
    fn is_recent(&self, schedule: &Schedule, now: Timestamp) -> bool {
        now <= Timestamp::from_unix(self.read_at.load(Ordering::Relaxed)).plus(schedule.margin)
    }
}

// === impl Signers ===

impl Signers {
    fn of(ring: &KeyRing, schedule: &Schedule, now: Timestamp) -> Self {
        let signer =
            |purpose, algorithm| ring.signer(Slot { purpose, algorithm, domain: None }, now, schedule).map(Arc::clone);
        Self {
            es256: signer(Purpose::Access, Algorithm::Es256),
            rs256: signer(Purpose::Access, Algorithm::Rs256),
            internal: signer(Purpose::Internal, Algorithm::Es256),
            audit: signer(Purpose::Audit, Algorithm::Es256),
        }
    }

    fn are(&self, others: &Self) -> bool {
        let ids = |signers: &Self| {
            let all = [&signers.es256, &signers.rs256, &signers.internal, &signers.audit];
            all.map(|key| key.as_ref().map(|key| key.id().to_owned()))
        };
        ids(self) == ids(others)
    }
}

fn algorithm(signing: Algorithms) -> Algorithm {
    match signing {
        Algorithms::Es256 => Algorithm::Es256,
        Algorithms::Rs256 => Algorithm::Rs256,
    }
}
