//! Proofs that were shown: each counts once (RFC 9449 section 11.1).

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use accredit_id::digest::sha256;
use accredit_id::jose::dpop::Proof;
use accredit_id::time::Timestamp;

use super::nonces::SLOT;

/// The proofs that were shown while their nonces count. Bounded: when it is full, no proof is taken.
#[derive(Debug, Default)]
pub(crate) struct Spent(Mutex<Shown>);

/// Why a proof does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSpent {
    /// It was shown before.
    Replayed,
    /// There is no room to remember it, so it could be shown again.
    Full,
}

#[derive(Debug, Default)]
struct Shown {
    proofs: HashSet<[u8; 16]>,
    /// The same, oldest first, with the second after which their nonces count no more.
    order: VecDeque<(i64, [u8; 16])>,
}

// === impl Spent ===

impl Spent {
    /// Takes note of a proof, once everything else about its request holds: who cannot show a token fills no memory.
    pub(crate) fn spend(&self, proof: &Proof, now: Timestamp) -> Result<(), NotSpent> {
        let digest = sha256(format!("{}\n{}", proof.thumbprint, proof.token_id).as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&digest[..16]);
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, old)) = shown.order.front().copied().filter(|(until, _)| *until < now.unix()) {
            shown.order.pop_front();
            shown.proofs.remove(&old);
        }
        if shown.proofs.contains(&name) {
            return Err(NotSpent::Replayed);
        }
        if shown.proofs.len() >= CAPACITY {
            return Err(NotSpent::Full);
        }
        shown.proofs.insert(name);
        shown.order.push_back((now.unix().saturating_add(REMEMBERED), name));
        Ok(())
    }
}

/// Seconds. INVARIANT: no shorter than a nonce counts (`nonces.rs`: two slots), with a slot to spare for a clock that is
/// set back; shorter, and a proof could be shown twice.
const REMEMBERED: i64 = 3 * SLOT;
/// 1400 requests a second for three minutes, in some 12 MiB.
const CAPACITY: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(thumbprint: &str, token_id: &str) -> Proof {
        Proof { thumbprint: thumbprint.to_owned(), token_id: token_id.to_owned() }
    }

    /// I08: a proof counts once for as long as its nonce does; another key's of the same name is another.
    #[test]
    fn i08_a_proof_counts_once() {
        let spent = Spent::default();
        let at = |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds);
        assert_eq!(spent.spend(&proof("k", "a"), at(0)), Ok(()));
        for seconds in [0, 1, 120, 180] {
            assert_eq!(spent.spend(&proof("k", "a"), at(seconds)), Err(NotSpent::Replayed), "{seconds}");
        }
        assert_eq!(spent.spend(&proof("other", "a"), at(0)), Ok(()));
        assert_eq!(spent.spend(&proof("k", "b"), at(0)), Ok(()));
        assert_eq!(spent.spend(&proof("k", "a"), at(181)), Ok(()));
    }

    /// I07: a flood is refused, not forgotten.
    #[test]
    fn i07_a_full_memory_takes_no_proof() {
        let spent = Spent::default();
        let now = Timestamp::from_unix(1_800_000_000);
        for number in 0..CAPACITY {
            assert_eq!(spent.spend(&proof("k", &number.to_string()), now), Ok(()));
        }
        assert_eq!(spent.spend(&proof("k", "more"), now), Err(NotSpent::Full));
        assert_eq!(spent.spend(&proof("k", "0"), now), Err(NotSpent::Replayed));
        assert_eq!(spent.spend(&proof("k", "more"), Timestamp::from_unix(now.unix() + REMEMBERED + 1)), Ok(()));
    }
}
