//! A proof judged against one request.

use std::borrow::Cow;

use super::fault::ProofFault;
use super::{token_hash, url};
use crate::base64url;
use crate::jose::jwk::{PublicKey, Purpose};
use crate::jose::jws::{Compact, CompactFault};
use crate::jose::{Algorithm, Algorithms};
use crate::json::{self, Json, Number, Object};
use crate::shown::Shown;
use crate::time::Timestamp;

/// What a proof must show.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedProof<'e> {
    /// The request's method, compared byte for byte.
    pub method: &'e str,
    /// The request's URL as its sender knows the server; query and fragment do not count. Never taken from the request's
    /// own `Host`: whoever relays a request could choose that.
    pub url: &'e str,
    /// The access token that the request shows, whose hash must be in the proof; `None` where none is shown.
    pub access_token: Option<&'e str>,
    /// The thumbprint that the access token is bound to (`cnf.jkt`).
    pub key: Option<&'e str>,
    /// What shows that it was made for now.
    pub freshness: Freshness<'e>,
    /// The time of judging.
    pub now: Timestamp,
}

/// What shows that a proof was made for now.
#[derive(Debug, Clone, Copy)]
pub enum Freshness<'e> {
    /// One of these nonces, which tells its age by the clock of whoever gave it (RFC 9449 section 8). An empty list accepts
    /// none: there is no proof without one. Its own `iat` may be off by [`MAX_AGE`].
    Nonce(&'e [String]),
    /// Its own `iat`, which may be off by so many seconds in either direction. A nonce may be there and is not looked at.
    IssuedAt(i64),
}

/// A proof that holds. Whether it was shown before is not said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key that made it (RFC 7638, SHA-256): what a token is bound to as `cnf.jkt`.
    pub thumbprint: String,
    /// Its own name, `jti`, of 1 to 256 bytes.
    pub token_id: String,
    /// Which of the accepted nonces it bears, counted from 0; `None` where none was wanted.
    pub nonce: Option<usize>,
}

/// The algorithms that a proof may be signed with. No RSA: a proof is made for each request, by keys made for nothing else.
pub const ALGORITHMS: Algorithms = Algorithms::of(&[Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa]);

/// How far `iat` may lie from now in either direction, in seconds. Wide, because the nonce is what tells a proof's age by our
/// own clock (RFC 9449 section 11.1); a laptop whose clock is four minutes off can still be administered from.
pub const MAX_AGE: i64 = 300;

/// Judges a proof (RFC 9449 section 4.3). The nonce is judged before the signature is computed: nearly every first request of
/// a client lacks it, and asking for it shall cost next to nothing. Whatever else is wrong is told of the next proof.
///
/// # Errors
/// [`ProofFault`], the first in the order of the section.
pub fn verify(proof: &str, expected: &ExpectedProof<'_>) -> Result<Proof, ProofFault> {
    if proof.len() > MAX_BYTES {
        return Err(malformed(format!("{} bytes, expected at most {MAX_BYTES}", proof.len())));
    }
    let compact = Compact::split(proof).map_err(|fault| match fault {
        CompactFault::TooLarge { bytes } => malformed(format!("{bytes} bytes, expected at most {MAX_BYTES}")),
        CompactFault::Segments { seen } => malformed(format!("segments are {seen}, expected 3")),
    })?;
    let header = decoded(compact.header())?;
    let header = object(&header)?;
    let payload = decoded(compact.payload())?;
    let (algorithm, key) = header_key(&header)?;
    let claims = object(&payload)?;
    let nonce = match expected.freshness {
        Freshness::Nonce(nonces) => Some(check_nonce(&claims, nonces)?),
        Freshness::IssuedAt(_) => None,
    };
    let signature = decoded(compact.signature())?;
    key.verify_signature(algorithm, compact.signing_input().as_bytes(), &signature)
        .map_err(|_| ProofFault::Signature)?;
    let thumbprint = key.thumbprint().to_string();
    let token_id = check_claims(&claims, &thumbprint, expected)?;
    Ok(Proof { thumbprint, token_id, nonce })
}

/// The key that the proof brings, which is the point of a proof, and the algorithm that it is used with.
fn header_key(header: &Object<'_>) -> Result<(Algorithm, PublicKey), ProofFault> {
    match header.get("typ") {
        Some(Json::String(typ)) if typ.eq_ignore_ascii_case("dpop+jwt") => {}
        other => return Err(ProofFault::Type { seen: shown(other) }),
    }
    let algorithm = match header.get("alg") {
        Some(Json::String(name)) => name.parse().ok().filter(|algorithm| ALGORITHMS.contains(*algorithm)),
        _ => None,
    };
    let algorithm = algorithm.ok_or_else(|| ProofFault::Algorithm { seen: shown(header.get("alg")) })?;
    if let Some(name) = REFUSED_HEADERS.into_iter().find(|name| header.get(name).is_some()) {
        return Err(ProofFault::Header { name });
    }
    let jwk = header.get("jwk").unwrap_or(&Json::Null);
    let key = PublicKey::from_jwk(jwk, Purpose::Signature).map_err(ProofFault::Key)?;
    match key.allows(algorithm) {
        true => Ok((algorithm, key)),
        false => Err(ProofFault::Signature),
    }
}

