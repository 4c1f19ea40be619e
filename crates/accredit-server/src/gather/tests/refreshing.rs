//! One provider's keys over time, and those of many providers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_core::model::{Id, Kind};
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::time::Timestamp;
use tokio::task::JoinSet;

use super::stand::{Answer, Stand, fetcher, fetcher_with, jwks, kids};
use crate::gather::fetch::{LIMITS, Limits};
use crate::gather::provider_keys::{COOL_DOWN, HARD_LIMIT};
use crate::gather::{KeyCache, KeyPlace, KeySource, ProviderKeys};

/// A moment, so many seconds after an arbitrary beginning.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000).plus(Duration::from_secs(seconds))
}

fn keys_of(source: KeySource) -> Arc<ProviderKeys> {
    Arc::new(ProviderKeys::new("idp_1", Arc::new(source), fetcher()))
}

/// Lets a refresh that began behind come to its end.
async fn settle(keys: &ProviderKeys) {
    while keys.is_refreshing() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn names(keys: &Arc<ProviderKeys>, kid: &str, now: Timestamp) -> Vec<String> {
    let set = keys.keys_for(Some(kid), now).await.unwrap();
    kids(&set).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn j01_a_hundred_first_callers_are_one_fetch() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let document = format!(r#"{{"issuer":"{}","jwks_uri":"{}"}}"#, stand.url(""), stand.url("/jwks"));
    let slow = Answer::After(Duration::from_millis(100), Box::new(Answer::Text(document)));
    stand.answer("/.well-known/openid-configuration", slow);
    let keys = keys_of(stand.discovery());
    let mut callers = JoinSet::new();
    for index in 0..100 {
        let keys = Arc::clone(&keys);
        callers.spawn(async move { names(&keys, ["a", "b"][index % 2], at(0)).await });
    }
    for served in callers.join_all().await {
        assert_eq!(served, ["a"]);
    }
    assert_eq!(stand.asked(), ["/.well-known/openid-configuration", "/jwks"]);
}

#[tokio::test]
async fn j01_unknown_names_cost_one_fetch_a_cool_down() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = keys_of(stand.jwks_url());
    assert_eq!(names(&keys, "a", at(0)).await, ["a"]);
    for index in 0..1_000 {
        assert_eq!(names(&keys, &format!("x{index}"), at(29)).await, ["a"]);
    }
    assert_eq!(stand.count("/jwks"), 1);
    // The key that was just published is found by whoever asks first after the pause.
    stand.publish(&["a", "new"]);
    for index in 0..1_000 {
        let served = names(&keys, if index == 0 { "new" } else { "x" }, at(30)).await;
        assert_eq!(served, ["a", "new"]);
    }
    assert_eq!(stand.count("/jwks"), 2);
    let (text, hint) = keys.lacking("github", "9f3c", at(40));
    assert_eq!(text, "provider `github` has no key `9f3c`; its keys were fetched 10 s ago");
    assert_eq!(hint.as_deref(), Some("retry in 20 s"));
}

/// J02: a name that is held never fetches, however false the signatures under it are.
#[tokio::test]
async fn j02_known_names_never_fetch() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = keys_of(stand.jwks_url());
    names(&keys, "a", at(0)).await;
    for second in 0..400 {
        assert_eq!(names(&keys, "a", at(second)).await, ["a"]);
        assert!(keys.keys_for(None, at(second)).await.is_ok());
    }
    assert!(!keys.is_refreshing());
    assert_eq!(stand.count("/jwks"), 1);
}

#[tokio::test]
async fn j03_an_issuer_that_hangs_delays_nobody_whose_keys_are_held() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = keys_of(stand.jwks_url());
    names(&keys, "a", at(0)).await;
    stand.answer("/jwks", Answer::Hang);
    // One unknown name begins a refresh and waits for it; nobody else does.
    let asking = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { names(&keys, "new", at(700)).await }
    });
    while stand.count("/jwks") < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    for index in 0..1_000 {
        assert_eq!(names(&keys, if index % 2 == 0 { "a" } else { "new" }, at(700)).await, ["a"]);
    }
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert!(keys.is_refreshing());
    assert_eq!(keys.lacking("ci", "new", at(700)).1.as_deref(), Some("retry in 1 s"));
    assert_eq!(asking.await.unwrap(), ["a"]);
    let (text, hint) = keys.lacking("ci", "new", at(701));
    let reason = format!("key set `{}` did not answer within 2 s", stand.url("/jwks"));
    assert_eq!(
        text,
        format!("provider `ci` has no key `new`; its keys were fetched 701 s ago, and not since: {reason}")
    );
    assert_eq!(hint.as_deref(), Some("retry in 29 s"));
    assert_eq!(stand.count("/jwks"), 2);
}

