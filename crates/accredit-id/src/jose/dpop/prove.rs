//! The other end: a key that makes proofs.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::token_hash;
use crate::jose::jwk::{KeyFault, PublicKey};
use crate::jose::{Algorithm, jws};
use crate::json::{Json, Number, Object};
use crate::secret::Secret;
use crate::time::Timestamp;

/// A key that makes proofs: Ed25519, since its pair is 32 random bytes and its signatures need no more chance.
pub struct ProofKey {
    pair: Ed25519KeyPair,
    /// The encoded header, the same for each proof.
    header: String,
    thumbprint: String,
}

/// What a proof is made for.
#[derive(Debug, Clone, Copy)]
pub struct ToProve<'p> {
    /// The request's method.
    pub method: &'p str,
    /// The request's URL. Query and fragment are left out of the proof.
    pub url: &'p str,
    /// What the server said last in `DPoP-Nonce`, if it said anything.
    pub nonce: Option<&'p str>,
    /// The access token that goes with the request, if one does.
    pub access_token: Option<&'p str>,
    /// 16 random bytes that name the proof. Never the same twice.
    pub token_id: [u8; 16],
    /// The time of making.
    pub now: Timestamp,
}

// === impl ProofKey ===

impl ProofKey {
    /// The key of these 32 random bytes, always the same one.
    ///
    /// # Errors
    /// [`KeyFault`] when the cryptographic library refuses to work.
    pub fn from_seed(seed: &Secret<[u8; 32]>) -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.reveal()).map_err(|_| KeyFault::Point)?;
        let public = PublicKey::from_ed25519(Some(""), pair.public_key().as_ref())?;
        let mut jwk = public.to_json();
        for name in ["use", "alg"] {
            jwk.remove(name);
        }
        let mut header = Object::new();
        header.insert("typ", text("dpop+jwt"));
        header.insert("alg", text(Algorithm::EdDsa.as_str()));
        header.insert("jwk", Json::Object(jwk));
        Ok(Self { pair, header: written(&header), thumbprint: public.thumbprint().to_string() })
    }

    /// The thumbprint that tokens are bound to (`cnf.jkt`).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Makes the proof of one request: the value of its `DPoP` header.
    #[must_use]
    pub fn prove(&self, request: &ToProve<'_>) -> String {
        let ToProve { method, url, nonce, access_token, token_id, now } = *request;
        let mut claims = Object::new();
        claims.insert("jti", text(&crate::base64url::encode(&token_id)));
        claims.insert("htm", text(method));
        claims.insert("htu", text(url.split(['?', '#']).next().unwrap_or_default()));
        claims.insert("iat", Json::Number(Number::Int(now.unix())));
        if let Some(token) = access_token {
            claims.insert("ath", text(&token_hash(token)));
        }
        if let Some(nonce) = nonce {
            claims.insert("nonce", text(nonce));
        }
        let input = jws::signing_input(&self.header, &written(&claims));
        let signature = self.pair.sign(input.as_bytes());
        jws::append_signature(input, signature.as_ref())
    }
}

/// Shows nothing of the private half.
impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

fn text(text: &str) -> Json<'static> {
    Json::String(text.to_owned().into())
}

/// Objects of texts and numbers always serialize.
fn written(object: &Object<'_>) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::jose::dpop::{ExpectedProof, Freshness, ProofFault, verify};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn key(byte: u8) -> ProofKey {
        ProofKey::from_seed(&Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn what_is_made_here_holds_here() {
        let nonces = ["n1".to_owned()];
        let (key, other) = (key(1), key(2));
        assert_ne!(key.thumbprint(), other.thumbprint());
        let made = |key: &ProofKey, nonce, access_token| {
            let url = "https://a.example.org/v1/status?all=1";
            key.prove(&ToProve { method: "GET", url, nonce, access_token, token_id: [7; 16], now: NOW })
        };
        let expected = ExpectedProof {
            method: "GET",
            url: "https://A.example.org:443/v1/status",
            access_token: Some("token"),
            key: Some(key.thumbprint()),
            freshness: Freshness::Nonce(&nonces),
            now: NOW,
        };
        let proof = verify(&made(&key, Some("n1"), Some("token")), &expected).unwrap();
        assert_eq!((proof.thumbprint.as_str(), proof.token_id.len()), (key.thumbprint(), 22));
        for (made, code) in [
            (made(&key, Some("n0"), Some("token")), "proof-nonce"),
            (made(&key, None, Some("token")), "proof-nonce"),
            (made(&key, Some("n1"), Some("other")), "proof-access-token"),
            (made(&key, Some("n1"), None), "proof-access-token"),
            (made(&other, Some("n1"), Some("token")), "proof-other-key"),
        ] {
            assert_eq!(verify(&made, &expected).unwrap_err().code(), code);
        }
        let nobody = ExpectedProof { freshness: Freshness::Nonce(&[]), ..expected };
        assert_eq!(verify(&made(&key, None, Some("token")), &nobody), Err(ProofFault::Nonce));
        let of_its_time = |now| ExpectedProof { freshness: Freshness::IssuedAt(60), now, ..expected };
        assert!(verify(&made(&key, None, Some("token")), &of_its_time(Timestamp::from_unix(NOW.unix() + 60))).is_ok());
        for off in [61, -61] {
            let later = of_its_time(Timestamp::from_unix(NOW.unix() + off));
            let stale = verify(&made(&key, None, Some("token")), &later).unwrap_err();
            assert!(stale.to_string().ends_with("expected at most 60 s off"), "{stale}");
        }
        assert!(!format!("{key:?}").contains("pair"));
    }
}
