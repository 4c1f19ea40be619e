//! The proofs of one listener, judged against its own URL and nonces.

use std::sync::Arc;

use accredit_core::decide::Denial;
use accredit_id::jose::dpop::{self, ExpectedProof, Freshness, NotSpent, Proof, ProofFault, Spent};
use accredit_id::time::Timestamp;
use accredit_store::Mark;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::nonces::{self, Nonces};
use super::{Keeper, Place};
use crate::budget::Cost;
use crate::record::{RecordFault, Recorder};

/// What a listener knows of proofs: what they are made for, which nonces count, which were shown.
pub(crate) struct Proofs {
    /// The listener's URL as its callers know it, without a slash at its end. Never what a request calls it: whoever relays
    /// one could choose that.
    pub(crate) url: String,
    place: Place,
    keeper: Keeper,
    nonces: Arc<Nonces>,
    /// Those that were shown to this process. Where the store remembers, too, whatever is found here need not be asked for there.
    spent: Spent,
}

/// A proof that holds. It counts once it is spent, and claimed where there is something to claim.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) proof: Proof,
    /// What has to be claimed in the store before it counts.
    claim: Option<Mark>,
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
    /// It cannot be remembered, so it could be shown again: there is no room, or the store does not answer.
    Unremembered,
}

// === impl ProofRefused ===

impl ProofRefused {
    /// What it costs its source; nothing where nobody there could help it.
    pub(crate) fn cost(&self) -> Option<Cost> {
        match self {
            ProofRefused::Fault(ProofFault::Nonce) => Some(Cost::Nonce),
            ProofRefused::Fault(_) | ProofRefused::Replayed => Some(Cost::Verification),
            ProofRefused::Count(_) => Some(Cost::Look),
            ProofRefused::Unremembered => None,
        }
    }

    /// The refusal of a request for which everything else holds; `None` where trying again helps.
    pub(crate) fn denial(&self) -> Option<Denial> {
        match self {
            ProofRefused::Count(_) | ProofRefused::Fault(_) | ProofRefused::Replayed => Some(Denial::proof_replayed()),
            ProofRefused::Unremembered => None,
        }
    }
}

// === impl Proofs ===

impl Proofs {
    /// For a listener that is reached at this URL, with room for so many proofs at a time.
    pub(crate) fn new(url: String, place: Place, room: usize, keeper: &Keeper) -> Self {
        let (nonces, spent) = (Arc::new(keeper.nonces(&url)), Spent::new(REMEMBERED, room));
        Self { url, place, keeper: keeper.clone(), nonces, spent }
    }

    /// Another place of the same listener, by the same nonces: who fills one takes no room in the other.
    pub(crate) fn beside(&self, place: Place, room: usize) -> Self {
        let (url, keeper, nonces) = (self.url.clone(), self.keeper.clone(), Arc::clone(&self.nonces));
        Self { url, place, keeper, nonces, spent: Spent::new(REMEMBERED, room) }
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
    ) -> Result<Judged, ProofRefused> {
        let mut proofs = headers.get_all(PROOF).iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err(ProofRefused::Count(headers.get_all(PROOF).iter().count()));
        };
        let url = format!("{}{path}", self.url);
        let nonces = self.nonces.accepted(now);
        let (access_token, key) = bound.unzip();
        let freshness = Freshness::Nonce(&nonces);
        let expected = ExpectedProof { method, url: &url, access_token, key, freshness, now };
        let proof = dpop::verify(proof.to_str().unwrap_or_default(), &expected).map_err(ProofRefused::Fault)?;
        let nonce_ends = self.nonces.end(now, proof.nonce.unwrap_or(usize::MAX));
        let claim = self.keeper.claim(self.place, &proof, nonce_ends);
        Ok(Judged { proof, claim })
    }

    /// Takes note here that a proof was shown, so that it counts once. What is left to do is [`Judged::claim`].
    pub(crate) fn spend(&self, judged: &Judged, now: Timestamp) -> Result<(), ProofRefused> {
        self.spent.spend(&judged.proof, now).map_err(|why| match why {
            NotSpent::Replayed => ProofRefused::Replayed,
            NotSpent::Full => ProofRefused::Unremembered,
        })
    }

    /// Spends a proof that nothing is recorded about, and claims it by itself.
    pub(crate) async fn spend_alone(
        &self,
        judged: &Judged,
        recorder: &Recorder,
        now: Timestamp,
    ) -> Result<(), ProofRefused> {
        self.spend(judged, now)?;
        let Some(claim) = judged.claim() else { return Ok(()) };
        match recorder.claim(claim).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ProofRefused::Replayed),
            Err(
                RecordFault::Ended
                | RecordFault::Full { .. }
                | RecordFault::Marks
                | RecordFault::Proofs
                | RecordFault::Store(_),
            ) => Err(ProofRefused::Unremembered),
        }
    }

    /// Tells the nonce that counts longest, as every answer may (RFC 9449 section 8.2).
    pub(crate) fn tell_nonce(&self, headers: &mut HeaderMap, now: Timestamp) {
        if let Ok(nonce) = HeaderValue::from_str(&self.nonces.current(now)) {
            headers.insert(NONCE, nonce);
        }
    }
}

// === impl Judged ===

impl Judged {
    /// What has to be claimed in the store together with whatever the proof was made for ([`Entry::proof`]); nothing where this
    /// process remembers alone.
    ///
    /// [`Entry::proof`]: accredit_store::Entry::proof
    pub(crate) fn claim(&self) -> Option<Mark> {
        self.claim.clone()
    }
}

/// As RFC 9449 section 7.1 lists them.
pub(crate) const ALGORITHMS: &str = "ES256 ES384 EdDSA";
pub(crate) const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// Seconds. INVARIANT: no shorter than a nonce of this process counts (`nonces.rs`: two slots), with a slot to spare for a clock
/// that is set back; shorter, and a proof could be shown twice. Where the store remembers, it does so from the end of the nonce on
/// for [`MARK_MARGIN`](accredit_store::MARK_MARGIN) more, and refuses what ended before that.
const REMEMBERED: i64 = 3 * nonces::SLOT;

#[cfg(test)]
mod tests {
    use accredit_store::MARK_MARGIN;

    use super::*;
    use crate::config::LimitsConfig;

    /// L21: one subject alone does not fill the memory, whatever its budget lets it ask for while proofs are remembered.
    #[test]
    fn l21_there_is_room_for_what_a_subject_may_spend() {
        let LimitsConfig { subject, dpop_proofs, .. } = LimitsConfig::default();
        let most = u64::from(subject.burst) + u64::from(subject.per_second) * REMEMBERED.unsigned_abs();
        assert!(dpop_proofs >= most, "{dpop_proofs} are remembered, {most} may be shown");
        // The store remembers for longer, and therefore more.
        let longest = (3 * nonces::SLOT + MARK_MARGIN).unsigned_abs();
        let most = u64::from(subject.burst) + u64::from(subject.per_second) * longest;
        let room = LimitsConfig::default().room_in_the_store().proofs;
        assert!(room >= most, "{room} are remembered in the store, {most} may be shown");
    }

    #[test]
    fn the_challenge_lists_the_algorithms_that_are_taken() {
        let taken: Vec<_> = dpop::ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
        assert_eq!(taken.join(" "), ALGORITHMS);
    }
}
