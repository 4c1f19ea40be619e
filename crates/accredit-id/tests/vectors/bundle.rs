//! `vectors/bundle`: what becomes of bundle documents.

use std::collections::BTreeMap;

use accredit_id::bundle::{self, Bundle};
use accredit_id::jose::jwk::Source;
use accredit_id::svid::authority::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::expansion::expand;
use crate::signing::test_key;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<V> {
    vector: Vec<V>,
}

/// The fields of `vectors/bundle/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    case: String,
    name: String,
    #[serde(default)]
    keys: Vec<String>,
    members: Option<String>,
    document: Option<String>,
    source: Option<String>,
    sequence: Option<u64>,
    /// Beyond what TOML's numbers hold.
    sequence_text: Option<String>,
    refresh_hint: Option<u64>,
    #[serde(default)]
    jwt: Vec<String>,
    #[serde(default)]
    x509: Vec<String>,
    #[serde(default)]
    dropped: Vec<String>,
    expect: Option<String>,
    told: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapVector {
    case: String,
    name: String,
    document: String,
    #[serde(default)]
    trust_domains: Vec<String>,
    expect: Option<String>,
    told: Option<String>,
}

#[test]
fn bundles_become_what_they_should() {
    crate::all(vectors::<Vector>("bundles.toml"), |vector| {
        check(vector).map_err(|problem| format!("{} {}: {problem}", vector.case, vector.name))
    });
}

#[test]
fn maps_become_what_they_should() {
    crate::all(vectors::<MapVector>("maps.toml"), |vector| {
        let document = vector.document.replace("{keys}", &entry("x509 ca-p384"));
        let read =
            bundle::parse_map(document.as_bytes(), Source::Fetched).map_err(|fault| (fault.code(), fault.to_string()));
        let seen = read.map(|bundles| {
            assert!(bundles.values().all(|bundle| bundle.refresh_hint.is_none()));
            bundles.iter().map(|(name, bundle)| format!("{name} {}", bundle.x509.len())).collect::<Vec<_>>()
        });
        compare(seen, &vector.trust_domains, vector.expect.as_deref(), vector.told.as_deref())
            .map_err(|problem| format!("{} {}: {problem}", vector.case, vector.name))
    });
}

/// What we publish is what anybody reads, ourselves included, as strictly as what a person uploads.
#[test]
fn written_bundles_read_back() {
    let jwt = [test_key("p256").public(), test_key("rsa").public()];
    let x509 = ["ca-p384", "ca-p256", "ca-rsa"].map(|name| Authority::read(&der(name)).unwrap());
    let document = bundle::write(u64::MAX, 300, &jwt, &x509).unwrap();
    let read = Bundle::parse(document.as_bytes(), Source::Uploaded).unwrap();
    assert_eq!((read.sequence, read.refresh_hint), (Some(u64::MAX), Some(300)));
    assert_eq!((&read.x509[..], read.dropped.len()), (&x509[..], 0));
    let thumbprints = |keys: &mut dyn Iterator<Item = &accredit_id::jose::jwk::PublicKey>| {
        keys.map(|key| (key.kid().to_owned(), key.thumbprint())).collect::<Vec<_>>()
    };
    assert_eq!(thumbprints(&mut read.jwt.keys()), thumbprints(&mut jwt.iter()));
    let document: Value = serde_json::from_str(&document).unwrap();
    for key in document["keys"].as_array().unwrap() {
        assert_eq!(key.get("kid").is_some(), key["use"] == "jwt-svid", "{key}");
        assert_eq!(key.get("x5c").is_some(), key["use"] == "x509-svid", "{key}");
    }
}

/// What an authority says beside its key. Cut off or lengthened anywhere, it is none.
#[test]
fn authorities_tell_what_they_say() {
    let authority = Authority::read(&der("ca-p384")).unwrap();
    assert_eq!(authority.uris().collect::<Vec<_>>(), ["spiffe://example.org"]);
    assert!(authority.not_before() < authority.not_after());
    let whole = der("ca-p256");
    for end in 0..whole.len() {
        assert!(Authority::read(&whole[..end]).is_err(), "{end}");
    }
    assert!(Authority::read(&[&whole[..], &[0]].concat()).is_err());
}

