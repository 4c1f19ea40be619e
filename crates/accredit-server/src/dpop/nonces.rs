//! Nonces without a memory: a MAC over the time, so that anybody's nonce can be told from ours without a list.

use accredit_id::base64url;
use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;

use crate::chance;

/// The nonces of one process, or of all servers of a store.
pub(super) struct Nonces {
    key: MacKey,
    /// For how many slots before its own one counts: another server's clock may be ahead.
    ahead: i64,
}

// === impl Nonces ===

impl Nonces {
    /// Those of this process: their key is 256 random bits that nobody else ever knows.
    pub(super) fn of_process() -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&chance::bits());
        key[16..].copy_from_slice(&chance::bits());
        Self { key: MacKey::new(&Secret::new(key)), ahead: 0 }
    }

    /// Those of all servers that have this key and are reached at this URL. Each tells them by its own clock, which may be a
    /// minute off.
    pub(super) fn of_servers(key: &MacKey, url: &str) -> Self {
        Self { key: MacKey::new(&Secret::new(key.tag(url.as_bytes()))), ahead: 1 }
    }

    /// The nonce to tell now.
    pub(super) fn current(&self, now: Timestamp) -> String {
        self.of_slot(slot(now))
    }

    /// The nonces that count now: this slot's and the one's before, so that each counts for one to two slots; and the next one's,
    /// where servers share them.
    pub(super) fn accepted(&self, now: Timestamp) -> Vec<String> {
        self.slots(now).map(|slot| self.of_slot(slot)).collect()
    }

    /// Since when the accepted nonce at this place counts no more, by whichever server's clock. The same for each that accepts
    /// it, whenever it does.
    pub(super) fn end(&self, now: Timestamp, place: usize) -> Timestamp {
        let slot = self.slots(now).nth(place).unwrap_or_else(|| slot(now) + self.ahead);
        Timestamp::from_unix((slot + 2) * SLOT)
    }

    /// The likeliest first.
    fn slots(&self, now: Timestamp) -> impl Iterator<Item = i64> + use<> {
        let slot = slot(now);
        [slot, slot - 1].into_iter().chain(slot + 1..=slot + self.ahead)
    }

    fn of_slot(&self, slot: i64) -> String {
        let mac = self.key.tag(&[DOMAIN, &slot.to_be_bytes()].concat());
        base64url::encode(&mac[..16])
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

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds)
    }

    #[test]
    fn a_nonce_counts_for_one_to_two_slots_and_for_one_process() {
        let (ours, others) = (Nonces::of_process(), Nonces::of_process());
        let told = ours.current(at(0));
        assert_eq!(told.len(), 22);
        for (seconds, counts) in [(0, true), (59, true), (60, true), (119, true), (120, false), (-1, false)] {
            assert_eq!(ours.accepted(at(seconds)).contains(&told), counts, "{seconds}");
        }
        assert_ne!(told, ours.current(at(60)));
        assert!(!others.accepted(at(0)).contains(&told));
    }

    /// K05: servers of a store take each other's nonces, also where a clock is up to a minute behind or ahead, and all say the same
    /// of when one ends.
    #[test]
    fn k05_servers_take_each_others_nonces() {
        let of = |byte, url| Nonces::of_servers(&MacKey::new(&Secret::new([byte; 32])), url);
        let (here, there) = (of(1, "https://a"), of(1, "https://a"));
        for moment in 0..120 {
            let told = here.current(at(moment));
            for off in -60..=60 {
                let theirs = at(moment + off);
                let place = there.accepted(theirs).iter().position(|accepted| *accepted == told);
                let place = place.unwrap_or_else(|| unreachable!("{moment} {off}"));
                assert_eq!(there.end(theirs, place), here.end(at(moment), 0), "{moment} {off}");
                assert!(there.end(theirs, place).seconds_since(theirs) > 0, "{moment} {off}");
            }
            for stranger in [of(2, "https://a"), of(1, "https://b"), Nonces::of_process()] {
                assert!(!stranger.accepted(at(moment)).contains(&told));
            }
        }
        // The last second in which any server takes a nonce is the one before its end.
        let told = here.current(at(0));
        assert_eq!(here.end(at(0), 0), at(120));
        for (seconds, counts) in [(-61, false), (-60, true), (119, true), (120, false)] {
            assert_eq!(there.accepted(at(seconds)).contains(&told), counts, "{seconds}");
        }
    }
}
