//! What waits for the collector: bounded, and never waited for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::span::Span;

/// Spans on their way out.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Mutex<VecDeque<Span>>,
    most: usize,
    /// Enough for a batch is waiting, or the server ends.
    wake: Notify,
    pub(super) counts: Counts,
}

/// What became of spans since the process began.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The collector took them.
    pub(crate) exported: AtomicU64,
    /// There was no room.
    pub(crate) full: AtomicU64,
    /// The collector did not answer, or not well.
    pub(crate) undelivered: AtomicU64,
    /// The collector said that it did not take them.
    pub(crate) rejected: AtomicU64,
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self { spans: Mutex::default(), most, wake: Notify::new(), counts: Counts::default() }
    }

    /// Adds a span, or drops and counts it. Holds a lock for as long as a push takes.
    pub(super) fn push(&self, span: Span) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= self.most {
            drop(spans);
            self.counts.full.fetch_add(1, Relaxed);
            return;
        }
        spans.push_back(span);
        let is_batch = spans.len() == BATCH;
        drop(spans);
        if is_batch {
            self.wake.notify_one();
        }
    }

    /// Takes a batch, at most.
    pub(super) fn take(&self) -> Vec<Span> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let count = spans.len().min(BATCH);
        spans.drain(..count).collect()
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until there is enough for a batch.
    pub(super) async fn more(&self) {
        self.wake.notified().await;
    }

    /// Has what waits sent at once.
    pub(super) fn hurry(&self) {
        self.wake.notify_one();
    }
}

/// Spans of one request to the collector.
const BATCH: usize = 512;
