//! Form: from text to claims that nobody checked yet.

use std::borrow::Cow;
use std::fmt;

use super::expectations::ExpectedType;
use super::fault::{Part, TokenFault};
use crate::base64url;
use crate::jose::jws::{Compact, CompactFault};
use crate::jose::{Algorithm, Algorithms};
use crate::json::{self, Json, Number, Object};
use crate::shown::Shown;
use crate::spiffe_id::SpiffeId;
use crate::time::Timestamp;
use crate::trust_domain::TrustDomain;

/// Memory that [`read`] decodes into. One buffer serves any number of tokens, one after another.
#[derive(Default)]
pub struct Buffer {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A token whose form is right and whose truth nobody has judged.
///
/// It lends what is needed to find the provider and its keys, and nothing else:
///
/// ```compile_fail,E0599
/// fn role(token: &accredit_id::verify::Unverified<'_>) -> bool {
///     token.claims().get("admin").is_some()
/// }
/// ```
pub struct Unverified<'b> {
    pub(super) signing_input: &'b str,
    pub(super) signature: &'b [u8],
    pub(super) payload: &'b [u8],
    pub(super) algorithm: Algorithm,
    pub(super) token_type: ExpectedType,
    /// `typ` as written.
    pub(super) written_type: Option<Cow<'b, str>>,
    pub(super) key_id: Option<Cow<'b, str>>,
    pub(super) claims: Object<'b>,
}

/// Reads the compact form of a signed JWT (RFC 7519 section 7.2, RFC 8725).
///
/// Strict: white space around the token is a fault. Its size is judged before anything is split or decoded.
///
/// | refused | code |
/// |---|---|
/// | more than 16 KiB | `token-too-large` |
/// | not three canonical base64url segments, or header or payload no strict JSON object | `malformed` |
/// | `alg` is not one of [`Algorithms::ASYMMETRIC`] | `algorithm-not-allowed` |
/// | `crit`, `b64`, `enc` or `zip` in the header | `critical-header` |
/// | `jwk`, `jku`, `x5c` or `x5u` in the header | `embedded-key` |
/// | `typ` other than `JWT`, `JOSE` or `at+jwt`; any `cty` | `type-not-allowed` |
/// | `kid` that is empty or no string | `kid-missing` |
/// | `iss` that is empty or no string | `claim-malformed` |
///
/// `x5t` and `x5t#S256` are names of certificates, carry no key, and stand in the tokens of GitHub and Entra ID: they
/// are ignored, as is any header that is not listed.
///
/// # Errors
/// The first fault met: in the form, then in the header, then in the payload.
pub fn read<'b>(token: &'b str, buffer: &'b mut Buffer) -> Result<Unverified<'b>, TokenFault> {
    let compact = Compact::split(token).map_err(|fault| match fault {
        CompactFault::TooLarge { bytes } => TokenFault::TokenTooLarge { bytes },
        CompactFault::Segments { seen: 5 } => {
            not_compact("5 segments are an encrypted token (JWE), expected 3".to_owned())
        }
        CompactFault::Segments { seen } => not_compact(format!("segments are {seen}, expected 3")),
    })?;
    decode(compact.header(), &mut buffer.header, Part::Header)?;
    decode(compact.payload(), &mut buffer.payload, Part::Payload)?;
    decode(compact.signature(), &mut buffer.signature, Part::Signature)?;
    let buffer: &'b Buffer = buffer;
    let header = Header::of(&buffer.header)?;
    let claims = object(&buffer.payload, Part::Payload)?;
    check_issuer_form(&claims)?;
    Ok(Unverified {
        signing_input: compact.signing_input(),
        signature: &buffer.signature,
        payload: &buffer.payload,
        algorithm: header.algorithm,
        token_type: header.token_type,
        written_type: header.written_type,
        key_id: header.key_id,
        claims,
    })
}

// === impl Buffer ===

impl Buffer {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self { header: Vec::new(), payload: Vec::new(), signature: Vec::new() }
    }
}

