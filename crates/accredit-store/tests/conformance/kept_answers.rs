//! Answers to writes that came with an idempotency key.

use accredit_store::archive::Archive;
use accredit_store::{ANSWERS_LAST, Change, KeptAnswer, Store, StoreError};
use tokio::task::JoinSet;

use crate::backends::{Factory, Postgres};
use crate::backups::{deed, taken};
use crate::made::{NOW, chain, change, row};
use crate::seals::key;

/// The answer to this key of an actor.
pub(crate) fn kept(actor: u8, key: u64, bytes: usize) -> KeptAnswer {
    let mut asked = [actor; 32];
    asked[..8].copy_from_slice(&key.to_be_bytes());
    KeptAnswer {
        asked,
        actor: [actor; 32],
        request: [9; 32],
        status: 201,
        etag: Some("\"1\"".to_owned()),
        location: key.is_multiple_of(2).then(|| "/v1/projects/ünï".to_owned()),
        body: vec![0xff; bytes],
    }
}

fn answered(expected_sequence: i64, answer: KeptAnswer) -> Change {
    Change { answer: Some(answer), ..change(expected_sequence, vec![row(7)]) }
}

async fn there(store: &Store, answer: &KeptAnswer, at: i64) -> bool {
    let found = store.kept_answer(&answer.asked, at).await.unwrap();
    assert!(found.as_ref().is_none_or(|found| found == answer), "{found:?}");
    found.is_some()
}

/// It is there exactly when the change is, for whoever opens the store next.
pub(crate) async fn an_answer_is_kept_with_its_change<F: Factory>(factory: F) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let (one, two) = (kept(1, 1, 0), kept(1, 2, 5000));
    store.apply_change(&mut first, &answered(0, one.clone()), NOW).await.unwrap();
    let late = store.apply_change(&mut first, &answered(0, two.clone()), NOW).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict { .. }), "{late}");
    assert!(there(&store, &one, NOW).await && !there(&store, &two, NOW).await);
    store.apply_change(&mut first, &answered(1, two.clone()), NOW).await.unwrap();
    drop(first);
    if !F::REMEMBERS {
        return;
    }
    store.close().await.unwrap();
    let store = factory.open().await;
    assert!(there(&store, &one, NOW).await && there(&store, &two, NOW).await);
    assert!(!there(&store, &kept(2, 1, 0), NOW).await);
}

/// The oldest of an actor go first, and nobody's many take the place of somebody else's.
pub(crate) async fn answers_are_bounded_in_number_size_and_time(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let mut sequence = 0;
    let mut keep = async |answer: KeptAnswer, at: i64| {
        store.apply_change(&mut first, &answered(sequence, answer), at).await.unwrap();
        sequence += 1;
    };
    let (early, quiet) = (kept(1, 1_000_000, 1), kept(2, 1, 1));
    keep(early.clone(), NOW - ANSWERS_LAST + 1).await;
    keep(quiet.clone(), NOW).await;
    assert!(there(&store, &early, NOW).await && !there(&store, &early, NOW + 1).await);
    // What is too old is no longer there, whatever time somebody asks for.
    keep(kept(1, 0, 1), NOW + 1).await;
    assert!(!there(&store, &early, NOW).await);
    for key in 1..=260 {
        keep(kept(1, key, 1), NOW + 1).await;
    }
    let mut left = Vec::new();
    for key in 0..=260 {
        if there(&store, &kept(1, key, 1), NOW + 1).await {
            left.push(key);
        }
    }
    assert_eq!(left, (5..=260).collect::<Vec<_>>());
    for key in 300..305 {
        keep(kept(1, key, BIG), NOW + 2).await;
    }
    assert!(!there(&store, &kept(1, 260, 1), NOW + 2).await && !there(&store, &kept(1, 300, BIG), NOW + 2).await);
    assert!(there(&store, &kept(1, 301, BIG), NOW + 2).await);
    // What many actors have together is bounded, too.
    for actor in 3..6 {
        assert!(there(&store, &quiet, NOW + 2).await, "{actor}");
        for key in 0..4 {
            keep(kept(actor, key, BIG), NOW + 2).await;
        }
    }
    assert!(!there(&store, &quiet, NOW + 2).await && there(&store, &kept(1, 301, BIG), NOW + 2).await);
    keep(kept(6, 0, 1), NOW + 2).await;
    assert!(!there(&store, &kept(1, 301, BIG), NOW + 2).await && there(&store, &kept(1, 302, BIG), NOW + 2).await);
    store.forget_answers(NOW + 2 + ANSWERS_LAST).await.unwrap();
    assert!(!there(&store, &kept(6, 0, 1), NOW + 2).await);
}

/// L16: whoever asks again behind a restore is judged on what came back.
pub(crate) async fn l16_no_backup_brings_answers_back(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let secret = KeptAnswer { body: b"only in the answer".to_vec(), ..kept(1, 1, 0) };
    store.apply_change(&mut first, &answered(0, secret.clone()), NOW).await.unwrap();
    let bytes = taken(&store).await;
    assert!(!bytes.windows(secret.body.len()).any(|window| window == secret.body));
    let other = Store::open("sqlite::memory:").await.unwrap();
    other.restore(Archive::open(bytes.as_slice()).unwrap(), deed(), NOW).await.unwrap();
    assert!(there(&store, &secret, NOW).await && !there(&other, &secret, NOW).await);
    assert_eq!(other.load().await.unwrap().rows, [row(7)]);
}

/// L18: an answer is given again as it was written, or not at all. The next one under its key takes its place.
pub(crate) async fn l18_an_answer_that_was_altered_counts_no_more<F: Factory>(factory: F) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    // Of before there were seals.
    store.apply_change(&mut first, &answered(0, kept(1, 1, 1)), NOW).await.unwrap();
    store.begin_seals(key(), vec![1], "k".to_owned(), [9; 16]).await.unwrap();
    assert!(!there(&store, &kept(1, 1, 1), NOW).await);
    assert_eq!(store.tampering(), []);
    let sealed = kept(1, 2, 100);
    store.apply_change(&mut first, &answered(1, sealed.clone()), NOW).await.unwrap();
    assert!(there(&store, &sealed, NOW).await);
    drop(first);
    // Whoever has another key has not written it.
    if !F::REMEMBERS {
        return;
    }
    store.close().await.unwrap();
    let store = factory.open().await;
    store.seal_by(accredit_id::mac::MacKey::new(&accredit_id::secret::Secret::new([8; 32])));
    assert!(!there(&store, &sealed, NOW).await);
    let found: Vec<String> = store.tampering().iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && found[0].contains("kept_answer"), "{found:?}");
}

/// Several servers with the same key at once: one of them writes, the others find out and find its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_servers_with_a_key_writes() {
    let Some(postgres) = Postgres::new() else { return };
    let mut asking = JoinSet::new();
    for server in 1..=4 {
        let store = postgres.open().await;
        asking.spawn(async move {
            let mut own = chain(&store, server).await;
            let answer = KeptAnswer { body: vec![server], ..kept(1, 1, 0) };
            let done = store.apply_change(&mut own, &answered(0, answer.clone()), NOW).await;
            let found = store.kept_answer(&answer.asked, NOW).await.unwrap().unwrap();
            assert_eq!(done.is_ok(), found.body == [server], "{done:?}");
            done.is_ok()
        });
    }
    let done = asking.join_all().await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
}

const BIG: usize = 4 * 1024 * 1024;
