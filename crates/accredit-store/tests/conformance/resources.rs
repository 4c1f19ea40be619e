//! Resources: changed as a whole, in one order, and never forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use accredit_store::{Change, Head, Loaded, Row, StoreError};

use crate::backends::Factory;
use crate::made::{NOW, chain, change, record, row};

pub(crate) async fn a_new_store_is_empty(factory: impl Factory) {
    let store = factory.open().await;
    assert_eq!(store.load().await.unwrap(), Loaded { head: Head::default(), rows: vec![] });
    assert_eq!(store.load_at(0).await.unwrap(), []);
    assert_eq!(store.changes_since(0).await.unwrap().puts, []);
    assert_eq!(store.keys().await.unwrap(), []);
    assert_eq!(store.clock_mark().await.unwrap(), None);
}

pub(crate) async fn a_change_is_read_back(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let rows: Vec<Row> = (0..5).map(row).collect();
    let backwards = rows.iter().rev().cloned().collect();
    let head = store.apply_change(&mut chain, &change(0, backwards), NOW).await.unwrap();
    assert_eq!(head, Head { sequence: 1, revocation: 0 });
    assert_eq!(store.load().await.unwrap(), Loaded { head, rows });
    assert!(store.find_record(&record(1_000_000).id).await.unwrap().is_some());
}

pub(crate) async fn changes_are_counted_in_the_order_of_their_commits(factory: impl Factory) {
    let store = Arc::new(factory.open().await);
    let mut tasks = Vec::new();
    for number in 0..8_u8 {
        let store = Arc::clone(&store);
        let mut chain = chain(&store, number).await;
        tasks.push(tokio::spawn(async move {
            loop {
                let expected = store.head().await.unwrap().sequence;
                match store.apply_change(&mut chain, &change(expected, vec![row(u64::from(number))]), NOW).await {
                    Err(StoreError::Conflict { expected: told, actual }) => {
                        assert_eq!(told, expected);
                        assert!(actual > expected);
                    }
                    other => return other.unwrap().sequence,
                }
            }
        }));
    }
    let mut sequences = Vec::new();
    for task in tasks {
        sequences.push(task.await.unwrap());
    }
    sequences.sort_unstable();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6, 7, 8]);
    for sequence in 0..=8_u8 {
        assert_eq!(store.load_at(sequence.into()).await.unwrap().len(), usize::from(sequence));
    }
}

pub(crate) async fn a_late_change_conflicts_and_leaves_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.apply_change(&mut chain, &change(0, vec![row(1)]), NOW).await.unwrap();
    let before = store.load().await.unwrap();
    for expected in [-1, 0, 2, i64::MAX] {
        let late = Change { records: vec![record(77)], ..change(0, vec![row(2)]) };
        let late = Change { expected_sequence: expected, ..late };
        let error = store.apply_change(&mut chain, &late, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { actual: 1, expected: told } if told == expected), "{error}");
    }
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(store.find_record(&record(77).id).await.unwrap(), None);
    store.apply_change(&mut chain, &change(1, vec![row(2)]), NOW).await.unwrap();
    assert!(store.verify_audit(&[], |_| true).await.unwrap().is_intact());
}

pub(crate) async fn ids_and_names_are_unique(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.apply_change(&mut chain, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    let before = store.load().await.unwrap();
    let named = |row: Row, name: &str| Row { name: name.to_owned(), ..row };
    let of_kind = |row: Row, kind: &str| Row { kind: kind.to_owned(), ..row };
    for (puts, deletes, taken) in [
        (vec![named(row(3), "ci/web-1")], vec![], "ci/web-1"),
        (vec![row(4), row(5), named(row(3), "ci/web-2"), row(6)], vec![], "ci/web-2"),
        (vec![named(row(1), "ci/web-2")], vec![], "ci/web-2"),
        (vec![row(3), named(row(3), "other")], vec![], "map_00000003"),
        (vec![row(3), named(row(4), "ci/web-3")], vec![], "ci/web-3"),
        (vec![of_kind(row(1), "Role")], vec![], "map_00000001"),
        (vec![row(1)], vec![("Mapping", "map_00000001")], "map_00000001"),
        (vec![], vec![("Mapping", "map_00000001"), ("Mapping", "map_00000001")], "map_00000001"),
    ] {
        let deletes = deletes.iter().map(|(kind, id): &(&str, &str)| ((*kind).to_owned(), (*id).to_owned())).collect();
        let wrong = Change { deletes, ..change(1, puts) };
        let error = store.apply_change(&mut chain, &wrong, NOW).await.unwrap_err();
        assert!(matches!(&error, StoreError::NotUnique { taken: told, .. } if told == taken), "{taken}: {error}");
        assert_eq!(store.load().await.unwrap(), before);
    }
    // The same name within another kind is another name.
    let other = Row { id: "role_1".to_owned(), ..of_kind(row(1), "Role") };
    store.apply_change(&mut chain, &change(1, vec![other]), NOW).await.unwrap();
}

pub(crate) async fn names_may_be_swapped_in_one_change(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.apply_change(&mut chain, &change(0, vec![row(1), row(2), row(3)]), NOW).await.unwrap();
    let swapped = vec![
        Row { name: row(2).name, ..row(1) },
        Row { name: row(1).name, ..row(2) },
        Row { name: row(3).name, ..row(4) },
    ];
    let deletes = vec![("Mapping".to_owned(), row(3).id)];
    let change = Change { deletes, ..change(1, swapped.clone()) };
    store.apply_change(&mut chain, &change, NOW).await.unwrap();
    assert_eq!(store.load().await.unwrap().rows, swapped);
}

pub(crate) async fn a_delete_of_nothing_is_refused(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.apply_change(&mut chain, &change(0, vec![row(1)]), NOW).await.unwrap();
    for (kind, id) in [("Mapping", "map_00000002"), ("Role", "map_00000001")] {
        let deletes = vec![(kind.to_owned(), id.to_owned())];
        let wrong = Change { deletes, ..change(1, vec![row(5)]) };
        let error = store.apply_change(&mut chain, &wrong, NOW).await.unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { id: told, .. } if told == id), "{error}");
    }
    assert_eq!(store.load().await.unwrap().rows, [row(1)]);
}

