//! Envelope encryption of small secrets.
//!
//! Each secret is encrypted under a key of its own, and that key under the key-encryption key, so that another key-encryption
//! key (or a key service that only wraps keys) means wrapping 32 bytes anew and touching nothing else. Both layers are bound
//! to what is sealed: bytes that are moved to another row do not open there.

use accredit_id::digest::sha256;
use accredit_id::hex;
use accredit_id::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroize as _;

use super::encryption_key::KeyEncryptionKey;
use crate::chance;

/// A secret that only its key-encryption key opens; safe to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The id of the key-encryption key.
    pub(crate) wrapped_by: String,
    /// Version, wrapped key, ciphertext.
    pub(crate) bytes: Vec<u8>,
}

/// Why a secret was not sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealFault {
    /// Sealed under another key-encryption key than the one at hand.
    #[error("key `{id}` is wrapped by `{wrapped_by}`, the key-encryption key here is `{here}`")]
    OtherKey {
        /// What was to be opened.
        id: String,
        /// The id of the key-encryption key that it needs.
        wrapped_by: String,
        /// The id of the one at hand.
        here: String,
    },
    /// The bytes were changed, or belong to something else.
    #[error("key `{id}` does not open: its row was changed, or its bytes are another row's")]
    Damaged {
        /// What was to be opened.
        id: String,
    },
    /// The cryptographic library refused to work.
    #[error("key `{id}` cannot be sealed")]
    Library {
        /// What was to be sealed.
        id: String,
    },
}

// === impl KeyEncryptionKey ===

impl KeyEncryptionKey {
    /// The key-encryption key of these 32 bytes.
    pub(super) fn from_bytes(bytes: &Secret<[u8; 32]>) -> Result<Self, Unspecified> {
        let named = Secret::new([ID_DOMAIN, bytes.reveal()].concat());
        Ok(Self { id: hex::encode(&sha256(named.reveal())[..2]), key: aead_key(bytes)? })
    }

    /// Encrypts `secret` so that only this key opens it again, and only as what it is: `purpose` and `id` are part of it.
    pub(crate) fn seal(&self, purpose: &str, id: &str, secret: &[u8]) -> Result<Sealed, SealFault> {
        let library = |_| SealFault::Library { id: id.to_owned() };
        let mut bytes = vec![VERSION];
        let own = random_key();
        encrypt(&self.key, &bound(WRAPPING, purpose, id), own.reveal(), &mut bytes).map_err(library)?;
        let key = aead_key(&own).map_err(library)?;
        encrypt(&key, &bound(CONTENT, purpose, id), secret, &mut bytes).map_err(library)?;
        Ok(Sealed { wrapped_by: self.id.clone(), bytes })
    }

    /// Decrypts what [`KeyEncryptionKey::seal`] sealed for the same purpose and id.
    pub(crate) fn open(&self, purpose: &str, id: &str, sealed: &Sealed) -> Result<Secret<Vec<u8>>, SealFault> {
        if sealed.wrapped_by != self.id {
            let (wrapped_by, here) = (sealed.wrapped_by.clone(), self.id.clone());
            return Err(SealFault::OtherKey { id: id.to_owned(), wrapped_by, here });
        }
        self.open_layers(purpose, id, &sealed.bytes).ok_or_else(|| SealFault::Damaged { id: id.to_owned() })
    }

    fn open_layers(&self, purpose: &str, id: &str, bytes: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (version, layers) = bytes.split_first()?;
        let (wrapped, content) = layers.split_at_checked(NONCE_LEN + KEY_BYTES + TAG_BYTES)?;
        if *version != VERSION {
            return None;
        }
        let own = decrypt(&self.key, &bound(WRAPPING, purpose, id), wrapped)?;
        let own = Secret::new(<[u8; KEY_BYTES]>::try_from(own.reveal().as_slice()).ok()?);
        decrypt(&aead_key(&own).ok()?, &bound(CONTENT, purpose, id), content)
    }
}

// === impl SealFault ===

impl SealFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherKey { .. } => Some("restore that key-encryption key, or name it in `keys.previous`"),
            Self::Damaged { .. } => Some("restore the store from a backup"),
            Self::Library { .. } => None,
        }
    }
}

