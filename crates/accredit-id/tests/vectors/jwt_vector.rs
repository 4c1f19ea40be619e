//! One token of `vectors/jwt`, from its description to its text.

use std::time::Duration;

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::jose::{Algorithm, Algorithms};
use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use accredit_id::verify::{Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};
use accredit_id::{base64url, hex};
use serde::Deserialize;

use crate::expansion::expand;
use crate::signing::{hmac, test_key};

/// A file of vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) vector: Vec<Vector>,
}

/// The fields of `vectors/jwt/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) case: String,
    pub(crate) name: String,
    pub(crate) expect: String,
    pub(crate) subject: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) operator: Option<String>,
    pub(crate) hint: Option<String>,
    header: Option<String>,
    payload: Option<String>,
    claims: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    header_segment: Option<String>,
    payload_segment: Option<String>,
    payload_hex: Option<String>,
    key: Option<String>,
    sign_as: Option<String>,
    hmac: Option<Hmac>,
    signature: Option<String>,
    flip: Option<String>,
    token: Option<String>,
    keys: Option<Vec<String>>,
    key_members: Option<String>,
    purpose: Option<String>,
    now: Option<i64>,
    #[serde(default)]
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hmac {
    alg: String,
    secret: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Expected {
    issuer: Option<String>,
    spiffe: Option<String>,
    audiences: Option<Vec<String>>,
    several_audiences: Option<bool>,
    algorithms: Option<Vec<String>>,
    max_lifetime: Option<u64>,
    max_age: Option<u64>,
    leeway: Option<u64>,
    key_id_may_be_omitted: Option<bool>,
    issued_at_may_be_omitted: Option<bool>,
    access_token: Option<bool>,
    client_authentication: Option<bool>,
}

/// What a vector is verified with.
pub(crate) struct Setting {
    pub(crate) keys: KeySet,
    pub(crate) now: Timestamp,
    issuer: String,
    spiffe: Option<TrustDomain>,
    audiences: Vec<String>,
}

// === impl Vector ===

impl Vector {
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.case, self.name)
    }

    pub(crate) fn token(&self) -> String {
        let key = test_key(self.key.as_deref().unwrap_or("rsa"));
        let default = format!(r#"{{"alg":"{}","kid":"{}","typ":"JWT"}}"#, key.algorithm, key.name);
        let header = self.header.as_deref().map_or(default, expand).into_bytes();
        let payload = self.payload();
        let segment =
            |given: &Option<String>, bytes: &[u8]| given.as_deref().map_or_else(|| base64url::encode(bytes), expand);
        let (header, payload) = (segment(&self.header_segment, &header), segment(&self.payload_segment, &payload));
        let message = format!("{header}.{payload}").into_bytes();
        let algorithm: Algorithm = self.sign_as.as_deref().map_or(key.algorithm, |name| name.parse().unwrap());
        let signature = match &self.hmac {
            Some(Hmac { alg, secret }) => hmac(alg, &key.as_shared_secret(secret), &message),
            None => key.sign(algorithm, &message),
        };
        let signature = base64url::encode(&mutated(signature, self.signature.as_deref()));
        let (header, payload, signature) = self.flipped(header, payload, signature);
        let form = self.token.as_deref().unwrap_or("{header}.{payload}.{signature}");
        let signature =
            if self.signature.as_deref() == Some("not-canonical") { not_canonical(&signature) } else { signature };
        expand(&form.replace("{header}", &header).replace("{payload}", &payload).replace("{signature}", &signature))
    }

    /// The issuer's JWKs.
    pub(crate) fn published(&self) -> Vec<serde_json::Value> {
        let default = ["rsa", "rsa-4096", "p256", "p384", "p521", "ed25519"].map(str::to_owned);
        let names = self.keys.as_deref().unwrap_or(&default);
        let members: serde_json::Value = serde_json::from_str(self.key_members.as_deref().unwrap_or("{}")).unwrap();
        let published = names.iter().map(|name| {
            let mut jwk = serde_json::to_value(test_key(name).public().to_json()).unwrap();
            for (member, value) in members[name].as_object().into_iter().flatten() {
                jwk[member] = value.clone();
            }
            jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            jwk
        });
        published.collect()
    }

    pub(crate) fn setting(&self) -> Setting {
        Setting {
            keys: self.keys(),
            now: Timestamp::from_unix(self.now.unwrap_or(NOW)),
            issuer: self.expected.issuer.clone().unwrap_or_else(|| ISSUER.to_owned()),
            spiffe: self.expected.spiffe.as_deref().map(|name| name.parse().unwrap()),
            audiences: self.expected.audiences.clone().unwrap_or_else(|| vec![AUDIENCE.to_owned()]),
        }
    }

    pub(crate) fn expectations<'e>(&self, setting: &'e Setting) -> Expectations<'e> {
        let Expected { several_audiences, algorithms, max_lifetime, max_age, leeway, .. } = &self.expected;
        let named = |names: &Vec<String>| names.iter().map(|name| name.parse::<Algorithm>().unwrap()).collect();
        Expectations {
            token_type: match (self.expected.access_token, self.expected.client_authentication) {
                (Some(true), _) => ExpectedType::AccessToken,
                (_, Some(true)) => ExpectedType::ClientAuthentication,
                _ => ExpectedType::Subject,
            },
            issuer: match (&setting.spiffe, &self.expected.issuer) {
                (None, _) => ExpectedIssuer::Exact(&setting.issuer),
                (Some(domain), None) => ExpectedIssuer::Spiffe(domain),
                (Some(domain), Some(_)) => ExpectedIssuer::SpiffeIssuedBy(domain, &setting.issuer),
            },
            audiences: &setting.audiences,
            single_audience: *several_audiences != Some(true),
            algorithms: algorithms.as_ref().map_or(Algorithms::ASYMMETRIC, named),
            max_lifetime: Duration::from_secs(max_lifetime.unwrap_or(3_600)),
            max_age: max_age.map(Duration::from_secs),
            leeway: Duration::from_secs(leeway.unwrap_or(30)),
            key_id: match self.expected.key_id_may_be_omitted {
                Some(true) => KeyIdRule::SingleKeyMayOmit,
                _ => KeyIdRule::Required,
            },
            issued_at: match self.expected.issued_at_may_be_omitted {
                Some(true) => IssuedAtRule::Optional,
                _ => IssuedAtRule::Required,
            },
        }
    }

    fn payload(&self) -> Vec<u8> {
        if let Some(digits) = &self.payload_hex {
            return hex::decode(&digits.split_whitespace().collect::<String>()).unwrap();
        }
        if let Some(payload) = &self.payload {
            return expand(payload).into_bytes();
        }
        let mut claims: serde_json::Map<String, serde_json::Value> = serde_json::from_str(CLAIMS).unwrap();
        claims.retain(|name, _| !self.without.contains(name));
        let own = expand(self.claims.as_deref().unwrap_or("{}"));
        claims.extend(serde_json::from_str::<serde_json::Map<_, _>>(&own).expect("`claims` is a JSON object"));
        serde_json::to_vec(&claims).unwrap()
    }

    fn flipped(&self, header: String, payload: String, signature: String) -> (String, String, String) {
        let flip = |segment: &str| {
            let mut bytes = base64url::decode(segment).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            base64url::encode(&bytes)
        };
        match self.flip.as_deref() {
            None => (header, payload, signature),
            Some("header") => (flip(&header), payload, signature),
            Some("payload") => (header, flip(&payload), signature),
            Some("signature") => (header, payload, flip(&signature)),
            Some(other) => panic!("nothing to flip in `{other}`"),
        }
    }

    /// The issuer's key set as the verifier has it: published as JSON and read back.
    fn keys(&self) -> KeySet {
        let purpose = match self.purpose.as_deref() {
            None => Purpose::Signature,
            Some("jwt-svid") => Purpose::JwtSvid,
            Some(other) => panic!("no purpose `{other}`"),
        };
        let document = serde_json::json!({ "keys": self.published() }).to_string();
        KeySet::parse(document.as_bytes(), Source::Fetched, purpose).unwrap()
    }
}

