//! The queue in front of the writer: what waits to be written, and who waits for it.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit_store::audit::NewRecord;
use accredit_store::{
    BundleDeed, Chain, Change, Entry, FirstUse, Head, KeyDeed, Mark, Revocation, SightingDeed, Store, StoreError,
    Sweep, Swept, UnpinDeed,
};
use tokio::sync::{Notify, oneshot};

use super::quota::Most;
use super::stats::Stats;
use super::writer::{BringPins, SignHead, Writer};
use crate::traces::{self, Behind};

/// The queue in front of the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is on the disk.
    Durably,
    /// The evidence was spent before.
    Replayed {
        /// In this decision, if that is known.
        first: Option<FirstUse>,
    },
    /// The proof that it was asked with was shown before.
    ProofShown,
    /// Something was revoked since it was decided.
    Stale,
}

/// Why nothing was recorded. Whoever waits for a record then issues nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RecordFault {
    /// Too much is waiting already.
    #[error("{waiting} records are waiting to be written")]
    Full {
        /// How many.
        waiting: usize,
    },
    /// The writer has ended.
    #[error("the writer has ended")]
    Ended,
    /// The evidence may be used once, and its provider has as many marks of such as one may have.
    #[error("the provider has too many replay marks")]
    Marks,
    /// As many proofs of its kind are remembered as may be.
    #[error("too many proofs are remembered")]
    Proofs,
    /// The store refuses.
    #[error("{0}")]
    Store(Arc<StoreError>),
}

/// What the writer does between two batches.
pub(crate) enum StoreWork {
    /// Changes resources.
    Change(Change),
    /// Changes signing keys.
    Keys(KeyDeed),
    /// Revokes a token.
    Revoke(Revocation),
    /// Takes first-use pins away.
    Unpin(UnpinDeed),
    /// Replaces a foreign trust domain's bundle; tells whether it did.
    Keep(BundleDeed, oneshot::Sender<bool>),
    /// Puts down what tokens were seen to show.
    Sight(SightingDeed),
    /// Takes the first stretch of a sweep, with its record; tells what it took and what is left.
    Sweep(Sweep, NewRecord, oneshot::Sender<Swept>),
}

/// What the callers and the writer have in common.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
    pub(super) stats: Stats,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Waiting>,
    claims: VecDeque<WaitingClaim>,
    work: VecDeque<WaitingWork>,
    /// Whether the writer sleeps until it is woken.
    idle: bool,
    closed: bool,
}

/// A record, and who waits for it.
pub(super) struct Waiting {
    pub(super) entry: Entry,
    pub(super) answer: oneshot::Sender<Result<Recorded, RecordFault>>,
    /// The trace of whoever waits.
    pub(super) behind: Option<Behind>,
}

/// A proof that nothing is recorded about, and who waits to hear whether it is shown for the first time.
pub(super) struct WaitingClaim {
    pub(super) proof: Mark,
    pub(super) answer: oneshot::Sender<Result<bool, RecordFault>>,
}

/// A change, and who waits for it.
pub(super) struct WaitingWork {
    pub(super) work: StoreWork,
    pub(super) answer: oneshot::Sender<Result<Head, RecordFault>>,
    pub(super) behind: Option<Behind>,
}

/// What the writer has to do next.
pub(super) enum Next {
    /// Writes these, then claims those.
    Batch(Vec<Waiting>, Vec<WaitingClaim>),
    /// Changes this.
    Work(Box<WaitingWork>),
    /// Nothing: nobody waits.
    Sleep,
    /// Nothing, and nothing will come any more.
    End,
}

// === impl Recorder ===

impl Recorder {
    /// Starts the writer on a store and the chain that this process writes.
    pub(crate) fn start(
        store: Arc<Store>,
        chain: Chain,
        sign_head: SignHead,
        bring_pins: BringPins,
        most: Most,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let shared = Arc::new(Shared { queue: Mutex::default(), wake: Notify::new(), stats: Stats::default() });
        let writer = Writer::new(Arc::clone(&shared), store, chain, sign_head, bring_pins, most);
        (Self { shared }, tokio::spawn(writer.run()))
    }

