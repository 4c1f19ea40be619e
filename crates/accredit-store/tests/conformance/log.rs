//! The log: read from new to old, found by id, verified, erased in part.

use accredit_store::audit::{ChainId, Content, Erasable, SignedHead, Value};
use accredit_store::{Chain, Entry, Place, Store};

use crate::backends::{Factory, Memory};
use crate::made::{NOW, chain, entry, id, record};

/// Commits records `numbers` in batches of three.
async fn fill(store: &Store, chain: &mut Chain, numbers: std::ops::Range<u64>) {
    let entries: Vec<Entry> = numbers.map(entry).collect();
    for batch in entries.chunks(3) {
        store.commit_records(chain, batch, NOW).await.unwrap();
    }
}

/// Signs as a test does: the signature is the message.
fn sign(chain: &Chain) -> SignedHead {
    let head = chain.head(NOW);
    SignedHead { head, key_id: "audit-1".to_owned(), signature: head.message() }
}

fn holds(signed: &SignedHead) -> bool {
    signed.signature == signed.head.message()
}

pub(crate) async fn pages_go_from_new_to_old(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    fill(&store, &mut first, 0..40).await;
    let mut second = chain(&store, 2).await;
    fill(&store, &mut second, 40..61).await;
    for limit in [1, 2, 3, 7, 60, 61, 100] {
        let mut numbers = Vec::new();
        let mut before: Option<Place> = None;
        loop {
            let page = store.audit_page(before, limit, |_| true).await.unwrap();
            assert!(page.records.len() <= limit);
            numbers.extend(page.records.iter().map(|found| found.record.bytes.clone()));
            assert!(numbers.len() <= 61, "records come again");
            match page.next {
                // As text and back, as it travels.
                Some(next) => before = Some(next.to_string().parse().unwrap()),
                None => break,
            }
        }
        let expected: Vec<_> = (0..61).rev().map(|number| record(number).content.bytes).collect();
        assert_eq!(numbers, expected, "limit {limit}");
    }
}

/// A time is where to look first, never a reason not to find.
pub(crate) async fn a_record_is_found_about_its_time(factory: impl Factory) {
    let store = factory.open().await;
    for (ordinal, began) in [(1, 0), (2, 500)] {
        let mut chain = store.open_chain(ChainId([ordinal; 16]), NOW + began).await.unwrap();
        for number in 0..100_u64 {
            // A batch every five seconds, and a clock that is set back once.
            let at = if number == 60 { NOW } else { NOW + began + 5 * i64::try_from(number).unwrap() };
            let entry = entry(u64::from(ordinal) * 1000 + number);
            store.commit_records(&mut chain, &[entry], at).await.unwrap();
        }
    }
    for number in [1000, 1001, 1050, 1060, 1099, 2000, 2001, 2050, 2060, 2099] {
        let written = NOW + if number < 2000 { 0 } else { 500 } + 5 * (i64::try_from(number).unwrap() % 1000);
        for at in [written, written - 10, written + 1, NOW, 0, i64::MAX, i64::MIN] {
            let found = store.find_record_about(&id(number), at).await.unwrap().unwrap();
            assert_eq!(found.record.bytes, record(number).content.bytes, "{number} about {at}");
        }
    }
    assert_eq!(store.find_record_about(&id(5000), NOW).await.unwrap(), None);
}

pub(crate) async fn a_page_keeps_what_it_is_asked_for(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    fill(&store, &mut chain, 0..100).await;
    let wanted = [id(3), id(50), id(97)];
    let page = store.audit_page(None, 2, |found| wanted.contains(&found.record.id)).await.unwrap();
    assert_eq!(page.records.iter().map(|found| found.record.id).collect::<Vec<_>>(), [id(97), id(50)]);
    let page = store.audit_page(page.next, 2, |found| wanted.contains(&found.record.id)).await.unwrap();
    assert_eq!(page.records.iter().map(|found| found.record.id).collect::<Vec<_>>(), [id(3)]);
    assert_eq!(page.next, None);
}