fn check(vector: &Vector) -> Result<(), String> {
    let source = match vector.source.as_deref() {
        None | Some("fetched") => Source::Fetched,
        Some("uploaded") => Source::Uploaded,
        Some(other) => panic!("no source `{other}`"),
    };
    let document = vector.document.as_deref().map_or_else(|| made(vector), expand);
    let read = Bundle::parse(document.as_bytes(), source).map_err(|fault| (fault.code(), fault.to_string()));
    let alarm = |alarming| if alarming { " alarm" } else { "" };
    let seen = read.map(|read| {
        let jwt = read.jwt.keys().map(|key| format!("{} {}", key.kid(), key.algorithms()));
        let named = |authority: &Authority| {
            let names = certificates();
            let name = names.keys().find(|name| der(name) == authority.der());
            name.cloned().unwrap_or_default()
        };
        let dropped = read
            .dropped
            .iter()
            .map(|entry| format!("{} {}{}", entry.index, entry.fault.code(), alarm(entry.fault.is_alarming())));
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let numbers = [number(read.sequence), number(read.refresh_hint)];
        numbers.into_iter().chain(jwt).chain(read.x509.iter().map(named)).chain(dropped).collect::<Vec<_>>()
    });
    let sequence = vector.sequence.map(|sequence| sequence.to_string()).or(vector.sequence_text.clone());
    let mut expected = vec![sequence.unwrap_or_default()];
    expected.push(vector.refresh_hint.map(|hint| hint.to_string()).unwrap_or_default());
    expected.extend([&vector.jwt, &vector.x509, &vector.dropped].into_iter().flatten().cloned());
    compare(seen, &expected, vector.expect.as_deref(), vector.told.as_deref())
}

fn compare(
    seen: Result<Vec<String>, (&'static str, String)>,
    expected: &[String],
    code: Option<&str>,
    told: Option<&str>,
) -> Result<(), String> {
    match (seen, code) {
        (Ok(seen), None) if seen == expected => Ok(()),
        (Ok(seen), None) => Err(format!("is {seen:?}")),
        (Ok(_), Some(code)) => Err(format!("was accepted, expected `{code}`")),
        (Err((seen, text)), Some(code)) if seen == code && text.contains(told.unwrap_or_default()) => Ok(()),
        (Err((seen, text)), _) => Err(format!("is `{seen}`: {text}")),
    }
}

fn made(vector: &Vector) -> String {
    let keys: Vec<String> = vector.keys.iter().map(|text| entry(text)).collect();
    let members = vector.members.as_ref().map(|members| format!(",{members}")).unwrap_or_default();
    format!("{{\"keys\":[{}]{members}}}", keys.join(","))
}

/// An entry's text as it stands, or one of a test key or certificate with some members changed.
fn entry(text: &str) -> String {
    let mut words = text.splitn(3, ' ');
    let (kind, name, members) = (words.next().unwrap(), words.next().unwrap_or_default(), words.next().unwrap_or("{}"));
    let mut jwk = match kind {
        "jwt" => serde_json::to_value(test_key(name).public().to_json()).unwrap(),
        "x509" => json!({"kty": "EC", "x5c": [STANDARD.encode(der(name))]}),
        _ => return expand(text),
    };
    jwk["use"] = format!("{kind}-svid").into();
    let mut members = expand(members).replace('\n', "\\n");
    for name in certificates().keys() {
        members = members.replace(&format!("{{{name}}}"), &STANDARD.encode(der(name)));
    }
    let members: Map<String, Value> = serde_json::from_str(&members).unwrap();
    for (member, value) in members {
        jwk[member] = value;
    }
    jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jwk.to_string()
}

fn der(name: &str) -> Vec<u8> {
    STANDARD.decode(&certificates()[name]).unwrap()
}

fn certificates() -> BTreeMap<String, String> {
    serde_json::from_str(&crate::text(&crate::vectors("bundle/certificates.json"))).unwrap()
}

fn vectors<V: DeserializeOwned>(file: &str) -> Vec<V> {
    toml::from_str::<File<V>>(&crate::text(&crate::vectors("bundle").join(file))).unwrap().vector
}
