//! Tokens that are bound to a key: issued for a proof, worth nothing without one, and never turned into bearer tokens.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_client::exchange::{ExchangeError, Request, TokenEndpoint};
use accredit_client::verifier::{AccessTokenVerifier, Presented};
use accredit_e2e::admin::key;
use accredit_e2e::claims::{random, said, token};
use accredit_e2e::http::Answer;
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::resources;
use accredit_e2e::server::{Home, PUBLIC_URL, Server};
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::time::Timestamp;
use serde_json::json;

fn served() -> (Home, Issuer, Server) {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    (home, issuer, server)
}

fn exchange(subject_token: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", GRANT), ("subject_token_type", JWT), ("subject_token", subject_token)]
}

fn narrow(access_token: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", GRANT), ("subject_token_type", ACCESS_TOKEN), ("subject_token", access_token)]
}

/// What is proved for a request to this path of the server.
struct Proof<'p> {
    path: &'p str,
    nonce: Option<&'p str>,
    token: Option<&'p str>,
}

impl Proof<'_> {
    fn by(&self, key: &ProofKey) -> String {
        let url = format!("{PUBLIC_URL}{}", self.path);
        let at = Timestamp::from_unix(now());
        let (nonce, access_token) = (self.nonce, self.token);
        key.prove(&ToProve { method: "POST", url: &url, nonce, access_token, token_id: random(), now: at })
    }
}

/// The nonce that the server tells whoever shows a proof without one.
fn nonce(server: &Server) -> String {
    let proof = Proof { path: "/oauth/token", nonce: None, token: None }.by(&key());
    let told = server.form("/oauth/token", &[("DPoP", &proof)], &exchange("x"));
    assert_eq!((told.status, told.member("error").as_str()), (400, "use_dpop_nonce"), "{}", told.text());
    told.header("dpop-nonce").unwrap().to_owned()
}

fn proved(server: &Server, key: &ProofKey, parameters: &[(&str, &str)]) -> Answer {
    let nonce = nonce(server);
    let proof = Proof { path: "/oauth/token", nonce: Some(&nonce), token: None }.by(key);
    server.form("/oauth/token", &[("DPoP", &proof)], parameters)
}

fn refused(answer: &Answer, error: &str, reason: &str) {
    let body = answer.json();
    assert_eq!((&body["error"], &body["reason"]), (&json!(error), &json!(reason)), "{body}");
    assert!(body.get("access_token").is_none(), "{body}");
}

/// I08, I10: a proof binds the token to its key, and the record says to which.
#[test]
fn i10_a_proof_binds_the_token() {
    let (_home, issuer, server) = served();
    let key = key();
    let answer = proved(&server, &key, &exchange(&token(&issuer, &json!({}))));
    let claims = said(&answer.access_token());
    assert_eq!(answer.member("token_type"), "DPoP");
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    assert!(answer.header("dpop-nonce").is_some_and(|told| told.len() == 22));

    // Who shows none gets a bearer token, as ever, and is told no nonce.
    let plain = server.exchange(&token(&issuer, &json!({})), &[]);
    assert_eq!((plain.member("token_type").as_str(), plain.header("dpop-nonce")), ("Bearer", None));
    assert!(!said(&plain.access_token()).contains_key("cnf"));

    let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).stdout;
    assert!(record.contains(&format!("\"proofKey\": \"{}\"", key.thumbprint())), "{record}");
}

/// I08: whatever is wrong with a proof, there is no token, and never a bearer one instead.
#[test]
fn i08_a_proof_that_does_not_hold_gets_nothing() {
    let (_home, issuer, server) = served();
    let key = key();
    let subject = token(&issuer, &json!({}));
    let told = nonce(&server);
    let good = |path| Proof { path, nonce: Some(&told), token: None }.by(&key);
    let send = |headers: &[(&str, &str)]| server.form("/oauth/token", headers, &exchange(&subject));
    refused(&send(&[("DPoP", "rubbish")]), "invalid_dpop_proof", "proof-malformed");
    refused(&send(&[("DPoP", "")]), "invalid_dpop_proof", "proof-malformed");
    refused(&send(&[("DPoP", &good("/oauth/introspect"))]), "invalid_dpop_proof", "proof-url");
    let (one, two) = (good("/oauth/token"), good("/oauth/token"));
    refused(&send(&[("DPoP", &one), ("DPoP", &two)]), "invalid_dpop_proof", "proof-count");
    let strange = Proof { path: "/oauth/token", nonce: Some("AAAAAAAAAAAAAAAAAAAAAA"), token: None }.by(&key);
    refused(&send(&[("DPoP", &strange)]), "use_dpop_nonce", "proof-nonce");

    // A proof counts once, also when the same request comes twice; a refused request spends none.
    let elsewhere = server.form(
        "/oauth/token",
        &[("DPoP", &one)],
        &[exchange(&subject), vec![("audience", "https://nowhere.test")]].concat(),
    );
    refused(&elsewhere, "invalid_target", "target-unknown");
    send(&[("DPoP", &one)]).access_token();
    let again = send(&[("DPoP", &one)]);
    refused(&again, "invalid_dpop_proof", "proof-replayed");
    let told = server.accredit(["decision", &again.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(told["reason"], "proof-replayed");
    // Of the same key and name at once, one wins.
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| send(&[("DPoP", &two)]).status)).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}

