//! Whoever can write to the database can change what trust rests on, but not unseen. Each way has its name (L18).

use std::path::{Path, PathBuf};

use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;
use accredit_store::audit::{Content, NewRecord};
use accredit_store::{
    Change, Entry, EntryOutcome, KeyChange, KeyDeed, KeyLife, NamePin, PinKey, Revocation, Row, SigningKey, Store,
    StoreError,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::{NOW, entry, open_chain, raw, url};

fn key() -> MacKey {
    MacKey::new(&Secret::new([7; 32]))
}

fn row(number: u8, body: &str) -> Row {
    Row {
        kind: "Mapping".to_owned(),
        id: format!("map_{number}"),
        owner: None,
        name: format!("ci/{number}"),
        enabled: true,
        revision: 1,
        body: body.to_owned(),
    }
}

fn record(number: u8) -> NewRecord {
    NewRecord { id: [number; 16], content: Content::from(vec![number]) }
}

fn signing_key(id: &str) -> SigningKey {
    SigningKey {
        id: id.to_owned(),
        purpose: "access".to_owned(),
        algorithm: "ES256".to_owned(),
        public_jwk: "{}".to_owned(),
        wrapped: vec![1],
        kek_id: "k".to_owned(),
        domain: None,
        chain: None,
        revision: 0,
        life: KeyLife { state: "active".to_owned(), created_at: NOW, ..KeyLife::default() },
    }
}

/// Three mappings, of which the second was changed once and the fourth deleted, a key, a pin and a revoked token.
async fn written() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let store = Store::open(&url(&database)).await.unwrap();
    store.begin_seals(key(), vec![1], "k".to_owned(), [9; 16]).await.unwrap();
    let mut chain = open_chain(&store, 1).await;
    let rows: Vec<_> = (1..=4).map(|number| row(number, "{}")).collect();
    let first = Change { puts: rows, records: vec![record(1)], ..Change::default() };
    store.apply_change(&mut chain, &first, NOW).await.unwrap();
    // As it was in between, for whoever would put it back.
    let mut aside = raw(&database).await;
    aside.execute("CREATE TABLE kept AS SELECT * FROM resource").await.unwrap();
    let second = Change {
        expected_sequence: 1,
        puts: vec![row(2, r#"{"narrow":true}"#)],
        deletes: vec![("Mapping".to_owned(), "map_4".to_owned())],
        records: vec![record(2)],
        ..Change::default()
    };
    store.apply_change(&mut chain, &second, NOW).await.unwrap();
    let deed = KeyDeed {
        changes: vec![KeyChange::Insert(signing_key("k1"))],
        revokes: false,
        records: vec![record(3)],
        ..KeyDeed::default()
    };
    store.change_keys(&mut chain, deed, NOW).await.unwrap();
    let pin = NamePin {
        key: PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: "acme/web".to_owned() },
        id_claim: "repository_id".to_owned(),
        id: "123".to_owned(),
        decision: [4; 16],
        at: NOW,
    };
    let pinning = Entry { pins: vec![pin], ..entry(4, "pinned") };
    store.commit_records(&mut chain, &[pinning], NOW).await.unwrap();
    let revocation = Revocation { decision: [5; 16], expires_at: NOW + 600, record: record(5) };
    assert!(store.revoke_token(&mut chain, &revocation, NOW).await.unwrap());
    store.close().await.unwrap();
    (folder, database)
}

/// Reads everything as a server does when it starts; what counts, and what was found.
async fn read(database: &Path) -> (Vec<String>, Vec<String>) {
    let store = Store::open(&url(database)).await.unwrap();
    store.seal_by(key());
    let mut counts = Vec::new();
    store.load_each(|row| counts.push(row.id)).await.unwrap();
    counts.extend(store.keys().await.unwrap().into_iter().map(|key| key.id));
    counts.extend(store.pins().await.unwrap().into_iter().map(|pin| pin.id));
    store.revoked_tokens().await.unwrap();
    let found = store.tampering().iter().map(ToString::to_string).collect();
    store.close().await.unwrap();
    (counts, found)
}

#[tokio::test]
async fn what_was_not_touched_holds() {
    let (_folder, database) = written().await;
    let (counts, found) = read(&database).await;
    assert_eq!(counts, ["map_1", "map_2", "map_3", "k1", "123"]);
    assert_eq!(found, Vec::<String>::new());
}

/// L18: whatever is edited, taken out, put in or put back is found, by its name where that can be known.
#[tokio::test]
async fn l18_each_way_of_tampering_is_found() {
    let altered = |table: &str, name: &str| format!("row `{name}` of table `{table}` was changed in the database");
    let rows = |table: &str, found: i64, expected: i64| {
        format!("table `{table}` has {found} rows, expected {expected}: some were taken out or put in in the database")
    };
    let back =
        |table: &str| format!("a row of table `{table}` was put back as it was before, or replaced, in the database");
    let head = || "head of the store was changed in the database".to_owned();
    let map = |number: u8| altered("resource", &format!("map_{number}"));
    for (sql, expected) in [
        ("UPDATE resource SET body = '[]' WHERE id = 'map_1'", vec![map(1)]),
        ("UPDATE resource SET enabled = NOT enabled WHERE id = 'map_3'", vec![map(3)]),
        ("UPDATE resource SET name = 'ci/9' WHERE id = 'map_1'", vec![map(1)]),
        ("UPDATE resource SET owner = 'proj_1' WHERE id = 'map_1'", vec![map(1)]),
        ("UPDATE resource SET revision = 2 WHERE id = 'map_1'", vec![map(1)]),
        ("UPDATE resource SET seal = NULL WHERE id = 'map_1'", vec![map(1), rows("resource", 2, 3)]),
        (
            "UPDATE resource SET seal = (SELECT seal FROM resource WHERE id = 'map_2') WHERE id = 'map_1'",
            vec![map(1), back("resource")],
        ),
        ("DELETE FROM resource WHERE id = 'map_2'", vec![rows("resource", 2, 3)]),
        ("INSERT INTO resource SELECT * FROM kept WHERE id = 'map_4'", vec![rows("resource", 4, 3)]),
        (
            "INSERT INTO resource (id, kind, name, enabled, revision, body) VALUES ('map_9', 'Mapping', 'ci/9', TRUE, 1, '{}')",
            vec![altered("resource", "map_9")],
        ),
        (
            "DELETE FROM resource WHERE id = 'map_2'; INSERT INTO resource SELECT * FROM kept WHERE id = 'map_2'",
            vec![back("resource")],
        ),
        ("UPDATE signing_key SET state = 'retired'", vec![altered("signing_key", "k1")]),
        ("UPDATE signing_key SET activated_at = 1", vec![altered("signing_key", "k1")]),
        ("DELETE FROM signing_key", vec![rows("signing_key", 0, 1)]),
        ("UPDATE name_pin SET id = '666'", vec![altered("name_pin", "map_1 repository acme/web")]),
        ("DELETE FROM name_pin", vec![rows("name_pin", 0, 1)]),
        ("DELETE FROM revoked_token", vec![rows("revoked_token", 0, 1)]),
        ("UPDATE revoked_token SET expires_at = 1", vec![altered("revoked_token", &"05".repeat(16))]),
        ("UPDATE head SET revocation = 0, seq = 2", vec![head()]),
        ("UPDATE head SET ledger = NULL, seal = NULL", vec![head()]),
    ] {
        let (_folder, database) = written().await;
        let mut connection = raw(&database).await;
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
        let (counts, found) = read(&database).await;
        assert_eq!(found, expected, "{sql}");
        // What is named counts no more, and what is not goes on.
        let mappings = counts.iter().filter(|id| id.starts_with("map_")).count();
        match expected.as_slice() {
            [only] if only.contains("map_9") => assert_eq!(mappings, 3, "{sql}"),
            [only] if only.contains("of table `resource` was changed") => assert_eq!(mappings, 2, "{sql}"),
            _ => {}
        }
    }
}

/// L18: nothing is written on top of a head that somebody else wrote.
#[tokio::test]
async fn l18_nothing_is_changed_behind_a_forged_head() {
    let (_folder, database) = written().await;
    let mut connection = raw(&database).await;
    connection.execute("UPDATE head SET seq = 7").await.unwrap();
    connection.close().await.unwrap();
    let store = Store::open(&url(&database)).await.unwrap();
    store.seal_by(key());
    let mut chain = open_chain(&store, 2).await;
    let change =
        Change { expected_sequence: 7, puts: vec![row(1, "[]")], records: vec![record(8)], ..Change::default() };
    let refused = store.apply_change(&mut chain, &change, NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::Tampered { .. }), "{refused}");
}

