//! The JOSE family (RFC 7515 to 7519), as much of it as identities need: signatures with public keys, nothing else.
//!
//! There is no HMAC, no `none` and no encryption here, so no setting can switch them on.

mod algorithm;
pub mod dpop;
pub mod jwk;
pub mod jws;

pub use algorithm::{Algorithm, Algorithms, UnknownAlgorithm};
