//! Verification of access tokens against an issuer that rotates, breaks and lies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::peer::{Peer, answer};
use accredit_client::verifier::{AccessTokenError, AccessTokenVerifier, DiscoveryError};
use accredit_id::base64url;
use accredit_id::time::Timestamp;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://payments.example.org";
const NOW: i64 = 1_795_255_543;

struct Key {
    kid: &'static str,
    pair: EcdsaKeyPair,
}

/// What the issuer's peer answers with; tests change it under way.
#[derive(Clone)]
struct Issuer {
    keys: Arc<Mutex<Result<Value, &'static str>>>,
    peer: Arc<Peer>,
}

impl Key {
    fn new(kid: &'static str) -> Self {
        Self { kid, pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (base64url::encode(&point[1..33]), base64url::encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "use": "sig", "x": x, "y": y})
    }

    #[expect(clippy::disallowed_methods, reason = "a test signs with whatever chance gives")]
    fn sign(&self, header: &Value, payload: &Value) -> String {
        let input = format!(
            "{}.{}",
            base64url::encode(header.to_string().as_bytes()),
            base64url::encode(payload.to_string().as_bytes())
        );
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(signature.as_ref()))
    }

    /// A good token of this key, with some claims changed; `null` takes a claim away.
    fn token(&self, issuer: &str, changes: &Value) -> String {
        let mut payload = json!({
            "iss": issuer, "sub": "sa_1", "aud": AUDIENCE, "exp": NOW + 900, "iat": NOW, "jti": "dec_1",
            "client_id": "sa_1", "org_id": "proj_1", "scope": "payments.read payments.write",
        });
        for (name, value) in changes.as_object().unwrap() {
            payload[name] = value.clone();
        }
        payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.sign(&json!({"alg": "ES256", "kid": self.kid, "typ": "at+jwt"}), &payload)
    }
}

impl Issuer {
    async fn new(keys: &[&Key]) -> Self {
        let keys = Arc::new(Mutex::new(jwks(keys)));
        let served = Arc::clone(&keys);
        let peer = Peer::tcp(move |address, request| {
            if request.starts_with("GET /.well-known/oauth-authorization-server ") {
                return answer(
                    "200 OK",
                    "",
                    &json!({"issuer": address, "jwks_uri": format!("{address}/jwks")}).to_string(),
                );
            }
            match &*served.lock().unwrap() {
                Ok(keys) => answer("200 OK", "", &keys.to_string()),
                Err(status) => answer(status, "", ""),
            }
        });
        Self { keys, peer: Arc::new(peer.await.unwrap()) }
    }

    fn serve(&self, keys: Result<Value, &'static str>) {
        *self.keys.lock().unwrap() = keys;
    }

    fn url(&self) -> &str {
        &self.peer.address
    }

    fn key_fetches(&self) -> usize {
        self.peer.requests().iter().filter(|request| request.starts_with("GET /jwks ")).count()
    }

    async fn verifier(&self) -> AccessTokenVerifier {
        AccessTokenVerifier::discover(self.url(), AUDIENCE).await.unwrap()
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix(NOW + 10)
}

fn jwks(keys: &[&Key]) -> Result<Value, &'static str> {
    Ok(json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}))
}

