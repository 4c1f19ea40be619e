//! What can be wrong with a proof.

use crate::jose::jwk::KeyFault;
use crate::shown::Shown;

/// The first thing that is wrong with a proof. The texts repeat nothing secret: a proof is no credential by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// Not a signed JWT of at most 8 KiB in compact form with two strict JSON objects.
    #[error("proof is malformed: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// Another profile of JWT.
    #[error("proof's `typ` is `{seen}`, expected `dpop+jwt`")]
    Type {
        /// What `typ` says.
        seen: Shown,
    },
    /// An algorithm that is not accepted, symmetric ones and `none` among them.
    #[error("proof's algorithm is `{seen}`, expected one of {}", super::ALGORITHMS)]
    Algorithm {
        /// What `alg` says.
        seen: Shown,
    },
    /// A header that changes what is signed, or names a place for the key.
    #[error("proof's header `{name}` is not accepted")]
    Header {
        /// The header.
        name: &'static str,
    },
    /// `jwk` is no public key that can be used.
    #[error("proof's `jwk` is not usable: {0}")]
    Key(KeyFault),
    /// The key in the proof did not make it.
    #[error("proof's signature does not match its `jwk`")]
    Signature,
    /// A claim that is missing or of another form.
    #[error("proof's `{claim}` is {seen}, expected {expected}")]
    Claim {
        /// The claim.
        claim: &'static str,
        /// What was seen.
        seen: &'static str,
        /// What RFC 9449 section 4.2 says.
        expected: &'static str,
    },
    /// Made for another method.
    #[error("proof is for the method `{seen}`, expected `{expected}`")]
    Method {
        /// What `htm` says.
        seen: Shown,
        /// The request's method.
        expected: Shown,
    },
    /// Made for another URL.
    #[error("proof is for `{seen}`, expected `{expected}`")]
    Url {
        /// What `htu` says.
        seen: Shown,
        /// The request's URL, as this server is reached.
        expected: Shown,
    },
    /// Made too long ago, or in the future.
    #[error("proof was made {off} s {}, expected at most {most} s off", if *is_ahead { "from now" } else { "ago" })]
    Stale {
        /// How far from now, in seconds.
        off: i64,
        /// How far it may be, in seconds.
        most: i64,
        /// Whether it claims to be from the future.
        is_ahead: bool,
    },
    /// Not bound to the access token that it came with.
    #[error("proof's `ath` is not the hash of the access token")]
    AccessToken,
    /// Made by another key than the one that the access token is bound to.
    #[error("proof is made by key `{seen}`, the token is bound to `{expected}`")]
    OtherKey {
        /// The thumbprint of the proof's key.
        seen: Shown,
        /// The token's `cnf.jkt`.
        expected: Shown,
    },
    /// No nonce, or one that is not accepted any more. The caller is told a new one and tries again.
    #[error("proof has no nonce that is accepted now")]
    Nonce,
}

// === impl ProofFault ===

impl ProofFault {
    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "proof-malformed",
            Self::Type { .. } => "proof-type",
            Self::Algorithm { .. } => "proof-algorithm",
            Self::Header { .. } => "proof-header",
            Self::Key(_) => "proof-key",
            Self::Signature => "proof-signature",
            Self::Claim { .. } => "proof-claim",
            Self::Method { .. } => "proof-method",
            Self::Url { .. } => "proof-url",
            Self::Stale { .. } => "proof-stale",
            Self::AccessToken => "proof-access-token",
            Self::OtherKey { .. } => "proof-other-key",
            Self::Nonce => "proof-nonce",
        }
    }

    /// Every code.
    pub const CODES: [&'static str; 13] = [
        "proof-malformed",
        "proof-type",
        "proof-algorithm",
        "proof-header",
        "proof-key",
        "proof-signature",
        "proof-claim",
        "proof-method",
        "proof-url",
        "proof-stale",
        "proof-access-token",
        "proof-other-key",
        "proof-nonce",
    ];
}