/// I10: where a mapping says so, there is no token without its proof; the operator is told what is missing.
#[test]
fn i10_a_mapping_may_require_a_key() {
    let (_home, issuer, server) = served();
    for (bound, hint) in [("dpop", "DPoP proof"), ("mtls", "client certificate"), ("any", "DPoP proof")] {
        let documents = resources::usual(&issuer).replace("lifetime: 15m", &format!("lifetime: 15m\n  bound: {bound}"));
        server.apply(&documents);
        let subject = token(&issuer, &json!({}));
        let answer = server.exchange(&subject, &[]);
        refused(&answer, "invalid_request", "binding-required");
        let told = server.accredit(["decision", &answer.decision(), "-o", "json"]).ended(0).json();
        let says = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        assert!(says("summary").contains(&format!("`bound: {bound}`")), "{told}");
        assert!(says("hint").contains(hint), "{told}");
        let answer = proved(&server, &key(), &exchange(&subject));
        match bound {
            "mtls" => refused(&answer, "invalid_request", "binding-required"),
            _ => assert!(said(&answer.access_token()).contains_key("cnf")),
        }
    }
}

/// I01, I10: evidence that counts once counts once for its holder, who may repeat himself, as when an answer got lost; whoever
/// copied it has another key or none. What a bearer has used, no key gives back.
#[test]
fn i10_a_holder_may_repeat_what_counts_once() {
    let (_home, issuer, server) = served();
    server.apply(&resources::usual(&issuer).replace("lifetime: 15m", "lifetime: 15m\n  replay: once"));
    let (own, other) = (key(), key());
    let subject = token(&issuer, &json!({}));
    let first = proved(&server, &own, &exchange(&subject));
    let again = proved(&server, &own, &exchange(&subject));
    for answer in [&first, &again] {
        assert_eq!(said(&answer.access_token())["cnf"], json!({"jkt": own.thumbprint()}));
    }
    assert_ne!(said(&first.access_token())["jti"], said(&again.access_token())["jti"]);
    let copied = proved(&server, &other, &exchange(&subject));
    refused(&copied, "invalid_request", "jti-reused");
    let told = server.accredit(["decision", &copied.decision(), "-o", "json"]).ended(0).json();
    assert!(told["summary"].as_str().unwrap().contains(&first.decision()), "the first use is not named: {told}");
    refused(&server.exchange(&subject, &[]), "invalid_request", "jti-reused");
    proved(&server, &own, &exchange(&subject)).access_token();

    let spent = token(&issuer, &json!({}));
    server.exchange(&spent, &[]).access_token();
    refused(&proved(&server, &own, &exchange(&spent)), "invalid_request", "jti-reused");
    refused(&server.exchange(&spent, &[]), "invalid_request", "jti-reused");
}

/// H09, I10: a bound token of ours is narrowed by its key alone and stays bound; a bearer token may be bound on the way.
#[test]
fn i10_narrowing_keeps_the_key() {
    let (_home, issuer, server) = served();
    let (own, other) = (key(), key());
    let bound = proved(&server, &own, &exchange(&token(&issuer, &json!({})))).access_token();
    refused(&server.form("/oauth/token", &[], &narrow(&bound)), "invalid_request", "proof-missing");
    refused(&proved(&server, &other, &narrow(&bound)), "invalid_request", "proof-missing");
    let narrowed = proved(&server, &own, &narrow(&bound));
    assert_eq!(narrowed.member("token_type"), "DPoP");
    assert_eq!(said(&narrowed.access_token())["cnf"], json!({"jkt": own.thumbprint()}));
    // Its own token is no subject token of somebody else's either way.
    refused(&server.form("/oauth/token", &[], &narrow(&narrowed.access_token())), "invalid_request", "proof-missing");
    // The record names the key that was proved, also where it was the wrong one.
    let stolen = proved(&server, &other, &narrow(&bound));
    for (answer, key) in [(&narrowed, &own), (&stolen, &other)] {
        let record = server.accredit(["audit", "show", &answer.decision(), "-o", "json"]).ended(0).json();
        assert_eq!(record["detail"]["proofKey"], key.thumbprint(), "{record}");
    }

    let bearer = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let tied = proved(&server, &other, &narrow(&bearer)).access_token();
    assert_eq!(said(&tied)["cnf"], json!({"jkt": other.thumbprint()}));
}

