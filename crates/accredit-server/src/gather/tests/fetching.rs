//! One fetch against servers that misbehave in every way that was thought of.

use std::time::{Duration, Instant};

use accredit_id::jose::jwk::Purpose;
use rustls_pki_types::CertificateDer;

use super::stand::{Answer, PlayedNames, Stand, authority, fetcher, fetcher_with, jwks, kids};
use crate::gather::fault::{FetchCause, FetchFault};
use crate::gather::fetch::{Fetcher, LIMITS, Limits};
use crate::gather::guard::Guard;
use crate::gather::{AllowList, Authorities, KeyPlace, KeySource};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn full(status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answer::Full { status, headers, body: body.into() }
}

fn discovery_of(issuer: &str) -> KeySource {
    KeySource { place: KeyPlace::Discovery { issuer: issuer.to_owned(), base: None }, purpose: Purpose::Signature }
}

fn jwks_at(url: &str) -> KeySource {
    KeySource { place: KeyPlace::JwksUrl(url.to_owned()), purpose: Purpose::Signature }
}

async fn fault_of(fetcher: &Fetcher, source: &KeySource) -> FetchFault {
    fetcher.keys(source, None).await.map(|fetched| kids(&fetched.set).len()).unwrap_err()
}

/// C09: what discovery says of algorithms is ignored; the stand lists `none` and `HS256`.
#[tokio::test]
async fn c09_discovery_leads_to_the_keys() {
    let stand = Stand::start().await;
    stand.publish(&["a", "b"]);
    let fetched = fetcher().keys(&stand.discovery(), None).await.unwrap();
    assert_eq!(kids(&fetched.set), ["a", "b"]);
    assert_eq!(stand.asked(), [DISCOVERY, "/jwks"]);
}

#[tokio::test]
async fn discovery_at_another_base_still_names_the_issuer() {
    let stand = Stand::start().await;
    let issuer = "https://kubernetes.default.svc";
    let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{}"}}"#, stand.url("/jwks"));
    stand.answer("/k8s/.well-known/openid-configuration", Answer::Text(document));
    stand.answer("/jwks", Answer::Text(jwks(&["k"])));
    let place = KeyPlace::Discovery { issuer: issuer.to_owned(), base: Some(stand.url("/k8s")) };
    let fetched = fetcher().keys(&KeySource { place, purpose: Purpose::Signature }, None).await.unwrap();
    assert_eq!(kids(&fetched.set), ["k"]);
}

