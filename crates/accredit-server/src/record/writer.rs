//! The one writer of the store.
//!
//! It commits at once when it is alone. While the last batch held more than one record it lingers about a millisecond
//! first, so that a busy server pays for one flush every few dozen answers instead of every second one. Nobody wakes it
//! while it lingers. Changes of resources and keys pass through it as well, between two batches.

mod claiming;

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_id::time::Timestamp;
use accredit_store::audit::SignedHead;
use accredit_store::{Chain, Entry, EntryOutcome, Head, NamePin, Store, StoreError};

use super::forgetting::Forgetting;
use super::queue::{Next, RecordFault, Recorded, Shared, StoreWork, Waiting, WaitingWork};
use super::quota::{Most, Quota, is_of_proofs};
use crate::clock;
use crate::traces::{Attribute, Step};

/// Signs the head of a chain, for `audit verify`.
pub(crate) type SignHead = Arc<dyn Fn(&accredit_store::audit::Head) -> Option<SignedHead> + Send + Sync>;

/// Brings pins into force that a batch made or met.
pub(crate) type BringPins = Arc<dyn Fn(&[NamePin]) + Send + Sync>;

/// Writes what is queued, and signs what it wrote.
pub(super) struct Writer {
    shared: Arc<Shared>,
    store: Arc<Store>,
    chain: Chain,
    sign_head: SignHead,
    bring_pins: BringPins,
    forgetting: Forgetting,
    quota: Quota,
    last_batch: usize,
    last_head: Timestamp,
}

// === impl Writer ===

impl Writer {
    /// The writer of a queue, on a store and the chain that this process writes.
    pub(super) fn new(
        shared: Arc<Shared>,
        store: Arc<Store>,
        chain: Chain,
        sign_head: SignHead,
        bring_pins: BringPins,
        most: Most,
    ) -> Self {
        let (last_batch, last_head) = (0, clock::now());
        let (forgetting, quota) = (Forgetting::default(), Quota::new(most, store.is_shared()));
        Self { shared, store, chain, sign_head, bring_pins, forgetting, quota, last_batch, last_head }
    }

