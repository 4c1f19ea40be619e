//! How far sinks have the log: what is confirmed is not told again, what is not is, and of two servers one delivers.

use accredit_store::audit::ChainId;
use accredit_store::{Entry, Place, Store};

use crate::backends::Factory;
use crate::made::{NOW, chain, entry, record};

const HOLDER: ChainId = ChainId([1; 16]);
/// When nobody has been heard of for long, and every chain is anybody's.
const LATER: i64 = NOW + 1000;

/// Reads everything that is due, some at a time, and confirms all but the last `kept` records of each stretch.
async fn deliver(store: &Store, sink: &str, holder: ChainId, kept: usize) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for due in store.due_chains(sink, holder, LATER).await.unwrap() {
        let mut at = store.hold_chain(sink, holder, due.chain(), LATER, NOW + 60).await.unwrap().unwrap();
        assert_eq!(at, due);
        loop {
            let stretch = store.records_from(at).await.unwrap();
            texts.extend(stretch.records.iter().map(|found| found.record.bytes.clone()));
            let told = stretch.records.len().saturating_sub(kept);
            let confirmed = match kept {
                0 => stretch.next,
                _ => stretch.records.get(told).map_or(stretch.next, |found| found.place),
            };
            assert!(store.confirm(sink, holder, confirmed, NOW + 60).await.unwrap());
            if stretch.records.is_empty() || kept > 0 {
                break;
            }
            at = stretch.next;
        }
    }
    texts
}

fn texts(numbers: impl IntoIterator<Item = u64>) -> Vec<Vec<u8>> {
    numbers.into_iter().map(|number| record(number).content.bytes).collect()
}

pub(crate) async fn each_sink_has_everything_once_it_has_confirmed<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for numbers in [0..3, 3..10, 10..11, 11..700] {
        let entries: Vec<Entry> = numbers.map(entry).collect();
        store.commit_records(&mut first, &entries, NOW).await.unwrap();
    }
    // Not confirmed is told again, from where it was not.
    assert_eq!(deliver(&store, "siem", HOLDER, 5).await.len(), 700);
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        first = chain(&store, 2).await;
    }
    assert_eq!(deliver(&store, "siem", HOLDER, 0).await, texts(695..700));
    assert!(store.due_chains("siem", HOLDER, LATER).await.unwrap().is_empty());
    let more: Vec<Entry> = (700..705).map(entry).collect();
    store.commit_records(&mut first, &more, NOW).await.unwrap();
    assert_eq!(deliver(&store, "siem", HOLDER, 0).await, texts(700..705));
    assert_eq!(deliver(&store, "file", HOLDER, 0).await, texts(0..705));
}

/// What one process cannot share it need not wait for: the next life goes on at once.
pub(crate) async fn who_has_lost_a_chain_confirms_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.commit_records(&mut first, &[entry(1)], NOW).await.unwrap();
    let other = ChainId([2; 16]);
    let beginning = Place::beginning_of(1);
    assert_eq!(store.hold_chain("siem", HOLDER, 1, NOW, NOW + 60).await.unwrap(), Some(beginning));
    assert_eq!(store.hold_chain("siem", other, 1, NOW + 61, NOW + 120).await.unwrap(), Some(beginning));
    assert!(!store.confirm("siem", HOLDER, beginning.next(), NOW + 120).await.unwrap());
    assert!(store.confirm("siem", other, beginning.next(), NOW + 120).await.unwrap());
    assert_eq!(store.hold_chain("siem", other, 1, NOW, NOW + 60).await.unwrap(), Some(beginning.next()));
}

pub(crate) async fn a_new_sink_may_begin_at_the_end(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.commit_records(&mut first, &[entry(1), entry(2)], NOW).await.unwrap();
    let next = ChainId([2; 16]);
    let mut own = chain(&store, 2).await;
    store.commit_records(&mut own, &[entry(3)], NOW).await.unwrap();
    store.begin_at_end("siem", next).await.unwrap();
    assert_eq!(deliver(&store, "siem", next, 0).await, texts([3]));
    store.commit_records(&mut first, &[entry(4)], NOW).await.unwrap();
    store.commit_records(&mut own, &[entry(5)], NOW).await.unwrap();
    // Nothing is skipped by whoever says so again.
    store.begin_at_end("siem", next).await.unwrap();
    assert_eq!(deliver(&store, "siem", next, 0).await, texts([4, 5]));
}

pub(crate) async fn what_waits_is_counted(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..4 {
        let entries = [entry(2 * number), entry(2 * number + 1)];
        store.commit_records(&mut first, &entries, NOW + number as i64).await.unwrap();
    }
    let waiting = store.written_between(1, 2, i64::MAX).await.unwrap();
    assert_eq!((waiting.records, waiting.last), (6, 4));
    let waiting = store.written_between(1, 5, i64::MAX).await.unwrap();
    assert_eq!((waiting.records, waiting.last), (0, 4));
    let third = store.records_from(Place::beginning_of(1)).await.unwrap().records[4].place;
    assert_eq!(store.waiting_since(third).await.unwrap(), Some(NOW + 2));
    let end = store.records_from(third).await.unwrap().next;
    assert_eq!(store.waiting_since(end).await.unwrap(), None);
}
