//! Records, from the queue to the disk.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::time::Duration;

use accredit_store::audit::{ChainId, Content, NewRecord};
use accredit_store::{Entry, EntryOutcome, Mark, Store};

use super::queue::{MAX_BATCH_BYTES, RecordFault, Recorded, Recorder};
use super::quota::Most;

const ROOM: Most = Most { marks: 1_000, proofs: 1_000 };

/// I04, I07: marks go once newer evidence of their provider says that theirs has ended, and stay spent all the same.
#[tokio::test]
async fn old_marks_make_room_for_new_ones() {
    let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
    let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
    let (recorder, writer) = Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), ROOM);
    let mark = |number: u16, issued_at: i64| {
        let mut token = [0; 32];
        token[..2].copy_from_slice(&number.to_be_bytes());
        Mark { provider: "idp_1".to_owned(), token, issued_at, expires_at: issued_at + 300, same: None }
    };
    let spend = |number: u16, issued_at: i64| {
        let [high, low] = number.to_be_bytes();
        let entry = Entry {
            id: [high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            record: Content::from(vec![b'a']),
            mark: Some(mark(number, issued_at)),
            proof: None,
            if_replayed: None,
            pins: Vec::new(),
            rests_on: Vec::new(),
            decided_on: i64::MAX,
        };
        let recorder = recorder.clone();
        async move { tokio::time::timeout(Duration::from_secs(20), recorder.record(entry)).await.unwrap().unwrap() }
    };
    assert_eq!(spend(0, 1000).await, Recorded::Durably);
    assert_eq!(spend(1, 1900).await, Recorded::Durably);
    let first = |outcome: EntryOutcome| {
        let EntryOutcome::Replayed { first } = outcome else { return Some(u8::MAX) };
        first.map(|first| first.decision[1])
    };
    assert_eq!(first(store.foresee(&mark(0, 1000)).await.unwrap()), Some(0));
    // All at once: the writer looks for old marks again after some hundred, however soon.
    let many = (2..600).map(|number| tokio::spawn(spend(number, 2000)));
    for spent in many.collect::<Vec<_>>() {
        assert_eq!(spent.await.unwrap(), Recorded::Durably);
    }
    recorder.close();
    writer.await.unwrap();
    assert_eq!(first(store.foresee(&mark(0, 1000)).await.unwrap()), None);
    assert_eq!(first(store.foresee(&mark(1, 1900)).await.unwrap()), Some(1));
    assert_eq!(first(store.foresee(&mark(2, 2000)).await.unwrap()), Some(2));
}

/// I07: whoever floods fills his provider's share, and nobody else's; room comes back as his tokens end.
#[tokio::test]
async fn marks_of_a_provider_are_bounded() {
    let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
    let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
    let (recorder, writer) =
        Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), Most { marks: 20, ..ROOM });
    let spend = |number: u8, provider: &str, issued_at: i64| {
        let mark = Mark {
            provider: provider.to_owned(),
            token: [number; 32],
            issued_at,
            expires_at: issued_at + 300,
            same: None,
        };
        let entry = Entry {
            id: [number; 16],
            record: Content::from(vec![b'a']),
            mark: Some(mark),
            proof: None,
            if_replayed: None,
            pins: Vec::new(),
            rests_on: Vec::new(),
            decided_on: i64::MAX,
        };
        let recorder = recorder.clone();
        async move { tokio::time::timeout(Duration::from_secs(20), recorder.record(entry)).await.unwrap() }
    };
    for number in 0..20 {
        assert_eq!(spend(number, "idp_1", 1000).await.unwrap(), Recorded::Durably, "{number}");
    }
    for number in 20..25 {
        assert!(matches!(spend(number, "idp_1", 1000).await, Err(RecordFault::Marks)), "{number}");
    }
    assert_eq!(spend(20, "idp_2", 1000).await.unwrap(), Recorded::Durably);
    assert_eq!(store.count_marks("idp_1", 1_000).await.unwrap(), 20);
    // A minute later the next one says that theirs have ended. It comes too early itself.
    assert_eq!(store.forget_marks("idp_1", 2000).await.unwrap(), 20);
    assert_eq!(store.count_marks("idp_1", 1_000).await.unwrap(), 0);
    recorder.close();
    writer.await.unwrap();
}

/// What the store refuses keeps nobody behind it waiting.
#[tokio::test]
async fn a_record_that_is_too_large_is_refused_alone() {
    let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
    let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
    let (recorder, writer) = Recorder::start(store, chain, Arc::new(|_| None), Arc::new(|_| ()), ROOM);
    let note = |id: u8, bytes: usize| {
        let record = NewRecord { id: [id; 16], content: Content::from(vec![b'a'; bytes]) };
        let recorder = recorder.clone();
        async move { tokio::time::timeout(Duration::from_secs(20), recorder.note(record)).await.unwrap() }
    };
    let (before, large, behind) = tokio::join!(note(1, 100), note(2, 2 * MAX_BATCH_BYTES), note(3, 100));
    assert!(before.is_ok() && behind.is_ok(), "{before:?} {behind:?}");
    assert!(matches!(large, Err(RecordFault::Store(_))), "{large:?}");
    recorder.close();
    writer.await.unwrap();
}

/// I08, I07: of many who show one proof at the same moment one is the first; there is room for so many at each place, and room comes
/// back as their nonces end.
#[tokio::test]
async fn proofs_are_claimed_once_and_bounded() {
    let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
    let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
    let most = Most { proofs: 20, ..ROOM };
    let (recorder, writer) = Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), most);
    let claim = |number: u8, place: &str, expires_at: i64| {
        let proof =
            Mark { provider: place.to_owned(), token: [number; 32], issued_at: i64::MAX, expires_at, same: None };
        let recorder = recorder.clone();
        async move { tokio::time::timeout(Duration::from_secs(20), recorder.claim(proof)).await.unwrap() }
    };
    let ahead = i64::MAX;
    let shown: Vec<_> = (0..100).map(|_| tokio::spawn(claim(0, "dpop-token", 1000))).collect();
    let mut first = 0;
    for shown in shown {
        first += usize::from(shown.await.unwrap().unwrap());
    }
    assert_eq!(first, 1);
    assert!(claim(0, "dpop-introspection", 1000).await.unwrap(), "another place is another proof");
    for number in 1..=20 {
        assert!(claim(number, "dpop-token", ahead).await.unwrap(), "{number}");
    }
    for number in 18..25 {
        assert!(matches!(claim(number, "dpop-token", ahead).await, Err(RecordFault::Proofs)), "{number}");
    }
    assert!(claim(1, "dpop-introspection", ahead).await.unwrap(), "another place has room of its own");
    // The writer looked for old ones when the first was claimed at each place, which had ended long ago.
    assert_eq!(store.count_marks("dpop-introspection", 100).await.unwrap(), 1);
    recorder.close();
    writer.await.unwrap();
}
