//! Vercel.
//!
//! A team has an issuer of its own unless it chose the global one. Names change with the project; ids do not.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim,
    unrecorded,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of Vercel in its global mode.
pub const ISSUER: &str = "https://oidc.vercel.com";

/// Vercel.
pub static VERCEL: ProviderKind = ProviderKind {
    name: "vercel",
    sentence: "Vercel: a build or a function of a project",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["project_id", "owner_id", "sub", "owner"],
    tenancy: &["project_id", "owner_id", "owner"],
    pinning: Pinning {
        whose: "whose project it means",
        add: "add `project_id: \"...\"` or `owner_id: \"...\"` to match",
        by_id: "match `owner_id` and `project_id`: the settings of team and project show them",
    },
    narrow: &["environment"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "deployment", fits: is_deployment }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // An hour in functions, longer in builds and in development.
    max_token_lifetime: Duration::from_secs(12 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Sometimes,
    dangers: &[
        "Teams in the global mode share one issuer: a mapping without a team or project trusts all of them.",
        "Names of teams and projects change, and others can take them; `owner_id` and `project_id` stay.",
        "A preview runs what a pull request brings: match `environment: production` where that matters.",
        "In development the token is on the machine of whoever pulled it.",
        "The default audience is the address of the team, which other services accept as well.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static OWNER: Guard = Guard::alone("owner", "owner_id");

static CLAIMS: &[ClaimFact] = &[
    unrecorded("act", Circumstance, Shape::Any),
    claim("aud", Circumstance, Shape::Any),
    claim("environment", Chosen, Text),
    claim("exp", Circumstance, Shape::Any),
    claim("external_sub", Chosen, Text),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("owner", Reassignable, Text).guarded(&OWNER),
    claim("owner_id", Permanent, Text),
    claim("plan", Circumstance, Text),
    claim("project", Reassignable, Text).guarded(&OWNER),
    claim("project_id", Permanent, Text),
    claim("scope", Reassignable, Text).guarded(&OWNER),
    claim("sub", Reassignable, Text).guarded(&OWNER),
    claim("user_id", Permanent, Text),
];

fn is_deployment(subject: &str) -> bool {
    subject.starts_with("owner:") && subject.contains(":project:") && subject.contains(":environment:")
}

/// A `sub` pins by name once it goes past the team.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    match text.strip_prefix("owner:").and_then(|rest| rest.split_once(':')) {
        Some((owner, _)) if !owner.is_empty() => Pin::ByName,
        _ => Pin::Open,
    }
}
