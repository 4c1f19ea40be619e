//! `vectors/dpop`: proofs that hold, and proofs that must not.

use std::collections::BTreeSet;

use accredit_id::base64url;
use accredit_id::jose::dpop::{ExpectedProof, Freshness, Proof, ProofFault, token_hash, verify};
use accredit_id::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expansion::expand;
use crate::signing::test_key;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

/// The fields of `vectors/dpop/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    case: String,
    name: String,
    expect: String,
    says: Option<String>,
    key: Option<String>,
    header: Option<String>,
    jwk: Option<String>,
    claims: Option<String>,
    header_text: Option<String>,
    payload_text: Option<String>,
    form: Option<String>,
    signature: Option<String>,
    method: Option<String>,
    url: Option<String>,
    token: Option<String>,
    bound_to: Option<String>,
    now: Option<i64>,
}

#[test]
fn good_proofs_hold() {
    crate::all(load("dpop/accept"), |vector| match vector.judged() {
        Ok(proof) if vector.expect == "holds" && proof.thumbprint == vector.thumbprint() => Ok(()),
        other => Err(format!("{}: {other:?}", vector.title())),
    });
}

#[test]
fn bad_proofs_are_refused_by_name() {
    crate::all(load("dpop/reject"), |vector| match vector.judged() {
        Ok(_) => Err(format!("{}: holds", vector.title())),
        Err(fault) if fault.code() != vector.expect => {
            Err(format!("{}: is `{}` ({fault}), expected `{}`", vector.title(), fault.code(), vector.expect))
        }
        Err(fault) => match vector.says.as_deref().filter(|says| !fault.to_string().contains(says)) {
            Some(says) => Err(format!("{}: says `{fault}`, expected `{says}` in it", vector.title())),
            None => Ok(()),
        },
    });
}

#[test]
fn every_proof_fault_has_a_vector() {
    let shown: BTreeSet<String> = load("dpop/reject").into_iter().map(|vector| vector.expect).collect();
    let missing: Vec<_> = ProofFault::CODES.into_iter().filter(|code| !shown.contains(*code)).collect();
    assert!(missing.is_empty(), "no vector in vectors/dpop/reject expects {missing:?}");
}

/// A05, B01, I08: of all texts that differ from a good proof in one place, none is one.
#[test]
fn no_neighbour_of_a_good_proof_holds() {
    let vectors = load("dpop/accept");
    for name in ["usual proof", "Ed25519"] {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let proof = vector.proof();
        assert!(vector.judge(&proof).is_ok());
        for at in 0..proof.len() {
            let (before, seen, after) = (&proof[..at], &proof[at..=at], &proof[at + 1..]);
            for other in ["", "A", "_", "=", ".", "\n"].into_iter().filter(|other| *other != seen) {
                let neighbour = format!("{before}{other}{after}");
                assert!(vector.judge(&neighbour).is_err(), "{name}: {seen:?} at {at} became {other:?}");
            }
        }
    }
}

// === impl Vector ===

impl Vector {
    fn title(&self) -> String {
        format!("{} {}", self.case, self.name)
    }

    fn judged(&self) -> Result<Proof, ProofFault> {
        self.judge(&self.proof())
    }

    fn judge(&self, proof: &str) -> Result<Proof, ProofFault> {
        let nonces = ["one".to_owned(), "two".to_owned()];
        let bound_to = self.bound_to.as_deref().unwrap_or("p256");
        let bound_to =
            Some(bound_to).filter(|name| !name.is_empty()).map(|name| test_key(name).public().thumbprint().to_string());
        verify(
            proof,
            &ExpectedProof {
                method: self.method.as_deref().unwrap_or("GET"),
                url: self.url.as_deref().unwrap_or("https://accredit.example.org/v1/status"),
                access_token: Some(self.token.as_deref().unwrap_or("token")).filter(|token| !token.is_empty()),
                key: bound_to.as_deref(),
                freshness: Freshness::Nonce(&nonces),
                now: Timestamp::from_unix(self.now.unwrap_or(1_800_000_010)),
            },
        )
    }

    fn thumbprint(&self) -> String {
        test_key(self.key.as_deref().unwrap_or("p256")).public().thumbprint().to_string()
    }

    fn proof(&self) -> String {
        let key = test_key(self.key.as_deref().unwrap_or("p256"));
        let mut jwk = serde_json::to_value(key.public().to_json()).unwrap();
        for member in ["kid", "use", "alg"] {
            jwk.as_object_mut().unwrap().remove(member);
        }
        set(&mut jwk, self.jwk.as_deref());
        let mut header = json!({"typ": "dpop+jwt", "alg": key.algorithm.as_str(), "jwk": jwk});
        set(&mut header, self.header.as_deref());
        let mut claims = json!({
            "jti": "proof-1", "htm": "GET", "htu": "https://accredit.example.org/v1/status", "iat": 1_800_000_005,
            "ath": token_hash("token"), "nonce": "one",
        });
        set(&mut claims, self.claims.as_deref());
        let segment = |text: Option<&String>, value: &Value| {
            base64url::encode(text.map_or_else(|| value.to_string(), |text| expand(text)).as_bytes())
        };
        let header = segment(self.header_text.as_ref(), &header);
        let payload = segment(self.payload_text.as_ref(), &claims);
        let message = format!("{header}.{payload}");
        let signature = match self.signature.as_deref() {
            None => key.sign(key.algorithm, message.as_bytes()),
            Some("empty") => Vec::new(),
            Some("other") => test_key("ed25519").sign(test_key("ed25519").algorithm, message.as_bytes()),
            Some(other) => panic!("no signature `{other}`"),
        };
        let form = self.form.as_deref().unwrap_or("{header}.{payload}.{signature}");
        let filled = form.replace("{header}", &header).replace("{payload}", &payload);
        expand(&filled.replace("{signature}", &base64url::encode(&signature)))
    }
}

/// Sets members, and takes those that are `null` out.
fn set(object: &mut Value, members: Option<&str>) {
    let members: Map<String, Value> = serde_json::from_str(&expand(members.unwrap_or("{}"))).unwrap();
    let object = object.as_object_mut().unwrap();
    for (name, value) in members {
        match value.is_null() {
            true => drop(object.remove(&name)),
            false => drop(object.insert(name, value)),
        }
    }
}

fn load(folder: &str) -> Vec<Vector> {
    let read =
        |path| toml::from_str::<File>(&crate::text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    crate::files(folder).iter().flat_map(|path| read(path).vector).collect()
}