    /// Writes until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        loop {
            if self.last_batch > 1 {
                tokio::time::sleep(LINGER).await;
            }
            match self.shared.next() {
                Next::Batch(batch, claims) => {
                    self.last_batch = batch.len() + claims.len();
                    self.write(batch).await;
                    self.claim(claims).await;
                }
                Next::Work(work) => {
                    let WaitingWork { work, answer, behind } = *work;
                    let begun = Instant::now();
                    self.shared.stats.begin(begun);
                    let done = self.work(work).await.map_err(|fault| RecordFault::Store(Arc::new(fault)));
                    self.shared.stats.end();
                    if done.is_ok() {
                        self.shared.stats.written(clock::now());
                    }
                    if let Some(behind) = behind {
                        behind.was(Step::Change, begun, Instant::now(), Vec::new(), done.is_err());
                    }
                    let _ = answer.send(done);
                }
                Next::Sleep => {
                    self.last_batch = 0;
                    // What was written last gets its signed head too, though nothing comes after it.
                    let unsigned = self.shared.stats.is_unsigned();
                    let wait = if unsigned { HEAD_PAUSE } else { Duration::MAX };
                    self.shared.woken(wait).await;
                }
                Next::End => break,
            }
            self.forget_marks().await;
            self.sign_head(HEAD_EVERY).await;
        }
        self.sign_head(0).await;
    }

    async fn write(&mut self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        let batch = self.within_quota(batch).await;
        let mut behind = Vec::new();
        let (entries, answers): (Vec<Entry>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| {
                behind.extend(waiting.behind);
                (waiting.entry, waiting.answer)
            })
            .unzip();
        let begun = Instant::now();
        self.shared.stats.begin(begun);
        let now = clock::now();
        let committed = self.store.commit_records(&mut self.chain, &entries, now.unix()).await;
        self.shared.stats.end();
        self.shared.stats.batch(entries.len(), begun.elapsed(), committed.is_ok());
        for behind in behind {
            let records = vec![Attribute::Records(entries.len())];
            behind.was(Step::Commit, begun, Instant::now(), records, committed.is_err());
        }
        match committed {
            Ok(committed) => {
                self.shared.stats.written(now);
                // Before anybody is answered: whoever is told to decide again must see what he lost to.
                if !committed.pins.is_empty() {
                    (self.bring_pins)(&committed.pins);
                }
                for ((answer, outcome), entry) in answers.into_iter().zip(committed.outcomes).zip(&entries) {
                    let recorded = match outcome {
                        EntryOutcome::Recorded => {
                            entry.mark.iter().chain(&entry.proof).for_each(|mark| self.claimed(mark));
                            Recorded::Durably
                        }
                        EntryOutcome::Replayed { first } => Recorded::Replayed { first },
                        EntryOutcome::ProofShown => Recorded::ProofShown,
                        EntryOutcome::Stale => Recorded::Stale,
                    };
                    let _ = answer.send(Ok(recorded));
                }
            }
            Err(fault) => {
                tracing::error!(
                    event = "records-not-written",
                    code = fault.code(),
                    records = entries.len(),
                    "records cannot be written: {fault}"
                );
                let fault = Arc::new(fault);
                for answer in answers {
                    let _ = answer.send(Err(RecordFault::Store(Arc::clone(&fault))));
                }
            }
        }
    }

    /// Deletes marks that nothing needs any more, a few at a time. Where nothing is spent there is nothing to do.
    async fn forget_marks(&mut self) {
        if self.forgetting.is_idle() {
            return;
        }
        while let Some((provider, past)) = self.forgetting.due(clock::now()) {
            match self.forget(&provider, past.unix()).await {
                Ok(forgotten) => self.quota.forgotten(&provider, forgotten),
                Err(fault) => tracing::warn!(
                    event = "replay-marks-not-deleted",
                    code = fault.code(),
                    "replay marks cannot be deleted: {fault}"
                ),
            }
        }
    }

    async fn forget(&self, provider: &str, past: i64) -> Result<u64, StoreError> {
        // Of proofs no issuer says what time it is, so the database does: this clock alone may be ahead of all others.
        let past = match is_of_proofs(provider) {
            true => self.store.database_clock().await?.map_or(past, |theirs| past.min(theirs)),
            false => past,
        };
        self.store.forget_marks(provider, past).await
    }

    async fn work(&mut self, work: StoreWork) -> Result<Head, StoreError> {
        let at = clock::now().unix();
        match work {
            StoreWork::Change(change) => self.store.apply_change(&mut self.chain, &change, at).await,
            StoreWork::Keys(deed) => self.store.change_keys(&mut self.chain, deed, at).await,
            StoreWork::Revoke(revocation) => {
                self.store.revoke_token(&mut self.chain, &revocation, at).await?;
                self.store.head().await
            }
            StoreWork::Sight(deed) => {
                self.store.sight(&mut self.chain, &deed, at).await?;
                self.store.head().await
            }
            StoreWork::Sweep(sweep, record, tell) => {
                let _ = tell.send(self.store.begin_sweep(&mut self.chain, sweep, &record, at).await?);
                self.store.head().await
            }
            StoreWork::Keep(deed, tell) => {
                let _ = tell.send(self.store.keep_bundle(&mut self.chain, &deed, at).await?);
                self.store.head().await
            }
            StoreWork::Unpin(deed) => self.store.unpin(&mut self.chain, &deed, at).await,
        }
    }

    /// Signs the head of the chain when the last one is older than `seconds`.
    async fn sign_head(&mut self, seconds: i64) {
        let now = clock::now();
        if now.seconds_since(self.last_head) < seconds {
            return;
        }
        self.last_head = now;
        let Some(signed) = (self.sign_head)(&self.chain.head(now.unix())) else { return };
        match self.store.write_head(&signed).await {
            Ok(_) => self.shared.stats.signed(),
            Err(fault) => tracing::warn!(
                event = "audit-head-not-written",
                code = fault.code(),
                "the audit head cannot be written: {fault}"
            ),
        }
    }
}

const LINGER: Duration = Duration::from_micros(900);
/// Seconds between two signed heads of a busy chain.
const HEAD_EVERY: i64 = 60;
/// How soon the writer looks whether the last head is so old, when nothing else wakes it.
const HEAD_PAUSE: Duration = Duration::from_secs(20);
