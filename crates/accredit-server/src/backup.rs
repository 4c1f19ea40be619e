//! Backups without a running server: look whether one is whole, and make a store anew from it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use accredit_id::hex;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{PublicKey, Purpose as Use};
use accredit_id::json::{self, Json, Limits};
use accredit_id::mac::MacKey;
use accredit_id::time::Timestamp;
use accredit_store::archive::{Archive, ArchiveFault, Inspected, RestoreDeed, RestoreFault};
use accredit_store::audit::{ChainId, SignedHead};
use accredit_store::{KeyChange, SigningKey, Store};
use serde_json::json;

use crate::config::Config;
use crate::keys::{Sealed, Unsealer, seals};
use crate::signing::{self, KeysFault};
use crate::{chance, clock, record};

/// Why a backup was not verified or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// The backup.
    #[error(transparent)]
    Archive(#[from] ArchiveFault),
    /// Its log is not what was written.
    #[error("audit log in the backup is not what was written: {first}")]
    Broken {
        /// The first break.
        first: String,
    },
    /// Its digest was made anew by somebody who does not have the key.
    #[error("backup was altered: it is not what its server made")]
    Forged,
    /// It is of a store without seals.
    #[error("backup is of a store whose rows have no seals")]
    Unsealed,
    /// Its keys, or the key-encryption key.
    #[error("{message}")]
    Keys {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The store that it was to be written into.
    #[error(transparent)]
    Restore(#[from] RestoreFault),
}

/// A store that was made anew.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the backup held.
    pub backup: Inspected,
    /// When, RFC 3339.
    pub at: String,
    /// How often this store has been restored by now.
    pub epoch: i64,
}

impl From<KeysFault> for BackupFault {
    fn from(fault: KeysFault) -> Self {
        Self::Keys { message: fault.to_string(), hint: fault.hint() }
    }
}

impl BackupFault {
    /// A stable kebab-case name, where there is one.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Archive(fault) | Self::Restore(RestoreFault::Archive(fault)) => Some(fault.code()),
            Self::Broken { .. } => Some("backup-audit-broken"),
            Self::Forged => Some("backup-forged"),
            Self::Unsealed => Some("backup-unsealed"),
            Self::Keys { .. } => None,
            Self::Restore(RestoreFault::Tampered { .. }) => Some("backup-tampered"),
            Self::Restore(RestoreFault::NotEmpty { .. }) => Some("store-not-empty"),
            Self::Restore(RestoreFault::Store(fault)) => Some(fault.code()),
        }
    }

    /// What to do about it, where there is one thing.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Archive(fault) | Self::Restore(RestoreFault::Archive(fault)) => fault.hint().map(str::to_owned),
            Self::Broken { .. } => Some("restore an older backup, and look into who changed the log".to_owned()),
            Self::Keys { hint, .. } => hint.clone(),
            Self::Forged => Some("take another backup".to_owned()),
            Self::Unsealed => None,
            Self::Restore(RestoreFault::Tampered { .. }) => Some("restore an older backup".to_owned()),
            Self::Restore(RestoreFault::NotEmpty { .. }) => {
                Some("move the store that is there away, or name another place in the configuration".to_owned())
            }
            Self::Restore(RestoreFault::Store(fault)) => fault.hint().map(str::to_owned),
        }
    }
}

/// Looks whether a backup is whole: its digest, and its log with every signed head, those in `heads` among them that were
/// kept elsewhere. With the configuration of its server also whether that server made it.
///
/// # Errors
/// The backup cannot be read to its end, or another server made it. A log that was tampered with is no error but in the result.
pub fn verify(path: &Path, heads: &[SignedHead], config: Option<&Config>) -> Result<Inspected, BackupFault> {
    let backup = open(path)?.inspect(heads, signed)?;
    if let Some(config) = config {
        key_of_seals(&backup, &unsealer(config)?)?;
    }
    Ok(backup)
}

