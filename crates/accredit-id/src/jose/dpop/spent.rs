//! Proofs that were shown: each counts once (RFC 9449 section 11.1).

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::verify::Proof;
use crate::digest::sha256;
use crate::time::Timestamp;

/// The proofs that were shown while they count. Bounded: when it is full, no proof is taken.
///
/// It lives and dies with its process: a proof that was made before a restart must not count after it, which a nonce of the
/// process sees to, or a window that is short.
#[derive(Debug)]
pub struct Spent {
    /// Seconds for which a proof is remembered.
    remembered: i64,
    most: usize,
    shown: Mutex<Shown>,
}

/// Why a proof does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSpent {
    /// It was shown before.
    Replayed,
    /// There is no room to remember it, so it could be shown again.
    Full,
}

#[derive(Debug, Default)]
struct Shown {
    proofs: HashSet<[u8; 16]>,
    /// The same, oldest first, with the second after which they are forgotten.
    order: VecDeque<(i64, [u8; 16])>,
}

// === impl Spent ===

impl Spent {
    /// Remembers each proof for `remembered` seconds, and at most `most` of them, in some 48 bytes each.
    ///
    /// `remembered` must be no shorter than a proof counts: shorter, and it could be shown twice.
    #[must_use]
    pub fn new(remembered: i64, most: usize) -> Self {
        Self { remembered, most, shown: Mutex::default() }
    }

    /// Takes note of a proof, once everything else about its request holds: who cannot show a token fills no memory.
    ///
    /// # Errors
    /// [`NotSpent`]: the request must be refused.
    pub fn spend(&self, proof: &Proof, now: Timestamp) -> Result<(), NotSpent> {
        let digest = sha256(format!("{}\n{}", proof.thumbprint, proof.token_id).as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&digest[..16]);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, old)) = shown.order.front().copied().filter(|(until, _)| *until < now.unix()) {
            shown.order.pop_front();
            shown.proofs.remove(&old);
        }
        if shown.proofs.contains(&name) {
            return Err(NotSpent::Replayed);
        }
        if shown.proofs.len() >= self.most {
            return Err(NotSpent::Full);
        }
        shown.proofs.insert(name);
        shown.order.push_back((now.unix().saturating_add(self.remembered), name));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(thumbprint: &str, token_id: &str) -> Proof {
        Proof { thumbprint: thumbprint.to_owned(), token_id: token_id.to_owned(), nonce: None }
    }

    /// I08: a proof counts once for as long as it is remembered; another key's of the same name is another.
    #[test]
    fn i08_a_proof_counts_once() {
        let spent = Spent::new(180, 100);
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
        let spent = Spent::new(180, 1000);
        let now = Timestamp::from_unix(1_800_000_000);
        for number in 0..1000 {
            assert_eq!(spent.spend(&proof("k", &number.to_string()), now), Ok(()));
        }
        assert_eq!(spent.spend(&proof("k", "more"), now), Err(NotSpent::Full));
        assert_eq!(spent.spend(&proof("k", "0"), now), Err(NotSpent::Replayed));
        assert_eq!(spent.spend(&proof("k", "more"), Timestamp::from_unix(now.unix() + 181)), Ok(()));
    }
}
