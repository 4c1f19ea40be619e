//! Key sets: what is kept can be published and read back, and holds nothing private.

use accredit_id::jose::Algorithms;
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use serde_json::Value;

use crate::seeds;

pub(crate) fn jwks(input: &[u8]) {
    for (source, purpose) in [
        (Source::Fetched, Purpose::Signature),
        (Source::Uploaded, Purpose::Signature),
        (Source::Fetched, Purpose::JwtSvid),
    ] {
        let Ok(set) = KeySet::parse(input, source, purpose) else { continue };
        assert!(set.keys().len() + set.dropped().len() <= KeySet::MAX_KEYS);
        let given: Value = serde_json::from_slice(input).unwrap_or_default();
        let secret = given["keys"].as_array().into_iter().flatten().filter(|key| is_secret(key)).count();
        match source {
            Source::Uploaded => assert_eq!(secret, 0, "an upload with private members was taken (B07, B08)"),
            Source::Fetched => assert!(set.dropped().len() >= secret, "a key with private members was kept (B07, B08)"),
        }
        for key in set.keys() {
            let algorithms = key.algorithms();
            assert!(!algorithms.is_empty() && algorithms.iter().all(|one| Algorithms::ASYMMETRIC.contains(one)));
        }
        reread(&set, purpose);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let keys = seeds::fields("jwks", &["keys"]).into_iter().filter(|key| key.starts_with('{'));
    let sets = keys.map(|key| format!(r#"{{"keys":[{key}]}}"#).into_bytes());
    let documents = seeds::fields("jwks", &["document"]).into_iter().map(String::into_bytes);
    let known = [
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw","alg":"EdDSA","use":"sig"}]}"#,
        r#"{"keys":[{"kty":"oct","kid":"k","k":"AAAA","alg":"HS256"}]}"#,
        r#"{"spiffe_sequence":1,"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","use":"jwt-svid","x":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"}]}"#,
    ];
    sets.chain(documents).chain(known.map(|set| set.as_bytes().to_vec())).collect()
}

/// Published as JSON and read back: the same keys.
fn reread(set: &KeySet, purpose: Purpose) {
    let published = serde_json::to_vec(&set.to_json()).unwrap_or_default();
    match KeySet::parse(&published, Source::Fetched, Purpose::Signature) {
        // A key of a SPIFFE bundle is published for what it is for.
        Err(_) if purpose == Purpose::JwtSvid => {}
        Err(fault) => panic!("a published set is refused: {fault}"),
        Ok(again) => {
            let prints = |set: &KeySet| set.keys().map(|key| key.thumbprint().to_string()).collect::<Vec<_>>();
            assert_eq!(prints(&again), prints(set));
        }
    }
    let again: Value = serde_json::from_slice(&published).unwrap_or_default();
    assert!(again["keys"].as_array().is_some_and(|keys| !keys.iter().any(is_secret)));
}

fn is_secret(key: &Value) -> bool {
    key["kty"] == "oct" || ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|member| key.get(member).is_some())
}
