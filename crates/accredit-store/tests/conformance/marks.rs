//! Replay marks: evidence that is spent by being used, once.

use std::sync::Arc;

use accredit_store::audit::Content;
use accredit_store::{Entry, EntryOutcome, FirstUse, MARK_MARGIN, Mark};

use crate::backends::Factory;
use crate::made::{NOW, chain, crowd, entry, id, mark, record, replayed, revoke, spending};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;

/// I01: the same token in once-mode, a hundred requests at the same time on five servers' chains.
pub(crate) async fn i01_one_of_a_hundred_claimants_wins(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let committed = crowd(&store, 20, |number| vec![spending(number, mark("idp_1", 7))]).await;
    let outcomes: Vec<_> = committed.into_iter().map(|(number, committed)| (number, committed.outcomes[0])).collect();
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

/// I04: a mark outlives a restart and the expiry of what it marks, by a margin, and its evidence is refused behind it.
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
    assert_eq!(store.forget_marks("idp_1", last_moment).await.unwrap(), 0);
    let again = store.commit_records(&mut chain, &[spending(2, spent.clone())], last_moment).await.unwrap();
    assert_eq!(again.outcomes, [replayed(1)]);
    assert_eq!(store.forget_marks("idp_1", last_moment + 1).await.unwrap(), 1);
    assert_eq!(store.forget_marks("idp_1", last_moment + 1).await.unwrap(), 0);
}

/// I04: evidence whose mark was forgotten stays spent, whatever the clock says by then; so does what ended before it.
pub(crate) async fn what_was_forgotten_stays_spent<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let ending = |provider: &str, token, expires_at| Mark { expires_at, ..mark(provider, token) };
    let entries = [
        spending(1, ending("idp_1", 1, NOW + 300)),
        spending(2, ending("idp_1", 2, NOW + 400)),
        spending(3, ending("idp_2", 1, NOW + 300)),
    ];
    store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    let floor = NOW + 301;
    assert_eq!(store.forget_marks("idp_1", floor + MARK_MARGIN).await.unwrap(), 1);
    // A later look at an earlier time takes nothing back.
    assert_eq!(store.forget_marks("idp_1", NOW - 1000).await.unwrap(), 0);
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        chain = crate::made::chain(&store, 2).await;
    }
    let (unknown, free) = (EntryOutcome::Replayed { first: None }, RECORDED);
    for (number, spends, expected) in [
        (10, ending("idp_1", 1, NOW + 300), unknown),
        (11, ending("idp_1", 1, NOW + 300), unknown),
        // Never spent, and nobody can know that.
        (12, ending("idp_1", 9, floor - 1), unknown),
        (13, ending("idp_1", 2, NOW + 400), replayed(2)),
        (14, ending("idp_1", 3, floor), free),
        // Other providers go by their own marks.
        (15, ending("idp_2", 1, NOW + 300), replayed(3)),
        (16, ending("idp_2", 9, floor - 1), free),
    ] {
        assert_eq!(store.foresee(&spends).await.unwrap(), expected, "{number}");
        // Beside one that is recorded, so that the transaction is not given up.
        let entries = [entry(100 + number), spending(number, spends)];
        let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
        assert_eq!(committed.outcomes, [RECORDED, expected], "{number}");
    }
    assert!(store.verify_audit(&[], |_| true).await.unwrap().is_intact());
}

/// Behind a restore nothing counts that was issued before it, of whatever provider, but what is bound to its first use.
pub(crate) async fn evidence_of_before_a_restore_counts_as_spent(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let issued = |token, issued_at| Mark { issued_at, expires_at: NOW + 9000, ..mark("idp_1", token) };
    let bound = Mark { same: Some([1; 32]), ..issued(5, NOW) };
    let entries = [spending(1, issued(1, NOW)), spending(2, bound.clone())];
    store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    store.doubt_evidence(NOW).await.unwrap();
    store.doubt_evidence(NOW - 1000).await.unwrap();
    let unknown = EntryOutcome::Replayed { first: None };
    for (number, spends, expected) in [
        (10, issued(1, NOW), replayed(1)),
        (11, issued(2, NOW - 1), unknown),
        (12, issued(3, NOW + MARK_MARGIN - 1), unknown),
        (13, issued(4, NOW + MARK_MARGIN), RECORDED),
        (14, Mark { provider: "idp_2".to_owned(), ..issued(2, NOW) }, unknown),
        (15, bound, RECORDED),
    ] {
        assert_eq!(store.foresee(&spends).await.unwrap(), expected, "{number}");
        let committed = store.commit_records(&mut chain, &[spending(number, spends)], NOW).await.unwrap();
        assert_eq!(committed.outcomes, [expected], "{number}");
    }
}

/// I07: however many there are, they go a thousand at a time, those first that ended first.
pub(crate) async fn i07_marks_are_forgotten_in_the_order_of_their_ends(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let numbered = |number: u64| {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&number.to_be_bytes());
        Mark { token, expires_at: NOW + i64::try_from(number % 700).unwrap(), ..mark("idp_1", 0) }
    };
    let entries: Vec<Entry> = (0..1400).map(|number| spending(number, numbered(number))).collect();
    store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    let past = NOW + 700 + MARK_MARGIN;
    assert_eq!(store.forget_marks("idp_2", past).await.unwrap(), 0);
    assert_eq!(store.forget_marks("idp_1", past).await.unwrap(), 1000);
    let left = store.foresee(&numbered(699)).await.unwrap();
    assert!(matches!(left, EntryOutcome::Replayed { first: Some(_) }), "{left:?}");
    assert_eq!(store.foresee(&numbered(0)).await.unwrap(), EntryOutcome::Replayed { first: None });
    assert_eq!(store.forget_marks("idp_1", past).await.unwrap(), 400);
    assert_eq!(store.forget_marks("idp_1", past).await.unwrap(), 0);
}

/// L23: a question about evidence spends nothing.
pub(crate) async fn l23_a_question_spends_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let bound = |same| Mark { same, ..mark("idp_1", 7) };
    for _ in 0..2 {
        assert_eq!(store.foresee(&bound(Some([1; 32]))).await.unwrap(), RECORDED);
    }
    store.commit_records(&mut chain, &[spending(1, bound(Some([1; 32])))], NOW + 5).await.unwrap();
    let first = Some(FirstUse { decision: id(1), at: NOW + 5 });
    assert_eq!(store.foresee(&bound(Some([1; 32]))).await.unwrap(), RECORDED);
    assert_eq!(store.foresee(&bound(Some([2; 32]))).await.unwrap(), EntryOutcome::Replayed { first });
    assert_eq!(store.foresee(&bound(None)).await.unwrap(), EntryOutcome::Replayed { first });
}

/// I01: forgetting goes on beside claims, and none of it is a gap to slip through.
pub(crate) async fn i01_no_claim_slips_past_forgetting(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let mut chain = chain(&store, 1).await;
    let spent = mark("idp_1", 7);
    store.commit_records(&mut chain, &[spending(1, spent.clone())], NOW).await.unwrap();
    let forgetting = {
        let (store, past) = (Arc::clone(&store), spent.expires_at + MARK_MARGIN + 1);
        tokio::spawn(async move { store.forget_marks("idp_1", past).await.unwrap() })
    };
    for number in 10..40 {
        let committed = store.commit_records(&mut chain, &[spending(number, spent.clone())], NOW).await.unwrap();
        assert!(matches!(committed.outcomes[..], [EntryOutcome::Replayed { .. }]), "{number}");
    }
    assert_eq!(forgetting.await.unwrap(), 1);
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
