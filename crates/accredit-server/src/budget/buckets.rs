//! Token buckets of many payers in memory that does not grow.
//!
//! A bucket is one number, the time at which it will be full again (the generic cell rate algorithm). One that is full by now
//! says nothing, so it can be forgotten; where there is no room left, the one that is nearest to full goes. Whoever has spent
//! most is remembered longest, and a flood of payers pushes out others of its own kind.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::config::Allowance;

/// Buckets, a number of them fixed when they are made. Nothing here waits or locks; two threads that claim one slot at the
/// same moment may forget a charge.
pub(super) struct Buckets {
    slots: Box<[Slot]>,
    /// Nanoseconds until one unit is back.
    interval: u64,
    /// Nanoseconds that a full bucket is away from an empty one, less one unit.
    reach: u64,
}

/// Whose bucket: a keyed hash, so that nobody chooses whom he shares one with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Payer(pub(super) u64);

struct Slot {
    /// The payer; 0 is nobody.
    payer: AtomicU64,
    /// When the bucket is full again, in nanoseconds since the budgets were made.
    full_at: AtomicU64,
}

// === impl Buckets ===

impl Buckets {
    pub(super) fn new(Allowance { burst, per_second }: Allowance) -> Self {
        let slot = || Slot { payer: AtomicU64::new(0), full_at: AtomicU64::new(0) };
        let interval = 1_000_000_000 / u64::from(per_second.max(1));
        let reach = interval * u64::from(burst.max(1) - 1);
        Self { slots: std::iter::repeat_with(slot).take(SETS * WAYS).collect(), interval, reach }
    }

    /// Nanoseconds until a unit is left; `None` when one is.
    pub(super) fn wait(&self, payer: Payer, now: u64) -> Option<u64> {
        let slot = self.set(payer).iter().find(|slot| slot.payer.load(Relaxed) == payer.0)?;
        let owed = slot.full_at.load(Relaxed).saturating_sub(now);
        owed.checked_sub(self.reach).filter(|wait| *wait > 0)
    }

    /// Takes a tenth of a unit out.
    pub(super) fn spend_tenth(&self, payer: Payer, now: u64) {
        self.spend_time(payer, self.interval / 10, now);
    }

    /// Takes units out, also more than are left: who was let in side by side pays later. Debts have a limit.
    pub(super) fn spend(&self, payer: Payer, units: u32, now: u64) {
        self.spend_time(payer, self.interval * u64::from(units), now);
    }

    fn spend_time(&self, payer: Payer, time: u64, now: u64) {
        let most = now + self.reach + MOST_DEBT;
        let later = |full_at: u64| Some((full_at.max(now) + time).min(most.max(full_at)));
        let set = self.set(payer);
        if let Some(slot) = set.iter().find(|slot| slot.payer.load(Relaxed) == payer.0) {
            let _ = slot.full_at.fetch_update(Relaxed, Relaxed, later);
            return;
        }
        let Some(oldest) = set.iter().min_by_key(|slot| slot.full_at.load(Relaxed)) else { return };
        let before = oldest.payer.load(Relaxed);
        if oldest.payer.compare_exchange(before, payer.0, Relaxed, Relaxed).is_ok() {
            oldest.full_at.store(later(0).unwrap_or_default(), Relaxed);
        }
    }

    /// How many payers have spent something that is not back yet.
    pub(super) fn spending(&self, now: u64) -> usize {
        self.slots.iter().filter(|slot| slot.full_at.load(Relaxed) > now).count()
    }

    fn set(&self, payer: Payer) -> &[Slot] {
        let at = usize::try_from(payer.0 >> 32).unwrap_or_default() % SETS * WAYS;
        &self.slots[at..at + WAYS]
    }
}

/// 16,384 payers, a quarter of a megabyte.
const SETS: usize = 2048;
const WAYS: usize = 8;
/// Thirty seconds: nobody waits longer for his first unit.
const MOST_DEBT: u64 = 30_000_000_000;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn payer(number: u64) -> Payer {
        Payer((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let buckets = Buckets::new(Allowance { burst: 3, per_second: 2 });
        let (one, other, now) = (payer(1), payer(2), 7 * SECOND);
        for _ in 0..3 {
            assert_eq!(buckets.wait(one, now), None);
            buckets.spend(one, 1, now);
        }
        assert_eq!(buckets.wait(one, now), Some(SECOND / 2));
        assert_eq!(buckets.wait(other, now), None);
        assert_eq!(buckets.wait(one, now + SECOND / 2), None);
        buckets.spend(one, 1, now + SECOND / 2);
        assert_eq!(buckets.wait(one, now + SECOND / 2), Some(SECOND / 2));
        // Full again after what it holds has come back, and never more than full.
        for _ in 0..3 {
            assert_eq!(buckets.wait(one, now + 60 * SECOND), None);
            buckets.spend(one, 1, now + 60 * SECOND);
        }
        assert!(buckets.wait(one, now + 60 * SECOND).is_some());
    }

    /// K and L: a thousand requests at once overdraw a bucket, and it is paid back, but nobody is shut out for long.
    #[test]
    fn what_was_let_in_side_by_side_is_paid_later() {
        let buckets = Buckets::new(Allowance { burst: 10, per_second: 10 });
        for _ in 0..20 {
            buckets.spend(payer(1), 1, 0);
        }
        assert_eq!(buckets.wait(payer(1), 0), Some(11 * SECOND / 10));
        for _ in 0..100_000 {
            buckets.spend(payer(1), 1, 0);
        }
        assert_eq!(buckets.wait(payer(1), 0), Some(MOST_DEBT));
        assert_eq!(buckets.wait(payer(1), MOST_DEBT), None);
    }

    /// L21, J15: a flood of payers takes no more memory, and does not free the one who has spent most.
    #[test]
    fn a_flood_of_payers_frees_nobody() {
        let buckets = Buckets::new(Allowance { burst: 100, per_second: 1 });
        for _ in 0..100 {
            buckets.spend(payer(0), 1, 0);
        }
        let slots = buckets.slots.len();
        for number in 1..500_000 {
            buckets.spend(payer(number), 1, 0);
        }
        assert!(buckets.wait(payer(0), 0).is_some());
        assert_eq!(buckets.slots.len(), slots);
        assert!(buckets.spending(0) > slots / 2);
        assert_eq!(buckets.spending(200 * SECOND), 0);
    }

    #[test]
    fn threads_lose_no_charge_of_a_payer_that_is_known() {
        let buckets = Buckets::new(Allowance { burst: 100_000, per_second: 1 });
        buckets.spend(payer(0), 1, 0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| buckets.spend(payer(0), 1, 0)));
            }
        });
        let slot = buckets.slots.iter().find(|slot| slot.payer.load(Relaxed) == payer(0).0).unwrap();
        assert_eq!(slot.full_at.load(Relaxed), 40_001 * SECOND);
    }
}
