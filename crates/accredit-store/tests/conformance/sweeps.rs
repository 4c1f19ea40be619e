//! What is taken away: values of some records, old values, old records. The chain holds, and says what is gone.

use std::sync::Arc;

use accredit_store::audit::{ChainId, Content, Erasable, SignedHead, Value};
use accredit_store::{Chain, Entry, Place, Removal, Store, Sweep};

use crate::backends::Factory;
use crate::made::{NOW, chain, entry, id, record};

pub(crate) fn holds(signed: &SignedHead) -> bool {
    signed.signature == signed.head.message()
}

fn with_value(number: u64) -> Entry {
    let erasable = Erasable { salt: id(number + 500), bytes: format!("claim {}", number % 3).into_bytes() };
    Entry { record: Content { bytes: b"kept".to_vec(), erasable: Some(erasable) }, ..entry(number) }
}

async fn value(store: &Store, number: u64) -> Value {
    store.find_record(&id(number)).await.unwrap().unwrap().record.value
}

/// Sweeps to the end; how many stretches took something.
pub(crate) async fn sweep(store: &Store, chain: &mut Chain, sweep: Sweep, number: u64) -> usize {
    let (mut left, mut takes) = (Some(sweep), 0);
    while let Some(sweep) = left {
        let swept = match takes {
            0 => store.begin_sweep(chain, sweep, &record(number), NOW).await.unwrap(),
            _ => store.go_on_sweeping(sweep).await.unwrap(),
        };
        takes += usize::from(swept.taken > 0);
        left = swept.left;
    }
    takes
}

pub(crate) async fn one_persons_values_are_erased(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for start in (0..1200).step_by(4) {
        let entries: Vec<Entry> = (start..start + 4).map(with_value).collect();
        store.commit_records(&mut first, &entries, NOW).await.unwrap();
    }
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[with_value(3000), with_value(3001)], NOW).await.unwrap();
    let is_his = |record: &accredit_store::audit::Record| record.value == Value::Present(b"claim 0".to_vec());
    let places = store.places_of(is_his).await.unwrap();
    assert_eq!(places.len(), 401);
    assert!(sweep(&store, &mut second, Sweep::Of(places), 9000).await > 1);
    for number in [0, 3, 300, 1197, 3000] {
        assert_eq!(value(&store, number).await, Value::Erased, "{number}");
    }
    assert_eq!(value(&store, 1).await, Value::Present(b"claim 1".to_vec()));
    assert_eq!(value(&store, 3001).await, Value::Present(b"claim 1".to_vec()));
    assert_eq!(value(&store, 9000).await, Value::None);
    let verified = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!((verified.breaks, verified.erased), (vec![], 401));
    assert!(store.places_of(is_his).await.unwrap().is_empty());
}

/// A sweep that finds nothing leaves no record, or an idle log would grow by its own sweeping.
pub(crate) async fn old_values_are_swept_and_nothing_is_written_for_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..600 {
        store.commit_records(&mut first, &[with_value(number)], NOW - 100).await.unwrap();
    }
    store.commit_records(&mut first, &[with_value(700)], NOW).await.unwrap();
    let old = || Sweep::Values { before: NOW - 50 };
    assert_eq!(sweep(&store, &mut first, old(), 9000).await, 2);
    assert_eq!(
        (value(&store, 599).await, value(&store, 700).await),
        (Value::Erased, Value::Present(b"claim 1".to_vec()))
    );
    assert_eq!(sweep(&store, &mut first, old(), 9001).await, 0);
    assert!(store.find_record(&id(9000)).await.unwrap().is_some());
    assert_eq!(store.find_record(&id(9001)).await.unwrap(), None);
    let verified = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!((verified.breaks, verified.erased), (vec![], 600));
}

pub(crate) fn removal(before: i64, sinks: &[&str]) -> Sweep {
    let sinks = sinks.iter().map(|sink| (*sink).to_owned()).collect();
    let sign = |head: &accredit_store::audit::Head| {
        Some(SignedHead { head: *head, key_id: "audit-1".to_owned(), signature: head.message() })
    };
    Sweep::Records(Removal { before, sinks, sign: Arc::new(sign), signed_at: NOW })
}

pub(crate) async fn old_records_go_behind_a_signed_checkpoint(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..400 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    let sign = |chain: &Chain| {
        let head = chain.head(NOW);
        SignedHead { head, key_id: "audit-1".to_owned(), signature: head.message() }
    };
    let outside = [sign(&first)];
    store.write_head(&outside[0]).await.unwrap();
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[entry(1000)], NOW - 100).await.unwrap();
    store.commit_records(&mut second, &[entry(1001)], NOW).await.unwrap();
    assert!(sweep(&store, &mut second, removal(NOW - 50, &[]), 9000).await > 1);
    assert_eq!(store.find_record(&id(399)).await.unwrap(), None);
    assert_eq!(store.find_record(&id(1000)).await.unwrap(), None);
    assert!(store.find_record(&id(1001)).await.unwrap().is_some());
    for outside in [&outside[..], &[]] {
        let verified = store.verify_audit(outside, holds).await.unwrap();
        assert_eq!((verified.breaks, verified.removed, verified.records), (vec![], 401, 2));
    }
    // A checkpoint that nobody signed hides nothing, and what goes on behind one is linked to it.
    let verified = store.verify_audit(&[], |_| false).await.unwrap();
    let codes: Vec<_> = verified.breaks.iter().map(|broken| broken.code()).collect();
    assert!(codes.contains(&"checkpoint-forged") && codes.contains(&"batches-missing"), "{codes:?}");

    // All of a chain may go, also of the one that is being written; it goes on where it was.
    let whole = removal(NOW + 1, &[]);
    assert!(sweep(&store, &mut second, whole, 9001).await > 0);
    store.commit_records(&mut second, &[entry(2000)], NOW + 5).await.unwrap();
    chain(&store, 3).await;
    let verified = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!((verified.breaks, verified.chains), (vec![], 3));
}

pub(crate) async fn what_a_sink_lacks_is_not_removed(factory: impl Factory) {
    let store = factory.open().await;
    let holder = ChainId([7; 16]);
    let mut first = chain(&store, 1).await;
    for number in 0..10 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &["siem"]), 9000).await, 0);
    let at = store.hold_chain("siem", holder, 1, NOW, NOW + 60).await.unwrap().unwrap();
    let fifth: Place = store.records_from(at).await.unwrap().records[5].place;
    assert!(store.confirm("siem", holder, fifth, NOW + 60).await.unwrap());
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &["siem"]), 9001).await, 1);
    assert_eq!(store.find_record(&id(4)).await.unwrap(), None);
    assert!(store.find_record(&id(5)).await.unwrap().is_some());
    assert!(store.verify_audit(&[], holds).await.unwrap().is_intact());
}
