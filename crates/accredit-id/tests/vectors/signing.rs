//! The test keys, and everything that a forger could sign with them.

use std::sync::LazyLock;

use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::PublicKey;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A key pair of `vectors/jwks/test-keys.json`.
pub(crate) struct TestKey {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The test key of that name.
pub(crate) fn test_key(name: &str) -> &'static TestKey {
    static KEYS: LazyLock<Vec<TestKey>> = LazyLock::new(load);
    KEYS.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no test key `{name}`"))
}

// === impl TestKey ===

impl TestKey {
    /// Signs `message`; RSA keys with any of RSA's algorithms, others with their own.
    #[expect(clippy::disallowed_methods, reason = "signing draws random numbers, and no test depends on which")]
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(algorithm), &random, message, &mut out).unwrap();
                out
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The public half, named like the pair.
    pub(crate) fn public(&self) -> PublicKey {
        let kid = Some(self.name.as_str());
        match &self.pair {
            Pair::Rsa(pair) => PublicKey::from_rsa_der(kid, self.algorithm, pair.public_key().as_ref()),
            Pair::Ec(pair) => PublicKey::from_ec_point(kid, self.algorithm, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => PublicKey::from_ed25519(kid, pair.public_key().as_ref()),
        }
        .unwrap()
    }

    /// What an attacker who knows only the public key could use as a shared secret (A13).
    pub(crate) fn as_shared_secret(&self, form: &str) -> Vec<u8> {
        let Pair::Rsa(pair) = &self.pair else { panic!("shared secrets are made from RSA keys") };
        let der = pair.public_key().as_ref().to_vec();
        let jwk = serde_json::to_string(&self.public().to_json()).unwrap();
        let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(&der));
        match form {
            "der" => der,
            "pem" => pem.into_bytes(),
            "pem-after-space" => format!(" \n{pem}").into_bytes(),
            "jwk" => jwk.into_bytes(),
            "jwk-n" => self.public().to_json().get("n").unwrap().as_str().unwrap().as_bytes().to_vec(),
            "empty" => Vec::new(),
            "client-secret" => b"correct horse battery staple".to_vec(),
            other => panic!("no shared secret `{other}`"),
        }
    }
}

/// An HMAC over `message`, as `alg` `HS256`, `HS384` or `HS512` asks for.
pub(crate) fn hmac(alg: &str, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let digest = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        other => panic!("no HMAC `{other}`"),
    };
    hmac::sign(&hmac::Key::new(digest, secret), message).as_ref().to_vec()
}

fn load() -> Vec<TestKey> {
    let file: serde_json::Value = serde_json::from_str(&crate::text(&crate::vectors("jwks/test-keys.json"))).unwrap();
    let keys = file["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| {
            let field = |name: &str| key[name].as_str().unwrap_or_else(|| panic!("test key without `{name}`"));
            let algorithm = field("algorithm").parse().unwrap();
            TestKey {
                name: field("name").to_owned(),
                algorithm,
                pair: pair(algorithm, &STANDARD.decode(field("pkcs8")).unwrap()),
            }
        })
        .collect()
}

fn pair(algorithm: Algorithm, pkcs8: &[u8]) -> Pair {
    let ec = |signing| Pair::Ec(EcdsaKeyPair::from_pkcs8(signing, pkcs8).unwrap());
    match algorithm {
        Algorithm::Es256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).unwrap()),
        _ => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).unwrap()),
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn signature::RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}
