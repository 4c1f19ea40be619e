//! Decisions: recorded before they are answered, spent once, never on a state that was revoked.

use std::future::Future as _;
use std::pin::pin;
use std::task::Poll;

use accredit_store::audit::{Content, MAX_RECORD_BYTES};
use accredit_store::{Committed, Entry, EntryOutcome, KeyDeed, StoreError};

use crate::backends::Factory;
use crate::made::{NOW, chain, entry, id, mark, record, revoke, spending};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;

pub(crate) async fn what_is_recorded_is_found(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let entries: Vec<Entry> = (0..20).map(entry).collect();
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed, Committed { outcomes: vec![RECORDED; 20], pins: vec![] });
    for number in 0..20 {
        let found = store.find_record(&id(number)).await.unwrap().unwrap();
        assert_eq!(found.record.bytes, record(number).content.bytes);
        assert_eq!((found.written_at, found.chain), (NOW, chain.id()));
    }
}

pub(crate) async fn nothing_is_committed_for_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    assert_eq!(store.commit_records(&mut chain, &[], NOW).await.unwrap().outcomes, []);
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().batches, 0);
}

pub(crate) async fn more_than_a_batch_is_one_commit(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let entries: Vec<Entry> = (0..1025).map(entry).collect();
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, vec![RECORDED; 1025]);
    let verification = store.verify_audit(&[], |_| true).await.unwrap();
    assert_eq!((verification.batches, verification.records), (3, 1025));
    assert!(verification.is_intact());
}

pub(crate) async fn a_record_that_is_too_large_is_refused(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let sized = |number, bytes| Entry { record: Content::from(vec![1; bytes]), ..entry(number) };
    let error = store.commit_records(&mut chain, &[entry(1), sized(2, MAX_RECORD_BYTES + 1)], NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::RecordTooLarge { bytes } if bytes == MAX_RECORD_BYTES + 1), "{error}");
    assert_eq!(store.find_record(&id(1)).await.unwrap(), None);
    store.commit_records(&mut chain, &[entry(1), sized(2, MAX_RECORD_BYTES)], NOW).await.unwrap();
    assert_eq!(store.find_record(&id(2)).await.unwrap().unwrap().record.bytes.len(), MAX_RECORD_BYTES);
}

pub(crate) async fn what_was_decided_before_a_revocation_is_stale(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let head = revoke(&store, &mut chain).await;
    let decided = |number, decided_on| Entry { decided_on, ..entry(number) };
    let entries = [decided(0, 0), decided(1, head.revocation), decided(2, head.revocation - 1), decided(3, i64::MAX)];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [EntryOutcome::Stale, RECORDED, EntryOutcome::Stale, RECORDED]);
    for (number, there) in [(0, false), (1, true), (2, false), (3, true)] {
        assert_eq!(store.find_record(&id(number)).await.unwrap().is_some(), there);
    }
    // All of them stale: nothing is written at all.
    let batches = store.verify_audit(&[], |_| true).await.unwrap().batches;
    let committed = store.commit_records(&mut chain, &entries[..1], NOW).await.unwrap();
    assert_eq!(committed.outcomes, [EntryOutcome::Stale]);
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().batches, batches);
}

/// However the store remembers its head: a commit before the revocation, by resources or by keys, changes nothing.
pub(crate) async fn a_revocation_between_two_commits_is_seen(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    for round in 0..6 {
        store.commit_records(&mut chain, &[entry(round * 10)], NOW).await.unwrap();
        let before = store.head().await.unwrap();
        let head = if round.is_multiple_of(2) {
            revoke(&store, &mut chain).await
        } else {
            let deed = KeyDeed { revokes: true, records: vec![record(round * 10 + 5)], ..KeyDeed::default() };
            store.change_keys(&mut chain, deed, NOW).await.unwrap()
        };
        assert_eq!((head.sequence, head.revocation), (before.sequence + 1, before.sequence + 1));
        let stale = |number| Entry { decided_on: before.revocation, ..entry(number) };
        let spending = Entry { mark: Some(mark("idp_1", round as u8)), ..stale(round * 10 + 2) };
        for entries in [vec![stale(round * 10 + 1)], vec![spending.clone()], vec![stale(round * 10 + 3), spending]] {
            let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
            assert!(committed.outcomes.iter().all(|outcome| *outcome == EntryOutcome::Stale), "round {round}");
        }
    }
}

/// A caller that goes away in the middle (a future that is dropped) must not split the chain, at whatever step it left.
pub(crate) async fn a_commit_that_is_given_up_leaves_the_chain_whole(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mut number = 0;
    for polls in 1..12_u32 {
        for once in [false, true] {
            number += 1;
            let given_up = if once { spending(number, mark("idp_1", number as u8)) } else { entry(number) };
            {
                let entries = [given_up];
                let mut commit = pin!(store.commit_records(&mut chain, &entries, NOW));
                let mut left = polls;
                std::future::poll_fn(|context| {
                    left -= 1;
                    let finished = commit.as_mut().poll(context).is_ready();
                    if finished || left == 0 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            let next = store.commit_records(&mut chain, &[entry(1000 + number)], NOW).await.unwrap();
            assert_eq!(next.outcomes, [RECORDED], "given up at poll {polls}");
        }
    }
    let verification = store.verify_audit(&[], |_| true).await.unwrap();
    assert_eq!(verification.breaks, []);
    for kept in 1..=number {
        assert!(store.find_record(&id(1000 + kept)).await.unwrap().is_some());
    }
}

/// Two processes that hold one chain: the one that comes second is told, and nothing of it is written.
pub(crate) async fn a_chain_that_goes_on_elsewhere_is_refused(factory: impl Factory) {
    let store = factory.open().await;
    let other_store = crate::backends::Memory.open().await;
    let mut theirs = chain(&other_store, 1).await;
    other_store.commit_records(&mut theirs, &[entry(1)], NOW).await.unwrap();
    // The same chain by name and place, one batch further on.
    let mut ours = chain(&store, 1).await;
    for _ in 0..2 {
        let error = store.commit_records(&mut theirs, &[entry(2)], NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::ChainOutOfStep { number: 1, .. }), "{error}");
        let error = store.commit_records(&mut theirs, &[spending(3, mark("idp_1", 7))], NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::ChainOutOfStep { number: 1, .. }), "{error}");
    }
    let committed = store.commit_records(&mut ours, &[spending(4, mark("idp_1", 7))], NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED]);
    assert_eq!(store.find_record(&id(2)).await.unwrap(), None);
}
