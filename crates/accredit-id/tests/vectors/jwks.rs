//! `vectors/jwks`: what becomes of key sets.

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use serde::Deserialize;

use crate::expansion::expand;
use crate::signing::test_key;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

/// The fields of `vectors/jwks/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    case: String,
    name: String,
    #[serde(default)]
    keys: Vec<String>,
    document: Option<String>,
    source: Option<String>,
    purpose: Option<String>,
    #[serde(default)]
    usable: Vec<String>,
    #[serde(default)]
    dropped: Vec<String>,
    expect: Option<String>,
    told: Option<String>,
}

#[test]
fn key_sets_become_what_they_should() {
    let vectors =
        crate::files("jwks").into_iter().flat_map(|path| toml::from_str::<File>(&crate::text(&path)).unwrap().vector);
    crate::all(vectors, |vector| {
        check(vector).map_err(|problem| format!("{} {}: {problem}", vector.case, vector.name))
    });
}

/// What we publish is what anybody reads, ourselves included.
#[test]
fn published_keys_read_back() {
    for name in ["rsa", "rsa-4096", "p256", "p384", "p521", "ed25519"] {
        let key = test_key(name).public();
        let (published, thumbprint) = (serde_json::to_string(&key.to_json()).unwrap(), key.thumbprint());
        let document = serde_json::to_vec(&KeySet::from_keys(vec![key]).unwrap().to_json()).unwrap();
        let read = KeySet::parse(&document, Source::Uploaded, Purpose::Signature).unwrap();
        let read = read.only().unwrap();
        assert_eq!((read.kid(), read.thumbprint()), (name, thumbprint));
        assert_eq!(serde_json::to_string(&read.to_json()).unwrap(), published);
    }
}

fn check(vector: &Vector) -> Result<(), String> {
    let source = match vector.source.as_deref() {
        None | Some("fetched") => Source::Fetched,
        Some("uploaded") => Source::Uploaded,
        Some(other) => panic!("no source `{other}`"),
    };
    let purpose = match vector.purpose.as_deref() {
        None | Some("signature") => Purpose::Signature,
        Some("jwt-svid") => Purpose::JwtSvid,
        Some(other) => panic!("no purpose `{other}`"),
    };
    match (KeySet::parse(document(vector).as_bytes(), source, purpose), &vector.expect) {
        (Ok(set), None) => check_keys(vector, &set),
        (Ok(_), Some(expected)) => Err(format!("was accepted, expected `{expected}`")),
        (Err(fault), None) => Err(format!("was refused: {fault}")),
        (Err(fault), Some(expected)) => {
            let told = vector.told.as_deref().unwrap_or_default();
            let right = fault.code() == expected && fault.to_string().contains(told);
            if right { Ok(()) } else { Err(format!("is `{}` ({fault}), expected `{expected}` {told}", fault.code())) }
        }
    }
}

fn check_keys(vector: &Vector, set: &KeySet) -> Result<(), String> {
    let usable: Vec<_> = set.keys().map(|key| format!("{} {}", key.kid(), key.algorithms())).collect();
    let alarm = |alarming| if alarming { " alarm" } else { "" };
    let told = |key: &accredit_id::jose::jwk::DroppedKey| {
        format!("{} {}{}", key.kid, key.fault.code(), alarm(key.fault.is_alarming()))
    };
    let dropped: Vec<_> = set.dropped().iter().map(told).collect();
    if usable != vector.usable || dropped != vector.dropped {
        return Err(format!("has {usable:?} and dropped {dropped:?}"));
    }
    Ok(())
}

fn document(vector: &Vector) -> String {
    let Some(document) = &vector.document else {
        let keys: Vec<String> = vector.keys.iter().map(|key| entry(key)).collect();
        return format!("{{\"keys\":[{}]}}", keys.join(","));
    };
    let mut document = expand(document);
    for name in ["rsa", "p256", "p384"] {
        // `{name {members}}` inside a document.
        while let Some(start) = document.find(&format!("{{{name} ")) {
            let end = start + document[start..].find("}}").unwrap() + 2;
            let jwk = entry(&document[start + 1..end - 1]);
            document.replace_range(start..end, &jwk);
        }
    }
    document
}

/// A JWK's text as it stands, or a test key's with some members changed.
fn entry(text: &str) -> String {
    let (name, members) = text.split_once(' ').unwrap_or((text, "{}"));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || name == "null" {
        return expand(text);
    }
    let mut jwk = serde_json::to_value(test_key(name).public().to_json()).unwrap();
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&expand(members)).unwrap();
    for (member, value) in members {
        jwk[member] = value;
    }
    jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jwk.to_string()
}