/// Makes the store that `config` names from a backup. The store must be empty, and nobody's; it is whole afterwards, or as
/// empty as before.
///
/// # Errors
/// What keeps it from happening; nothing was written then.
pub async fn restore(path: &Path, config: &Config) -> Result<Restored, BackupFault> {
    let backup = verify(path, &[], None)?;
    if let Some(first) = backup.audit.breaks.first() {
        return Err(BackupFault::Broken { first: first.to_string() });
    }
    // A clock that is behind must not leave evidence of before the backup fresh.
    let now = clock::now().max(Timestamp::from_unix(backup.about.made_at));
    let unsealer = unsealer(config)?;
    let key = key_of_seals(&backup, &unsealer)?;
    let schedule = config.keys.rotation.schedule(config.max_token_lifetime(), config.max_svid_lifetimes());
    let keys = signing::restored(&backup.keys, &unsealer, &schedule, now).await?;
    let epoch = backup.epoch + 1;
    let detail = json!({
        "epoch": epoch,
        "backupMadeAt": Timestamp::from_unix(backup.about.made_at).to_string(),
        "backupSequence": backup.about.sequence,
        "backupSha256": hex::encode(&backup.digest.sha256),
        "keysTakenOut": keys.iter().filter_map(taken_out).collect::<Vec<_>>(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let records = vec![record::admin_act("store-restored", now, "command line", backup.about.sequence, &detail)];
    let deed = RestoreDeed { keys, records, chain: ChainId(chance::bits()) };
    let store = Store::open(&config.store.url).await.map_err(RestoreFault::from)?;
    store.seal_by(key);
    let done = store.restore(open(path)?, deed, now.unix()).await;
    let closed = store.close().await;
    done?;
    closed.map_err(RestoreFault::from)?;
    Ok(Restored { backup, at: now.to_string(), epoch })
}

fn taken_out(change: &KeyChange) -> Option<&str> {
    if let KeyChange::Remove { id } = change { Some(id) } else { None }
}

fn unsealer(config: &Config) -> Result<Unsealer, BackupFault> {
    Ok(Unsealer::of(&config.keys, false).map_err(KeysFault::from)?)
}

/// The key by which its store's rows were sealed, if that store made the backup and nobody altered it since.
fn key_of_seals(backup: &Inspected, unsealer: &Unsealer) -> Result<MacKey, BackupFault> {
    let (bytes, wrapped_by) = backup.key_of_seals.clone().ok_or(BackupFault::Unsealed)?;
    let key = seals::open(unsealer, &Sealed { wrapped_by, bytes }).map_err(KeysFault::seal)?;
    if backup.digest.is_of(&key) { Ok(key) } else { Err(BackupFault::Forged) }
}

#[expect(clippy::disallowed_methods, reason = "the file is what its user names")]
fn open(path: &Path) -> Result<Archive<BufReader<File>>, BackupFault> {
    let unreadable =
        |error: std::io::Error| ArchiveFault::Unreadable { cause: format!("`{}`: {error}", path.display()) };
    let file = File::open(path).map_err(unreadable)?;
    Ok(Archive::open(BufReader::new(file))?)
}

/// Whether one of a backup's audit keys signed a head. Who altered the backup may have put in a key of his own: heads that
/// were kept elsewhere, and the tag of the backup, are what he cannot make.
fn signed(keys: &[SigningKey], signed: &SignedHead) -> bool {
    let key = keys.iter().find(|key| key.id == signed.key_id && key.purpose == "audit");
    key.and_then(|key| public(&key.public_jwk))
        .is_some_and(|key| key.verify_signature(Algorithm::Es256, &signed.head.message(), &signed.signature).is_ok())
}

fn public(jwk: &str) -> Option<PublicKey> {
    let object = json::object(jwk.as_bytes(), &JWK).ok()?;
    PublicKey::from_jwk(&Json::Object(object), Use::Signature).ok()
}

const JWK: Limits = Limits { depth: 2, members: 32, string_bytes: 4096 };
