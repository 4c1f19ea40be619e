//! What a caller is told of a proof that does not count: a code, and a sentence that repeats nothing of it. The proof is the
//! caller's own, so what is wrong with it may be told; the words are fixed, because an answer is no place for foreign text (H11).

use accredit_id::jose::dpop::ProofFault;

use crate::dpop::ProofRefused;
use crate::faces::{Cause, RequestFault};

impl From<ProofRefused> for RequestFault {
    /// RFC 9449 sections 5 and 8.
    fn from(refused: ProofRefused) -> Self {
        match refused {
            ProofRefused::Fault(fault) => {
                let cause = if fault == ProofFault::Nonce { Cause::ProofNonce } else { Cause::Proof };
                Self::new(cause, fault.code(), sentence(&fault))
            }
            ProofRefused::Count(_) => Self::new(Cause::Proof, "proof-count", "the request has not one DPoP proof"),
            ProofRefused::Replayed => Self::new(Cause::Proof, "proof-replayed", "the DPoP proof was shown before"),
            ProofRefused::Unremembered => {
                Self::new(Cause::StoreUnavailable, "proof-memory", "DPoP proofs cannot be remembered at the moment")
            }
        }
    }
}

const fn sentence(fault: &ProofFault) -> &'static str {
    match fault {
        ProofFault::Malformed { .. } => "the DPoP proof is not a signed JWT of at most 8 KiB",
        ProofFault::Type { .. } => "the typ of the DPoP proof is not dpop+jwt",
        ProofFault::Algorithm { .. } => "the DPoP proof is not signed by ES256, ES384 or EdDSA",
        ProofFault::Header { .. } => "the DPoP proof has a header that is not accepted",
        ProofFault::Key(_) => "the jwk of the DPoP proof is not a usable public key",
        ProofFault::Signature => "the signature of the DPoP proof does not match its jwk",
        ProofFault::Claim { .. } => "the DPoP proof lacks a claim, or has one of another form",
        ProofFault::Method { .. } => "the DPoP proof is for another method",
        ProofFault::Url { .. } => "the DPoP proof is for another URL than the one in the metadata of this server",
        ProofFault::Stale { .. } => "the DPoP proof was made too long ago, or in the future",
        ProofFault::AccessToken => "the ath of the DPoP proof is not the hash of the access token",
        ProofFault::OtherKey { .. } => "the DPoP proof is made by another key than the one of the access token",
        ProofFault::Nonce => "the DPoP proof needs the nonce of this answer",
    }
}