pub(crate) async fn a_change_needs_a_record(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let unrecorded = Change { records: vec![], ..change(0, vec![row(1)]) };
    let error = store.apply_change(&mut chain, &unrecorded, NOW).await.unwrap_err();
    assert_eq!(error.code(), "store-unrecorded");
    assert_eq!(store.load().await.unwrap().rows, []);
}

pub(crate) async fn only_what_revokes_moves_the_revocation(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mut revocations = Vec::new();
    for (expected, revokes) in (0..).zip([false, true, false, true, true, false]) {
        let change = Change { revokes, ..change(expected, vec![row(1)]) };
        revocations.push(store.apply_change(&mut chain, &change, NOW).await.unwrap().revocation);
    }
    assert_eq!(revocations, [0, 2, 2, 4, 5, 5]);
    assert_eq!(store.head().await.unwrap(), Head { sequence: 6, revocation: 5 });
}

pub(crate) async fn every_earlier_state_can_be_rebuilt(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let mut model: BTreeMap<String, Row> = BTreeMap::new();
    let mut states = vec![model.clone()];
    for sequence in 0..40_u64 {
        // A fixed walk in which ids come, change, go, and come again.
        let put = Row { revision: sequence as i64, ..row(sequence * 7 % 10) };
        let gone = row(sequence * 3 % 10);
        let mut deletes = vec![];
        if gone.id != put.id && model.remove(&gone.id).is_some() {
            deletes.push((gone.kind, gone.id));
        }
        model.insert(put.id.clone(), put.clone());
        let change = Change { deletes, ..change(sequence as i64, vec![put]) };
        store.apply_change(&mut chain, &change, NOW).await.unwrap();
        states.push(model.clone());
    }
    for (sequence, state) in states.iter().enumerate() {
        let rows: Vec<Row> = state.values().cloned().collect();
        assert_eq!(store.load_at(sequence as i64).await.unwrap(), rows, "at {sequence}");
        for number in 0..10 {
            let id = row(number).id;
            let touched = store.resource_behind(&id, sequence as i64).await.unwrap();
            let was = touched.unwrap_or_else(|| model.get(&id).cloned());
            assert_eq!(was.as_ref(), state.get(&id), "{id} at {sequence}");
        }

        let changes = store.changes_since(sequence as i64).await.unwrap();
        let mut caught_up = state.clone();
        for (_, id) in &changes.deletes {
            caught_up.remove(id);
        }
        caught_up.extend(changes.puts.into_iter().map(|row| (row.id.clone(), row)));
        assert_eq!(caught_up, model, "since {sequence}");
        assert_eq!(changes.head.sequence, 40);
    }
}

pub(crate) async fn an_unknown_future_is_refused(factory: impl Factory) {
    let store = factory.open().await;
    for error in [store.load_at(1).await.unwrap_err(), store.changes_since(1).await.unwrap_err()] {
        assert!(matches!(error, StoreError::UnknownSequence { asked: 1, head: 0 }), "{error}");
    }
}

pub(crate) async fn everything_survives_reopening<F: Factory>(factory: F) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.apply_change(&mut first, &change(0, vec![row(1), row(2)]), NOW).await.unwrap();
    let before = store.load().await.unwrap();
    store.close().await.unwrap();
    let store = factory.open().await;
    if F::REMEMBERS {
        assert_eq!(store.load().await.unwrap(), before);
    } else {
        assert_eq!(store.load().await.unwrap().rows, []);
    }
    let mut second = chain(&store, 2).await;
    let expected = store.head().await.unwrap().sequence;
    store.apply_change(&mut second, &change(expected, vec![row(3)]), NOW).await.unwrap();
}

pub(crate) async fn a_large_change_is_one_change(factory: impl Factory) {
    const ROWS: u64 = 5_003;
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let rows: Vec<Row> = (0..ROWS).map(row).collect();
    let records = (0..ROWS).map(record).collect();
    let large = Change { records, ..change(0, rows.clone()) };
    store.apply_change(&mut chain, &large, NOW).await.unwrap();
    assert_eq!(store.load().await.unwrap().rows, rows);
    let verification = store.verify_audit(&[], |_| true).await.unwrap();
    assert_eq!((verification.batches, verification.records), (10, ROWS));
    assert!(verification.is_intact());

    let again: Vec<Row> = rows.iter().cloned().map(|row| Row { revision: 2, ..row }).collect();
    store.apply_change(&mut chain, &change(1, again.clone()), NOW).await.unwrap();
    assert_eq!(store.load().await.unwrap().rows, again);
    assert_eq!(store.load_at(1).await.unwrap(), rows);
    let deletes = rows.iter().map(|row| (row.kind.clone(), row.id.clone())).collect();
    let empty = Change { deletes, ..change(2, vec![]) };
    store.apply_change(&mut chain, &empty, NOW).await.unwrap();
    assert_eq!(store.load().await.unwrap().rows, []);
    assert_eq!(store.load_at(2).await.unwrap(), again);
}