#[tokio::test]
async fn j03_j04_whatever_the_issuer_does_good_keys_serve_until_the_hard_limit() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = keys_of(stand.jwks_url());
    names(&keys, "a", at(0)).await;
    let status = |status| Answer::Full { status, headers: Vec::new(), body: Vec::new() };
    let page = Answer::Text("<html>".into());
    let empty = Answer::Text(r#"{"keys":[]}"#.into());
    let mut now = 700;
    for (index, answer) in
        [status(500), page, empty, Answer::CutOff, status(302), Answer::Text("{}".into())].into_iter().enumerate()
    {
        stand.answer("/jwks", answer);
        // The set is due: served at once, refreshed behind, once.
        for _ in 0..50 {
            assert_eq!(names(&keys, "a", at(now)).await, ["a"]);
        }
        settle(&keys).await;
        assert_eq!(stand.count("/jwks"), 2 + index);
        let (text, _) = keys.lacking("ci", "new", at(now));
        assert!(text.contains(&format!("were fetched {now} s ago, and not since: key set ")), "{text}");
        now += COOL_DOWN.as_secs();
    }
    let last = HARD_LIMIT.as_secs() - 1;
    assert_eq!(names(&keys, "a", at(last)).await, ["a"]);
    settle(&keys).await;
    // B11, B15: a key that nobody vouches for any more is not used.
    assert!(keys.current(at(last + 1)).is_none());
    let fault = keys.keys_for(Some("a"), at(last + 1)).await.unwrap_err();
    assert_eq!(fault.fault.unwrap().code(), "fetch-bad-keys");
    stand.publish(&["b"]);
    assert_eq!(names(&keys, "a", at(last + 60)).await, ["b"]);
    let (text, _) = keys.lacking("ci", "a", at(last + 61));
    assert_eq!(text, "provider `ci` has no key `a`; its keys were fetched 1 s ago");
}

#[tokio::test]
async fn j03_failures_cool_down_too() {
    let stand = Stand::start().await;
    let keys = keys_of(stand.jwks_url());
    for second in 0..30 {
        let unavailable = keys.keys_for(Some("a"), at(second)).await.unwrap_err();
        let text = unavailable.operator_text("ci");
        assert_eq!(
            text,
            format!("provider `ci` has no keys: key set `{}` answered 404, expected 200", stand.url("/jwks"))
        );
        assert_eq!(unavailable.fault.unwrap().code(), "fetch-status");
        assert_eq!(unavailable.next_try, Some(at(30)));
    }
    assert_eq!(stand.count("/jwks"), 1);
    let busy = Answer::Full { status: 429, headers: vec![("retry-after", "90".to_owned())], body: Vec::new() };
    stand.answer("/jwks", busy);
    assert_eq!(keys.keys_for(None, at(30)).await.unwrap_err().next_try, Some(at(120)));
    let greedy = Answer::Full { status: 429, headers: vec![("retry-after", "999999".to_owned())], body: Vec::new() };
    stand.answer("/jwks", greedy);
    assert_eq!(keys.keys_for(None, at(120)).await.unwrap_err().next_try, Some(at(420)));
    stand.publish(&["a"]);
    assert!(keys.keys_for(None, at(419)).await.is_err());
    assert_eq!(names(&keys, "a", at(420)).await, ["a"]);
    assert_eq!(stand.count("/jwks"), 4);
}

