//! Nonces without a memory: a MAC over the time, so that anybody's nonce can be told from ours without a list.

use accredit_id::base64url;
use accredit_id::time::Timestamp;
use aws_lc_rs::hmac;

use crate::chance;

/// The nonces of one process.
pub(crate) struct Nonces(hmac::Key);

// === impl Nonces ===

impl Nonces {
    /// A key of 256 random bits that nobody else ever knows.
    pub(crate) fn new() -> Self {
        let key = [chance::bits(), chance::bits()].concat();
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The nonce to tell now.
    pub(crate) fn current(&self, now: Timestamp) -> String {
        self.of_slot(slot(now))
    }

    /// The nonces that count now: this slot's and the one's before, so that each counts for one to two slots.
    pub(crate) fn accepted(&self, now: Timestamp) -> [String; 2] {
        [self.of_slot(slot(now)), self.of_slot(slot(now) - 1)]
    }

    fn of_slot(&self, slot: i64) -> String {
        let mac = hmac::sign(&self.0, &[DOMAIN, &slot.to_be_bytes()].concat());
        base64url::encode(&mac.as_ref()[..16])
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

fn slot(now: Timestamp) -> i64 {
    now.unix().div_euclid(SLOT)
}

/// Seconds for which one nonce is told.
pub(super) const SLOT: i64 = 60;
const DOMAIN: &[u8] = b"accredit dpop nonce v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_counts_for_one_to_two_slots_and_for_one_process() {
        let (ours, others) = (Nonces::new(), Nonces::new());
        let at = |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds);
        let told = ours.current(at(0));
        assert_eq!(told.len(), 22);
        for (seconds, counts) in [(0, true), (59, true), (60, true), (119, true), (120, false), (-1, false)] {
            assert_eq!(ours.accepted(at(seconds)).contains(&told), counts, "{seconds}");
        }
        assert_ne!(told, ours.current(at(60)));
        assert!(!others.accepted(at(0)).contains(&told));
    }
}
