//! What is taken away: values of some records, old values, old records. The chain holds, and says what is gone.

use std::sync::Arc;

use accredit_store::audit::{ChainId, Content, Erasable, Head, SignedHead, Value};
use accredit_store::{Chain, Entry, HeadKeys, Place, Removal, Store, Sweep};

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
    let (mut left, mut takes, mut rounds) = (Some(sweep), 0, 0);
    while let Some(sweep) = left {
        rounds += 1;
        assert!(rounds < 100, "it never ends");
        let sweep = store.prepare_sweep(sweep).await.unwrap();
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

/// Batches without values, of which a stretch is full, keep nobody from the values behind them.
pub(crate) async fn stretches_without_values_are_passed_by(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..600 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    let old = || Sweep::Values { before: NOW - 50 };
    assert_eq!(sweep(&store, &mut first, old(), 9000).await, 0);
    store.commit_records(&mut first, &[with_value(700)], NOW - 90).await.unwrap();
    assert_eq!(sweep(&store, &mut first, old(), 9001).await, 1);
    assert_eq!(value(&store, 700).await, Value::Erased);
    assert_eq!(store.find_record(&id(9000)).await.unwrap(), None);
}

pub(crate) fn removal(before: i64, sinks: &[&str]) -> Sweep {
    let sinks = sinks.iter().map(|sink| (*sink).to_owned()).collect();
    let keys = HeadKeys { sign: Arc::new(|head| Some(sign(*head))), verify: Arc::new(holds) };
    Sweep::Records(Removal::new(before, sinks, keys, NOW))
}

fn sign(head: Head) -> SignedHead {
    SignedHead { head, key_id: "audit-1".to_owned(), signature: head.message() }
}

/// Signs where the chain ends now.
pub(crate) async fn cover(store: &Store, chain: &Chain) -> SignedHead {
    let signed = sign(chain.head(NOW));
    store.write_head(&signed).await.unwrap();
    signed
}

pub(crate) async fn old_records_go_behind_a_signed_checkpoint(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..400 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    let outside = [cover(&store, &first).await];
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[entry(1000)], NOW - 100).await.unwrap();
    store.commit_records(&mut second, &[entry(1001)], NOW).await.unwrap();
    cover(&store, &second).await;
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
    cover(&store, &second).await;
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
    cover(&store, &first).await;
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &["siem"]), 9000).await, 0);
    let at = store.hold_chain("siem", holder, 1, NOW, NOW + 60).await.unwrap().unwrap();
    let fifth: Place = store.records_from(at).await.unwrap().records[5].place;
    assert!(store.confirm("siem", holder, fifth, NOW + 60).await.unwrap());
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &["siem"]), 9001).await, 1);
    assert_eq!(store.find_record(&id(4)).await.unwrap(), None);
    assert!(store.find_record(&id(5)).await.unwrap().is_some());
    assert!(store.verify_audit(&[], holds).await.unwrap().is_intact());
}

/// A sink of another server keeps its records, too, until nobody has delivered to it for a week.
pub(crate) async fn what_a_sink_of_another_server_lacks_is_not_removed(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..10 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    cover(&store, &first).await;
    let week = 7 * 24 * 3600;
    store.hold_chain("elsewhere", ChainId([7; 16]), 1, NOW - week, NOW - week).await.unwrap().unwrap();
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &[]), 9000).await, 0);
    store.hold_chain("elsewhere", ChainId([7; 16]), 1, NOW - week, NOW - week - 1).await.unwrap().unwrap();
    assert_eq!(sweep(&store, &mut first, removal(NOW - 50, &[]), 9001).await, 1);
    assert_eq!(store.find_record(&id(9)).await.unwrap(), None);
}

/// What no signed head covers stays, however old the store says it is; a process that was killed signed no last head, but the
/// next one begins with the hash of where it ended.
pub(crate) async fn what_no_head_covers_is_not_removed(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..10 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
        if number == 4 {
            cover(&store, &first).await;
        }
    }
    let old = || removal(NOW - 50, &[]);
    assert_eq!(sweep(&store, &mut first, old(), 9000).await, 1);
    assert_eq!(store.find_record(&id(4)).await.unwrap(), None);
    assert!(store.find_record(&id(5)).await.unwrap().is_some());
    // The second was killed before it had signed anything.
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[entry(20)], NOW - 90).await.unwrap();
    assert_eq!(sweep(&store, &mut second, old(), 9001).await, 0);
    let mut third = chain(&store, 3).await;
    store.commit_records(&mut third, &[entry(30)], NOW).await.unwrap();
    cover(&store, &third).await;
    assert_eq!(sweep(&store, &mut third, old(), 9002).await, 2);
    for gone in [9, 20] {
        assert_eq!(store.find_record(&id(gone)).await.unwrap(), None, "{gone}");
    }
    assert!(store.find_record(&id(30)).await.unwrap().is_some());
    let verified = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!((verified.breaks, verified.removed), (vec![], 11));
}
