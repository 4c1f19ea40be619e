//! Latencies, counted in buckets whose width grows with what they hold.

use std::time::Duration;

/// Counts of durations. A bucket is at most 1/64 as wide as the duration that it holds, so that a percentile is off by less
/// than one per cent; durations above about 18 minutes count as 18 minutes.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
}

impl Histogram {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into(), total: 0 }
    }

    /// Counts one duration.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
    }

    /// Counts what another one has counted, too.
    pub(crate) fn add(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, others)| *own += others);
        self.total += other.total;
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The duration that `share` (0 to 1) of those counted do not exceed; zero when none was counted.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let rank = ((share * self.total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle(index));
            }
        }
        Duration::ZERO
    }
}

/// Which bucket holds `nanoseconds`: itself below 64, above that six bits after the leading one.
fn bucket(nanoseconds: u64) -> usize {
    let nanoseconds = nanoseconds.min(LARGEST);
    if nanoseconds < SUB_BUCKETS {
        return nanoseconds as usize;
    }
    let shift = nanoseconds.ilog2() - SUB_BITS;
    let sub_bucket = (nanoseconds >> shift) & (SUB_BUCKETS - 1);
    ((u64::from(shift) + 1) * SUB_BUCKETS + sub_bucket) as usize
}

/// The middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SUB_BUCKETS {
        return bucket;
    }
    let shift = bucket / SUB_BUCKETS - 1;
    let low = (SUB_BUCKETS + bucket % SUB_BUCKETS) << shift;
    low + (1 << shift) / 2
}

const SUB_BITS: u32 = 6;
const SUB_BUCKETS: u64 = 1 << SUB_BITS;
const LARGEST_BIT: u32 = 39;
const LARGEST: u64 = (1 << (LARGEST_BIT + 1)) - 1;
const BUCKETS: usize = (LARGEST_BIT - SUB_BITS + 2) as usize * SUB_BUCKETS as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_durations() {
        let mut histogram = Histogram::new();
        for microseconds in 1..=10_000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        assert_eq!(histogram.total(), 10_000);
        for (share, expected) in [(0.5, 5_000.0), (0.9, 9_000.0), (0.99, 9_900.0), (1.0, 10_000.0), (0.0, 1.0)] {
            let got = histogram.percentile(share).as_secs_f64() * 1e6;
            assert!((got / expected - 1.0).abs() < 0.01, "{share}: {got} us, expected about {expected} us");
        }
    }

    #[test]
    fn every_duration_has_a_bucket_close_to_it() {
        for bit in 0..64 {
            for nanoseconds in
                [1_u64 << bit, (1 << bit) + ((1 << bit) / 64_u64).saturating_sub(1), u64::MAX >> (63 - bit)]
            {
                let held = middle(bucket(nanoseconds)) as f64;
                let expected = nanoseconds.min(LARGEST) as f64;
                assert!((held - expected).abs() <= expected / 128.0 + 0.5, "{nanoseconds}: {held}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_counted_is_zero() {
        assert_eq!(Histogram::new().percentile(0.5), Duration::ZERO);
    }
}
