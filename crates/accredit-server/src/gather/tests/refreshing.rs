//! One provider's keys over time, and those of many providers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use tokio::task::JoinSet;

use super::stand::{Answer, Stand, at, fetcher, fetcher_with, id, jwks, keys_of, names, settle};
use crate::gather::fetch::LIMITS;
use crate::gather::provider_keys::{COOL_DOWN, HARD_LIMIT};
use crate::gather::{KeyCache, KeyPlace, KeySource, ProviderKeys};

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
    settle(&keys).await;
    let (text, hint) = keys.lacking("ci", "new", at(701));
    let reason = format!("key set `{}` did not answer within 2 s", stand.url("/jwks"));
    assert_eq!(
        text,
        format!("provider `ci` has no key `new`; its keys were fetched 701 s ago, and not since: {reason}")
    );
    assert_eq!(hint.as_deref(), Some("retry in 29 s"));
    assert_eq!(stand.count("/jwks"), 2);
}

/// J03: also whoever names an unknown key does not wait as long as its issuer likes.
#[tokio::test]
async fn j03_an_unknown_name_waits_two_seconds_at_most() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let keys = Arc::new(ProviderKeys::new(id(1), Arc::new(stand.jwks_url()), fetcher_with(LIMITS), Arc::default()));
    names(&keys, "a", at(0)).await;
    stand.answer("/jwks", Answer::Hang);
    let begun = Instant::now();
    assert_eq!(names(&keys, "new", at(60)).await, ["a"]);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(keys.is_refreshing());
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
        ("max-age=0", 62, 72),
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

/// J11: an issuer that knows the set by its tag is believed that it is the same, and that alone.
#[tokio::test]
async fn j11_a_set_that_is_the_same_is_not_sent_again() {
    let stand = Stand::start().await;
    let tagged = |tag, seconds: u64, kid| {
        let headers = vec![("cache-control", format!("max-age={seconds}"))];
        Answer::Tagged { tag, headers, body: jwks(&[kid]) }
    };
    stand.answer("/jwks", tagged("\"one\"", 600, "a"));
    let keys = keys_of(stand.jwks_url());
    names(&keys, "a", at(0)).await;
    let before = keys.current(at(0)).unwrap();
    stand.answer("/jwks", tagged("\"one\"", 6000, "never-sent"));
    names(&keys, "a", at(600)).await;
    settle(&keys).await;
    assert!(Arc::ptr_eq(&before, &keys.current(at(600)).unwrap()));
    // What was confirmed is as fresh as what was sent, for as long as the confirmation says.
    assert!(keys.lacking("ci", "x", at(610)).0.ends_with("were fetched 10 s ago"));
    names(&keys, "a", at(600 + 4_700)).await;
    assert!(!keys.is_refreshing());
    assert!(keys.current(at(600 + HARD_LIMIT.as_secs() - 1)).is_some());
    stand.answer("/jwks", tagged("\"two\"", 600, "b"));
    names(&keys, "a", at(6_700)).await;
    settle(&keys).await;
    assert_eq!(names(&keys, "b", at(6_701)).await, ["b"]);
    // 304 to whoever has nothing is no answer.
    stand.answer("/jwks", Answer::Full { status: 304, headers: Vec::new(), body: Vec::new() });
    let fresh = keys_of(stand.jwks_url());
    let fault = fresh.keys_for(Some("b"), at(0)).await.unwrap_err().fault.unwrap();
    assert!(fault.operator_text().ends_with("answered 304, expected 200"), "{}", fault.operator_text());
}

/// A tag means something at the place that it came from alone.
#[tokio::test]
async fn j11_a_tag_is_not_taken_to_another_place() {
    let stand = Stand::start().await;
    let tagged = |kid| Answer::Tagged { tag: "\"same\"", headers: Vec::new(), body: jwks(&[kid]) };
    let leading_to = |path: &str| {
        let (issuer, jwks_uri) = (stand.url(""), stand.url(path));
        Answer::Text(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#))
    };
    let discovery = "/.well-known/openid-configuration";
    stand.answer(discovery, leading_to("/old"));
    stand.answer("/old", tagged("a"));
    stand.answer("/new", tagged("b"));
    let keys = keys_of(stand.discovery());
    names(&keys, "a", at(0)).await;
    stand.answer(discovery, leading_to("/new"));
    assert_eq!(names(&keys, "b", at(30)).await, ["b"]);
}
