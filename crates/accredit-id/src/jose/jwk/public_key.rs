//! One public key.

use std::fmt;
use std::sync::OnceLock;

use super::fault::KeyFault;
use super::material::Material;
use super::purpose::Purpose;
use super::thumbprint::Thumbprint;
use super::{parse, rsa_der};
use crate::jose::{Algorithm, Algorithms};
use crate::json::{Json, Object};
use crate::time::Timestamp;

/// A public key that may verify signatures, parsed and checked when it was made.
pub struct PublicKey {
    pub(super) kid: Box<str>,
    /// What `alg` says, when it says anything.
    pub(super) declared: Option<Algorithm>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) material: Material,
    /// Made when it is first asked for.
    pub(super) thumbprint: OnceLock<Thumbprint>,
}

/// A signature that the key did not make over that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not match")]
pub struct SignatureMismatch;

// === impl PublicKey ===

impl PublicKey {
    /// A key from one JWK that stands alone, as a DPoP proof brings it. Keys of a set are read by the set.
    ///
    /// # Errors
    /// [`KeyFault`]; private and symmetric members are refused whatever they stand beside.
    pub fn from_jwk(jwk: &Json<'_>, purpose: Purpose) -> Result<Self, KeyFault> {
        parse::public_key(jwk, purpose)
    }

    /// A key on P-256, P-384 or P-521 from its uncompressed point (SEC 1 section 2.3.3: `04`, x, y).
    ///
    /// Without a `kid`, the key is named by its [`PublicKey::thumbprint`].
    ///
    /// # Errors
    /// [`KeyFault`] when the point is not on the curve, or the algorithm is not ES256, ES384 or ES512.
    pub fn from_ec_point(kid: Option<&str>, algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyFault> {
        Material::from_ec_point(algorithm, point).map(|material| Self::made_here(kid, algorithm, material))
    }

    /// An RSA key from its modulus and exponent, big-endian.
    ///
    /// Without a `kid`, the key is named by its [`PublicKey::thumbprint`].
    ///
    /// # Errors
    /// [`KeyFault`] when the modulus or exponent is out of bounds, or the algorithm is not one of RSA's.
    pub fn from_rsa(
        kid: Option<&str>,
        algorithm: Algorithm,
        modulus: &[u8],
        exponent: &[u8],
    ) -> Result<Self, KeyFault> {
        let material = Material::rsa(modulus, exponent)?;
        if !material.algorithms().contains(algorithm) {
            return Err(KeyFault::AlgorithmMismatch { seen: algorithm, fitting: material.algorithms() });
        }
        Ok(Self::made_here(kid, algorithm, material))
    }

    /// An RSA key from its DER form `RSAPublicKey` (RFC 8017 appendix A.1.1), as a key pair gives it.
    ///
    /// # Errors
    /// As [`PublicKey::from_rsa`]; [`KeyFault::NotDer`] for other bytes.
    pub fn from_rsa_der(kid: Option<&str>, algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyFault> {
        let (modulus, exponent) = rsa_der::integers(der).ok_or(KeyFault::NotDer)?;
        Self::from_rsa(kid, algorithm, modulus, exponent)
    }

    /// An Ed25519 key from its 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// Without a `kid`, the key is named by its [`PublicKey::thumbprint`].
    ///
    /// # Errors
    /// [`KeyFault::Point`].
    pub fn from_ed25519(kid: Option<&str>, public: &[u8]) -> Result<Self, KeyFault> {
        Material::ed25519(public).map(|material| Self::made_here(kid, Algorithm::EdDsa, material))
    }

    /// The key's name. Empty when the document gave none; such a key is found only as the set's single one.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the key's type and its `alg` permit `algorithm`.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms().contains(algorithm)
    }

    /// All that the key permits: its `alg` alone, or what its type can do.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        self.declared.map_or_else(|| self.material.algorithms(), |algorithm| Algorithms::of(&[algorithm]))
    }

