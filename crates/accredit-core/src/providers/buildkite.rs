//! Buildkite.
//!
//! The agent requests a token for its job. Ids are in it only when the job asks for them by `--claim`.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar, claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// The issuer of Buildkite.
pub const ISSUER: &str = "https://agent.buildkite.com";

/// Buildkite.
pub static BUILDKITE: ProviderKind = ProviderKind {
    name: "buildkite",
    sentence: "Buildkite: a job that requests an OIDC token",
    default_issuer: Some(ISSUER),
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["pipeline_id", "organization_id", "sub", "organization_slug"],
    tenancy: &["organization_id", "pipeline_id", "organization_slug"],
    pinning: Pinning {
        whose: "whose organisation it means",
        add: "add `organization_id: \"...\"` or `organization_slug: \"...\"` to match",
        by_id: "match `organization_id` and `pipeline_id`, which jobs request by `--claim organization_id --claim pipeline_id`",
    },
    narrow: &["pipeline_slug", "build_branch"],
    subject: SubjectGrammar {
        formats: &[
            SubjectFormat { name: "classic", fits: is_classic },
            SubjectFormat { name: "one id", fits: is_uuid },
        ],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // Five minutes unless the job asks for more.
    max_token_lifetime: Duration::from_secs(2 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Never,
    dangers: &[
        "Every organisation on Buildkite shares one issuer: a mapping without an organisation trusts all of them.",
        "Slugs are reused after a rename; `organization_id` and `pipeline_id` are not, but are in the token only if the job asks for them.",
        "`build_branch`, `build_tag`, `build_commit` and `step_key` are chosen by whoever may start a build.",
        "A pipeline that builds pull requests of forks gives strangers its identity: look at `build_source` and the settings of the pipeline.",
        "The default audience is the address of the organisation, which other services may accept as well.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static ORGANIZATION: Guard = Guard::alone("organization_slug", "organization_id");

static CLAIMS: &[ClaimFact] = &[
    claim("agent_id", Permanent, Text),
    claim("aud", Circumstance, Shape::Any),
    claim("build_branch", Chosen, Text),
    claim("build_commit", Chosen, Text),
    claim("build_id", Circumstance, Text),
    claim("build_number", Circumstance, Shape::Any),
    claim("build_source", Circumstance, Text),
    claim("build_tag", Chosen, Text),
    claim("cluster_id", Permanent, Text),
    claim("cluster_name", Reassignable, Text).guarded(&ORGANIZATION),
    claim("exp", Circumstance, Shape::Any),
    claim("https://aws.amazon.com/tags", Chosen, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("job_id", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("organization_id", Permanent, Text),
    claim("organization_slug", Reassignable, Text).guarded(&ORGANIZATION),
    claim("pipeline_id", Permanent, Text),
    claim("pipeline_slug", Reassignable, Text).guarded(&ORGANIZATION),
    claim("queue_id", Permanent, Text),
    claim("queue_key", Reassignable, Text).guarded(&ORGANIZATION),
    claim("runner_environment", Circumstance, Text),
    claim("step_key", Chosen, Shape::Any),
    claim("sub", Reassignable, Text).guarded(&ORGANIZATION),
];

use super::starter::is_uuid;

fn is_classic(subject: &str) -> bool {
    subject.starts_with("organization:") && subject.contains(":pipeline:") && subject.contains(":ref:")
}

/// A `sub` pins by name past the organisation's slug; an id is one, whatever it is of.
fn subject_pins(expected: &Scalar) -> Pin {
    let (Scalar::Text(text) | Scalar::Prefix(text)) = expected else { return Pin::Open };
    if matches!(expected, Scalar::Text(_)) && is_uuid(text) {
        return Pin::Permanent;
    }
    match text.strip_prefix("organization:").and_then(|rest| rest.split_once(':')) {
        Some((organization, _)) if !organization.is_empty() => Pin::ByName,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F08, F17: the organisation must be whole.
    #[test]
    fn subjects_pin_past_the_organisation() {
        for (expected, pin) in [
            (Scalar::Prefix("organization:acme".into()), Pin::Open),
            (Scalar::Prefix("organization:acme:".into()), Pin::ByName),
            (Scalar::Prefix("organization::pipeline:".into()), Pin::Open),
            (Scalar::Text("018f4c2e-7d1a-4b3c-9e5f-6a7b8c9d0e1f".into()), Pin::Permanent),
            (Scalar::Prefix("018f4c2e-7d1a-4b3c-9e5f-6a7b8c9d0e1f".into()), Pin::Open),
        ] {
            assert_eq!((BUILDKITE.subject.pins)(&expected), pin, "{expected}");
        }
    }
}
