//! Signed tokens: whatever verifies is held against a second, simpler reading.

use std::sync::LazyLock;
use std::time::Duration;

use accredit_id::base64url;
use accredit_id::jose::jwk::{KeySet, PublicKey};
use accredit_id::jose::{Algorithms, jws};
use accredit_id::time::Timestamp;
use accredit_id::verify::{
    Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, Verified, read, verify,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;

use crate::{seeds, two};

/// A token as it is sent. The engine cannot sign, and Ed25519 gives one signature for one text (RFC 8032 section 5.1.6): what
/// verifies is what this key would have made of it, byte for byte (A05, A06, A12, A13, B01).
pub(crate) fn compact(input: &[u8]) {
    let Ok(token) = std::str::from_utf8(input) else { return };
    if judged(token, ExpectedType::Subject) {
        let (signing_input, _) = token.rsplit_once('.').unwrap_or_default();
        assert_eq!(token, sign(signing_input), "a token verifies that nobody signed");
    }
}

/// Header and payload, signed here, so that everything behind the signature is reached.
pub(crate) fn claims(input: &[u8]) {
    let Some((header, payload)) = two(input) else { return };
    let token = sign(&jws::signing_input(header, payload));
    if judged(&token, ExpectedType::Subject) {
        reread(header, payload, &["JWT", "JOSE"]);
    }
}

/// The same as what a client authenticates by.
pub(crate) fn client_assertion(input: &[u8]) {
    let Some((header, payload)) = two(input) else { return };
    let token = sign(&jws::signing_input(header, payload));
    if judged(&token, ExpectedType::ClientAuthentication) {
        reread(header, payload, &["JWT", "JOSE", "client-authentication+jwt"]);
    }
}

pub(crate) fn claims_seeds() -> Vec<Vec<u8>> {
    let good = r#"{"iss":"https://issuer.example","sub":"web","aud":"https://accredit.example.org","exp":1800000600,"nbf":1800000000,"iat":1800000000,"jti":"t"}"#;
    let headers = [
        r#"{"alg":"EdDSA","kid":"k"}"#,
        r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","kid":"k","typ":"client-authentication+jwt"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"EdDSA","kid":"k","crit":["b64"],"b64":false}"#,
    ];
    let of_vectors = seeds::fields("jwt", &["header"]).into_iter().map(|header| format!("{header}\n{good}"));
    let payloads = seeds::fields("jwt", &["payload", "claims"]).into_iter();
    let payloads = payloads.map(|payload| format!("{}\n{}", headers[0], merged(good, &payload)));
    let plain = headers.iter().map(|header| format!("{header}\n{good}"));
    of_vectors.chain(payloads).chain(plain).map(String::into_bytes).collect()
}

pub(crate) fn compact_seeds() -> Vec<Vec<u8>> {
    let signed = claims_seeds().into_iter().filter_map(|seed| {
        let (header, payload) = two(&seed)?;
        Some(sign(&jws::signing_input(header, payload)).into_bytes())
    });
    let forms = seeds::fields("jwt", &["token"]).into_iter().map(|form| {
        form.replace("{header}", "eyJhbGciOiJub25lIn0")
            .replace("{payload}", "e30")
            .replace("{signature}", "")
            .into_bytes()
    });
    signed.chain(forms).collect()
}

/// Whether it verifies here.
fn judged(token: &str, token_type: ExpectedType) -> bool {
    let mut buffer = Buffer::new();
    let Ok(unverified) = read(token, &mut buffer) else { return false };
    assert_ne!(unverified.issuer(), Some(""), "an empty issuer");
    let audiences = [AUDIENCE.to_owned()];
    let expected = Expectations {
        token_type,
        issuer: ExpectedIssuer::Exact(ISSUER),
        audiences: &audiences,
        single_audience: true,
        algorithms: Algorithms::ASYMMETRIC,
        max_lifetime: Duration::from_secs(3600),
        max_age: None,
        leeway: Duration::from_secs(30),
        key_id: KeyIdRule::Required,
        issued_at: IssuedAtRule::Required,
    };
    match verify(unverified, &expected, &KEYS, Timestamp::from_unix(NOW)) {
        Ok(verified) => {
            sound(&verified);
            true
        }
        Err(rejected) => {
            let said = rejected.fault.operator_text();
            assert!(said.len() < 8192, "a fault repeats too much: {} bytes", said.len());
            assert!(!said.contains(char::is_control), "a fault could forge a line: {said:?}");
            let _ = rejected.fault.hint();
            false
        }
    }
}

fn sound(verified: &Verified<'_>) {
    assert_eq!((verified.issuer(), verified.audience(), verified.key_id()), (ISSUER, AUDIENCE, "k"));
    assert!(!verified.subject().is_empty());
    let (ends, begun) = (verified.expires_at().unix(), verified.issued_at().map_or(i64::MAX, Timestamp::unix));
    assert!(ends > NOW && begun <= NOW + 30 && ends - begun <= 3600, "{begun} to {ends}");
}

/// The second reading: what the usual parser makes of the same texts.
fn reread(header: &str, payload: &str, types: &[&str]) {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (header, payload) = (parsed(header), parsed(payload));
    assert_eq!((&header["alg"], &header["kid"]), (&Value::from("EdDSA"), &Value::from("k")));
    for member in ["crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "cty", "zip", "enc"] {
        assert!(header.get(member).is_none(), "`{member}` in the header was passed over");
    }
    let media = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    let bare = media.map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    assert!(bare.is_none_or(|typ| types.iter().any(|good| good.eq_ignore_ascii_case(typ))), "typ is {bare:?}");
    assert_eq!(payload["iss"], ISSUER);
    assert!(payload["aud"] == AUDIENCE || payload["aud"] == Value::from(vec![AUDIENCE]), "aud is {}", payload["aud"]);
    assert!(payload["sub"].as_str().is_some_and(|sub| !sub.is_empty()));
    let number = |name: &str| payload[name].as_f64().unwrap_or(f64::NAN).floor();
    assert!(number("exp") > NOW as f64, "exp is {}", payload["exp"]);
    assert!(number("iat") <= (NOW + 30) as f64 && number("exp") - number("iat") <= 3600.0);
    assert!(payload.get("nbf").is_none() || number("nbf") <= (NOW + 30) as f64);
}

fn sign(signing_input: &str) -> String {
    jws::append_signature(signing_input.to_owned(), PAIR.sign(signing_input.as_bytes()).as_ref())
}

/// The good payload with a vector's members in it.
fn merged(good: &str, members: &str) -> String {
    match (serde_json::from_str::<Value>(good), serde_json::from_str::<Value>(members)) {
        (Ok(Value::Object(mut good)), Ok(Value::Object(members))) => {
            good.extend(members);
            Value::Object(good).to_string()
        }
        _ => members.to_owned(),
    }
}

static PAIR: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap_or_else(|_| panic!("a seed of 32 bytes makes a key"))
});
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let key = PublicKey::from_ed25519(Some("k"), PAIR.public_key().as_ref());
    let keys = key.ok().and_then(|key| KeySet::from_keys(vec![key]).ok());
    let keys = keys.unwrap_or_else(|| panic!("a key makes a set"));
    assert_eq!(base64url::encode(PAIR.public_key().as_ref()).len(), 43);
    keys
});
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://accredit.example.org";
const NOW: i64 = 1_800_000_010;
