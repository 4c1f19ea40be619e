//! Token exchange against a peer that answers well, badly, late or not at all.

use crate::peer::{Peer, answer};
use accredit_client::exchange::{ExchangeError, Request, TokenEndpoint};
use accredit_id::base64url;
use accredit_id::jose::dpop::ProofKey;
use accredit_id::secret::Secret;

const TOKEN: &str = "eyJ.secret-subject.token";

fn request() -> Request {
    Request::new(format!("{TOKEN}\n"))
}

async fn exchange(answered: Vec<u8>) -> (Result<accredit_api::token::TokenResponse, ExchangeError>, Vec<String>) {
    let peer = Peer::tcp(move |_, _| answered.clone()).await.unwrap();
    let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", peer.address)).unwrap();
    let result = endpoint.exchange(&request()).await;
    (result, peer.requests())
}

#[tokio::test]
async fn a_form_goes_out_and_a_token_comes_back() {
    let body = r#"{"access_token":"a.b.c","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"bearer","expires_in":900,"expires_at":1795256443,"scope":"a b","extra":1}"#;
    let answered = answer("200 OK", "content-type: application/json\r\n", body);
    let peer = Peer::tcp(move |_, _| answered.clone()).await.unwrap();
    let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", peer.address)).unwrap();
    let mut request = request();
    request.provider = Some("github".to_owned());
    request.service_account = Some("ci/web".to_owned());
    request.audience = Some("https://payments.example.org".to_owned());
    request.scope = Some("payments.read payments.write".to_owned());
    let token = endpoint.exchange(&request).await.unwrap();
    assert_eq!((token.access_token.as_str(), token.expires_in, token.expires_at), ("a.b.c", 900, 1_795_256_443));
    assert_eq!(token.scope.as_deref(), Some("a b"));

    let sent = peer.requests().remove(0);
    assert!(sent.starts_with("POST /oauth/token HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("content-type: application/x-www-form-urlencoded\r\n"), "{sent}");
    let form = sent.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        form,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt\
         &subject_token=eyJ.secret-subject.token&identity_provider_id=github&service_account_id=ci%2Fweb\
         &audience=https%3A%2F%2Fpayments.example.org&scope=payments.read+payments.write"
    );
}

#[tokio::test]
async fn foreign_answers_need_less() {
    let body = r#"{"access_token":"opaque","token_type":"Bearer","expires_in":60}"#;
    let token = exchange(answer("200 OK", "", body)).await.0.unwrap();
    assert!(token.expires_at > 1_700_000_000, "{}", token.expires_at);
    assert!(token.scope.is_none());
}

#[tokio::test]
async fn a_refusal_is_typed() {
    let body = r#"{"error":"invalid_request","error_description":"no","decision_id":"dec_1","reason":"no-mapping-matched","error_uri":"https://x"}"#;
    let error = exchange(answer("400 Bad Request", "", body)).await.0.unwrap_err();
    assert_eq!(error.to_string(), "exchange refused: `invalid_request` (no-mapping-matched): no (decision dec_1)");
    let ExchangeError::Refused(refusal) = error else { unreachable!("{error}") };
    assert_eq!((refusal.status, refusal.uri.as_deref()), (400, Some("https://x")));

    let headers = "x-request-id: dec_2\r\nretry-after: 7\r\n";
    let body = "{\"error\":\"temporarily_unavailable\\u001b[2J\"}";
    let error = exchange(answer("503 Service Unavailable", headers, body)).await.0.unwrap_err();
    assert_eq!(error.to_string(), r"exchange refused: `temporarily_unavailable\u{1b}[2J` (decision dec_2)");
    let ExchangeError::Refused(refusal) = error else { unreachable!("{error}") };
    assert_eq!(refusal.retry_after, Some(std::time::Duration::from_secs(7)));
}

#[tokio::test]
async fn what_is_no_answer_of_a_token_endpoint_is_said() {
    let good = r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#;
    let huge = format!(r#"{{"access_token":"{}","token_type":"Bearer","expires_in":60}}"#, "a".repeat(1 << 20));
    for (answered, said) in [
        (answer("200 OK", "", "<html>login</html>"), "answered 200 with a body that is no token response"),
        (answer("200 OK", "", r#"{"access_token":"","token_type":"Bearer","expires_in":60}"#), "an empty access token"),
        (answer("200 OK", "", r#"{"access_token":"a","token_type":"DPoP","expires_in":60}"#), "other than Bearer"),
        (answer("200 OK", "", r#"{"access_token":"a","token_type":"Bearer","expires_in":0}"#), "has expired"),
        (answer("200 OK", "", r#"{"access_token":"a","token_type":"Bearer"}"#), "no token response"),
        (answer("201 Created", "", good), "answered 201"),
        (answer("502 Bad Gateway", "", "upstream"), "answered 502 with a body that is no error"),
        (answer("200 OK", "", &huge), "cannot be reached: an answer over 1 MiB"),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec(), "cannot be reached"),
    ] {
        let error = exchange(answered).await.0.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret-subject"), "{error:?}");
    }
}

/// The subject token follows nobody's directions.
#[tokio::test]
async fn redirects_are_not_followed() {
    let (result, requests) = exchange(answer("307 Temporary Redirect", "location: /elsewhere\r\n", "{}")).await;
    assert!(matches!(result, Err(ExchangeError::Malformed { status: 307, .. })), "{result:?}");
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_hanging_endpoint_ends_after_ten_seconds() {
    let peer = Peer::tcp(|_, _| Vec::new()).await.unwrap();
    let endpoint = TokenEndpoint::new(&peer.address).unwrap();
    let call = tokio::spawn(async move { endpoint.exchange(&request()).await });
    while peer.requests().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("cannot be reached: no answer within 10 s"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let endpoint = TokenEndpoint::new("http://127.0.0.1:1/oauth/token").unwrap();
    let error = endpoint.exchange(&request()).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}");
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}

/// I08: the nonce that a server wants is learnt once and kept; each request has a proof of its own.
#[tokio::test]
async fn a_proof_goes_out_with_the_nonce_that_was_told() {
    let good = r#"{"access_token":"a.b.c","token_type":"DPoP","expires_in":60}"#;
    let peer = Peer::tcp(move |_, request| match nonce_of(request).as_deref() {
        Some("n1") => answer("200 OK", "dpop-nonce: n1\r\n", good),
        _ => answer("400 Bad Request", "dpop-nonce: n1\r\n", r#"{"error":"use_dpop_nonce"}"#),
    });
    let peer = peer.await.unwrap();
    let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", peer.address)).unwrap();
    let key = ProofKey::from_seed(&Secret::new([7; 32])).unwrap();
    for _ in 0..2 {
        let token = endpoint.exchange_bound(&request(), &key).await.unwrap();
        assert_eq!((token.token_type.as_str(), token.access_token.as_str()), ("DPoP", "a.b.c"));
    }
    let sent = peer.requests();
    let nonces: Vec<_> = sent.iter().map(|request| nonce_of(request)).collect();
    assert_eq!(nonces, [None, Some("n1".to_owned()), Some("n1".to_owned())]);
    let names: Vec<_> = sent.iter().map(|request| claims_of(request)["jti"].clone()).collect();
    assert!(names[0] != names[1] && names[1] != names[2], "{names:?}");
    let claims = claims_of(&sent[0]);
    assert_eq!((&claims["htm"], &claims["htu"]), (&"POST".into(), &format!("{}/oauth/token", peer.address).into()));
}

/// I10: a bearer token where a bound one was asked for is not given out, and a server that never has enough of nonces is asked
/// twice.
#[tokio::test]
async fn a_server_cannot_shed_the_binding() {
    let key = ProofKey::from_seed(&Secret::new([7; 32])).unwrap();
    let bearer = r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":60}"#;
    for (answered, said, asked) in [
        (answer("200 OK", "", bearer), "a token type other than DPoP", 1),
        (answer("400 Bad Request", "dpop-nonce: n\r\n", r#"{"error":"use_dpop_nonce"}"#), "use_dpop_nonce", 2),
        (answer("400 Bad Request", "", r#"{"error":"use_dpop_nonce"}"#), "use_dpop_nonce", 1),
        (answer("400 Bad Request", "dpop-nonce: n\r\n", r#"{"error":"invalid_request"}"#), "invalid_request", 1),
    ] {
        let peer = Peer::tcp(move |_, _| answered.clone()).await.unwrap();
        let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", peer.address)).unwrap();
        let error = endpoint.exchange_bound(&request(), &key).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(peer.requests().len(), asked, "{said}");
    }
}

fn claims_of(request: &str) -> serde_json::Value {
    let proof = request.lines().find_map(|line| line.strip_prefix("dpop: ")).unwrap();
    serde_json::from_slice(&base64url::decode(proof.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn nonce_of(request: &str) -> Option<String> {
    claims_of(request).get("nonce").and_then(|nonce| nonce.as_str()).map(str::to_owned)
}
