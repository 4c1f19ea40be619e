//! The one writer of the store.
//!
//! It commits at once when it is alone. While the last batch held more than one record it lingers about a millisecond
//! first, so that a busy server pays for one flush every few dozen answers instead of every second one. Nobody wakes it
//! while it lingers. Changes of resources and keys pass through it as well, between two batches.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use accredit_id::time::Timestamp;
use accredit_store::audit::{NewRecord, SignedHead};
use accredit_store::{
    Chain, Change, Entry, EntryOutcome, FirstUse, Head, KeyDeed, NamePin, Revocation, SightingDeed, Store, StoreError,
    Sweep, Swept, UnpinDeed,
};
use tokio::sync::{Notify, oneshot};

use super::forgetting::Forgetting;
use super::quota::Quota;
use super::stats::Stats;
use crate::clock;
use crate::traces::{self, Attribute, Behind, Step};

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
    /// Puts down what tokens were seen to show.
    Sight(SightingDeed),
    /// Takes the first stretch of a sweep, with its record; tells what it took and what is left.
    Sweep(Sweep, NewRecord, oneshot::Sender<Swept>),
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
    stats: Stats,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Waiting>,
    work: VecDeque<WaitingWork>,
    /// Whether the writer sleeps until it is woken.
    idle: bool,
    closed: bool,
}

struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Result<Recorded, RecordFault>>,
    /// The trace of whoever waits.
    behind: Option<Behind>,
}

struct WaitingWork {
    work: StoreWork,
    answer: oneshot::Sender<Result<Head, RecordFault>>,
    behind: Option<Behind>,
}

/// Signs the head of a chain, for `audit verify`.
pub(crate) type SignHead = Arc<dyn Fn(&accredit_store::audit::Head) -> Option<SignedHead> + Send + Sync>;

/// Brings pins into force that a batch made or met.
pub(crate) type BringPins = Arc<dyn Fn(&[NamePin]) + Send + Sync>;

