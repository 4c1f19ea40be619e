//! Demonstrating proof of possession (RFC 9449): a token bound to a key is worth nothing without a fresh proof by that
//! key, made for this one request.
//!
//! | module | holds |
//! |---|---|
//! | `verify` | a proof judged against one request |
//! | `fault` | the first thing that was wrong with it |
//! | `url` | `htu` in one form, so that both sides compare the same text |
//! | `prove` | the other end: a key that makes proofs |
//! | `spent` | proofs that were shown, so that each counts once |
//!
//! Judging remembers nothing. Whoever takes proofs keeps a [`Spent`] beside it.

mod fault;
mod prove;
mod spent;
mod url;
mod verify;

pub use fault::ProofFault;
pub use prove::{ProofKey, ToProve};
pub use spent::{NotSpent, Spent};
pub use url::normal;
pub use verify::{ALGORITHMS, ExpectedProof, Freshness, MAX_AGE, Proof, verify};

use crate::base64url;
use crate::digest::sha256;

/// What a proof says of the access token that it comes with: `ath`, its SHA-256 (RFC 9449 section 4.2).
#[must_use]
pub fn token_hash(access_token: &str) -> String {
    base64url::encode(&sha256(access_token.as_bytes()))
}