    /// Writes one record; returns when it is on the disk.
    pub(crate) async fn record(&self, entry: Entry) -> Result<Recorded, RecordFault> {
        let (answer, answered) = oneshot::channel();
        let behind = traces::behind();
        self.push(|queue| {
            if queue.entries.len() >= MAX_WAITING {
                self.shared.stats.full.fetch_add(1, Relaxed);
                return Err(RecordFault::Full { waiting: queue.entries.len() });
            }
            queue.entries.push_back(Waiting { entry, answer, behind });
            Ok(())
        })?;
        answered.await.map_err(|_| RecordFault::Ended)?
    }

    /// Writes a record that nothing waits for and that no revocation makes wrong.
    pub(crate) async fn note(&self, record: NewRecord) -> Result<(), RecordFault> {
        let NewRecord { id, content } = record;
        let entry = Entry {
            id,
            record: content,
            mark: None,
            proof: None,
            if_replayed: None,
            pins: Vec::new(),
            rests_on: Vec::new(),
            decided_on: i64::MAX,
        };
        self.record(entry).await.map(|_| ())
    }

    /// Claims a proof that nothing is recorded about. Says whether it is shown for the first time, on whichever server; on an error
    /// it must not count.
    pub(crate) async fn claim(&self, proof: Mark) -> Result<bool, RecordFault> {
        let (answer, answered) = oneshot::channel();
        self.push(|queue| {
            if queue.claims.len() >= MAX_WAITING {
                self.shared.stats.full.fetch_add(1, Relaxed);
                return Err(RecordFault::Full { waiting: queue.claims.len() });
            }
            queue.claims.push_back(WaitingClaim { proof, answer });
            Ok(())
        })?;
        answered.await.map_err(|_| RecordFault::Ended)?
    }

    /// Changes the store, with the records of the change; returns the head behind it.
    pub(crate) async fn work(&self, work: StoreWork) -> Result<Head, RecordFault> {
        let (answer, answered) = oneshot::channel();
        let behind = traces::behind();
        self.push(|queue| {
            if queue.work.len() >= MAX_WORK {
                self.shared.stats.full.fetch_add(1, Relaxed);
                return Err(RecordFault::Full { waiting: queue.work.len() });
            }
            queue.work.push_back(WaitingWork { work, answer, behind });
            Ok(())
        })?;
        answered.await.map_err(|_| RecordFault::Ended)?
    }

    /// How many records are waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).entries.len()
    }

    /// How the writer is.
    pub(crate) fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Whether records can still be written.
    pub(crate) fn is_open(&self) -> bool {
        !self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Lets the writer write what is waiting, sign its head and end.
    pub(crate) fn close(&self) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        drop(queue);
        self.shared.wake.notify_one();
    }

    fn push(&self, push: impl FnOnce(&mut Queue) -> Result<(), RecordFault>) -> Result<(), RecordFault> {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return Err(RecordFault::Ended);
        }
        push(&mut queue)?;
        let wake = std::mem::take(&mut queue.idle);
        drop(queue);
        if wake {
            self.shared.wake.notify_one();
        }
        Ok(())
    }
}

// === impl Shared ===

impl Shared {
    /// Takes up to 512 records or 1 MiB, and up to 512 claims; work goes first, because it is rare and revokes.
    pub(super) fn next(&self) -> Next {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = queue.work.pop_front() {
            return Next::Work(Box::new(work));
        }
        let mut bytes = 0;
        let mut fits = |(place, waiting): &(usize, &Waiting)| {
            bytes += waiting.entry.record.size();
            // One that is too large for any batch goes alone and is refused by the store; left in the queue, nothing behind
            // it would ever be written.
            *place == 0 || bytes <= MAX_BATCH_BYTES
        };
        let count = queue.entries.iter().take(MAX_BATCH).enumerate().take_while(|waiting| fits(waiting)).count();
        let claims = queue.claims.len().min(MAX_BATCH);
        if count + claims > 0 {
            return Next::Batch(queue.entries.drain(..count).collect(), queue.claims.drain(..claims).collect());
        }
        if queue.closed {
            return Next::End;
        }
        queue.idle = true;
        Next::Sleep
    }

    /// Returns when something was pushed, and after `wait` at the latest.
    pub(super) async fn woken(&self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.wake.notified()).await;
    }
}

/// Records of one batch.
const MAX_BATCH: usize = 512;
/// Its bytes.
pub(super) const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Beyond this the disk is too slow for what comes in, and callers are told to come back.
const MAX_WAITING: usize = 8192;
/// The same of changes; they are rarer and dearer.
const MAX_WORK: usize = 1024;
