//! What is remembered for proofs of possession (RFC 9449): which nonces count now, and which proofs were shown.
//!
//! Who remembers proofs tells the nonces. Where the store is one process's own, both live and die with that process: a proof that was
//! made before a restart bears a nonce of a key that is gone, so that the memory of shown proofs may be gone too. Where servers
//! share a store, both belong to the store: a proof counts at any of them, and once at all of them together.

mod keeper;
mod nonces;
mod proofs;

pub(crate) use keeper::{Keeper, Place};
pub(crate) use proofs::{ALGORITHMS, Judged, PROOF, ProofRefused, Proofs};