fn check_claims(claims: &Object<'_>, thumbprint: &str, expected: &ExpectedProof<'_>) -> Result<String, ProofFault> {
    let token_id = name(claims, "jti")?;
    let method = name(claims, "htm")?;
    if method != expected.method {
        return Err(ProofFault::Method { seen: Shown::of(&method), expected: Shown::of(expected.method) });
    }
    let seen = name(claims, "htu")?;
    match (url::normal(&seen), url::normal(expected.url)) {
        (Some(seen), Some(expected)) if seen == expected => {}
        _ => return Err(ProofFault::Url { seen: Shown::of(&seen), expected: Shown::of(expected.url) }),
    }
    let most = match expected.freshness {
        Freshness::Nonce(_) => MAX_AGE,
        Freshness::IssuedAt(most) => most,
    };
    check_age(claims, expected.now, most)?;
    if let Some(token) = expected.access_token
        && claims.get("ath").and_then(Json::as_str) != Some(&token_hash(token))
    {
        return Err(ProofFault::AccessToken);
    }
    if let Some(bound) = expected.key
        && bound != thumbprint
    {
        return Err(ProofFault::OtherKey { seen: Shown::of(thumbprint), expected: Shown::of(bound) });
    }
    Ok(token_id.into_owned())
}

/// Which of the accepted ones it is.
fn check_nonce(claims: &Object<'_>, nonces: &[String]) -> Result<usize, ProofFault> {
    let nonce = claims.get("nonce").and_then(Json::as_str).ok_or(ProofFault::Nonce)?;
    nonces.iter().position(|accepted| accepted == nonce).ok_or(ProofFault::Nonce)
}

fn check_age(claims: &Object<'_>, now: Timestamp, most: i64) -> Result<(), ProofFault> {
    let issued_at = match claims.get("iat") {
        Some(Json::Number(Number::Int(seconds @ 0..=LAST))) => Timestamp::from_unix(*seconds),
        other => {
            let seen = match other {
                None => "nothing",
                Some(Json::Number(_)) => "another number",
                Some(other) => other.type_name(),
            };
            return Err(ProofFault::Claim { claim: "iat", seen, expected: "whole seconds since 1970" });
        }
    };
    let age = now.seconds_since(issued_at);
    match age.abs() <= most {
        true => Ok(()),
        false => Err(ProofFault::Stale { off: age.abs(), most, is_ahead: age < 0 }),
    }
}

/// A claim that is a text of bounded length.
fn name<'c>(claims: &'c Object<'_>, claim: &'static str) -> Result<Cow<'c, str>, ProofFault> {
    let seen = match claims.get(claim) {
        Some(Json::String(text)) if text.is_empty() => "an empty string",
        Some(Json::String(text)) if claim == "jti" && text.len() > MAX_TOKEN_ID_BYTES => "a longer string",
        Some(Json::String(text)) if text.chars().any(char::is_control) => "a string with control characters",
        Some(Json::String(text)) => return Ok(Cow::Borrowed(text)),
        Some(other) => other.type_name(),
        None => "nothing",
    };
    let expected = if claim == "jti" { "a string of 1 to 256 bytes" } else { "a string" };
    Err(ProofFault::Claim { claim, seen, expected })
}

fn decoded(segment: &str) -> Result<Vec<u8>, ProofFault> {
    base64url::decode(segment).map_err(|fault| malformed(fault.to_string()))
}

fn object(bytes: &[u8]) -> Result<Object<'_>, ProofFault> {
    json::object(bytes, &LIMITS).map_err(|fault| malformed(fault.to_string()))
}

fn malformed(problem: String) -> ProofFault {
    ProofFault::Malformed { problem }
}

fn shown(value: Option<&Json<'_>>) -> Shown {
    match value {
        Some(Json::String(text)) => Shown::of(text),
        other => Shown::of(other.map_or("nothing", Json::type_name)),
    }
}

/// Headers that change what a signature covers, and those that name another key than `jwk`.
const REFUSED_HEADERS: [&str; 7] = ["crit", "b64", "enc", "zip", "jku", "x5u", "x5c"];
/// A proof with a P-384 key and a long URL has under 1 KiB.
const MAX_BYTES: usize = 8 * 1024;
const MAX_TOKEN_ID_BYTES: usize = 256;
const LIMITS: json::Limits = json::Limits { depth: 4, members: 64, string_bytes: 4096 };
/// The last second that every JSON reader understands alike: 2^53.
const LAST: i64 = 1 << 53;
