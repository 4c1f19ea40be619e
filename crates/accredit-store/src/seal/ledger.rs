//! The ledger: how many sealed rows each table has, and a sum over them.
//!
//! A sum is one of secret numbers, so that nobody can say which rows would give the same one. It is stored behind a mask that
//! never repeats: the difference of two ledgers would tell such a number.

use accredit_id::hex;
use accredit_id::mac::MacKey;

use super::row::{Cell, Set};
use crate::head::Head;

/// Rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: i64,
    lanes: [u64; 4],
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    sums: [Sum; Set::ALL.len()],
}

// === impl Sum ===

impl Sum {
    /// Counts a row in.
    pub(crate) fn add(&mut self, member: &[u8; 32]) {
        self.rows = self.rows.wrapping_add(1);
        self.each(member, u64::wrapping_add);
    }

    /// Counts a row out.
    pub(crate) fn remove(&mut self, member: &[u8; 32]) {
        self.rows = self.rows.wrapping_sub(1);
        self.each(member, u64::wrapping_sub);
    }

    fn each(&mut self, member: &[u8; 32], with: impl Fn(u64, u64) -> u64) {
        let (words, _) = member.as_chunks::<8>();
        for (lane, word) in self.lanes.iter_mut().zip(words) {
            *lane = with(*lane, u64::from_be_bytes(*word));
        }
    }
}

// === impl Ledger ===

impl Ledger {
    pub(crate) fn sum(&self, set: Set) -> Sum {
        self.sums[set as usize]
    }

    pub(crate) fn sum_mut(&mut self, set: Set) -> &mut Sum {
        &mut self.sums[set as usize]
    }

    /// The ledger as it is stored, behind a mask that `nonce` makes: 16 bytes that never come again.
    pub(crate) fn masked(&self, key: &MacKey, nonce: &[u8; 16]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(BYTES);
        for sum in &self.sums {
            plain.extend_from_slice(&sum.rows.to_be_bytes());
            sum.lanes.iter().for_each(|lane| plain.extend_from_slice(&lane.to_be_bytes()));
        }
        let mut stored = nonce.to_vec();
        stored.extend(mask(key, nonce, &plain));
        stored
    }

    /// What [`Ledger::masked`] stored.
    pub(crate) fn unmasked(key: &MacKey, stored: &[u8]) -> Option<Self> {
        let (nonce, masked) = stored.split_first_chunk()?;
        // One of before there were as many tables ends earlier: nothing is in the others.
        if !(OLDEST_BYTES..=BYTES).contains(&masked.len()) || !masked.len().is_multiple_of(SUM_BYTES) {
            return None;
        }
        let plain = mask(key, nonce, masked);
        let (words, _) = plain.as_chunks::<8>();
        let mut words = words.iter();
        let mut ledger = Self::default();
        for sum in ledger.sums.iter_mut().take(masked.len() / SUM_BYTES) {
            sum.rows = i64::from_be_bytes(*words.next()?);
            for lane in &mut sum.lanes {
                *lane = u64::from_be_bytes(*words.next()?);
            }
        }
        Some(ledger)
    }
}

/// The tag over the head and the ledger in it.
pub(super) fn head_tag(key: &MacKey, head: Head, ledger: &[u8]) -> [u8; 32] {
    key.tag(&head_text(head, ledger))
}

pub(super) fn head_holds(key: &MacKey, head: Head, ledger: &[u8], tag: &[u8]) -> bool {
    key.holds(&head_text(head, ledger), tag)
}

fn head_text(head: Head, ledger: &[u8]) -> Vec<u8> {
    [HEAD, &head.sequence.to_be_bytes(), &head.revocation.to_be_bytes(), ledger].concat()
}

fn mask(key: &MacKey, nonce: &[u8; 16], bytes: &[u8]) -> Vec<u8> {
    let blocks = bytes.chunks(32).zip(0_u8..);
    let masked = blocks.flat_map(|(block, number)| {
        let pad = key.tag(&[MASK, nonce, &[number]].concat());
        block.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<_>>()
    });
    masked.collect()
}

/// What a row is called for people.
pub(super) fn called(name: &[Cell<'_>]) -> String {
    let word = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => text.escape_debug().to_string(),
        Cell::Int(number) => number.to_string(),
        Cell::Bytes(bytes) => hex::encode(bytes),
        Cell::Null => String::new(),
    };
    name.iter().map(word).collect::<Vec<_>>().join(" ")
}

const SUM_BYTES: usize = 40;
const BYTES: usize = Set::ALL.len() * SUM_BYTES;
/// Of the four tables that the first ledgers had.
const OLDEST_BYTES: usize = 4 * SUM_BYTES;
const HEAD: &[u8] = b"accredit sealed head 1\0";
const MASK: &[u8] = b"accredit sealed mask 1\0";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::secret::Secret;

    use super::*;

    #[test]
    fn a_ledger_reads_back_and_adds_up_in_any_order() {
        let key = MacKey::new(&Secret::new([1; 32]));
        let member = |stamp| Set::Resource.member(&key, stamp, &[Cell::Text("a")]);
        let (mut one, mut other) = (Ledger::default(), Ledger::default());
        for stamp in [1, 2, 3] {
            one.sum_mut(Set::Resource).add(&member(stamp));
        }
        for stamp in [3, 9, 1, 2] {
            other.sum_mut(Set::Resource).add(&member(stamp));
        }
        assert_ne!(one, other);
        other.sum_mut(Set::Resource).remove(&member(9));
        assert_eq!(one, other);
        assert_eq!(one.sum(Set::Resource).rows, 3);
        let stored = one.masked(&key, &[7; 16]);
        assert_eq!(Ledger::unmasked(&key, &stored).unwrap(), one);
        assert_ne!(one.masked(&key, &[8; 16])[16..], stored[16..]);
        assert!(Ledger::unmasked(&key, &stored[1..]).is_none());
        // One of before there were bundles.
        assert_eq!(Ledger::unmasked(&key, &stored[..16 + OLDEST_BYTES]).unwrap(), one);
        assert!(Ledger::unmasked(&key, &stored[..16 + OLDEST_BYTES - SUM_BYTES]).is_none());
    }
}
