//! Issuers that are slow, silent, flooded in the name of, or unknown: who waits, who does not, and who is asked.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;
use std::time::{Duration, Instant};

use accredit_e2e::claims::{job, token};
use accredit_e2e::issuer::{Issuer, Served};
use accredit_e2e::resources::{self, provider};
use accredit_e2e::server::{Home, Server};
use serde_json::json;

/// A server with two providers, both by discovery, both with a mapping.
fn served() -> (Home, Server, Served, Served) {
    let (one, other) = (Issuer::serve(), Issuer::serve());
    let home = Home::new();
    let server = home.start();
    server.apply(&format!(
        "{}---\n{}---\n{OTHER}",
        resources::discovered(&one.issuer),
        provider("other", &other.issuer.url, "{discovery: {}}")
    ));
    (home, server, one, other)
}

/// J03: an issuer that hangs delays its own first callers alone, and those not for ever.
#[test]
fn an_issuer_that_hangs_delays_nobody_whose_keys_are_cached() {
    let (_home, server, one, other) = served();
    server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
    other.hang();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| (server.exchange(&token(&other.issuer, &json!({})), &[]), Instant::now())))
            .collect();
        // A hundred exchanges while sixteen callers wait.
        while other.requests() == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        let mut connection = server.connect();
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let began = Instant::now();
            connection.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
            slowest = slowest.max(began.elapsed());
        }
        assert!(slowest < Duration::from_secs(2), "an exchange took {slowest:?}");
        let done = Instant::now();
        let answers: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(answers.iter().all(|(_, at)| *at > done), "nobody waited, so nothing was tested");
        for (answer, _) in answers {
            assert_eq!((answer.status, answer.member("error").as_str()), (503, "temporarily_unavailable"));
            assert!(answer.header("retry-after").is_some());
        }
    });
    assert_eq!(other.requests(), 1, "callers asked each for himself");
}

/// J03: of two providers of one issuer, told apart by their audience, one that cannot be reached is in nobody's way but its own.
#[test]
fn an_unreachable_provider_is_not_in_the_way_of_its_namesake() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    let nobody = r#"kind: Provider
name: unreachable
id: idp_00000000000000000000000000
spec:
  type: github
  issuer: https://ci.test
  audiences: ["https://second.test"]
  keys: {jwksUrl: "http://127.0.0.1:9/keys"}
"#;
    server.apply(&format!("{}---\n{nobody}", resources::usual(&issuer)));
    for _ in 0..2 {
        server.exchange(&token(&issuer, &json!({})), &[]).access_token();
        let waits = server.exchange(&token(&issuer, &json!({"aud": "https://second.test"})), &[]);
        assert_eq!((waits.status, waits.member("error").as_str()), (503, "temporarily_unavailable"));
        let told = server.accredit(["decision", &waits.decision(), "-o", "json"]).ended(0).json();
        assert_eq!((&told["reason"], &told["provider"]), (&json!("keys-unavailable"), &json!("unreachable")));
    }
}

/// J03: a key that is cached serves on while its issuer, asked for another one, hangs.
#[test]
fn a_hanging_refresh_delays_nobody_with_a_known_key() {
    let (_home, server, one, _other) = served();
    server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
    let asked = one.requests();
    one.hang();
    let unknown = || one.issuer.sign_under(r#"{"alg":"ES256","kid":"next"}"#, &job(&one.issuer).to_string());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| (server.exchange(&unknown(), &[]).status, Instant::now()));
        while one.requests() == asked && !waiting.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        for _ in 0..20 {
            server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
        }
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(waiting.join().unwrap().0, 400);
    });
}

/// J01, J02, J10, A16: however many tokens name keys or issuers that nobody knows, at most one question is asked.
#[test]
fn floods_of_bad_tokens_cause_no_floods_of_fetches() {
    let (_home, server, one, other) = served();
    server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
    assert_eq!(one.fetches(), 1);

    let forger = Issuer::new(&one.issuer.url);
    let mut connection = server.connect();
    for _ in 0..50 {
        assert_eq!(connection.exchange(&token(&forger, &json!({})), &[]).status, 400);
    }
    assert_eq!(one.fetches(), 1, "a bad signature under a known key asked for keys");

    for number in 0..50 {
        let header = format!(r#"{{"alg":"ES256","kid":"unknown-{number}","x5t":"{number}"}}"#);
        let unknown = one.issuer.sign_under(&header, &job(&one.issuer).to_string());
        assert_eq!(connection.exchange(&unknown, &[]).status, 400);
    }
    assert!(one.fetches() <= 2, "{} fetches", one.fetches());

    let stranger = Issuer::serve();
    assert_eq!(connection.exchange(&token(&stranger.issuer, &json!({})), &[]).status, 400);
    for member in ["jku", "x5u"] {
        let header =
            json!({"alg": "ES256", "kid": "key-1", member: format!("{}/jwks", stranger.issuer.url)}).to_string();
        let pointing = one.issuer.sign_under(&header, &job(&one.issuer).to_string());
        assert_eq!(connection.exchange(&pointing, &[]).status, 400);
    }
    assert_eq!(stranger.requests(), 0, "a stranger was asked");
    // J14: nor was a provider that nobody has shown a token of.
    assert_eq!(other.requests(), 0, "a provider was asked before anybody needed it");
}

/// B14: a provider's keys are its own, though two providers have keys of the same name.
#[test]
fn keys_of_one_provider_verify_nothing_of_another() {
    let (_home, server, one, other) = served();
    server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
    let crossed = other.issuer.sign(&job(&one.issuer));
    assert_eq!(server.exchange(&crossed, &[]).status, 400);
    for name in ["github", "other"] {
        assert_eq!(server.exchange(&crossed, &[("identity_provider_id", name)]).status, 400);
    }
}

/// L03, H10, A19: an access token of ours opens its API and nothing here.
#[test]
fn our_own_tokens_are_no_evidence() {
    let (_home, server, one, _other) = served();
    let access_token = server.exchange(&token(&one.issuer, &json!({})), &[]).access_token();
    for more in [&[][..], &[("identity_provider_id", "github")], &[("audience", "https://payments.test")]] {
        let refused = server.exchange(&access_token, more);
        assert_eq!((refused.status, refused.json().get("reason")), (400, None));
    }
    let bearer =
        format!("GET /oauth/jwks HTTP/1.1\r\nHost: accredit.test\r\nAuthorization: Bearer {access_token}\r\n\r\n");
    let keys = server.connect().ask(bearer.as_bytes());
    assert_eq!(keys.body, server.connect().get("/oauth/jwks").body, "a token changes nothing where none is asked for");
    for path in ["/v1/status", "/v1/audit", "/v1/resources"] {
        let bearer =
            format!("GET {path} HTTP/1.1\r\nHost: accredit.test\r\nAuthorization: Bearer {access_token}\r\n\r\n");
        assert_eq!(server.connect().ask(bearer.as_bytes()).status, 404, "{path}");
    }
}

const OTHER: &str = r#"kind: Mapping
name: ci/web-other
spec:
  provider: other
  serviceAccount: ci/web
  match: {repository_id: "123", repository_owner_id: "98"}
"#;