/// Shows nothing of what was decoded.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}

// === impl Unverified ===

impl<'b> Unverified<'b> {
    /// Who the token says has issued it; `None` when it does not say. To choose a provider by, never to believe.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Json::as_str)
    }

    /// The name of the key that the header says has signed it.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The algorithm that the header names.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The profile that the header's `typ` names.
    #[must_use]
    pub const fn token_type(&self) -> ExpectedType {
        self.token_type
    }

    /// The fault of a token that says itself that it ended more than [`LONG_EXPIRED`] ago. Nobody has vouched for that, so it may
    /// be a reason to look no further, and none to believe anything.
    #[must_use]
    pub fn long_expired(&self, now: Timestamp) -> Option<TokenFault> {
        let Some(Json::Number(Number::Int(seconds @ 0..))) = self.claims.get("exp") else { return None };
        let expires_at = Timestamp::from_unix(*seconds);
        let ago = now.seconds_since(expires_at);
        (ago > LONG_EXPIRED).then_some(TokenFault::Expired { expires_at, ago })
    }

    /// The trust domain of the SPIFFE ID in `sub`, when that is one: a JWT-SVID need not say who issued it. To choose a
    /// provider by, never to believe.
    #[must_use]
    pub fn subject_trust_domain(&self) -> Option<TrustDomain> {
        let subject: SpiffeId = self.claims.get("sub")?.as_str()?.parse().ok()?;
        Some(subject.trust_domain().clone())
    }

    /// The claims as typed in, for explaining alone: nobody checked them, and nothing may be issued on them.
    #[must_use]
    pub fn into_typed_in(self) -> Object<'b> {
        self.claims
    }
}

/// Shows nothing of the claims.
impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What a header says that is used at all.
struct Header<'b> {
    algorithm: Algorithm,
    token_type: ExpectedType,
    written_type: Option<Cow<'b, str>>,
    key_id: Option<Cow<'b, str>>,
}

// === impl Header ===

impl<'b> Header<'b> {
    fn of(bytes: &'b [u8]) -> Result<Self, TokenFault> {
        let header = object(bytes, Part::Header)?;
        let algorithm = algorithm(header.get("alg"))?;
        refuse_critical(&header)?;
        refuse_embedded_key(&header)?;
        let (token_type, written_type) = token_type(&header)?;
        Ok(Self { algorithm, token_type, written_type, key_id: key_id(&header)? })
    }
}

fn algorithm(alg: Option<&Json<'_>>) -> Result<Algorithm, TokenFault> {
    let refused = |seen| TokenFault::AlgorithmNotAllowed { seen, allowed: Algorithms::ASYMMETRIC };
    match alg {
        Some(Json::String(name)) => name.parse().map_err(|_| refused(Shown::of(name))),
        other => Err(refused(Shown::of(other.map_or("nothing", Json::type_name)))),
    }
}

fn refuse_critical(header: &Object<'_>) -> Result<(), TokenFault> {
    match first_of(header, &CRITICAL) {
        Some(name) => Err(TokenFault::CriticalHeader { name }),
        None => Ok(()),
    }
}

fn refuse_embedded_key(header: &Object<'_>) -> Result<(), TokenFault> {
    match first_of(header, &EMBEDDED_KEYS) {
        Some(name) => Err(TokenFault::EmbeddedKey { name }),
        None => Ok(()),
    }
}

fn token_type<'b>(header: &Object<'b>) -> Result<(ExpectedType, Option<Cow<'b, str>>), TokenFault> {
    let refused = |header, value: &Json<'_>| {
        let seen = value.as_str().map_or_else(|| Shown::of(value.type_name()), Shown::of);
        Err(TokenFault::TypeNotAllowed { header, seen, expected: ExpectedType::Subject.phrase() })
    };
    if let Some(value) = header.get("cty") {
        return refused("cty", value);
    }
    match header.get("typ") {
        None => Ok((ExpectedType::Subject, None)),
        Some(Json::String(name)) if is_media_type(name, "at+jwt") => {
            Ok((ExpectedType::AccessToken, Some(name.clone())))
        }
        Some(Json::String(name)) if is_media_type(name, "client-authentication+jwt") => {
            Ok((ExpectedType::ClientAuthentication, Some(name.clone())))
        }
        Some(Json::String(name)) if is_media_type(name, "jwt") || is_media_type(name, "jose") => {
            Ok((ExpectedType::Subject, Some(name.clone())))
        }
        Some(other) => refused("typ", other),
    }
}

