//! Public keys and sets of them (RFC 7517), checked once when they are loaded, so that verifying only verifies.
//!
//! | type | rule |
//! |---|---|
//! | RSA | modulus of 2048 to 4096 bits, odd; exponent 3 or 65537 |
//! | EC | P-256, P-384, P-521; both coordinates at their full length; the point on the curve |
//! | OKP | Ed25519, 32 bytes |
//!
//! Private and symmetric members are never accepted, whatever they stand beside.

mod fault;
mod key_set;
mod material;
mod parse;
mod public_key;
mod purpose;
mod rsa_der;
mod thumbprint;

pub use fault::{KeyFault, KeyNotUsable, KeySetFault};
pub use key_set::{DroppedKey, KeySet, Source};
pub(crate) use parse::refuse_secrets;
pub use public_key::{PublicKey, SignatureMismatch};
pub use purpose::Purpose;
pub use thumbprint::Thumbprint;
