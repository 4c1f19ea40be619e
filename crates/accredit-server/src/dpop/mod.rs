//! What a server has to remember for proofs of possession (RFC 9449): which nonces count now, and which proofs were shown.
//!
//! Both live and die with the process. A proof that was made before a restart bears a nonce of a key that is gone, so that
//! the memory of shown proofs may be gone too.

mod nonces;
mod proofs;

pub(crate) use proofs::{ALGORITHMS, PROOF, ProofRefused, Proofs};