#[tokio::test]
async fn c08_discovery_of_another_issuer_is_refused() {
    let stand = Stand::start().await;
    for (said, code) in [("/", "discovery-issuer-mismatch"), (".", "discovery-issuer-mismatch")] {
        let document = format!(r#"{{"issuer":"{}{said}","jwks_uri":"{}"}}"#, stand.url(""), stand.url("/jwks"));
        stand.answer(DISCOVERY, Answer::Text(document));
        let fault = fault_of(&fetcher(), &stand.discovery()).await;
        assert_eq!(fault.code(), code, "{said}");
        let (seen, expected) = (stand.url(said), stand.url(""));
        let text = format!("discovery of `{expected}` names the issuer `{seen}`, expected `{expected}`");
        assert_eq!(fault.operator_text(), text);
    }
    assert_eq!(stand.count("/jwks"), 0);
}

#[tokio::test]
async fn j04_documents_that_are_not_used() {
    let stand = Stand::start().await;
    let good = jwks(&["a"]);
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
    let twice = jwks(&["a", "b"]).replace(r#""kid":"b""#, r#""kid":"a""#);
    // The first bytes of a gzip member: what is compressed is not read, so it cannot explode.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let cases = [
        (full(500, &[], good.clone()), "fetch-status", "answered 500, expected 200"),
        (full(204, &[], ""), "fetch-status", "answered 204"),
        (full(404, &[], good.clone()), "fetch-status", "answered 404"),
        (
            full(200, &[("content-type", "text/html")], "<html>"),
            "fetch-not-json",
            "is `text/html`, which does not read as a JSON object",
        ),
        (full(200, &[("content-encoding", "gzip")], gzip), "fetch-not-json", "does not read as a JSON object"),
        (Answer::Text(String::new()), "fetch-not-json", "does not read as a JSON object"),
        (Answer::Text("[]".into()), "fetch-not-json", "an array"),
        (Answer::Text(r#"{"keys":[],"keys":[]}"#.into()), "fetch-not-json", "appears twice"),
        (Answer::Text("{}".into()), "fetch-bad-keys", "`keys` is missing"),
        (Answer::Text(r#"{"keys":[]}"#.into()), "fetch-no-usable-key", "is empty"),
        (
            Answer::Text(r#"{"keys":[{"kty":"oct","k":"AA","kid":"x"}]}"#.into()),
            "fetch-no-usable-key",
            "1 keys and none is usable, `x`",
        ),
        (Answer::Text(many), "fetch-bad-keys", "key set has 10000 keys"),
        (Answer::Text(twice), "fetch-bad-keys", "two keys have the `kid` `a`"),
        (full(200, &[], vec![b' '; 1024 * 1024 + 1]), "fetch-too-large", "is larger than 1024 KiB"),
        (Answer::Endless(Duration::ZERO), "fetch-too-large", "is larger than 1024 KiB"),
        (Answer::CutOff, "fetch-broken", "broke off in the middle of its answer"),
    ];
    let fetcher = fetcher_with(LIMITS);
    for (answer, code, text) in cases {
        stand.answer("/jwks", answer);
        let fault = fault_of(&fetcher, &stand.jwks_url()).await;
        assert_eq!(fault.code(), code, "{text}: {}", fault.operator_text());
        assert!(fault.operator_text().contains(text), "{text}: {}", fault.operator_text());
    }
}

/// B07, B08, J04: one bad key among good ones is dropped, the good ones serve.
#[tokio::test]
async fn j04_one_bad_key_costs_itself_alone() {
    let stand = Stand::start().await;
    let mixed = jwks(&["good"]).replace(
        r#"{"keys":["#,
        r#"{"keys":[{"kty":"oct","k":"AA","kid":"o"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"e"},7,"#,
    );
    stand.answer("/jwks", Answer::Text(mixed));
    let fetched = fetcher().keys(&stand.jwks_url(), None).await.unwrap();
    assert_eq!((kids(&fetched.set), fetched.set.dropped().len()), (vec!["good"], 3));
}

#[tokio::test]
async fn j05_redirects_are_not_followed() {
    let stand = Stand::start().await;
    let good = Stand::start().await;
    good.publish(&["a"]);
    stand.answer("/same", Answer::Text(jwks(&["a"])));
    let targets = [
        good.url("/jwks"),
        stand.url("/same"),
        "/jwks".into(),
        "http://10.0.0.1/".into(),
        "https://example.org/".into(),
    ];
    for status in [301, 302, 303, 307, 308] {
        for target in &targets {
            stand.answer("/jwks", full(status, &[("location", target)], ""));
            let fault = fault_of(&fetcher(), &stand.jwks_url()).await;
            assert_eq!(fault.code(), "fetch-redirect");
            let text = format!("answered {status} to `{target}`, and redirects are not followed");
            assert!(fault.operator_text().ends_with(&text), "{}", fault.operator_text());
        }
    }
    assert_eq!((good.asked().len(), stand.count("/same")), (0, 0));
}

#[tokio::test]
async fn j03_slow_and_silent_servers_are_given_up() {
    let stand = Stand::start().await;
    let limits = Limits { total: Duration::from_millis(300), ..LIMITS };
    for answer in [
        Answer::Hang,
        Answer::Endless(Duration::from_millis(100)),
        Answer::After(Duration::from_secs(5), Box::new(Answer::Hang)),
    ] {
        stand.answer("/jwks", answer);
        let begun = Instant::now();
        assert_eq!(fault_of(&fetcher_with(limits), &stand.jwks_url()).await.code(), "fetch-timeout");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    // Discovery and key set share the time.
    stand.publish(&["a"]);
    let slow = |answer| Answer::After(Duration::from_millis(200), Box::new(answer));
    let document = format!(r#"{{"issuer":"{}","jwks_uri":"{}"}}"#, stand.url(""), stand.url("/jwks"));
    stand.answer(DISCOVERY, slow(Answer::Text(document)));
    stand.answer("/jwks", slow(Answer::Text(jwks(&["a"]))));
    assert_eq!(fault_of(&fetcher_with(limits), &stand.discovery()).await.code(), "fetch-timeout");
}

#[tokio::test]
async fn j03_who_waits_for_a_turn_waits_within_his_time() {
    let stand = Stand::start().await;
    stand.answer("/jwks", Answer::Hang);
    let fetcher = fetcher_with(Limits { total: Duration::from_millis(400), at_once: 1, ..LIMITS });
    let source = stand.jwks_url();
    let hanging = tokio::spawn({
        let (fetcher, source) = (fetcher.clone(), source.clone());
        async move { fault_of(&fetcher, &source).await.code() }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    stand.publish(&["a"]);
    assert!(fetcher.keys(&source, None).await.is_ok(), "the turn comes back");
    assert_eq!(hanging.await.unwrap(), "fetch-timeout");
    let never = fetcher_with(Limits { total: Duration::from_millis(50), at_once: 0, ..LIMITS });
    assert_eq!(fault_of(&never, &source).await.code(), "fetch-busy");
}

#[tokio::test]
async fn j03_unreachable_and_unresolvable() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = fault_of(&fetcher(), &jwks_at(&format!("http://{unused}/jwks"))).await;
    assert_eq!(fault.operator_text(), format!("key set `http://{unused}/jwks` cannot be reached: connection refused"));
    let guard = Guard::with_names(AllowList::default(), PlayedNames::new(&[]));
    let fault =
        fault_of(&Fetcher::new(guard, Authorities::default(), None), &discovery_of("https://gone.example")).await;
    assert_eq!(
        fault.operator_text(),
        "discovery of `https://gone.example` has a host that does not resolve: no such host"
    );
}

#[tokio::test]
async fn j06_names_that_lead_inside_are_refused() {
    let cases = [
        (
            "10.0.3.4",
            "resolves to 10.0.3.4, which is not public (private)",
            "list the range in the server's config, or upload the keys",
        ),
        (
            "127.0.0.1",
            "resolves to 127.0.0.1, which is not public (loopback)",
            "list the range in the server's config, or upload the keys",
        ),
        (
            "::ffff:10.0.0.1",
            "which is not public (private)",
            "list the range in the server's config, or upload the keys",
        ),
        (
            "169.254.169.254",
            "which is link-local and never fetched from",
            "upload the keys; no setting opens such an address",
        ),
        (
            "fd00:ec2::254",
            "which is a metadata address and never fetched from",
            "upload the keys; no setting opens such an address",
        ),
    ];
    for (address, text, hint) in cases {
        let guard = Guard::with_names(AllowList::default(), PlayedNames::new(&[&[address]]));
        let fault =
            fault_of(&Fetcher::new(guard, Authorities::default(), None), &discovery_of("https://k8s.internal")).await;
        assert_eq!(fault.code(), "fetch-refused-address");
        assert!(fault.operator_text().starts_with("discovery of `https://k8s.internal` resolves to "));
        assert!(fault.operator_text().ends_with(text), "{}", fault.operator_text());
        assert_eq!(fault.hint(), Some(hint));
    }
}

/// J09 where it is used: what was never judged when it was written is judged before it is asked.
#[tokio::test]
async fn j09_issuers_are_judged_before_they_are_asked() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    for tail in ["?x=1", "/a?x=1", "#x", "/../x", "?", "/%2e%2e/x"] {
        let fault = fault_of(&fetcher(), &discovery_of(&stand.url(tail))).await;
        assert_eq!(fault.code(), "fetch-refused-url", "{tail}");
        assert!(fetcher().judge(&discovery_of(&stand.url(tail))).is_err(), "{tail}");
    }
    assert!(fetcher().judge(&stand.discovery()).is_ok() && fetcher().judge(&stand.jwks_url()).is_ok());
    assert!(fetcher().judge(&jwks_at("http://10.0.0.1/jwks")).is_err());
    let fault = fault_of(&fetcher(), &discovery_of("https://user:hunter2@example.org")).await;
    assert!(!fault.operator_text().contains("hunter2"), "{}", fault.operator_text());
    assert_eq!(stand.asked().len(), 0);
}

#[tokio::test]
async fn j08_documents_may_not_lead_inside() {
    let stand = Stand::start().await;
    for (jwks_uri, code) in [
        ("http://169.254.169.254/latest/meta-data/", "fetch-refused-url"),
        ("http://10.0.0.1/jwks", "fetch-refused-url"),
        ("https://[::1]/jwks", "fetch-refused-url"),
        ("file:///etc/passwd", "fetch-refused-url"),
        ("unix:/run/docker.sock", "fetch-refused-url"),
        ("jwks", "fetch-refused-url"),
    ] {
        let document = format!(r#"{{"issuer":"{}","jwks_uri":"{jwks_uri}"}}"#, stand.url(""));
        stand.answer(DISCOVERY, Answer::Text(document));
        assert_eq!(fault_of(&fetcher(), &stand.discovery()).await.code(), code, "{jwks_uri}");
    }
    for document in
        [r#"{"issuer":"ISSUER"}"#, r#"{"issuer":"ISSUER","jwks_uri":7}"#, r#"{"jwks_uri":"https://a.example"}"#]
    {
        stand.answer(DISCOVERY, Answer::Text(document.replace("ISSUER", &stand.url(""))));
        assert_eq!(fault_of(&fetcher(), &stand.discovery()).await.code(), "discovery-malformed");
    }
}

/// J07: one look-up a connection, and its answer is what is dialled: a name server that changes its mind meets nobody.
#[tokio::test]
async fn j07_the_address_that_was_judged_is_dialled() {
    let stand = Stand::start().await;
    stand.publish(&["a"]);
    let port = stand.address.port();
    let names = PlayedNames::new(&[&["10.9.9.9", "127.0.0.1"], &["10.9.9.9"]]);
    let guard = Guard::with_names(AllowList::parse(&["127.0.0.0/8"]).unwrap(), names.clone());
    let fetcher = Fetcher::new(guard, Authorities::default(), None);
    let source = jwks_at(&format!("http://rebind.example:{port}/jwks"));
    assert_eq!(kids(&fetcher.keys(&source, None).await.unwrap().set), ["a"]);
    assert_eq!(names.asked.lock().unwrap().len(), 1);
    let fault = fault_of(&fetcher, &source).await;
    assert!(matches!(fault.cause, FetchCause::RefusedAddress(refused) if refused.address.to_string() == "10.9.9.9"));
    assert_eq!(names.asked.lock().unwrap().len(), 2, "each connection asks anew");
}

#[tokio::test]
async fn j11_the_answer_says_how_long_it_holds() {
    let stand = Stand::start().await;
    stand.answer("/jwks", full(200, &[("cache-control", "public, max-age=120")], jwks(&["a"])));
    assert_eq!(fetcher().keys(&stand.jwks_url(), None).await.unwrap().holds_for, Some(Duration::from_secs(120)));
    stand.answer("/jwks", full(429, &[("retry-after", "17")], ""));
    assert_eq!(fault_of(&fetcher(), &stand.jwks_url()).await.retry_after(), Some(Duration::from_secs(17)));
}

/// J12: a private authority is honoured when the server's config lists it, and only then; names are verified.
#[tokio::test]
async fn j12_certificates_are_verified() {
    let (authority, acceptor) = authority();
    let stand = Stand::start_tls(acceptor).await;
    stand.publish(&["a"]);
    let port = stand.address.port();
    let with = |roots: Vec<CertificateDer<'static>>| {
        let names = PlayedNames::new(&[&["127.0.0.1"]]);
        let authorities = Authorities { beside: roots, ..Authorities::default() };
        Fetcher::new(Guard::with_names(AllowList::parse(&["127.0.0.0/8"]).unwrap(), names), authorities, None)
    };
    let trusting = with(vec![authority]);
    let good = jwks_at(&format!("https://issuer.example:{port}/jwks"));
    assert_eq!(kids(&trusting.keys(&good, None).await.unwrap().set), ["a"]);
    let other = jwks_at(&format!("https://other.example:{port}/jwks"));
    let fault = fault_of(&trusting, &other).await;
    assert_eq!((fault.code(), stand.asked().len()), ("fetch-tls", 1));
    assert!(fault.operator_text().ends_with("its certificate is for another name"), "{}", fault.operator_text());
    let fault = fault_of(&with(Vec::new()), &good).await;
    assert!(
        fault.operator_text().ends_with("comes from an authority that is not trusted here"),
        "{}",
        fault.operator_text()
    );
    assert_eq!(stand.asked().len(), 1);
    // Plain http where TLS is expected, and the reverse.
    let plain = jwks_at(&format!("http://issuer.example:{port}/jwks"));
    assert!(trusting.keys(&plain, None).await.is_err());
    let clear = Stand::start().await;
    let tls_to_clear = jwks_at(&format!("https://issuer.example:{}/jwks", clear.address.port()));
    assert_eq!(fault_of(&trusting, &tls_to_clear).await.code(), "fetch-tls");
}