/// H09: a foreign token that is bound to a key counts for that key, and what comes of it is bound to the same.
#[test]
fn h09_a_foreign_bound_token_needs_its_own_key() {
    let (_home, issuer, server) = served();
    let (own, other) = (key(), key());
    let subject = token(&issuer, &json!({"cnf": {"jkt": own.thumbprint()}}));
    refused(&server.form("/oauth/token", &[], &exchange(&subject)), "invalid_request", "proof-missing");
    refused(&proved(&server, &other, &exchange(&subject)), "invalid_request", "proof-missing");
    let issued = proved(&server, &own, &exchange(&subject)).access_token();
    assert_eq!(said(&issued)["cnf"], json!({"jkt": own.thumbprint()}));
}

/// I10, K06: introspection tells what a token is bound to, and takes a bound token from nobody who does not prove it; revoking
/// takes the token alone.
#[test]
fn i10_introspection_does_not_take_a_bound_token_for_a_bearer() {
    let (_home, issuer, server) = served();
    let key = key();
    let bound = proved(&server, &key, &exchange(&token(&issuer, &json!({})))).access_token();
    let bearer = server.exchange(&token(&issuer, &json!({})), &[]).access_token();
    let ask = |headers: &[(&str, &str)]| server.form("/oauth/introspect", headers, &[("token", &bound)]);
    let as_bearer = format!("Bearer {bearer}");
    let told = ask(&[("Authorization", &as_bearer)]).json();
    let expected = (json!(true), json!("DPoP"), json!({"jkt": key.thumbprint()}));
    assert_eq!((told["active"].clone(), told["token_type"].clone(), told["cnf"].clone()), expected);

    let (stripped, shown) = (format!("Bearer {bound}"), format!("DPoP {bound}"));
    let nonce = nonce(&server);
    let proof = |token| Proof { path: "/oauth/introspect", nonce: Some(&nonce), token }.by(&key);
    let own = proof(Some(&bound));
    for (headers, challenge) in [
        (vec![("Authorization", stripped.as_str())], "invalid_token"),
        (vec![("Authorization", &stripped), ("DPoP", &own)], "invalid_token"),
        (vec![("Authorization", &shown)], "invalid_dpop_proof"),
        (vec![("Authorization", &shown), ("DPoP", &proof(None))], "invalid_dpop_proof"),
        (vec![("Authorization", &shown), ("DPoP", &proof(Some(&bearer)))], "invalid_dpop_proof"),
        (vec![("Authorization", &format!("DPoP {bearer}")), ("DPoP", &proof(Some(&bearer)))], "invalid_token"),
    ] {
        let answer = ask(&headers);
        assert_eq!(answer.status, 401, "{headers:?}: {}", answer.text());
        assert!(answer.header("www-authenticate").unwrap().contains(challenge), "{headers:?}: {answer:?}");
    }
    let honest = [("Authorization", shown.as_str()), ("DPoP", &own)];
    assert_eq!(ask(&honest).json()["active"], true);
    assert_eq!(ask(&honest).status, 401, "a proof counted twice");

    assert_eq!(server.form("/oauth/revoke", &[], &[("token", &bound)]).status, 200);
    assert_eq!(ask(&[("Authorization", &as_bearer)]).json(), json!({"active": false}));
}

/// Whoever asks for a nonce pays a tenth of a failure, at introspection as at the token endpoint; a proof that does not hold is
/// paid for.
#[test]
fn a_nonce_is_cheap_at_introspection() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[limits]\nsource = { burst = 10, per_second = 1 }\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let key = key();
    let bound = proved(&server, &key, &exchange(&token(&issuer, &json!({})))).access_token();
    let shown = format!("DPoP {bound}");
    let ask = |nonce: Option<&str>| {
        let proof = Proof { path: "/oauth/introspect", nonce, token: Some(&bound) }.by(&key);
        server.form("/oauth/introspect", &[("Authorization", &shown), ("DPoP", &proof)], &[("token", &bound)])
    };
    for number in 0..30 {
        let answer = ask(None);
        assert_eq!((answer.status, answer.member("error").as_str()), (401, "use_dpop_nonce"), "{number}");
    }
    let (nonce, other) = (nonce(&server), format!("DPoP {bound}x"));
    assert_eq!(ask(Some(&nonce)).json()["active"], true);
    let bad = || server.form("/oauth/introspect", &[("Authorization", &other)], &[("token", &bound)]).status;
    assert_eq!((0..10).map(|_| bad()).find(|status| *status != 401), Some(429));
}