    /// Whether `now` lies in the key's own window: from its `nbf`, before its `exp`, where the document gave them.
    #[must_use]
    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= now) && self.not_after.is_none_or(|end| now < end)
    }

    /// Checks that this key's owner signed `message`.
    ///
    /// # Errors
    /// [`SignatureMismatch`], also for an algorithm that the key does not permit.
    pub fn verify_signature(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureMismatch> {
        if !self.allows(algorithm) {
            return Err(SignatureMismatch);
        }
        let key = self.material.verifier(algorithm).ok_or(SignatureMismatch)?;
        key.verify_sig(message, signature).map_err(|_| SignatureMismatch)
    }

    /// What the key is called by its own bytes; worked out once.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        *self.thumbprint.get_or_init(|| Thumbprint::of(&self.material))
    }

    /// The key's own window, where the document gave it one: from its `nbf`, before its `exp`.
    #[must_use]
    pub const fn window(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.not_before, self.not_after)
    }

    /// The key as a JWK to publish: its material, `kid`, `alg` when it is bound to one, and `use` `sig`.
    #[must_use]
    pub fn to_json(&self) -> Object<'static> {
        let mut jwk = Object::new();
        for (name, value) in self.material.members() {
            jwk.insert(name, text(value));
        }
        if !self.kid.is_empty() {
            jwk.insert("kid", text(self.kid.to_string()));
        }
        if let Some(algorithm) = self.declared {
            jwk.insert("alg", Json::String(algorithm.as_str().into()));
        }
        jwk.insert("use", Json::String("sig".into()));
        jwk
    }

    fn made_here(kid: Option<&str>, algorithm: Algorithm, material: Material) -> Self {
        let kid = kid.map_or_else(|| Thumbprint::of(&material).to_string(), str::to_owned).into();
        let thumbprint = OnceLock::new();
        Self { kid, declared: Some(algorithm), not_before: None, not_after: None, material, thumbprint }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms())
            .finish_non_exhaustive()
    }
}

fn text(text: String) -> Json<'static> {
    Json::String(text.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::base64url;
    use crate::jose::jwk::{KeySet, Purpose, Source};

    /// The examples that the standards print: a key, its thumbprint, a text that it signed, the signature.
    #[test]
    fn agrees_with_the_standards() {
        // RFC 7638 section 3.1.
        let rsa = r#"{"kty":"RSA","e":"AQAB","alg":"RS256","kid":"2011-04-29","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#;
        assert_eq!(only(rsa).only().unwrap().thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");

        // RFC 8037 appendices A.3 and A.4.
        let ed25519 = only(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
        let ed25519 = ed25519.only().unwrap();
        assert_eq!(ed25519.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_signed(
            ed25519,
            Algorithm::EdDsa,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );

        // RFC 7515 appendix A.3.
        let p256 = only(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        );
        assert_signed(
            p256.only().unwrap(),
            Algorithm::Es256,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        );
    }

    #[test]
    fn is_named_by_its_thumbprint() {
        let point = base64url::decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::from_ed25519(None, &point).unwrap();
        assert_eq!(key.kid(), &*key.thumbprint());
        assert!(PublicKey::from_ed25519(None, &point[1..]).is_err());
        assert!(PublicKey::from_ec_point(None, Algorithm::Rs256, &point).is_err());
        assert!(PublicKey::from_ec_point(None, Algorithm::Es256, &[4; 65]).is_err());
        assert!(PublicKey::from_rsa(None, Algorithm::Es256, &[0xff; 256], &[3]).is_err());
    }

    fn only(jwk: &str) -> KeySet {
        KeySet::parse(format!("{{\"keys\":[{jwk}]}}").as_bytes(), Source::Fetched, Purpose::Signature).unwrap()
    }

    fn assert_signed(key: &PublicKey, algorithm: Algorithm, token: &str) {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature).unwrap();
        assert_eq!(key.verify_signature(algorithm, message.as_bytes(), &signature), Ok(()));
        assert_eq!(key.verify_signature(algorithm, &message.as_bytes()[1..], &signature), Err(SignatureMismatch));
        assert_eq!(key.verify_signature(Algorithm::Rs256, message.as_bytes(), &signature), Err(SignatureMismatch));
    }
}
