//! Sealed rows: what every deed leaves behind adds up, and on a store that servers share also when they write at once.

use std::sync::Arc;

use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;
use accredit_store::{Entry, KeyChange, KeyDeed, Known, NamePin, PinKey, Revocation, Store, StoreError};

use crate::backends::{Factory, Postgres};
use crate::made::{NOW, chain, change, entry, record, row, signing_key};

pub(crate) fn key() -> MacKey {
    MacKey::new(&Secret::new([7; 32]))
}

async fn sealed(factory: &impl Factory) -> Store {
    let store = factory.open().await;
    store.begin_seals(key(), vec![1], "k".to_owned(), [9; 16]).await.unwrap();
    store
}

fn pinning(number: u64) -> Entry {
    let key = PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: format!("acme/{number}") };
    let pin = NamePin { key, id_claim: "repository_id".to_owned(), id: "1".to_owned(), decision: [7; 16], at: NOW };
    Entry { pins: vec![pin], ..entry(number) }
}

fn new_key(number: u64) -> KeyDeed {
    let key = signing_key(&format!("k{number}"));
    KeyDeed { changes: vec![KeyChange::Insert(key)], records: vec![record(number)], ..KeyDeed::default() }
}

fn revoked(number: u64) -> Revocation {
    Revocation { decision: u128::from(number).to_be_bytes(), expires_at: NOW + 600, record: record(number) }
}

/// Reads everything as a server does when it starts: how much counts, and what was found.
pub(crate) async fn read(store: &Store) -> (usize, Vec<String>) {
    let mut rows = store.load().await.unwrap().rows.len();
    rows += store.keys().await.unwrap().len() + store.pins().await.unwrap().len();
    rows += store.revoked_tokens().await.unwrap().len();
    (rows, store.tampering().iter().map(ToString::to_string).collect())
}

/// L18: each deed keeps the ledger, and what happened since some moment is no sign of tampering though it is not all.
pub(crate) async fn l18_sealed_rows_add_up<F: Factory>(factory: F) {
    let store = sealed(&factory).await;
    let mut first = chain(&store, 1).await;
    store.apply_change(&mut first, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    store.change_keys(&mut first, new_key(3), NOW).await.unwrap();
    store.commit_records(&mut first, &[pinning(4)], NOW).await.unwrap();
    assert!(store.revoke_token(&mut first, &revoked(5), NOW).await.unwrap());
    let known = store.known().await.unwrap();
    store.apply_change(&mut first, &change(2, vec![row(6)]), NOW).await.unwrap();
    store.commit_records(&mut first, &[pinning(7)], NOW).await.unwrap();
    assert!(store.revoke_token(&mut first, &revoked(8), NOW).await.unwrap());
    let news = store.news(known).await.unwrap().unwrap();
    assert_eq!((news.puts.len(), news.pins.len(), news.revoked.len()), (1, 1, 1));
    assert_eq!(read(&store).await, (8, vec![]));
    assert_eq!(store.key_of_seals().await.unwrap(), Some((vec![1], "k".to_owned())));
    if !F::REMEMBERS {
        return;
    }
    store.close().await.unwrap();
    let store = factory.open().await;
    store.seal_by(key());
    assert_eq!(read(&store).await, (8, vec![]));
}

/// L18: of servers that first start together one makes the key, and what they write at once adds up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l18_servers_that_write_at_once_keep_one_ledger() {
    let Some(postgres) = Postgres::new() else { return };
    let (one, other) = (Arc::new(postgres.open().await), Arc::new(postgres.open().await));
    let begin = |store: &Arc<Store>, number: u8| {
        let store = Arc::clone(store);
        async move { store.begin_seals(key(), vec![number], "k".to_owned(), [number; 16]).await }
    };
    let (here, there) = tokio::join!(tokio::spawn(begin(&one, 1)), tokio::spawn(begin(&other, 2)));
    let begun = [here.unwrap(), there.unwrap()];
    let late: Vec<_> = begun.iter().filter_map(|begun| begun.as_ref().err()).collect();
    assert!(matches!(late.as_slice(), [StoreError::NotUnique { .. }]), "{begun:?}");
    [&one, &other].iter().for_each(|store| store.seal_by(key()));
    let write = |store: &Arc<Store>, number: u8| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut chain = chain(&store, number).await;
            for round in 0..10 {
                let id = u64::from(number) * 100 + round;
                store.commit_records(&mut chain, &[pinning(id)], NOW).await.unwrap();
                store.change_keys(&mut chain, new_key(id), NOW).await.unwrap();
                store.revoke_token(&mut chain, &revoked(id), NOW).await.unwrap();
                loop {
                    let head = store.head().await.unwrap();
                    let changed = store.apply_change(&mut chain, &change(head.sequence, vec![row(id)]), NOW).await;
                    if !matches!(changed, Err(StoreError::Conflict { .. })) {
                        changed.unwrap();
                        break;
                    }
                }
                assert_eq!(read(&store).await.1, Vec::<String>::new());
                store.news(Known::default()).await.unwrap();
            }
        })
    };
    let (here, there) = tokio::join!(write(&one, 1), write(&other, 2));
    here.and(there).unwrap();
    for store in [&one, &other, &Arc::new(postgres.open().await)] {
        store.seal_by(key());
        assert_eq!(read(store).await, (80, vec![]));
    }
}

/// L18: what somebody else writes to a shared database is found by servers that run, and by those that start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l18_what_somebody_else_writes_beside_servers_is_found() {
    for (statement, expected, known) in [
        ("UPDATE resource SET body = '[]' WHERE name = (SELECT min(name) FROM resource)", "was changed", true),
        ("DELETE FROM resource WHERE name = (SELECT min(name) FROM resource)", "table `resource` has 1 rows", false),
        ("DELETE FROM revoked_token", "table `revoked_token` has 0 rows", false),
        ("UPDATE head SET revocation = 0", "head of the store was changed", true),
    ] {
        let Some(postgres) = Postgres::new() else { return };
        let name = postgres.url().rsplit('/').next().unwrap().to_owned();
        let store = sealed(&postgres).await;
        let mut first = chain(&store, 1).await;
        store.apply_change(&mut first, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
        store.change_keys(&mut first, KeyDeed { revokes: true, ..new_key(3) }, NOW).await.unwrap();
        assert!(store.revoke_token(&mut first, &revoked(5), NOW).await.unwrap());
        accredit_test_postgres::shared().unwrap().sql(&name, statement);
        store.news(Known::default()).await.unwrap();
        assert_eq!(!store.tampering().is_empty(), known, "{statement}");
        let later = postgres.open().await;
        later.seal_by(key());
        let found = read(&later).await.1;
        assert!(found.iter().any(|found| found.contains(expected)), "{statement}: {found:?}");
    }
}
