//! Public keys of certificates: `SubjectPublicKeyInfo` (RFC 5280 section 4.1).

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::der::{BIT_STRING, Element, Malformed, NULL, OID, SEQUENCE};
use crate::jose::Algorithm;
use crate::jose::jwk::{KeyFault, PublicKey};

/// A key that we sign certificates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with a modulus of 2048 to 4096 bits.
    Rsa,
}

/// A public key that no certificate is signed for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitKey {
    /// Of another type or on another curve.
    #[error("public key is of another type, expected P-256, P-384 or RSA of 2048 to 4096 bits")]
    Kind,
    /// Out of bounds, or no point of its curve.
    #[error("{0}")]
    Numbers(KeyFault),
    /// Not DER of the expected form.
    #[error("public key is not a well-formed SubjectPublicKeyInfo")]
    Malformed,
}

/// A public key as it stands in a certificate or request.
pub(super) struct Spki<'d> {
    /// All of it, in DER.
    pub(super) whole: &'d [u8],
    pub(super) kind: KeyKind,
    /// The point, or the two integers.
    pub(super) bytes: &'d [u8],
}

// === impl Spki ===

impl<'d> Spki<'d> {
    /// Reads and checks a key: its type, its size, that its point is one.
    pub(super) fn read(element: Element<'d>) -> Result<Self, UnfitKey> {
        let (algorithm, parameters, bytes) = parts(element).map_err(|Malformed| UnfitKey::Malformed)?;
        let kind = match (algorithm, parameters.tag, parameters.content) {
            (EC_PUBLIC_KEY, OID, P256) => KeyKind::P256,
            (EC_PUBLIC_KEY, OID, P384) => KeyKind::P384,
            (RSA_ENCRYPTION, NULL, []) => KeyKind::Rsa,
            _ => return Err(UnfitKey::Kind),
        };
        let checked = match kind {
            KeyKind::P256 => PublicKey::from_ec_point(Some(""), Algorithm::Es256, bytes),
            KeyKind::P384 => PublicKey::from_ec_point(Some(""), Algorithm::Es384, bytes),
            KeyKind::Rsa => PublicKey::from_rsa_der(Some(""), Algorithm::Rs256, bytes),
        };
        checked.map_err(UnfitKey::Numbers)?;
        Ok(Self { whole: element.whole, kind, bytes })
    }

    /// Whether this key's owner signed `message`, with the algorithm that stands beside the signature.
    pub(super) fn signed(&self, algorithm: Element<'_>, message: &[u8], signature: &[u8]) -> bool {
        let Some(algorithm) = verification(self.kind, algorithm) else { return false };
        UnparsedPublicKey::new(algorithm, self.bytes).verify(message, signature).is_ok()
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa => "RSA",
        })
    }
}

fn parts<'d>(spki: Element<'d>) -> Result<(&'d [u8], Element<'d>, &'d [u8]), Malformed> {
    let mut inside = spki.inside();
    let mut algorithm = inside.inside(SEQUENCE)?;
    let bytes = inside.expect(BIT_STRING)?.bits()?;
    inside.end()?;
    let name = algorithm.expect(OID)?.content;
    let parameters = algorithm.next()?;
    algorithm.end()?;
    Ok((name, parameters, bytes))
}

/// `AlgorithmIdentifier` of a signature (RFC 5758 section 3.2, RFC 8017 appendix A.2.4). SHA-1 is not among them.
fn verification(kind: KeyKind, algorithm: Element<'_>) -> Option<&'static dyn VerificationAlgorithm> {
    let mut inside = algorithm.inside();
    let name = inside.expect(OID).ok()?.content;
    if kind == KeyKind::Rsa {
        // Absent or NULL (RFC 4055 section 5).
        inside.optional(NULL).ok()?.is_none_or(|null| null.content.is_empty()).then_some(())?;
    }
    inside.end().ok()?;
    Some(match (kind, name) {
        (KeyKind::P256, ECDSA_WITH_SHA256) => &ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, ECDSA_WITH_SHA384) => &ECDSA_P256_SHA384_ASN1,
        (KeyKind::P384, ECDSA_WITH_SHA256) => &ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, ECDSA_WITH_SHA384) => &ECDSA_P384_SHA384_ASN1,
        (KeyKind::Rsa, SHA256_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa, SHA384_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa, SHA512_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

// Object identifiers, as DER encodes their arcs.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(super) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA384_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const SHA512_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