fn mutated(mut signature: Vec<u8>, how: Option<&str>) -> Vec<u8> {
    let half = signature.len() / 2;
    match how {
        None | Some("not-canonical") => signature,
        Some("empty") => Vec::new(),
        Some("zeros") => vec![0; signature.len()],
        Some("order") => [P256_ORDER, P256_ORDER].concat(),
        Some("short") => signature[..signature.len() - 1].to_vec(),
        Some("long") => [&signature[..], &[0]].concat(),
        Some("leading-zero") => [&[0], &signature[..]].concat(),
        Some("der") => der(&signature[..half], &signature[half..]),
        Some("twin") => {
            let twin = P256_ORDER.iter().zip(&signature[half..]).rev().scan(0i16, |borrow, (n, s)| {
                let digit = i16::from(*n) - i16::from(*s) - *borrow;
                *borrow = i16::from(digit < 0);
                Some(u8::try_from(digit.rem_euclid(256)).unwrap())
            });
            let twin: Vec<u8> = twin.collect();
            signature.truncate(half);
            signature.extend(twin.iter().rev());
            signature
        }
        Some(other) => panic!("no mutation `{other}`"),
    }
}

/// The same bytes in another text: an unused low bit of the last character set.
fn not_canonical(segment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "the last character has no unused bits");
    let (rest, last) = segment.split_at(segment.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    format!("{rest}{}", &ALPHABET[next..=next])
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let number = if number[0] >= 0x80 { [&[0], &number[..]].concat() } else { number };
        [&[2, u8::try_from(number.len()).unwrap()], &number[..]].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat()
}

/// The order of the base point of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

const NOW: i64 = 1_800_000_010;
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://accredit.example.org";
const CLAIMS: &str = r#"{"iss":"https://issuer.example","sub":"repo:acme/app:ref:refs/heads/main",
    "aud":"https://accredit.example.org","exp":1800000600,"nbf":1800000000,"iat":1800000000,"jti":"token-1"}"#;
