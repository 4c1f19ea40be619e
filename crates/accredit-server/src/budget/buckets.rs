//! Token buckets of many payers in memory that does not grow.
//!
//! A bucket is one number, the time at which it will be full again (the generic cell rate algorithm). One that is full by now
//! says nothing, so it can be forgotten; where there is no room left, the one that is nearest to full goes. Whoever has spent
//! most is remembered longest, and a flood of payers pushes out others of its own kind.

use std::sync::atomic::Ordering::Relaxed;

use super::moments::{Moments, Payer};
use crate::config::Allowance;

/// Buckets, a number of them fixed when they are made. Nothing here waits or locks.
pub(super) struct Buckets {
    /// When each is full again.
    full_at: Moments,
    /// Nanoseconds until one unit is back.
    interval: u64,
    /// Nanoseconds that a full bucket is away from an empty one, less one unit.
    reach: u64,
}

// === impl Buckets ===

impl Buckets {
    pub(super) fn new(Allowance { burst, per_second }: Allowance) -> Self {
        let interval = 1_000_000_000 / u64::from(per_second.max(1));
        let reach = interval * u64::from(burst.max(1) - 1);
        Self { full_at: Moments::new(), interval, reach }
    }

    /// Nanoseconds until a unit is left; `None` when one is.
    pub(super) fn wait(&self, payer: Payer, now: u64) -> Option<u64> {
        let owed = self.full_at.of(payer)?.load(Relaxed).saturating_sub(now);
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
        match self.full_at.of(payer) {
            Some(full_at) => _ = full_at.fetch_update(Relaxed, Relaxed, later),
            None => self.full_at.put(payer, later(0).unwrap_or_default()),
        }
    }

    /// How many payers have spent something that is not back yet.
    pub(super) fn spending(&self, now: u64) -> usize {
        self.full_at.later_than(now)
    }
}

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
        for number in 1..500_000 {
            buckets.spend(payer(number), 1, 0);
        }
        assert!(buckets.wait(payer(0), 0).is_some());
        assert!((8_000..=16_384).contains(&buckets.spending(0)));
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
        assert_eq!(buckets.full_at.of(payer(0)).unwrap().load(Relaxed), 40_001 * SECOND);
    }
}
