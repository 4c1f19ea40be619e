//! The keys in force.

use std::sync::Arc;

use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::PublicKey;

use super::encryption_key::KeyEncryptionKey;
use super::signing_key::{KeyPurpose, SigningFault, SigningKey};
use super::state::KeyState;

/// The keys in force: immutable, replaced as a whole, so that whoever signs and whoever publishes see the same ones.
#[derive(Debug, Default, Clone)]
pub(crate) struct KeyRing {
    keys: Vec<(KeyState, Arc<SigningKey>)>,
}

/// Why keys are no ring.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RingFault {
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] SigningFault),
    /// A row is in a state that is not known.
    #[error("key `{id}` has the state `{seen}`, which is not known")]
    State {
        /// The row.
        id: String,
        /// What it says.
        seen: String,
    },
    /// Two keys would sign the same things.
    #[error("keys `{first}` and `{second}` are both active for {purpose} tokens with {algorithm}")]
    TwoActive {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// What both sign.
        purpose: &'static str,
        /// How.
        algorithm: Algorithm,
    },
}

// === impl KeyRing ===

impl KeyRing {
    /// Unseals the store's keys. One that does not open is a fault of the whole: a server that lost a key must say so, not
    /// go on with another.
    pub(crate) fn open(rows: &[accredit_store::SigningKey], kek: &KeyEncryptionKey) -> Result<Self, RingFault> {
        rows.iter().try_fold(Self::default(), |ring, row| {
            let unknown = || RingFault::State { id: row.id.clone(), seen: row.state.clone() };
            let state = KeyState::from_name(&row.state).ok_or_else(unknown)?;
            ring.with(state, SigningKey::from_row(row, kek)?)
        })
    }

    /// This ring and one more key.
    pub(crate) fn with(&self, state: KeyState, key: SigningKey) -> Result<Self, RingFault> {
        if let Some(other) = self.active(key.purpose(), key.algorithm()).filter(|_| state == KeyState::Active) {
            return Err(RingFault::TwoActive {
                first: other.id().to_owned(),
                second: key.id().to_owned(),
                purpose: key.purpose().name(),
                algorithm: key.algorithm(),
            });
        }
        let mut keys = self.keys.clone();
        keys.push((state, Arc::new(key)));
        Ok(Self { keys })
    }

    /// The key that signs access tokens with this algorithm, if it was made yet.
    pub(crate) fn signer(&self, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
        self.active(KeyPurpose::Access, algorithm)
    }

    /// The key that signs administrators' and agents' tokens, if it was made yet.
    pub(crate) fn internal(&self) -> Option<&Arc<SigningKey>> {
        self.active(KeyPurpose::Internal, Algorithm::Es256)
    }

    /// What we ourselves may meet as the signer of such tokens: prepared, active and retired keys alike. Never published.
    pub(crate) fn internal_public(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(|(_, key)| key.purpose() == KeyPurpose::Internal).map(|(_, key)| key.public())
    }

    /// The key that signs heads of the audit chain, if it was made yet.
    pub(crate) fn audit(&self) -> Option<&Arc<SigningKey>> {
        self.active(KeyPurpose::Audit, Algorithm::Es256)
    }

    /// The key of this name, in whatever state: for signatures that it made before.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<SigningKey>> {
        self.keys.iter().map(|(_, key)| key).find(|key| key.id() == id)
    }

    /// What verifiers of access tokens may meet: prepared, active and retired keys alike.
    pub(crate) fn published(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(|(_, key)| key.purpose() == KeyPurpose::Access).map(|(_, key)| key.public())
    }

    fn active(&self, purpose: KeyPurpose, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
        let sought = |key: &SigningKey| key.purpose() == purpose && key.algorithm() == algorithm;
        self.keys.iter().find(|(state, key)| *state == KeyState::Active && sought(key)).map(|(_, key)| key)
    }
}

// === impl RingFault ===

