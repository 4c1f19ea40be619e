//! How the writer of records is.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use accredit_id::time::Timestamp;

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
    /// When the commit began that is under way.
    running: Mutex<Option<Instant>>,
    /// When the first record was written that no signed head covers, Unix seconds; 0 when there is none.
    unsigned: AtomicI64,
}

// === impl Stats ===

impl Default for Stats {
    fn default() -> Self {
        let (failed, full, failing, running, unsigned) = Default::default();
        Self { sizes: Histogram::new(SIZES), times: Histogram::new(TIMES), failed, full, failing, running, unsigned }
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

    /// A commit begins.
    pub(super) fn begin(&self, at: Instant) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// It has ended.
    pub(super) fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long the commit has taken so far that is under way; nothing when none is.
    pub(crate) fn running(&self) -> Duration {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// Something was written that no signed head covers.
    pub(super) fn written(&self, at: Timestamp) {
        // The writer alone sets it.
        if self.unsigned.load(Relaxed) == 0 {
            self.unsigned.store(at.unix().max(1), Relaxed);
        }
    }

    /// A signed head covers everything.
    pub(super) fn signed(&self) {
        self.unsigned.store(0, Relaxed);
    }

    /// Whether something is covered by no signed head.
    pub(super) fn is_unsigned(&self) -> bool {
        self.unsigned.load(Relaxed) != 0
    }

    /// For how many seconds there have been records that no signed head covers.
    pub(crate) fn unsigned(&self, now: Timestamp) -> i64 {
        match self.unsigned.load(Relaxed) {
            0 => 0,
            since => now.seconds_since(Timestamp::from_unix(since)).max(0),
        }
    }

    /// Whether the store refused what was written last.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }
}
