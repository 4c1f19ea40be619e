//! Values for the cases.

use std::sync::Arc;

use accredit_store::audit::{ChainId, Content, NewRecord};
use accredit_store::{
    Chain, Change, Committed, Entry, EntryOutcome, FirstUse, Head, KeyLife, Mark, Row, Sighting, SigningKey, Store,
};

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn id(number: u64) -> [u8; 16] {
    // Spread, as random ids are.
    (u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes()
}

pub(crate) fn record(number: u64) -> NewRecord {
    NewRecord { id: id(number), content: Content::from(format!("record {number}").into_bytes()) }
}

pub(crate) fn row(number: u64) -> Row {
    Row {
        kind: "Mapping".to_owned(),
        id: format!("map_{number:08}"),
        owner: number.is_multiple_of(2).then(|| format!("proj_{number}")),
        name: format!("ci/web-{number}"),
        enabled: !number.is_multiple_of(3),
        revision: 1,
        body: format!(r#"{{"number":{number},"text":"ünï\u0000\"'"}}"#),
    }
}

pub(crate) fn change(expected_sequence: i64, puts: Vec<Row>) -> Change {
    Change { expected_sequence, puts, records: vec![record(1_000_000 + expected_sequence as u64)], ..Change::default() }
}

pub(crate) fn entry(number: u64) -> Entry {
    let NewRecord { id, content } = record(number);
    Entry {
        id,
        record: content,
        mark: None,
        proof: None,
        if_replayed: None,
        pins: Vec::new(),
        rests_on: Vec::new(),
        decided_on: i64::MAX,
    }
}

/// A key that signs.
pub(crate) fn signing_key(id: &str) -> SigningKey {
    SigningKey {
        id: id.to_owned(),
        purpose: "access".to_owned(),
        algorithm: "ES256".to_owned(),
        public_jwk: r#"{"kty":"EC"}"#.to_owned(),
        wrapped: vec![0, 1, 2, 255],
        kek_id: "kek-1".to_owned(),
        domain: None,
        chain: None,
        revision: 0,
        life: KeyLife { state: "active".to_owned(), created_at: NOW, ..KeyLife::default() },
    }
}

/// An alarm of a provider.
pub(crate) fn sighting() -> Sighting {
    Sighting {
        provider: "idp_1".to_owned(),
        code: "claim-unlisted".to_owned(),
        thing: "a".to_owned(),
        id: "alarm_1".to_owned(),
        alarm: true,
        first_seen: NOW,
        last_seen: NOW,
        decision: id(3),
        acknowledged: None,
    }
}

pub(crate) fn mark(provider: &str, token: u8) -> Mark {
    Mark { provider: provider.to_owned(), token: [token; 32], issued_at: NOW, expires_at: NOW + 300, same: None }
}

pub(crate) fn spending(number: u64, mark: Mark) -> Entry {
    Entry { mark: Some(mark), ..entry(number) }
}

/// A proof of possession.
pub(crate) fn proof(name: u8) -> Mark {
    Mark { issued_at: i64::MAX, ..mark("dpop-token", name) }
}

pub(crate) fn proving(number: u64, proof: Mark) -> Entry {
    Entry { proof: Some(proof), ..entry(number) }
}

/// The outcome of what was spent by that one before.
pub(crate) fn replayed(first: u64) -> EntryOutcome {
    EntryOutcome::Replayed { first: Some(FirstUse { decision: id(first), at: NOW }) }
}

pub(crate) async fn chain(store: &Store, number: u8) -> Chain {
    store.open_chain(ChainId([number; 16]), NOW).await.unwrap()
}

/// Takes something away from somebody; gives the head behind it.
pub(crate) async fn revoke(store: &Store, chain: &mut Chain) -> Head {
    let expected = store.head().await.unwrap().sequence;
    let change = Change { revokes: true, ..change(expected, vec![]) };
    store.apply_change(chain, &change, NOW).await.unwrap()
}

/// What becomes of batches that are committed at the same time on five servers' chains, so many on each; `entries` are those of
/// a batch by its number.
pub(crate) async fn crowd<F>(store: &Arc<Store>, on_each: u64, entries: F) -> Vec<(u64, Committed)>
where
    F: Fn(u64) -> Vec<Entry> + Copy + Send + 'static,
{
    let mut tasks = Vec::new();
    for server in 0..5_u8 {
        let chain = Arc::new(tokio::sync::Mutex::new(chain(store, server).await));
        for batch in 0..on_each {
            let (store, chain) = (Arc::clone(store), Arc::clone(&chain));
            let number = u64::from(server) * on_each + batch;
            tasks.push(tokio::spawn(async move {
                let committed = store.commit_records(&mut *chain.lock().await, &entries(number), NOW).await;
                (number, committed.unwrap())
            }));
        }
    }
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}
