//! How the writer of records is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::metrics::{Histogram, SIZES, TIMES};

/// What the writer counts of itself.
#[derive(Debug)]
pub(crate) struct Stats {
    /// Records of each batch.
    pub(crate) sizes: Histogram,
    /// Nanoseconds of each commit, the flush to the disk included.
    pub(crate) times: Histogram,
    /// Batches and changes that the store refused.
    pub(crate) failed: AtomicU64,
    /// Records that found the queue full.
    pub(crate) full: AtomicU64,
    failing: AtomicBool,
}

// === impl Stats ===

impl Default for Stats {
    fn default() -> Self {
        let (failed, full, failing) = Default::default();
        Self { sizes: Histogram::new(SIZES), times: Histogram::new(TIMES), failed, full, failing }
    }
}

impl Stats {
    /// A batch of so many records was tried, and took so long.
    pub(super) fn batch(&self, records: usize, took: Duration, is_written: bool) {
        self.sizes.observe(records as u64);
        self.times.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        if !is_written {
            self.failed.fetch_add(1, Relaxed);
        }
        self.failing.store(!is_written, Relaxed);
    }

    /// Whether the store refused what was written last.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }
}
