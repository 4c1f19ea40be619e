//! Signing keys.

use accredit_store::{KeyChange, KeyDeed, KeyLife, SigningKey, StoreError};

use crate::backends::Factory;
use crate::made::{NOW, chain, record, signing_key};

fn key(id: &str) -> SigningKey {
    let key = signing_key(id);
    SigningKey { life: KeyLife { state: "pending".to_owned(), ..key.life.clone() }, ..key }
}

fn deed(number: u64, changes: Vec<KeyChange>) -> KeyDeed {
    KeyDeed { changes, records: vec![record(number)], ..KeyDeed::default() }
}

fn activate(id: &str) -> KeyChange {
    KeyChange::Move { id: id.to_owned(), revision: 0, life: active() }
}

fn active() -> KeyLife {
    KeyLife {
        state: "active".to_owned(),
        created_at: NOW,
        published_at: Some(NOW + 1),
        activated_at: Some(NOW + 2),
        retired_at: Some(NOW + 3),
        leaves_at: Some(NOW + 4),
        due_at: Some(NOW + 5),
        tainted_at: Some(NOW + 6),
        longest_token: 7,
    }
}

pub(crate) async fn keys_are_kept_and_moved<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let second = key("a");
    let second = SigningKey { life: KeyLife { created_at: NOW + 1, ..second.life.clone() }, ..second };
    let changes = vec![KeyChange::Insert(second.clone()), KeyChange::Insert(key("b"))];
    let head = store.change_keys(&mut chain, deed(1, changes), NOW).await.unwrap();
    assert_eq!((head.sequence, head.revocation), (1, 0));
    assert!(store.keys().await.unwrap() == [key("b"), second.clone()]);

    let rewrap = KeyChange::Rewrap { id: "a".to_owned(), wrapped: vec![], kek_id: "kek-2".to_owned() };
    let moved = KeyDeed { revokes: true, ..deed(2, vec![activate("b"), rewrap]) };
    let head = store.change_keys(&mut chain, moved, NOW).await.unwrap();
    assert_eq!((head.sequence, head.revocation), (2, 2));
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
    }
    let active = SigningKey { revision: 1, life: active(), ..key("b") };
    let rewrapped = SigningKey { wrapped: vec![], kek_id: "kek-2".to_owned(), ..second };
    assert!(store.keys().await.unwrap() == [active, rewrapped]);
    assert!(!format!("{:?}", store.keys().await.unwrap()).contains("255"));
}

pub(crate) async fn a_key_deed_is_whole_or_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.change_keys(&mut chain, deed(1, vec![KeyChange::Insert(key("a"))]), NOW).await.unwrap();
    let before = store.keys().await.unwrap();
    for (changes, code) in [
        (vec![KeyChange::Insert(key("b")), KeyChange::Insert(key("a"))], "store-not-unique"),
        (vec![KeyChange::Insert(key("b")), activate("c")], "store-not-found"),
        (vec![KeyChange::Insert(key("b")), activate("a"), activate("a")], "store-key-moved"),
        (
            vec![activate("a"), KeyChange::Rewrap { id: "c".to_owned(), wrapped: vec![], kek_id: String::new() }],
            "store-not-found",
        ),
    ] {
        let error = store.change_keys(&mut chain, deed(7, changes), NOW).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(store.keys().await.unwrap() == before);
        assert_eq!(store.find_record(&record(7).id).await.unwrap(), None);
    }
    let unrecorded = KeyDeed { records: vec![], ..deed(7, vec![activate("a")]) };
    let error = store.change_keys(&mut chain, unrecorded, NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::Unrecorded));
    assert_eq!(store.head().await.unwrap().sequence, 1);
}
