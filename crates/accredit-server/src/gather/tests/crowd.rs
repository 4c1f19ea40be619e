//! Many providers at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::stand::{Answer, Stand, at, fetcher_with, id, jwks, names};
use crate::gather::fetch::LIMITS;
use crate::gather::{KeyCache, KeyPlace, KeySource, KeyState};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j14_ten_thousand_providers_fetch_nothing_until_asked() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let cache = Arc::new(KeyCache::new(fetcher_with(LIMITS)));
    let source = Arc::new(stand.jwks_url());
    for index in 0..10_000 {
        cache.provider(id(index), &source);
    }
    assert_eq!(stand.asked().len(), 0);
    // Two threads that ask for the same provider first get the same entry.
    let mut callers = JoinSet::new();
    for index in 0..200 {
        let (cache, source) = (Arc::clone(&cache), Arc::clone(&source));
        callers.spawn(async move { names(&cache.provider(id(20_000 + index / 2), &source), "a", at(0)).await });
    }
    callers.join_all().await;
    assert_eq!(stand.count("/jwks"), 100);
}

/// J14, J11: nor do those come all at once whose issuers allow no minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j14_sets_that_hardly_hold_are_refreshed_apart() {
    let stand = Stand::start().await;
    let headers = vec![("cache-control", "no-cache, max-age=0".to_owned())];
    stand.answer("/p/*", Answer::Full { status: 200, headers, body: jwks(&["a"]).into_bytes() });
    let cache = Arc::new(KeyCache::new(fetcher_with(LIMITS)));
    let source_of = |number: u128| {
        let place = KeyPlace::JwksUrl(stand.url(&format!("/p/{number}")));
        Arc::new(KeySource { place, ..stand.jwks_url() })
    };
    let all: Vec<_> = (0..300).map(|number| cache.provider(id(number), &source_of(number))).collect();
    for keys in &all {
        assert_eq!(names(keys, "a", at(0)).await, ["a"]);
    }
    let mut refreshes = Vec::new();
    for second in 58..=72 {
        let before = stand.asked().len();
        for keys in &all {
            assert!(keys.held_for(Some("a"), at(second)).is_some());
        }
        while all.iter().any(|keys| keys.is_refreshing()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        refreshes.push(stand.asked().len() - before);
    }
    assert!(refreshes[..2].iter().all(|count| *count == 0), "no minute has passed: {refreshes:?}");
    assert_eq!(refreshes.iter().sum::<usize>(), 300, "each once: {refreshes:?}");
    assert!(refreshes.iter().all(|count| *count < 100), "no herd: {refreshes:?}");
}

/// J14: a thousand providers whose keys came in the same second are refreshed apart, each when somebody asks for it, and
/// those that nobody asks for never.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j14_a_thousand_providers_are_refreshed_apart() {
    let stand = Stand::start().await;
    stand.answer("/p/*", Answer::Text(jwks(&["a"])));
    let cache = Arc::new(KeyCache::new(fetcher_with(LIMITS)));
    let source_of = |number: u128| {
        let place = KeyPlace::JwksUrl(stand.url(&format!("/p/{number}")));
        Arc::new(KeySource { place, ..stand.jwks_url() })
    };
    let all: Vec<_> = (0..1_000).map(|number| cache.provider(id(number), &source_of(number))).collect();
    let (asked, unasked) = all.split_at(900);
    let mut callers = JoinSet::new();
    for keys in asked.iter().chain(asked) {
        let keys = Arc::clone(keys);
        callers.spawn(async move { names(&keys, "a", at(0)).await });
    }
    callers.join_all().await;
    assert_eq!(stand.asked().len(), 900);
    // Busy providers for ten minutes: everybody is asked for every ten seconds.
    let mut refreshes = Vec::new();
    for tick in 1..=60 {
        let before = stand.asked().len();
        for keys in asked {
            // Also while a refresh is under way, nobody waits.
            assert!(keys.held_for(Some("a"), at(10 * tick)).is_some());
        }
        while asked.iter().any(|keys| keys.is_refreshing()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        refreshes.push(stand.asked().len() - before);
    }
    let begun = refreshes.iter().position(|count| *count > 0).unwrap();
    assert!(begun >= 47, "refreshes begin with the 480th second: {refreshes:?}");
    assert_eq!(refreshes.iter().sum::<usize>(), 900, "each once: {refreshes:?}");
    assert!(refreshes.iter().all(|count| *count < 150), "no herd: {refreshes:?}");
    for keys in unasked {
        assert_eq!(keys.health(at(600)).state, KeyState::Unasked);
    }
    let health = cache.health(at(600));
    let fetches: u64 = health.iter().map(|(_, health)| health.fetches).sum();
    assert_eq!((health.len(), fetches), (1_000, 1_800));
}
