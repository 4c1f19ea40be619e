//! Truth: from claims that nobody checked to claims that are.

use std::borrow::Cow;
use std::fmt;

use super::expectations::{Expectations, ExpectedIssuer, ExpectedType};
use super::fault::TokenFault;
use super::read::Unverified;
use super::signature::Signer;
use super::{audience, signature, times};
use crate::jose::Algorithm;
use crate::jose::jwk::{KeySet, Thumbprint};
use crate::json::{Json, Object};
use crate::shown::Shown;
use crate::time::Timestamp;

/// A token that is what it says: signed by a key of its issuer, meant for us, in its time.
///
/// Only [`verify`] makes one; an [`Unverified`] is not one:
///
/// ```compile_fail,E0308
/// fn facts(_: accredit_id::verify::Verified<'_>) {}
/// fn forget_to_verify(token: accredit_id::verify::Unverified<'_>) {
///     facts(token);
/// }
/// ```
pub struct Verified<'b> {
    claims: Object<'b>,
    issuer: Cow<'b, str>,
    subject: Cow<'b, str>,
    audience: Cow<'b, str>,
    token_id: Option<Cow<'b, str>>,
    signer: Signer<'b>,
    algorithm: Algorithm,
    expires_at: Timestamp,
    issued_at: Option<Timestamp>,
}

/// A token that is not what was expected.
pub struct Rejected<'b> {
    /// The first thing that was wrong.
    pub fault: TokenFault,
    /// Whether a key of the issuer had signed it, so that the claims are the issuer's words.
    pub signature_verified: bool,
    claims: Object<'b>,
    /// Boxed: a refusal is returned through many hands.
    key_thumbprint: Option<Box<Thumbprint>>,
}

/// Judges `token` by `expected` and `keys` at the time `now`.
///
/// The checks that need no signature come first; claims other than `iss` (and `sub`, for SPIFFE) count only once it
/// holds.
///
/// # Errors
/// [`Rejected`] with the first fault in the order that [the module](super) tells.
pub fn verify<'b>(
    token: Unverified<'b>,
    expected: &Expectations<'_>,
    keys: &KeySet,
    now: Timestamp,
) -> Result<Verified<'b>, Rejected<'b>> {
    let signer = match check_origin(&token, expected).and_then(|()| signature::check(&token, expected, keys, now)) {
        Ok(signer) => signer,
        Err(fault) => {
            return Err(Rejected { fault, signature_verified: false, claims: token.claims, key_thumbprint: None });
        }
    };
    match Words::of(&token, expected, now) {
        Ok(words) => Ok(words.verified(token, signer)),
        Err(fault) => {
            let key_thumbprint = Some(Box::new(signer.thumbprint));
            Err(Rejected { fault, signature_verified: true, claims: token.claims, key_thumbprint })
        }
    }
}

// === impl Verified ===

impl<'b> Verified<'b> {
    /// Every claim, in the order of the token.
    #[must_use]
    pub const fn claims(&self) -> &Object<'b> {
        &self.claims
    }

    /// Who issued it: `iss`, or `spiffe://` and the trust domain where a JWT-SVID has none. Never empty.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it is about: `sub`. Never empty.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Which of the expected audiences it names.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// When it ends: `exp`.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// When it was issued: `iat`.
    #[must_use]
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// Its own name: `jti`. Never empty.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// The name of the key that signed it; empty where a nameless set of one key was allowed.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.signer.key_id
    }

    /// What the key that signed it is called by its own bytes.
    #[must_use]
    pub fn key_thumbprint(&self) -> &str {
        &self.signer.thumbprint
    }

    /// The algorithm that signed it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Shows nothing of the claims.
impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("algorithm", &self.algorithm)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

// === impl Rejected ===

impl<'b> Rejected<'b> {
    /// The claims, when the issuer's signature held. Of any other token nobody knows who wrote them.
    #[must_use]
    pub fn claims(&self) -> Option<&Object<'b>> {
        self.signature_verified.then_some(&self.claims)
    }

    /// The RFC 7638 thumbprint of the key whose signature held; `None` where none did.
    #[must_use]
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.key_thumbprint.as_deref().map(|thumbprint| -> &str { thumbprint })
    }
}

