//! How far a sink is behind: counted beside the delivery, so that it is known of a sink that hangs as well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit_store::{Place, Store};

use crate::clock;

/// What is known of one sink.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    chains: Mutex<HashMap<i64, Behind>>,
    seconds: AtomicU64,
    /// Deliveries that failed.
    pub(super) failures: AtomicU64,
    /// Whether it says that it will never take what it is given.
    pub(super) refused: AtomicBool,
}

/// One chain that is delivered from here.
#[derive(Clone, Copy, Debug)]
struct Behind {
    confirmed: Place,
    /// Up to which batch its records are counted.
    counted: i64,
    /// Records that were counted and not confirmed.
    records: i64,
}

// === impl Lag ===

impl Lag {
    /// Records that the sink has not confirmed.
    pub(crate) fn records(&self) -> u64 {
        let records: i64 = self.chains().values().map(|behind| behind.records.max(0)).sum();
        u64::try_from(records).unwrap_or_default()
    }

    /// How old the oldest of them is, in seconds.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds.load(Relaxed)
    }

    /// Deliveries that failed since the process began.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Whether the sink refuses for good.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    /// A chain is delivered from here on.
    pub(super) fn begins(&self, at: Place) {
        let fresh = Behind { confirmed: at, counted: at.batch() - 1, records: -at.index() };
        self.chains().entry(at.chain()).or_insert(fresh);
    }

    /// So many records were confirmed.
    pub(super) fn confirmed(&self, to: Place, records: usize) {
        if let Some(behind) = self.chains().get_mut(&to.chain()) {
            behind.confirmed = to;
            behind.records -= i64::try_from(records).unwrap_or_default();
        }
    }

    /// A chain is delivered by somebody else.
    pub(super) fn ends(&self, chain: i64) {
        self.chains().remove(&chain);
    }

    /// Counts what was written since.
    async fn count(&self, store: &Store) -> Result<(), accredit_store::StoreError> {
        let chains: Vec<(i64, Behind)> = self.chains().iter().map(|(chain, behind)| (*chain, *behind)).collect();
        let mut oldest = None;
        for (chain, Behind { counted, .. }) in chains {
            let written = store.written_between(chain, counted + 1, i64::MAX).await?;
            let confirmed = {
                let mut chains = self.chains();
                let Some(behind) = chains.get_mut(&chain) else { continue };
                behind.counted = written.last.max(behind.counted);
                behind.records += written.records;
                behind.confirmed
            };
            let since = store.waiting_since(confirmed).await?;
            oldest = [oldest, since].into_iter().flatten().min();
        }
        let seconds = oldest.map_or(0, |oldest| clock::now().unix().saturating_sub(oldest).max(0));
        self.seconds.store(u64::try_from(seconds).unwrap_or_default(), Relaxed);
        Ok(())
    }

    fn chains(&self) -> MutexGuard<'_, HashMap<i64, Behind>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts every second, until the process ends.
pub(super) async fn measure(lag: Arc<Lag>, store: Arc<Store>) {
    loop {
        // Where the store does not answer, the writer says so; what was counted last stands.
        let _ = lag.count(&store).await;
        tokio::time::sleep(EVERY).await;
    }
}

const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_store::Entry;
    use accredit_store::audit::{ChainId, Content};

    use super::*;

    #[tokio::test]
    async fn what_is_not_confirmed_is_behind() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let own = ChainId([1; 16]);
        let written = clock::now().unix() - 40;
        let mut chain = store.open_chain(own, written).await.unwrap();
        let lag = Lag::default();
        let mut write = async |count: u8, at| {
            let entry = |id: u8| Entry {
                id: [id; 16],
                record: Content::from(vec![id]),
                mark: None,
                proof: None,
                if_replayed: None,
                pins: Vec::new(),
                rests_on: Vec::new(),
                decided_on: i64::MAX,
            };
            let entries: Vec<Entry> = (0..count).map(entry).collect();
            store.commit_records(&mut chain, &entries, at).await.unwrap();
        };
        write(5, written).await;
        write(3, written + 20).await;
        let at = store.hold_chain("s", own, 1, 0, 60).await.unwrap().unwrap();
        lag.begins(at);
        lag.count(&store).await.unwrap();
        assert_eq!(lag.records(), 8);
        assert!((40..45).contains(&lag.seconds()), "{}", lag.seconds());
        let stretch = store.records_from(at).await.unwrap();
        lag.confirmed(stretch.records[5].place, 5);
        write(2, written + 30).await;
        lag.count(&store).await.unwrap();
        assert_eq!(lag.records(), 5);
        assert!((20..25).contains(&lag.seconds()), "{}", lag.seconds());
        lag.confirmed(stretch.next, 3);
        let rest = store.records_from(stretch.next).await.unwrap();
        lag.confirmed(rest.next, rest.records.len());
        lag.count(&store).await.unwrap();
        assert_eq!((lag.records(), lag.seconds()), (0, 0));
    }
}
