//! Decisions: recorded before they are answered, spent once, never on a state that was revoked.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use accredit_store::audit::{Content, MAX_RECORD_BYTES};
use accredit_store::{Committed, Entry, EntryOutcome, KeyDeed, MARK_MARGIN, Mark, StoreError};

use crate::backends::Factory;
use crate::made::{NOW, chain, entry, id, mark, record, revoke};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;

fn spending(number: u64, mark: Mark) -> Entry {
    Entry { mark: Some(mark), ..entry(number) }
}

fn replayed(first: u64) -> EntryOutcome {
    EntryOutcome::Replayed { first: Some(id(first)) }
}

pub(crate) async fn what_is_recorded_is_found(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let entries: Vec<Entry> = (0..20).map(entry).collect();
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed, Committed { head: store.head().await.unwrap(), outcomes: vec![RECORDED; 20], pins: vec![] });
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
    assert_eq!(committed.head, head);
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
        let before = store.commit_records(&mut chain, &[entry(round * 10)], NOW).await.unwrap().head;
        let head = if round.is_multiple_of(2) {
            revoke(&store, &mut chain).await
        } else {
            let deed = KeyDeed { changes: vec![], revokes: true, records: vec![record(round * 10 + 5)] };
            store.change_keys(&mut chain, deed, NOW).await.unwrap()
        };
        assert_eq!((head.sequence, head.revocation), (before.sequence + 1, before.sequence + 1));
        let stale = |number| Entry { decided_on: before.revocation, ..entry(number) };
        let spending = Entry { mark: Some(mark("idp_1", round as u8)), ..stale(round * 10 + 2) };
        for entries in [vec![stale(round * 10 + 1)], vec![spending.clone()], vec![stale(round * 10 + 3), spending]] {
            let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
            assert_eq!(committed.head, head);
            assert!(committed.outcomes.iter().all(|outcome| *outcome == EntryOutcome::Stale), "round {round}");
        }
    }
}

/// I01: the same token in once-mode, a hundred requests at the same time on five servers' chains.
pub(crate) async fn i01_one_of_a_hundred_claimants_wins(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let mut tasks = Vec::new();
    for server in 0..5_u8 {
        let chain = Arc::new(tokio::sync::Mutex::new(chain(&store, server).await));
        for request in 0..20 {
            let (store, chain) = (Arc::clone(&store), Arc::clone(&chain));
            let number = u64::from(server) * 20 + request;
            tasks.push(tokio::spawn(async move {
                let entries = [spending(number, mark("idp_1", 7))];
                let committed = store.commit_records(&mut *chain.lock().await, &entries, NOW).await.unwrap();
                (number, committed.outcomes[0])
            }));
        }
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    let winners: Vec<u64> =
        outcomes.iter().filter(|(_, outcome)| *outcome == RECORDED).map(|(number, _)| *number).collect();
    assert_eq!(winners.len(), 1);
    for (number, outcome) in outcomes {
        assert!(number == winners[0] || outcome == replayed(winners[0]), "{number}: {outcome:?}");
    }
}

/// I01: the same hundred in one batch.
pub(crate) async fn i01_one_of_a_hundred_in_one_batch_wins(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mut entries: Vec<Entry> = (0..100).map(|number| spending(number, mark("idp_1", 7))).collect();
    entries.insert(50, spending(1000, mark("idp_1", 8)));
    entries.insert(0, entry(1001));
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    let mut expected = vec![RECORDED, RECORDED];
    expected.extend(vec![replayed(0); 49]);
    expected.push(RECORDED);
    expected.extend(vec![replayed(0); 50]);
    assert_eq!(committed.outcomes, expected);
    // Three records: the others had none for a replay.
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().records, 3);
    let again = store.commit_records(&mut chain, &[spending(2000, mark("idp_1", 8))], NOW).await.unwrap();
    assert_eq!(again.outcomes, [replayed(1000)]);
}

/// I03: the same `jti` from two providers is two tokens.
pub(crate) async fn i03_two_providers_may_use_the_same_token_id(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let entries = [spending(1, mark("idp_1", 7)), spending(2, mark("idp_2", 7))];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED, RECORDED]);
}

/// I04: a mark outlives a restart and the expiry of what it marks, by a margin.
pub(crate) async fn i04_marks_survive_reopening_expiry_and_margin<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let spent = mark("idp_1", 7);
    store.commit_records(&mut first, &[spending(1, spent.clone())], NOW).await.unwrap();
    let mut chain = first;
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        chain = crate::made::chain(&store, 2).await;
    }
    let last_moment = spent.expires_at + MARK_MARGIN;
    assert_eq!(store.purge_marks(last_moment).await.unwrap(), 0);
    let again = store.commit_records(&mut chain, &[spending(2, spent.clone())], last_moment).await.unwrap();
    assert_eq!(again.outcomes, [replayed(1)]);
    assert_eq!(store.purge_marks(last_moment + 1).await.unwrap(), 1);
    assert_eq!(store.purge_marks(last_moment + 1).await.unwrap(), 0);
}

/// I05: a decision that does not count does not spend the token.
pub(crate) async fn i05_a_stale_decision_burns_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let head = revoke(&store, &mut chain).await;
    let stale = Entry { decided_on: 0, ..spending(1, mark("idp_1", 7)) };
    let fresh = Entry { decided_on: head.revocation, ..spending(2, mark("idp_1", 7)) };
    let alone = store.commit_records(&mut chain, std::slice::from_ref(&stale), NOW).await.unwrap();
    assert_eq!(alone.outcomes, [EntryOutcome::Stale]);
    let both = store.commit_records(&mut chain, &[stale, fresh], NOW).await.unwrap();
    assert_eq!(both.outcomes, [EntryOutcome::Stale, RECORDED]);
    let later = store.commit_records(&mut chain, &[spending(3, mark("idp_1", 7))], NOW).await.unwrap();
    assert_eq!(later.outcomes, [replayed(2)]);
}

pub(crate) async fn a_bound_use_may_be_repeated(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let bound = |token, same| Mark { same, ..mark("idp_1", token) };
    let one = Some([1; 32]);
    let other = Some([2; 32]);
    let entries = [spending(1, bound(7, one)), spending(2, bound(7, one)), spending(3, bound(7, other))];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED, RECORDED, replayed(1)]);
    for (number, token, same, expected) in [
        (10, 7, one, RECORDED),
        (11, 7, other, replayed(1)),
        (12, 7, None, replayed(1)),
        (13, 8, None, RECORDED),
        (14, 8, None, replayed(13)),
        (15, 8, one, replayed(13)),
    ] {
        let entries = [spending(number, bound(token, same))];
        let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
        assert_eq!(committed.outcomes, [expected], "{number}");
    }
}

pub(crate) async fn a_replay_writes_its_own_record(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let refusal = Content::from(b"refused: replayed".to_vec());
    let entries: Vec<Entry> = (1..=2)
        .map(|number| Entry { if_replayed: Some(refusal.clone()), ..spending(number, mark("idp_1", 7)) })
        .collect();
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED, replayed(1)]);
    assert_eq!(store.find_record(&id(1)).await.unwrap().unwrap().record.bytes, record(1).content.bytes);
    assert_eq!(store.find_record(&id(2)).await.unwrap().unwrap().record.bytes, refusal.bytes);
    let alone = store.commit_records(&mut chain, &[Entry { id: id(3), ..entries[1].clone() }], NOW).await.unwrap();
    assert_eq!(alone.outcomes, [replayed(1)]);
    assert_eq!(store.find_record(&id(3)).await.unwrap().unwrap().record.bytes, refusal.bytes);
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