/// Shows nothing of the claims.
impl fmt::Debug for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rejected = f.debug_struct("Rejected");
        rejected
            .field("fault", &self.fault)
            .field("signature_verified", &self.signature_verified)
            .finish_non_exhaustive()
    }
}

/// What the claims say about the token itself.
struct Words<'b> {
    issuer: Cow<'b, str>,
    subject: Cow<'b, str>,
    audience: Cow<'b, str>,
    token_id: Option<Cow<'b, str>>,
    expires_at: Timestamp,
    issued_at: Option<Timestamp>,
}

// === impl Words ===

impl<'b> Words<'b> {
    fn of(token: &Unverified<'b>, expected: &Expectations<'_>, now: Timestamp) -> Result<Self, TokenFault> {
        let claims = &token.claims;
        let audience = audience::check(claims, expected)?;
        let subject = subject(claims)?;
        let times = times::check(claims, token.payload, expected, now)?;
        let token_id = optional_name(claims, "jti")?;
        if expected.token_type == ExpectedType::AccessToken {
            require_access_token_claims(claims, token_id.is_some())?;
        }
        let issuer = issuer(claims, expected.issuer);
        Ok(Self { issuer, subject, audience, token_id, expires_at: times.expires_at, issued_at: times.issued_at })
    }

    fn verified(self, token: Unverified<'b>, signer: Signer<'b>) -> Verified<'b> {
        let Self { issuer, subject, audience, token_id, expires_at, issued_at } = self;
        let (claims, algorithm) = (token.claims, token.algorithm);
        Verified { claims, issuer, subject, audience, token_id, signer, algorithm, expires_at, issued_at }
    }
}

/// Type and issuer: is this token the business of these expectations at all?
fn check_origin(token: &Unverified<'_>, expected: &Expectations<'_>) -> Result<(), TokenFault> {
    if !expected.token_type.accepts(token.token_type) {
        let seen = Shown::of(token.written_type.as_deref().unwrap_or("nothing"));
        return Err(TokenFault::TypeNotAllowed { header: "typ", seen, expected: expected.token_type.phrase() });
    }
    signature::check_issuer(token, expected.issuer)
}

fn issuer<'b>(claims: &Object<'b>, expected: ExpectedIssuer<'_>) -> Cow<'b, str> {
    match (claims.get("iss"), expected) {
        (Some(Json::String(issuer)), _) => issuer.clone(),
        (_, ExpectedIssuer::Exact(issuer)) => Cow::Owned(issuer.to_owned()),
        (_, ExpectedIssuer::Spiffe(domain) | ExpectedIssuer::SpiffeIssuedBy(domain, _)) => {
            Cow::Owned(format!("spiffe://{domain}"))
        }
    }
}

fn subject<'b>(claims: &Object<'b>) -> Result<Cow<'b, str>, TokenFault> {
    optional_name(claims, "sub").and_then(|subject| subject.ok_or(TokenFault::SubjectMissing))
}

/// A claim that names something: absent, or a string of bounded length without control characters.
fn optional_name<'b>(claims: &Object<'b>, claim: &'static str) -> Result<Option<Cow<'b, str>>, TokenFault> {
    const EXPECTED: &str = "a string of 1 to 2048 bytes without control characters";
    let seen = match claims.get(claim) {
        None => return Ok(None),
        Some(Json::String(name)) if is_name(name) => return Ok(Some(name.clone())),
        Some(Json::String(name)) if name.is_empty() => "an empty string",
        Some(Json::String(name)) if name.len() > MAX_NAME_BYTES => "a longer string",
        Some(Json::String(_)) => "a string with control characters",
        Some(other) => other.type_name(),
    };
    Err(TokenFault::ClaimMalformed { claim, seen: Cow::Borrowed(seen), expected: EXPECTED })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
}

/// RFC 9068 section 2.2, beyond what every token needs.
fn require_access_token_claims(claims: &Object<'_>, has_token_id: bool) -> Result<(), TokenFault> {
    let missing = |claim| TokenFault::ClaimMalformed { claim, seen: Cow::Borrowed("nothing"), expected: "a string" };
    if !has_token_id {
        return Err(missing("jti"));
    }
    optional_name(claims, "client_id")?.map(|_| ()).ok_or_else(|| missing("client_id"))
}

/// The longest `sub` and `jti`; as long as a SPIFFE ID may be.
const MAX_NAME_BYTES: usize = 2048;