pub(crate) async fn records_are_found_by_id(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let of = |id: [u8; 16], text: &[u8]| Entry { id, record: Content::from(text.to_vec()), ..entry(0) };
    // Ids that begin alike, and one whose beginning lies across two others in the summary.
    let mut twin = [1; 16];
    twin[15] = 2;
    let across = [1, 1, 3, 3, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let entries = [of([1; 16], b"one"), of([3; 16], b"three"), of(twin, b"twin")];
    store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    store.commit_records(&mut chain, &[of(across, b"across")], NOW).await.unwrap();
    store.commit_records(&mut chain, &[of([3; 16], b"three again")], NOW).await.unwrap();
    for (id, expected) in [
        ([1; 16], Some("one")),
        (twin, Some("twin")),
        (across, Some("across")),
        ([3; 16], Some("three again")),
        ([9; 16], None),
    ] {
        let found = store.find_record(&id).await.unwrap();
        let text = found.map(|found| String::from_utf8(found.record.bytes).unwrap());
        assert_eq!(text.as_deref(), expected);
    }
}

pub(crate) async fn chains_link_across_restarts<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    for number in 1..=4 {
        let mut chain = chain(&store, number).await;
        // The third process dies before it writes anything.
        if number != 3 {
            let from = u64::from(number) * 10;
            fill(&store, &mut chain, from..from + 6).await;
        }
        if F::REMEMBERS {
            store.close().await.unwrap();
            store = factory.open().await;
        }
    }
    let verification = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!(verification.breaks, []);
    assert_eq!((verification.chains, verification.batches, verification.records), (4, 6, 18));
    assert_eq!(verification.uncovered, 18);
}

pub(crate) async fn heads_cover_what_they_sign(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.write_head(&sign(&first)).await.unwrap();
    fill(&store, &mut first, 0..7).await;
    store.write_head(&sign(&first)).await.unwrap();
    // Signed again with nothing written since: once is enough.
    store.write_head(&sign(&first)).await.unwrap();
    fill(&store, &mut first, 7..9).await;
    let verification = store.verify_audit(&[], holds).await.unwrap();
    assert_eq!((verification.heads, verification.uncovered, verification.breaks), (2, 2, vec![]));

    let second = chain(&store, 2).await;
    let outside = [sign(&first), sign(&second)];
    let verification = store.verify_audit(&outside, holds).await.unwrap();
    // The head of the second chain covers the first, which it sealed.
    assert_eq!((verification.heads, verification.uncovered, verification.breaks), (4, 0, vec![]));

    let elsewhere = Memory.open().await;
    let foreign = sign(&elsewhere.open_chain(ChainId([9; 16]), NOW).await.unwrap());
    let verification = store.verify_audit(&[foreign], holds).await.unwrap();
    assert_eq!(verification.breaks.iter().map(|broken| broken.code()).collect::<Vec<_>>(), ["chain-missing"]);
}

pub(crate) async fn values_are_erased_and_the_chain_holds(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let with_value = |number: u64| {
        let erasable = Erasable { salt: id(number + 500), bytes: format!("claim {number}").into_bytes() };
        Entry { record: Content { bytes: b"kept".to_vec(), erasable: Some(erasable) }, ..entry(number) }
    };
    let old = NOW - 100 * 86_400;
    for number in 0..1200 {
        store.commit_records(&mut first, &[with_value(number)], old).await.unwrap();
    }
    store.commit_records(&mut first, &[with_value(2000)], NOW).await.unwrap();
    let value = |number| {
        let store = &store;
        async move { store.find_record(&id(number)).await.unwrap().unwrap().record.value }
    };
    assert_eq!(value(5).await, Value::Present(b"claim 5".to_vec()));

    store.erase_values(&mut first, NOW - 90 * 86_400, &record(9000), NOW).await.unwrap();
    for number in [0, 5, 499, 500, 501, 1199] {
        assert_eq!(value(number).await, Value::Erased, "{number}");
    }
    assert_eq!(value(2000).await, Value::Present(b"claim 2000".to_vec()));
    assert_eq!(value(9000).await, Value::None);
    assert!(store.verify_audit(&[], holds).await.unwrap().is_intact());

    // What grows old later is erased later, in this chain and in others.
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[with_value(3000)], NOW).await.unwrap();
    store.erase_values(&mut second, NOW + 1, &record(9001), NOW).await.unwrap();
    assert_eq!((value(2000).await, value(3000).await), (Value::Erased, Value::Erased));
    store.commit_records(&mut second, &[with_value(3001)], NOW + 5).await.unwrap();
    store.erase_values(&mut second, NOW + 6, &record(9002), NOW).await.unwrap();
    assert_eq!(value(3001).await, Value::Erased);
    assert!(store.verify_audit(&[], holds).await.unwrap().is_intact());
}

pub(crate) async fn the_clock_mark_is_the_latest_time(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = store.open_chain(ChainId([1; 16]), NOW).await.unwrap();
    assert_eq!(store.clock_mark().await.unwrap(), Some(NOW));
    store.commit_records(&mut chain, &[entry(1)], NOW + 10).await.unwrap();
    assert_eq!(store.clock_mark().await.unwrap(), Some(NOW + 10));
}