/// L18: a deed takes nothing for ours that somebody else wrote while the server ran: neither does a revocation forget what was
/// made to look old, nor is a key that was edited moved on and sealed, nor does a forged pin come into force.
#[tokio::test]
async fn l18_no_deed_seals_what_somebody_else_wrote() {
    let (_folder, database) = written().await;
    let store = Store::open(&url(&database)).await.unwrap();
    store.seal_by(key());
    let mut chain = open_chain(&store, 2).await;
    let mut aside = raw(&database).await;
    aside.execute("UPDATE revoked_token SET expires_at = 1").await.unwrap();
    let revocation = Revocation { decision: [6; 16], expires_at: NOW + 600, record: record(10) };
    assert!(store.revoke_token(&mut chain, &revocation, NOW).await.unwrap());
    assert_eq!(store.revoked_tokens().await.unwrap().len(), 2);
    let altered = format!("row `{}` of table `revoked_token` was changed in the database", "05".repeat(16));
    assert_eq!(store.tampering().iter().map(ToString::to_string).collect::<Vec<_>>(), [altered]);

    aside.execute("UPDATE signing_key SET longest_token = 1").await.unwrap();
    let life = KeyLife { state: "retired".to_owned(), created_at: NOW, ..KeyLife::default() };
    let moved = KeyChange::Move { id: "k1".to_owned(), revision: 0, life };
    for change in [moved, KeyChange::Rewrap { id: "k1".to_owned(), wrapped: vec![2], kek_id: "l".to_owned() }] {
        let deed = KeyDeed { changes: vec![change], records: vec![record(11)], ..KeyDeed::default() };
        let refused = store.change_keys(&mut chain, deed, NOW).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Tampered { what } if what.contains("row `k1`")), "{refused}");
    }

    aside
        .execute(
            "INSERT INTO name_pin SELECT mapping, claim, 'acme/new', id_claim, '666', decision, pinned_at, news, seal \
             FROM name_pin",
        )
        .await
        .unwrap();
    let pin = NamePin {
        key: PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: "acme/new".to_owned() },
        id_claim: "repository_id".to_owned(),
        id: "777".to_owned(),
        decision: [12; 16],
        at: NOW,
    };
    for id in ["777", "666"] {
        let pins = vec![NamePin { id: id.to_owned(), ..pin.clone() }];
        let committed = store.commit_records(&mut chain, &[Entry { pins, ..entry(12, "new") }], NOW).await.unwrap();
        assert_eq!(committed.outcomes, [EntryOutcome::Stale], "{id}");
        assert_eq!(committed.pins, []);
    }
    aside.close().await.unwrap();
}

