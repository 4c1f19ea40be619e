//! Sightings: what tokens of a provider have shown, once each, with a record.

use accredit_store::{Change, Sighting, SightingDeed, StoreError};

use crate::backends::Factory;
use crate::made::{NOW, chain, change, id, record, row};

fn sighting(number: u64, provider: &str, thing: &str) -> Sighting {
    Sighting {
        provider: provider.to_owned(),
        code: "claim-unlisted".to_owned(),
        thing: thing.to_owned(),
        id: format!("alarm_{number}"),
        alarm: number.is_multiple_of(2),
        first_seen: NOW,
        last_seen: NOW,
        decision: id(number),
        acknowledged: None,
    }
}

fn deed(number: u64, sighted: Vec<Sighting>) -> SightingDeed {
    SightingDeed { sighted, acknowledged: None, records: vec![record(number)] }
}

pub(crate) async fn a_sighting_is_put_down_once<F: Factory>(factory: F) {
    let mut store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let [one, two] = [sighting(1, "idp_1", "a"), sighting(2, "idp_1", "b")];
    store.sight(&mut chain, &deed(1, vec![one.clone(), two.clone()]), NOW).await.unwrap();
    let again = Sighting { first_seen: NOW + 9, alarm: true, ..sighting(3, "idp_1", "a") };
    let other = sighting(4, "idp_2", "a");
    store.sight(&mut chain, &deed(2, vec![again, other.clone()]), NOW).await.unwrap();
    assert!(matches!(
        store
            .sight(&mut chain, &SightingDeed { records: vec![], ..deed(3, vec![sighting(5, "idp_1", "c")]) }, NOW)
            .await,
        Err(StoreError::Unrecorded)
    ));
    store
        .see_again(&[(two.id.clone(), NOW + 60), ("alarm_none".to_owned(), NOW), (one.id.clone(), NOW - 60)])
        .await
        .unwrap();
    if F::REMEMBERS {
        store.close().await.unwrap();
        store = factory.open().await;
    }
    // A clock that was set back makes nothing older.
    let two = Sighting { last_seen: NOW + 60, ..two };
    assert_eq!(store.sightings().await.unwrap(), [one, two, other]);
    assert!(store.find_record(&id(2)).await.unwrap().is_some());
}

pub(crate) async fn a_sighting_is_acknowledged_with_a_record(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    store.sight(&mut chain, &deed(1, vec![sighting(2, "idp_1", "a")]), NOW).await.unwrap();
    let acknowledge = |number, id: &str| SightingDeed {
        acknowledged: Some((id.to_owned(), "known".to_owned())),
        ..deed(number, vec![sighting(number, "idp_1", "b")])
    };
    let error = store.sight(&mut chain, &acknowledge(4, "alarm_9"), NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert_eq!((store.sightings().await.unwrap().len(), store.find_record(&id(4)).await.unwrap()), (1, None));
    store.sight(&mut chain, &acknowledge(6, "alarm_2"), NOW).await.unwrap();
    let reasons: Vec<_> = store.sightings().await.unwrap().into_iter().map(|seen| seen.acknowledged).collect();
    assert_eq!(reasons, [Some("known".to_owned()), None]);
}

pub(crate) async fn sightings_go_with_their_provider(factory: impl Factory) {
    let store = factory.open().await;
    let mut chain = chain(&store, 1).await;
    let gone = row(1);
    store.apply_change(&mut chain, &change(0, vec![gone.clone()]), NOW).await.unwrap();
    let kept = sighting(4, "idp_2", "a");
    store.sight(&mut chain, &deed(1, vec![sighting(2, &gone.id, "a"), kept.clone()]), NOW).await.unwrap();
    let change = Change { deletes: vec![(gone.kind, gone.id)], ..change(1, vec![]) };
    store.apply_change(&mut chain, &change, NOW).await.unwrap();
    assert_eq!(store.sightings().await.unwrap(), [kept]);
}