/// Appends nonce, ciphertext and tag.
fn encrypt(key: &LessSafeKey, bound: &[u8], plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), Unspecified> {
    let nonce = nonce();
    sealed.extend_from_slice(&nonce);
    // Room first, so that growing leaves no copy of the plain text behind.
    sealed.reserve_exact(plain.len() + TAG_BYTES);
    let start = sealed.len();
    sealed.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(bound), &mut sealed[start..])?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(())
}

fn decrypt(key: &LessSafeKey, bound: &[u8], sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain_bytes = key.open_in_place(nonce, Aad::from(bound), &mut text).ok()?.len();
    text.truncate(plain_bytes);
    Some(Secret::new(text))
}

/// What a layer is bound to. Lengths stand before the parts, so that no two pairs give the same bytes.
fn bound(layer: &[u8], purpose: &str, id: &str) -> Vec<u8> {
    let mut bound = layer.to_vec();
    for part in [purpose, id] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

fn aead_key(bytes: &Secret<[u8; KEY_BYTES]>) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, bytes.reveal()).map(LessSafeKey::new)
}

/// 32 random bytes.
pub(super) fn random_key() -> Secret<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    for half in bytes.chunks_exact_mut(16) {
        let mut bits = chance::bits();
        half.copy_from_slice(&bits);
        bits.zeroize();
    }
    let secret = Secret::new(bytes);
    bytes.zeroize();
    secret
}

/// A random nonce. A key of the outer layer seals a handful of keys in its life, one of the inner layer exactly one secret:
/// 96 random bits never meet twice.
fn nonce() -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&chance::bits()[..NONCE_LEN]);
    nonce
}

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const VERSION: u8 = 1;
const ID_DOMAIN: &[u8] = b"accredit key-encryption key id v1\0";
const WRAPPING: &[u8] = b"accredit sealed v1 wrapping\0";
const CONTENT: &[u8] = b"accredit sealed v1 content\0";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(&Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn opens_what_it_sealed() {
        for secret in [&b""[..], b"x", &[7; 5000]] {
            let sealed = key(1).seal("access", "k7", secret).unwrap();
            assert_eq!(key(1).open("access", "k7", &sealed).unwrap().reveal(), secret);
            assert!(secret.len() < 16 || !sealed.bytes.windows(16).any(|window| window == &secret[..16]));
        }
        let (first, second) = (key(1).seal("access", "k7", b"x").unwrap(), key(1).seal("access", "k7", b"x").unwrap());
        assert_ne!(first.bytes, second.bytes);
    }

    #[test]
    fn another_key_is_named() {
        let sealed = key(1).seal("access", "k7", b"secret").unwrap();
        let fault = key(2).open("access", "k7", &sealed).map(drop).unwrap_err();
        let (there, here) = (key(1).id.to_owned(), key(2).id.to_owned());
        assert_eq!(
            fault.to_string(),
            format!("key `k7` is wrapped by `{there}`, the key-encryption key here is `{here}`")
        );
        assert_eq!(fault.hint(), Some("restore that key-encryption key, or name it in `keys.previous`"));
        assert!(there.len() == 4 && there.bytes().all(|byte| byte.is_ascii_hexdigit()) && there != here);
        // Two keys of one short id: the encryption itself still tells them apart.
        let forged = Sealed { wrapped_by: here, ..sealed };
        assert_eq!(key(2).open("access", "k7", &forged).map(drop), Err(SealFault::Damaged { id: "k7".into() }));
    }

    /// L18: sealed bytes open under their own purpose and id alone, and not when a bit of them changed.
    #[test]
    fn l18_what_was_moved_or_changed_does_not_open() {
        let sealed = key(1).seal("access", "k7", b"secret").unwrap();
        for (purpose, id) in [("audit", "k7"), ("access", "k8"), ("accessk", "7"), ("", "accessk7"), ("access", "")] {
            assert!(key(1).open(purpose, id, &sealed).is_err(), "{purpose} {id}");
        }
        for index in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[index] ^= 1;
            assert!(key(1).open("access", "k7", &changed).is_err(), "{index}");
            changed.bytes.truncate(index);
            assert!(key(1).open("access", "k7", &changed).is_err(), "{index}");
        }
        // The layers of two sealed secrets do not mix.
        let other = key(1).seal("access", "k7", b"secret").unwrap();
        let split = 1 + NONCE_LEN + KEY_BYTES + TAG_BYTES;
        let mixed = Sealed { bytes: [&sealed.bytes[..split], &other.bytes[split..]].concat(), ..sealed };
        assert!(key(1).open("access", "k7", &mixed).is_err());
    }
}
