//! What is done to stores beside serving: their schema, and moving one to another database.

use std::collections::HashMap;

use accredit_core::keyring;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{PublicKey, Purpose};
use accredit_id::json::{self, Json, Limits};
use accredit_store::audit::{SignedHead, Verification};
use accredit_store::{Copied, Store};

use crate::config::Config;

pub use accredit_store::{Schema, StoreError};

/// How the schema of the configured store is. Changes nothing, and servers may run on it.
///
/// # Errors
/// The store cannot be read.
pub async fn schema(config: &Config) -> Result<Schema, StoreError> {
    Store::schema(&config.store.url).await
}

/// Brings the schema of the configured store up to date; gives how it was before.
///
/// # Errors
/// What keeps it from being done; the schema is as it was then.
pub async fn migrate(config: &Config) -> Result<Schema, StoreError> {
    let before = Store::schema(&config.store.url).await?;
    Store::open(&config.store.url).await?.close().await?;
    Ok(before)
}

/// A store that was copied, and verified on both sides.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Rows of each table.
    pub copied: Copied,
    /// What the verification of the audit log found, in the one and in the other.
    pub verified: Verification,
}

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum MoveFault {
    /// The audit log of the first store is broken: a copy would hide when that came about.
    #[error("the audit log of the store to copy is broken in {} places, the first: {first}", verified.breaks.len())]
    Broken {
        /// What was found.
        verified: Box<Verification>,
        /// The first break.
        first: String,
    },
    /// Some process has the first store open.
    #[error("the store to copy is in use: its database has {connections} other connections")]
    InUse {
        /// How many there are.
        connections: i64,
    },
    /// The audit log of the copy is another one. Nothing should use the copy.
    #[error("the audit log of the copy does not verify as that of the store that was copied")]
    Differs,
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MoveFault {
    /// What to do about it, where there is one thing.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Broken { .. } => Some("see `accredit audit verify`, and restore a backup"),
            Self::InUse { .. } => Some("stop the servers that use it"),
            Self::Differs => Some("delete the copy and begin anew"),
            Self::Store(fault) => fault.hint(),
        }
    }
}

/// Copies the store at one address to an empty one at another, and verifies the audit log on both sides.
///
/// # Errors
/// What keeps it from being done; behind [`MoveFault::Differs`] the copy is there and worth nothing.
pub async fn move_store(from: &str, to: &str) -> Result<Moved, MoveFault> {
    let source = Store::open(from).await?;
    let connections = source.other_connections().await?;
    if connections > 0 {
        return Err(MoveFault::InUse { connections });
    }
    let verified = verify(&source).await?;
    if let Some(first) = verified.breaks.first().map(ToString::to_string) {
        return Err(MoveFault::Broken { verified: Box::new(verified), first });
    }
    let target = Store::open(to).await?;
    let copied = source.copy_to(&target).await?;
    if verify(&target).await? != verified {
        return Err(MoveFault::Differs);
    }
    source.close().await?;
    target.close().await?;
    Ok(Moved { copied, verified })
}

/// Verifies the audit log of a store with the public keys that it holds.
async fn verify(store: &Store) -> Result<Verification, StoreError> {
    let mut keys = HashMap::new();
    for row in store.keys().await?.into_iter().filter(|row| row.purpose == keyring::Purpose::Audit.name()) {
        let Ok(jwk) = json::object(row.public_jwk.as_bytes(), &Limits::DOCUMENT) else { continue };
        if let Ok(key) = PublicKey::from_jwk(&Json::Object(jwk), Purpose::Signature) {
            keys.insert(row.id, key);
        }
    }
    let holds = |signed: &SignedHead| {
        keys.get(&signed.key_id).is_some_and(|key| {
            key.verify_signature(Algorithm::Es256, &signed.head.message(), &signed.signature).is_ok()
        })
    };
    store.verify_audit(&[], holds).await
}