/// Compares as RFC 7515 section 4.1.9 has it: case does not count, and `application/` may be left out.
fn is_media_type(name: &str, short: &str) -> bool {
    const PREFIX: &str = "application/";
    let rest = match name.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &name[PREFIX.len()..],
        _ => name,
    };
    rest.eq_ignore_ascii_case(short)
}

fn key_id<'b>(header: &Object<'b>) -> Result<Option<Cow<'b, str>>, TokenFault> {
    match header.get("kid") {
        None => Ok(None),
        Some(Json::String(kid)) if !kid.is_empty() => Ok(Some(kid.clone())),
        Some(Json::String(_)) => Err(TokenFault::KidMissing { seen: "an empty string" }),
        Some(other) => Err(TokenFault::KidMissing { seen: other.type_name() }),
    }
}

fn check_issuer_form(claims: &Object<'_>) -> Result<(), TokenFault> {
    let seen = match claims.get("iss") {
        None => return Ok(()),
        Some(Json::String(issuer)) if !issuer.is_empty() => return Ok(()),
        Some(Json::String(_)) => "an empty string",
        Some(other) => other.type_name(),
    };
    Err(TokenFault::ClaimMalformed { claim: "iss", seen: Cow::Borrowed(seen), expected: "a string" })
}

fn not_compact(problem: String) -> TokenFault {
    TokenFault::Malformed { part: Part::Token, problem }
}

fn decode(segment: &str, into: &mut Vec<u8>, part: Part) -> Result<(), TokenFault> {
    base64url::decode_into(segment, into).map_err(|fault| TokenFault::Malformed { part, problem: fault.to_string() })
}

fn object(bytes: &[u8], part: Part) -> Result<Object<'_>, TokenFault> {
    json::object(bytes, &json::Limits::TOKEN)
        .map_err(|fault| TokenFault::Malformed { part, problem: fault.to_string() })
}

fn first_of(header: &Object<'_>, names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| header.get(name).is_some())
}

/// Headers that change what a signature covers or what the payload means. No extension is understood here, so `crit`
/// in any form is refused (RFC 7515 section 4.1.11, RFC 7797).
const CRITICAL: [&str; 4] = ["crit", "b64", "enc", "zip"];

/// Headers by which a token brings, or names a place for, the key to check it with.
const EMBEDDED_KEYS: [&str; 4] = ["jwk", "jku", "x5c", "x5u"];

/// Seconds. A token that ended more recently is worth a signature check: whoever sent it an honest while too late is told so,
/// and that refusal is a record. What ended longer ago comes from a log or a collection.
pub const LONG_EXPIRED: i64 = 3600;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn d02_what_ended_long_ago_is_told_apart_without_a_key() {
        let told = |payload: &str| {
            let token =
                format!("{}.{}.AA", base64url::encode(br#"{"alg":"ES256"}"#), base64url::encode(payload.as_bytes()));
            let mut buffer = Buffer::new();
            let fault = read(&token, &mut buffer).unwrap().long_expired(Timestamp::from_unix(1_800_000_000));
            fault.map(|fault| fault.code())
        };
        assert_eq!(told(r#"{"exp":1799996399}"#), Some("expired"));
        assert_eq!(told(r#"{"exp":0}"#), Some("expired"));
        for payload in [
            r#"{"exp":1799996400}"#,
            r#"{"exp":1800000001}"#,
            "{}",
            r#"{"exp":"0"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e3}"#,
        ] {
            assert_eq!(told(payload), None, "{payload}");
        }
    }
}
