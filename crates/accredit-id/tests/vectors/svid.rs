//! `vectors/svid`: what a stranger takes for an SVID, and which requests for one are read.

use accredit_id::base64url;
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::json::Json;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::svid::csr::Request;
use accredit_id::svid::jwt::JwtSvid;
use accredit_id::svid::{pem, x509};
use accredit_id::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::signing::test_key;

#[derive(Deserialize)]
struct File<V> {
    vector: Vec<V>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    case: Option<String>,
    name: String,
    expect: String,
    chain: Option<Vec<String>>,
    authorities: Option<Vec<String>>,
    now: Option<i64>,
    change: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Csr {
    name: String,
    expect: String,
    file: Option<String>,
    kind: Option<String>,
    change: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    case: Option<String>,
    name: String,
    expect: String,
    header: Option<String>,
    claims: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    key: Option<String>,
    keys: Option<Vec<String>>,
    r#use: Option<String>,
    form: Option<String>,
}

/// E10 in certificates, and each rule of the X509-SVID specification.
#[test]
fn chains_are_judged_as_a_stranger_would() {
    crate::all(vectors::<Chain>("svid/x509.toml"), |vector| {
        let chain = vector.chain.clone().unwrap_or_else(|| vec![vector.name.clone()]);
        let mut chain: Vec<_> = chain.iter().map(|name| certificate(name)).collect();
        match vector.change.as_deref() {
            None => {}
            Some("cut") => _ = chain[0].pop(),
            Some("longer") => chain[0].push(0),
            Some("signature") => *chain[0].last_mut().unwrap() ^= 1,
            Some(other) => panic!("no change `{other}`"),
        }
        let authorities = vector.authorities.clone().unwrap_or_else(|| vec!["root".to_owned()]);
        let authorities: Vec<_> = authorities.iter().map(|name| certificate(name)).collect();
        let now = Timestamp::from_unix(vector.now.unwrap_or(NOW));
        let judged = x509::verify(&chain, &"example.org".parse().unwrap(), &authorities, now);
        let judged = judged.map(|leaf| assert_eq!(leaf.id.as_str(), "spiffe://example.org/workload"));
        told(vector.case.as_deref(), &vector.name, &vector.expect, judged.map_err(|fault| fault.code()))
    });
}

#[test]
fn leaves_tell_what_is_in_them() {
    let leaf = x509::Leaf::read(&certificate("good-dns")).unwrap();
    assert_eq!(leaf.dns_names, ["a.example.org", "b.example.org"]);
    assert_eq!((leaf.not_before.unix(), leaf.not_after.unix()), (1_798_761_600, 1_801_440_000));
    assert_eq!(leaf.serial.len(), 16);
    let spki = leaf.spki;
    assert_eq!(Request::from_pem(&request("good")).unwrap().spki(), spki);
}

#[test]
fn requests_are_signed_by_their_own_key() {
    let id: SpiffeId = "spiffe://example.org/workload".parse().unwrap();
    crate::all(vectors::<Csr>("svid/csr.toml"), |vector| {
        let text = changed(&request(vector.file.as_ref().unwrap_or(&vector.name)), vector.change.as_deref());
        let judged = Request::from_pem(&text).and_then(|request| {
            request.check_names(&id, &["a.example.org".to_owned()])?;
            assert_eq!(Some(request.kind().to_string()), vector.kind, "{}", vector.name);
            Ok(())
        });
        told(None, &vector.name, &vector.expect, judged.map_err(|fault| fault.code()))
    });
}

#[test]
fn tokens_are_judged_as_a_stranger_would() {
    crate::all(vectors::<Token>("svid/jwt.toml"), |vector| {
        let (token, keys) = made(vector);
        let now = Timestamp::from_unix(NOW);
        let judged = JwtSvid::read(&token, &"example.org".parse().unwrap(), "https://api.example.org", now)
            .and_then(|svid| svid.verify(&keys));
        told(vector.case.as_deref(), &vector.name, &vector.expect, judged.map_err(|fault| fault.code()))
    });
}

fn made(vector: &Token) -> (String, KeySet) {
    let key = test_key(vector.key.as_deref().unwrap_or("rsa"));
    let header = vector.header.as_deref().unwrap_or(r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#);
    let mut payload: Map<String, Value> = serde_json::from_str(
        r#"{"sub":"spiffe://example.org/workload","aud":["https://api.example.org"],"iat":1800000000,"exp":1800000600}"#,
    )
    .unwrap();
    let claims: Map<String, Value> = serde_json::from_str(vector.claims.as_deref().unwrap_or("{}")).unwrap();
    payload.extend(claims);
    payload.retain(|name, _| !vector.without.contains(name));
    let payload = serde_json::to_string(&payload).unwrap();
    let parts = [header, payload.as_str()].map(|part| base64url::encode(part.as_bytes()));
    let signed = parts.join(".");
    let signature = base64url::encode(&key.sign(key.algorithm, signed.as_bytes()));
    let token = match vector.form.as_deref() {
        None => format!("{signed}.{signature}"),
        Some("five") => format!("{signed}.{signature}.a.b"),
        Some("json") => {
            let [header, payload] = parts;
            format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#)
        }
        Some("unsigned") => format!("{signed}."),
        Some(other) => panic!("no form `{other}`"),
    };
    (token, bundle(vector, &key.name))
}

fn bundle(vector: &Token, signer: &str) -> KeySet {
    let names = vector.keys.clone().unwrap_or_else(|| vec![signer.to_owned()]);
    let purpose = vector.r#use.as_deref().unwrap_or("jwt-svid");
    let keys = names.iter().map(|name| {
        let mut jwk = test_key(name).public().to_json();
        jwk.insert("use", Json::String(purpose.to_owned().into()));
        serde_json::to_value(jwk).unwrap()
    });
    let document = serde_json::json!({"keys": keys.collect::<Vec<_>>()}).to_string();
    KeySet::parse(document.as_bytes(), Source::Fetched, Purpose::JwtSvid).unwrap()
}

fn changed(text: &str, change: Option<&str>) -> String {
    let der = || pem::only(text, &pem::REQUEST).unwrap();
    let written = |der: &[u8]| {
        let mut text = String::new();
        pem::write(pem::REQUEST[0], der, &mut text);
        text
    };
    match change {
        None => text.to_owned(),
        Some("key") => {
            let mut der = der();
            let place = der.windows(POINT.len()).position(|window| window == POINT).unwrap() + POINT.len();
            der[place..place + 64].copy_from_slice(&another_point());
            written(&der)
        }
        Some("signature") => {
            let mut der = der();
            *der.last_mut().unwrap() ^= 1;
            written(&der)
        }
        Some("cut") => written(&der()[..der().len() - 1]),
        Some("longer") => written(&[der(), vec![0]].concat()),
        Some("label") => text.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        Some("twice") => format!("{text}{text}"),
        Some("before") => format!("subject=CN = x\n{text}"),
        Some("huge") => written(&[0x30; 16 * 1024]),
        Some("empty") => String::new(),
        Some(other) => panic!("no change `{other}`"),
    }
}

/// The coordinates of a key on P-256 that no request has.
fn another_point() -> Vec<u8> {
    let jwk = test_key("p256").public().to_json();
    ["x", "y"].map(|name| base64url::decode(jwk.get(name).unwrap().as_str().unwrap()).unwrap()).concat()
}

fn told(case: Option<&str>, name: &str, expect: &str, judged: Result<(), &'static str>) -> Result<(), String> {
    let seen = judged.err().unwrap_or("good");
    match seen == expect {
        true => Ok(()),
        false => Err(format!("{} {name}: {seen}, expected {expect}", case.unwrap_or("-"))),
    }
}

fn vectors<V: DeserializeOwned>(path: &str) -> Vec<V> {
    toml::from_str::<File<V>>(&crate::text(&crate::vectors(path))).unwrap().vector
}

fn certificate(name: &str) -> Vec<u8> {
    let text = crate::text(&crate::vectors(&format!("svid/x509/{name}.pem")));
    pem::only(&text, &[pem::CERTIFICATE]).unwrap_or_else(|| panic!("{name} is no certificate"))
}

fn request(name: &str) -> String {
    crate::text(&crate::vectors(&format!("svid/csr/{name}.pem")))
}

const NOW: i64 = 1_800_000_010;

/// What stands before the coordinates of a key on P-256: its curve, and the tag and form of the point.
const POINT: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04];
