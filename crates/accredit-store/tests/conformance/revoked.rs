//! Tokens that were revoked before their end.

use accredit_store::{Revocation, RevokedToken};

use crate::backends::Factory;
use crate::made::{NOW, chain, id, record};

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
