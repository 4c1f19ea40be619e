//! Tokens that were revoked before their end.

use accredit_store::{Entry, EntryOutcome, Revocation, RevokedToken};

use crate::backends::Factory;
use crate::made::{NOW, chain, entry, id, mark, record, spending};

fn revocation(number: u64, expires_at: i64) -> Revocation {
    Revocation { decision: id(number), expires_at, record: record(100 + number) }
}

fn revoked(number: u64, expires_at: i64) -> RevokedToken {
    RevokedToken { decision: id(number), expires_at }
}

pub(crate) async fn a_token_is_revoked_once(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let before = store.head().await.unwrap();
    assert!(store.revoke_token(&mut chain, &revocation(1, NOW + 60), NOW).await.unwrap());
    assert!(store.find_record(&record(101).id).await.unwrap().is_some());
    let again = Revocation { record: record(7), ..revocation(1, NOW + 90) };
    assert!(!store.revoke_token(&mut chain, &again, NOW).await.unwrap());
    assert_eq!(store.find_record(&record(7).id).await.unwrap(), None);
    assert_eq!(store.revoked_tokens().await.unwrap(), [revoked(1, NOW + 60)]);
    // It takes nothing from anybody but its holder: no decision has to be made again.
    assert_eq!(store.head().await.unwrap(), before);
    assert!(store.verify_audit(&[], |_| true).await.unwrap().breaks.is_empty());
}

pub(crate) async fn k09_revocations_survive_reopening_and_are_forgotten_behind_their_end<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.revoke_token(&mut first, &revocation(1, NOW + 60), NOW).await.unwrap();
    store.revoke_token(&mut first, &revocation(2, NOW + 600), NOW).await.unwrap();
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
    }
    let mut kept = store.revoked_tokens().await.unwrap();
    kept.sort_by_key(|token| token.expires_at);
    assert_eq!(kept, [revoked(1, NOW + 60), revoked(2, NOW + 600)]);
    let mut chain = chain(&store, 2).await;
    store.revoke_token(&mut chain, &revocation(3, NOW + 900), NOW + 180).await.unwrap();
    assert_eq!(store.revoked_tokens().await.unwrap().len(), 3, "it ended a margin ago, and no longer");
    store.revoke_token(&mut chain, &revocation(4, NOW + 900), NOW + 181).await.unwrap();
    let kept = store.revoked_tokens().await.unwrap();
    assert!(kept.len() == 3 && !kept.contains(&revoked(1, NOW + 60)), "{kept:?}");
}

/// K05: nothing is recorded that was made of a token which somebody revoked, whoever knew of it; what is committed with it is.
pub(crate) async fn k05_what_rests_on_a_revoked_token_is_stale(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let made_of = |number: u64, of: &[u64]| Entry { rests_on: of.iter().map(|of| id(*of)).collect(), ..entry(number) };
    let before = store.commit_records(&mut chain, &[made_of(20, &[1]), made_of(21, &[2, 1])], NOW).await.unwrap();
    assert_eq!(before.outcomes, [EntryOutcome::Recorded; 2]);
    store.revoke_token(&mut chain, &revocation(1, NOW + 60), NOW).await.unwrap();
    let spends = Entry { rests_on: vec![id(1)], ..spending(26, mark("idp_1", 7)) };
    let entries = [entry(22), made_of(23, &[1]), made_of(24, &[2, 3, 1]), made_of(25, &[2, 3]), spends];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    let (stale, recorded) = (EntryOutcome::Stale, EntryOutcome::Recorded);
    assert_eq!(committed.outcomes, [recorded, stale, stale, recorded, stale]);
    for (number, there) in [(22, true), (23, false), (24, false), (25, true), (26, false)] {
        assert_eq!(store.find_record(&id(number)).await.unwrap().is_some(), there, "{number}");
    }
    let spent = store.commit_records(&mut chain, &[spending(27, mark("idp_1", 7))], NOW).await.unwrap();
    assert_eq!(spent.outcomes, [recorded], "what is stale spends nothing");
}