/// L21, I07: where proofs find no room, whoever shows one comes back later, and is told why; APIs that ask take none from whoever
/// wants a token.
#[test]
fn i07_proofs_without_room_wait() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    home.configure("[fetch]", "[limits]\ndpop_proofs = 2\n[fetch]");
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let key = key();
    let wanted = || proved(&server, &key, &exchange(&token(&issuer, &json!({}))));
    let bound = wanted().access_token();
    let (nonce, shown) = (nonce(&server), format!("DPoP {bound}"));
    let ask = || {
        let proof = Proof { path: "/oauth/introspect", nonce: Some(&nonce), token: Some(&bound) }.by(&key);
        server.form("/oauth/introspect", &[("Authorization", &shown), ("DPoP", &proof)], &[("token", &bound)])
    };
    let full = |answer: &Answer| {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
        refused(answer, "temporarily_unavailable", "proof-memory");
    };
    for _ in 0..2 {
        assert_eq!(ask().json()["active"], true);
    }
    full(&ask());
    wanted().access_token();
    full(&wanted());
    full(&proved(&server, &key, &narrow(&bound)));
    let page = accredit_e2e::http::Connection::unix(&server.socket).get("/metrics").text().to_owned();
    let counted = page.lines().find(|line| line.contains("reason=\"proof-memory\"")).unwrap_or_default();
    assert!(counted.ends_with(" 3"), "{page}");
}

/// I08, I10: the SDK's two ends: a workload that exchanges with a key, and an API that takes the token from that key alone.
#[test]
fn i10_the_sdk_binds_and_checks() {
    let (home, issuer) = (Home::new(), Issuer::new("https://ci.test"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    home.configure("http://accredit.test", &url);
    home.configure("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let server = home.start();
    server.apply(&resources::usual(&issuer));
    let subject = || token(&issuer, &json!({"aud": url}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (own, other) = (key(), key());
        let endpoint = TokenEndpoint::new(&format!("{url}/oauth/token")).unwrap();
        // The first time it learns the nonce, the second time it knows it.
        let first = endpoint.exchange_bound(&Request::new(subject()), &own).await.unwrap();
        let second = endpoint.exchange_bound(&Request::new(subject()), &own).await.unwrap();
        assert_eq!((first.token_type.as_str(), second.token_type.as_str()), ("DPoP", "DPoP"));
        let bearer = endpoint.exchange(&Request::new(subject())).await.unwrap();
        let refused = endpoint.exchange_bound(&Request::new("a.b.c".to_owned()), &own).await.unwrap_err();
        assert!(matches!(refused, ExchangeError::Refused(_)), "{refused}");

        let verifier = AccessTokenVerifier::discover(&url, "https://payments.test").await.unwrap();
        let api = "https://payments.test/v1/payments";
        let at = Timestamp::from_unix(now());
        let proof = |key: &ProofKey, token: &str| {
            key.prove(&ToProve {
                method: "GET",
                url: api,
                nonce: None,
                access_token: Some(token),
                token_id: random(),
                now: at,
            })
        };
        let (bound, plain) = (first.access_token.as_str(), bearer.access_token.as_str());
        let honest = proof(&own, bound);
        for (authorization, proof, code) in [
            (format!("DPoP {bound}"), Some(honest.clone()), None),
            (format!("DPoP {bound}"), Some(honest), Some("proof-replayed")),
            (format!("DPoP {bound}"), Some(proof(&other, bound)), Some("proof-other-key")),
            (format!("DPoP {bound}"), Some(proof(&own, plain)), Some("proof-access-token")),
            (format!("DPoP {bound}"), None, Some("proof-count")),
            (format!("Bearer {bound}"), Some(proof(&own, bound)), Some("bound-shown-as-bearer")),
            (format!("Bearer {bound}"), None, Some("bound-shown-as-bearer")),
            (format!("DPoP {plain}"), Some(proof(&own, plain)), Some("not-bound")),
            (format!("Bearer {plain}"), None, None),
        ] {
            let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
            let request = Presented {
                authorization: &authorization,
                proofs: &proofs,
                method: "GET",
                url: api,
                certificate: None,
            };
            let judged = verifier.verify_request(&request, at).await;
            assert_eq!(judged.as_ref().err().map(|error| error.code()), code, "{authorization}");
        }
        assert_eq!(verifier.verify(bound, at).await.unwrap_err().code(), "bound-shown-as-bearer");
        verifier.verify(plain, at).await.unwrap();
    });
    assert!(server.stop().success());
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
