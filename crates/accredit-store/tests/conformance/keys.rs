//! Signing keys.

use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;
use accredit_store::{BundleConfirmation, KeyChange, KeyDeed, KeyLife, SigningKey, StoreError};

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
        bundle: None,
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

/// Keys of a trust domain say whose they are; their seals cover it.
pub(crate) async fn keys_of_trust_domains_are_kept<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    store.begin_seals(MacKey::new(&Secret::new([1; 32])), vec![1], "kek-1".to_owned(), [9; 16]).await.unwrap();
    let mut chain = chain(&store, 1).await;
    let jwt = SigningKey { purpose: "jwt-svid".to_owned(), domain: Some("td_1".to_owned()), ..key("a") };
    let authority = SigningKey {
        purpose: "x509-ca".to_owned(),
        chain: Some(vec![0x30, 0, 255]),
        life: KeyLife { bundle: Some(NOW), ..jwt.life.clone() },
        ..SigningKey { id: "b".to_owned(), ..jwt.clone() }
    };
    let changes = [jwt.clone(), authority.clone(), key("c")].map(KeyChange::Insert);
    store.change_keys(&mut chain, deed(1, changes.into()), NOW).await.unwrap();
    let published = KeyLife { bundle: Some(NOW + 1), ..jwt.life.clone() };
    let publish = KeyChange::Move { id: "a".to_owned(), revision: 0, life: published.clone() };
    store.change_keys(&mut chain, deed(2, vec![publish]), NOW).await.unwrap();
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        store.seal_by(MacKey::new(&Secret::new([1; 32])));
    }
    let jwt = SigningKey { revision: 1, life: published, ..jwt };
    assert!(store.keys().await.unwrap() == [jwt, authority, key("c")]);
    assert_eq!(store.tampering(), []);
}

/// L14: what each node said last counts, whatever comes in late; who has not come for long is forgotten.
pub(crate) async fn l14_nodes_confirm_bundles(factory: impl Factory) {
    let store = factory.open().await;
    let said = |node: &str, sequence, seen_at| BundleConfirmation {
        domain: "td_1".to_owned(),
        node: node.to_owned(),
        sequence,
        seen_at,
    };
    let other = BundleConfirmation { domain: "td_2".to_owned(), ..said("one", 9, NOW) };
    for one in
        [said("one", 1, NOW), said("two", 1, NOW), other.clone(), said("one", 2, NOW + 5), said("one", 1, NOW + 4)]
    {
        store.confirm_bundle(&one, NOW - 100).await.unwrap();
    }
    let all = store.bundle_confirmations().await.unwrap();
    assert_eq!(all, [said("one", 2, NOW + 5), said("two", 1, NOW), other.clone()]);
    store.confirm_bundle(&said("one", 1, NOW + 6), NOW + 1).await.unwrap();
    assert_eq!(store.bundle_confirmations().await.unwrap(), [said("one", 1, NOW + 6), other]);
    assert_eq!(store.head().await.unwrap().sequence, 0);
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
