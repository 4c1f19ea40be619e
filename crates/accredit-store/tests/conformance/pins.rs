//! First-use pins: written with the record of the use, never without it; the first one wins.

use std::sync::Arc;

use accredit_store::{Change, Entry, EntryOutcome, NamePin, PinKey, Store, StoreError, UnpinDeed};

use crate::backends::Factory;
use crate::made::{NOW, chain, change, crowd, entry, id, mark, record, replayed, revoke, row};

const RECORDED: EntryOutcome = EntryOutcome::Recorded;
const STALE: EntryOutcome = EntryOutcome::Stale;

fn key(mapping: &str, name: &str) -> PinKey {
    PinKey { mapping: mapping.to_owned(), claim: "repository".to_owned(), name: name.to_owned() }
}

fn pin(number: u64, name: &str, to: &str) -> NamePin {
    let id_claim = "repository_id".to_owned();
    NamePin { key: key("map_1", name), id_claim, id: to.to_owned(), decision: id(number), at: NOW }
}

/// An exchange that pins these names.
fn using(number: u64, pins: &[(&str, &str)]) -> Entry {
    Entry { pins: pins.iter().map(|(name, to)| pin(number, name, to)).collect(), ..entry(number) }
}

async fn is_recorded(store: &Store, number: u64) -> bool {
    store.find_record(&id(number)).await.unwrap().is_some()
}

/// F14: what was pinned is in force for every later use, whatever happens to the process.
pub(crate) async fn f14_the_first_use_pins_a_name_for_good<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut first = chain(&store, 1).await;
    let committed = store.commit_records(&mut first, &[using(1, &[("acme/web", "123")])], NOW).await.unwrap();
    assert_eq!((committed.outcomes, committed.pins), (vec![RECORDED], vec![pin(1, "acme/web", "123")]));
    let mut chain = first;
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
        chain = crate::made::chain(&store, 2).await;
    }
    assert_eq!(store.pins().await.unwrap(), [pin(1, "acme/web", "123")]);
    // The same name and id once more changes nothing; another id is told what is there, and leaves nothing.
    let entries = [using(2, &[("acme/web", "123")]), using(3, &[("acme/web", "456"), ("acme/shop", "7")])];
    let committed = store.commit_records(&mut chain, &entries, NOW + 1).await.unwrap();
    assert_eq!((committed.outcomes, committed.pins), (vec![RECORDED, STALE], vec![pin(1, "acme/web", "123")]));
    assert_eq!(store.pins().await.unwrap(), [pin(1, "acme/web", "123")]);
    assert!(is_recorded(&store, 2).await && !is_recorded(&store, 3).await);
    // Alone, it is told as well.
    let committed = store.commit_records(&mut chain, &entries[1..], NOW + 1).await.unwrap();
    assert_eq!((committed.outcomes, committed.pins), (vec![STALE], vec![pin(1, "acme/web", "123")]));
}

/// F14: another claim, another name and another mapping are pinned for themselves.
pub(crate) async fn names_are_pinned_apart(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let other = |key: PinKey| NamePin { key, id: "456".to_owned(), ..pin(1, "", "") };
    let pins = [
        pin(1, "acme/web", "123"),
        other(key("map_2", "acme/web")),
        other(key("map_1", "Acme/web")),
        other(PinKey { claim: "sub".to_owned(), ..key("map_1", "acme/web") }),
    ];
    let entries = [Entry { pins: pins.to_vec(), ..entry(1) }];
    assert_eq!(store.commit_records(&mut chain, &entries, NOW).await.unwrap().outcomes, [RECORDED]);
    let mut sorted = pins.to_vec();
    sorted.sort_by(|one, two| one.key.cmp(&two.key));
    assert_eq!(store.pins().await.unwrap(), sorted);
}

/// F14: a hundred first uses with two ids at the same time, in batches and apart: one id wins, all of the other are told
/// to decide again.
pub(crate) async fn f14_one_of_two_first_uses_wins(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let ids = |batch: u64| if batch.is_multiple_of(2) { ["123", "456"] } else { ["456", "123"] };
    let pinning = move |batch| {
        let [one, other] = ids(batch);
        vec![using(batch * 2, &[("acme/web", one)]), using(batch * 2 + 1, &[("acme/web", other)])]
    };
    let mut outcomes = Vec::new();
    for (batch, committed) in crowd(&store, 10, pinning).await {
        assert_eq!(committed.pins.len(), 1);
        let recorded = committed.outcomes.iter().map(|outcome| *outcome == RECORDED);
        outcomes.extend(ids(batch).into_iter().zip(recorded));
    }
    let pins = store.pins().await.unwrap();
    assert_eq!((pins.len(), outcomes.len()), (1, 100));
    assert!(outcomes.iter().all(|(id, recorded)| (*id == pins[0].id) == *recorded), "{outcomes:?}");
}