impl RingFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Key(fault) => fault.hint(),
            Self::State { .. } | Self::TwoActive { .. } => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::jose::jws::{Compact, signing_input};
    use accredit_id::time::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    async fn key(algorithm: Algorithm, purpose: KeyPurpose) -> SigningKey {
        SigningKey::generate(algorithm, purpose).await.unwrap()
    }

    #[tokio::test]
    async fn keys_survive_the_store_and_sign_what_their_public_halves_verify() {
        let kek = KeyEncryptionKey::in_memory().unwrap();
        let made = [
            key(Algorithm::Es256, KeyPurpose::Access).await,
            key(Algorithm::Rs256, KeyPurpose::Access).await,
            key(Algorithm::Es256, KeyPurpose::Audit).await,
        ];
        let rows: Vec<_> = made.iter().map(|key| key.to_row(KeyState::Active, &kek, NOW).unwrap()).collect();
        let ring = KeyRing::open(&rows, &kek).unwrap();
        for (made, opened) in made.iter().zip([
            ring.signer(Algorithm::Es256).unwrap(),
            ring.signer(Algorithm::Rs256).unwrap(),
            ring.audit().unwrap(),
        ]) {
            assert_eq!(made.id(), opened.id());
            assert_eq!((opened.id().len(), opened.id()), (22, &made.public().thumbprint()[..22]));
            let token = opened.sign(signing_input(r#"{"alg":"x"}"#, "{}")).unwrap();
            let split = Compact::split(&token).unwrap();
            let signature = accredit_id::base64url::decode(split.signature()).unwrap();
            assert_eq!(signature.len(), if opened.algorithm() == Algorithm::Es256 { 64 } else { 256 });
            let message = split.signing_input().as_bytes();
            assert!(made.public().verify_signature(opened.algorithm(), message, &signature).is_ok());
            assert!(made.public().verify_signature(opened.algorithm(), b"other", &signature).is_err());
        }
        // The audit key is nobody's to verify tokens with.
        let published: Vec<_> = ring.published().map(PublicKey::kid).collect();
        assert_eq!(published, [made[0].id(), made[1].id()]);
        assert_eq!(ring.find(made[2].id()).unwrap().id(), made[2].id());
        assert!(ring.find("other").is_none());
        let other = KeyEncryptionKey::in_memory().unwrap();
        let fault = KeyRing::open(&rows, &other).unwrap_err().to_string();
        let expected =
            format!("key `{}` is wrapped by `{}`, the key-encryption key here is `{}`", made[0].id(), kek.id, other.id);
        assert_eq!(fault, expected);
    }

    /// L18: rows that were edited with SQL are detected and named.
    #[tokio::test]
    async fn l18_rows_that_were_swapped_or_edited_are_named() {
        let kek = KeyEncryptionKey::in_memory().unwrap();
        let (first, second) =
            (key(Algorithm::Es256, KeyPurpose::Access).await, key(Algorithm::Es256, KeyPurpose::Audit).await);
        let first = first.to_row(KeyState::Active, &kek, NOW).unwrap();
        let second = second.to_row(KeyState::Active, &kek, NOW).unwrap();
        assert!(KeyRing::open(&[first.clone(), second.clone()], &kek).is_ok());
        type Edit<'e> = Box<dyn Fn(&mut accredit_store::SigningKey) + 'e>;
        let edits: [(&str, Edit<'_>); 9] = [
            ("wrapped", Box::new(|row| row.wrapped.clone_from(&second.wrapped))),
            ("wrapped emptied", Box::new(|row| row.wrapped.clear())),
            ("id", Box::new(|row| row.id.clone_from(&second.id))),
            ("purpose", Box::new(|row| row.purpose.clone_from(&second.purpose))),
            ("unknown purpose", Box::new(|row| row.purpose = "other".into())),
            ("public half", Box::new(|row| row.public_jwk.clone_from(&second.public_jwk))),
            ("algorithm", Box::new(|row| row.algorithm = "RS256".into())),
            ("unknown algorithm", Box::new(|row| row.algorithm = "HS256".into())),
            ("state", Box::new(|row| row.state = "eternal".into())),
        ];
        for (name, edit) in edits {
            let mut row = first.clone();
            edit(&mut row);
            let fault = KeyRing::open(&[row.clone()], &kek).unwrap_err().to_string();
            assert!(fault.contains(&format!("key `{}`", row.id)), "{name}: {fault}");
        }
    }

    #[tokio::test]
    async fn one_key_signs_and_all_are_published() {
        let ring = KeyRing::default();
        assert!(ring.signer(Algorithm::Es256).is_none() && ring.audit().is_none());
        let mut ids = Vec::new();
        let mut ring = ring;
        for state in [KeyState::Retired, KeyState::Active, KeyState::Prepared] {
            let key = key(Algorithm::Es256, KeyPurpose::Access).await;
            ids.push(key.id().to_owned());
            ring = ring.with(state, key).unwrap();
        }
        assert_eq!(ring.signer(Algorithm::Es256).unwrap().id(), ids[1]);
        assert!(ring.signer(Algorithm::Rs256).is_none());
        assert_eq!(ring.published().map(PublicKey::kid).collect::<Vec<_>>(), ids);
        let second = ring.with(KeyState::Active, key(Algorithm::Es256, KeyPurpose::Access).await);
        assert!(second.unwrap_err().to_string().contains("both active for access tokens with ES256"));
        let refused = SigningKey::generate(Algorithm::EdDsa, KeyPurpose::Access).await.unwrap_err();
        assert!(refused.to_string().contains("`EdDSA`"));
    }

    #[tokio::test]
    async fn nothing_private_is_printed() {
        let kek = KeyEncryptionKey::in_memory().unwrap();
        let key = key(Algorithm::Es256, KeyPurpose::Access).await;
        let row = key.to_row(KeyState::Active, &kek, NOW).unwrap();
        let expected = format!("SigningKey {{ id: {:?}, purpose: Access, algorithm: Es256, .. }}", key.id());
        assert_eq!(format!("{key:?}"), expected);
        assert!(!row.public_jwk.contains("\"d\""));
    }
}
