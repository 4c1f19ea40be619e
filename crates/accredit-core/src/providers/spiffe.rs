//! JWT-SVIDs of a SPIFFE trust domain, from SPIRE or any other authority.
//!
//! The trust domain in `sub` chooses the keys; `iss` may be missing (JWT-SVID section 3). Only keys for `jwt-svid` of
//! that trust domain's own bundle verify them.

use std::time::Duration;

use accredit_id::jose::{Algorithm, Algorithms};

use super::{Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// A SPIFFE trust domain.
pub static SPIFFE: ProviderKind = ProviderKind {
    name: "spiffe",
    sentence: "JWT-SVIDs of a SPIFFE trust domain",
    default_issuer: None,
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["sub"],
    tenancy: &["sub"],
    pinning: Pinning {
        whose: "a SPIFFE ID or a path that ends with `/`",
        add: "add `sub: spiffe://TRUST-DOMAIN/PATH` to match",
        by_id: "match the permanent id beside the name",
    },
    narrow: &["sub"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "SPIFFE ID", fits: |subject| subject.starts_with("spiffe://") }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    max_token_lifetime: Duration::from_secs(3600),
    // JWT-SVID section 2: no EdDSA.
    algorithms: Algorithms::of(&[
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ]),
    spiffe: true,
    caches: Caches::Always,
    dangers: &[
        "Whoever may register entries in the trust domain can become any of its SPIFFE IDs.",
        "A path prefix must end with a slash: `/ns/prod*` also admits `/ns/production-test`.",
        "Clients cache JWT-SVIDs and show them again until they expire.",
    ],
};

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Standing::Circumstance, Shape::Any),
    claim("exp", Standing::Circumstance, Shape::Any),
    claim("iat", Standing::Circumstance, Shape::Any),
    claim("iss", Standing::Circumstance, Shape::Text),
    claim("jti", Standing::Circumstance, Shape::Text),
    claim("nbf", Standing::Circumstance, Shape::Any),
    claim("sub", Standing::Permanent, Shape::Text),
];

/// A whole SPIFFE ID pins, and so does a prefix that ends with a slash and has at least one path segment.
fn subject_pins(expected: &Scalar) -> Pin {
    let path = |text: &str| {
        text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')).map(|(_, path)| path.to_owned())
    };
    let pinned = match expected {
        Scalar::Text(text) => path(text).is_some_and(|path| !path.is_empty()),
        Scalar::Prefix(prefix) => path(prefix).is_some_and(|path| path.len() > 1 && path.ends_with('/')),
        Scalar::Bool(_) | Scalar::Int(_) => false,
    };
    if pinned { Pin::Permanent } else { Pin::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_with_a_slash() {
        for (expected, pin) in [
            (Scalar::Text("spiffe://example.org/ns/prod".into()), Pin::Permanent),
            (Scalar::Text("spiffe://example.org".into()), Pin::Open),
            (Scalar::Prefix("spiffe://example.org/".into()), Pin::Open),
            (Scalar::Prefix("spiffe://example.org/ns/prod".into()), Pin::Open),
            (Scalar::Prefix("spiffe://example.org/ns/".into()), Pin::Permanent),
            (Scalar::Prefix("spiffe://exam".into()), Pin::Open),
        ] {
            assert_eq!((SPIFFE.subject.pins)(&expected), pin, "{expected}");
        }
    }
}
