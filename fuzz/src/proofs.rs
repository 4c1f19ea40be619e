//! Proofs that are no tokens: DPoP, and the parts of a signed AWS request.

use accredit_id::aws_request::{AwsRequest, Parts};
use accredit_id::jose::dpop::{ExpectedProof, Freshness, ProofKey, ToProve, verify};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use serde_json::Value;

use crate::{seeds, two};

/// A proof as it is sent. What holds is a proof that a key of this file made; the engine has no other key that signs.
pub(crate) fn dpop(input: &[u8]) {
    let Ok(proof) = std::str::from_utf8(input) else { return };
    let nonces = ["one".to_owned(), "two".to_owned()];
    let expected = ExpectedProof {
        method: "POST",
        url: URL,
        access_token: None,
        key: None,
        freshness: Freshness::Nonce(&nonces),
        now: Timestamp::from_unix(NOW),
    };
    match verify(proof, &expected) {
        Err(fault) => assert!(fault.to_string().len() < 2048, "a fault repeats too much"),
        Ok(held) => {
            assert_eq!((held.thumbprint.len(), (1..=256).contains(&held.token_id.len())), (43, true));
            let part = |number: usize| {
                let bytes = accredit_id::base64url::decode(proof.split('.').nth(number).unwrap_or_default());
                serde_json::from_slice::<Value>(&bytes.unwrap_or_default()).unwrap_or_default()
            };
            let (header, payload) = (part(0), part(1));
            assert_eq!((&header["typ"], &header["jwk"]["d"]), (&Value::from("dpop+jwt"), &Value::Null));
            assert!(["ES256", "ES384", "EdDSA"].contains(&header["alg"].as_str().unwrap_or_default()));
            assert_eq!(payload["htm"], "POST");
            assert!(nonces.iter().any(|nonce| payload["nonce"] == **nonce));
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let Ok(key) = ProofKey::from_seed(&Secret::new([9; 32])) else { return Vec::new() };
    let request = |method, url, nonce, access_token, now| ToProve {
        method,
        url,
        nonce,
        access_token,
        token_id: [3; 16],
        now: Timestamp::from_unix(now),
    };
    let made = [
        request("POST", URL, Some("one"), None, NOW),
        request("POST", URL, Some("two"), Some("token"), NOW),
        request("GET", URL, Some("one"), None, NOW),
        request("POST", "https://other.example.org/", None, None, NOW - 4000),
    ];
    let mut seeds: Vec<Vec<u8>> = made.iter().map(|request| key.prove(request).into_bytes()).collect();
    let texts = seeds::fields("dpop", &["header", "jwk", "claims", "header_text", "payload_text"]);
    seeds.extend(texts.into_iter().map(|text| {
        let segment = accredit_id::base64url::encode(text.as_bytes());
        format!("{segment}.{segment}.AAAA").into_bytes()
    }));
    seeds
}

/// The parts of a signed AWS request: `Authorization`, date, and the rest as lines. What is understood is written as it was
/// read, and names no other host.
pub(crate) fn aws_parts(input: &[u8]) {
    let Some((authorization, rest)) = two(input) else { return };
    let mut lines = rest.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let parts = Parts {
        authorization,
        date: line().unwrap_or_default(),
        security_token: line(),
        content_sha256: line(),
        content_type: line().unwrap_or("application/x-www-form-urlencoded; charset=utf-8"),
    };
    let Ok(request) = AwsRequest::of_parts(parts) else { return };
    let written = request.authorization();
    match AwsRequest::of_parts(Parts { authorization: &written, ..parts }) {
        Err(fault) => panic!("what was written is refused: {}", fault.code()),
        Ok(again) => {
            assert_eq!(again.authorization(), written);
            assert_eq!((again.host(), again.signed_at()), (request.host(), request.signed_at()));
        }
    }
    assert!(request.signed().iter().any(|header| header.name == "host"), "the host is not signed");
    assert_eq!(request.host(), request.region().sts_host(), "another host than the region's own");
    let day: String = request.signed_at().to_string().chars().take(10).filter(char::is_ascii_digit).collect();
    assert!(authorization.contains(&day), "the day of the scope is another");
}

const URL: &str = "https://accredit.example.org/oauth/token";
const NOW: i64 = 1_800_000_010;
