//! JWT-SVIDs (JWT-SVID specification sections 2 to 4).
//!
//! This is the judgement of a stranger who knows the trust domain's bundle and his own audience. Tokens that a provider of
//! ours vouches for go through [`verify`](crate::verify), which asks for more.

use std::borrow::Cow;
use std::fmt;

use crate::base64url;
use crate::jose::jwk::KeySet;
use crate::jose::jws::Compact;
use crate::jose::{Algorithm, Algorithms};
use crate::json::{self, Json, Number, Object};
use crate::shown::Shown;
use crate::spiffe_id::{SpiffeId, SpiffeIdFault};
use crate::time::Timestamp;
use crate::trust_domain::TrustDomain;

/// A JWT-SVID whose form and times are right. Whether anybody vouches for it, [`JwtSvid::verify`] tells.
pub struct JwtSvid<'t> {
    compact: Compact<'t>,
    algorithm: Algorithm,
    key_id: Option<String>,
    signature: Vec<u8>,
    /// Whose it is: `sub`.
    pub id: SpiffeId,
    /// Whom it is for: `aud`.
    pub audiences: Vec<String>,
    /// When it ends: `exp`.
    pub expires_at: Timestamp,
    /// When it was issued: `iat`.
    pub issued_at: Option<Timestamp>,
}

/// Why a token is no JWT-SVID, or none that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtSvidFault {
    /// Not a signed JWT in compact form, or its header or payload no JSON object.
    #[error("token is not a JWT in compact form")]
    Malformed,
    /// A header that may not be there.
    #[error("header has `{seen}`, expected `alg`, `kid` and `typ` alone")]
    Header {
        /// Its name.
        seen: Shown,
    },
    /// `alg` is none that the specification allows.
    #[error("algorithm is `{seen}`, expected one of {}", ALGORITHMS)]
    Algorithm {
        /// What was seen.
        seen: Shown,
    },
    /// `typ` is there and neither `JWT` nor `JOSE`.
    #[error("`typ` is `{seen}`, expected `JWT`, `JOSE` or nothing")]
    Type {
        /// What was seen.
        seen: Shown,
    },
    /// `sub` is no SPIFFE ID.
    #[error(transparent)]
    Id(#[from] SpiffeIdFault),
    /// A claim of another form than the specification says.
    #[error("claim `{claim}` is {seen}, expected {expected}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What was seen, as a phrase.
        seen: &'static str,
        /// What was expected, as a phrase.
        expected: &'static str,
    },
    /// Of another trust domain than the bundle that it is held against.
    #[error("SPIFFE ID is of trust domain `{seen}`, expected `{expected}`")]
    TrustDomain {
        /// Its own.
        seen: Shown,
        /// The bundle's.
        expected: Shown,
    },
    /// For others.
    #[error("audience is not `{expected}`")]
    Audience {
        /// Who looks at it.
        expected: Shown,
    },
    /// It has ended.
    #[error("token ended {ago} s ago")]
    Expired {
        /// Seconds since `exp`.
        ago: i64,
    },
    /// It has not begun.
    #[error("claim `{claim}` lies in the future")]
    Early {
        /// `nbf` or `iat`.
        claim: &'static str,
    },
    /// The bundle has no such key, or none for this algorithm.
    #[error("bundle has no key that fits")]
    Key,
    /// The key did not sign it.
    #[error("signature does not match")]
    Signature,
}

// === impl JwtSvid ===

impl<'t> JwtSvid<'t> {
    /// Reads a token and judges what needs no key: form, headers, subject, audience, times.
    ///
    /// # Errors
    /// [`JwtSvidFault`], the first one in the order of its variants, `Key` and `Signature` excepted.
    pub fn read(
        token: &'t str,
        domain: &TrustDomain,
        audience: &str,
        now: Timestamp,
    ) -> Result<JwtSvid<'t>, JwtSvidFault> {
        let compact = Compact::split(token).map_err(|_| JwtSvidFault::Malformed)?;
        let decoded = |segment| base64url::decode(segment).map_err(|_| JwtSvidFault::Malformed);
        let (header, payload) = (decoded(compact.header())?, decoded(compact.payload())?);
        let signature = decoded(compact.signature())?;
        let (algorithm, key_id) = read_header(&object(&header)?)?;
        let claims = object(&payload)?;
        let id: SpiffeId = text(&claims, "sub")?.ok_or(missing("sub", "a SPIFFE ID"))?.parse()?;
        let audiences = audiences(&claims)?;
        for claim in ["iss", "jti"] {
            text(&claims, claim)?;
        }
        let expires_at = seconds(&claims, "exp")?.ok_or(missing("exp", SECONDS))?;
        let (not_before, issued_at) = (seconds(&claims, "nbf")?, seconds(&claims, "iat")?);
        if id.trust_domain() != domain {
            let (seen, expected) = (id.trust_domain().as_str(), domain.as_str());
            return Err(JwtSvidFault::TrustDomain { seen: Shown::of(seen), expected: Shown::of(expected) });
        }
        if !audiences.iter().any(|seen| seen == audience) {
            return Err(JwtSvidFault::Audience { expected: Shown::of(audience) });
        }
        if expires_at <= now {
            return Err(JwtSvidFault::Expired { ago: now.seconds_since(expires_at) });
        }
        for (claim, time) in [("nbf", not_before), ("iat", issued_at)] {
            if time.is_some_and(|time| time > now) {
                return Err(JwtSvidFault::Early { claim });
            }
        }
        Ok(JwtSvid { compact, algorithm, key_id, signature, id, audiences, expires_at, issued_at })
    }

    /// Checks the signature by the keys of the trust domain's bundle. A token without `kid` is judged by the only key that
    /// there is, and by none of several.
    ///
    /// # Errors
    /// [`JwtSvidFault::Key`] or [`JwtSvidFault::Signature`].
    pub fn verify(&self, keys: &KeySet) -> Result<(), JwtSvidFault> {
        let key = match &self.key_id {
            Some(kid) => keys.find(kid, self.algorithm).map_err(|_| JwtSvidFault::Key)?,
            None => keys.only().filter(|key| key.allows(self.algorithm)).ok_or(JwtSvidFault::Key)?,
        };
        key.verify_signature(self.algorithm, self.compact.signing_input().as_bytes(), &self.signature)
            .map_err(|_| JwtSvidFault::Signature)
    }
}