/// A ledger's mask is made of an id that never comes again. That of a stale decision does: it is made again under the same.
#[tokio::test]
async fn a_mask_is_used_once() {
    let (_folder, database) = written().await;
    let store = Store::open(&url(&database)).await.unwrap();
    store.seal_by(key());
    let mut chain = open_chain(&store, 2).await;
    let pinning = |number: u64, id: &str| {
        let key =
            PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: format!("acme/{number}") };
        let pin = NamePin { key, id_claim: "repository_id".to_owned(), id: id.to_owned(), decision: [4; 16], at: NOW };
        Entry { pins: vec![pin], ..entry(number, "pinned") }
    };
    let stale = Entry { decided_on: -1, ..pinning(50, "1") };
    let mut aside = raw(&database).await;
    let mut masks = Vec::new();
    for entries in [[stale.clone(), pinning(51, "1")], [stale, pinning(52, "1")]] {
        let outcomes = store.commit_records(&mut chain, &entries, NOW).await.unwrap().outcomes;
        assert_eq!(outcomes, [EntryOutcome::Stale, EntryOutcome::Recorded]);
        let (ledger,): (Vec<u8>,) = sqlx::query_as("SELECT ledger FROM head").fetch_one(&mut aside).await.unwrap();
        assert_eq!(ledger[..16], entries[1].id);
        masks.push(ledger[..16].to_vec());
    }
    assert_ne!(masks[0], masks[1]);
    aside.close().await.unwrap();
}

/// What an operation takes away goes out of the ledger as well, however it goes.
#[tokio::test]
async fn the_ledger_follows_every_deed() {
    let (_folder, database) = written().await;
    let store = Store::open(&url(&database)).await.unwrap();
    store.seal_by(key());
    let mut chain = open_chain(&store, 2).await;
    let sequence = store.head().await.unwrap().sequence;
    let deletes = vec![("Mapping".to_owned(), "map_1".to_owned())];
    let change = Change { expected_sequence: sequence, deletes, records: vec![record(8)], ..Change::default() };
    store.apply_change(&mut chain, &change, NOW).await.unwrap();
    let life = KeyLife { state: "retired".to_owned(), created_at: NOW, ..KeyLife::default() };
    let changes = vec![
        KeyChange::Move { id: "k1".to_owned(), revision: 0, life },
        KeyChange::Rewrap { id: "k1".to_owned(), wrapped: vec![2], kek_id: "l".to_owned() },
        KeyChange::RewrapSeals { wrapped: vec![3], kek_id: "l".to_owned() },
    ];
    store
        .change_keys(
            &mut chain,
            KeyDeed { changes, revokes: true, records: vec![record(9)], ..KeyDeed::default() },
            NOW,
        )
        .await
        .unwrap();
    for change in [KeyChange::Insert(signing_key("k2")), KeyChange::Remove { id: "k2".to_owned() }] {
        let deed = KeyDeed { changes: vec![change], revokes: false, records: vec![record(11)], ..KeyDeed::default() };
        store.change_keys(&mut chain, deed, NOW).await.unwrap();
    }
    // Long afterwards: the first one is forgotten.
    let revocation = Revocation { decision: [6; 16], expires_at: NOW + 9000, record: record(10) };
    assert!(store.revoke_token(&mut chain, &revocation, NOW + 8000).await.unwrap());
    assert_eq!(store.revoked_tokens().await.unwrap().len(), 1);
    assert_eq!(store.key_of_seals().await.unwrap(), Some((vec![3], "l".to_owned())));
    store.close().await.unwrap();
    let (counts, found) = read(&database).await;
    assert_eq!(counts, ["map_2", "map_3", "k1"]);
    assert_eq!(found, Vec::<String>::new());
}
