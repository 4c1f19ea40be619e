//! One signing key.

use std::fmt;

use accredit_core::keyring::{Life, Purpose, Slot};
use accredit_id::jose::jwk::{KeyFault, PublicKey};
use accredit_id::jose::{Algorithm, jws};
use accredit_id::secret::Secret;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

use super::certificate::CertificateFault;
use super::encryption_key::KeyEncryptionKey;
use super::life;
use super::sealing::{SealFault, Sealed};
use super::unsealer::Unsealer;

/// A key that signs, with its public half. Its private half is seen in memory alone, and never printed.
pub(crate) struct SigningKey {
    slot: Slot,
    private: Private,
    public: PublicKey,
}

/// Why a key could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningFault {
    /// Our keys are ES256, RS256 and ES384 alone.
    #[error("algorithm `{0}` is not one of our signing keys', expected ES256, RS256 or ES384")]
    Algorithm(Algorithm),
    /// A row of the store says something that is not known.
    #[error("key `{id}` has the {field} `{seen}`, which is not known")]
    Row {
        /// The row.
        id: String,
        /// The column.
        field: &'static str,
        /// What it says.
        seen: String,
    },
    /// The row's parts are not one key: id, public and private half differ.
    #[error("key `{id}` is not what its row says")]
    Mixed {
        /// The row.
        id: String,
    },
    /// The private half did not open, or was not sealed.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The public half is none.
    #[error("key is not usable: {0}")]
    Public(#[from] KeyFault),
    /// The cryptographic library refused to work.
    #[error("key cannot be made or used")]
    Library,
    /// A certificate could not be made or read.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
}

// === impl SigningKey ===

