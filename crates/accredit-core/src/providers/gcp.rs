//! Google Cloud: ID tokens of service accounts, from the metadata server or the IAM credentials API.
//!
//! `sub` is the account's unique id. The metadata server of GKE gives the token of the account that the pod impersonates,
//! which looks like any other. Only the `full` format of Compute Engine says which machine asked.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    AttributeFact, Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat,
    SubjectGrammar, attribute, claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of Google.
pub const ISSUER: &str = "https://accounts.google.com";

/// Google Cloud service accounts; people are of kind `google`.
pub static GCP: ProviderKind = ProviderKind {
    name: "gcp",
    sentence: "Google Cloud: a service account on Compute Engine, Cloud Run, GKE or by impersonation",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: ATTRIBUTES,
    anchors: &["sub", "email"],
    tenancy: &["sub", "x.project_number", "email"],
    pinning: Pinning {
        whose: "which service account it means",
        add: "add `sub: \"...\"`, the unique id of the service account, to match",
        by_id: "match `sub` beside the address: gcloud iam service-accounts describe EMAIL --format='value(uniqueId)'",
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
    caches: Caches::Always,
    dangers: &[
        "Everybody with a Google account shares this issuer: a mapping without a service account trusts all of them.",
        "A service account that is deleted and made again has the same address and another unique id.",
        "The metadata server leaves `email` out unless it is asked for `format=full`: match `sub`.",
        "Whoever may impersonate the account, or run a machine as it, is the account: the default account of Compute Engine is every machine of the project.",
        "The metadata server hands the same token out for most of an hour: `replay: once` would refuse honest callers.",
    ],
};

use Shape::Text;
use Standing::{Circumstance, Permanent, Reassignable};

static EMAIL: Guard = Guard::alone("email", "sub");
/// Names of instances are given out by their project.
static PROJECT: Guard = Guard::alone("x.project_id", "x.project_number");

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("azp", Permanent, Text),
    claim("email", Reassignable, Text).guarded(&EMAIL),
    claim("email_verified", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    claim("google", Permanent, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("sub", Permanent, Text),
];

static ATTRIBUTES: &[AttributeFact] = &[
    attribute("instance_id", Permanent, "assertion.google.compute_engine.instance_id"),
    attribute("instance_name", Reassignable, "assertion.google.compute_engine.instance_name").guarded(&PROJECT),
    attribute("project_id", Reassignable, "assertion.google.compute_engine.project_id").guarded(&PROJECT),
    attribute("project_number", Permanent, "assertion.google.compute_engine.project_number"),
    attribute("zone", Circumstance, "assertion.google.compute_engine.zone"),
];

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
