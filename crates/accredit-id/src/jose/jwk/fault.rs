//! What can be wrong with keys.

use super::super::{Algorithm, Algorithms};
use crate::json::JsonFault;
use crate::shown::Shown;

/// Why one key of a set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// An item of `keys` that is no object.
    #[error("key is {seen}, expected an object")]
    NotAnObject {
        /// The type seen.
        seen: &'static str,
    },
    /// A member that is missing or of another form than RFC 7518 says.
    #[error("member `{name}` is {seen}, expected {expected}")]
    Member {
        /// The member.
        name: &'static str,
        /// What was seen.
        seen: &'static str,
        /// What RFC 7517 or 7518 says.
        expected: &'static str,
    },
    /// No `kid`, in a set where each key needs one.
    #[error("member `kid` is missing")]
    KeyIdMissing,
    /// A member that only a private or symmetric key has: the set's publisher leaks secrets.
    #[error("member `{name}` belongs to a private or symmetric key")]
    Private {
        /// The member.
        name: &'static str,
    },
    /// A symmetric key (`kty` is `oct`).
    #[error("key is symmetric")]
    Symmetric,
    /// Meant for something else (`use`).
    #[error("key is for the use `{seen}`")]
    OtherUse {
        /// The use seen.
        seen: Shown,
    },
    /// Not meant to verify (`key_ops`).
    #[error("key's operations do not include `verify`")]
    OtherOperations,
    /// A key type that is not known here.
    #[error("key type `{seen}` is not RSA, EC or OKP")]
    KeyType {
        /// The type seen.
        seen: Shown,
    },
    /// A curve that is not known here.
    #[error("curve `{seen}` is not P-256, P-384, P-521 or Ed25519")]
    Curve {
        /// The curve seen.
        seen: Shown,
    },
    /// An algorithm that is not a signature with a public key.
    #[error("algorithm `{seen}` is not a signature algorithm known here")]
    OtherAlgorithm {
        /// The algorithm seen.
        seen: Shown,
    },
    /// An algorithm that a key of this type cannot be used with.
    #[error("algorithm `{seen}` does not fit the key, expected one of {fitting}")]
    AlgorithmMismatch {
        /// The algorithm seen.
        seen: Algorithm,
        /// What the key could be used with.
        fitting: Algorithms,
    },
    /// Coordinates that are no point of the curve, or no Ed25519 key.
    #[error("point is not on the curve")]
    Point,
    /// A modulus outside 2048 to 4096 bits.
    #[error("RSA modulus has {bits} bits, expected 2048 to 4096")]
    ModulusSize {
        /// The size seen.
        bits: usize,
    },
    /// An even modulus, which is no product of two odd primes.
    #[error("RSA modulus is even")]
    ModulusEven,
    /// An exponent other than 3 or 65537.
    #[error("RSA exponent is not 3 or 65537")]
    Exponent,
    /// Bytes that are not the DER form of an RSA public key.
    #[error("bytes are not an `RSAPublicKey` in DER")]
    NotDer,
}

/// Why a whole key set is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// More bytes than are read.
    #[error("key set has {bytes} bytes, expected at most 1048576")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not a JSON object.
    #[error("key set is not usable: {0}")]
    Json(#[from] JsonFault),
    /// No array `keys`.
    #[error("key set's member `keys` is {seen}, expected an array")]
    Keys {
        /// What was seen.
        seen: &'static str,
    },
    /// More keys than are looked at.
    #[error("key set has {seen} keys, expected at most 100")]
    TooManyKeys {
        /// How many there are.
        seen: usize,
    },
    /// An uploaded set holds a key that must not be there, or that can never verify.
    #[error("key {} (`kid` `{kid}`): {fault}", .index + 1)]
    Key {
        /// Its place in `keys`, from 0.
        index: usize,
        /// Its `kid`, empty when it has none.
        kid: Shown,
        /// What is wrong.
        fault: KeyFault,
    },
    /// Two keys answer to one name and algorithm, so that which one verifies would be chance.
    #[error("two keys have the `kid` `{kid}`")]
    DuplicateKeyId {
        /// The name.
        kid: Shown,
    },
    /// An uploaded set without a single usable key.
    #[error("key set holds no key that can verify signatures")]
    NoUsableKey,
}

/// Why a token's key was not found or may not verify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyNotUsable {
    /// No key of that name.
    NotFound,
    /// A key of that name is there, but not for this algorithm.
    Algorithm {
        /// The token's.
        seen: Algorithm,
        /// The key's.
        allowed: Algorithms,
    },
    /// A key of that name was in the document, and was dropped.
    Dropped(KeyFault),
    /// The key's own window (`nbf`, `exp`) does not hold the present.
    OutsideWindow,
}

// === impl KeyFault ===

impl KeyFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject { .. } => "key-not-an-object",
            Self::Member { .. } => "key-member",
            Self::KeyIdMissing => "key-id-missing",
            Self::Private { .. } => "key-private",
            Self::Symmetric => "key-symmetric",
            Self::OtherUse { .. } => "key-other-use",
            Self::OtherOperations => "key-other-operations",
            Self::KeyType { .. } => "key-type",
            Self::Curve { .. } => "key-curve",
            Self::OtherAlgorithm { .. } => "key-other-algorithm",
            Self::AlgorithmMismatch { .. } => "key-algorithm-mismatch",
            Self::Point => "key-point",
            Self::ModulusSize { .. } => "key-modulus-size",
            Self::ModulusEven => "key-modulus-even",
            Self::Exponent => "key-exponent",
            Self::NotDer => "key-not-der",
        }
    }

    /// Whether somebody must hear of it: the publisher of the set shows what ought to be secret.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        matches!(self, Self::Private { .. } | Self::Symmetric)
    }

    /// Whether the key is sound but made for something else, which every honest set may hold.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::OtherUse { .. }
                | Self::OtherOperations
                | Self::KeyType { .. }
                | Self::Curve { .. }
                | Self::OtherAlgorithm { .. }
        )
    }
}

// === impl KeySetFault ===

impl KeySetFault {
    /// A stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "key-set-too-large",
            Self::Json(fault) => fault.code(),
            Self::Keys { .. } => "key-set-without-keys",
            Self::TooManyKeys { .. } => "key-set-too-many-keys",
            Self::Key { fault, .. } => fault.code(),
            Self::DuplicateKeyId { .. } => "key-set-duplicate-key-id",
            Self::NoUsableKey => "key-set-no-usable-key",
        }
    }
}
