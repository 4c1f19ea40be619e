//! The tokens that leave: whose signature they bear, and how long they live.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use accredit_e2e::claims::{said, token};
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::jose::{Algorithm, Algorithms};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};
use serde_json::json;

fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (home, issuer, server)
}

/// Verifies as an API does, with nothing but what the server publishes. Returns the algorithm.
fn verified(server: &Server, token: &str) -> Algorithm {
    let keys = server.connect().get("/oauth/jwks");
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    let private = ["\"d\"", "\"p\"", "\"q\"", "\"k\""];
    assert!(private.iter().all(|member| !keys.text().contains(member)), "a private key is published");
    let keys = KeySet::parse(&keys.body, Source::Uploaded, Purpose::Signature).unwrap();
    let audiences = ["https://payments.test".to_owned()];
    let expected = Expectations {
        token_type: ExpectedType::AccessToken,
        issuer: ExpectedIssuer::Exact(PUBLIC_URL),
        audiences: &audiences,
        single_audience: true,
        algorithms: Algorithms::ASYMMETRIC,
        max_lifetime: Duration::from_secs(3600),
        max_age: None,
        leeway: Duration::ZERO,
        key_id: KeyIdRule::Required,
        issued_at: IssuedAtRule::Required,
    };
    let mut buffer = Buffer::default();
    let unverified = verify::read(token, &mut buffer).unwrap();
    let algorithm = unverified.algorithm();
    let verdict = verify::verify(unverified, &expected, &keys, Timestamp::from_unix(now()));
    assert!(verdict.is_ok(), "{:?}", verdict.err().map(|rejected| rejected.fault));
    algorithm
}

/// K01: both algorithms, both keys published, and both kept over a restart.
#[test]
fn tokens_are_signed_by_keys_that_are_published_and_kept() {
    let (home, issuer, server) = served();
    let before = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert_eq!(verified(&server, &before), Algorithm::Es256);
    let etag = server.connect().get("/oauth/jwks").header("etag").unwrap().to_owned();
    server.apply(&resources::usual(&issuer).replace(
        "permissions: [payments.read, payments.write]}",
        "permissions: [payments.read, payments.write], signing: RS256}",
    ));
    assert_ne!(server.connect().get("/oauth/jwks").header("etag"), Some(&*etag), "readers must notice the new key");
    let after = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert_eq!(verified(&server, &after), Algorithm::Rs256);
    assert!(server.stop().success());
    let server = home.start();
    assert_eq!([verified(&server, &before), verified(&server, &after)], [Algorithm::Es256, Algorithm::Rs256]);
    let again = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    assert_eq!(verified(&server, &again), Algorithm::Rs256);
}

/// D08, D09, D10: the shortest bound wins, and the evidence is one of them, to the second.
#[test]
fn no_token_outlives_its_evidence_or_any_bound() {
    let (_home, issuer, server) = served();
    let lives = |evidence: i64| {
        let end = now() + evidence;
        let claims = said(&server.exchange(&token(&issuer, &json!({"exp": end})), &[]).access_token());
        let exp = claims["exp"].as_i64().unwrap();
        assert!(exp <= end, "the token ends {} s after its evidence", exp - end);
        (exp, end, exp - claims["iat"].as_i64().unwrap())
    };
    let (exp, end, _) = lives(60);
    assert_eq!(exp, end);
    assert_eq!(lives(1800).2, 900);
    let usual = resources::usual(&issuer);
    for (documents, seconds) in [
        (usual.replace("name: ci/web\n---", "name: ci/web\nspec: {maxLifetime: 5m}\n---"), 300),
        (usual.replace("payments.write]}", "payments.write], maxLifetime: 2m}"), 120),
        (usual.replace("lifetime: 15m", "lifetime: 30s"), 30),
    ] {
        assert_ne!(documents, usual);
        server.apply(&documents);
        assert_eq!(lives(1800).2, seconds);
        server.apply(&usual);
    }
}

/// A server's own bound is below every other one.
#[test]
fn the_server_has_the_last_word_on_lifetimes() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[limits]\nmax_token_seconds = 60\n\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    assert_eq!(server.exchange(&token(&issuer, &json!({})), &[]).json()["expires_in"], 60);
}