/// Shows nothing of the token.
impl fmt::Debug for JwtSvid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSvid").field("id", &self.id).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

// === impl JwtSvidFault ===

impl JwtSvidFault {
    /// The fault's stable name, kebab-case, never reused.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "jwt-svid-malformed",
            Self::Header { .. } => "jwt-svid-header",
            Self::Algorithm { .. } => "jwt-svid-algorithm",
            Self::Type { .. } => "jwt-svid-type",
            Self::Id(fault) => fault.code(),
            Self::Claim { .. } => "jwt-svid-claim",
            Self::TrustDomain { .. } => "jwt-svid-trust-domain",
            Self::Audience { .. } => "jwt-svid-audience",
            Self::Expired { .. } => "jwt-svid-expired",
            Self::Early { .. } => "jwt-svid-early",
            Self::Key => "jwt-svid-key",
            Self::Signature => "jwt-svid-signature",
        }
    }
}

fn object(bytes: &[u8]) -> Result<Object<'_>, JwtSvidFault> {
    json::object(bytes, &json::Limits::TOKEN).map_err(|_| JwtSvidFault::Malformed)
}

/// Section 2: `alg`, `kid` and `typ`, and nothing else.
fn read_header(header: &Object<'_>) -> Result<(Algorithm, Option<String>), JwtSvidFault> {
    if let Some((name, _)) = header.iter().find(|(name, _)| !["alg", "kid", "typ"].contains(name)) {
        return Err(JwtSvidFault::Header { seen: Shown::of(name) });
    }
    let named = header.get("alg").map_or(Cow::Borrowed("nothing"), shown);
    let algorithm = named.parse().ok().filter(|algorithm| ALGORITHMS.contains(*algorithm));
    let algorithm = algorithm.ok_or_else(|| JwtSvidFault::Algorithm { seen: Shown::of(&named) })?;
    if let Some(typ) = header.get("typ").filter(|typ| !matches!(typ.as_str(), Some("JWT" | "JOSE"))) {
        return Err(JwtSvidFault::Type { seen: Shown::of(&shown(typ)) });
    }
    match header.get("kid") {
        None => Ok((algorithm, None)),
        Some(Json::String(kid)) if !kid.is_empty() => Ok((algorithm, Some(kid.to_string()))),
        Some(_) => Err(JwtSvidFault::Malformed),
    }
}

fn shown<'j>(value: &'j Json<'_>) -> Cow<'j, str> {
    Cow::Borrowed(value.as_str().unwrap_or(value.type_name()))
}

fn text<'c>(claims: &'c Object<'_>, claim: &'static str) -> Result<Option<&'c str>, JwtSvidFault> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(JwtSvidFault::Claim { claim, seen: other.type_name(), expected: "a string" }),
    }
}

/// Section 3.2: a string or an array of them (RFC 7519 section 4.1.3), and at least one.
fn audiences(claims: &Object<'_>) -> Result<Vec<String>, JwtSvidFault> {
    const EXPECTED: &str = "a string, or an array of at least one";
    let wrong = |seen| JwtSvidFault::Claim { claim: "aud", seen, expected: EXPECTED };
    let items = match claims.get("aud") {
        None => return Err(missing("aud", EXPECTED)),
        Some(Json::Array(items)) if items.is_empty() => return Err(wrong("an empty array")),
        Some(Json::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let name = |item: &Json<'_>| match item {
        Json::String(name) if name.is_empty() => Err(wrong("an empty string")),
        Json::String(name) => Ok(name.to_string()),
        other => Err(wrong(other.type_name())),
    };
    items.iter().map(name).collect()
}

/// Whole seconds: some readers of JWT-SVIDs refuse a number with a fraction or an exponent.
fn seconds(claims: &Object<'_>, claim: &'static str) -> Result<Option<Timestamp>, JwtSvidFault> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Json::Number(Number::Int(seconds @ 0..))) => Ok(Some(Timestamp::from_unix(*seconds))),
        Some(Json::Number(_)) => Err(JwtSvidFault::Claim { claim, seen: "another number", expected: SECONDS }),
        Some(other) => Err(JwtSvidFault::Claim { claim, seen: other.type_name(), expected: SECONDS }),
    }
}

const fn missing(claim: &'static str, expected: &'static str) -> JwtSvidFault {
    JwtSvidFault::Claim { claim, seen: "nothing", expected }
}

const SECONDS: &str = "whole seconds since 1970";

/// What a JWT-SVID may be signed with (section 2.1). EdDSA is not among them.
pub const ALGORITHMS: Algorithms = Algorithms::of(&[
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
]);
