//! The mathematical part of a key.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, EcdsaVerificationAlgorithm,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};

use super::fault::KeyFault;
use crate::base64url;
use crate::jose::{Algorithm, Algorithms};

/// A public key's numbers, checked, and their parsed forms.
pub(super) enum Material {
    Ec { curve: Curve, point: Box<[u8]>, verifier: ParsedPublicKey },
    Ed25519 { public: Box<[u8]>, verifier: ParsedPublicKey },
    Rsa(Box<Rsa>),
}

/// A curve of RFC 7518 section 6.2.1.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// An RSA key. The library binds a parsed key to one padding and digest, so there is a slot for each algorithm,
/// filled at its first use; a set whose keys name their `alg` fills one.
pub(super) struct Rsa {
    modulus: Box<[u8]>,
    exponent: Box<[u8]>,
    verifiers: [OnceLock<Option<ParsedPublicKey>>; RSA_ALGORITHMS.len()],
}

// === impl Material ===

impl Material {
    pub(super) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyFault> {
        for (name, coordinate) in [("x", x), ("y", y)] {
            if coordinate.len() != curve.coordinate_bytes() {
                return Err(KeyFault::Member {
                    name,
                    seen: "of another length",
                    expected: "a coordinate of the curve's full length",
                });
            }
        }
        let point: Box<[u8]> = [&[UNCOMPRESSED], x, y].concat().into();
        let verifier = ParsedPublicKey::new(curve.verification(), &point).map_err(|_| KeyFault::Point)?;
        Ok(Self::Ec { curve, point, verifier })
    }

    pub(super) fn from_ec_point(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyFault> {
        let curve = [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| curve.algorithm() == algorithm);
        let fitting = Algorithms::of(&[Algorithm::Es256, Algorithm::Es384, Algorithm::Es512]);
        let curve = curve.ok_or(KeyFault::AlgorithmMismatch { seen: algorithm, fitting })?;
        match point.split_first() {
            Some((&UNCOMPRESSED, xy)) if xy.len() == 2 * curve.coordinate_bytes() => {
                let (x, y) = xy.split_at(curve.coordinate_bytes());
                Self::ec(curve, x, y)
            }
            _ => Err(KeyFault::Point),
        }
    }

    pub(super) fn ed25519(public: &[u8]) -> Result<Self, KeyFault> {
        let verifier = ParsedPublicKey::new(&ED25519, public).map_err(|_| KeyFault::Point)?;
        Ok(Self::Ed25519 { public: public.into(), verifier })
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyFault> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=4096).contains(&bits) {
            return Err(KeyFault::ModulusSize { bits });
        }
        if modulus.last().is_none_or(|last| last % 2 == 0) {
            return Err(KeyFault::ModulusEven);
        }
        if ![&[3][..], &[1, 0, 1]].contains(&exponent) {
            return Err(KeyFault::Exponent);
        }
        Ok(Self::Rsa(Box::new(Rsa {
            modulus: modulus.into(),
            exponent: exponent.into(),
            verifiers: [const { OnceLock::new() }; RSA_ALGORITHMS.len()],
        })))
    }

    /// What a key of this type can be used with.
    pub(super) fn algorithms(&self) -> Algorithms {
        match self {
            Self::Ec { curve, .. } => Algorithms::of(&[curve.algorithm()]),
            Self::Ed25519 { .. } => Algorithms::of(&[Algorithm::EdDsa]),
            Self::Rsa(_) => RSA_ALGORITHMS.iter().map(|(algorithm, _)| *algorithm).collect(),
        }
    }

    /// The parsed key for `algorithm`; `None` when they do not fit.
    pub(super) fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        match self {
            Self::Ec { curve, verifier, .. } if curve.algorithm() == algorithm => Some(verifier),
            Self::Ed25519 { verifier, .. } if algorithm == Algorithm::EdDsa => Some(verifier),
            Self::Rsa(rsa) => rsa.verifier(algorithm),
            Self::Ec { .. } | Self::Ed25519 { .. } => None,
        }
    }

    /// The members that RFC 7638 section 3.2 requires, which are all that a public key has.
    pub(super) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Ec { curve, point, .. } => {
                let (x, y) = point[1..].split_at(curve.coordinate_bytes());
                let (x, y) = (base64url::encode(x), base64url::encode(y));
                vec![("kty", "EC".to_owned()), ("crv", curve.name().to_owned()), ("x", x), ("y", y)]
            }
            Self::Ed25519 { public, .. } => {
                vec![("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", base64url::encode(public))]
            }
            Self::Rsa(rsa) => {
                let (n, e) = (base64url::encode(&rsa.modulus), base64url::encode(&rsa.exponent));
                vec![("kty", "RSA".to_owned()), ("n", n), ("e", e)]
            }
        }
    }
}

// === impl Curve ===

impl Curve {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

// === impl Rsa ===

impl Rsa {
    fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        let slot = RSA_ALGORITHMS.iter().position(|(candidate, _)| *candidate == algorithm)?;
        let parsed = self.verifiers[slot].get_or_init(|| {
            let components = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
            components.to_parsed_public_key(RSA_ALGORITHMS[slot].1).ok()
        });
        parsed.as_ref()
    }
}

/// RFC 7518 section 6.3.1.1 forbids leading zeros and adds that some encoders write one; they change nothing.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The first byte of an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// RSA's algorithms. The library's upper bound is wider than ours, which [`Material::rsa`] keeps.
static RSA_ALGORITHMS: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];
