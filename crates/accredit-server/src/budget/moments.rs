//! A moment for each of many payers, in memory that does not grow: where there is no room left, the earliest one goes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Moments, in nanoseconds since the budgets were made; there is room for 16,384. Nothing here waits or locks; two threads that
/// claim one slot at the same moment may lose one of theirs.
pub(super) struct Moments(Box<[Slot]>);

/// Whose: a keyed hash, so that nobody chooses whom he shares a place with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Payer(pub(super) u64);

struct Slot {
    /// 0 is nobody.
    payer: AtomicU64,
    moment: AtomicU64,
}

// === impl Moments ===

impl Moments {
    /// Nobody's.
    pub(super) fn new() -> Self {
        let slot = || Slot { payer: AtomicU64::new(0), moment: AtomicU64::new(0) };
        Self(std::iter::repeat_with(slot).take(SETS * WAYS).collect())
    }

    /// The moment of a payer who has one.
    pub(super) fn of(&self, payer: Payer) -> Option<&AtomicU64> {
        let slot = self.set(payer).iter().find(|slot| slot.payer.load(Relaxed) == payer.0)?;
        Some(&slot.moment)
    }

    /// Gives one to a payer who has none.
    pub(super) fn put(&self, payer: Payer, moment: u64) {
        let set = self.set(payer);
        let Some(earliest) = set.iter().min_by_key(|slot| slot.moment.load(Relaxed)) else { return };
        let before = earliest.payer.load(Relaxed);
        if earliest.payer.compare_exchange(before, payer.0, Relaxed, Relaxed).is_ok() {
            earliest.moment.store(moment, Relaxed);
        }
    }

    /// How many lie behind `now`.
    pub(super) fn later_than(&self, now: u64) -> usize {
        self.0.iter().filter(|slot| slot.moment.load(Relaxed) > now).count()
    }

    fn set(&self, payer: Payer) -> &[Slot] {
        let at = usize::try_from(payer.0 >> 32).unwrap_or_default() % SETS * WAYS;
        &self.0[at..at + WAYS]
    }
}

/// A quarter of a megabyte.
const SETS: usize = 2048;
const WAYS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// However many come: of those that share a set, the latest stay, and no memory is added.
    #[test]
    fn there_is_room_for_so_many_and_the_latest_stay() {
        let moments = Moments::new();
        let payer = |number: u64| Payer(3 << 32 | number);
        (1..=1_000).for_each(|number| moments.put(payer(number), number));
        let known: Vec<_> = (1..=1_000).filter(|number| moments.of(payer(*number)).is_some()).collect();
        assert_eq!(known, (993..=1_000).collect::<Vec<_>>());
        assert_eq!((moments.later_than(0), moments.later_than(996), moments.0.len()), (8, 4, SETS * WAYS));
    }
}
