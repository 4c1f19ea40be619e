//! What is told of a provider's keys.

use std::sync::Arc;

use accredit_id::jose::jwk::{KeySet, Purpose, Source};

use super::stand::{Answer, Stand, at, id, jwks, keys_of, names, settle};
use crate::gather::health::SourceKind;
use crate::gather::provider_keys::HARD_LIMIT;
use crate::gather::{KeyCache, KeyPlace, KeySource, KeyState};

#[tokio::test]
async fn health_follows_the_keys() {
    let stand = Stand::start().await;
    let keys = keys_of(stand.discovery());
    let health = keys.health(at(0));
    assert_eq!((health.source, health.state, health.usable), (SourceKind::Discovery, KeyState::Unasked, 0));
    assert!(health.tried_at.is_none() && health.fetched_at.is_none() && health.last_error.is_none());

    assert!(keys.keys_for(Some("a"), at(0)).await.is_err());
    let health = keys.health(at(1));
    assert_eq!((health.state, health.fetches, health.failures), (KeyState::Failing, 0, 1));
    assert_eq!((health.tried_at, health.next_try), (Some(at(0)), Some(at(30))));
    assert_eq!(health.last_error.unwrap().code(), "fetch-status");

    let mixed = jwks(&["a", "b"]).replace(r#"{"keys":["#, r#"{"keys":[7,"#);
    stand.publish(&["a", "b"]);
    stand.answer("/jwks", Answer::Text(mixed));
    names(&keys, "a", at(30)).await;
    let health = keys.health(at(31));
    assert_eq!((health.state, health.usable, health.dropped), (KeyState::Fresh, 2, 1));
    assert_eq!((health.fetches, health.failures), (1, 1));
    assert_eq!((health.fetched_at, health.usable_until), (Some(at(30)), Some(at(30 + HARD_LIMIT.as_secs()))));
    let due = health.refresh_at.unwrap();
    assert!(at(30 + 480) <= due && due <= at(30 + 570), "{due}");
    assert_eq!(keys.health(due).state, KeyState::Due);

    stand.answer("/jwks", Answer::Text("<html>".into()));
    names(&keys, "a", at(700)).await;
    settle(&keys).await;
    let health = keys.health(at(700));
    assert_eq!((health.state, health.usable, health.failures), (KeyState::Stale, 2, 2));
    assert_eq!(keys.health(at(30 + HARD_LIMIT.as_secs())).state, KeyState::Expired);
}

#[tokio::test]
async fn every_look_is_on_its_way_to_the_log() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let cache = KeyCache::new(super::stand::fetcher());
    let fetched = cache.provider(id(1), &Arc::new(stand.jwks_url()));
    names(&fetched, "a", at(0)).await;
    let set = Arc::new(KeySet::parse(jwks(&["u"]).as_bytes(), Source::Uploaded, Purpose::Signature).unwrap());
    let place = KeyPlace::Uploaded(Arc::clone(&set));
    let uploaded = cache.provider(id(2), &Arc::new(KeySource { place, purpose: Purpose::Signature }));
    assert_eq!(uploaded.health(at(0)).state, KeyState::Uploaded);
    let seen = cache.seen.take();
    let told: Vec<_> = seen.iter().map(|seen| (seen.provider, seen.at, &*seen.location)).collect();
    assert_eq!(told, [(id(1), Some(at(0)), stand.url("/jwks").as_str()), (id(2), None, "")]);
    assert!(Arc::ptr_eq(&seen[1].set, &set));
    assert!(cache.seen.take().is_empty());
}