impl SigningKey {
    /// Makes a key. P-256 takes microseconds; RSA-2048 takes up to a second of one core, which is spent beside.
    pub(crate) async fn generate(slot: Slot) -> Result<Self, SigningFault> {
        let private = match slot.algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Private::Es256),
            Algorithm::Es384 => EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Private::Es384),
            Algorithm::Rs256 => tokio::task::spawn_blocking(|| rsa::KeyPair::generate(KeySize::Rsa2048))
                .await
                .map_err(|_| SigningFault::Library)?
                .map(Private::Rs256),
            other => return Err(SigningFault::Algorithm(other)),
        };
        Self::new(slot, private.map_err(|_| SigningFault::Library)?)
    }

    /// Unseals a key from its row.
    pub(crate) fn from_row(row: &accredit_store::SigningKey, kek: &Unsealer) -> Result<Self, SigningFault> {
        let mixed = || SigningFault::Mixed { id: row.id.clone() };
        let slot = life::slot(row)?;
        let sealed = Sealed { wrapped_by: row.kek_id.clone(), bytes: row.wrapped.clone() };
        let pkcs8 = kek.open(&slot.sealed_as(), &row.id, &sealed)?;
        let private = match slot.algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.reveal()).map(Private::Es256)
            }
            Algorithm::Es384 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8.reveal()).map(Private::Es384)
            }
            Algorithm::Rs256 => rsa::KeyPair::from_pkcs8(pkcs8.reveal()).map(Private::Rs256),
            other => return Err(SigningFault::Algorithm(other)),
        };
        let key = Self::new(slot, private.map_err(|_| mixed())?)?;
        if key.public_jwk() != row.public_jwk {
            return Err(mixed());
        }
        Ok(key)
    }

    /// Seals the key into a row for the store, at the beginning of this life.
    pub(crate) fn to_row(
        &self,
        life: &Life,
        kek: &KeyEncryptionKey,
    ) -> Result<accredit_store::SigningKey, SigningFault> {
        let sealed = self.seal(kek)?;
        Ok(accredit_store::SigningKey {
            id: self.id().to_owned(),
            purpose: self.slot.purpose.name().to_owned(),
            algorithm: self.slot.algorithm.as_str().to_owned(),
            public_jwk: self.public_jwk(),
            wrapped: sealed.bytes,
            kek_id: sealed.wrapped_by,
            domain: self.slot.domain.map(|domain| domain.to_string()),
            chain: None,
            revision: 0,
            life: life::to_row(life),
        })
    }

    /// Seals the private half.
    pub(crate) fn seal(&self, kek: &KeyEncryptionKey) -> Result<Sealed, SigningFault> {
        Ok(kek.seal(&self.slot.sealed_as(), self.id(), self.pkcs8()?.reveal())?)
    }

    /// The key's name, which a token's `kid` bears: the beginning of its thumbprint (RFC 7638), 132 bits of it.
    pub(crate) fn id(&self) -> &str {
        self.public.kid()
    }

    /// What it signs.
    pub(crate) fn purpose(&self) -> Purpose {
        self.slot.purpose
    }

    /// What it signs, how, and for whom.
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// The bytes of its public half: a point, or an `RSAPublicKey`.
    pub(crate) fn public_bytes(&self) -> &[u8] {
        match &self.private {
            Private::Es256(pair) | Private::Es384(pair) => pair.public_key().as_ref(),
            Private::Rs256(pair) => pair.public_key().as_ref(),
        }
    }

    /// Its public half.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether this is its public half, as the store has it.
    pub(super) fn is_public_half(&self, jwk: &str) -> bool {
        self.public_jwk() == jwk
    }

    /// Signs an encoded header and payload ([`jws::signing_input`]) and gives the token in compact form. Costs the signature
    /// and one copy.
    pub(crate) fn sign(&self, signing_input: String) -> Result<String, SigningFault> {
        let signature = self.signature(signing_input.as_bytes())?;
        Ok(jws::append_signature(signing_input, &signature))
    }

    /// Signs any bytes: r and s side by side for ES256 (RFC 7518 section 3.4), in DER for ES384, which signs certificates alone
    /// (RFC 5480 section 2.1.1).
    #[expect(clippy::disallowed_methods, reason = "a formality: the library takes a generator and draws from its own")]
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let chance = SystemRandom::new();
        match &self.private {
            Private::Es256(pair) | Private::Es384(pair) => {
                let signature = pair.sign(&chance, message).map_err(|_| SigningFault::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, message, &mut signature).map_err(|_| SigningFault::Library)?;
                Ok(signature)
            }
        }
    }

    fn new(slot: Slot, private: Private) -> Result<Self, SigningFault> {
        let thumbprint = private.public(None)?.thumbprint();
        let kid = thumbprint.get(..KID_CHARACTERS).unwrap_or(&*thumbprint);
        let public = private.public(Some(kid))?;
        Ok(Self { slot, private, public })
    }

    fn public_jwk(&self) -> String {
        serde_json::to_string(&self.public.to_json()).unwrap_or_default()
    }

    fn pkcs8(&self) -> Result<Secret<Vec<u8>>, SigningFault> {
        let document = match &self.private {
            Private::Es256(pair) | Private::Es384(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Private::Rs256(pair) => {
                let der: Result<Pkcs8V1Der<'_>, _> = pair.as_der();
                der.map(|der| der.as_ref().to_vec())
            }
        };
        document.map(Secret::new).map_err(|_| SigningFault::Library)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id())
            .field("purpose", &self.slot.purpose)
            .field("algorithm", &self.slot.algorithm)
            .finish_non_exhaustive()
    }
}

// === impl SigningFault ===

impl SigningFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Seal(fault) => fault.hint(),
            Self::Mixed { .. } => Some("restore the store from a backup"),
            Self::Certificate(fault) => fault.hint(),
            Self::Algorithm(_) | Self::Row { .. } | Self::Public(_) | Self::Library => None,
        }
    }
}

enum Private {
    Es256(EcdsaKeyPair),
    Es384(EcdsaKeyPair),
    Rs256(rsa::KeyPair),
}

impl Private {
    fn public(&self, kid: Option<&str>) -> Result<PublicKey, KeyFault> {
        match self {
            Self::Es256(pair) => PublicKey::from_ec_point(kid, Algorithm::Es256, pair.public_key().as_ref()),
            Self::Es384(pair) => PublicKey::from_ec_point(kid, Algorithm::Es384, pair.public_key().as_ref()),
            Self::Rs256(pair) => PublicKey::from_rsa_der(kid, Algorithm::Rs256, pair.public_key().as_ref()),
        }
    }
}

const KID_CHARACTERS: usize = 22;
