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
    #[error("the audit log of the store to copy is not what was written: {first}")]
    Broken {
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
    /// There is no store, or one that no server ever used: a name that was mistyped. Nothing was made there.
    #[error("there is no store to copy at the first address")]
    Nothing,
    /// What keeps the first store from being read.
    #[error("the store to copy: {0}")]
    Source(#[source] StoreError),
    /// What keeps the other one from being written.
    #[error("the store to copy to: {0}")]
    Target(#[source] StoreError),
    /// One of them, while rows were on their way.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MoveFault {
    /// A stable kebab-case name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "store-audit-broken",
            Self::InUse { .. } => "store-in-use",
            Self::Differs => "store-copy-differs",
            Self::Nothing => "store-not-there",
            Self::Source(fault) | Self::Target(fault) | Self::Store(fault) => fault.code(),
        }
    }

    /// What to do about it, where there is one thing.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Broken { .. } => Some("restore a backup that was made before, and look into who changed the log"),
            Self::InUse { .. } => Some(
                "stop the servers that use it, and end other sessions, such as psql and whatever watches the database",
            ),
            Self::Differs => Some("delete the copy and begin anew"),
            Self::Nothing => {
                Some("write `store.url` of the server; here a relative path counts from the current folder")
            }
            Self::Source(StoreError::TooOld { .. }) => {
                Some("run `accredit server migrate` on it; a copy is of one schema")
            }
            Self::Source(fault) | Self::Target(fault) | Self::Store(fault) => fault.hint(),
        }
    }
}

/// Copies the store at one address to an empty one at another, and verifies the audit log on both sides. The first is left as it
/// is, its schema included.
///
/// # Errors
/// What keeps it from being done; behind [`MoveFault::Differs`] the copy is there and worth nothing.
pub async fn move_store(from: &str, to: &str) -> Result<Moved, MoveFault> {
    if Store::schema(from).await.map_err(MoveFault::Source)?.found == 0 {
        return Err(MoveFault::Nothing);
    }
    let source = Store::open_as_it_is(from).await.map_err(MoveFault::Source)?;
    let connections = source.other_connections().await.map_err(MoveFault::Source)?;
    if connections > 0 {
        return Err(MoveFault::InUse { connections });
    }
    let verified = verify(&source).await.map_err(MoveFault::Source)?;
    if let Some(first) = verified.breaks.first().map(ToString::to_string) {
        return Err(MoveFault::Broken { first });
    }
    let target = Store::open(to).await.map_err(MoveFault::Target)?;
    let copied = source.copy_to(&target).await?;
    if verify(&target).await.map_err(MoveFault::Target)? != verified {
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
