//! Google accounts of people.
//!
//! Service accounts have the same issuer and the same form of `sub`; only the address tells the two apart, and `hd` says
//! whose Workspace a person belongs to. An address counts only while it is verified.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    AttributeFact, Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat,
    SubjectGrammar, attribute, claim, unrecorded,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of Google.
pub const ISSUER: &str = "https://accounts.google.com";

/// People with a Google account; workloads are of kind `gcp`.
pub static GOOGLE: ProviderKind = ProviderKind {
    name: "google",
    sentence: "Google: people, and service accounts told apart from them",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: ATTRIBUTES,
    anchors: &["sub", "email", "hd"],
    tenancy: &["sub", "hd"],
    pinning: Pinning {
        whose: "which person or Workspace it means",
        add: "add `sub: \"...\"`, or `hd: example.org` with `email_verified: true`, to match",
        by_id: "match `sub`, which is never used again, beside the domain",
    },
    narrow: &["sub"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "unique id", fits: is_unique_id }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "Everybody with a Google account shares this issuer: a mapping without `sub` or `hd` trusts all of them.",
        "An address says little: anybody may open an account with an address of any domain, and addresses are given to others. Match `sub`, or `hd`.",
        "The end of an address is not its domain: `endsWith(\"example.org\")` also admits `mallory@notexample.org`, and says nothing of the Workspace.",
        "Tokens of `gcloud auth print-identity-token` have the audience of gcloud itself, and so have those for any other service that accepts it.",
        "Service accounts of any project come with the same issuer: `x.principal` tells them from people.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static EMAIL: Guard = Guard::alone("email", "sub");

static CLAIMS: &[ClaimFact] = &[
    unrecorded("at_hash", Circumstance, Text),
    claim("aud", Circumstance, Shape::Any),
    claim("azp", Permanent, Text),
    unrecorded("email", Reassignable, Text).guarded(&EMAIL),
    claim("email_verified", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    unrecorded("family_name", Reassignable, Text),
    unrecorded("given_name", Reassignable, Text),
    claim("hd", Reassignable, Text),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    unrecorded("locale", Chosen, Text),
    unrecorded("name", Reassignable, Text),
    claim("nbf", Circumstance, Shape::Any),
    unrecorded("nonce", Chosen, Text),
    unrecorded("picture", Chosen, Text),
    claim("sub", Permanent, Text),
];

static ATTRIBUTES: &[AttributeFact] = &[attribute(
    "principal",
    Circumstance,
    r#"assertion.email.endsWith(".gserviceaccount.com") ? "service-account" : has(assertion.hd) ? "member" : "person""#,
)];

/// 1 to 32 digits.
fn is_unique_id(subject: &str) -> bool {
    (1..=32).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_digit())
}

/// A whole unique id pins, a part of one says nothing.
fn subject_pins(expected: &Scalar) -> Pin {
    match expected {
        Scalar::Text(text) if is_unique_id(text) => Pin::Permanent,
        _ => Pin::Open,
    }
}