async fn later(span: Duration) {
    tokio::time::pause();
    tokio::time::advance(span).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_good_token_tells_who_and_what() {
    let key = Key::new("k1");
    let issuer = Issuer::new(&[&key]).await;
    let token = issuer.verifier().await.verify(&key.token(issuer.url(), &json!({})), now()).await.unwrap();
    assert_eq!(
        (token.subject.as_str(), token.client_id.as_str(), token.org_id.as_deref()),
        ("sa_1", "sa_1", Some("proj_1"))
    );
    assert!(token.allows("payments.read") && !token.allows("payments") && !token.allows(""));
    assert_eq!((token.token_id.as_str(), token.expires_at.unix(), token.issued_at.unix()), ("dec_1", NOW + 900, NOW));
}

#[tokio::test]
async fn other_tokens_are_refused_by_code() {
    let (key, stranger) = (Key::new("k1"), Key::new("k1"));
    let issuer = Issuer::new(&[&key]).await;
    let verifier = issuer.verifier().await;
    let url = issuer.url();
    for (changes, code) in [
        (json!({"iss": "https://evil.example"}), "issuer-mismatch"),
        (json!({"iss": format!("{url}/")}), "issuer-mismatch"),
        (json!({"aud": "https://other.example.org"}), "audience-mismatch"),
        (json!({"aud": [AUDIENCE, "https://other.example.org"]}), "audience-not-single"),
        (json!({"aud": null}), "audience-missing"),
        (json!({"sub": null}), "subject-missing"),
        (json!({"client_id": null}), "claim-malformed"),
        (json!({"client_id": 7}), "claim-malformed"),
        (json!({"jti": null}), "claim-malformed"),
        (json!({"iat": null}), "claim-malformed"),
        (json!({"scope": ["payments.read"]}), "claim-malformed"),
        (json!({"org_id": {}}), "claim-malformed"),
        (json!({"exp": NOW + 10}), "expired"),
        (json!({"exp": NOW + 3601}), "lifetime-too-long"),
        (json!({"iat": NOW + 100}), "issued-in-future"),
        (json!({"nbf": NOW + 100}), "not-yet-valid"),
    ] {
        let error = verifier.verify(&key.token(url, &changes), now()).await.unwrap_err();
        assert_eq!(error.code(), code, "{changes}: {}", error.operator_text());
    }
    let payload =
        json!({"iss": url, "sub": "sa_1", "aud": AUDIENCE, "exp": NOW + 900, "iat": NOW, "jti": "j", "client_id": "c"});
    for (token, code) in [
        (key.sign(&json!({"alg": "ES256", "kid": "k1", "typ": "JWT"}), &payload), "type-not-allowed"),
        (key.sign(&json!({"alg": "ES256", "kid": "k1"}), &payload), "type-not-allowed"),
        (key.sign(&json!({"alg": "none", "kid": "k1", "typ": "at+jwt"}), &payload), "algorithm-not-allowed"),
        (key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &payload), "kid-missing"),
        (stranger.token(url, &json!({})), "bad-signature"),
        ("a.b".to_owned(), "malformed"),
        (String::new(), "malformed"),
    ] {
        let error = verifier.verify(&token, now()).await.unwrap_err();
        assert_eq!(error.code(), code, "{}", error.operator_text());
        assert!(!error.to_string().contains("example"), "{error}");
    }
    assert_eq!(issuer.key_fetches(), 1, "none of these is a reason to fetch keys");
}

/// J01, J02: a new key is found at once, an invented one costs one fetch in 30 seconds.
#[tokio::test]
async fn an_unknown_key_is_looked_for_once_in_a_while() {
    let (old, new, invented) = (Key::new("k1"), Key::new("k2"), Key::new("k3"));
    let issuer = Issuer::new(&[&old]).await;
    let verifier = issuer.verifier().await;
    issuer.serve(jwks(&[&old, &new]));
    let token = new.token(issuer.url(), &json!({}));

    // Discovery itself was a fetch: nothing younger can be had for 30 seconds.
    assert_eq!(verifier.verify(&token, now()).await.unwrap_err().code(), "key-not-found");
    assert_eq!(issuer.key_fetches(), 1);

    later(Duration::from_secs(31)).await;
    let (one, two, three) =
        tokio::join!(verifier.verify(&token, now()), verifier.verify(&token, now()), verifier.verify(&token, now()));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(issuer.key_fetches(), 2, "one fetch serves all who wait");

    for _ in 0..50 {
        let error = verifier.verify(&invented.token(issuer.url(), &json!({})), now()).await.unwrap_err();
        assert_eq!(error.code(), "key-not-found");
    }
    assert_eq!(issuer.key_fetches(), 2);
}

