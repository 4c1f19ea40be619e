//! An authority's certificate, as bundles hold it (X509-SVID section 4.1 and 6.2): who may sign the certificates of a trust
//! domain.
//!
//! Nothing here verifies a signature: whoever trusts a bundle trusts what it holds.

use std::fmt;

use super::certificate::{Certificate, KeyUsage};
use super::der::{Reader, SEQUENCE};
use super::public_key::{KeyKind, Spki, UnfitKey};
use crate::digest::sha256;
use crate::hex;
use crate::jose::Algorithm;
use crate::jose::jwk::PublicKey;
use crate::time::Timestamp;

/// An authority's certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    der: Box<[u8]>,
    not_before: Timestamp,
    not_after: Timestamp,
    uris: Vec<Box<str>>,
    /// `SubjectPublicKeyInfo`.
    spki: Box<[u8]>,
}

/// Why a certificate is no authority's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// More bytes than are read.
    #[error("certificate has {bytes} bytes, expected at most 16384")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not one X.509 certificate of version 3 in DER.
    #[error("bytes are not one X.509 certificate of version 3 in DER")]
    Malformed,
    /// It may not sign certificates: no basic constraints, or `cA` is false.
    #[error("certificate is not an authority's: its basic constraints do not say `cA`")]
    NoAuthority,
    /// It is an authority's, and its key usage lacks `keyCertSign`.
    #[error("authority's certificate lacks the key usage `keyCertSign`")]
    SignsNothing,
}

// === impl Authority ===

impl Authority {
    /// The largest that is read.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Reads one certificate in DER, and nothing behind it.
    ///
    /// # Errors
    /// [`AuthorityFault`].
    pub fn read(der: &[u8]) -> Result<Self, AuthorityFault> {
        if der.len() > Self::MAX_BYTES {
            return Err(AuthorityFault::TooLarge { bytes: der.len() });
        }
        let read = Certificate::read(der).map_err(|_| AuthorityFault::Malformed)?;
        if !read.is_authority {
            return Err(AuthorityFault::NoAuthority);
        }
        if read.key_usage.is_some_and(|(usage, _)| !usage.has(KeyUsage::KEY_CERT_SIGN)) {
            return Err(AuthorityFault::SignsNothing);
        }
        let uris = read.names.map(|(names, _)| names.uris.into_iter().map(Into::into).collect());
        Ok(Self {
            der: der.into(),
            not_before: read.not_before,
            not_after: read.not_after,
            uris: uris.unwrap_or_default(),
            spki: read.spki.into(),
        })
    }

    /// The bytes that it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// From when it counts.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of which it counts.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Its URI names (RFC 5280 section 4.2.1.6), as they stand: the trust domain's SPIFFE ID, where it has one.
    pub fn uris(&self) -> impl ExactSizeIterator<Item = &str> {
        self.uris.iter().map(AsRef::as_ref)
    }

    /// What it is called by its own bytes (SHA-256), in lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&sha256(&self.der))
    }

    /// Its public key, where it is of a type that authorities of ours have.
    ///
    /// # Errors
    /// [`UnfitKey`].
    pub fn public_key(&self) -> Result<PublicKey, UnfitKey> {
        let element = Reader::only(&self.spki, SEQUENCE).map_err(|_| UnfitKey::Malformed)?;
        let spki = Spki::read(element)?;
        let key = match spki.kind {
            KeyKind::P256 => PublicKey::from_ec_point(None, Algorithm::Es256, spki.bytes),
            KeyKind::P384 => PublicKey::from_ec_point(None, Algorithm::Es384, spki.bytes),
            KeyKind::Rsa => PublicKey::from_rsa_der(None, Algorithm::Rs256, spki.bytes),
        };
        key.map_err(UnfitKey::Numbers)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("fingerprint", &self.fingerprint())
            .field("uris", &self.uris)
            .finish_non_exhaustive()
    }
}

// === impl AuthorityFault ===

impl AuthorityFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "authority-too-large",
            Self::Malformed => "authority-malformed",
            Self::NoAuthority => "authority-not-one",
            Self::SignsNothing => "authority-signs-nothing",
        }
    }
}