/// I05, F14: what is not recorded pins nothing, and what clashes spends nothing.
pub(crate) async fn only_what_is_recorded_pins(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let spending = |entry: Entry, token| Entry { mark: Some(mark("idp_1", token)), ..entry };
    let head = revoke(&store, &mut chain).await;
    let entries = [
        spending(entry(1), 7),
        spending(using(2, &[("acme/web", "123")]), 7),
        Entry { decided_on: head.revocation - 1, ..using(3, &[("acme/shop", "7")]) },
    ];
    let committed = store.commit_records(&mut chain, &entries, NOW).await.unwrap();
    assert_eq!(committed.outcomes, [RECORDED, replayed(1), STALE]);
    assert_eq!((committed.pins, store.pins().await.unwrap()), (vec![], vec![]));
    let entries = [using(4, &[("acme/web", "123")]), spending(using(5, &[("acme/web", "456")]), 8)];
    assert_eq!(store.commit_records(&mut chain, &entries, NOW).await.unwrap().outcomes, [RECORDED, STALE]);
    let again = [spending(entry(6), 8)];
    assert_eq!(store.commit_records(&mut chain, &again, NOW).await.unwrap().outcomes, [RECORDED], "8 was not spent");
}

/// Taking pins away is a revocation with a record, and the next first use pins anew.
pub(crate) async fn pins_are_taken_away_with_a_record(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let names: Vec<String> = (0..100).map(|number| format!("acme/{number:03}")).collect();
    let pins: Vec<_> = names.iter().map(|name| (name.as_str(), "123")).collect();
    store.commit_records(&mut chain, &[using(1, &pins)], NOW).await.unwrap();
    let unrecorded = UnpinDeed { keys: vec![key("map_1", "acme/000")], records: vec![] };
    assert!(matches!(store.unpin(&mut chain, &unrecorded, NOW).await, Err(StoreError::Unrecorded)));
    assert_eq!(store.pins().await.unwrap().len(), 100);
    let keys = names[..99].iter().chain([&"never".to_owned()]).map(|name| key("map_1", name)).collect();
    let head = store.unpin(&mut chain, &UnpinDeed { keys, records: vec![record(2)] }, NOW).await.unwrap();
    assert_eq!(head.revocation, head.sequence);
    assert!(is_recorded(&store, 2).await);
    assert_eq!(store.pins().await.unwrap(), [pin(1, "acme/099", "123")]);
    let entries = [
        Entry { decided_on: head.revocation - 1, ..using(3, &[("acme/000", "456")]) },
        using(4, &[("acme/000", "456")]),
        using(5, &[("acme/000", "123")]),
    ];
    assert_eq!(store.commit_records(&mut chain, &entries, NOW).await.unwrap().outcomes, [STALE, RECORDED, STALE]);
    assert_eq!(store.pins().await.unwrap(), [pin(4, "acme/000", "456"), pin(1, "acme/099", "123")]);
}

/// A change takes the pins away that it names, and those of resources that it deletes.
pub(crate) async fn a_change_takes_pins_with_it(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mappings = [row(1), row(2)];
    store.apply_change(&mut chain, &change(0, mappings.to_vec()), NOW).await.unwrap();
    let of = |mapping: &str, name: &str| NamePin { key: key(mapping, name), ..pin(1, name, "123") };
    let [one, two] = mappings.map(|row| row.id);
    let pins = vec![of(&one, "acme/a"), of(&one, "acme/b"), of(&two, "acme/a"), of(&two, "acme/b")];
    store.commit_records(&mut chain, &[Entry { pins, ..entry(1) }], NOW).await.unwrap();
    let deletes = vec![("Mapping".to_owned(), one.clone())];
    let unpins = vec![key(&two, "acme/a")];
    let late = Change { deletes: deletes.clone(), unpins: unpins.clone(), ..change(0, vec![]) };
    assert!(matches!(store.apply_change(&mut chain, &late, NOW).await, Err(StoreError::Conflict { .. })));
    assert_eq!(store.pins().await.unwrap().len(), 4);
    let change = Change { deletes, unpins, ..change(1, vec![]) };
    store.apply_change(&mut chain, &change, NOW).await.unwrap();
    assert_eq!(store.pins().await.unwrap(), [of(&two, "acme/b")]);
}
