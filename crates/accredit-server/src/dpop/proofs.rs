//! The proofs of one listener, judged against its own URL and nonces.

use std::sync::Arc;

use accredit_core::decide::Denial;
use accredit_id::jose::dpop::{self, ExpectedProof, Freshness, NotSpent, Proof, ProofFault, Spent};
use accredit_id::time::Timestamp;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::nonces::{self, Nonces};

/// What a listener knows of proofs: what they are made for, which nonces count, which were shown.
pub(crate) struct Proofs {
    /// The listener's URL as its callers know it, without a slash at its end. Never what a request calls it: whoever relays
    /// one could choose that.
    pub(crate) url: String,
    nonces: Arc<Nonces>,
    spent: Spent,
}

/// Why a request's proof does not count.
#[derive(Debug)]
pub(crate) enum ProofRefused {
    /// It is missing, or there are two.
    Count(usize),
    /// It does not hold.
    Fault(ProofFault),
    /// It was shown before.
    Replayed,
    /// There is no room to remember it.
    Full,
}

// === impl ProofRefused ===

impl ProofRefused {
    /// The refusal of a request for which everything else holds; `None` where trying again helps.
    pub(crate) fn denial(&self) -> Option<Denial> {
        match self {
            ProofRefused::Count(_) | ProofRefused::Fault(_) | ProofRefused::Replayed => Some(Denial::proof_replayed()),
            ProofRefused::Full => None,
        }
    }
}

// === impl Proofs ===

impl Proofs {
    /// For a listener that is reached at this URL, with room for so many proofs at a time.
    pub(crate) fn new(url: String, room: usize) -> Self {
        Self { url, nonces: Arc::new(Nonces::new()), spent: Spent::new(REMEMBERED, room) }
    }

    /// Another memory of the same listener, by the same nonces: who fills one takes no room in the other.
    pub(crate) fn beside(&self, room: usize) -> Self {
        Self { url: self.url.clone(), nonces: Arc::clone(&self.nonces), spent: Spent::new(REMEMBERED, room) }
    }

    /// Judges the proof of a request. `bound` is the access token that the request shows, and the key that it is bound to.
    /// It is not spent yet.
    pub(crate) fn judge(
        &self,
        headers: &HeaderMap,
        method: &str,
        path: &str,
        bound: Option<(&str, &str)>,
        now: Timestamp,
    ) -> Result<Proof, ProofRefused> {
        let mut proofs = headers.get_all(PROOF).iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err(ProofRefused::Count(headers.get_all(PROOF).iter().count()));
        };
        let url = format!("{}{path}", self.url);
        let nonces = self.nonces.accepted(now);
        let (access_token, key) = bound.unzip();
        let freshness = Freshness::Nonce(&nonces);
        let expected = ExpectedProof { method, url: &url, access_token, key, freshness, now };
        dpop::verify(proof.to_str().unwrap_or_default(), &expected).map_err(ProofRefused::Fault)
    }

    /// Takes note of a proof, so that it counts once.
    pub(crate) fn spend(&self, proof: &Proof, now: Timestamp) -> Result<(), ProofRefused> {
        self.spent.spend(proof, now).map_err(|why| match why {
            NotSpent::Replayed => ProofRefused::Replayed,
            NotSpent::Full => ProofRefused::Full,
        })
    }

    /// Tells the nonce that counts longest, as every answer may (RFC 9449 section 8.2).
    pub(crate) fn tell_nonce(&self, headers: &mut HeaderMap, now: Timestamp) {
        if let Ok(nonce) = HeaderValue::from_str(&self.nonces.current(now)) {
            headers.insert(NONCE, nonce);
        }
    }
}

/// As RFC 9449 section 7.1 lists them.
pub(crate) const ALGORITHMS: &str = "ES256 ES384 EdDSA";
pub(crate) const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// Seconds. INVARIANT: no shorter than a nonce counts (`nonces.rs`: two slots), with a slot to spare for a clock that is
/// set back; shorter, and a proof could be shown twice.
const REMEMBERED: i64 = 3 * nonces::SLOT;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LimitsConfig;

    /// L21: one subject alone does not fill the memory, whatever its budget lets it ask for while proofs are remembered.
    #[test]
    fn l21_there_is_room_for_what_a_subject_may_spend() {
        let LimitsConfig { subject, dpop_proofs, .. } = LimitsConfig::default();
        let most = u64::from(subject.burst) + u64::from(subject.per_second) * REMEMBERED.unsigned_abs();
        assert!(dpop_proofs >= most, "{dpop_proofs} are remembered, {most} may be shown");
    }

    #[test]
    fn the_challenge_lists_the_algorithms_that_are_taken() {
        let taken: Vec<_> = dpop::ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
        assert_eq!(taken.join(" "), ALGORITHMS);
    }
}
