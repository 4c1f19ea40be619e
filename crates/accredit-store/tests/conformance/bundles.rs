//! Bundles of foreign trust domains: what is held stays held, each follows the one before it, and goes with its owner.

use accredit_store::{BundleDeed, Change, KeptBundle, Store};

use crate::backends::Factory;
use crate::made::{NOW, chain, change, record, row};

fn kept(owner: u64, revision: i64, sequence: u64) -> KeptBundle {
    KeptBundle {
        owner: row(owner).id,
        document: format!(r#"{{"keys":[],"spiffe_sequence":{sequence},"text":"ünï\u0000\"'"}}"#),
        origin: "digest".to_owned(),
        revision,
        fetched_at: NOW + revision,
    }
}

fn deed(number: u64, bundle: &KeptBundle) -> BundleDeed {
    BundleDeed { bundle: bundle.clone(), record: record(number) }
}

async fn all(store: &Store) -> Vec<KeptBundle> {
    let mut all = store.bundles().await.unwrap();
    all.sort_by(|one, other| one.owner.cmp(&other.owner));
    all
}

/// L15: a bundle takes the place of the one that it was judged by, and of no other: whoever judged by an older one is told, and
/// nothing of his is written, not even his record.
pub(crate) async fn l15_a_bundle_follows_the_one_before_it<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut log = chain(&store, 1).await;
    assert_eq!(all(&store).await, []);
    store.apply_change(&mut log, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    let before = store.known().await.unwrap();
    for (number, bundle, is_kept) in [
        (1, kept(1, 2, 5), false),
        (2, kept(1, 1, 5), true),
        (3, kept(1, 1, 4), false),
        (4, kept(1, 2, 6), true),
        (5, kept(1, 2, 7), false),
        (6, kept(1, 1, 9), false),
        (7, kept(1, 4, 9), false),
        (8, kept(2, 1, 1), true),
        (9, kept(3, 1, 1), false),
    ] {
        assert_eq!(store.keep_bundle(&mut log, &deed(number, &bundle), NOW).await.unwrap(), is_kept, "{number}");
        let is_recorded = store.find_record(&record(number).id).await.unwrap().is_some();
        assert_eq!(is_recorded, is_kept, "{number}");
    }
    let held = [kept(1, 2, 6), kept(2, 1, 1)];
    assert_eq!(all(&store).await, held);
    if store.is_shared() {
        let mut heard = store.news(before).await.unwrap().unwrap().bundles;
        heard.sort_by(|one, other| one.owner.cmp(&other.owner));
        assert_eq!(heard, held, "other servers hear of the last one of each");
    }
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        log = chain(&store, 2).await;
        assert_eq!(all(&store).await, held);
        assert!(!store.keep_bundle(&mut log, &deed(20, &kept(1, 1, 9)), NOW).await.unwrap());
    }
    let next = kept(1, 3, 7);
    assert!(store.keep_bundle(&mut log, &deed(21, &next), NOW).await.unwrap());
    assert_eq!(all(&store).await, [next, held[1].clone()]);
    assert_eq!(store.verify_audit(&[], |_| true).await.unwrap().breaks, []);
}

/// What a federation held goes with it, and is not there again when another one takes its id.
pub(crate) async fn a_bundle_goes_with_its_owner(factory: impl Factory) {
    let store = factory.open().await;
    let mut log = chain(&store, 1).await;
    store.apply_change(&mut log, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    for owner in [1, 2] {
        assert!(store.keep_bundle(&mut log, &deed(owner, &kept(owner, 1, 5)), NOW).await.unwrap());
    }
    // A change of it takes nothing away.
    let sequence = store.head().await.unwrap().sequence;
    let changed = change(sequence, vec![accredit_store::Row { revision: 2, ..row(1) }]);
    store.apply_change(&mut log, &changed, NOW).await.unwrap();
    assert_eq!(all(&store).await, [kept(1, 1, 5), kept(2, 1, 5)]);
    let deletes = vec![(row(1).kind, row(1).id)];
    store.apply_change(&mut log, &Change { deletes, ..change(sequence + 1, vec![]) }, NOW).await.unwrap();
    assert_eq!(all(&store).await, [kept(2, 1, 5)]);
    store.apply_change(&mut log, &change(sequence + 2, vec![row(1)]), NOW).await.unwrap();
    assert_eq!(all(&store).await, [kept(2, 1, 5)]);
    assert!(store.keep_bundle(&mut log, &deed(9, &kept(1, 1, 1)), NOW).await.unwrap());
}