/// J03, J04: a broken issuer takes nothing away, a working one that drops a key does.
#[tokio::test]
async fn old_keys_serve_while_the_issuer_is_broken_and_end_after_a_day() {
    let (old, new) = (Key::new("k1"), Key::new("k2"));
    let issuer = Issuer::new(&[&old]).await;
    let verifier = issuer.verifier().await;
    let (with_old, with_new) = (old.token(issuer.url(), &json!({})), new.token(issuer.url(), &json!({})));

    for broken in [Err("500 Oops"), Err("404 Not Found"), Ok(json!({"keys": []})), Ok(json!("html"))] {
        issuer.serve(broken);
        later(Duration::from_secs(31)).await;
        assert_eq!(verifier.verify(&with_new, now()).await.unwrap_err().code(), "key-not-found");
        assert!(verifier.verify(&with_old, now()).await.is_ok());
    }
    later(Duration::from_secs(25 * 3600)).await;
    let error = verifier.verify(&with_old, now()).await.unwrap_err();
    assert!(matches!(error, AccessTokenError::KeysTooOld { hours: 25 }), "{error}");

    issuer.serve(jwks(&[&new]));
    later(Duration::from_secs(31)).await;
    assert!(verifier.verify(&with_new, now()).await.is_ok());
    assert_eq!(verifier.verify(&with_old, now()).await.unwrap_err().code(), "key-not-found");
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_in_the_background() {
    let (old, new) = (Key::new("k1"), Key::new("k2"));
    let issuer = Issuer::new(&[&old]).await;
    let verifier = issuer.verifier().await;
    issuer.serve(jwks(&[&new]));
    let token = old.token(issuer.url(), &json!({}));
    later(Duration::from_secs(6 * 60)).await;
    assert!(verifier.verify(&token, now()).await.is_ok(), "whoever comes first is not kept waiting");
    for _ in 0..200 {
        if verifier.verify(&token, now()).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    unreachable!("the withdrawn key is still believed");
}

#[tokio::test]
async fn discovery_believes_only_the_issuer_itself() {
    let lie = |document: Value| async move {
        let peer = Peer::tcp(move |_, request| match request.starts_with("GET /.well-known/openid-configuration ") {
            true => answer("200 OK", "", &document.to_string()),
            false => answer("404 Not Found", "", ""),
        });
        let peer = peer.await.unwrap();
        AccessTokenVerifier::discover(&peer.address, AUDIENCE).await.unwrap_err()
    };
    let error = lie(json!({"issuer": "https://other.example", "jwks_uri": "http://127.0.0.1:1/"})).await;
    assert!(matches!(error, DiscoveryError::OtherIssuer { .. }), "{error}");
    let error = lie(json!({"issuer": "x"})).await;
    assert!(matches!(error, DiscoveryError::Unusable { .. }), "{error}");

    for (jwks_uri, said) in [
        ("http://169.254.169.254/latest", "plain http to another machine"),
        ("file:///etc/passwd", "is not a URL"),
        ("https://user:secret@example.org/jwks", "has a user, a password or a fragment"),
        ("http://127.0.0.1:1/jwks", "cannot be fetched"),
    ] {
        let uri = jwks_uri.to_owned();
        let peer =
            Peer::tcp(move |address, _| answer("200 OK", "", &json!({"issuer": address, "jwks_uri": uri}).to_string()));
        let peer = peer.await.unwrap();
        let error = AccessTokenVerifier::discover(&peer.address, AUDIENCE).await.unwrap_err();
        assert!(error.to_string().contains(said), "{jwks_uri}: {error}");
    }
    let error = AccessTokenVerifier::discover("http://accredit.example.org", AUDIENCE).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Url(_)), "{error}");
}
