//! Proofs of possession that servers of a store remember together: each counts once, with a decision or alone.

use std::sync::Arc;

use accredit_store::{Entry, EntryOutcome, MARK_MARGIN, Mark};

use crate::backends::Factory;
use crate::made::{NOW, chain, crowd, entry, mark, proof, proving, replayed, revoke, spending};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;
const SHOWN: EntryOutcome = EntryOutcome::ProofShown;

/// I08: the same proof with a hundred requests at the same time, on five servers' chains.
pub(crate) async fn i08_one_of_a_hundred_shows_a_proof_first(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let committed = crowd(&store, 20, |number| vec![proving(number, proof(7))]).await;
    let outcomes: Vec<_> = committed.into_iter().map(|(_, committed)| committed.outcomes[0]).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == RECORDED).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SHOWN).count(), 99);
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().records, 1);
}

/// I08: the same hundred in one batch; another place's proof of the same name is another.
pub(crate) async fn i08_one_of_a_hundred_in_one_batch_shows_a_proof_first(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mut entries: Vec<Entry> = (0..100).map(|number| proving(number, proof(7))).collect();
    entries.push(proving(1000, Mark { provider: "dpop-introspection".to_owned(), ..proof(7) }));
    entries.push(entry(1001));
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    let mut expected = vec![RECORDED];
    expected.extend(vec![SHOWN; 99]);
    expected.extend([RECORDED, RECORDED]);
    assert_eq!(committed.outcomes, expected);
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().records, 3);
}

/// I08: what counted alone counts with no decision, and the reverse.
pub(crate) async fn i08_a_proof_counts_once_alone_or_with_a_decision(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let shown = [proof(1), proof(2), proof(1), proof(1)];
    assert_eq!(store.claim_proofs(&shown, NOW).await.unwrap(), [true, true, false, false]);
    assert_eq!(store.claim_proofs(&[proof(2), proof(3)], NOW + 1).await.unwrap(), [false, true]);
    assert_eq!(store.claim_proofs(&[proof(3)], NOW + 1).await.unwrap(), [false]);
    assert_eq!(store.claim_proofs(&[], NOW).await.unwrap(), [false; 0]);
    let entries = [proving(1, proof(3)), proving(2, proof(4))];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [SHOWN, RECORDED]);
    assert_eq!(store.claim_proofs(&[proof(4), proof(5)], NOW).await.unwrap(), [false, true]);
}

/// I05, I08: whoever loses his proof burns no evidence, whoever comes too late with his evidence burns no proof, and what is
/// stale burns neither.
pub(crate) async fn i05_what_is_not_recorded_claims_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let head = revoke(&store, &mut chain).await;
    let both = |number, token, name| Entry { proof: Some(proof(name)), ..spending(number, mark("idp_1", token)) };
    let free = [both(1, 1, 1), entry(2)];
    assert_eq!(store.commit_records(&mut chain, &free, NOW).await.unwrap().outcomes, [RECORDED, RECORDED]);
    let stale = Entry { decided_on: head.revocation - 1, ..both(6, 5, 5) };
    // Beside one that is recorded, so that the transaction is not given up.
    let entries = [both(3, 2, 1), both(4, 1, 2), stale, entry(5)];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [SHOWN, replayed(1), EntryOutcome::Stale, RECORDED]);
    let later = [both(10, 2, 2), both(11, 5, 5), both(12, 2, 6)];
    let committed = store.commit_records(&mut chain, &later, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED, RECORDED, replayed(10)]);
    assert!(store.verify_audit(&[], |_| true).await.unwrap().is_intact());
}

/// I01, I08: evidence that a key may use again is marked by whoever was let in, not by whoever lost his proof beside it.
pub(crate) async fn i01_a_bound_use_is_marked_by_whoever_is_let_in(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let bound = |number, key: u8, name| {
        let mark = Mark { same: Some([key; 32]), ..mark("idp_1", 7) };
        Entry { proof: Some(proof(name)), ..spending(number, mark) }
    };
    assert_eq!(store.claim_proofs(&[proof(1)], NOW).await.unwrap(), [true]);
    let entries = [bound(1, 1, 1), bound(2, 1, 2), bound(3, 1, 3), bound(4, 2, 4)];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [SHOWN, RECORDED, RECORDED, replayed(2)]);
    let committed = store.commit_records(&mut chain, &[bound(5, 2, 4)], NOW).await.unwrap();
    assert_eq!(committed.outcomes, [replayed(2)]);
}

/// I08, L17: a proof stays shown over a restart and behind the end of its nonce, by a margin; and what was forgotten stays shown,
/// whatever the clock says by then. A restore lets new ones in, since they bear other nonces.
pub(crate) async fn i08_what_was_shown_stays_shown<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let later = Mark { expires_at: proof(2).expires_at + 60, ..proof(2) };
    assert_eq!(store.claim_proofs(&[proof(1), later.clone()], NOW).await.unwrap(), [true, true]);
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
    }
    let last_moment = proof(1).expires_at + MARK_MARGIN;
    assert_eq!(store.forget_marks("dpop-token", last_moment).await.unwrap(), 0);
    assert_eq!(store.claim_proofs(&[proof(1)], last_moment).await.unwrap(), [false]);
    assert_eq!(store.forget_marks("dpop-token", last_moment + 1).await.unwrap(), 1);
    let all = [proof(1), proof(9), later, Mark { expires_at: proof(1).expires_at + 60, ..proof(3) }];
    assert_eq!(store.claim_proofs(&all, NOW).await.unwrap(), [false, false, false, true]);
    assert_eq!(store.count_marks("dpop-token", 100).await.unwrap(), 2);
    store.doubt_evidence(NOW + 10_000).await.unwrap();
    let new = Mark { expires_at: proof(1).expires_at + 60, ..proof(4) };
    assert_eq!(store.claim_proofs(&[new], NOW).await.unwrap(), [true]);
}

/// L17: where servers share a database, its clock is asked as well.
#[expect(clippy::disallowed_methods, reason = "the clock of the database is compared with that of this machine")]
pub(crate) async fn l17_the_clock_of_the_database(factory: impl Factory) {
    let store = factory.open().await;
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    match store.database_clock().await.unwrap() {
        Some(theirs) => assert!(store.is_shared() && theirs.abs_diff(i64::try_from(seconds).unwrap()) < 60),
        None => assert!(!store.is_shared()),
    }
}