impl Recorder {
    /// Starts the writer on a store and the chain that this process writes.
    pub(crate) fn start(
        store: Arc<Store>,
        chain: Chain,
        sign_head: SignHead,
        bring_pins: BringPins,
        most_marks: u64,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let shared = Arc::new(Shared { queue: Mutex::default(), wake: Notify::new(), stats: Stats::default() });
        let (last_batch, last_head) = (0, clock::now());
        let forgetting = Forgetting::default();
        let writer = Writer {
            shared: Arc::clone(&shared),
            store,
            chain,
            sign_head,
            bring_pins,
            forgetting,
            quota: Quota::new(most_marks),
            last_batch,
            last_head,
        };
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
        let entry =
            Entry { id, record: content, mark: None, if_replayed: None, pins: Vec::new(), decided_on: i64::MAX };
        self.record(entry).await.map(|_| ())
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

struct Writer {
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

enum Next {
    Batch(Vec<Waiting>),
    Work(WaitingWork),
    Sleep,
    End,
}

impl Writer {
    async fn run(mut self) {
        loop {
            if self.last_batch > 1 {
                tokio::time::sleep(LINGER).await;
            }
            match self.next() {
                Next::Batch(batch) => self.write(batch).await,
                Next::Work(WaitingWork { work, answer, behind }) => {
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
                    let _ = tokio::time::timeout(wait, self.shared.wake.notified()).await;
                }
                Next::End => break,
            }
            self.forget_marks().await;
            self.sign_head(HEAD_EVERY).await;
        }
        self.sign_head(0).await;
    }

    /// Takes up to 512 records or 1 MiB; work goes first, because it is rare and revokes.
    fn next(&self) -> Next {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = queue.work.pop_front() {
            return Next::Work(work);
        }
        let mut bytes = 0;
        let mut fits = |(place, waiting): &(usize, &Waiting)| {
            bytes += waiting.entry.record.size();
            // One that is too large for any batch goes alone and is refused by the store; left in the queue, nothing behind
            // it would ever be written.
            *place == 0 || bytes <= MAX_BATCH_BYTES
        };
        let count = queue.entries.iter().take(MAX_BATCH).enumerate().take_while(|waiting| fits(waiting)).count();
        if count > 0 {
            return Next::Batch(queue.entries.drain(..count).collect());
        }
        if queue.closed {
            return Next::End;
        }
        queue.idle = true;
        Next::Sleep
    }

    async fn write(&mut self, batch: Vec<Waiting>) {
        self.last_batch = batch.len();
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
                            if let Some(mark) = &entry.mark {
                                self.forgetting.spent(mark);
                                self.quota.claimed(&mark.provider);
                            }
                            Recorded::Durably
                        }
                        EntryOutcome::Replayed { first } => Recorded::Replayed { first },
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

    /// Answers those that would spend evidence of a provider that has too many marks already; gives the others.
    async fn within_quota(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        if batch.iter().all(|waiting| waiting.entry.mark.is_none()) {
            return batch;
        }
        let mut kept = Vec::with_capacity(batch.len());
        for waiting in batch {
            let admitted = match &waiting.entry.mark {
                None => Ok(true),
                Some(mark) => self.quota.admits(&self.store, &mark.provider, Instant::now()).await,
            };
            match admitted {
                Ok(true) => kept.push(waiting),
                Ok(false) => {
                    // It says by when the others have ended, or a provider that is full would stay so for ever.
                    waiting.entry.mark.iter().for_each(|mark| self.forgetting.spent(mark));
                    drop(waiting.answer.send(Err(RecordFault::Marks)));
                }
                Err(fault) => drop(waiting.answer.send(Err(RecordFault::Store(Arc::new(fault))))),
            }
        }
        kept
    }

    /// Deletes marks that nothing needs any more, a few at a time. Where nothing is spent there is nothing to do.
    async fn forget_marks(&mut self) {
        if self.forgetting.is_idle() {
            return;
        }
        while let Some((provider, past)) = self.forgetting.due(clock::now()) {
            match self.store.forget_marks(&provider, past.unix()).await {
                Ok(forgotten) => self.quota.forgotten(&provider, forgotten),
                Err(fault) => tracing::warn!(
                    event = "replay-marks-not-deleted",
                    code = fault.code(),
                    "replay marks cannot be deleted: {fault}"
                ),
            }
        }
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

const MAX_BATCH: usize = 512;
const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Beyond this the disk is too slow for what comes in, and callers are told to come back.
const MAX_WAITING: usize = 8192;
/// The same of changes; they are rarer and dearer.
const MAX_WORK: usize = 1024;
const LINGER: Duration = Duration::from_micros(900);
/// Seconds between two signed heads of a busy chain.
const HEAD_EVERY: i64 = 60;
/// How soon the writer looks whether the last head is so old, when nothing else wakes it.
const HEAD_PAUSE: Duration = Duration::from_secs(20);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_store::Mark;
    use accredit_store::audit::{ChainId, Content};

    use super::*;

    /// I04, I07: marks go once newer evidence of their provider says that theirs has ended, and stay spent all the same.
    #[tokio::test]
    async fn old_marks_make_room_for_new_ones() {
        let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
        let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let (recorder, writer) =
            Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), 1_000);
        let mark = |number: u16, issued_at: i64| {
            let mut token = [0; 32];
            token[..2].copy_from_slice(&number.to_be_bytes());
            Mark { provider: "idp_1".to_owned(), token, issued_at, expires_at: issued_at + 300, same: None }
        };
        let spend = |number: u16, issued_at: i64| {
            let [high, low] = number.to_be_bytes();
            let entry = Entry {
                id: [high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                record: Content::from(vec![b'a']),
                mark: Some(mark(number, issued_at)),
                if_replayed: None,
                pins: Vec::new(),
                decided_on: i64::MAX,
            };
            let recorder = recorder.clone();
            async move { tokio::time::timeout(Duration::from_secs(20), recorder.record(entry)).await.unwrap().unwrap() }
        };
        assert_eq!(spend(0, 1000).await, Recorded::Durably);
        assert_eq!(spend(1, 1900).await, Recorded::Durably);
        let first = |outcome: EntryOutcome| {
            let EntryOutcome::Replayed { first } = outcome else { return Some(u8::MAX) };
            first.map(|first| first.decision[1])
        };
        assert_eq!(first(store.foresee(&mark(0, 1000)).await.unwrap()), Some(0));
        // All at once: the writer looks for old marks again after some hundred, however soon.
        let many = (2..600).map(|number| tokio::spawn(spend(number, 2000)));
        for spent in many.collect::<Vec<_>>() {
            assert_eq!(spent.await.unwrap(), Recorded::Durably);
        }
        recorder.close();
        writer.await.unwrap();
        assert_eq!(first(store.foresee(&mark(0, 1000)).await.unwrap()), None);
        assert_eq!(first(store.foresee(&mark(1, 1900)).await.unwrap()), Some(1));
        assert_eq!(first(store.foresee(&mark(2, 2000)).await.unwrap()), Some(2));
    }

    /// I07: whoever floods fills his provider's share, and nobody else's; room comes back as his tokens end.
    #[tokio::test]
    async fn marks_of_a_provider_are_bounded() {
        let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
        let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let (recorder, writer) = Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), 20);
        let spend = |number: u8, provider: &str, issued_at: i64| {
            let mark = Mark {
                provider: provider.to_owned(),
                token: [number; 32],
                issued_at,
                expires_at: issued_at + 300,
                same: None,
            };
            let entry = Entry {
                id: [number; 16],
                record: Content::from(vec![b'a']),
                mark: Some(mark),
                if_replayed: None,
                pins: Vec::new(),
                decided_on: i64::MAX,
            };
            let recorder = recorder.clone();
            async move { tokio::time::timeout(Duration::from_secs(20), recorder.record(entry)).await.unwrap() }
        };
        for number in 0..20 {
            assert_eq!(spend(number, "idp_1", 1000).await.unwrap(), Recorded::Durably, "{number}");
        }
        for number in 20..25 {
            assert!(matches!(spend(number, "idp_1", 1000).await, Err(RecordFault::Marks)), "{number}");
        }
        assert_eq!(spend(20, "idp_2", 1000).await.unwrap(), Recorded::Durably);
        assert_eq!(store.count_marks("idp_1", 1_000).await.unwrap(), 20);
        // A minute later the next one says that theirs have ended. It comes too early itself.
        assert_eq!(store.forget_marks("idp_1", 2000).await.unwrap(), 20);
        assert_eq!(store.count_marks("idp_1", 1_000).await.unwrap(), 0);
        recorder.close();
        writer.await.unwrap();
    }

    /// What the store refuses keeps nobody behind it waiting.
    #[tokio::test]
    async fn a_record_that_is_too_large_is_refused_alone() {
        let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
        let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let (recorder, writer) = Recorder::start(store, chain, Arc::new(|_| None), Arc::new(|_| ()), 1_000);
        let note = |id: u8, bytes: usize| {
            let record = NewRecord { id: [id; 16], content: Content::from(vec![b'a'; bytes]) };
            let recorder = recorder.clone();
            async move { tokio::time::timeout(Duration::from_secs(20), recorder.note(record)).await.unwrap() }
        };
        let (before, large, behind) = tokio::join!(note(1, 100), note(2, 2 * MAX_BATCH_BYTES), note(3, 100));
        assert!(before.is_ok() && behind.is_ok(), "{before:?} {behind:?}");
        assert!(matches!(large, Err(RecordFault::Store(_))), "{large:?}");
        recorder.close();
        writer.await.unwrap();
    }
}
