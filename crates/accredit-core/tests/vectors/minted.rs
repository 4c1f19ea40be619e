//! `vectors/exchange/minted`: real tokens, signed and verified, and the header and payload that are made from them.

use accredit_core::decide::{Ask, Held, Limits, exchange};
use accredit_core::facts::{Acting, Facts, Proved};
use accredit_core::mint::{Issuer, access_token};
use accredit_core::model::{DecisionId, Kind, Provider};
use accredit_id::base64url;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, PublicKey};
use accredit_id::time::Timestamp;
use accredit_id::verify::{Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, read, verify};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expansion::expand;
use crate::stage::{PUBLIC_URL, Stage, overlaid, reserved};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    given: String,
    claims: String,
    provider: String,
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default = "nothing")]
    claims: String,
    /// The actor's token, over the claims of the file.
    actor: Option<String>,
    #[serde(default)]
    api: Option<String>,
    #[serde(default)]
    proof_key: Option<String>,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    then: Then,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Then {
    header: String,
    payload: String,
}

#[test]
fn minted_tokens_say_what_the_vectors_say() {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in crate::files("exchange/minted", "toml") {
        let file: File =
            toml::from_str(&crate::text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (place, vector) in file.vector.iter().enumerate() {
            count += 1;
            let seen = minted(&file, vector);
            if seen != vector.then {
                failures.push(format!(
                    "{} #{place} {}: answer is\n[vector.then]\n{}",
                    crate::name(&path),
                    vector.name,
                    toml::to_string_pretty(&seen).unwrap()
                ));
            }
        }
    }
    crate::settle(count, &failures);
}

fn minted(file: &File, vector: &Vector) -> Then {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&file.given, &vector.given));
    let provider = stage.world.find(Kind::Provider, &file.provider).unwrap();
    let known = provider.as_provider().unwrap();
    let token = signed(&file.claims, &vector.claims);
    let mut buffer = Buffer::new();
    let unverified = read(&token, &mut buffer).unwrap_or_else(|fault| panic!("{}", fault.operator_text()));
    let now = Timestamp::from_unix(NOW);
    let verified = verify(unverified, &expectations(known), &keys(), now)
        .unwrap_or_else(|rejected| panic!("{}", rejected.fault.operator_text()));
    let actor = vector.actor.as_ref().map(|claims| signed(&file.claims, claims));
    let mut buffer = Buffer::new();
    let actor = actor.as_deref().map(|token| {
        let unverified = read(token, &mut buffer).unwrap_or_else(|fault| panic!("{}", fault.operator_text()));
        let verified = verify(unverified, &expectations(known), &keys(), now);
        verified.unwrap_or_else(|rejected| panic!("{}", rejected.fault.operator_text()))
    });
    let acting = actor.as_ref().map(|actor| Acting { provider, facts: Facts::<Proved>::proved(known, actor) });
    let facts = Facts::<Proved>::proved(known, &verified).with_actor(acting.as_ref());
    let held = Held { proof_key: vector.proof_key.as_deref(), certificate: vector.certificate.as_deref() };
    let ask = Ask { api: vector.api.as_deref(), held, ..Ask::default() };
    let limits = Limits { max_lifetime: std::time::Duration::from_secs(3600), reserved: reserved() };
    let terms = exchange(&ask, &facts, provider, &stage.world, &limits, now)
        .unwrap_or_else(|denial| panic!("{}: {denial:?}", vector.name));
    let unsigned = access_token(&terms, Issuer { url: PUBLIC_URL, key_id: "access-1" }, DecisionId::new([0x5f; 16]));
    assert_eq!(unsigned.signing, terms.signing);
    let mut parts =
        unsigned.signing_input.split('.').map(|part| String::from_utf8(base64url::decode(part).unwrap()).unwrap());
    let (Some(header), Some(payload), None) = (parts.next(), parts.next(), parts.next()) else {
        panic!("{}", unsigned.signing_input)
    };
    only_ours(&payload, !held.is_empty(), acting.is_some());
    Then { header, payload }
}

/// K02: these members and no others, whatever the tokens bore; `cnf` where the request proved a key, `act` where somebody acts.
fn only_ours(payload: &str, is_bound: bool, is_acted: bool) {
    let members: Map<String, Value> = serde_json::from_str(payload).unwrap();
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.retain(|name| !(is_bound && *name == "cnf" || is_acted && *name == "act"));
    names.sort_unstable();
    assert_eq!(names, ["aud", "client_id", "exp", "iat", "iss", "jti", "org_id", "scope", "sub"]);
}

/// The claims of the file, those of the vector over them, signed with the test key `p256`.
fn signed(of_file: &str, of_vector: &str) -> String {
    let mut claims: Map<String, Value> = serde_json::from_str(of_file).unwrap();
    claims.extend(serde_json::from_str::<Map<String, Value>>(&expand(of_vector)).unwrap());
    let header = Header { kid: Some(KEY.to_owned()), ..Header::new(jsonwebtoken::Algorithm::ES256) };
    encode(&header, &claims, &EncodingKey::from_ec_der(&private_key())).unwrap()
}

fn keys() -> KeySet {
    let document = private_key();
    // A key pair in PKCS #8 ends with its public point, uncompressed (RFC 5915 section 3).
    let point = &document[document.len() - 65..];
    KeySet::from_keys(vec![PublicKey::from_ec_point(Some(KEY), Algorithm::Es256, point).unwrap()]).unwrap()
}

fn private_key() -> Vec<u8> {
    let file: Value = serde_json::from_str(&crate::text(&crate::repository("vectors/jwks/test-keys.json"))).unwrap();
    let key = file["keys"].as_array().unwrap().iter().find(|key| key["name"] == KEY).unwrap();
    let text = key["pkcs8"].as_str().unwrap().trim_end_matches('=').replace('+', "-").replace('/', "_");
    base64url::decode(&text).unwrap()
}

fn expectations(known: &Provider) -> Expectations<'_> {
    Expectations {
        token_type: ExpectedType::Subject,
        issuer: ExpectedIssuer::Exact(&known.issuer),
        audiences: &known.audiences,
        single_audience: !known.many_audiences,
        algorithms: known.algorithms,
        max_lifetime: known.max_token_lifetime.duration(),
        max_age: known.max_token_age.map(|age| age.duration()),
        leeway: known.leeway.duration(),
        key_id: KeyIdRule::Required,
        issued_at: IssuedAtRule::Required,
    }
}

fn nothing() -> String {
    "{}".to_owned()
}

const KEY: &str = "p256";
const NOW: i64 = 1_800_000_000;
