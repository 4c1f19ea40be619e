//! Counts by size, without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A histogram with fixed bounds.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper bounds, rising, in the unit of what is observed.
    bounds: &'static [u64],
    /// One more than bounds: the last one holds what is above all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

// === impl Histogram ===

impl Histogram {
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        let counts = std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub(crate) fn observe(&self, value: u64) {
        let place = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// Each bound with the count of all values up to it; the last one has none.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(&self.counts).scan(0, |sum, (bound, count)| {
            *sum += count.load(Relaxed);
            Some((bound, *sum))
        })
    }

    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

/// Nanoseconds: from a tenth of a millisecond to ten seconds.
pub(crate) static TIMES: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// Numbers of records.
pub(crate) static SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_its_bound_and_above() {
        let histogram = Histogram::new(&[1, 10]);
        [0, 1, 2, 10, 11, 1000].iter().for_each(|value| histogram.observe(*value));
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(Some(1), 2), (Some(10), 4), (None, 6)]);
        assert_eq!(histogram.sum(), 1024);
    }
}
