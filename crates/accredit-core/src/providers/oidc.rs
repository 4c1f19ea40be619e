//! Any OpenID Connect issuer.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectGrammar, claim};

mod starter;

pub use starter::Told;

/// An issuer that no other kind knows better.
pub static OIDC: ProviderKind = ProviderKind {
    name: "oidc",
    sentence: "any issuer of signed JWTs with a discovery document or a key set",
    default_issuer: None,
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["sub"],
    tenancy: &[],
    pinning: Pinning {
        whose: "whose token it means",
        add: "add the claim that says whose token it is to match",
        by_id: "match the permanent id beside the name",
    },
    narrow: &["sub"],
    subject: SubjectGrammar { formats: &[], pins: |_| Pin::Open, without_ids: |_| None },
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "Nothing is known of its claims: whether `sub` can be reassigned is for you to find out.",
        "An issuer that serves several customers needs a claim that says which one; match it in every mapping.",
        "`email` identifies nobody unless `email_verified` is true and the tenant is matched as well.",
    ],
};

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Standing::Circumstance, Shape::Any),
    claim("azp", Standing::Reassignable, Shape::Text),
    claim("exp", Standing::Circumstance, Shape::Any),
    claim("iat", Standing::Circumstance, Shape::Any),
    claim("iss", Standing::Circumstance, Shape::Text),
    claim("jti", Standing::Circumstance, Shape::Text),
    claim("nbf", Standing::Circumstance, Shape::Any),
    claim("sub", Standing::Reassignable, Shape::Text),
];