#[tokio::test]
async fn j11_freshness_is_clamped() {
    let stand = Stand::start().await;
    // (Cache-Control, still fresh after, due after)
    let cases = [
        ("max-age=0", 59, 60),
        ("no-store", 479, 600),
        ("max-age=3600", 2_879, 3_600),
        ("max-age=315360000", 69_119, 86_399),
    ];
    for (header, fresh, due) in cases {
        let body = jwks(&["a"]).into_bytes();
        stand.answer("/jwks", Answer::Full { status: 200, headers: vec![("cache-control", header.to_owned())], body });
        let keys = keys_of(stand.jwks_url());
        names(&keys, "a", at(0)).await;
        let before = stand.count("/jwks");
        names(&keys, "a", at(fresh)).await;
        assert!(!keys.is_refreshing(), "{header}");
        names(&keys, "a", at(due)).await;
        settle(&keys).await;
        assert_eq!(stand.count("/jwks"), before + 1, "{header}");
        assert!(keys.lacking("ci", "x", at(due)).0.ends_with("were fetched 0 s ago"));
    }
}

#[tokio::test]
async fn a_clock_set_back_neither_freezes_nor_frees() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = keys_of(stand.jwks_url());
    names(&keys, "a", at(100_000)).await;
    // Ten minutes back: due. More than a day back: not used.
    names(&keys, "a", at(99_400)).await;
    settle(&keys).await;
    assert_eq!(stand.count("/jwks"), 2);
    assert!(keys.current(at(0)).is_none());
}

/// Whoever began the fetch hangs up: it goes on for the others.
#[tokio::test]
async fn a_caller_that_hangs_up_takes_nobody_along() {
    let stand = Stand::start().await;
    stand.answer("/jwks", Answer::After(Duration::from_millis(200), Box::new(Answer::Text(jwks(&["a"])))));
    let keys = keys_of(stand.jwks_url());
    let first = tokio::time::timeout(Duration::from_millis(50), keys.keys_for(Some("a"), at(0))).await;
    assert!(first.is_err());
    assert_eq!(names(&keys, "a", at(0)).await, ["a"]);
    assert_eq!(stand.count("/jwks"), 1);
}

#[tokio::test]
async fn uploaded_keys_are_never_fetched() {
    let set = Arc::new(KeySet::parse(jwks(&["u"]).as_bytes(), Source::Uploaded, Purpose::Signature).unwrap());
    let keys = keys_of(KeySource { place: KeyPlace::Uploaded(set), purpose: Purpose::Signature });
    assert_eq!(names(&keys, "other", at(0)).await, ["u"]);
    assert!(!keys.is_refreshing());
    let (text, hint) = keys.lacking("ci", "other", at(0));
    assert_eq!(text, "provider `ci` has no key `other`; its keys were uploaded");
    assert_eq!(hint.as_deref(), Some("upload the issuer's present key set"));
}

#[tokio::test]
async fn j13_another_source_drops_the_old_keys_at_once() {
    let (old, new) = (Stand::start().await, Stand::start().await);
    old.publish(&["same"]);
    new.answer("/jwks", Answer::Full { status: 500, headers: Vec::new(), body: Vec::new() });
    let cache = KeyCache::new(fetcher());
    let source = Arc::new(old.jwks_url());
    assert_eq!(names(&cache.provider(id(1), &source), "same", at(0)).await, ["same"]);
    // The same source in another place of memory is the same source.
    let again = cache.provider(id(1), &Arc::new(old.jwks_url()));
    assert!(again.current(at(1)).is_some());
    let changed = cache.provider(id(1), &Arc::new(new.jwks_url()));
    assert!(changed.current(at(1)).is_none());
    assert!(changed.keys_for(Some("same"), at(1)).await.is_err());
    assert!(cache.held(id(1)).unwrap().current(at(1)).is_none());
    // Another purpose counts other keys.
    let plain = cache.provider(id(3), &source);
    assert_eq!(names(&plain, "same", at(1)).await, ["same"]);
    let bundle = KeySource { purpose: Purpose::JwtSvid, ..old.jwks_url() };
    assert!(cache.provider(id(3), &Arc::new(bundle)).current(at(1)).is_none());
    // B14: one provider's keys are no other's.
    assert!(cache.provider(id(2), &source).current(at(1)).is_none());
    cache.retain(|kept| kept != id(1));
    assert!(cache.held(id(1)).is_none() && cache.held(id(2)).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j14_ten_thousand_providers_fetch_nothing_until_asked() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let cache = Arc::new(KeyCache::new(fetcher_with(Limits { total: Duration::from_secs(10), ..LIMITS })));
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

fn id(number: u128) -> Id {
    Id::new(Kind::Provider, number.to_be_bytes())
}
