//! Fly.io.
//!
//! Every organisation is an issuer of its own, by its slug. A machine asks over a socket for a token of ten minutes.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, NamedId, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar,
    claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// Fly.io.
pub static FLY: ProviderKind = ProviderKind {
    name: "fly",
    sentence: "Fly.io: a machine of an app",
    default_issuer: None,
    issuer_form: "https://oidc.fly.io/ORGANISATION",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["app_id", "machine_id", "org_id", "app_name", "sub"],
    tenancy: &["app_id", "org_id", "app_name"],
    pinning: Pinning {
        whose: "which app it means",
        add: "add `app_id: \"...\"` or `app_name: \"...\"` to match",
        by_id: "match `org_id` and `app_id`: they stand in the token, `accredit explain` shows it",
    },
    narrow: &["app_name"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "machine", fits: is_machine }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // Ten minutes, as far as is known.
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Never,
    dangers: &[
        "The issuer is the whole organisation: a mapping without an app trusts all of its machines.",
        "Names of organisations and apps are reused after a deletion; `org_id` and `app_id` are not.",
        "Whatever runs in a machine can ask for its token, and names of machines and images are chosen by whoever deploys.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static APP: Guard = Guard {
    whole: NamedId { name: "app_name", id: "app_id" },
    within: Some(NamedId { name: "org_name", id: "org_id" }),
};
static ORG: Guard = Guard::alone("org_name", "org_id");

static CLAIMS: &[ClaimFact] = &[
    claim("app_id", Permanent, Text),
    claim("app_name", Reassignable, Text).guarded(&APP),
    claim("aud", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("image", Chosen, Text),
    claim("image_digest", Chosen, Text),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("machine_id", Permanent, Text),
    claim("machine_name", Chosen, Text),
    claim("machine_version", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("org_id", Permanent, Text),
    claim("org_name", Reassignable, Text).guarded(&ORG),
    claim("region", Circumstance, Text),
    claim("sub", Reassignable, Text).guarded(&APP),
];

fn is_machine(subject: &str) -> bool {
    let parts: Vec<&str> = subject.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty())
}

/// A `sub` pins by name once it goes past the app.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.split(':').collect::<Vec<_>>().as_slice() {
        [org, app, _] if !org.is_empty() && !app.is_empty() => Pin::ByName,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F08: half an app is everybody whose name begins so.
    #[test]
    fn subjects_pin_past_the_app() {
        for (prefix, pin) in
            [("acme:", Pin::Open), ("acme:shop", Pin::Open), ("acme:shop:", Pin::ByName), (":shop:", Pin::Open)]
        {
            assert_eq!((FLY.subject.pins)(&Scalar::Prefix(prefix.into())), pin, "{prefix}");
        }
    }
}
