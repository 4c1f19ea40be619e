//! Issuer, algorithm, key, signature: everything that comes before a claim may be believed.

use std::borrow::Cow;

use super::expectations::{Expectations, ExpectedIssuer, KeyIdRule};
use super::fault::TokenFault;
use super::near_miss::NearMiss;
use super::read::Unverified;
use crate::jose::jwk::{KeyNotUsable, KeySet, PublicKey, Thumbprint};
use crate::json::Json;
use crate::shown::Shown;
use crate::spiffe_id::SpiffeId;
use crate::time::Timestamp;
use crate::trust_domain::TrustDomain;

/// Compares who the token says has issued it with who must have.
pub(super) fn check_issuer(token: &Unverified<'_>, expected: ExpectedIssuer<'_>) -> Result<(), TokenFault> {
    match expected {
        ExpectedIssuer::Exact(issuer) => check_exact(token.issuer(), issuer),
        ExpectedIssuer::Spiffe(domain) => check_spiffe(token, domain, || Cow::Owned(format!("spiffe://{domain}"))),
        ExpectedIssuer::SpiffeIssuedBy(domain, issuer) => check_spiffe(token, domain, || Cow::Borrowed(issuer)),
    }
}

/// Which key signed.
pub(super) struct Signer<'b> {
    pub(super) key_id: Cow<'b, str>,
    pub(super) thumbprint: Thumbprint,
}

/// Finds the key and checks the signature; gives the key's names.
pub(super) fn check<'b>(
    token: &Unverified<'b>,
    expected: &Expectations<'_>,
    keys: &KeySet,
    now: Timestamp,
) -> Result<Signer<'b>, TokenFault> {
    let algorithm = token.algorithm;
    if !expected.algorithms.contains(algorithm) {
        let seen = Shown::of(algorithm.as_str());
        return Err(TokenFault::AlgorithmNotAllowed { seen, allowed: expected.algorithms });
    }
    let (key, key_id) = match &token.key_id {
        Some(kid) => (named_key(keys, kid, token)?, kid.clone()),
        None => {
            let key = single_key(keys, expected.key_id)?;
            (key, Cow::Owned(key.kid().to_owned()))
        }
    };
    let not_usable = |why| TokenFault::KeyNotUsable { kid: Shown::of(&key_id), why };
    if !key.allows(algorithm) {
        return Err(not_usable(KeyNotUsable::Algorithm { seen: algorithm, allowed: key.algorithms() }));
    }
    if !key.is_usable_at(now) {
        return Err(not_usable(KeyNotUsable::OutsideWindow));
    }
    match key.verify_signature(algorithm, token.signing_input.as_bytes(), token.signature) {
        Ok(()) => Ok(Signer { key_id, thumbprint: key.thumbprint() }),
        Err(_) => Err(TokenFault::BadSignature { kid: Shown::of(&key_id), algorithm }),
    }
}

fn named_key<'k>(keys: &'k KeySet, kid: &str, token: &Unverified<'_>) -> Result<&'k PublicKey, TokenFault> {
    keys.find(kid, token.algorithm).map_err(|why| match why {
        KeyNotUsable::NotFound => {
            let known = keys.keys().take(KNOWN_SHOWN).map(|key| Shown::of(key.kid())).collect();
            TokenFault::KeyNotFound { kid: Shown::of(kid), known }
        }
        why => TokenFault::KeyNotUsable { kid: Shown::of(kid), why },
    })
}

fn single_key(keys: &KeySet, rule: KeyIdRule) -> Result<&PublicKey, TokenFault> {
    match (rule, keys.only()) {
        (KeyIdRule::SingleKeyMayOmit, Some(key)) => Ok(key),
        (KeyIdRule::SingleKeyMayOmit, None) | (KeyIdRule::Required, _) => {
            Err(TokenFault::KidMissing { seen: "nothing" })
        }
    }
}

fn check_exact(seen: Option<&str>, expected: &str) -> Result<(), TokenFault> {
    if seen == Some(expected) && !expected.is_empty() {
        return Ok(());
    }
    Err(TokenFault::IssuerMismatch {
        seen: seen.map(Shown::of),
        expected: Shown::of(expected),
        near_miss: seen.and_then(|seen| NearMiss::between(seen, expected)),
    })
}

/// A JWT-SVID is its trust domain's, and its trust domain is in `sub` (JWT-SVID specification section 3.1).
fn check_spiffe<'e>(
    token: &Unverified<'_>,
    domain: &TrustDomain,
    issuer: impl Fn() -> Cow<'e, str>,
) -> Result<(), TokenFault> {
    if let Some(seen) = token.issuer() {
        check_exact(Some(seen), &issuer())?;
    }
    let malformed = |seen| TokenFault::ClaimMalformed { claim: "sub", seen, expected: "a SPIFFE ID" };
    let subject = match token.claims.get("sub") {
        None => return Err(TokenFault::SubjectMissing),
        Some(Json::String(subject)) => subject,
        Some(other) => return Err(malformed(Cow::Borrowed(other.type_name()))),
    };
    let id: SpiffeId = subject.parse().map_err(|_| malformed(Cow::Owned(format!("`{}`", Shown::of(subject)))))?;
    if id.trust_domain() == domain {
        return Ok(());
    }
    Err(TokenFault::IssuerMismatch {
        seen: Some(Shown::of(&format!("spiffe://{}", id.trust_domain()))),
        expected: Shown::of(&format!("spiffe://{domain}")),
        near_miss: None,
    })
}

/// How many names of keys a fault tells.
const KNOWN_SHOWN: usize = 8;
