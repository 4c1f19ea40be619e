//! The key-encryption keys at hand: the one that seals, and the one before it while keys are still sealed under that.

use accredit_id::secret::Secret;

use super::encryption_key::{EncryptionKeyFault, KeyEncryptionKey};
use super::sealing::{SealFault, Sealed};
use crate::config::{KeyEncryption, KeysConfig};

/// The key-encryption keys at hand.
#[derive(Debug)]
pub(crate) struct Unsealer {
    current: KeyEncryptionKey,
    previous: Option<KeyEncryptionKey>,
}

// === impl Unsealer ===

impl Unsealer {
    /// Seals under `current`; what is sealed under `previous` opens too.
    pub(crate) fn new(current: KeyEncryptionKey, previous: Option<KeyEncryptionKey>) -> Self {
        Self { current, previous }
    }

    /// The keys that a configuration names. With `may_create` a missing file is made.
    pub(crate) fn of(config: &KeysConfig, may_create: bool) -> Result<Self, EncryptionKeyFault> {
        let current = key_encryption_key(&config.encryption, may_create)?;
        let previous = config.previous.as_ref().map(|origin| key_encryption_key(origin, false)).transpose()?;
        Ok(Self::new(current, previous))
    }

    /// The one that seals.
    pub(crate) fn current(&self) -> &KeyEncryptionKey {
        &self.current
    }

    /// Decrypts what one of them sealed for the same purpose and id.
    ///
    /// # Errors
    /// [`SealFault`]; one that names the key-encryption key that is wanted where it is neither of these.
    pub(super) fn open(&self, purpose: &str, id: &str, sealed: &Sealed) -> Result<Secret<Vec<u8>>, SealFault> {
        let Some(previous) = &self.previous else { return self.current.open(purpose, id, sealed) };
        match &sealed.wrapped_by {
            by if *by == previous.id && *by != self.current.id => previous.open(purpose, id, sealed),
            _ => self.current.open(purpose, id, sealed).map_err(|fault| match fault {
                SealFault::OtherKey { id, wrapped_by, here } => {
                    SealFault::OtherKey { id, wrapped_by, here: format!("{here}` or `{}", previous.id) }
                }
                fault @ (SealFault::Damaged { .. } | SealFault::Library { .. }) => fault,
            }),
        }
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_either_key_sealed_opens_and_a_third_is_named() {
        let [current, previous, third] = [(); 3].map(|()| KeyEncryptionKey::in_memory().unwrap());
        let sealed = [&current, &previous, &third].map(|kek| kek.seal("access", "k", b"secret").unwrap());
        let names = [current.id.clone(), previous.id.clone(), third.id.clone()];
        let unsealer = Unsealer::new(current, Some(previous));
        for sealed in &sealed[..2] {
            assert_eq!(unsealer.open("access", "k", sealed).unwrap().reveal(), b"secret");
            assert!(unsealer.open("access", "other", sealed).is_err());
        }
        let fault = unsealer.open("access", "k", &sealed[2]).unwrap_err().to_string();
        let [here, before, wanted] = names;
        let expected =
            format!("key `k` is wrapped by `{wanted}`, the key-encryption key here is `{here}` or `{before}`");
        assert_eq!(fault, expected);
    }
}
