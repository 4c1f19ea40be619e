//! Sets of public keys, and the choice of one.

use super::fault::{KeyFault, KeyNotUsable, KeySetFault};
use super::parse;
use super::public_key::PublicKey;
use super::purpose::Purpose;
use crate::jose::Algorithm;
use crate::json::{self, Json, Object};
use crate::shown::Shown;

/// Who gave the set, which decides how faults are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person, who can mend it: the first bad key refuses the whole set. Keys made for something else are passed
    /// over.
    Uploaded,
    /// An issuer, whom nobody here can mend: bad keys are dropped one by one and remembered.
    Fetched,
}

/// Public keys that may verify signatures, parsed and checked.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    dropped: Vec<DroppedKey>,
}

/// A key that was in the document and is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedKey {
    /// Its `kid`; empty when it has none that can be read.
    pub kid: Box<str>,
    /// Why.
    pub fault: KeyFault,
}

// === impl KeySet ===

impl KeySet {
    /// The largest document that is read.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// The most keys of a document that are looked at.
    pub const MAX_KEYS: usize = 100;

    /// Reads a JWK Set (RFC 7517 section 5) or a SPIFFE bundle.
    ///
    /// A fetched set may turn out empty; what that means is its reader's to say.
    ///
    /// # Errors
    /// [`KeySetFault`]; two usable keys of one `kid` for one algorithm always refuse the set.
    pub fn parse(document: &[u8], source: Source, purpose: Purpose) -> Result<Self, KeySetFault> {
        if document.len() > Self::MAX_BYTES {
            return Err(KeySetFault::TooLarge { bytes: document.len() });
        }
        let document = json::object(document, &json::Limits::DOCUMENT)?;
        let entries = match document.get("keys") {
            Some(Json::Array(entries)) => entries,
            other => return Err(KeySetFault::Keys { seen: other.map_or("missing", Json::type_name) }),
        };
        if entries.len() > Self::MAX_KEYS {
            return Err(KeySetFault::TooManyKeys { seen: entries.len() });
        }
        let mut set = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            match (parse::public_key(entry, purpose), source) {
                (Ok(key), Source::Uploaded) if key.kid().is_empty() => {
                    return Err(KeySetFault::Key { index, kid: Shown::of(""), fault: KeyFault::KeyIdMissing });
                }
                (Ok(key), _) => set.keys.push(key),
                (Err(fault), Source::Uploaded) if !fault.is_foreign() => {
                    return Err(KeySetFault::Key { index, kid: Shown::of(parse::key_id(entry)), fault });
                }
                (Err(fault), _) => set.dropped.push(DroppedKey { kid: parse::key_id(entry).into(), fault }),
            }
        }
        set.checked(source)
    }

    /// A set of keys that were made here.
    ///
    /// # Errors
    /// [`KeySetFault::DuplicateKeyId`].
    pub fn from_keys(keys: Vec<PublicKey>) -> Result<Self, KeySetFault> {
        Self { keys, dropped: Vec::new() }.checked(Source::Fetched)
    }

    /// The key that is named `kid` and may be used with `algorithm`. No other key is tried.
    ///
    /// # Errors
    /// [`KeyNotUsable`].
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Result<&PublicKey, KeyNotUsable> {
        let mut fault = KeyNotUsable::NotFound;
        for key in self.keys.iter().filter(|key| key.kid() == kid) {
            if key.allows(algorithm) {
                return Ok(key);
            }
            fault = KeyNotUsable::Algorithm { seen: algorithm, allowed: key.algorithms() };
        }
        match (&fault, self.dropped.iter().find(|key| &*key.kid == kid)) {
            (KeyNotUsable::NotFound, Some(key)) => Err(KeyNotUsable::Dropped(key.fault.clone())),
            _ => Err(fault),
        }
    }

    /// The set's one key, when it has exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&PublicKey> {
        match self.keys.as_slice() {
            [key] => Some(key),
            _ => None,
        }
    }

    /// The usable keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.keys.iter()
    }

    /// What was in the document and is not used.
    #[must_use]
    pub fn dropped(&self) -> &[DroppedKey] {
        &self.dropped
    }

    /// Whether no key is usable, so that nothing can ever verify.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The JWK Set to publish.
    #[must_use]
    pub fn to_json(&self) -> Object<'static> {
        let mut document = Object::new();
        document.insert("keys", Json::Array(self.keys.iter().map(|key| Json::Object(key.to_json())).collect()));
        document
    }

    fn checked(self, source: Source) -> Result<Self, KeySetFault> {
        for (index, key) in self.keys.iter().enumerate() {
            let clashes = |other: &&PublicKey| {
                other.kid() == key.kid()
                    && (source == Source::Uploaded || !other.algorithms().intersection(key.algorithms()).is_empty())
            };
            if !key.kid().is_empty() && self.keys[..index].iter().any(|other| clashes(&other)) {
                return Err(KeySetFault::DuplicateKeyId { kid: Shown::of(key.kid()) });
            }
        }
        if self.keys.is_empty() && source == Source::Uploaded {
            return Err(KeySetFault::NoUsableKey);
        }
        Ok(self)
    }
}
